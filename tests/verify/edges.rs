//! Where a verdict could be fooled, or the program end otherwise than it promises: outputs that are inputs, shapes,
//! stored outputs, precision, and standard streams, folders and files that cannot be used.

use crate::verify_support::{Run, emitted, folder, ort_library, program, toy, verify};
use efficientnet_onnx::onnx::proto::{
    ModelProto, NodeProto, TensorProto, ValueInfoProto, type_proto,
};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ALL: &[&str] = &["--json", "--runtime", "reference,tract,ort-cpu"];
const REFERENCE: &[&str] = &["--json", "--runtime", "reference"];

fn model(
    nodes: Vec<NodeProto>,
    input: ValueInfoProto,
    outputs: Vec<ValueInfoProto>,
    constants: Vec<TensorProto>,
) -> ModelProto {
    let mut model = toy::model();
    let graph = toy::graph_of(&mut model);
    graph.node = nodes;
    (graph.input, graph.output) = (vec![input], outputs);
    graph.initializer = constants;
    model
}

/// A declared f32 tensor, or with its type replaced.
fn value(name: &str, shape: &[i64]) -> ValueInfoProto {
    toy::value(
        name,
        &shape.iter().map(|&extent| Some(extent)).collect::<Vec<_>>(),
    )
}

fn half(mut value: ValueInfoProto) -> ValueInfoProto {
    let kind = value.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    if let Some(type_proto::Value::TensorType(tensor)) = kind {
        tensor.elem_type = Some(10);
    }
    value
}

fn write(model: &ModelProto, folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::rename(toy::write(model, folder), &path).expect("renamed");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// What two files come to in the reference.
fn pair(first: &Path, second: &Path, status: i32) -> Value {
    let arguments = [&[text(second)], REFERENCE].concat();
    verify(first, false, &arguments).expect(status).report()
}

#[test]
fn an_output_that_is_an_input_is_read_while_it_is_there() {
    let folder = folder();
    let shape = [1, 1_000_000];
    let relu = toy::node("Relu", &["x"], "y");
    let file = model(
        vec![relu],
        value("x", &shape),
        vec![value("x", &shape), value("y", &shape)],
        vec![],
    );
    let file = write(&file, folder.path(), "same.onnx");
    // Freed memory of this size is given back to the system, and reading it would end the worker.
    let report = verify(&file, true, &["--json", "--runtime", "reference,ort-cpu"]).report();
    let ort = report["runtimes"]
        .as_array()
        .expect("runtimes")
        .last()
        .expect("ort-cpu");
    assert_eq!(
        (&ort["status"], &ort["max_abs"]),
        (&json!("passed"), &json!(0.0)),
        "{report:#}"
    );
}

#[test]
fn outputs_of_other_shapes_disagree_though_their_elements_are_equal() {
    let folder = folder();
    let shaped = |shape: [i64; 2], name| {
        let transpose = toy::ints(toy::node("Transpose", &["x"], "t"), "perm", &[0, 1]);
        let reshape = toy::node("Reshape", &["t", "s"], "y");
        let mut to = toy::tensor("s", &[2], std::iter::empty());
        (to.data_type, to.raw_data, to.int64_data) = (Some(7), None, shape.to_vec());
        let file = model(
            vec![transpose, reshape],
            value("x", &[1, 6]),
            vec![value("y", &shape)],
            vec![to],
        );
        write(&file, folder.path(), name)
    };
    let report = pair(&shaped([2, 3], "a.onnx"), &shaped([3, 2], "b.onnx"), 1);
    let other = &report["runtimes"][1];
    assert_eq!(other["status"], "disagrees", "{report:#}");
    let failure = &other["failures"][0];
    assert_eq!(
        (&failure["check"], &failure["message"]),
        (
            &json!("shape"),
            &json!("shape [3, 2], but the base has shape [2, 3]")
        )
    );
}

#[test]
fn a_scalar_of_little_precision_does_not_loosen_the_file_and_outputs_of_little_precision_do() {
    let folder = folder();
    let scaled = |by: f32, name| {
        let mut one = toy::tensor("one", &[], std::iter::empty());
        // 1 as binary16.
        (one.data_type, one.raw_data, one.int32_data) = (Some(10), None, vec![0x3c00]);
        let weights = toy::tensor("w", &[8, 8], (0..64).map(|at| by * (at * 7 % 11) as f32));
        let nodes = vec![
            toy::node("MatMul", &["x", "w"], "m"),
            toy::int(toy::node("Cast", &["one"], "c"), "to", 1),
            toy::node("Mul", &["m", "c"], "y"),
        ];
        let file = model(
            nodes,
            value("x", &[2, 8]),
            vec![value("y", &[2, 8])],
            vec![weights, one],
        );
        write(&file, folder.path(), name)
    };
    let report = pair(&scaled(1.0, "a.onnx"), &scaled(1.009, "b.onnx"), 1);
    assert_eq!(report["runtimes"][1]["tolerance"]["atol"], 5e-5);

    let sigmoid = vec![toy::node("Sigmoid", &["x"], "y")];
    let shape = [2, 64];
    let file = model(
        sigmoid,
        half(value("x", &shape)),
        vec![half(value("y", &shape))],
        vec![],
    );
    let report = verify(&write(&file, folder.path(), "half.onnx"), true, ALL)
        .expect(0)
        .report();
    assert_eq!(report["runtimes"][1]["tolerance"]["atol"], 1e-2);
}

#[test]
fn an_activation_of_another_tool_may_give_a_row_of_zeros() {
    let folder = folder();
    let relu = vec![toy::node("Relu", &["x"], "y")];
    let file = model(relu, value("x", &[1, 4]), vec![value("y", &[1, 4])], vec![]);
    let file = write(&file, folder.path(), "relu.onnx");
    // One in sixteen of such inputs is negative throughout.
    for seed in 0..48 {
        let seed = seed.to_string();
        verify(&file, false, &[REFERENCE, &["--seed", &seed]].concat()).expect(0);
    }
}

#[test]
fn stored_outputs_that_the_file_does_not_have_are_bad_input() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    let data = folder.path().join("data");
    let test_data = [REFERENCE, &["--batch", "1", "--test-data", text(&data)]].concat();
    verify(&file, false, &test_data).expect(0);
    let again = [REFERENCE, &["--test-data", text(&data)]].concat();
    verify(&file, false, &again).expect(0);
    let set = data.join("test_data_set_0");
    fs::copy(set.join("input_0.pb"), set.join("output_1.pb")).expect("copied");
    // An input beside the outputs is no harm, but twice the same output is.
    verify(&file, false, &again).expect(0);
    fs::copy(set.join("output_0.pb"), set.join("output_1.pb")).expect("copied");
    let refused = verify(&file, false, &again).expect(2);
    assert!(
        refused
            .stderr
            .contains("each once, found `logits`, `logits`"),
        "{refused:#?}"
    );
}

#[test]
fn any_time_limit_can_be_given() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    let forever = u64::MAX.to_string();
    verify(
        &file,
        false,
        &[REFERENCE, &["--timeout", &forever]].concat(),
    )
    .expect(0);
}

#[test]
fn a_batch_that_the_file_fixes_is_timed_unasked() {
    let folder = folder();
    let file = emitted(&folder, &["--size", "32", "--batch", "2"]);
    let mut bench = program();
    bench
        .arg("bench")
        .arg(&file)
        .args(["--runtime", "ort-cpu", "--runs", "1", "--json"]);
    let report = Run::of(bench.arg("--ort-lib").arg(ort_library()))
        .expect(0)
        .report();
    assert_eq!(
        (&report["rows"][0]["batch"], &report["rows"][0]["runs"]),
        (&json!(2), &json!(5))
    );
}

#[test]
fn a_folder_for_temporary_files_that_is_not_there_is_no_fault_of_a_runtime() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    let mut command = program();
    command
        .env("TMPDIR", folder.path().join("missing"))
        .arg("verify")
        .arg(&file);
    let run = Run::of(command.args(REFERENCE)).expect(2);
    assert!(
        run.stderr.contains("temporary files") && run.stderr.contains("hint: set TMPDIR"),
        "{run:#?}"
    );
}

#[test]
fn a_page_does_not_replace_what_is_read() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    let before = fs::read(&file).expect("the file");
    let link = folder.path().join("page.html");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    for page in [&file, &link] {
        let run = verify(
            &file,
            false,
            &["--runtime", "reference", "--html", text(page)],
        )
        .expect(2);
        assert!(run.stderr.contains("which is read"), "{run:#?}");
    }
    assert_eq!(fs::read(&file).expect("the file"), before);
}

#[test]
fn names_of_files_do_not_speak_to_the_terminal() {
    let folder = folder();
    let name = "y\u{1b}[31mred\n";
    let sigmoid = vec![toy::node("Sigmoid", &["x"], name)];
    let file = model(
        sigmoid,
        value("x", &[1, 4]),
        vec![value(name, &[1, 4])],
        vec![],
    );
    let file = write(&file, folder.path(), "loud.onnx");
    let run = verify(&file, true, &["--runtime", "reference,ort-cpu"]).expect(0);
    assert!(
        run.stdout.contains("[31mred") && !run.stdout.contains('\u{1b}'),
        "{run:#?}"
    );
}

#[test]
fn a_self_test_of_a_broken_file_reports_what_is_broken() {
    let folder = folder();
    let broken = toy::with_middle(toy::node("Identity", &["nothing"], "hidden"));
    let file = toy::write(&broken, folder.path());
    let run = verify(&file, false, &["--self-test", "--json"]).expect(1);
    assert_eq!(run.report()["problems"][0]["code"], "undefined");
}

/// Runs a command whose standard output or error goes nowhere.
fn status(command: &mut Command) -> Option<i32> {
    command
        .stdin(Stdio::null())
        .status()
        .expect("the program starts")
        .code()
}

#[test]
fn the_status_holds_whether_or_not_anyone_reads() {
    let folder = folder();
    let broken = toy::with_middle(toy::node("Identity", &["nothing"], "hidden"));
    let file = toy::write(&broken, folder.path());
    for arguments in [&["check"][..], &["check", "--json"], &["verify", "--json"]] {
        let mut command = program();
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        command.args(arguments).arg(&file).stdout(writer);
        assert_eq!(status(&mut command), Some(1), "{arguments:?}");
    }
    let full = || {
        fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("a device")
    };
    for arguments in [
        ["check", "missing.onnx"],
        ["verify", "missing.onnx"],
        ["inspect", "missing.onnx"],
    ] {
        let mut command = program();
        command.args(arguments).stdout(Stdio::null()).stderr(full());
        assert_eq!(status(&mut command), Some(2), "{arguments:?}");
    }
}

/// ONNX Runtime would read a file of that name in a format of its own, and not what was checked.
#[test]
fn a_files_name_does_not_choose_its_format() {
    let folder = folder();
    let file = write(&toy::model(), folder.path(), "a.ort");
    let report = verify(&file, true, &["--json", "--runtime", "reference,ort-cpu"]);
    assert_eq!(report.expect(0).report()["verdict"], "agree");
}
