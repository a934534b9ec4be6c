//! `check` knows the operators of every opset that is written: a mistake in a node of each is seen.

use efficientnet_onnx::onnx::check::{Finding, Level, check};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::opset::Opset;
use efficientnet_onnx::onnx::proto::tensor_shape_proto::dimension::Value;
use efficientnet_onnx::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, attribute_proto, type_proto,
};
use prost::Message;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// A mistake in the node at a place; false where the node has nothing to spoil so.
type Mistake = fn(&mut GraphProto, usize) -> bool;

/// Each mistake, and the codes that a finding of it may have. The node that uses a result finds what Reshape cannot: it infers
/// no extent from its target.
const MISTAKES: [(&str, Mistake, &[&str]); 4] = [
    ("an attribute too many", foreign_attribute, &["node"]),
    ("no first operand", first_operand_left_out, &["node"]),
    ("another name", misspelled, &["node"]),
    ("another extent", other_extent, &["mismatch", "operand"]),
];

fn foreign_attribute(graph: &mut GraphProto, place: usize) -> bool {
    graph.node[place].attribute.push(AttributeProto {
        name: Some("no_such".to_owned()),
        r#type: Some(attribute_proto::AttributeType::Int as i32),
        i: Some(1),
        ..AttributeProto::default()
    });
    true
}

fn first_operand_left_out(graph: &mut GraphProto, place: usize) -> bool {
    graph.node[place].input[0].clear();
    true
}

/// An operator that ONNX had until opset 9, under its old name.
fn misspelled(graph: &mut GraphProto, place: usize) -> bool {
    graph.node[place].op_type = Some("Upsample".to_owned());
    true
}

/// The declared type of its result, with 7 more in the last fixed extent.
fn other_extent(graph: &mut GraphProto, place: usize) -> bool {
    let output = &graph.node[place].output[0];
    let declared = graph.value_info.iter_mut().chain(&mut graph.output);
    let Some(info) = declared
        .into_iter()
        .find(|info| info.name() == output.as_str())
    else {
        return false;
    };
    let Some(type_proto::Value::TensorType(tensor)) =
        info.r#type.as_mut().and_then(|found| found.value.as_mut())
    else {
        return false;
    };
    let shape = tensor.shape.as_mut().expect("a declared shape");
    let fixed = shape
        .dim
        .iter_mut()
        .rev()
        .find_map(|dim| match &mut dim.value {
            Some(Value::DimValue(extent)) => Some(extent),
            _ => None,
        });
    let Some(extent) = fixed else {
        return false;
    };
    *extent += 7;
    true
}

/// Emits a small network of squeeze-and-excitation, a residual and routed convolutions; of ReLU6 without them.
fn emitted(folder: &Path, flags: &[&str]) -> ModelProto {
    let path = folder.join("m.onnx");
    let output = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(["emit", "--classes", "3", "--quiet", "--force"])
        .args(flags)
        .arg("-o")
        .arg(&path)
        .output()
        .expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{flags:?}: {errors}");
    let bytes = std::fs::read(path).expect("it was written");
    ModelProto::decode(&bytes[..]).expect("a model")
}

/// What `check` finds wrong with a model.
fn errors(folder: &Path, model: &ModelProto) -> Vec<Finding> {
    let path = folder.join("spoiled.onnx");
    std::fs::write(&path, model.encode_to_vec()).expect("room");
    let file = ModelFile::open(&path).expect("it decodes");
    let mut found = check(&file);
    found.retain(|finding| finding.level == Level::Error);
    found
}

#[test]
fn a_mistake_in_any_operator_of_any_opset_is_seen() {
    let swish = "r1_k3_s11_e1_i32_o16_se0.25 r2_k3_s22_e4_i16_o16_se0.25_cc4";
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for opset in Opset::ALL {
        let opset = opset.version().to_string();
        for form in [
            &["--blocks", swish, "--size", "64", "--bn", "keep"][..],
            &[
                "--blocks",
                swish,
                "--size",
                "dynamic",
                "--outputs",
                "probabilities",
            ],
            &[
                "--width",
                "0.1",
                "--depth",
                "0.2",
                "--family",
                "lite",
                "--size",
                "32",
                "--input-format",
                "uint8-nhwc",
            ],
        ] {
            let model = emitted(folder.path(), &[form, &["--opset", &opset]].concat());
            assert_eq!(errors(folder.path(), &model), [], "{form:?} {opset}");
            let nodes = &model.graph.as_ref().expect("a graph").node;
            let mut first: BTreeMap<&str, usize> = BTreeMap::new();
            for (place, node) in nodes.iter().enumerate() {
                first.entry(node.op_type()).or_insert(place);
            }
            for (operator, place) in first {
                for (what, spoil, codes) in MISTAKES {
                    let mut model = model.clone();
                    if !spoil(model.graph.as_mut().expect("a graph"), place) {
                        continue;
                    }
                    let found = errors(folder.path(), &model);
                    let is_seen = found.iter().any(|finding| codes.contains(&finding.code));
                    assert!(is_seen, "{what} of {operator}, opset {opset}: {found:?}");
                    *seen.entry(operator.to_owned()).or_default() += 1;
                }
            }
        }
    }
    for operator in [
        "Conv",
        "BatchNormalization",
        "Clip",
        "Cast",
        "Transpose",
        "Sub",
        "Mul",
        "MatMul",
        "Reshape",
        "Gemm",
        "Softmax",
    ] {
        assert!(seen[operator] >= 3 * 16, "{operator}: {seen:?}");
    }
    assert!(seen["ReduceMean"] >= 3 * 5 && seen["GlobalAveragePool"] >= 3 * 11);
}
