//! What `verify` is fed with and compared with, `bench`, and the page of `--html`, with ONNX Runtime.

mod verify_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use verify_support::{
    Run, emitted, folder, ort_library, program, toy, verify, virtual_environment,
};

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
    let folder = verify_support::folder();
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
    let run = verify(&file, true, &with(ORT, &["--input", text(&wrong)])).expect(2);
    assert!(run.stderr.contains("is declared as"), "{run:#?}");
    let run = verify(&file, true, &with(ORT, &["--input", "nothing.npy"])).expect(2);
    assert!(run.stderr.contains("cannot read `nothing.npy`"), "{run:#?}");
}

#[test]
fn a_picture_is_prepared_as_the_file_says() {
    let folder = folder();
    let file = emitted(&folder, &[]);
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data/china.jpg");
    let run = verify(&file, true, &with(ORT, &["--input", text(&picture)])).expect(0);
    assert_eq!(run.report()["cases"][0]["height"], 64);
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

fn bench(file: &Path, arguments: &[&str]) -> Run {
    let mut command = program();
    command
        .arg("bench")
        .arg(file)
        .args(["--json", "--runs", "2", "--ort-lib"])
        .arg(ort_library());
    Run::of(command.args(arguments))
}

#[test]
fn bench_times_every_combination_and_pairs() {
    let folder = folder();
    let file: PathBuf = toy::write(&toy::model(), folder.path());
    let arguments = [
        "--runtime",
        "ort-cpu",
        "--threads",
        "1,2",
        "--batch",
        "1,3",
        "--against",
        text(&file),
    ];
    let report = bench(&file, &arguments).expect(0).report();
    let rows = report["rows"].as_array().expect("rows");
    assert_eq!((report["schema"].as_u64(), rows.len()), (Some(1), 4));
    for row in rows {
        let seconds = |key: &str| row["seconds"][key].as_f64().expect("a time");
        assert!(
            0.0 < seconds("lower_quartile") && seconds("lower_quartile") <= seconds("median"),
            "{row:#}"
        );
        assert!(seconds("median") <= seconds("upper_quartile"), "{row:#}");
        assert_eq!(
            (row["runs"].as_u64(), row["ratio"]["pairs"].as_u64()),
            (Some(10), Some(5))
        );
        // A process with ONNX Runtime in it takes more than 4 MB, and this one less than 4 GB.
        let peak = row["peak_bytes"].as_u64();
        assert!(
            !cfg!(target_os = "linux")
                || peak.is_some_and(|peak| (4 << 20..4 << 30).contains(&peak)),
            "{row:#}"
        );
    }
    let unavailable = bench(&file, &["--runtime", "ort-cuda"]);
    assert!(
        matches!(unavailable.status, Some(1 | 3)),
        "{unavailable:#?}"
    );
}

#[test]
fn bench_takes_a_size_where_the_file_leaves_it_open() {
    let folder = folder();
    let file = emitted(&folder, &["--size", "dynamic:32"]);
    let arguments = ["--runtime", "ort-cpu", "--size", "32x64"];
    let report = bench(&file, &arguments).expect(0).report();
    assert_eq!(report["size"], serde_json::json!([32, 64]));
    let fixed = toy::write(&toy::model(), folder.path());
    let refused = bench(&fixed, &arguments).expect(2);
    assert!(
        refused
            .stderr
            .contains("size 32x64 is asked for, but the file has 8x8"),
        "{refused:#?}"
    );
}

#[test]
fn bench_refuses_libraries_that_it_would_not_use() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    for (arguments, message) in [
        (
            &["--runtime", "reference"][..],
            "`--ort-lib` is given, but `--runtime` names neither `ort-cpu` nor `ort-cuda`",
        ),
        (
            &["--cuda-lib", "."],
            "`--cuda-lib` is given, but `--runtime` does not name `ort-cuda`",
        ),
    ] {
        let refused = bench(&file, arguments).expect(2);
        assert!(refused.stderr.contains(message), "{refused:#?}");
    }
}

#[test]
fn the_right_classes_of_labelled_pictures_are_counted() {
    let folder = folder();
    let file = emitted(&folder, &[]);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data");
    let mut classify = program();
    classify
        .arg("classify")
        .arg(&file)
        .args(["--json", "--runtime", "ort-cpu", "--ort-lib"])
        .arg(ort_library());
    let seen = Run::of(classify.args(["china.jpg", "flower.jpg"].map(|name| data.join(name))))
        .expect(0)
        .report();
    let class = |picture: usize, place: usize| {
        seen["pictures"][picture]["top"][place]["class"]
            .as_u64()
            .expect("a class")
    };
    // The first is right, the second the runtime's third choice.
    let csv = folder.path().join("right.csv");
    let lines = format!(
        "picture,class\nchina.jpg,{}\nflower.jpg,{}\n",
        class(0, 0),
        class(1, 2)
    );
    fs::write(&csv, lines).expect("written");
    let arguments = ["--images", text(&data), "--labels-csv", text(&csv)];
    let report = verify(&file, true, &with(ORT, &arguments))
        .expect(0)
        .report();
    assert_eq!(
        report["runtimes"][0]["top1"],
        serde_json::json!({"rows": 1, "of": 2})
    );
    assert_eq!(
        report["runtimes"][0]["top5"],
        serde_json::json!({"rows": 2, "of": 2})
    );
    assert_eq!(
        report["runtimes"][0]["agreement"],
        serde_json::json!({"rows": 2, "of": 2})
    );
    // One folder for each class, by its number or its name.
    let pictures = folder.path().join("pictures");
    for (class, name) in [
        (class(0, 0).to_string(), "china.jpg"),
        ("espresso".to_owned(), "flower.jpg"),
    ] {
        fs::create_dir_all(pictures.join(&class)).expect("a folder");
        fs::copy(data.join(name), pictures.join(class).join(name)).expect("copied");
    }
    let report = verify(&file, true, &with(ORT, &["--images", text(&pictures)]))
        .expect(0)
        .report();
    assert_eq!(report["runtimes"][0]["top1"]["rows"], 1);
    fs::create_dir(pictures.join("nothing known")).expect("a folder");
    let run = verify(&file, true, &with(ORT, &["--images", text(&pictures)])).expect(2);
    assert!(
        run.stderr.contains("there is no class `nothing known`"),
        "{run:#?}"
    );
}
