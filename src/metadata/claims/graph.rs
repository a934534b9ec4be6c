//! The graph that a recipe describes, held against the graph of the file.

use super::input::Difference;
use crate::architecture::HeadLayer;
use crate::files::foreign::Foreign;
use crate::metadata::Recipe;
use crate::onnx::file::{Initializer, InitializerSource, ModelFile, is_readable};
use crate::onnx::graph::Graph;
use crate::onnx::proto::{AttributeProto, NodeProto};
use crate::onnx::{element, model};
use crate::request::Request;
use crate::tensor::shape::{Dim, element_count};
use crate::tensor::{Element, SourceError, TensorInfo, TensorSource};
use std::collections::{BTreeMap, BTreeSet};

/// Elements of a tensor that are read at a time.
const PIECE: usize = 1 << 16;

/// What came of a comparison.
pub(super) struct Compared {
    /// Whether nodes, stored tensors, inputs and outputs are those of the recipe.
    pub is_same: bool,
    /// Fields that differ from what follows from the others, or from the graph.
    pub differences: Vec<Difference>,
}

/// Holds a recipe's network and counts against the file.
pub(super) fn compare(
    file: &ModelFile,
    request: &Request,
    recipe: &Recipe,
) -> Result<Compared, String> {
    let counts = request.counts().map_err(|error| error.to_string())?;
    let graph = request.graph().map_err(|error| error.to_string())?;
    let mut differences = Vec::new();
    for (field, claimed, counted) in [
        ("parameters", recipe.parameters, counts.parameters),
        ("macs", recipe.macs, counts.macs),
    ] {
        if claimed != counted {
            differences.push((
                field,
                claimed.to_string(),
                format!("its network has {counted}"),
            ));
        }
    }
    let default = request.default_size();
    if recipe.default_size != default {
        let claimed = format!("{:?}", recipe.default_size);
        differences.push((
            "default_size",
            claimed,
            format!("its network has {default:?}"),
        ));
    }
    differences.extend(mean(file, recipe)?);
    let is_same = is_same(file, &graph);
    if !is_same {
        if let Some((found, described)) = kernel_elements(file, &graph)
            && found != described
        {
            let claimed = request.blueprint.name();
            let found =
                format!("its kernels have {found} elements, those of that network {described}");
            differences.push(("architecture", claimed, found));
        }
        differences.extend(conventions(file, &graph, (request, recipe)));
    }
    Ok(Compared {
        is_same,
        differences,
    })
}

/// The name of the mean that a graph subtracts from its input.
const MEAN: &str = "input.mean";

/// The mean that the graph subtracts, where it is not the recipe's; nothing where another program has put it elsewhere.
fn mean(file: &ModelFile, recipe: &Recipe) -> Result<Option<Difference>, String> {
    let initializers = file.contents.initializers.iter();
    let Some(stored) = initializers.clone().find(|stored| stored.name == MEAN) else {
        return Ok(None);
    };
    let claimed = recipe.normalize.map(|normal| normal.mean);
    let shown = claimed.map_or_else(|| "none".to_owned(), |mean| format!("mean {mean:?}"));
    if claimed.is_none() || stored.element_count() != Some(3) {
        let found = format!("the graph has `{MEAN}`");
        return Ok(Some(("normalize", shown, found)));
    }
    let again = ModelFile::open(&file.path).map_err(|error| error.to_string())?;
    let source = InitializerSource::new(again).map_err(|error| error.to_string())?;
    let mut found = [0.0_f32; 3];
    let reader = source.open(MEAN).map_err(|error| error.to_string())?;
    reader
        .fill(0, &mut found)
        .map_err(|error| error.to_string())?;
    let element = element::from_number(stored.data_type)?;
    let as_stored = |mean: [f64; 3]| mean.map(|mean| element.nearest(mean));
    let is_same = claimed.is_some_and(|claimed| as_stored(claimed) == found.map(f64::from));
    let found = format!("the graph subtracts {found:?}");
    Ok((!is_same).then_some(("normalize", shown, found)))
}

/// Elements of all kernels and matrices, of the file and of the described graph; none where another program has put the file's
/// elsewhere: into nodes, or into layouts of its own.
fn kernel_elements(file: &ModelFile, graph: &Graph) -> Option<(u64, u64)> {
    let described = model::described(graph);
    let own = kernels(&described.node);
    let values = graph.stored_values();
    let values = values.into_iter().map(|id| graph.value(id));
    let values = values.filter(|value| own.contains(value.name.as_str()));
    let described = values.map(|value| element_count(&value.r#type.shape));
    let nodes = &file.contents.nodes;
    let stored = kernels(nodes);
    let initializers = file.contents.initializers.iter();
    let found: Vec<_> = initializers
        .filter(|initializer| stored.contains(initializer.name.as_str()))
        .map(Initializer::element_count)
        .collect();
    let is_foreign = nodes.iter().any(|node| !node.domain().is_empty());
    let sum = |sum: u64, size: Option<u64>| sum.saturating_add(size.unwrap_or_default());
    (found.len() == stored.len() && !is_foreign)
        .then(|| (found.into_iter().fold(0, sum), described.fold(0, sum)))
}

/// Names of the weights of convolutions and of the second operands of matrix products.
fn kernels(nodes: &[NodeProto]) -> BTreeSet<&str> {
    nodes
        .iter()
        .filter(|node| ["Conv", "Gemm", "MatMul"].contains(&node.op_type()))
        .filter_map(|node| Some(node.input.get(1)?.as_str()))
        .collect()
}

/// Padding and epsilon, where convolutions of the file have the weights of the described ones.
fn conventions(
    file: &ModelFile,
    graph: &Graph,
    (request, recipe): (&Request, &Recipe),
) -> Vec<Difference> {
    let described = model::described(graph);
    let convolutions = described
        .node
        .iter()
        .filter(|node| node.op_type() == "Conv");
    let convolutions: BTreeMap<&str, &NodeProto> = convolutions
        .filter_map(|node| Some((node.input.get(1)?.as_str(), node)))
        .collect();
    let mut differences = Vec::new();
    let others = file.contents.nodes.iter().find(|node| {
        let weight = node.input.get(1).map_or("", String::as_str);
        let described = convolutions
            .get(weight)
            .filter(|_| node.op_type() == "Conv");
        described.is_some_and(|described| pads(described) != pads(node))
    });
    if let Some(node) = others {
        let found = format!("node `{}` has other pads", node.name());
        differences.push(("padding", recipe.padding.clone(), found));
    }
    let norms = file.contents.nodes.iter();
    let norms = norms.filter(|node| node.op_type() == "BatchNormalization");
    let chain = request.head_chain();
    let of_head = chain.layers.iter().filter_map(|layer| match layer {
        HeadLayer::BatchNorm { epsilon } => Some(*epsilon),
        _ => None,
    });
    #[expect(clippy::cast_possible_truncation, reason = "as the file has it")]
    let single = |epsilon: f64| epsilon as f32;
    let claimed: Vec<f32> = [recipe.bn_epsilon]
        .into_iter()
        .chain(of_head)
        .map(single)
        .collect();
    if let Some(other) = norms
        .map(|node| attribute(node, "epsilon").map_or(DEFAULT_EPSILON, AttributeProto::f))
        .find(|epsilon| !claimed.contains(epsilon))
    {
        let found = format!("a batch norm has {other:e}");
        differences.push(("bn_epsilon", format!("{:e}", recipe.bn_epsilon), found));
    }
    differences
}

/// ONNX's epsilon of a BatchNormalization that says none.
const DEFAULT_EPSILON: f32 = 1e-5;

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|one| one.name() == name)
}

/// How a convolution is padded, with ONNX's defaults for what it does not say.
fn pads(node: &NodeProto) -> (&[u8], &[i64]) {
    let automatic = attribute(node, "auto_pad").map_or(&b"NOTSET"[..], AttributeProto::s);
    let pads = attribute(node, "pads").map_or(&[][..], |pads| &pads.ints);
    let is_zero = pads.iter().all(|pad| *pad == 0);
    (automatic, if is_zero { &[] } else { pads })
}

/// Whether the file has the nodes, the stored tensors, the inputs and the outputs of the graph.
fn is_same(file: &ModelFile, graph: &Graph) -> bool {
    let contents = &file.contents;
    let described = model::described(graph);
    let node = |one: &NodeProto, other: &NodeProto| {
        one.op_type() == other.op_type()
            && one.domain() == other.domain()
            && one.input == other.input
            && one.output == other.output
            && one.attribute == other.attribute
    };
    let nodes = contents.nodes.len() == described.node.len()
        && contents
            .nodes
            .iter()
            .zip(&described.node)
            .all(|(one, other)| node(one, other));
    let stored: BTreeSet<(&str, i32, &[i64])> = contents
        .initializers
        .iter()
        .map(|stored| {
            (
                stored.name.as_str(),
                stored.data_type,
                stored.dims.as_slice(),
            )
        })
        .collect();
    let fits = |id| {
        let value = graph.value(id);
        let extent = |dim: &Dim| match dim {
            Dim::Fixed(extent) => i64::try_from(*extent).ok(),
            _ => None,
        };
        let dims: Option<Vec<i64>> = value.r#type.shape.iter().map(extent).collect();
        let kind = element::number(value.r#type.element);
        dims.is_some_and(|dims| stored.contains(&(value.name.as_str(), kind, dims.as_slice())))
    };
    let values = graph.stored_values();
    nodes
        && values.len() == contents.initializers.len()
        && values.into_iter().all(fits)
        && contents.inputs == described.input
        && contents.outputs == described.output
}

/// A kernel or matrix with different elements; none if each has only one number.
///
/// # Errors
/// If one cannot be read, or none is stored as a float of 32 or 16 bits: then nothing bears the claim out.
pub(super) fn varied(file: &ModelFile) -> Result<Option<String>, String> {
    let again = ModelFile::open(&file.path).map_err(|error| error.to_string())?;
    let source = InitializerSource::new(again).map_err(|error| error.to_string())?;
    let kernels = source.tensors().iter();
    let kernels = kernels.filter(|tensor| tensor.shape.len() > 1 && tensor.element != Element::I64);
    let mut seen = false;
    for kernel in kernels {
        if !is_readable(kernel.element) {
            return Err(format!(
                "`{}` is stored as {}",
                kernel.name.shown(),
                kernel.element
            ));
        }
        seen = true;
        if !is_constant(&source, kernel).map_err(|error| error.to_string())? {
            return Ok(Some(kernel.name.clone()));
        }
    }
    if seen {
        Ok(None)
    } else {
        Err("it stores no kernel".to_owned())
    }
}

fn is_constant(source: &InitializerSource, tensor: &TensorInfo) -> Result<bool, SourceError> {
    let reader = source.open(&tensor.name)?;
    // A tensor that opens has as many elements as bytes in its file.
    let elements: u64 = tensor.shape.iter().product();
    let elements = usize::try_from(elements).unwrap_or(usize::MAX);
    let mut first = None;
    let mut values = vec![0.0; elements.min(PIECE)];
    for at in (0..elements).step_by(PIECE) {
        let values = &mut values[..(elements - at).min(PIECE)];
        reader.fill(at, values)?;
        let expected = *first.get_or_insert(values[0]);
        if values.iter().any(|value| *value != expected) {
            return Ok(false);
        }
    }
    Ok(true)
}
