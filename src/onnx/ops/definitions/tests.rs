//! The table, and what it refuses.

use super::*;
use crate::onnx::proto::tensor_proto::DataType;

fn node(op_type: &str, operands: usize, attributes: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.to_owned()),
        input: (0..operands).map(|index| format!("x{index}")).collect(),
        output: vec!["y".to_owned()],
        attribute: attributes,
        ..NodeProto::default()
    }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(kind.into()),
        ..AttributeProto::default()
    }
}

fn known(op_type: &str, opset: i64) -> &'static Definition {
    definition(op_type, opset).expect("a definition")
}

#[test]
fn every_line_is_read_and_definitions_are_in_order() {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let unread: Vec<&str> = lines.clone().filter(|line| read(line).is_none()).collect();
    assert!(unread.is_empty(), "{unread:?}");
    let read: usize = table().values().map(Vec::len).sum();
    assert_eq!(read, lines.count());
    for history in table().values() {
        assert!(history.is_sorted_by(|one, next| one.since < next.since));
    }
    // Without `Undefined`, one letter for each element type.
    let count = i32::try_from(LETTERS.len()).expect("few");
    assert!((1..count).all(|number| DataType::try_from(number).is_ok()));
    assert!(DataType::try_from(count).is_err());
}

#[test]
fn the_definition_in_force_is_the_last_one_that_is_not_later() {
    for (op_type, opset, since) in [
        ("Conv", 7, Some(1)),
        ("Conv", 21, Some(11)),
        ("Conv", 22, Some(22)),
        ("HardSwish", 13, None),
        ("HardSwish", 14, Some(14)),
        ("Relu", 1000, Some(14)),
        ("Silu", 17, None),
    ] {
        let found = definition(op_type, opset).map(|definition| definition.since);
        assert_eq!(found, since, "{op_type} {opset}");
    }
    assert!(is_same("Softmax", 13, 28) && !is_same("Softmax", 12, 13));
    assert!(is_same("Silu", 17, 17) && !is_same("Silu", 17, 18));
    assert!(known("Conv", 7).is_written_like(known("Conv", 22)));
    assert!(!known("ReduceMean", 17).is_written_like(known("ReduceMean", 18)));
    assert!(!known("Upsample", 9).is_written_like(known("Upsample", 10)));
}

#[test]
fn nodes_that_a_definition_does_not_allow_are_refused_and_said_why() {
    let axes = attribute("axes", AttributeType::Ints);
    assert_eq!(
        known("ReduceMean", 17).check_node(&node("ReduceMean", 1, vec![axes.clone()])),
        Ok(())
    );
    let internal = attribute("__note", AttributeType::String);
    assert_eq!(
        known("Relu", 7).check_node(&node("Relu", 1, vec![internal])),
        Ok(())
    );
    let mut gap = node("Clip", 2, vec![]);
    gap.input[0].clear();
    for (op_type, opset, node, expected) in [
        (
            "ReduceMean",
            18,
            node("ReduceMean", 1, vec![axes]),
            "no attribute `axes`",
        ),
        (
            "Relu",
            7,
            node("Relu", 2, vec![]),
            "expected 1 operands, found 2",
        ),
        (
            "Concat",
            13,
            node("Concat", 0, vec![]),
            "expected 1 or more operands",
        ),
        (
            "Concat",
            13,
            node("Concat", 2, vec![]),
            "attribute `axis` is missing",
        ),
        (
            "Concat",
            13,
            node("Concat", 2, vec![attribute("axis", AttributeType::Ints)]),
            "expected type `INT`, found `INTS`",
        ),
        ("Upsample", 10, node("Upsample", 2, vec![]), "deprecated"),
        ("Clip", 12, gap, "required operand `input` is left out"),
    ] {
        let misuse = known(op_type, opset).check_node(&node).expect_err(op_type);
        assert!(misuse.to_string().contains(expected), "{misuse}");
        assert!(
            misuse
                .to_string()
                .starts_with(&format!("`{op_type}` of opset"))
        );
    }
}

#[test]
fn element_types_are_those_of_the_opset() {
    let typed = |element| TensorType {
        element,
        shape: Vec::new(),
    };
    let [single, double, integer, brain] =
        [Element::F32, Element::F64, Element::I64, Element::Bf16].map(typed);
    for (op_type, opset, operands, expected) in [
        ("Conv", 22, vec![Some(&brain), Some(&brain)], None),
        (
            "Conv",
            21,
            vec![Some(&brain), None],
            Some("bfloat16 are not allowed"),
        ),
        (
            "Relu",
            13,
            vec![Some(&integer)],
            Some("int64 are not allowed"),
        ),
        ("Relu", 14, vec![Some(&integer)], None),
        (
            "Concat",
            13,
            vec![Some(&single), None, Some(&double)],
            Some("expected elements of float as in another operand, found double"),
        ),
        (
            "Loop",
            13,
            vec![None, None, Some(&single), Some(&integer)],
            None,
        ),
        (
            "Reshape",
            13,
            vec![Some(&single), Some(&single)],
            Some("operand `shape`"),
        ),
    ] {
        let found = known(op_type, opset).check_types(&operands);
        let text = found.as_ref().err().map(ToString::to_string);
        assert_eq!(text.is_some(), expected.is_some(), "{op_type}: {found:?}");
        assert!(
            text.unwrap_or_default()
                .contains(expected.unwrap_or_default()),
            "{found:?}"
        );
    }
}
