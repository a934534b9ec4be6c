//! Every concept in ONNX operators, as opset 17 has them.
//!
//! Swish is Sigmoid and Mul, a pool is ReduceMean with its axes as an attribute, a linear layer is Gemm,
//! ReLU6 is Clip with its bounds as constants. Padding becomes explicit, possibly asymmetric, pads.

use super::Form;
use crate::graph::{self, Activation, Conv, Node, Op, Recipe, Window};
use crate::onnx::graph::{Constant, Graph, GraphBuilder, NodeError, ValueId};
use crate::onnx::ops::{Operator, TensorType};
use crate::tensor::Element;
use crate::tensor::shape::{Dim, Shape, display};

/// Why a graph cannot be spelled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpellError {
    /// The padding depends on the input's size.
    #[error(
        "node `{node}` has no constant padding: its input has the shape {shape}, expected a height and a \
         width that are fixed or multiples of the stride"
    )]
    Padding {
        /// The node.
        node: String,
        /// Its input's shape.
        shape: String,
    },
    /// An operator does not take its operands.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Spells every concept in ONNX operators; names of nodes and values stay.
///
/// # Errors
/// If a convolution has no constant padding, or a graph is inconsistent.
pub fn spell(canonical: &graph::Graph, form: &Form) -> Result<Graph, SpellError> {
    let mut speller = Speller {
        canonical,
        spelled: vec![None; canonical.values.len()],
        relu6_bounds: None,
        builder: GraphBuilder::new(form.opset),
    };
    for id in &canonical.inputs {
        let input = canonical.value(*id);
        let r#type = float(input.shape.clone());
        let value = speller.builder.input(&input.name, r#type);
        speller.spelled[id.0] = Some(value);
    }
    for node in &canonical.nodes {
        let output = speller.spell(node)?;
        speller.spelled[node.output.0] = Some(output);
    }
    let outputs = canonical.outputs.iter().map(|id| speller.value(*id));
    let outputs = outputs.collect();
    Ok(speller.builder.finish(outputs))
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
    canonical: &'a graph::Graph,
    /// What became of each canonical value.
    spelled: Vec<Option<ValueId>>,
    relu6_bounds: Option<[ValueId; 2]>,
    pub(super) builder: GraphBuilder,
}

impl Speller<'_> {
    fn spell(&mut self, node: &graph::Node) -> Result<ValueId, SpellError> {
        let operator = match &node.op {
            Op::Conv(conv) => {
                let operator = self.conv(node, *conv)?;
                return Ok(self.last(node, operator, &[])?);
            }
            Op::RoutedConv { conv, filters } => return spell_routed(self, node, *conv, *filters),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "ONNX stores epsilon as f32"
            )]
            Op::BatchNorm { epsilon } => Operator::BatchNormalization {
                epsilon: *epsilon as f32,
            },
            Op::Activation(Activation::Sigmoid) => Operator::Sigmoid,
            Op::Activation(Activation::Relu) => Operator::Relu,
            Op::Activation(Activation::Swish) => {
                let gate = format!("{}.sigmoid", node.name);
                let x = self.value(node.inputs[0]);
                let gate = self.inner(&gate, Operator::Sigmoid, vec![x])?;
                return Ok(self.last(node, Operator::Mul, &[gate])?);
            }
            Op::Activation(Activation::Relu6) => {
                let bounds = self.relu6_bounds();
                return Ok(self.last(node, Operator::Clip, &bounds)?);
            }
            Op::MaxPool(window) => Operator::MaxPool {
                kernel_shape: window.kernel,
                strides: window.stride,
                pads: self.pads(node, *window)?,
            },
            Op::Pool { keep_dims } => Operator::ReduceMean {
                axes: vec![2, 3],
                keep_dims: *keep_dims,
            },
            Op::Linear => Operator::Gemm { trans_b: true },
            Op::Mul => Operator::Mul,
            Op::Add => Operator::Add,
            Op::Softmax => Operator::Softmax { axis: -1 },
        };
        Ok(self.last(node, operator, &[])?)
    }

    /// A convolution, padded as the canonical shape of its input says.
    pub(super) fn conv(&self, node: &graph::Node, conv: Conv) -> Result<Operator, SpellError> {
        Ok(Operator::Conv {
            kernel_shape: conv.kernel,
            strides: conv.stride,
            pads: self.pads(node, conv.window())?,
            group: conv.groups,
        })
    }

    /// Pads of a window at the top, left, bottom and right.
    fn pads(&self, node: &graph::Node, window: Window) -> Result<[u64; 4], SpellError> {
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
            None => self.initializer(id, None, Recipe::clone),
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
        recipe: impl FnOnce(&Recipe) -> Recipe,
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

    /// The node that stands for a concept, with operands of the spelling's own after the concept's.
    fn last(
        &mut self,
        node: &graph::Node,
        operator: Operator,
        more: &[ValueId],
    ) -> Result<ValueId, NodeError> {
        let mut inputs: Vec<ValueId> = node.inputs.iter().map(|id| self.value(*id)).collect();
        inputs.extend(more);
        self.finish(node, operator, inputs)
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

    fn relu6_bounds(&mut self) -> [ValueId; 2] {
        *self.relu6_bounds.get_or_insert_with(|| {
            [("relu6.min", 0.0), ("relu6.max", 6.0)]
                .map(|(name, bound)| self.builder.constant(name, &[], Constant::F32(vec![bound])))
        })
    }
}

/// Spells a routed convolution; the last node has its name, and the result its value's.
///
/// # Panics
/// If it is neither 1×1 nor depthwise; a network has no other.
fn spell_routed(
    speller: &mut Speller<'_>,
    node: &Node,
    conv: Conv,
    filters: u64,
) -> Result<ValueId, SpellError> {
    if conv.groups == filters {
        return speller.depthwise(node, conv, filters);
    }
    assert!(conv.kernel == [1, 1] && conv.groups == 1, "{}", node.name);
    Ok(speller.pointwise(node, filters)?)
}

impl Speller<'_> {
    fn pointwise(&mut self, node: &Node, filters: u64) -> Result<ValueId, NodeError> {
        let (height, width) = (self.extent(node, 2), self.extent(node, 3));
        let features = self.extent(node, 1).expect("channels are fixed");
        let name = node.name.as_str();
        let [x, routing, weight] = [0, 1, 2].map(|index| self.value(node.inputs[index]));
        let flat = self.inner(
            &format!("{name}.mix"),
            Operator::MatMul,
            vec![routing, weight],
        )?;
        // Positions in one dimension where the result can be folded back: that needs all but one extent.
        let back = match (height, width) {
            (Some(height), Some(width)) => [0, signed(filters), signed(height), signed(width)],
            (Some(height), None) => [0, signed(filters), signed(height), -1],
            (None, Some(width)) => [0, signed(filters), -1, signed(width)],
            (None, None) => return self.by_rows(node, filters, features, flat),
        };
        let kernel = [0, signed(filters), signed(features)];
        let kernel = self.reshape(&format!("{name}.kernel"), flat, &kernel)?;
        let columns = [0, signed(features), -1];
        let columns = self.reshape(&format!("{name}.columns"), x, &columns)?;
        let product = format!("{name}.product");
        let y = self.inner(&product, Operator::MatMul, vec![kernel, columns])?;
        let y = self.biased(node, filters, y)?;
        let target = self.target_shape(name, &back);
        self.finish(node, Operator::Reshape, vec![y, target])
    }

    /// A 1×1 kernel where height and width are both unknown: one product for each row of the image.
    fn by_rows(
        &mut self,
        node: &Node,
        filters: u64,
        features: u64,
        flat: ValueId,
    ) -> Result<ValueId, NodeError> {
        let name = node.name.as_str();
        let kernel = [0, 1, signed(filters), signed(features)];
        let kernel = self.reshape(&format!("{name}.kernel"), flat, &kernel)?;
        let swap = || Operator::Transpose {
            perm: vec![0, 2, 1, 3],
        };
        let x = self.value(node.inputs[0]);
        let rows = self.inner(&format!("{name}.rows"), swap(), vec![x])?;
        let product = format!("{name}.product");
        let y = self.inner(&product, Operator::MatMul, vec![kernel, rows])?;
        let y = self.biased(node, filters, y)?;
        self.finish(node, swap(), vec![y])
    }

    /// The bias added as a column, if there is one.
    fn biased(&mut self, node: &Node, filters: u64, y: ValueId) -> Result<ValueId, NodeError> {
        let Some(bias) = node.inputs.get(3) else {
            return Ok(y);
        };
        let column = vec![Dim::Fixed(filters), Dim::Fixed(1)];
        let bias = self.initializer(*bias, Some(column), Recipe::clone);
        let name = format!("{}.biased", node.name);
        self.inner(&name, Operator::Add, vec![y, bias])
    }

    fn depthwise(&mut self, node: &Node, conv: Conv, filters: u64) -> Result<ValueId, SpellError> {
        let name = node.name.as_str();
        let weight = node.inputs[2];
        let experts = self.shape(weight)[0].fixed();
        let experts = experts.expect("parameters have known shapes");
        let operator = self.conv(node, conv)?;
        let [x, routing] = [0, 1].map(|index| self.value(node.inputs[index]));
        let [height, width] = conv.kernel;
        let kernel = [filters * experts, 1, height, width].map(Dim::Fixed);
        let weight = self.initializer(weight, Some(kernel.to_vec()), |own| Recipe::ExpertsInner {
            of: Box::new(own.clone()),
            experts,
            filters,
        });
        let every = self.inner(&format!("{name}.experts"), operator, vec![x, weight])?;
        // The routing weights once for every channel.
        let row = self.reshape(
            &format!("{name}.routing"),
            routing,
            &[0, 1, signed(experts)],
        )?;
        let column = self.ones(&format!("{name}.channels"), &[filters, 1]);
        let tiled = self.inner(&format!("{name}.tiled"), Operator::Mul, vec![row, column])?;
        let gates = [0, signed(filters * experts), 1, 1];
        let gates = self.reshape(&format!("{name}.gates"), tiled, &gates)?;
        let weighted = format!("{name}.weighted");
        let weighted = self.inner(&weighted, Operator::Mul, vec![every, gates])?;
        let sum = self.ones(&format!("{name}.sum"), &[filters, experts, 1, 1]);
        let mut inputs = vec![weighted, sum];
        if let Some(bias) = node.inputs.get(3) {
            inputs.push(self.value(*bias));
        }
        let operator = Operator::Conv {
            kernel_shape: [1, 1],
            strides: [1, 1],
            pads: [0; 4],
            group: filters,
        };
        Ok(self.finish(node, operator, inputs)?)
    }

    fn reshape(&mut self, name: &str, x: ValueId, target: &[i64]) -> Result<ValueId, NodeError> {
        let target = self.target_shape(name, target);
        self.inner(name, Operator::Reshape, vec![x, target])
    }

    fn target_shape(&mut self, name: &str, target: &[i64]) -> ValueId {
        let name = format!("{name}.shape");
        let extent = target.len() as u64;
        let constant = Constant::I64(target.to_vec());
        self.builder.constant(&name, &[extent], constant)
    }

    fn ones(&mut self, name: &str, shape: &[u64]) -> ValueId {
        let count: u64 = shape.iter().product();
        let count = usize::try_from(count).expect("filters fit memory");
        let constant = Constant::F32(vec![1.0; count]);
        self.builder.constant(name, shape, constant)
    }

    /// An extent of what enters a node, if it is fixed.
    fn extent(&self, node: &Node, axis: usize) -> Option<u64> {
        self.shape(node.inputs[0])[axis].fixed()
    }
}

fn signed(extent: u64) -> i64 {
    i64::try_from(extent).expect("an extent fits 63 bits")
}
