//! Rare spellings of a graph compute the same, are recorded, and are told of where toolchains do not take them.

use crate::forms::emitted;
use crate::verify_support::{Run, folder, ort_library, program, verify};
use efficientnet_onnx::onnx::proto::ModelProto;
use prost::Message;

/// ONNX Runtime has Swish in opset 24 alone, so later ones are for the other runtimes.
#[test]
fn spellings_agree_with_the_default_form_in_every_runtime() {
    let folder = folder();
    for variant in ["b0", "condconv-b0-4e"] {
        let usual = emitted(folder.path(), variant, &["--variant", variant]);
        for (opset, form, ort) in [
            ("24", "swish=swish-op,head=matmul", true),
            ("28", "swish=swish-op,pool=reduce-mean", false),
            ("13", "pool=global-average,head=matmul", true),
            ("18", "pool=reduce-mean,ir=9", true),
        ] {
            let flags = ["--variant", variant, "--opset", opset, "--form", form];
            let file = emitted(folder.path(), &format!("{variant}-{opset}-{form}"), &flags);
            let runtimes = if ort { "ort-cpu" } else { "tract" };
            let report = verify(&file, false, &["--json", "--runtime", "reference,tract"]);
            let report = report.expect(0).report();
            assert_eq!(
                report["verdict"], "agree",
                "{variant} {opset} {form}: {report:#}"
            );
            let mut pair = program();
            pair.arg("verify").arg(&usual).arg(&file);
            pair.args(["--json", "--runtime", runtimes]);
            if ort {
                pair.arg("--ort-lib").arg(ort_library());
            }
            let report = Run::of(&mut pair).expect(0).report();
            assert_eq!(
                report["verdict"], "agree",
                "{variant} {opset} {form}: {report:#}"
            );
        }
    }
}

/// The record has what is not the default, the file is what its record describes, and it is a checkpoint that gives the
/// default form's bytes.
#[test]
fn spellings_are_recorded_and_emitted_again() {
    let folder = folder();
    let usual = emitted(folder.path(), "usual", &["--variant", "condconv-b0-4e"]);
    let usual = std::fs::read(usual).expect("a file");
    for (opset, form, recorded) in [
        (
            "24",
            "swish=swish-op,pool=reduce-mean,head=matmul,ir=13",
            [
                Some("swish-op"),
                Some("reduce-mean"),
                Some("matmul"),
                Some("13"),
            ],
        ),
        (
            "17",
            "pool=global-average",
            [None, Some("global-average"), None, None],
        ),
        // What is the default anyway is not recorded.
        (
            "17",
            "pool=reduce-mean,swish=sigmoid-mul,head=gemm,ir=8",
            [None; 4],
        ),
    ] {
        let path = folder.path().join(format!("{opset}-{form}.onnx"));
        let mut command = program();
        command.args(["emit", "--init", "probe", "--size", "64", "--bn", "keep"]);
        command.args(["--variant", "condconv-b0-4e", "--opset", opset]);
        let told = Run::of(command.args(["--form", form, "-o"]).arg(&path))
            .expect(0)
            .stderr;
        let phrase = [("swish", 0), ("pool", 1), ("head", 2), ("ir", 3)]
            .into_iter()
            .filter_map(|(key, place)| Some(format!("{key}={}", recorded[place]?)));
        let phrase: Vec<String> = phrase.collect();
        let phrase = phrase.join(", ");
        let wrote = told
            .lines()
            .find(|line| line.starts_with("wrote "))
            .expect("it was written");
        assert!(wrote.contains(&phrase), "{wrote}");
        let shown = Run::of(program().arg("inspect").arg(&path))
            .expect(0)
            .stdout;
        let line = shown.lines().find(|line| line.starts_with("form "));
        assert_eq!(line.is_some(), !phrase.is_empty(), "{shown}");
        assert!(line.is_none_or(|line| line.ends_with(&phrase)), "{shown}");
        let shown = Run::of(program().args(["inspect", "--json"]).arg(&path))
            .expect(0)
            .report();
        for (key, expected) in ["swish", "pool", "head", "ir"].into_iter().zip(recorded) {
            let found = &shown["recipe"][key];
            let text = found.as_str().map(str::to_owned);
            let text = text.or_else(|| found.as_i64().map(|number| number.to_string()));
            assert_eq!(text.as_deref(), expected, "{key}: {shown:#}");
        }
        Run::of(program().arg("check").arg(&path)).expect(0);
        let listed = Run::of(program().args(["weights", "ls"]).arg(&path))
            .expect(0)
            .stdout;
        assert!(
            listed.contains("conv_stem.weight") && !listed.contains("pool"),
            "{listed}"
        );
        let again = folder.path().join("again.onnx");
        let mut command = program();
        command.args(["emit", "--quiet", "--force", "--size", "64", "--weights"]);
        let told = Run::of(command.arg(&path).arg("-o").arg(&again))
            .expect(0)
            .stderr;
        assert!(!told.contains("another program"), "{told}");
        let bytes = std::fs::read(&again).expect("a file");
        let tensors = |bytes: &[u8]| {
            let record = b"efficientnet.checksums";
            let mut places = bytes.windows(record.len());
            let place = places.position(|place| place == record).expect("a record");
            bytes[place..].to_vec()
        };
        assert!(tensors(&bytes) == tensors(&usual), "{form}");
    }
}

/// What toolchains do with a spelling is told where it is asked for, by the rules that `check --target` has.
#[test]
fn toolchains_that_do_not_take_a_spelling_are_told() {
    let folder = folder();
    let told = |name: &str, flags: &[&str]| {
        let path = folder.path().join(format!("{name}.onnx"));
        let mut command = program();
        command.args(["emit", "--init", "constant", "--size", "64"]);
        Run::of(command.args(flags).arg("-o").arg(&path))
            .expect(0)
            .stderr
    };
    let swish = ["--variant", "b0", "--form", "swish=swish-op", "--opset"];
    let refuse = "swishes are the operator Swish: candle, iree, mnn, tflite, tvm refuse it, and onnxruntime runs Swish as \
                  Sigmoid and Mul that it does not fuse, so that the file is slower\n";
    let found = told("24", &[&swish[..], &["24"]].concat());
    assert!(found.contains(refuse), "{found}");
    let refuse = "candle, iree, mnn, onnxruntime, onnxruntime-web, tflite, tvm refuse it\n";
    let found = told("25", &[&swish[..], &["25"]].concat());
    assert!(found.contains(refuse), "{found}");
    let gemm = ["--variant", "b0", "--dtype", "f16", "--form", "head=gemm"];
    let refuse = "linear layers are Gemm in half precision: candle, tract refuse it\n";
    let found = told("gemm", &gemm);
    assert!(found.contains(refuse), "{found}");
    // Its activations are no swishes.
    let lite = [
        "--variant",
        "lite0",
        "--form",
        "swish=swish-op",
        "--opset",
        "25",
    ];
    let found = told("lite", &lite);
    assert!(!found.contains("Swish"), "{found}");
    for (opset, form, expected) in [
        (
            "17",
            "pool=global-average",
            "pools are GlobalAveragePool: candle refuses it\n",
        ),
        (
            "18",
            "pool=reduce-mean",
            "pools are ReduceMean with its axes as an operand: candle computes it wrongly in silence, and onnx2torch refuses it\n",
        ),
        (
            "17",
            "ir=14",
            "the IR version is 14: ncnn, onnxruntime-web refuse it, and onnxruntime takes IR version 14 from 1.32 on\n",
        ),
        ("17", "ir=13", ""),
        ("17", "head=matmul", ""),
        ("18", "pool=global-average", ""),
    ] {
        let found = told(form, &["--variant", "b0", "--opset", opset, "--form", form]);
        assert!(found.contains(expected), "{found}");
        assert_eq!(found.contains("refuse"), !expected.is_empty(), "{found}");
        let path = folder.path().join(format!("{form}.onnx"));
        std::fs::remove_file(path).expect("it was just written");
    }
}

/// Where external data lies, and what stays in the model.
#[test]
fn external_data_lies_as_asked_for() {
    let folder = folder();
    let of = |form: &str| {
        let flags = ["--variant", "lite0", "--external-data", "--form", form];
        emitted(folder.path(), form, &flags)
    };
    for (form, alignment, threshold) in [
        ("align=1", 1, 0),
        ("align=64,threshold=1000", 64, 1000),
        ("align=65536", 65536, 0),
        ("threshold=4096", 4096, 4096),
    ] {
        let path = of(form);
        let file = efficientnet_onnx::onnx::file::ModelFile::open(&path).expect("a model");
        let mut end = 0;
        for tensor in &file.contents.initializers {
            let bytes = 4 * tensor.element_count().expect("a shape");
            let external = tensor.external().expect("entries");
            let is_constant = tensor.name.starts_with("relu6");
            assert_eq!(
                external.is_some(),
                !is_constant && bytes >= threshold,
                "{}",
                tensor.name
            );
            if let Some(external) = external {
                let (_, range) = external.open(file.folder()).expect("data");
                assert_eq!(range.start % alignment, 0);
                assert!(range.start - end < alignment, "no more than a gap");
                end = range.end;
            }
        }
        assert!(end > 0);
        let report = verify(&path, true, &["--json"]).expect(0).report();
        assert_eq!(report["verdict"], "agree", "{form}: {report:#}");
    }
    // Nothing is large enough for the file of external data.
    let path = of("threshold=100000000");
    assert!(!path.with_extension("onnx.data").exists());
    assert_eq!(
        verify(&path, true, &["--json"]).expect(0).report()["verdict"],
        "agree"
    );
}

/// What a form cannot be is refused before anything is written, with what it can be.
#[test]
fn spellings_that_an_opset_lacks_are_refused() {
    let folder = folder();
    let path = folder.path().join("m.onnx");
    for (opset, form, expected) in [
        (
            "23",
            "swish=swish-op",
            "opset 23 does not have the operator Swish: it came with opset 24\n",
        ),
        (
            "24",
            "ir=11",
            "opset 24 needs IR version 12 or later, found 11\n",
        ),
        (
            "17",
            "ir=15",
            "`ir`: expected a number from 7 to 14, found `15`\n",
        ),
        (
            "17",
            "pool=max",
            "`pool`: expected `global-average` or `reduce-mean`, found `max`\n",
        ),
        (
            "17",
            "silu=yes",
            "expected `swish`, `pool`, `head`, `ir`, `align` or `threshold` before `=`, found `silu`\n",
        ),
    ] {
        let mut command = program();
        command.args([
            "emit",
            "--variant",
            "b0",
            "--opset",
            opset,
            "--form",
            form,
            "-o",
        ]);
        let told = Run::of(command.arg(&path)).expect(2).stderr;
        assert!(told.contains(expected), "{told}");
        assert!(!path.exists());
    }
}

/// A file that another program has given another IR version is not what its record says.
#[test]
fn another_ir_version_than_the_record_has_is_told() {
    let folder = folder();
    let flags = ["--variant", "lite0", "--form", "ir=10"];
    let path = emitted(folder.path(), "m", &flags);
    let bytes = std::fs::read(&path).expect("a file");
    let mut model = ModelProto::decode(bytes.as_slice()).expect("a model");
    model.ir_version = Some(9);
    std::fs::write(&path, model.encode_to_vec()).expect("a file");
    let told = Run::of(program().arg("inspect").arg(&path))
        .expect(1)
        .stderr;
    let expected = "`efficientnet.recipe` in the metadata has `ir` 10, but the file has 9\n";
    assert!(told.contains(expected), "{told}");
}
