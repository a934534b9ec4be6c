//! Counts the multiply-adds of a file at given input shapes, without running it.
//!
//! Shapes are followed from the inputs through every node, and with them the few numbers that decide shapes: what `Shape`
//! gives, small constants, and what is computed of these. Where that ends, a shape that `value_info` declares is taken. What
//! still cannot be counted is named: nothing is guessed.
//!
//! Counted are convolutions and matrix products, as for the files of this project: one for each product that is summed.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "numbers that decide shapes are small integers, and a rank is far below 2^31"
)]

mod axes;
mod constants;
mod einsum;
mod held;
mod moving;
mod numbers;
mod parameters;
mod shapes;
mod windows;

use super::file::ModelFile;
use super::file::plain::{PlainError, inlined_nodes};
use super::proto::tensor_shape_proto::dimension;
use super::proto::{AttributeProto, GraphProto, NodeProto, TypeProto, ValueInfoProto, type_proto};
use constants::constant;
pub use parameters::{Parameters, parameters};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers of a value that are followed; shapes and scales have fewer.
const MOST_NUMBERS: u64 = 64;

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Multiply-adds of one run; a lower bound where `uncounted` has a node.
    pub macs: u64,
    /// Nodes whose work is not known, by name or result.
    pub uncounted: Vec<String>,
    /// The most elements of activations that are held at once; none where `unsized_nodes` has a node.
    ///
    /// An activation is an input of the graph, or a result that depends on one. Nodes run in the file's order; each result is new, that
    /// of Reshape and its like too; a value is dropped after the last node that uses it, an output of the graph never; results that
    /// no node uses are held while their node runs. What follows from constants alone is none, as the constants are none.
    pub peak_activations: Option<u64>,
    /// Nodes that run graphs of their own or give activations of unknown size, by name or result.
    pub unsized_nodes: Vec<String>,
}

/// What is known of a value.
#[derive(Clone, Debug, Default, PartialEq)]
struct Value {
    shape: Option<Vec<u64>>,
    /// Its elements, where they may decide shapes.
    numbers: Option<Vec<f64>>,
    /// Whether its elements are integers.
    whole: bool,
}

impl Value {
    fn shaped(shape: Option<Vec<u64>>) -> Self {
        Self {
            shape,
            ..Self::default()
        }
    }
}

/// Operators whose work is neither a convolution nor a matrix product that is followed here, and is not small either.
const HEAVY: &str = "Attention CausalConvWithState DFT DeformConv Det GRU If LSTM LinearAttention Loop RNN STFT Scan SequenceMap";

/// Counts a file's multiply-adds with inputs of these shapes.
///
/// # Errors
/// If functions of the model cannot be inlined.
pub fn count(file: &ModelFile, inputs: &[(String, Vec<u64>)]) -> Result<Count, PlainError> {
    let nodes = inlined_nodes(file)?;
    let mut walk = Walk::new(file, inputs);
    for node in &nodes {
        walk.step(node);
    }
    let outputs = file
        .contents
        .outputs
        .iter()
        .map(|info| info.name().to_owned());
    match held::peak(&nodes, &walk.values, &walk.undefined, inputs, outputs) {
        Ok(peak) => walk.count.peak_activations = peak,
        Err(unknown) => walk.count.unsized_nodes = unknown,
    }
    Ok(walk.count)
}

struct Walk<'a> {
    values: BTreeMap<String, Value>,
    declared: BTreeMap<&'a str, &'a ValueInfoProto>,
    /// What the names of the inputs' dimensions stand for.
    names: BTreeMap<&'a str, u64>,
    /// Names that nodes use before anything makes them.
    undefined: BTreeSet<String>,
    count: Count,
}

impl<'a> Walk<'a> {
    fn new(file: &'a ModelFile, inputs: &[(String, Vec<u64>)]) -> Self {
        let contents = &file.contents;
        let mut values = BTreeMap::new();
        let sparse = contents.sparse_initializers.iter().cloned();
        values.extend(sparse.map(|name| (name, Value::default())));
        for initializer in &contents.initializers {
            values.insert(initializer.name.clone(), constant(file, initializer));
        }
        let mut names = BTreeMap::new();
        for (name, shape) in inputs {
            values.insert(name.clone(), Value::shaped(Some(shape.clone())));
            let info = contents.inputs.iter().find(|info| info.name() == name);
            for (dimension, extent) in info.into_iter().flat_map(dimensions).zip(shape) {
                if let Some(dimension::Value::DimParam(symbol)) = dimension {
                    names.entry(symbol.as_str()).or_insert(*extent);
                }
            }
        }
        let declared = contents.value_info.iter().chain(&contents.outputs);
        Self {
            values,
            declared: declared.map(|info| (info.name(), info)).collect(),
            names,
            undefined: BTreeSet::new(),
            count: Count::default(),
        }
    }

    fn step(&mut self, node: &NodeProto) {
        let operands: Vec<Value> = node
            .input
            .iter()
            .map(|name| self.values.get(name).cloned().unwrap_or_default())
            .collect();
        let call = Call {
            node,
            operands: &operands,
        };
        let is_missing =
            |name: &&String| !name.is_empty() && !self.values.contains_key(name.as_str());
        let missing: Vec<String> = node.input.iter().filter(is_missing).cloned().collect();
        let own = missing.is_empty() && matches!(node.domain(), "" | "ai.onnx");
        self.undefined.extend(missing);
        let mut results = if own {
            shapes::results(&call)
        } else {
            Vec::new()
        };
        results.resize_with(node.output.len(), Value::default);
        for (name, result) in node.output.iter().zip(&mut results) {
            if result.shape.is_none() {
                result.shape = self.declared_shape(name);
            }
        }
        let work = if own { work(&call, &results) } else { None };
        match work {
            Some(work) => self.count.macs = self.count.macs.saturating_add(work),
            None => self.count.uncounted.push(label(node)),
        }
        for (name, result) in node.output.iter().zip(results) {
            self.values.insert(name.clone(), result);
        }
    }

    fn declared_shape(&self, name: &str) -> Option<Vec<u64>> {
        let info = self.declared.get(name)?;
        has_shape(info).then_some(())?;
        let extent = |dimension: Option<&dimension::Value>| match dimension? {
            dimension::Value::DimValue(extent) => u64::try_from(*extent).ok(),
            dimension::Value::DimParam(name) => self.names.get(name.as_str()).copied(),
        };
        dimensions(info).map(extent).collect()
    }
}

/// A node's name, or that of its first result with a name, or its operator.
pub(crate) fn label(node: &NodeProto) -> String {
    let results = node.output.iter().map(String::as_str);
    let mut names = std::iter::once(node.name()).chain(results);
    match names.find(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => format!("a node {} without a name", node.op_type()),
    }
}

/// The graphs that a node runs.
fn graphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    let attributes = node.attribute.iter();
    attributes.flat_map(|attribute| attribute.g.as_deref().into_iter().chain(&attribute.graphs))
}

/// Values that a node takes, those that its graphs take from around it among them.
fn taken(node: &NodeProto) -> BTreeSet<&str> {
    let own = node.input.iter().map(String::as_str);
    let inside = graphs(node).flat_map(|graph| {
        let nodes = graph.node.iter().flat_map(taken);
        nodes.chain(graph.output.iter().map(ValueInfoProto::name))
    });
    own.chain(inside).filter(|name| !name.is_empty()).collect()
}

/// Multiply-adds of a node; none if they are not known.
fn work(call: &Call<'_>, results: &[Value]) -> Option<u64> {
    let elements = |value: Option<&Value>| product(value?.shape.as_deref()?);
    let behind = |index: usize| product(call.shape(index)?.get(1..)?);
    let out = || elements(results.first());
    // A shape of the result that only the file declares does not mend operands that do not fit.
    let fits = |weight: usize| windows::channels(call, weight);
    match call.node.op_type() {
        "Conv" | "ConvInteger" => fits(1).and(out()?.checked_mul(behind(1)?)),
        "QLinearConv" => fits(3).and(out()?.checked_mul(behind(3)?)),
        "ConvTranspose" => {
            windows::filters(call).and(elements(call.operands.first())?.checked_mul(behind(1)?))
        }
        "Gemm" => {
            let transposed = call.int("transA").unwrap_or(0) != 0;
            let inner = call.shape(0)?.get(usize::from(!transposed)).copied()?;
            let turned = call.int("transB").unwrap_or(0) != 0;
            (call.shape(1)?.get(usize::from(turned)) == Some(&inner)).then_some(())?;
            out()?.checked_mul(inner)
        }
        "MatMul" | "MatMulInteger" => shapes::inner(call, 1)?.checked_mul(out()?),
        "QLinearMatMul" => shapes::inner(call, 3)?.checked_mul(out()?),
        "Einsum" => einsum::work(call),
        heavy if HEAVY.split(' ').any(|one| one == heavy) => None,
        known if super::ops::definitions::is_defined(known) => Some(0),
        _ => None,
    }
}

fn product(shape: &[u64]) -> Option<u64> {
    shape
        .iter()
        .try_fold(1_u64, |product, extent| product.checked_mul(*extent))
}

/// A node with what is known of its operands.
struct Call<'a> {
    node: &'a NodeProto,
    operands: &'a [Value],
}

impl<'a> Call<'a> {
    fn shape(&self, index: usize) -> Option<&'a [u64]> {
        self.operands.get(index)?.shape.as_deref()
    }

    /// The shape of the first operand.
    fn first(&self) -> Option<Vec<u64>> {
        self.shape(0).map(<[u64]>::to_vec)
    }

    fn numbers(&self, index: usize) -> Option<&'a [f64]> {
        self.operands.get(index)?.numbers.as_deref()
    }

    /// Whether an operand is there.
    fn has(&self, index: usize) -> bool {
        self.node
            .input
            .get(index)
            .is_some_and(|name| !name.is_empty())
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.node.attribute.iter().find(|one| one.name() == name)
    }

    fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(AttributeProto::i)
    }

    fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.attribute(name).map(|attribute| attribute.ints.clone())
    }

    /// Integers that older definitions have in an attribute and newer ones in an operand; none if they are not known.
    fn integers(&self, name: &str, operand: usize) -> Option<Given> {
        if let Some(found) = self.ints(name) {
            return Some(Given::Integers(found));
        }
        if !self.has(operand) {
            return Some(Given::LeftOut);
        }
        Some(Given::Integers(integers(self.numbers(operand)?)))
    }

    /// The same where they must be there.
    fn needed(&self, name: &str, operand: usize) -> Option<Vec<i64>> {
        self.integers(name, operand)?.given()
    }
}

/// What is given where it may be left out.
enum Given {
    Integers(Vec<i64>),
    LeftOut,
}

impl Given {
    fn given(self) -> Option<Vec<i64>> {
        match self {
            Self::Integers(found) => Some(found),
            Self::LeftOut => None,
        }
    }
}

fn integers(numbers: &[f64]) -> Vec<i64> {
    numbers.iter().map(|number| *number as i64).collect()
}

fn dimensions(info: &ValueInfoProto) -> impl Iterator<Item = Option<&dimension::Value>> {
    let tensor = match info.r#type.as_ref().and_then(|found| found.value.as_ref()) {
        Some(type_proto::Value::TensorType(tensor)) => tensor.shape.as_ref(),
        _ => None,
    };
    let dims = tensor.into_iter().flat_map(|shape| &shape.dim);
    dims.map(|dimension| dimension.value.as_ref())
}

fn has_shape(info: &ValueInfoProto) -> bool {
    matches!(
        &info.r#type,
        Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), .. }) if tensor.shape.is_some()
    )
}

#[cfg(test)]
mod tests;
