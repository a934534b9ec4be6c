//! A graph on its way from concepts to operators: what became of each value, and how the next node is added.

use super::input::{InputFormat, Normalize};
use super::{Form, Linear, Pool, Swish};
use crate::files::foreign::Foreign;
use crate::graph::{self, Conv, WeightRecipe, Window};
use crate::onnx::graph::{GraphBuilder, NodeError, ValueId};
use crate::onnx::ops::{ConvPads, Operator, TensorType};
use crate::onnx::opset::{FIRST_SWISH, IrVersion, Opset};
use crate::tensor::Element;
use crate::tensor::shape::{Dim, Shape, display};

/// Why a graph cannot be spelled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpellError {
    /// The padding depends on the input's size.
    #[error(
        "node `{node}` has no constant padding: its input has the shape {shape}, expected a height and a \
         width that are fixed or multiples of the stride", node = node.shown(), shape = shape.shown())]
    Padding {
        /// The node.
        node: String,
        /// Its input's shape.
        shape: String,
    },
    /// The opset has no such graphs.
    #[error("{}", element_text(*element, *opset, *least))]
    Element {
        /// The element type that is asked for.
        element: Element,
        /// The opset that is asked for.
        opset: i64,
        /// The first opset that has such graphs, if one has.
        least: Option<i64>,
    },
    /// An island is asked for around a node that the graph does not have.
    #[error("the graph has no node `{name}`, around which an island of f32 is asked for", name = .0.shown())]
    Island(String),
    /// There is not a mean for each channel of the input.
    #[error("expected 3 input channels, each with its mean and deviation, found {0}")]
    Channels(u64),
    /// Nothing can be normalised so.
    #[error("expected finite means and deviations other than 0, found {mean:?} and {std:?}", mean = .0.mean, std = .0.std)]
    Normalize(Normalize),
    /// The deviation cannot become part of what reads the input.
    #[error("node `{text}` reads the input, and has no weight to scale by the deviation of each channel", text = .0.shown())]
    Unscaled(String),
    /// The operator is of later opsets.
    #[error(
        "opset {opset} does not have the operator Swish: it came with opset {FIRST_SWISH}",
        opset = .0.version())]
    NoSwish(Opset),
    /// The IR version came before the opset.
    #[error(
        "opset {opset} needs IR version {lowest} or later, found {found}",
        opset = opset.version(), lowest = opset.ir_version().number(), found = found.number())]
    IrVersion {
        /// The opset.
        opset: Opset,
        /// The version that is asked for.
        found: IrVersion,
    },
    /// An operator does not take its operands.
    #[error(transparent)]
    Node(#[from] NodeError),
}

fn element_text(element: Element, opset: i64, least: Option<i64>) -> String {
    match least {
        Some(least) => format!("graphs of {element} need opset {least} or later, found {opset}"),
        None => format!("graphs of {element} cannot be written, only of f32, f16 and bf16"),
    }
}

/// A tensor of the element type in which every concept computes.
fn float(shape: Shape) -> TensorType {
    TensorType {
        element: Element::F32,
        shape,
    }
}

/// A graph on its way from concepts to operators.
pub(super) struct Speller<'a> {
    pub(super) canonical: &'a graph::Graph,
    /// What became of each canonical value.
    spelled: Vec<Option<ValueId>>,
    pub(super) relu6_bounds: Option<[ValueId; 2]>,
    pub(super) pool_axes: Option<ValueId>,
    pub(super) feature_axis: Option<ValueId>,
    pub(super) builder: GraphBuilder,
    pub(super) opset: Opset,
    pub(super) head: Linear,
    pub(super) swish: Swish,
    pub(super) pool: Pool,
    leaves_padding: bool,
    pub(super) input: InputFormat,
    pub(super) normalize: Option<Normalize>,
}

impl<'a> Speller<'a> {
    /// Declares the inputs.
    ///
    /// # Errors
    /// If the graph cannot take its input so.
    pub(super) fn new(canonical: &'a graph::Graph, form: &Form) -> Result<Self, SpellError> {
        let mut speller = Self {
            canonical,
            spelled: vec![None; canonical.values.len()],
            relu6_bounds: None,
            pool_axes: None,
            feature_axis: None,
            builder: GraphBuilder::new(form.opset),
            opset: form.opset,
            head: form.head(),
            swish: form.swish,
            pool: form.pool.unwrap_or(Pool::usual(form.opset)),
            leaves_padding: form.leaves_padding,
            input: form.input,
            normalize: form.normalize,
        };
        for id in &canonical.inputs {
            let value = speller.input(*id)?;
            speller.set(*id, value);
        }
        Ok(speller)
    }

    /// Says what a canonical value became.
    pub(super) fn set(&mut self, id: graph::ValueId, spelled: ValueId) {
        self.spelled[id.0] = Some(spelled);
    }

    /// A convolution, padded as the canonical shape of its input says: by constant pads, or where they depend on a size that is
    /// not known and the form allows it, by the rule itself.
    pub(super) fn conv(&self, node: &graph::Node, conv: Conv) -> Result<Operator, SpellError> {
        let pads = match self.pads(node, conv.window()) {
            Err(_) if self.leaves_padding => ConvPads::SameUpper,
            pads => ConvPads::Explicit(pads?),
        };
        Ok(Operator::Conv {
            kernel_shape: conv.kernel,
            strides: conv.stride,
            pads,
            group: conv.groups,
        })
    }

    /// Pads of a window at the top, left, bottom and right.
    pub(super) fn pads(&self, node: &graph::Node, window: Window) -> Result<[u64; 4], SpellError> {
        let shape = &self.canonical.value(node.inputs[0]).shape;
        let pads = |axis: usize, extent: &Dim| {
            window
                .pads(extent, axis)
                .ok_or_else(|| SpellError::Padding {
                    node: node.name.clone(),
                    shape: display(shape),
                })
        };
        let [top, bottom] = pads(0, &shape[2])?;
        let [left, right] = pads(1, &shape[3])?;
        Ok([top, left, bottom, right])
    }

    /// What a canonical value became; an initializer is declared where it is first used.
    pub(super) fn value(&mut self, id: graph::ValueId) -> ValueId {
        match self.spelled[id.0] {
            Some(spelled) => spelled,
            None => self.initializer(id, None, WeightRecipe::clone),
        }
    }

    /// An initializer in a shape of the spelling's own, if one is given, and by a recipe made from its own.
    ///
    /// # Panics
    /// If the value is the result of a node; those are spelled in order.
    pub(super) fn initializer(
        &mut self,
        id: graph::ValueId,
        shape: Option<Shape>,
        recipe: impl FnOnce(&WeightRecipe) -> WeightRecipe,
    ) -> ValueId {
        let value = self.canonical.value(id);
        let graph::ValueKind::Initializer(own) = &value.kind else {
            panic!("`{}` is used before it is computed", value.name);
        };
        let r#type = float(shape.unwrap_or_else(|| value.shape.clone()));
        let spelled = self.builder.initializer(&value.name, r#type, recipe(own));
        self.spelled[id.0] = Some(spelled);
        spelled
    }

    /// A node of the spelling's own, whose result has its name.
    pub(super) fn inner(
        &mut self,
        name: &str,
        operator: Operator,
        inputs: Vec<ValueId>,
    ) -> Result<ValueId, NodeError> {
        self.builder.node(name, operator, inputs, name)
    }

    /// The node that stands for a concept, with other operands.
    pub(super) fn finish(
        &mut self,
        node: &graph::Node,
        operator: Operator,
        inputs: Vec<ValueId>,
    ) -> Result<ValueId, NodeError> {
        let output = &self.canonical.value(node.output).name;
        self.builder.node(&node.name, operator, inputs, output)
    }

    /// The canonical shape of a value.
    pub(super) fn shape(&self, id: graph::ValueId) -> &[Dim] {
        &self.canonical.value(id).shape
    }
}
