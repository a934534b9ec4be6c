//! What `verify` is fed with and compared with, and the page of `--html`, with ONNX Runtime.

use crate::verify_support::{Run, emitted, folder, program, toy, verify, virtual_environment};
use std::fs;
use std::path::Path;
use std::process::Command;

const ORT: &[&str] = &["--runtime", "ort-cpu", "--json"];

fn with<'a>(arguments: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [arguments, more].concat()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// NumPy and ONNX's own package read what is written, and write what is read.
fn python(script: &str, arguments: &[&Path]) {
    let mut command = Command::new(virtual_environment().join("bin/python"));
    let output = command
        .arg("-c")
        .arg(script)
        .args(arguments)
        .output()
        .expect("Python");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn test_data_is_written_and_then_compared_with() {
    let folder = folder();
    let file = emitted(&folder, &[]);
    let data = folder.path().join("data");
    let arguments = with(
        ORT,
        &[
            "--test-data",
            text(&data),
            "--noise",
            "normal,image,zero",
            "--batch",
            "1,2",
        ],
    );
    let run = verify(&file, true, &arguments).expect(0);
    let contents: Vec<_> = run.report()["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .map(|case| case["content"].clone())
        .collect();
    assert_eq!(
        contents,
        ["normal", "normal", "image", "image", "zero", "zero"]
    );
    assert!(
        run.report()["notes"].to_string().contains("is written"),
        "{run:#?}"
    );
    // What ONNX's own package reads is what ONNX Runtime's own package computes.
    python(
        "import sys, onnx, numpy, onnxruntime; from onnx import numpy_helper\n\
         load = lambda name: numpy_helper.to_array(onnx.load_tensor(f'{sys.argv[2]}/test_data_set_3/{name}_0.pb'))\n\
         session = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])\n\
         image = load('input'); assert image.shape == (2, 3, 64, 64), image.shape\n\
         assert image.min() > -3 and image.max() < 3 and abs(numpy.diff(image)).mean() < 0.4\n\
         numpy.testing.assert_allclose(session.run(None, {'input': image})[0], load('output'), rtol=1e-3, atol=1e-4)",
        &[&file, &data],
    );
    let arguments = with(ORT, &["--test-data", text(&data)]);
    let again = verify(&file, true, &arguments).expect(0).report();
    assert_eq!(
        (&again["verdict"], &again["base"]),
        (&"agree".into(), &"stored outputs".into())
    );
    assert_eq!(again["cases"][5]["batch"], 2);
    // Another network does not give these outputs.
    let folder = crate::verify_support::folder();
    let other = emitted(&folder, &["--seed", "1"]);
    let other = verify(&other, true, &arguments).expect(1).report();
    assert_eq!(other["runtimes"][0]["status"], "disagrees");
    let histogram = &other["runtimes"][0]["histogram"];
    let counted: u64 = histogram["counts"]
        .as_array()
        .expect("counts")
        .iter()
        .filter_map(serde_json::Value::as_u64)
        .sum();
    assert_eq!(
        counted + histogram["equal"].as_u64().expect("a count"),
        9 * 1000
    );
    let refused = verify(&file, true, &with(&arguments, &["--noise", "zero"])).expect(2);
    assert!(refused.stderr.contains("do not apply"), "{refused:#?}");
}

#[test]
fn inputs_and_expected_outputs_come_from_files_of_numpy() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    let [input, both, wrong] =
        ["x.npy", "io.npz", "wrong.npy"].map(|name| folder.path().join(name));
    python(
        "import sys, numpy, onnxruntime\n\
         session = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])\n\
         x = numpy.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype('>f8')\n\
         y = session.run(None, {session.get_inputs()[0].name: x.astype('f4')})\n\
         numpy.save(sys.argv[2], numpy.asfortranarray(x))\n\
         numpy.savez_compressed(sys.argv[3], **{session.get_inputs()[0].name: x, session.get_outputs()[0].name: y[0]})\n\
         numpy.save(sys.argv[4], y[0] + 1)",
        &[&file, &input, &both, &wrong],
    );
    for input in [&input, &both] {
        let run = verify(
            &file,
            true,
            &with(ORT, &["--input", text(input), "--expect", text(&both)]),
        )
        .expect(0);
        assert_eq!(run.report()["base"], "stored outputs");
        assert_eq!(run.report()["cases"][0]["content"], "given");
    }
    let run = verify(
        &file,
        true,
        &with(ORT, &["--input", text(&input), "--expect", text(&wrong)]),
    )
    .expect(1);
    assert_eq!(run.report()["verdict"], "disagree");
    // With a page the status is the same.
    let page = folder.path().join("wrong.html");
    let arguments = [
        "--input",
        text(&input),
        "--expect",
        text(&wrong),
        "--html",
        text(&page),
    ];
    verify(&file, true, &with(ORT, &arguments)).expect(1);
    assert!(
        fs::read_to_string(&page)
            .expect("a page")
            .contains("the runtimes disagree")
    );
    let run = verify(&file, true, &with(ORT, &["--input", text(&wrong)])).expect(2);
    assert!(run.stderr.contains("is declared as"), "{run:#?}");
    for other in [
        ["--noise", "zero"],
        ["--batch", "2"],
        ["--size", "8"],
        ["--rtol", "inf"],
        ["--atol", "-1"],
    ] {
        verify(
            &file,
            true,
            &with(ORT, &["--input", text(&input), other[0], other[1]]),
        )
        .expect(2);
    }
    let run = verify(&file, true, &with(ORT, &["--input", "nothing.npy"])).expect(2);
    assert!(run.stderr.contains("cannot read `nothing.npy`"), "{run:#?}");
}

#[test]
fn each_input_and_output_has_a_file_and_the_formula_is_the_printed_one() {
    let folder = folder();
    let [file, a, b, sum, difference] = ["two.onnx", "a.npy", "b.npy", "sum.npy", "difference.npy"]
        .map(|name| folder.path().join(name));
    python(
        "import sys, numpy, onnx\n\
         from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info\n\
         value = lambda name: make_tensor_value_info(name, 1, ['batch', 2])\n\
         nodes = [make_node('Add', ['a', 'b'], ['sum'], 'sum'), make_node('Sub', ['a', 'b'], ['difference'], 'difference')]\n\
         graph = make_graph(nodes, 'two', [value('a'), value('b')], [value('sum'), value('difference')])\n\
         onnx.save(make_model(graph, opset_imports=[make_opsetid('', 17)], ir_version=8), sys.argv[1])\n\
         a, b = numpy.float32([[1, 2]]), numpy.float32([[10, 30]])\n\
         for path, array in zip(sys.argv[2:], [a, b, a + b, a - b]): numpy.save(path, array)",
        &[&file, &a, &b, &sum, &difference],
    );
    let run = |second: &Path, more: &[&str]| {
        let arguments = [
            "--input",
            text(&a),
            "--input",
            text(&b),
            "--expect",
            text(&sum),
            "--expect",
            text(second),
        ];
        verify(&file, true, &[ORT, &arguments, more].concat())
    };
    run(&difference, &[]).expect(0);
    // −9 and −28 where 11 and 32 are expected: 20 of 5e-5 · 32 + 1e-4 · 11, and 60 of 5e-5 · 32 + 1e-4 · 32.
    let report = run(&sum, &[]).expect(1).report();
    let runtime = &report["runtimes"][0];
    assert_eq!(
        (
            &runtime["max_abs_output"],
            &runtime["max_abs"],
            &runtime["beyond_tolerance"]
        ),
        (&"difference".into(), &60.0.into(), &2.into())
    );
    assert_eq!(runtime["max_abs_index"], serde_json::json!([0, 1]));
    let factor = runtime["smallest_factor"].as_f64().expect("a factor");
    assert!((factor - 60.0 / 0.0048).abs() < 1e-6, "{factor}");
    run(&sum, &["--rtol", "2", "--atol", "0"]).expect(0);
    let report = run(&sum, &["--rtol", "0", "--atol", "1.8"])
        .expect(1)
        .report();
    assert_eq!(report["runtimes"][0]["beyond_tolerance"], 1);
}

#[test]
fn the_size_the_batch_and_the_seed_are_those_that_are_asked_for() {
    let folder = folder();
    let file = emitted(&folder, &["--size", "dynamic:32"]);
    let inputs = ["3", "4"].map(|seed| {
        let data = folder.path().join(seed);
        let asked = [
            "--size",
            "64x96",
            "--batch",
            "2",
            "--seed",
            seed,
            "--test-data",
            text(&data),
        ];
        let report = verify(&file, true, &with(ORT, &asked)).expect(0).report();
        let cases = report["cases"].as_array().expect("cases");
        assert_eq!(cases.len(), 1);
        assert_eq!(
            (&cases[0]["height"], &cases[0]["width"], &cases[0]["batch"]),
            (&64.into(), &96.into(), &2.into())
        );
        fs::read(data.join("test_data_set_0/input_0.pb")).expect("written")
    });
    assert_ne!(inputs[0], inputs[1]);
}

#[test]
fn a_picture_is_prepared_as_the_file_says() {
    let folder = folder();
    let file = emitted(&folder, &["--size", "64x96"]);
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data/china.jpg");
    let run = verify(&file, true, &with(ORT, &["--input", text(&picture)])).expect(0);
    let case = &run.report()["cases"][0];
    assert_eq!((&case["height"], &case["width"]), (&64.into(), &96.into()));
    let run = verify(
        &toy::write(&toy::model(), folder.path()),
        true,
        &with(ORT, &["--input", text(&picture)]),
    )
    .expect(2);
    assert!(
        run.stderr
            .contains("does not say how pictures are prepared"),
        "{run:#?}"
    );
}

#[test]
fn the_page_needs_nothing_and_shows_text_as_text() {
    let folder = folder();
    let file = folder.path().join("<b>&.onnx");
    fs::rename(toy::write(&toy::model(), folder.path()), &file).expect("renamed");
    let page = folder.path().join("report.html");
    verify(
        &file,
        true,
        &[
            "--runtime",
            "reference,ort-cpu",
            "--quiet",
            "--html",
            text(&page),
        ],
    )
    .expect(0);
    let page = fs::read_to_string(page).expect("a page");
    for expected in [
        "<!doctype html>",
        "the runtimes agree",
        "&lt;b&gt;&amp;.onnx",
        "prefers-color-scheme:dark",
        "<svg",
        "aria-label=\"histogram of the differences of ort-cpu\"",
        "aria-label=\"relative difference by layer, ort-cpu\"",
        "<title>pooled (ReduceMean): ",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    for foreign in [
        "<script",
        "http:",
        "https:",
        "<link",
        "<img",
        "url(",
        "<b>&.onnx",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    for tag in [
        "html", "body", "table", "figure", "svg", "tr", "td", "ul", "li",
    ] {
        let count = |text: &str| page.matches(text).count();
        assert_eq!(
            count(&format!("<{tag}>")) + count(&format!("<{tag} ")),
            count(&format!("</{tag}>")),
            "{tag}"
        );
    }
}

#[test]
fn a_page_that_cannot_be_written_is_said_before_anything_runs_and_an_old_one_is_replaced_whole() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    let missing = folder.path().join("missing/report.html");
    let run = |page: &Path, runtime: &str| {
        let arguments = ["--runtime", runtime, "--quiet", "--html", text(page)];
        verify(&file, false, &arguments)
    };
    // The runtime is not there either, which is only seen when it is to run: status 3.
    let refused = run(&missing, "ort-cpu").expect(2);
    assert!(
        refused.stderr.contains("there is no folder"),
        "{refused:#?}"
    );
    assert!(refused.stdout.is_empty(), "{refused:#?}");

    let page = folder.path().join("report.html");
    fs::write(&page, "old").expect("a page");
    run(&page, "reference").expect(0);
    let written = fs::read_to_string(&page).expect("a page");
    assert!(written.ends_with("</html>\n") && !written.contains("old"));
    // One that breaks off in the middle, which a limit on the size of files does, leaves what was there.
    fs::write(&page, "old").expect("a page");
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "ulimit -f 1; trap '' XFSZ; exec \"$@\"", "sh"]);
    limited
        .arg(program().get_program())
        .arg("verify")
        .arg(&file);
    limited
        .args(["--runtime", "reference", "--quiet", "--html"])
        .arg(&page);
    let broken = Run::of(&mut limited).expect(2);
    assert!(broken.stderr.contains("cannot write"), "{broken:#?}");
    assert_eq!(fs::read_to_string(&page).expect("a page"), "old");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
}
