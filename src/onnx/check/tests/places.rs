//! External data of every tensor that a file can hold, wherever it stands.

use super::*;

const OUTSIDE: &str = "external data `../secret.bin` is outside the model's folder";

/// A tensor whose elements are in a file of that name.
fn elsewhere(location: &str) -> TensorProto {
    TensorProto {
        raw_data: None,
        data_location: Some(DataLocation::External.into()),
        external_data: vec![entry("location", location)],
        ..tensor("far", &[2])
    }
}

fn sparse(location: &str) -> SparseTensorProto {
    SparseTensorProto {
        values: Some(elsewhere(location)),
        ..Default::default()
    }
}

fn subgraph(location: &str) -> GraphProto {
    GraphProto {
        initializer: vec![elsewhere(location)],
        ..Default::default()
    }
}

fn with_attribute(model: &mut ModelProto, attribute: AttributeProto) {
    let named = AttributeProto {
        name: Some("value".to_owned()),
        ..attribute
    };
    graph(model).node[0].attribute.push(named);
}

fn function(attribute: AttributeProto) -> FunctionProto {
    FunctionProto {
        name: Some("Far".to_owned()),
        node: vec![NodeProto {
            attribute: vec![attribute],
            ..Default::default()
        }],
        ..Default::default()
    }
}

type Place = (&'static str, fn(&mut ModelProto, &str));

const PLACES: [Place; 11] = [
    ("tensor `far` of a sparse tensor", |model, location| {
        graph(model).sparse_initializer.push(sparse(location));
    }),
    ("tensor `far` of a sparse tensor", |model, location| {
        let indices = Some(elsewhere(location));
        let sparse = SparseTensorProto {
            indices,
            ..Default::default()
        };
        graph(model).sparse_initializer.push(sparse);
    }),
    (
        "tensor `far` of attribute `value` of node `stem`",
        |model, location| {
            let t = Some(Box::new(elsewhere(location)));
            with_attribute(
                model,
                AttributeProto {
                    t,
                    ..Default::default()
                },
            );
        },
    ),
    (
        "tensor `far` of attribute `value` of node `stem`",
        |model, location| {
            let tensors = vec![elsewhere(location)];
            with_attribute(
                model,
                AttributeProto {
                    tensors,
                    ..Default::default()
                },
            );
        },
    ),
    (
        "tensor `far` of attribute `value` of node `stem`",
        |model, location| {
            let g = Some(Box::new(subgraph(location)));
            with_attribute(
                model,
                AttributeProto {
                    g,
                    ..Default::default()
                },
            );
        },
    ),
    (
        "tensor `far` of attribute `value` of node `stem`",
        |model, location| {
            let graphs = vec![subgraph(location)];
            with_attribute(
                model,
                AttributeProto {
                    graphs,
                    ..Default::default()
                },
            );
        },
    ),
    (
        "tensor `far` of a sparse tensor of attribute `value`",
        |model, location| {
            let sparse_tensor = Some(Box::new(sparse(location)));
            with_attribute(
                model,
                AttributeProto {
                    sparse_tensor,
                    ..Default::default()
                },
            );
        },
    ),
    (
        "tensor `far` of a sparse tensor of attribute `value`",
        |model, location| {
            let sparse_tensors = vec![sparse(location)];
            with_attribute(
                model,
                AttributeProto {
                    sparse_tensors,
                    ..Default::default()
                },
            );
        },
    ),
    (
        "tensor `far` of a sparse tensor of attribute `value`",
        |model, location| {
            let sparse_initializer = vec![sparse(location)];
            let g = Some(Box::new(GraphProto {
                sparse_initializer,
                ..Default::default()
            }));
            with_attribute(
                model,
                AttributeProto {
                    g,
                    ..Default::default()
                },
            );
        },
    ),
    ("tensor `far` of function `Far`", |model, location| {
        let t = Some(Box::new(elsewhere(location)));
        model.functions.push(function(AttributeProto {
            t,
            ..Default::default()
        }));
    }),
    (
        "tensor `far` of attribute `value` of function `Far`",
        |model, location| {
            let t = Some(Box::new(elsewhere(location)));
            let mut function = function(AttributeProto::default());
            let name = Some("value".to_owned());
            function.attribute_proto.push(AttributeProto {
                name,
                t,
                ..Default::default()
            });
            model.functions.push(function);
        },
    ),
];

#[test]
fn no_tensor_has_its_data_outside_the_folder() {
    for (owner, plant) in PLACES {
        let mut model = model();
        plant(&mut model, "../secret.bin");
        let found = findings(&model);
        let is_it = |finding: &&Finding| finding.code == "external";
        let found: Vec<_> = found.iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "{owner}: {found:#?}");
        assert_eq!(found[0].level, Level::Error);
        assert!(found[0].message.starts_with(owner), "{found:#?}");
        assert!(found[0].message.ends_with(OUTSIDE), "{found:#?}");
    }
}

/// ONNX Runtime 1.24.4 refuses such a location of an initializer by itself, and says nothing of the other places.
#[test]
fn no_tensor_has_its_data_at_an_address() {
    for (owner, plant) in PLACES {
        let mut model = model();
        plant(&mut model, "*/_ORT_MEM_ADDR_/*");
        let found = findings(&model);
        let found = found.iter().find(|finding| finding.code == "external");
        let message = &found.expect(owner).message;
        assert!(message.starts_with(owner), "{message}");
        assert!(message.contains("is an address in memory"), "{message}");
    }
}

#[test]
fn data_inside_the_folder_is_no_fault_and_is_an_input() {
    for (owner, plant) in PLACES {
        let mut model = model();
        plant(&mut model, "model.data");
        let found = findings(&model);
        let external = found.iter().find(|finding| finding.code == "external");
        assert_eq!(external, None, "{owner}");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("model.onnx");
        fs::write(&path, model.encode_to_vec()).expect("the file can be written");
        let file = ModelFile::open(&path).expect("the model can be decoded");
        assert_eq!(
            file.data_files(),
            [folder.path().join("model.data")],
            "{owner}"
        );
    }
}

/// `TrainingInfoProto` is no message of ours: field 20 of the model, whose fields 1 and 2 are graphs.
#[test]
fn training_information_has_no_data_outside_either() {
    for field in [1_u8, 2] {
        let graph = subgraph("/etc/passwd").encode_to_vec();
        let mut training = vec![
            field << 3 | 2,
            u8::try_from(graph.len()).expect("few bytes"),
        ];
        training.extend(graph);
        let mut bytes = model().encode_to_vec();
        bytes.extend([0xa2, 1, u8::try_from(training.len()).expect("few bytes")]);
        bytes.extend(training);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("model.onnx");
        fs::write(&path, bytes).expect("the file can be written");
        let found = check(&ModelFile::open(&path).expect("the model can be decoded"));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(
            found.iter().any(|line| line.contains(
                "tensor `far` of training information: external data `/etc/passwd` is outside"
            )),
            "{found:#?}"
        );
    }
}
