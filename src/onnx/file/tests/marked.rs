//! Marked copies: the same model with more outputs, whichever way its data is stored.

use super::*;
use crate::onnx::file::mark;

fn named(name: &str, elem_type: Option<i32>) -> ValueInfoProto {
    let tensor = type_proto::Tensor {
        elem_type,
        shape: Some(crate::onnx::proto::TensorShapeProto::default()),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: elem_type.map(|_| TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn marked_model() -> ModelProto {
    let mut written = model(vec![TensorProto {
        raw_data: Some(bytes_of(&[1.0, 2.0]).into()),
        ..tensor("w", &[2])
    }]);
    let graph = written.graph.get_or_insert_default();
    graph.output = vec![named("y", Some(1))];
    graph.value_info = vec![named("b", Some(7))];
    for (from, to) in [("x", "a"), ("a", "b"), ("b", "y")] {
        graph.node.push(NodeProto {
            input: vec![from.to_owned()],
            output: vec![to.to_owned()],
            op_type: Some("Relu".to_owned()),
            ..Default::default()
        });
    }
    written
}

#[test]
fn a_marked_copy_has_more_outputs_and_nothing_else() {
    let written = marked_model();
    let (folder, path) = write(&written.encode_to_vec());
    let file = ModelFile::open(&path).expect("a model");
    let copy = mark(&file, &["b", "y", "a", "b"]).expect("a copy");
    let read = ModelFile::open(&copy.path()).expect("a model");
    let types: Vec<_> = read
        .contents
        .outputs
        .iter()
        .map(|output| (output.name(), output.r#type.is_some()))
        .collect();
    assert_eq!(types, [("y", true), ("b", true), ("a", false)]);
    let Some(type_proto::Value::TensorType(found)) = read.contents.outputs[1]
        .r#type
        .clone()
        .and_then(|found| found.value)
    else {
        panic!("{:?}", read.contents.outputs[1]);
    };
    assert_eq!((found.elem_type, found.shape), (Some(7), None));
    let without = |contents: &Contents| Contents {
        outputs: Vec::new(),
        ..contents.clone()
    };
    assert_eq!(without(&file.contents), without(&read.contents));

    // Whoever decodes the whole sees one model too.
    let mut whole =
        ModelProto::decode(std::fs::read(copy.path()).expect("bytes").as_slice()).expect("a model");
    let graph = whole.graph.get_or_insert_default();
    assert_eq!(graph.output.len(), 3);
    graph.output.truncate(1);
    assert_eq!(whole, written);

    // The original's folder is as it was, and the copy's goes.
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        1
    );
    let copied = copy.path();
    drop(copy);
    assert!(!copied.parent().expect("a folder").exists());
}

#[test]
fn external_data_is_beside_a_marked_copy() {
    let mut written = marked_model();
    written.graph.get_or_insert_default().initializer = vec![
        external("w", &[2], "weights/w.bin", "0", "8"),
        external("v", &[1], "weights/w.bin", "4", "4"),
    ];
    let (folder, path) = write(&written.encode_to_vec());
    let weights = folder.path().join("weights");
    std::fs::create_dir(&weights).expect("a folder");
    std::fs::write(weights.join("w.bin"), bytes_of(&[3.0, 4.0])).expect("a file");
    let file = ModelFile::open(&path).expect("a model");
    let copy = mark(&file, &["a"]).expect("a copy");
    let source =
        InitializerSource::new(ModelFile::open(&copy.path()).expect("a model")).expect("tensors");
    let mut value = [0.0];
    source
        .open("v")
        .expect("a tensor")
        .fill(0, &mut value)
        .expect("its element");
    assert_eq!(value, [4.0]);
    drop((source, copy));
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        2
    );

    written.graph.get_or_insert_default().initializer[0].external_data =
        entries(&[("location", "../w.bin")]);
    let (_folder, path) = write(&written.encode_to_vec());
    let refused = mark(&ModelFile::open(&path).expect("a model"), &["a"]).expect_err("outside");
    assert!(refused.to_string().contains("`w` of"), "{refused}");
}
