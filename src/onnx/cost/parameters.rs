//! How many elements of a file's constants are trained.

use super::graphs;
use crate::onnx::element;
use crate::onnx::file::plain::inlined_nodes;
use crate::onnx::file::{Initializer, ModelFile};
use crate::onnx::proto::{GraphProto, NodeProto, TensorProto};
use crate::tensor::Element;
use std::collections::BTreeSet;

/// Operands that are no parameters: statistics, scales and zero points, bounds and factors.
const NOT_TRAINED: [(&str, &[usize]); 10] = [
    ("BatchNormalization", &[3, 4]),
    ("Clip", &[1, 2]),
    ("ConvInteger", &[2, 3]),
    ("DequantizeLinear", &[1, 2]),
    ("MatMulInteger", &[2, 3]),
    ("Pad", &[2]),
    ("QLinearConv", &[1, 2, 4, 5, 6, 7]),
    ("QLinearMatMul", &[1, 2, 4, 5, 6, 7]),
    ("QuantizeLinear", &[1, 2]),
    ("Resize", &[1, 2]),
];
/// Operands that are parameters whatever their type is.
const TRAINED: [(&str, usize); 2] = [("DequantizeLinear", 0), ("QLinearConv", 8)];

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// Elements; a lower bound where `uncounted` has a name.
    pub count: u64,
    /// Sparse constants, and those of an impossible shape.
    pub uncounted: Vec<String>,
}

/// Counts the constants of a file that training would change, in functions and in graphs of nodes too: those of floating point, and
/// quantised ones of at most 8 bits and two or more dimensions. Statistics of batch norms, scales and zero points are none, nor are single
/// numbers in Constant nodes. What several nodes share counts once.
#[must_use]
pub fn parameters(file: &ModelFile) -> Parameters {
    let contents = &file.contents;
    let nodes = inlined_nodes(file).unwrap_or_else(|_| contents.nodes.clone());
    let mut roles = Roles::default();
    roles.add(&nodes);
    let trained = |initializer: &&Initializer| {
        let element = initializer.element();
        roles.is_parameter(&initializer.name, element, initializer.dims.len())
    };
    let mut found = Parameters::default();
    for name in &contents.sparse_initializers {
        found.add(name, None);
    }
    for initializer in contents.initializers.iter().filter(trained) {
        found.add(&initializer.name, initializer.element_count());
    }
    found.add_nodes(&nodes, &roles);
    found
}

/// Which constants nodes take, and as what.
#[derive(Default)]
struct Roles {
    /// As what training changes.
    trained: BTreeSet<String>,
    /// As something that it does not change.
    fixed: BTreeSet<String>,
    /// As what may be anything.
    other: BTreeSet<String>,
}

impl Roles {
    fn add(&mut self, nodes: &[NodeProto]) {
        for node in nodes {
            let op_type = node.op_type();
            let own = matches!(node.domain(), "" | "ai.onnx");
            let fixed = NOT_TRAINED.iter().find(|(name, _)| own && *name == op_type);
            for (place, name) in node.input.iter().enumerate() {
                let to = if fixed.is_some_and(|(_, places)| places.contains(&place)) {
                    &mut self.fixed
                } else if own && TRAINED.contains(&(op_type, place)) {
                    &mut self.trained
                } else {
                    &mut self.other
                };
                to.insert(name.clone());
            }
            graphs(node).for_each(|graph| self.add(&graph.node));
        }
    }

    fn is_parameter(&self, name: &str, element: Option<Element>, rank: usize) -> bool {
        if self.trained.contains(name) {
            return true;
        }
        if self.fixed.contains(name) && !self.other.contains(name) {
            return false;
        }
        match element {
            Some(Element::F32 | Element::F16 | Element::Bf16 | Element::F64) => true,
            Some(element) => rank > 1 && is_small(element),
            None => false,
        }
    }
}

/// Whether weights are quantised to it.
fn is_small(element: Element) -> bool {
    !matches!(element, Element::Bool) && element.bits().is_some_and(|bits| bits <= 8)
}

impl Parameters {
    /// Adds a constant's elements, or its name where they are not known.
    fn add(&mut self, name: &str, elements: Option<u64>) {
        match elements.and_then(|elements| self.count.checked_add(elements)) {
            Some(count) => self.count = count,
            None if name.is_empty() => self.uncounted.push("a constant without a name".to_owned()),
            None => self.uncounted.push(name.to_owned()),
        }
    }

    fn add_nodes(&mut self, nodes: &[NodeProto], roles: &Roles) {
        for node in nodes {
            if node.op_type() == "Constant" {
                let name = node.output.first().map_or("", String::as_str);
                for attribute in &node.attribute {
                    let tensors = attribute
                        .t
                        .iter()
                        .filter(|tensor| elements(tensor) != Some(1));
                    tensors.for_each(|tensor| self.add_tensor(name, tensor, roles));
                    let floats = attribute.floats.len() as u64;
                    if floats > 1 && roles.is_parameter(name, Some(Element::F32), 1) {
                        self.add(name, Some(floats));
                    }
                    if attribute.sparse_tensor.is_some() {
                        self.add(name, None);
                    }
                }
            }
            graphs(node).for_each(|graph| self.add_graph(graph, roles));
        }
    }

    fn add_graph(&mut self, graph: &GraphProto, roles: &Roles) {
        for tensor in &graph.initializer {
            self.add_tensor(tensor.name(), tensor, roles);
        }
        for sparse in &graph.sparse_initializer {
            let name = sparse.values.as_ref().map_or("", TensorProto::name);
            self.add(name, None);
        }
        self.add_nodes(&graph.node, roles);
    }

    fn add_tensor(&mut self, name: &str, tensor: &TensorProto, roles: &Roles) {
        let element = element::from_number(tensor.data_type()).ok();
        if !roles.is_parameter(name, element, tensor.dims.len()) {
            return;
        }
        self.add(name, elements(tensor));
    }
}

/// None of an impossible shape.
fn elements(tensor: &TensorProto) -> Option<u64> {
    let mut dims = tensor.dims.iter();
    dims.try_fold(1_u64, |count, dim| {
        count.checked_mul(u64::try_from(*dim).ok()?)
    })
}
