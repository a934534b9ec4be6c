//! What is right in files of others and wrong in our own.

use super::*;

/// Legal, and followed without a word; but no file of our own has it.
#[test]
fn types_that_only_onnx_knows_a_use_for_are_errors_in_our_own_files() {
    let transpose = Operator::Transpose { perm: vec![1, 0] };
    let norm = Operator::BatchNormalization { epsilon: 1e-3 };
    let cases: [(&Operator, &[&str], &str, &str); 4] = [
        (
            &transpose,
            &["u8 4 2"],
            "u8 2 4",
            "a real number, found uint8[4, 2]",
        ),
        (
            &Operator::Relu,
            &["i64 4 2"],
            "i64 4 2",
            "a real number, found int64[4, 2]",
        ),
        (
            &Operator::MatMul,
            &["f 4 2", "f 2"],
            "f 4",
            "2 dimensions or more, found float[2]",
        ),
        (
            &norm,
            &["h 4 2", "f 2", "f 2", "f 2", "f 2"],
            "h 4 2",
            "elements of float16, found float[2]",
        ),
    ];
    let typed = |name: &str, typed: &str| {
        let (element, shape) = typed.split_once(' ').expect("a type and a shape");
        let mut info = info(name, shape);
        let element = match element {
            "u8" => DataType::Uint8,
            "i64" => DataType::Int64,
            "h" => DataType::Float16,
            _ => DataType::Float,
        };
        let declared = info.r#type.as_mut();
        if let Some(type_proto::Value::TensorType(tensor)) =
            declared.and_then(|declared| declared.value.as_mut())
        {
            tensor.elem_type = Some(element.into());
        }
        info
    };
    for (operator, inputs, output, message) in cases {
        let mut model = model();
        let names: Vec<_> = (0..inputs.len())
            .map(|index| format!("in{index}"))
            .collect();
        let declared = names.iter().zip(inputs);
        graph(&mut model)
            .input
            .extend(declared.map(|(name, input)| typed(name, input)));
        graph(&mut model).output.push(typed("out", output));
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        graph(&mut model)
            .node
            .push(node(operator, "extra", &names, "out"));
        let found = findings(&model);
        assert_eq!(
            (found.len(), found[0].code, found[0].level),
            (1, "operand", Level::Error)
        );
        assert!(found[0].message.contains(message), "{found:#?}");
        model.producer_name = Some("another".to_owned());
        assert_eq!(findings(&model), []);
        // It is followed indeed.
        graph(&mut model).output[1] = typed("out", "f 9");
        assert_eq!(findings(&model)[0].code, "mismatch");
    }
}

/// The message of the one error, or nothing; warnings do not count.
fn error_at(opset: i64, change: fn(&mut GraphProto)) -> Option<String> {
    let mut model = model();
    model.producer_name = Some("another".to_owned());
    model.opset_import[0].version = Some(opset);
    change(graph(&mut model));
    let mut errors: Vec<_> = findings(&model)
        .into_iter()
        .filter(|finding| finding.level == Level::Error)
        .collect();
    assert!(errors.len() < 2, "{errors:#?}");
    errors.pop().map(|error| error.to_string())
}

type Change = fn(&mut GraphProto);

fn nothing(_: &mut GraphProto) {}

fn axes_as_operand(graph: &mut GraphProto) {
    graph.node[3]
        .attribute
        .retain(|attribute| attribute.name() != "axes");
    graph.node[3].input.push("axes".to_owned());
    let axes = TensorProto {
        data_type: Some(DataType::Int64.into()),
        raw_data: Some(vec![0; 16].into()),
        ..tensor("axes", &[2])
    };
    graph.initializer.push(axes);
}

fn gelu(graph: &mut GraphProto) {
    graph.node[1].op_type = Some("Gelu".to_owned());
}

fn deprecated(graph: &mut GraphProto) {
    graph.node[1].op_type = Some("Upsample".to_owned());
}

fn two_operands(graph: &mut GraphProto) {
    graph.node[1].input.push("stem".to_owned());
}

fn two_operands_and_axes(graph: &mut GraphProto) {
    two_operands(graph);
    axes_as_operand(graph);
}

fn wrong_shape(graph: &mut GraphProto) {
    graph.value_info[0] = info("stem", "batch 5 4 ?");
}

#[test]
fn nodes_are_held_against_the_definitions_of_the_opset_of_the_file() {
    let cases: [(Change, i64, Option<&str>); 14] = [
        (nothing, 13, None),
        (nothing, 17, None),
        (
            nothing,
            18,
            Some("`ReduceMean` of opset 18: there is no attribute `axes`"),
        ),
        (axes_as_operand, 18, None),
        (axes_as_operand, 28, None),
        (axes_as_operand, 17, Some("expected 1 operands, found 2")),
        (gelu, 7, Some("`Gelu` is not an operator of opset 7")),
        (gelu, 17, Some("`Gelu` is not an operator of opset 17")),
        (
            deprecated,
            17,
            Some("`Upsample` of opset 10: the operator is deprecated"),
        ),
        (two_operands, 7, Some("`Sigmoid`")),
        (two_operands_and_axes, 28, Some("`Sigmoid`")),
        // Shapes are followed where the operator is written as in opset 17.
        (
            wrong_shape,
            7,
            Some("declared as float[batch, 5, 4, ?], but it is float[batch, 4, 4, ?]"),
        ),
        (wrong_shape, 13, Some("error[mismatch]: in node `stem`")),
        // What is not known is not judged.
        (two_operands, 29, None),
    ];
    for (change, opset, expected) in cases {
        let found = error_at(opset, change);
        assert_eq!(
            found.is_some(),
            expected.is_some(),
            "opset {opset}: {found:?}"
        );
        let found = found.unwrap_or_default();
        assert!(
            found.contains(expected.unwrap_or_default()),
            "opset {opset}: {found}"
        );
    }
    // Known to ONNX, and in no file of our own.
    let mut model = model();
    graph(&mut model).node[1].op_type = Some("Sin".to_owned());
    assert_eq!(findings(&model)[0].code, "node-unknown");
    model.producer_name = Some("another".to_owned());
    assert_eq!(findings(&model), []);
}
