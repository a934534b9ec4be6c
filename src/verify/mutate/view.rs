//! A graph as the finders of sites look at it: who makes a value, who takes it, which tensors there are.

use crate::onnx::element;
use crate::onnx::file::is_readable;
use crate::onnx::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::tensor::Element;
use std::collections::{BTreeMap, BTreeSet};

/// Operators that prepare pictures, between an input and the first convolution.
const PREPARES: [&str; 7] = ["Add", "Cast", "Div", "Identity", "Mul", "Sub", "Transpose"];

/// A graph and its indices.
pub struct View<'g> {
    /// The nodes in the file's order.
    pub nodes: &'g [NodeProto],
    makers: BTreeMap<&'g str, usize>,
    takers: BTreeMap<&'g str, Vec<usize>>,
    tensors: BTreeMap<&'g str, (&'g [i64], Element)>,
    lists: BTreeMap<&'g str, Vec<i64>>,
    outputs: BTreeSet<&'g str>,
}

impl<'g> View<'g> {
    /// Looks at a graph.
    pub fn new(graph: &'g GraphProto) -> Self {
        let mut makers = BTreeMap::new();
        let mut takers = BTreeMap::<_, Vec<usize>>::new();
        for (index, node) in graph.node.iter().enumerate() {
            for output in &node.output {
                makers.insert(output.as_str(), index);
            }
            for input in &node.input {
                takers.entry(input.as_str()).or_default().push(index);
            }
        }
        let floats = graph
            .initializer
            .iter()
            .filter_map(|tensor| Some((tensor, readable(tensor)?)));
        Self {
            nodes: &graph.node,
            makers,
            takers,
            tensors: floats
                .map(|(tensor, element)| (tensor.name(), (tensor.dims.as_slice(), element)))
                .collect(),
            lists: graph.initializer.iter().filter_map(list).collect(),
            outputs: graph.output.iter().map(ValueInfoProto::name).collect(),
        }
    }

    /// The nodes of one operator of ONNX's own domain, in order.
    pub fn of(&self, op_type: &'static str) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(move |&node| self.is(node, op_type))
    }

    /// Whether a node is this operator of ONNX's own domain.
    pub fn is(&self, node: usize, op_type: &str) -> bool {
        let node = &self.nodes[node];
        node.op_type() == op_type && matches!(node.domain(), "" | "ai.onnx")
    }

    /// An input of a node; empty if it is left out.
    pub fn input(&self, node: usize, input: usize) -> &'g str {
        self.nodes[node].input.get(input).map_or("", String::as_str)
    }

    /// The first output of a node.
    pub fn output(&self, node: usize) -> &'g str {
        self.nodes[node].output.first().map_or("", String::as_str)
    }

    /// What a node is called: its name, or that of its output.
    pub fn name(&self, node: usize) -> &'g str {
        match self.nodes[node].name() {
            "" => self.output(node),
            name => name,
        }
    }

    /// The node that makes a value.
    pub fn maker(&self, value: &str) -> Option<usize> {
        self.makers.get(value).copied()
    }

    /// Whether a value is an input of the graph, or one that was only cast, transposed or normalised since.
    pub fn is_of_input(&self, value: &str) -> bool {
        let mut value = value;
        // Each step goes to an earlier node.
        for _ in 0..self.nodes.len() {
            let Some(maker) = self.maker(value) else {
                return true;
            };
            if !PREPARES.iter().any(|op_type| self.is(maker, op_type)) {
                return false;
            }
            value = self.input(maker, 0);
        }
        false
    }

    /// The nodes that take a value.
    pub fn takers(&self, value: &str) -> &[usize] {
        self.takers.get(value).map_or(&[], Vec::as_slice)
    }

    /// The dimensions of an initializer of floats that input `input` of a node is, if it is one.
    pub fn tensor(&self, node: usize, input: usize) -> Option<&'g [i64]> {
        self.tensors
            .get(self.input(node, input))
            .map(|(dims, _)| *dims)
    }

    /// The element type of such an initializer.
    pub fn element(&self, node: usize, input: usize) -> Option<Element> {
        self.tensors
            .get(self.input(node, input))
            .map(|(_, element)| *element)
    }

    /// Whether a value is an output of the graph.
    pub fn is_output(&self, value: &str) -> bool {
        self.outputs.contains(value)
    }

    /// An attribute of a node.
    pub fn attribute(&self, node: usize, name: &str) -> Option<&'g AttributeProto> {
        self.nodes[node]
            .attribute
            .iter()
            .find(|attribute| attribute.name() == name)
    }

    /// An attribute of integers, or `default`.
    pub fn integers(&self, node: usize, name: &str, default: &[i64]) -> Vec<i64> {
        self.attribute(node, name)
            .map_or_else(|| default.to_vec(), |attribute| attribute.ints.clone())
    }

    /// The few integers that input `input` of a node stores in the model, if it does.
    pub fn list(&self, node: usize, input: usize) -> Option<&[i64]> {
        let list = self.lists.get(self.input(node, input));
        list.map(Vec::as_slice)
    }

    /// Whether a text attribute is absent or `NOTSET`, which is the default of `auto_pad`.
    pub fn has_explicit_pads(&self, node: usize) -> bool {
        self.attribute(node, "auto_pad")
            .is_none_or(|attribute| matches!(attribute.s(), b"NOTSET" | b""))
    }
}

/// Most integers of a list: as many as dimensions.
const MOST_INTEGERS: usize = 8;

/// The name and the elements of a tensor that is a short list of integers in the model itself.
fn list(tensor: &TensorProto) -> Option<(&str, Vec<i64>)> {
    let is_list = tensor.data_type() == element::number(Element::I64) && tensor.dims.len() == 1;
    let typed = &tensor.int64_data;
    let (raw, _) = tensor.raw_data().as_chunks();
    let count = typed.len().max(raw.len());
    if !is_list || count > MOST_INTEGERS || tensor.dims[0] != i64::try_from(count).ok()? {
        return None;
    }
    let raw = raw.iter().map(|element| i64::from_le_bytes(*element));
    Some((tensor.name(), typed.iter().copied().chain(raw).collect()))
}

/// The element type of a tensor of floats that can be changed.
fn readable(tensor: &TensorProto) -> Option<Element> {
    let element = element::from_number(tensor.data_type()).ok()?;
    is_readable(element).then_some(element)
}
