//! A graph in half precision, but for islands that stay in single.
//!
//! Every value keeps its name in the precision in which most of the graph has it: half precision, if anything outside an
//! island takes it. In the other precision it is `NAME.f32` or `NAME.half`, and the cast between them is the node `NAME.to_f32`
//! or `NAME.to_half`. A value goes from one island to the next without casts.

use super::speller::SpellError;
use super::{Form, Islands};
use crate::onnx::graph::{Constant, Graph, GraphBuilder, Node, Value, ValueId, ValueKind};
use crate::onnx::ops::{Operator, TensorType};
use crate::tensor::Element;
use crate::tensor::shape::Dim;
use std::collections::{BTreeMap, BTreeSet};

/// Changes the element type of every float to that of the form, which is f16 or bf16, but for the islands that it asks for.
///
/// # Errors
/// If an island is asked for around a node that the graph does not have.
pub(super) fn halve(graph: &Graph, form: &Form) -> Result<Graph, SpellError> {
    let islands = islands(graph, &form.islands)?;
    let mut pass = Pass {
        graph,
        element: form.element,
        keeps_io: form.keeps_io,
        halves: halves(graph, &islands, form.keeps_io),
        builder: GraphBuilder::new(graph.opset()),
        versions: BTreeMap::new(),
    };
    for id in graph.inputs() {
        pass.input(*id);
    }
    for (node, is_island) in graph.nodes().iter().zip(islands) {
        pass.node(node, Precision::of(is_island))?;
    }
    let end = Precision::of(form.keeps_io);
    let mut outputs = Vec::new();
    for id in graph.outputs() {
        outputs.push(pass.version(*id, end)?);
    }
    Ok(pass.builder.finish(outputs))
}

/// One of the two precisions of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Half,
    Single,
}

impl Precision {
    fn of(is_single: bool) -> Self {
        if is_single { Self::Single } else { Self::Half }
    }
}

/// A graph on its way to half precision.
struct Pass<'a> {
    graph: &'a Graph,
    element: Element,
    keeps_io: bool,
    /// The values that exist in half precision.
    halves: BTreeSet<ValueId>,
    builder: GraphBuilder,
    /// What became of each value, in each precision that it has so far.
    versions: BTreeMap<(ValueId, Precision), ValueId>,
}

impl Pass<'_> {
    fn input(&mut self, id: ValueId) {
        let value = self.graph.value(id);
        if !is_float(value) {
            let input = self.builder.input(&value.name, value.r#type.clone());
            self.set_both(id, input);
            return;
        }
        let precision = Precision::of(self.keeps_io);
        let input = self
            .builder
            .input(&value.name, self.typed(value, precision));
        self.versions.insert((id, precision), input);
    }

    fn node(&mut self, node: &Node, precision: Precision) -> Result<(), SpellError> {
        let mut inputs = Vec::new();
        for id in &node.inputs {
            inputs.push(self.version(*id, precision)?);
        }
        let operator = match &node.operator {
            Operator::Cast { to: Element::F32 } => Operator::Cast {
                to: self.element_of(precision),
            },
            operator => operator.clone(),
        };
        let name = self.name(node.output, precision);
        let output = self.builder.node(&node.name, operator, inputs, &name)?;
        if is_float(self.graph.value(node.output)) {
            self.versions.insert((node.output, precision), output);
        } else {
            self.set_both(node.output, output);
        }
        Ok(())
    }

    /// A value in a precision: as it is there already, as it is stored, or cast.
    fn version(&mut self, id: ValueId, precision: Precision) -> Result<ValueId, SpellError> {
        if let Some(version) = self.versions.get(&(id, precision)) {
            return Ok(*version);
        }
        let value = self.graph.value(id);
        let name = self.name(id, precision);
        let version = match &value.kind {
            ValueKind::Initializer(recipe) => {
                let r#type = self.typed(value, precision);
                self.builder.initializer(&name, r#type, recipe.clone())
            }
            ValueKind::Constant(constant) => {
                let shape: Vec<u64> = value.r#type.shape.iter().filter_map(Dim::fixed).collect();
                let constant = match (constant, precision) {
                    (Constant::F32(values), Precision::Half) => {
                        Constant::Half(self.element, values.clone())
                    }
                    (constant, _) => constant.clone(),
                };
                self.builder.constant(&name, &shape, constant)
            }
            ValueKind::Activation => {
                let other = Precision::of(precision == Precision::Half);
                let from = self.versions[&(id, other)];
                let cast = match precision {
                    Precision::Half => format!("{}.to_half", value.name),
                    Precision::Single => format!("{}.to_f32", value.name),
                };
                let to = self.element_of(precision);
                self.builder
                    .node(&cast, Operator::Cast { to }, vec![from], &name)?
            }
        };
        if is_float(value) {
            self.versions.insert((id, precision), version);
        } else {
            self.set_both(id, version);
        }
        Ok(version)
    }

    fn set_both(&mut self, id: ValueId, version: ValueId) {
        self.versions.insert((id, Precision::Half), version);
        self.versions.insert((id, Precision::Single), version);
    }

    fn name(&self, id: ValueId, precision: Precision) -> String {
        let value = self.graph.value(id);
        let is_at_the_end = self.graph.inputs().contains(&id) || self.graph.outputs().contains(&id);
        let own = Precision::of(if is_at_the_end && self.keeps_io {
            true
        } else {
            !self.halves.contains(&id)
        });
        match precision {
            _ if precision == own || !is_float(value) => value.name.clone(),
            Precision::Half => format!("{}.half", value.name),
            Precision::Single => format!("{}.f32", value.name),
        }
    }

    fn typed(&self, value: &Value, precision: Precision) -> TensorType {
        let element = match value.r#type.element {
            Element::F32 => self.element_of(precision),
            other => other,
        };
        TensorType {
            element,
            shape: value.r#type.shape.clone(),
        }
    }

    fn element_of(&self, precision: Precision) -> Element {
        match precision {
            Precision::Half => self.element,
            Precision::Single => Element::F32,
        }
    }
}

fn is_float(value: &Value) -> bool {
    value.r#type.element == Element::F32
}

/// The values that exist in half precision: results and operands of all that is outside islands, and what enters and leaves
/// the graph in it.
fn halves(graph: &Graph, islands: &[bool], keeps_io: bool) -> BTreeSet<ValueId> {
    let mut halves = BTreeSet::new();
    if !keeps_io {
        halves.extend(graph.inputs().iter().chain(graph.outputs()).copied());
    }
    for (node, is_island) in graph.nodes().iter().zip(islands) {
        if !is_island {
            halves.extend(node.inputs.iter().copied());
            halves.insert(node.output);
        }
    }
    halves
}

/// Which nodes are in islands.
fn islands(graph: &Graph, asked: &Islands) -> Result<Vec<bool>, SpellError> {
    let nodes = graph.nodes();
    let mut islands: Vec<bool> = match asked {
        Islands::None => return Ok(vec![false; nodes.len()]),
        Islands::Auto => usual(graph),
        Islands::Nodes(names) => {
            let known: BTreeSet<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
            if let Some(unknown) = names.iter().find(|name| !known.contains(name.as_str())) {
                return Err(SpellError::Island(unknown.clone()));
            }
            let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            nodes
                .iter()
                .map(|node| names.contains(node.name.as_str()))
                .collect()
        }
    };
    join_moves(graph, &mut islands);
    Ok(islands)
}

/// Names of the nodes that are islands by default, in a graph before its precision is changed; what only moves numbers joins
/// them by itself.
#[must_use]
pub fn usual_islands(graph: &Graph) -> Vec<String> {
    let nodes = graph.nodes().iter().zip(usual(graph));
    let nodes = nodes.filter(|(_, is_island)| *is_island);
    nodes.map(|(node, _)| node.name.clone()).collect()
}

/// Which nodes are islands by default: those that add up, and products and sums of what they give that only they take.
fn usual(graph: &Graph) -> Vec<bool> {
    let nodes = graph.nodes();
    let sums: Vec<bool> = nodes.iter().map(|node| sums(&node.operator)).collect();
    let inside = nodes.iter().zip(&sums).filter(|(_, sums)| **sums);
    let given: BTreeSet<ValueId> = inside.map(|(node, _)| node.output).collect();
    let mut outside: BTreeSet<ValueId> = graph.outputs().iter().copied().collect();
    for (node, _) in nodes.iter().zip(&sums).filter(|(_, sums)| !**sums) {
        outside.extend(node.inputs.iter().copied());
    }
    let is_between = |node: &Node| {
        let mut operands = node.inputs.iter();
        let is_inside =
            |id: &ValueId| given.contains(id) || graph.value(*id).kind != ValueKind::Activation;
        matches!(node.operator, Operator::Add | Operator::Mul)
            && !outside.contains(&node.output)
            && operands.all(is_inside)
    };
    let nodes = nodes.iter().zip(&sums);
    nodes
        .map(|(node, sums)| *sums || is_between(node))
        .collect()
}

/// Whether an operator adds many numbers up, or takes from each what its digits in half precision would be lost by: a pool over
/// an image, a norm over features, probabilities over all classes, the mean of the pixels. Of a generalised mean and of a
/// norm, the bounds and the powers are too, whose numbers half precision does not have.
fn sums(operator: &Operator) -> bool {
    matches!(
        operator,
        Operator::ReduceMean { .. }
            | Operator::GlobalAveragePool
            | Operator::Softmax { .. }
            | Operator::Sub
            | Operator::Max
            | Operator::Pow
            | Operator::ReduceL2 { .. }
            | Operator::Sqrt
            | Operator::Div
    )
}

/// What only moves numbers is in an island if its operand is computed in one, or all that take its result are in one: so the
/// casts stand at the ends.
fn join_moves(graph: &Graph, islands: &mut [bool]) {
    let nodes = graph.nodes();
    let moves = |node: &Node| {
        matches!(
            node.operator,
            Operator::Flatten { .. }
                | Operator::Reshape
                | Operator::Transpose { .. }
                | Operator::Cast { .. }
        )
    };
    let mut inside: BTreeSet<ValueId> = BTreeSet::new();
    for (node, is_island) in nodes.iter().zip(islands.iter_mut()) {
        *is_island |= moves(node) && inside.contains(&node.inputs[0]);
        if *is_island {
            inside.insert(node.output);
        }
    }
    let mut outside: BTreeSet<ValueId> = graph.outputs().iter().copied().collect();
    for (node, is_island) in nodes.iter().zip(islands.iter_mut()).rev() {
        *is_island |= moves(node) && !outside.contains(&node.output);
        if !*is_island {
            outside.extend(node.inputs.iter().copied());
        }
    }
}
