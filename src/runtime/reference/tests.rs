//! Whole graphs: values worked out by hand, functions, where elements are kept, and files that lie.

mod roundings;

use super::load::plan;
use super::*;
use crate::onnx::proto::tensor_proto::DataLocation;
use crate::onnx::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TypeProto, ValueInfoProto, type_proto,
};
use crate::tensor::Element;

fn node(op_type: &str, input: &[&str], output: &[&str]) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto {
        op_type: Some(op_type.to_owned()),
        name: Some(format!("the_{op_type}")),
        input: owned(input),
        output: owned(output),
        ..NodeProto::default()
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        ints: values.to_vec(),
        r#type: Some(7),
        ..AttributeProto::default()
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        i: Some(value),
        r#type: Some(2),
        ..AttributeProto::default()
    }
}

fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(1),
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn value(name: &str) -> ValueInfoProto {
    let tensor = type_proto::Tensor {
        elem_type: Some(1),
        shape: None,
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

/// From `x` to `y`.
fn model(nodes: Vec<NodeProto>, initializers: Vec<TensorProto>) -> ModelProto {
    ModelProto {
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        graph: Some(GraphProto {
            node: nodes,
            initializer: initializers,
            input: vec![value("x")],
            output: vec![value("y")],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    }
}

fn run_in(
    folder: &Path,
    model: ModelProto,
    shape: &[usize],
    data: &[f64],
) -> Result<Vec<f64>, String> {
    let plan = plan(model, folder.to_owned(), &[])?;
    let input = NamedTensor {
        name: "x".to_owned(),
        shape: shape.to_vec(),
        element: Element::F32,
        data: data.to_vec().into(),
    };
    plan.check_inputs(std::slice::from_ref(&input))?;
    Ok(plan.run(&[input], None)?.remove(0).data.into_vec())
}

fn run(model: ModelProto, shape: &[usize], data: &[f64]) -> Result<Vec<f64>, String> {
    run_in(Path::new("."), model, shape, data)
}

fn counting(count: u32) -> Vec<f64> {
    (1..=count).map(f64::from).collect()
}

#[test]
fn asymmetric_pads_come_where_they_are_said_to() {
    let mut conv = node("Conv", &["x", "w"], &["y"]);
    // Top 1, left 0, bottom 0, right 1.
    conv.attribute = vec![ints("pads", &[1, 0, 0, 1]), ints("strides", &[2, 2])];
    let weight = floats("w", &[1, 1, 2, 2], &[1.0, 10.0, 100.0, 1000.0]);
    let found = run(model(vec![conv], vec![weight]), &[1, 1, 3, 3], &counting(9));
    // Rows: padding, 1 2 3 | 4 5 6, 7 8 9; the last column is padding.
    assert_eq!(found, Ok(vec![2100.0, 300.0, 8754.0, 906.0]));
}

#[test]
fn groups_see_only_their_own_channels() {
    let mut conv = node("Conv", &["x", "w", "b"], &["y"]);
    conv.attribute = vec![int("group", 2)];
    let weight = floats("w", &[2, 2, 1, 1], &[1.0, 10.0, 100.0, 1000.0]);
    let bias = floats("b", &[2], &[0.5, -0.5]);
    let found = run(
        model(vec![conv.clone()], vec![weight.clone(), bias]),
        &[1, 4, 1, 1],
        &counting(4),
    );
    assert_eq!(found, Ok(vec![21.5, 4299.5]));
    conv.input.truncate(2);
    conv.attribute = vec![int("group", 3)];
    let found = run(model(vec![conv], vec![weight]), &[1, 4, 1, 1], &counting(4));
    assert_eq!(
        found,
        Err("node `the_Conv` (`Conv`): 3 groups do not divide 2 filters of 2 channels over 4 channels".to_owned())
    );
}

#[test]
fn epsilon_is_added_to_the_variance_before_the_root() {
    let mut normalise = node("BatchNormalization", &["x", "s", "b", "m", "v"], &["y"]);
    normalise.attribute = vec![AttributeProto {
        name: Some("epsilon".to_owned()),
        f: Some(0.75),
        r#type: Some(1),
        ..AttributeProto::default()
    }];
    let parameters = [("s", 6.0), ("b", 1.0), ("m", 2.0), ("v", 1.5)];
    let parameters = parameters.map(|(name, value)| floats(name, &[1], &[value]));
    // 6 * (x - 2) / sqrt(1.5 + 0.75) + 1.
    let found = run(
        model(vec![normalise], parameters.to_vec()),
        &[1, 1, 2],
        &[2.0, 5.0],
    );
    assert_eq!(found, Ok(vec![1.0, 13.0]));
}

#[test]
fn nothing_is_rounded_on_the_way() {
    let mut to_half = node("Cast", &["x"], &["y"]);
    to_half.attribute = vec![int("to", 10)];
    let third = 1.0 / 3.0;
    let nodes = vec![node("Identity", &["x"], &["y"])];
    assert_eq!(run(model(nodes, vec![]), &[1], &[third]), Ok(vec![third]));
    let found = run(model(vec![to_half], vec![]), &[1], &[third]);
    assert_eq!(found, Ok(vec![0.333_251_953_125]));
}

#[test]
fn functions_are_inlined_with_their_attributes() {
    let mut inner = node("Flatten", &["a"], &["hidden"]);
    inner.attribute = vec![AttributeProto {
        name: Some("axis".to_owned()),
        r#type: Some(2),
        ref_attr_name: Some("from".to_owned()),
        ..AttributeProto::default()
    }];
    let function = FunctionProto {
        name: Some("Twice".to_owned()),
        domain: Some("own".to_owned()),
        input: vec!["a".to_owned()],
        output: vec!["b".to_owned()],
        node: vec![inner, node("Add", &["hidden", "hidden"], &["b"])],
        ..FunctionProto::default()
    };
    let mut first = node("Twice", &["x"], &["hidden"]);
    first.domain = Some("own".to_owned());
    first.attribute = vec![int("from", 0)];
    let mut second = node("Twice", &["hidden"], &["y"]);
    second.domain = Some("own".to_owned());
    let mut model = model(vec![first, second], vec![]);
    model.functions = vec![function];
    let plan = plan(model.clone(), ".".into(), &[]).expect("a plan");
    let names: Vec<&str> = plan.names.iter().map(String::as_str).collect();
    assert_eq!(names, ["x", "hidden#0/hidden", "hidden", "y#2/hidden", "y"]);
    assert_eq!(run(model.clone(), &[2], &[1.0, 2.0]), Ok(vec![4.0, 8.0]));
    // One that calls itself ends with an error.
    model.functions[0].node[0].op_type = Some("Twice".to_owned());
    model.functions[0].node[0].domain = Some("own".to_owned());
    let refused = run(model, &[2], &[1.0, 2.0]).expect_err("it has no end");
    assert!(refused.contains("nested too deep"), "{refused}");
}

#[test]
fn everything_that_is_lacking_is_listed_at_once() {
    let nodes = vec![
        node("Loop", &["x"], &["a"]),
        node("Relu", &["a"], &["b"]),
        node("Loop", &["b"], &["c"]),
        node("Einsum", &["c"], &["y"]),
    ];
    let found = run(model(nodes, vec![]), &[1], &[1.0]);
    let expected = "the reference interpreter lacks: `Einsum`, first in node `the_Einsum` (`Einsum`); \
                    `Loop`, first in node `the_Loop` (`Loop`)";
    assert_eq!(found, Err(expected.to_owned()));
    let mut relu = node("Relu", &["x"], &["y"]);
    relu.attribute = vec![int("slope", 1)];
    let found = run(model(vec![relu], vec![]), &[1], &[1.0]);
    let expected = "node `the_Relu` (`Relu`): attribute `slope` is not supported";
    assert_eq!(found, Err(expected.to_owned()));
}

#[test]
fn values_are_dropped_after_their_last_reader() {
    let nodes = vec![
        node("Relu", &["x"], &["a"]),
        node("Neg", &["a"], &["b"]),
        node("Add", &["a", "b"], &["c"]),
        node("Abs", &["c"], &["unread"]),
        node("Neg", &["c"], &["y"]),
    ];
    let plan = plan(model(nodes, vec![]), ".".into(), &[]).expect("a plan");
    let dropped: Vec<Vec<&str>> = plan
        .steps
        .iter()
        .map(|step| {
            let names = step.last_read.iter();
            names.map(|&number| plan.names[number].as_str()).collect()
        })
        .collect();
    assert_eq!(
        dropped,
        [vec!["x"], vec![], vec!["a", "b"], vec!["unread"], vec!["c"]]
    );
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let mut conv = node("Conv", &["x", "w"], &["y"]);
    conv.attribute = vec![ints("pads", &[1, 1, 1, 1])];
    let weights: Vec<f32> = (0u16..40 * 30 * 9).map(|i| f32::from(i).sin()).collect();
    let weight = floats("w", &[40, 30, 3, 3], &weights);
    let model = model(vec![conv, node("Sigmoid", &["y"], &["z"])], vec![weight]);
    let input: Vec<f64> = (0u32..30 * 21 * 17).map(|i| f64::from(i).cos()).collect();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads")
            .install(|| run(model.clone(), &[1, 30, 21, 17], &input))
    };
    let one = with(1).expect("a result");
    assert_eq!(one.len(), 40 * 21 * 17);
    assert_eq!(with(3), Ok(one));
}

#[test]
fn elements_are_found_wherever_they_are_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let raw = |kind, bytes: &'static [u8]| TensorProto {
        name: Some("c".to_owned()),
        dims: vec![2],
        data_type: Some(kind),
        raw_data: Some(prost::bytes::Bytes::from_static(bytes)),
        ..TensorProto::default()
    };
    let narrow = |kind| TensorProto {
        int32_data: vec![0x3c00, 0xc000],
        raw_data: None,
        ..raw(kind, &[])
    };
    std::fs::write(folder.path().join("data"), b"----\0\0\0\x3f\0\0\x40\xc0")
        .expect("it is written");
    let external = |location: &str, offset: &str| {
        let entry = |(key, value): (&str, &str)| StringStringEntryProto {
            key: Some(key.to_owned()),
            value: Some(value.to_owned()),
        };
        TensorProto {
            raw_data: None,
            data_location: Some(DataLocation::External as i32),
            external_data: [("location", location), ("offset", offset)]
                .map(entry)
                .to_vec(),
            ..raw(1, &[])
        }
    };
    let read = |tensor: TensorProto| {
        let read = initializer::read(&tensor, folder.path())?;
        Ok::<_, String>(super::run::into_named("c", &read)?.data.into_vec())
    };
    assert_eq!(read(floats("c", &[2], &[0.5, -3.0])), Ok(vec![0.5, -3.0]));
    assert_eq!(read(raw(1, b"\0\0\0\x3f\0\0\x40\xc0")), Ok(vec![0.5, -3.0]));
    assert_eq!(read(raw(10, b"\0\x3c\0\xc0")), Ok(vec![1.0, -2.0]));
    assert_eq!(read(raw(16, b"\x80\x3f\0\xc0")), Ok(vec![1.0, -2.0]));
    assert_eq!(read(raw(3, b"\x7f\xff")), Ok(vec![127.0, -1.0]));
    assert_eq!(read(narrow(10)), Ok(vec![1.0, -2.0]));
    assert_eq!(read(external("data", "4")), Ok(vec![0.5, -3.0]));
    assert_eq!(read(external("./data", "4")), Ok(vec![0.5, -3.0]));

    #[cfg(unix)]
    std::os::unix::fs::symlink("/proc/self/maps", folder.path().join("link")).expect("a link");
    for (tensor, expected) in [
        (external("data", "5"), "has 12 bytes, expected 8 from 5 on"),
        (external("data", "18446744073709551615"), "has 12 bytes"),
        (external("../data", "0"), "not within the model's folder"),
        (
            external("/etc/passwd", "0"),
            "not within the model's folder",
        ),
        (external("link", "0"), "not within the model's folder"),
        (
            external(".", "0"),
            "it is a folder, expected a regular file",
        ),
        (external("data", "four"), "`offset` is `four`, not a number"),
        (
            raw(1, b"\0"),
            "expected 8 bytes for 2 elements of f32, found 1",
        ),
        (raw(8, b""), "element type 8 is not supported"),
        (narrow(9), "15360 is not an element of bool"),
    ] {
        let refused = read(tensor).expect_err(expected);
        assert!(refused.contains(expected), "{refused}");
    }
    let mut huge = raw(1, b"");
    huge.dims = vec![1 << 40, 1 << 40];
    assert!(read(huge).is_err());
}
