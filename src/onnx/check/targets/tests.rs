//! That the table is whole, and that rules strike where they should.

use super::rules::RULES;
use super::*;
use crate::onnx::file::Contents;
use crate::onnx::proto::{AttributeProto, NodeProto, OperatorSetIdProto};

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
