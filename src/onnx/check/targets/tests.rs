//! That the table is whole, and that rules strike where they should.

use super::rules::RULES;
use super::*;
use crate::onnx::file::{Contents, Data, Initializer};
use crate::onnx::proto::tensor_shape_proto::{Dimension, dimension::Value};
use crate::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorShapeProto,
    TypeProto, ValueInfoProto, type_proto,
};
use prost::Message;

fn node(op_type: &str, inputs: &[&str], attributes: &[(&str, &str)]) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.into()),
        name: Some(format!("the {op_type}")),
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        attribute: attributes
            .iter()
            .map(|(name, value)| AttributeProto {
                name: Some((*name).into()),
                s: Some(value.as_bytes().to_vec()),
                ..AttributeProto::default()
            })
            .collect(),
        ..NodeProto::default()
    }
}

fn contents(opset: i64, nodes: Vec<NodeProto>) -> Contents {
    Contents {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto {
            version: Some(opset),
            ..OperatorSetIdProto::default()
        }],
        nodes,
        ..Contents::default()
    }
}

fn strikes(trigger: Trigger, contents: &Contents) -> bool {
    sites::find(trigger, contents).is_some()
}

#[test]
fn every_rule_is_of_a_known_target_and_has_a_source() {
    for rule in RULES {
        assert!(rule.target.parse::<Target>().is_ok(), "{rule:?}");
        assert!(
            rule.source
                .chars()
                .any(|character| character.is_ascii_digit()),
            "{rule:?}"
        );
        assert!(!rule.says.ends_with('.'), "{rule:?}");
    }
    for target in Target::ALL {
        assert!(
            RULES.iter().any(|rule| rule.target == target.as_str()),
            "{target}"
        );
    }
    assert!("caffe2".parse::<Target>().unwrap_err().contains("`tract`"));
}

#[test]
fn rules_strike_where_they_should_and_nowhere_else() {
    let pool = contents(17, vec![node("ReduceMean", &["x"], &[])]);
    let axes = contents(18, vec![node("ReduceMean", &["x", "axes"], &[])]);
    assert!(!strikes(Trigger::AxesOperand, &pool) && strikes(Trigger::AxesOperand, &axes));
    let same = contents(
        17,
        vec![node("Conv", &["x", "w"], &[("auto_pad", "SAME_UPPER")])],
    );
    let explicit = contents(
        17,
        vec![node("Conv", &["x", "w"], &[("auto_pad", "NOTSET")])],
    );
    assert!(strikes(Trigger::AutoPad, &same) && !strikes(Trigger::AutoPad, &explicit));
    let swish = |opset| contents(opset, vec![node("Swish", &["x"], &[])]);
    assert!(!strikes(Trigger::LateSwish, &swish(24)) && strikes(Trigger::LateSwish, &swish(25)));
    let quantised = |opset| contents(opset, vec![node("DequantizeLinear", &["x", "s"], &[])]);
    assert!(strikes(Trigger::QuantisedBefore(19), &quantised(18)));
    assert!(!strikes(Trigger::QuantisedBefore(19), &quantised(19)));
    let mut foreign = swish(24);
    foreign.nodes[0].domain = Some("com.microsoft".into());
    assert!(
        strikes(Trigger::ForeignDomain, &foreign) && !strikes(Trigger::ForeignDomain, &swish(24))
    );
    assert!(!strikes(Trigger::Operator("Swish"), &foreign));
    let pad = |constant| {
        let mut pad = contents(17, vec![node("Pad", &["x", "pads"], &[])]);
        if constant {
            let mut made = node("Constant", &[], &[]);
            made.output = vec!["pads".into()];
            pad.nodes.insert(0, made);
        }
        pad
    };
    assert!(
        strikes(Trigger::ComputedPads, &pad(false)) && !strikes(Trigger::ComputedPads, &pad(true))
    );
}

/// Contents with one input of that element type and shape, where a name is symbolic.
fn with_input(mut contents: Contents, elem_type: i32, shape: [&str; 4]) -> Contents {
    let dim = shape.map(|extent| Dimension {
        denotation: None,
        value: Some(
            extent
                .parse()
                .map_or_else(|_| Value::DimParam(extent.to_owned()), Value::DimValue),
        ),
    });
    let tensor = type_proto::Tensor {
        elem_type: Some(elem_type),
        shape: Some(TensorShapeProto { dim: dim.into() }),
    };
    contents.inputs.push(ValueInfoProto {
        name: Some("x".into()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            denotation: None,
        }),
        ..ValueInfoProto::default()
    });
    contents
}

#[test]
fn rules_about_types_sizes_and_versions_end_where_they_should() {
    let same = || {
        contents(
            17,
            vec![node("Conv", &["x", "w"], &[("auto_pad", "SAME_UPPER")])],
        )
    };
    let (single, half, bfloat16) = (1, 10, 16);
    for (shape, expected) in [
        (["batch", "3", "8", "8"], false),
        (["1", "3", "height", "8"], true),
        (["1", "3", "8", "width"], true),
    ] {
        let found = with_input(same(), single, shape);
        assert_eq!(
            strikes(Trigger::AutoPadOfAnySize, &found),
            expected,
            "{shape:?}"
        );
    }
    for (shape, expected) in [
        (["batch", "3", "8", "8"], true),
        (["1", "3", "height", "8"], true),
        (["1", "3", "height", "width"], false),
    ] {
        let found = with_input(same(), single, shape);
        let strikes = strikes(Trigger::AutoPadOfFixedSize, &found);
        assert_eq!(strikes, expected, "{shape:?}");
    }
    let typed = |elem_type| with_input(same(), elem_type, ["1", "3", "8", "8"]);
    assert!(
        strikes(Trigger::Bfloat16, &typed(bfloat16)) && !strikes(Trigger::Bfloat16, &typed(half))
    );
    assert!(strikes(Trigger::Half, &typed(half)) && !strikes(Trigger::Half, &typed(bfloat16)));
    let mut gemm = contents(17, vec![node("Gemm", &["x", "w"], &[])]);
    assert!(!strikes(Trigger::HalfGemm, &gemm));
    let stored = |data| Initializer {
        name: "w".into(),
        dims: vec![1],
        data_type: half,
        data,
    };
    gemm.initializers.push(stored(Data::None));
    assert!(strikes(Trigger::HalfGemm, &gemm) && !strikes(Trigger::External, &gemm));
    gemm.initializers.push(stored(Data::External(Vec::new())));
    assert!(strikes(Trigger::External, &gemm) && !strikes(Trigger::Functions, &gemm));
    gemm.function_count = 1;
    assert!(strikes(Trigger::Functions, &gemm));
    assert!(!strikes(Trigger::OpsetAfter(17), &gemm) && strikes(Trigger::OpsetAfter(16), &gemm));
    assert!(!strikes(Trigger::IrAfter(8), &gemm) && strikes(Trigger::IrAfter(7), &gemm));
    let mut fused = same();
    fused.nodes[0].domain = Some("com.microsoft".into());
    assert!(!strikes(Trigger::Domain("com.microsoft.nchwc"), &fused));
    fused.nodes[0].domain = Some("com.microsoft.nchwc".into());
    assert!(strikes(Trigger::Domain("com.microsoft.nchwc"), &fused));
}

#[test]
fn a_finding_has_its_level_its_first_node_and_how_many_more() {
    let graph = GraphProto {
        node: vec![node("Conv", &["x", "w"], &[("auto_pad", "SAME_UPPER")]); 3],
        ..GraphProto::default()
    };
    let model = ModelProto {
        ir_version: Some(14),
        graph: Some(graph),
        ..ModelProto::default()
    };
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), model.encode_to_vec()).expect("written");
    let file = ModelFile::open(file.path()).expect("a model");
    let found: Vec<_> = check_targets(&file, &["opencv", "onnx2torch", "onnxruntime"].map(Target))
        .into_iter()
        .map(|finding| (finding.code, finding.level, finding.node, finding.message))
        .collect();
    let first = || Some("the Conv".to_owned());
    let expected = [
        (
            "target-wrong",
            Level::Error,
            first(),
            "opencv computes SAME_UPPER as SAME_LOWER at stride 2 and even sizes, here and in 2 more (seen in a run of OpenCV 5.0.0)",
        ),
        (
            "target-refuses",
            Level::Error,
            first(),
            "onnx2torch does not take `auto_pad`, here and in 2 more (seen in a run of onnx2torch 1.5.15)",
        ),
        (
            "target-caution",
            Level::Warning,
            None,
            "onnxruntime takes IR version 14 from 1.32 on (seen in runs of ONNX Runtime 1.24 to 1.32)",
        ),
    ];
    let expected =
        expected.map(|(code, level, node, message)| (code, level, node, message.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn toolchains_that_fail_on_auto_pad_are_told_from_the_rules() {
    let faults = |is_side_fixed| Feature::AutoPad { is_side_fixed }.faults();
    let any = faults(false);
    assert_eq!(any.wrong, ["opencv"]);
    assert_eq!(any.refuse, ["candle", "onnx2torch", "tvm"]);
    assert_eq!(faults(true).wrong, ["burn", "opencv"]);
}
