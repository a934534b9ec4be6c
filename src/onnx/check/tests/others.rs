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
