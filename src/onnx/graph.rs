//! The spelled graph: operators of one opset, and values whose types the operators' own inference computed.
//!
//! [`GraphBuilder`] is the only way to make one, so every value has an element type and a shape, and a node whose
//! operands do not fit is refused where it is added. The definitions are those of [`ops`](super::ops), whatever the
//! opset. The fields are private: a pass that changes a graph reads it and builds another.

use super::ops::{OpError, Operator, TensorType};
use super::opset::Opset;
use crate::files::foreign::Foreign;
use crate::graph::WeightRecipe;
use crate::tensor::Element;
use crate::tensor::shape::{Dim, Shape};

/// Index of a value in a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueId(usize);

/// A directed acyclic graph of ONNX operators in topological order.
#[derive(Clone, Debug)]
pub struct Graph {
    opset: Opset,
    values: Vec<Value>,
    nodes: Vec<Node>,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
}

/// A named tensor.
#[derive(Clone, Debug)]
pub struct Value {
    /// Unique in the graph.
    pub name: String,
    /// Element type and shape.
    pub r#type: TensorType,
    /// Where it comes from.
    pub kind: ValueKind,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// A graph input or the result of a node.
    Activation,
    /// Computed from parameters when weights are bound.
    Initializer(WeightRecipe),
    /// Fixed by the spelling, such as a clip bound or a target shape.
    Constant(Constant),
}

/// Elements that a spelling fixes.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// Of f32.
    F32(Vec<f32>),
    /// Of f16 or bf16, each rounded when it is written.
    Half(Element, Vec<f32>),
    /// Of i64.
    I64(Vec<i64>),
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique among nodes.
    pub name: String,
    /// What it computes.
    pub operator: Operator,
    /// Operands, in the operator's own order.
    pub inputs: Vec<ValueId>,
    /// Its single result.
    pub output: ValueId,
}

/// A node whose operator does not take its operands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in node `{node}`: {source}", node = node.shown())]
pub struct NodeError {
    /// The node.
    pub node: String,
    /// What is wrong.
    pub source: OpError,
}

impl Graph {
    /// The operator set that the nodes are spelled for.
    #[must_use]
    pub fn opset(&self) -> Opset {
        self.opset
    }

    /// The value behind an id of this graph.
    #[must_use]
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// Nodes, each after the nodes whose results it uses.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Values that the caller provides.
    #[must_use]
    pub fn inputs(&self) -> &[ValueId] {
        &self.inputs
    }

    /// Values that the caller receives.
    #[must_use]
    pub fn outputs(&self) -> &[ValueId] {
        &self.outputs
    }

    /// Initializers and constants in the order in which nodes first use them: the order in a file.
    #[must_use]
    pub fn stored_values(&self) -> Vec<ValueId> {
        let mut seen = vec![false; self.values.len()];
        let mut order = Vec::new();
        for id in self.nodes.iter().flat_map(|node| &node.inputs) {
            let stored = self.value(*id).kind != ValueKind::Activation;
            if stored && !std::mem::replace(&mut seen[id.0], true) {
                order.push(*id);
            }
        }
        order
    }
}

/// Adds values and nodes to a [`Graph`]; the type of every result is inferred.
#[derive(Debug)]
pub struct GraphBuilder {
    graph: Graph,
}

impl GraphBuilder {
    /// An empty graph of an opset.
    #[must_use]
    pub fn new(opset: Opset) -> Self {
        Self {
            graph: Graph {
                opset,
                values: Vec::new(),
                nodes: Vec::new(),
                inputs: Vec::new(),
                outputs: Vec::new(),
            },
        }
    }

    /// Declares a graph input.
    pub fn input(&mut self, name: &str, r#type: TensorType) -> ValueId {
        let id = self.value(name, r#type, ValueKind::Activation);
        self.graph.inputs.push(id);
        id
    }

    /// Declares a tensor that weights provide.
    pub fn initializer(&mut self, name: &str, r#type: TensorType, recipe: WeightRecipe) -> ValueId {
        self.value(name, r#type, ValueKind::Initializer(recipe))
    }

    /// Declares a tensor whose elements are known. A file's constants are told from its parameters by their names when
    /// it is read as a checkpoint: a name of a new kind goes into `CONSTANTS` of `weights::emitted`.
    ///
    /// # Panics
    /// If there are not as many elements as the shape says.
    pub fn constant(&mut self, name: &str, shape: &[u64], constant: Constant) -> ValueId {
        let expected: u64 = shape.iter().product();
        assert_eq!(constant.len() as u64, expected, "elements of `{name}`");
        let r#type = TensorType {
            element: constant.element(),
            shape: shape.iter().copied().map(Dim::Fixed).collect(),
        };
        self.value(name, r#type, ValueKind::Constant(constant))
    }

    /// Appends a node whose result carries `output` as its name.
    ///
    /// # Errors
    /// If the operator does not take these operands.
    pub fn node(
        &mut self,
        name: &str,
        operator: Operator,
        inputs: Vec<ValueId>,
        output: &str,
    ) -> Result<ValueId, NodeError> {
        let value = |id: &ValueId| self.graph.value(*id);
        let types: Vec<TensorType> = inputs.iter().map(|id| value(id).r#type.clone()).collect();
        let known: Vec<Option<&[i64]>> = inputs.iter().map(|id| value(id).integers()).collect();
        let r#type = operator.infer(&types, &known).map_err(|source| NodeError {
            node: name.to_owned(),
            source,
        })?;
        let output = self.value(output, r#type, ValueKind::Activation);
        self.graph.nodes.push(Node {
            name: name.to_owned(),
            operator,
            inputs,
            output,
        });
        Ok(output)
    }

    /// The shape of a value made earlier.
    #[must_use]
    pub fn shape(&self, id: ValueId) -> &Shape {
        &self.graph.value(id).r#type.shape
    }

    /// Ends the graph with its outputs.
    #[must_use]
    pub fn finish(mut self, outputs: Vec<ValueId>) -> Graph {
        self.graph.outputs = outputs;
        self.graph
    }

    fn value(&mut self, name: &str, r#type: TensorType, kind: ValueKind) -> ValueId {
        self.graph.values.push(Value {
            name: name.to_owned(),
            r#type,
            kind,
        });
        ValueId(self.graph.values.len() - 1)
    }
}

impl Value {
    /// How it is computed from parameters, if it is an initializer.
    #[must_use]
    pub fn recipe(&self) -> Option<&WeightRecipe> {
        match &self.kind {
            ValueKind::Initializer(recipe) => Some(recipe),
            ValueKind::Activation | ValueKind::Constant(_) => None,
        }
    }

    /// The elements, if they are integers that the spelling fixes.
    fn integers(&self) -> Option<&[i64]> {
        match &self.kind {
            ValueKind::Constant(Constant::I64(elements)) => Some(elements),
            _ => None,
        }
    }
}

impl Constant {
    /// Element type.
    #[must_use]
    pub fn element(&self) -> Element {
        match self {
            Self::F32(_) => Element::F32,
            Self::Half(element, _) => *element,
            Self::I64(_) => Element::I64,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::F32(elements) | Self::Half(_, elements) => elements.len(),
            Self::I64(elements) => elements.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(shape: Vec<Dim>) -> TensorType {
        TensorType {
            element: Element::F32,
            shape,
        }
    }

    fn symbolic() -> Vec<Dim> {
        vec![
            Dim::symbol("batch", 1),
            Dim::Fixed(8),
            Dim::Fixed(3),
            Dim::symbol("width", 32),
        ]
    }

    fn reshaped(shape: Vec<Dim>, target: &[i64]) -> Result<TensorType, NodeError> {
        let mut builder = GraphBuilder::new(Opset::DEFAULT);
        let x = builder.input("x", float(shape));
        let extent = target.len() as u64;
        let target = builder.constant("to", &[extent], Constant::I64(target.to_vec()));
        let y = builder.node("r", Operator::Reshape, vec![x, target], "y")?;
        Ok(builder.graph.value(y).r#type.clone())
    }

    #[test]
    fn a_constant_target_decides_the_shape() {
        for (target, expected) in [
            (vec![0, 24, -1], "float[batch, 24, width]"),
            (vec![0, 0, 0, 0], "float[batch, 8, 3, width]"),
            (vec![0, 2, 4, 3, -1], "float[batch, 2, 4, 3, width]"),
            (vec![0, 8, -1], "float[batch, 8, ?]"),
            (vec![-1, 8], "float[?, 8]"),
            (vec![0, -1], "float[batch, ?]"),
        ] {
            let found = reshaped(symbolic(), &target).expect("a legal target");
            assert_eq!(found.to_string(), expected, "{target:?}");
        }
        let fixed = [2, 8, 3, 5].map(Dim::Fixed).to_vec();
        let found = reshaped(fixed.clone(), &[0, 8, -1]).expect("a legal target");
        assert_eq!(found.to_string(), "float[2, 8, 15]");
        let refused = reshaped(fixed, &[0, 7, -1]).expect_err("7 does not divide it");
        assert!(
            refused.to_string().starts_with("in node `r`: `Reshape`"),
            "{refused}"
        );
    }

    #[test]
    fn a_node_that_cannot_be_is_refused() {
        let mut builder = GraphBuilder::new(Opset::DEFAULT);
        let x = builder.input("x", float(symbolic()));
        let ones = builder.constant("ones", &[7], Constant::F32(vec![1.0; 7]));
        let integers = builder.constant("integers", &[1], Constant::I64(vec![1]));
        for other in [ones, integers] {
            let refused = builder.node("m", Operator::Gemm { trans_b: true }, vec![x, other], "y");
            assert!(refused.is_err());
        }
        let product = builder.node("p", Operator::Mul, vec![x, integers], "y");
        assert!(product.is_err(), "the elements differ");
    }
}
