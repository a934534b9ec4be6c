//! The toy as other tools might write it, with nodes, constants and inputs of every kind, and what is made of it.

use super::{Run, folder, ort_library, program, toy, verify};
use efficientnet_onnx::onnx::proto::{
    ModelProto, NodeProto, TensorProto, ValueInfoProto, type_proto,
};
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

/// The numbers of `TensorProto.DataType`.
pub const INT64: i32 = 7;
pub const STRING: i32 = 8;
pub const BOOL: i32 = 9;
pub const DOUBLE: i32 = 11;

pub const ALL: &[&str] = &["--json", "--runtime", "reference,tract,ort-cpu"];
pub const BY_DEFAULT: &[&str] = &["--json"];

/// The toy with these nodes between `pooled` and `hidden`, and these constants and further inputs.
pub fn with(
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    inputs: Vec<ValueInfoProto>,
) -> ModelProto {
    let mut model = toy::model();
    let graph = toy::graph_of(&mut model);
    graph.node.splice(1..2, nodes);
    graph.initializer.extend(constants);
    graph.input.extend(inputs);
    model
}

/// A declared value of another element type.
pub fn of_type(mut value: ValueInfoProto, element: i32) -> ValueInfoProto {
    let kind = value.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    if let Some(type_proto::Value::TensorType(tensor)) = kind {
        tensor.elem_type = Some(element);
    }
    value
}

pub fn int64(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: vec![i64::try_from(values.len()).expect("few")],
        data_type: Some(INT64),
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

pub fn scalar(name: &str, value: f32) -> TensorProto {
    toy::tensor(name, &[], [value].into_iter())
}

pub fn truth(name: &str) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(BOOL),
        int32_data: vec![1],
        ..TensorProto::default()
    }
}

pub struct File {
    pub folder: TempDir,
    pub path: PathBuf,
}

pub fn file(model: &ModelProto) -> File {
    let folder = folder();
    let path = toy::write(model, folder.path());
    File { folder, path }
}

impl File {
    pub fn verify(&self, arguments: &[&str], status: i32) -> Run {
        verify(&self.path, true, arguments).expect(status)
    }

    pub fn report(&self, arguments: &[&str], status: i32) -> Value {
        self.verify(arguments, status).report()
    }

    pub fn bench(&self, arguments: &[&str], status: i32) -> Run {
        let mut command = program();
        command.arg("bench").arg(&self.path).args(arguments);
        command
            .args(["--runs", "1", "--ort-lib"])
            .arg(ort_library());
        Run::of(&mut command).expect(status)
    }
}

pub fn notes(report: &Value) -> String {
    report["notes"].to_string()
}

pub fn statuses(report: &Value) -> Vec<&str> {
    let runtimes = report["runtimes"].as_array().expect("runtimes").iter();
    runtimes
        .map(|runtime| runtime["status"].as_str().expect("a status"))
        .collect()
}
