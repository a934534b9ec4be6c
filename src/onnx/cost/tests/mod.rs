//! Files whose work is known by hand.

mod impossible;
mod inside;
mod unknown;

use super::*;
use crate::onnx::proto::attribute_proto::AttributeType;
use crate::onnx::proto::tensor_proto::DataType;
use crate::onnx::proto::{GraphProto, ModelProto, OperatorSetIdProto, TensorProto};
use prost::Message;

/// `Op in … -> out …` with attributes `name=1,2` between; `_` is left out.
fn node(text: &str) -> NodeProto {
    let (call, outputs) = text.split_once(" -> ").expect("an arrow");
    let mut node = NodeProto {
        output: outputs.split(' ').map(str::to_owned).collect(),
        ..Default::default()
    };
    for (index, word) in call.split(' ').enumerate() {
        if index == 0 {
            let (domain, op_type) = word.split_once('.').unwrap_or(("", word));
            (node.domain, node.op_type) = (Some(domain.to_owned()), Some(op_type.to_owned()));
        } else if let Some((name, value)) = word.split_once('=') {
            node.attribute.push(attribute(name, value));
        } else {
            let name = if word == "_" { "" } else { word };
            node.input.push(name.to_owned());
        }
    }
    node
}

fn attribute(name: &str, value: &str) -> AttributeProto {
    let mut attribute = AttributeProto {
        name: Some(name.to_owned()),
        ..Default::default()
    };
    let numbers: Result<Vec<i64>, _> = value.split(',').map(str::parse).collect();
    let kind = match numbers {
        Err(_) => {
            attribute.s = Some(value.as_bytes().to_vec());
            AttributeType::String
        }
        Ok(numbers)
            if matches!(
                name,
                "axis"
                    | "group"
                    | "transB"
                    | "transA"
                    | "ceil_mode"
                    | "keepdims"
                    | "blocksize"
                    | "to"
                    | "end"
            ) =>
        {
            attribute.i = Some(numbers[0]);
            AttributeType::Int
        }
        Ok(numbers) => {
            attribute.ints = numbers;
            AttributeType::Ints
        }
    };
    attribute.r#type = Some(kind.into());
    attribute
}

/// A constant of zeros.
fn weight(name: &str, dims: &[i64]) -> TensorProto {
    let count: i64 = dims.iter().product();
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(DataType::Float.into()),
        raw_data: Some(vec![0; usize::try_from(count * 4).expect("small")].into()),
        ..Default::default()
    }
}

fn list(name: &str, numbers: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: vec![i64::try_from(numbers.len()).expect("small")],
        data_type: Some(DataType::Int64.into()),
        int64_data: numbers.to_vec(),
        ..Default::default()
    }
}

fn model(nodes: &[&str], constants: Vec<TensorProto>) -> ModelProto {
    let graph = GraphProto {
        node: nodes.iter().map(|text| node(text)).collect(),
        initializer: constants,
        ..Default::default()
    };
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        graph: Some(graph),
        ..Default::default()
    }
}

fn counted(model: &ModelProto, input: &[u64]) -> Count {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, model.encode_to_vec()).expect("a file");
    let file = ModelFile::open(&path).expect("a model");
    count(&file, &[("x".to_owned(), input.to_vec())]).expect("counted")
}

fn macs(nodes: &[&str], constants: Vec<TensorProto>) -> u64 {
    let count = counted(&model(nodes, constants), &[2, 4, 9, 12]);
    assert_eq!(count.uncounted, Vec::<String>::new(), "{nodes:?}");
    count.macs
}

#[test]
fn windows_are_counted_by_what_they_give_and_sum() {
    let kernel = || vec![weight("w", &[6, 4, 3, 3])];
    let each = 2 * 6 * 4 * 9;
    for (call, positions) in [
        ("Conv x w -> y", 7 * 10),
        ("Conv x w pads=1,1,1,1 -> y", 9 * 12),
        ("Conv x w strides=2,2 pads=0,0,1,1 -> y", 4 * 6),
        ("Conv x w dilations=2,3 -> y", 5 * 6),
        ("Conv x w auto_pad=SAME_UPPER strides=2,2 -> y", 5 * 6),
        ("Conv x w auto_pad=SAME_LOWER strides=4,5 -> y", 3 * 3),
        ("Conv x w auto_pad=VALID strides=2,2 -> y", 4 * 5),
    ] {
        assert_eq!(macs(&[call], kernel()), each * positions, "{call}");
    }
    let depthwise = vec![weight("w", &[4, 1, 3, 3])];
    assert_eq!(macs(&["Conv x w group=4 -> y"], depthwise), 2 * 4 * 70 * 9);
    // One product for each element and each weight that it meets.
    let back = vec![weight("w", &[4, 5, 2, 2])];
    assert_eq!(
        macs(&["ConvTranspose x w strides=2,2 -> y"], back),
        2 * 4 * 108 * 20
    );
    // What follows a pool tells its shape.
    let pooled = |pool: &str| macs(&[pool, "Conv p w -> y"], vec![weight("w", &[1, 4, 1, 1])]) / 8;
    assert_eq!(pooled("MaxPool x kernel_shape=2,2 strides=2,2 -> p"), 4 * 6);
    assert_eq!(
        pooled("MaxPool x kernel_shape=2,2 strides=2,2 ceil_mode=1 -> p"),
        5 * 6
    );
    assert_eq!(
        pooled("AveragePool x kernel_shape=3,3 pads=1,1,1,1 -> p"),
        9 * 12
    );
    assert_eq!(pooled("GlobalAveragePool x -> p"), 1);
    let transposed = "ConvTranspose x back strides=2,2 -> p";
    let constants = vec![weight("back", &[4, 4, 2, 2]), weight("w", &[1, 4, 1, 1])];
    assert_eq!(
        macs(&[transposed, "Conv p w -> y"], constants),
        2 * 4 * 108 * 16 + 2 * 18 * 24 * 4
    );
}

#[test]
fn products_are_counted_whichever_side_is_turned() {
    let flat = "Flatten x -> f";
    let wide = 4 * 9 * 12;
    let constants = |dims: &[i64]| vec![weight("w", dims)];
    assert_eq!(
        macs(&[flat, "Gemm f w transB=1 -> y"], constants(&[5, wide])),
        2 * 5 * 432
    );
    assert_eq!(
        macs(&[flat, "Gemm f w -> y"], constants(&[wide, 5])),
        2 * 5 * 432
    );
    assert_eq!(
        macs(&[flat, "Gemm f w transA=1 -> y"], constants(&[2, 7])),
        432 * 7 * 2
    );
    assert_eq!(
        macs(&["MatMul x w -> y"], constants(&[12, 3])),
        2 * 4 * 9 * 3 * 12
    );
    assert_eq!(
        macs(
            &["Transpose x perm=0,1,3,2 -> t", "MatMul x t -> y"],
            vec![]
        ),
        2 * 4 * 81 * 12
    );
}

/// The last extent of each.
#[test]
fn shapes_are_followed_through_what_moves_elements_and_computes_shapes() {
    let two = || list("two", &[2]);
    for (nodes, constants, elements) in [
        (&["Reshape x to -> r"][..], vec![list("to", &[1, -1])], 864),
        (&["Reshape x to -> r"], vec![list("to", &[0, 0, 108])], 108),
        // The batch of the input, and what is left: as torch's exporter writes it.
        (
            &[
                "Shape x -> s",
                "Gather s zero axis=0 -> b",
                "Unsqueeze b axes -> bs",
                "Concat bs rest axis=0 -> to",
                "Reshape x to -> r",
            ],
            vec![list("zero", &[0]), list("axes", &[0]), list("rest", &[-1])],
            432,
        ),
        (
            &[
                "Shape x end=2 -> s",
                "Concat s rest axis=0 -> to",
                "Reshape x to -> r",
            ],
            vec![list("rest", &[-1])],
            108,
        ),
        (
            &["Slice x from to axes -> r"],
            vec![list("from", &[2]), list("to", &[99]), list("axes", &[3])],
            10,
        ),
        (
            &["Slice x from to axes step -> r"],
            vec![
                list("from", &[-1]),
                list("to", &[-99]),
                list("axes", &[3]),
                list("step", &[-5]),
            ],
            3,
        ),
        (
            &["Pad x pads -> r"],
            vec![list("pads", &[0, 0, 0, 1, 0, 0, 0, 2])],
            15,
        ),
        (&["ReduceMean x axes=2,3 keepdims=0 -> r"], vec![], 4),
        (&["ReduceMean x axes=2,3 -> m", "Flatten m -> r"], vec![], 4),
        (&["ReduceSum x two keepdims=0 -> r"], vec![two()], 12),
        (&["Split x axis=3 split=5,7 -> a r"], vec![], 7),
        (&["Split x axis=3 -> a b r"], vec![], 4),
        (&["Concat x x axis=3 -> r"], vec![], 24),
        (&["Squeeze x1 -> r"], vec![weight("x1", &[1, 3, 1, 6])], 6),
        (
            &["Tile x times -> r"],
            vec![list("times", &[1, 1, 1, 3])],
            36,
        ),
        (
            &["Expand w1 to -> r"],
            vec![weight("w1", &[1]), list("to", &[2, 8])],
            8,
        ),
        (
            &["Resize x _ scales -> r"],
            vec![TensorProto {
                float_data: vec![1.0, 1.0, 2.0, 1.5],
                ..list("scales", &[])
            }],
            18,
        ),
        (
            &["Resize x _ _ sizes -> r"],
            vec![list("sizes", &[2, 4, 3, 5])],
            5,
        ),
        (
            &[
                "SpaceToDepth x4 blocksize=2 -> d",
                "Transpose d perm=0,3,2,1 -> r",
            ],
            vec![weight("x4", &[1, 4, 4, 6])],
            16,
        ),
        (
            &["Add x one -> r"],
            vec![weight("one", &[5, 1, 1, 1, 1])],
            12,
        ),
    ] {
        let mut constants = constants;
        for constant in &mut constants {
            match constant.name() {
                "scales" => {
                    constant.dims = vec![4];
                    constant.data_type = Some(DataType::Float.into());
                }
                "zero" => constant.dims.clear(),
                _ => {}
            }
        }
        let found = last_extent(&model(nodes, constants));
        assert_eq!(found, Some(elements), "{nodes:?}");
    }
}

/// The last extent of the last result of the last node.
fn last_extent(model: &ModelProto) -> Option<u64> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, model.encode_to_vec()).expect("a file");
    let file = ModelFile::open(&path).expect("a model");
    let mut walk = Walk::new(&file, &[("x".to_owned(), vec![2, 4, 9, 12])]);
    for node in &file.contents.nodes {
        walk.step(node);
    }
    let name = file.contents.nodes.last()?.output.last()?;
    walk.values.get(name)?.shape.as_ref()?.last().copied()
}
