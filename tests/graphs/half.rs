//! Graphs of half precision, with and without islands of single precision.

use crate::emitted::request;
use efficientnet_onnx::form::{BatchNorms, Form, InputFormat, Islands, Normalize};
use efficientnet_onnx::network::Output;
use efficientnet_onnx::onnx::graph::{Graph, Node};
use efficientnet_onnx::onnx::opset::Opset;
use efficientnet_onnx::request::{Extent, Request};
use efficientnet_onnx::tensor::Element;
use std::collections::BTreeMap;

fn spelled(request: &Request) -> Graph {
    request.graph().expect("a form that is written")
}

fn with(variant: &str, form: Form) -> Request {
    Request {
        size: [Extent::Fixed(64); 2],
        outputs: vec![Output::Logits, Output::Probabilities],
        form,
        ..request(variant)
    }
}

fn half(variant: &str) -> Request {
    let form = Form {
        element: Element::F16,
        ..Form::default()
    };
    with(variant, form)
}

/// Element types of all values by name: inputs, stored values and results.
fn elements(graph: &Graph) -> BTreeMap<&str, Element> {
    let mut ids = graph.inputs().to_vec();
    ids.extend(graph.stored_values());
    ids.extend(graph.nodes().iter().map(|node| node.output));
    let count = ids.len();
    let values = ids.into_iter().map(|id| graph.value(id));
    let elements: BTreeMap<_, _> = values
        .map(|value| (value.name.as_str(), value.r#type.element))
        .collect();
    assert_eq!(elements.len(), count, "every name is unique");
    elements
}

fn casts(graph: &Graph) -> Vec<&Node> {
    let nodes = graph.nodes().iter();
    nodes
        .filter(|node| node.operator.op_type() == "Cast")
        .collect()
}

fn operand_elements(graph: &Graph, node: &Node) -> Vec<Element> {
    let operands = node.inputs.iter();
    operands.map(|id| graph.value(*id).r#type.element).collect()
}

#[test]
fn every_name_stays_and_is_of_half_precision() {
    for (variant, opset, element) in [
        ("b0", 17, Element::F16),
        ("lite0", 18, Element::F16),
        ("condconv-b0-4e", 13, Element::F16),
        ("v2-b0", 22, Element::Bf16),
    ] {
        for batch_norms in BatchNorms::ALL {
            let form = Form {
                opset: Opset::new(opset).expect("an opset"),
                batch_norms,
                ..Form::default()
            };
            let usual = spelled(&with(variant, form.clone()));
            let form = Form { element, ..form };
            let graph = spelled(&with(variant, form));
            let found = elements(&graph);
            for (name, usual) in elements(&usual) {
                // What only an island takes.
                let is_inside = name.ends_with(".average");
                let expected = if usual == Element::F32 && !is_inside {
                    element
                } else {
                    usual
                };
                assert_eq!(found.get(name), Some(&expected), "{variant}: {name}");
            }
            for node in graph.nodes() {
                match node.operator.op_type() {
                    "ReduceMean" | "GlobalAveragePool" | "Flatten" | "Softmax" => {
                        assert_eq!(
                            operand_elements(&graph, node),
                            [Element::F32],
                            "{}",
                            node.name
                        );
                    }
                    "BatchNormalization" => {
                        assert_eq!(
                            operand_elements(&graph, node),
                            [element; 5],
                            "{}",
                            node.name
                        );
                    }
                    _ => {}
                }
            }
            // One cast into each pool and the softmax, and one out of it.
            let pools = usual.nodes().iter().filter(|node| {
                ["ReduceMean", "GlobalAveragePool", "Softmax"].contains(&node.operator.op_type())
            });
            assert_eq!(casts(&graph).len(), 2 * pools.count(), "{variant}");
        }
    }
}

#[test]
fn inputs_and_outputs_stay_single_where_that_is_asked_for() {
    for (islands, outputs) in [(Islands::None, 2), (Islands::Auto, 1)] {
        let mut request = half("lite0");
        request.form.keeps_io = true;
        request.form.islands = islands;
        let graph = spelled(&request);
        let ends = graph.inputs().iter().chain(graph.outputs());
        let ends: Vec<_> = ends
            .map(|id| {
                (
                    graph.value(*id).name.as_str(),
                    graph.value(*id).r#type.element,
                )
            })
            .collect();
        let expected = ["input", "logits", "probabilities"].map(|name| (name, Element::F32));
        assert_eq!(ends, expected);
        let casts: Vec<&str> = casts(&graph)
            .iter()
            .map(|node| node.name.as_str())
            .collect();
        assert_eq!(casts[0], "input.to_half");
        // What the softmax computes in f32 goes out as it is, and takes the logits that go out.
        let last: Vec<&str> = casts.iter().copied().rev().take(outputs).collect();
        let expected = ["probabilities.to_f32", "logits.to_f32"];
        assert_eq!(last, expected[2 - outputs..]);
        assert_eq!(elements(&graph)["logits.half"], Element::F16);
    }
}

#[test]
fn an_island_is_around_any_node_and_neighbours_need_no_cast() {
    let islands = |names: &[&str]| {
        let mut request = half("b0");
        request.outputs = vec![Output::Logits];
        request.form.islands =
            Islands::Nodes(names.iter().map(|name| (*name).to_owned()).collect());
        request
    };
    let none = spelled(&islands(&[]));
    assert_eq!(casts(&none).len(), 0);
    // A convolution, the sigmoid and the product of its swish: one cast in at the first, one out at the last.
    let names = [
        "blocks.1.0.conv_dw",
        "blocks.1.0.bn2.act.sigmoid",
        "blocks.1.0.bn2.act",
    ];
    let graph = spelled(&islands(&names));
    let found: Vec<&str> = casts(&graph)
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(
        found,
        ["blocks.1.0.bn1.act.to_f32", "blocks.1.0.bn2.act.to_half"]
    );
    let types = elements(&graph);
    assert_eq!(types["blocks.1.0.conv_dw.weight"], Element::F32);
    assert_eq!(types["blocks.1.0.conv_dw.bias"], Element::F32);
    assert_eq!(types["blocks.1.0.bn2"], Element::F32);
    assert_eq!(types["blocks.1.0.bn2.act.f32"], Element::F32);
    assert_eq!(types["blocks.1.0.bn2.act"], Element::F16);
    assert_eq!(types["blocks.1.0.conv_pw.weight"], Element::F16);
    // A constant that both precisions need is there in both.
    let mut clipped = half("lite0");
    clipped.form.islands = Islands::Nodes(vec!["bn1.act".to_owned()]);
    let types = spelled(&clipped);
    let types = elements(&types);
    assert_eq!(types["relu6.max"], Element::F16);
    assert_eq!(types["relu6.max.f32"], Element::F32);
    let unknown = islands(&["blocks.1.0.conv_wd"])
        .graph()
        .expect_err("no such node");
    let expected =
        "the graph has no node `blocks.1.0.conv_wd`, around which an island of f32 is asked for";
    assert_eq!(unknown.to_string(), expected);
}

/// In half precision a mean has too few digits to be taken from a pixel.
#[test]
fn the_mean_is_subtracted_in_single_precision() {
    for (input, keeps_io, expected) in [
        (
            InputFormat::Uint8Nhwc,
            false,
            &["input.centred.to_half"][..],
        ),
        (
            InputFormat::Nhwc,
            false,
            &["input.to_f32", "input.centred.to_half"],
        ),
        (InputFormat::Nchw, true, &["input.centred.to_half"]),
    ] {
        let mut request = half("lite0");
        request.outputs = vec![Output::Logits];
        request.form.keeps_io = keeps_io;
        request.form.input = input;
        request.form.normalize = Some(Normalize {
            mean: [123.675; 3],
            std: [58.395; 3],
        });
        let graph = spelled(&request);
        let types = elements(&graph);
        assert_eq!(types["input.mean"], Element::F32);
        assert_eq!(types["input.centred.f32"], Element::F32);
        assert_eq!(types["input.centred"], Element::F16);
        let casts = casts(&graph).into_iter().map(|node| node.name.as_str());
        let is_of_the_input = |name: &&str| name.starts_with("input") && *name != "input.float";
        let found: Vec<&str> = casts.filter(is_of_the_input).collect();
        assert_eq!(found, expected, "{input:?}");
    }
}

#[test]
fn an_element_type_that_the_opset_lacks_is_refused() {
    let mut request = half("b0");
    request.form.element = Element::Bf16;
    let error = request.graph().expect_err("17 has no Conv of bf16");
    let expected = "graphs of bf16 need opset 22 or later, found 17";
    assert_eq!(error.to_string(), expected);
    request.form.element = Element::F64;
    let error = request.graph().expect_err("no pass makes them");
    let expected = "graphs of f64 cannot be written, only of f32, f16 and bf16";
    assert_eq!(error.to_string(), expected);
}
