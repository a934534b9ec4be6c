//! What the form passes do to a real network.

use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::form::{
    BatchNorms, Form, Pool, SpellError, Swish, apply, fold_batch_norms, spell,
};
use efficientnet_onnx::graph;
use efficientnet_onnx::network::{self, ClassActivation, Interface, Output};
use efficientnet_onnx::onnx::graph::Graph;
use efficientnet_onnx::onnx::opset::{IrVersion, Opset};
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::tensor::shape::Dim;
use std::collections::{BTreeMap, BTreeSet};

fn canonical(name: &str, interface: &Interface) -> graph::Graph {
    let variant = Variant::by_name(name).expect("a published name");
    let architecture = Request::new(Blueprint::published(variant)).architecture();
    network::build(&architecture.expect("a published size"), interface).expect("it fits")
}

fn op_types(graph: &Graph) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for node in graph.nodes() {
        *counts.entry(node.operator.op_type()).or_default() += 1;
    }
    counts
}

#[test]
fn every_batch_norm_of_b0_folds_and_names_survive() {
    let graph = canonical("b0", &Interface::single([224, 224]));
    let folded = fold_batch_norms(graph.clone());
    let node = folded
        .nodes
        .iter()
        .find(|node| node.name == "blocks.2.1.conv_dw");
    let node = node.expect("timm's name");
    let names: Vec<&str> = node
        .inputs
        .iter()
        .map(|id| folded.value(*id).name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "blocks.2.1.bn1.act",
            "blocks.2.1.conv_dw.weight",
            "blocks.2.1.conv_dw.bias"
        ]
    );
    assert_eq!(folded.value(node.output).name, "blocks.2.1.bn2");
    assert_eq!(folded.parameters, graph.parameters);
}

/// For N blocks of which N1 do not expand: 5N - N1 + 2 convolutions with squeeze-and-excitation, 3N - N1 + 2
/// without. PyTorch's exporter writes the same 81 Conv, 65 Sigmoid, 65 Mul and 9 Add for B0, and 49 Conv,
/// 33 Clip and 9 Add for Lite0 (torch 2.15, opset 20).
#[test]
fn operators_of_the_default_form() {
    let spelled = |name| {
        let graph = canonical(name, &Interface::single([224, 224]));
        apply(graph, &Form::default())
    };
    let b0 = spelled("b0").expect("a fixed size");
    let expected = [
        ("Add", 9),
        ("Conv", 81),
        ("Gemm", 1),
        ("Mul", 65),
        ("ReduceMean", 17),
        ("Sigmoid", 65),
    ];
    assert_eq!(op_types(&b0), BTreeMap::from(expected));
    let lite0 = spelled("lite0").expect("a fixed size");
    let expected = [
        ("Add", 9),
        ("Clip", 33),
        ("Conv", 49),
        ("Gemm", 1),
        ("ReduceMean", 1),
    ];
    assert_eq!(op_types(&lite0), BTreeMap::from(expected));
}

/// The pool alone is spelled otherwise from opset 18 on, where ReduceMean has no axes attribute; every name of opset 17
/// stays.
#[test]
fn opsets_differ_in_the_pool_alone_and_names_stay() {
    // The head's pool is followed by a linear layer, and so is that of each routed block.
    for (name, flat) in [("b0", 1), ("lite0", 1), ("condconv-b0-4e", 1 + 8)] {
        let spelled = |opset: i64| {
            let form = Form {
                opset: Opset::new(opset).expect("an opset that is written"),
                ..Form::default()
            };
            apply(canonical(name, &Interface::single([64, 64])), &form).expect("a fixed size")
        };
        let usual = spelled(17);
        let mut usual_types = op_types(&usual);
        for opset in 13..=17 {
            assert_eq!(op_types(&spelled(opset)), usual_types, "{name} {opset}");
        }
        let pools = usual_types.remove("ReduceMean").expect("pools");
        for opset in 18..=28 {
            let graph = spelled(opset);
            let mut types = op_types(&graph);
            assert_eq!(types.remove("GlobalAveragePool"), Some(pools), "{opset}");
            assert_eq!(types.remove("Flatten"), Some(flat), "{opset}");
            assert_eq!(types, usual_types, "{name} {opset}");
            let new: Vec<_> = names(&graph).difference(&names(&usual)).cloned().collect();
            assert_eq!(new.len(), flat, "{new:?}");
            let own = |(node, _): &(String, String)| node.ends_with(".average");
            assert!(new.iter().all(own), "{new:?}");
            assert!(names(&usual).is_subset(&names(&graph)));
        }
    }
}

fn opset(version: i64) -> Opset {
    Opset::new(version).expect("an opset that is written")
}

/// Names of nodes and of their results.
fn names(graph: &Graph) -> BTreeSet<(String, String)> {
    let nodes = graph.nodes().iter();
    nodes
        .map(|node| (node.name.clone(), graph.value(node.output).name.clone()))
        .collect()
}

#[test]
fn swish_as_an_operator_takes_the_place_of_its_product() {
    for (name, swishes) in [("b0", 49), ("lite0", 0), ("condconv-b0-4e", 49)] {
        let spelled = |version, swish| {
            let form = Form {
                opset: opset(version),
                swish,
                ..Form::default()
            };
            apply(canonical(name, &Interface::single([64, 64])), &form)
        };
        for version in 24..=28 {
            let usual = spelled(version, Swish::SigmoidMul).expect("it fits");
            let other = spelled(version, Swish::SwishOp).expect("it fits");
            let mut expected = op_types(&usual);
            for of_swish in ["Sigmoid", "Mul"] {
                *expected.entry(of_swish).or_default() -= swishes;
            }
            expected.insert("Swish", swishes);
            expected.retain(|_, count| *count > 0);
            assert_eq!(op_types(&other), expected, "{name} {version}");
            assert!(names(&other).is_subset(&names(&usual)));
        }
        for version in 13..=23 {
            let refused = spelled(version, Swish::SwishOp).expect_err("it came later");
            assert_eq!(refused, SpellError::NoSwish(opset(version)), "{name}");
        }
    }
}

/// Each opset has both spellings of a pool, and the names of every one are those of its usual one.
#[test]
fn pools_are_spelled_as_asked_for_in_every_opset() {
    for (name, pools, flat) in [
        ("b0", 17, 1),
        ("lite0", 1, 1),
        ("condconv-b0-4e", 16 + 9, 9),
    ] {
        for version in 13..=28 {
            let spelled = |pool| {
                let form = Form {
                    opset: opset(version),
                    pool,
                    ..Form::default()
                };
                apply(canonical(name, &Interface::single([64, 64])), &form).expect("it fits")
            };
            let mean = spelled(Some(Pool::ReduceMean));
            let average = spelled(Some(Pool::GlobalAverage));
            let count = |graph: &Graph, op_type| op_types(graph).get(op_type).copied();
            assert_eq!(count(&mean, "ReduceMean"), Some(pools), "{name} {version}");
            assert_eq!(count(&mean, "GlobalAveragePool"), None);
            assert_eq!(count(&average, "GlobalAveragePool"), Some(pools));
            assert_eq!(count(&average, "Flatten"), Some(flat));
            assert_eq!(count(&average, "ReduceMean"), None);
            let operands = mean.nodes().iter().filter_map(|node| {
                let is_mean = node.operator.op_type() == "ReduceMean";
                is_mean.then_some(node.inputs.len())
            });
            let expected = if version < 18 { 1 } else { 2 };
            assert!(operands.into_iter().all(|operands| operands == expected));
            assert!(names(&mean).is_subset(&names(&average)));
            let usual = if version < 18 { &mean } else { &average };
            assert_eq!(names(&spelled(None)), names(usual));
            assert_eq!(op_types(&spelled(None)), op_types(usual));
            // Shapes are those of the usual spelling.
            for node in mean.nodes() {
                let of = |graph: &Graph| {
                    let nodes = graph.nodes().iter();
                    let mut same = nodes.filter(|other| other.name == node.name);
                    let output = same.next().expect("a node of that name").output;
                    graph.value(output).r#type.clone()
                };
                assert_eq!(of(&mean), of(&average), "{name} {version} {}", node.name);
            }
        }
    }
}

#[test]
fn an_ir_version_that_came_before_the_opset_is_refused() {
    for version in 13..=28 {
        for number in 7..=14 {
            let found = IrVersion::new(number).expect("a known one");
            let form = Form {
                opset: opset(version),
                ir_version: Some(found),
                ..Form::default()
            };
            let spelled = apply(graph::Graph::default(), &form);
            let lowest = form.opset.ir_version();
            assert_eq!(spelled.is_ok(), found >= lowest, "{version} {number}");
            assert_eq!(form.ir_version(), found);
            assert_eq!(form.higher_ir_version().is_none(), found == lowest);
        }
    }
    assert_eq!((IrVersion::new(6), IrVersion::new(15)), (None, None));
}

#[test]
fn batch_norms_stay_where_they_are_not_folded() {
    let graph = canonical("b0", &Interface::single([224, 224]));
    let form = Form {
        batch_norms: BatchNorms::Keep,
        ..Form::default()
    };
    let spelled = apply(graph, &form).expect("a fixed size");
    assert_eq!(op_types(&spelled)["BatchNormalization"], 49);
}

#[test]
fn free_sizes_have_no_constant_padding() {
    let interface = |multiple| Interface {
        batch: Dim::symbol("batch", 1),
        height: Dim::symbol("height", multiple),
        width: Dim::symbol("width", multiple),
        outputs: vec![Output::Logits],
        activation: ClassActivation::Softmax,
    };
    let spelled = |multiple| spell(&canonical("b0", &interface(multiple)), &Form::default());
    assert!(spelled(32).is_ok());
    let error = spelled(1).expect_err("padding depends on the size");
    assert!(
        error
            .to_string()
            .starts_with("node `conv_stem` has no constant padding"),
        "{error}"
    );
}
