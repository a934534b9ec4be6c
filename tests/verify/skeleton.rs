//! A skeleton runs, and what it computes is not compared.

use crate::verify_support::{Run, folder, program, verify};
use efficientnet_onnx::onnx::proto::ModelProto;
use prost::Message;
use std::fs;
use std::path::{Path, PathBuf};

const NOTE: &str = "the file is a skeleton: numbers at one place stand for its weights, so that runtimes are not compared";

fn skeleton(folder: &Path, flags: &[&str]) -> PathBuf {
    let path = folder.join("m.onnx");
    let mut command = program();
    command.args(["emit", "--quiet", "--force", "--skeleton", "--size", "64"]);
    Run::of(command.args(flags).arg("-o").arg(&path)).expect(0);
    path
}

/// The verdict and the notes of two runtimes, both of which ran.
fn ran(path: &Path) -> Vec<String> {
    let report = verify(path, true, &["--json", "--runtime", "tract,ort-cpu"]);
    let report = report.expect(0).report();
    assert_eq!(report["verdict"], "ran_not_compared", "{report:#}");
    assert!(report["base"].is_null());
    for runtime in report["runtimes"].as_array().expect("runtimes") {
        assert_eq!(runtime["status"], "passed", "{report:#}");
        assert!(runtime["beyond_tolerance"].is_null());
    }
    let notes = report["notes"].as_array().expect("notes");
    notes
        .iter()
        .map(|note| note.as_str().expect("text").to_owned())
        .collect()
}

#[test]
fn skeletons_of_every_form_run_and_are_not_compared() {
    let folder = folder();
    for flags in [
        &["--variant", "b0"][..],
        &["--variant", "lite0", "--bn", "keep"],
        &[
            "--variant",
            "condconv-b0-4e",
            "--opset",
            "24",
            "--form",
            "swish=swish-op,head=matmul",
        ],
        &["--variant", "b0", "--bn", "keep", "--dtype", "f16"],
    ] {
        let path = skeleton(folder.path(), flags);
        assert_eq!(ran(&path), [NOTE], "{flags:?}");
    }
    let path = folder.path().join("m.onnx");
    let shown = verify(&path, false, &["--runtime", "tract"])
        .expect(0)
        .stdout;
    assert!(
        shown.contains("ran, not compared\n") && shown.contains(" ran\n"),
        "{shown}"
    );
}

/// Numbers that nobody has drawn: zeros give constant logits, and NaN gives NaN.
#[test]
fn outputs_that_no_network_should_have_are_notes() {
    let folder = folder();
    let path = skeleton(folder.path(), &["--variant", "lite0"]);
    let data = path.with_extension("onnx.data");
    let length = fs::read(&data).expect("data").len();
    for (element, expected) in [
        (
            0_f32,
            "the logits are constant, as those of a skeleton may be",
        ),
        (
            f32::NAN,
            "output `logits` has 1000 NaN and 0 infinite of 1000 elements",
        ),
    ] {
        let bytes: Vec<u8> = element
            .to_le_bytes()
            .into_iter()
            .cycle()
            .take(length)
            .collect();
        fs::write(&data, bytes).expect("data");
        let notes = ran(&path);
        let told = notes.iter().any(|note| note.starts_with(expected));
        assert!(told && notes.contains(&NOTE.to_owned()), "{notes:?}");
    }
}

/// A record that says so makes no skeleton of a file that has weights.
#[test]
fn a_file_with_weights_is_no_skeleton() {
    let folder = folder();
    let path = folder.path().join("m.onnx");
    let mut command = program();
    command.args([
        "emit",
        "--quiet",
        "--variant",
        "lite0",
        "--size",
        "64",
        "--init",
        "probe",
    ]);
    Run::of(command.arg("--external-data").arg("-o").arg(&path)).expect(0);
    let bytes = fs::read(&path).expect("a file");
    let mut model = ModelProto::decode(bytes.as_slice()).expect("a model");
    let mut records = model.metadata_props.iter_mut();
    let origin = records.find(|entry| entry.key() == "efficientnet.origin");
    origin.expect("a record").value =
        Some(r#"{"kind":"skeleton","version":1,"seed":0}"#.to_owned());
    fs::write(&path, model.encode_to_vec()).expect("a file");
    let found = "`efficientnet.origin` in the metadata has `kind` skeleton, but its kernels do not begin at one place of \
                 external data";
    let report = verify(&path, true, &["--json", "--runtime", "tract,ort-cpu"]);
    let report = report.expect(0).report();
    assert_eq!(report["verdict"], "agree", "{report:#}");
    let note = format!("{found}, so it is not used");
    let notes = report["notes"].as_array().expect("notes");
    assert!(notes.iter().any(|told| *told == note), "{report:#}");
    let told = Run::of(program().arg("inspect").arg(&path))
        .expect(1)
        .stderr;
    assert!(told.contains(found), "{told}");
}
