//! Every concept in ONNX operators.
//!
//! Swish is Sigmoid and Mul, or the operator of opset 24; a linear layer is Gemm, or MatMul and Add; ReLU6 is Clip with its
//! bounds as constants. Padding becomes explicit, possibly asymmetric, pads wherever it is constant. A pool is ReduceMean, with
//! its axes as an attribute up to opset 17 and as an operand from 18 on, or GlobalAveragePool, with Flatten before a linear
//! layer.

use super::speller::{SpellError, Speller};
use super::{Form, Linear, Pool, Swish, elements_in, first_opset, route};
use crate::graph::{self, Activation, Op, WeightRecipe};
use crate::onnx::graph::{Constant, Graph, NodeError, ValueId};
use crate::onnx::ops::{Axes, Operator};
use crate::onnx::opset::Opset;
use crate::tensor::shape::Dim;

/// Spells every concept in ONNX operators of f32; names of nodes and values stay.
///
/// # Errors
/// If a convolution has no constant padding, the form's opset lacks its element type or an operator that it asks for, its IR
/// version is lower than the opset's, or a graph is inconsistent.
pub fn spell(canonical: &graph::Graph, form: &Form) -> Result<Graph, SpellError> {
    if !elements_in(form.opset).contains(&form.element) {
        return Err(SpellError::Element {
            element: form.element,
            opset: form.opset.version(),
            least: first_opset(form.element).map(Opset::version),
        });
    }
    if form.swish == Swish::SwishOp && !form.opset.has_swish() {
        return Err(SpellError::NoSwish(form.opset));
    }
    if let Some(found) = form
        .ir_version
        .filter(|found| *found < form.opset.ir_version())
    {
        let opset = form.opset;
        return Err(SpellError::IrVersion { opset, found });
    }
    let mut speller = Speller::new(canonical, form)?;
    for node in &canonical.nodes {
        let output = speller.spell(node)?;
        speller.set(node.output, output);
    }
    let outputs = canonical.outputs.iter().map(|id| speller.value(*id));
    let outputs = outputs.collect();
    Ok(speller.builder.finish(outputs))
}

impl Speller<'_> {
    fn spell(&mut self, node: &graph::Node) -> Result<ValueId, SpellError> {
        let operator = match &node.op {
            Op::Conv(conv) => {
                let operator = self.conv(node, *conv)?;
                return Ok(self.last(node, operator, &[])?);
            }
            Op::RoutedConv { conv, filters } => return route::spell(self, node, *conv, *filters),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "ONNX stores epsilon as f32"
            )]
            Op::BatchNorm { epsilon } => Operator::BatchNormalization {
                epsilon: *epsilon as f32,
            },
            Op::Activation(Activation::Sigmoid) => Operator::Sigmoid,
            Op::Activation(Activation::Relu) => Operator::Relu,
            Op::Activation(Activation::Swish) if self.swish == Swish::SwishOp => Operator::Swish,
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
            Op::Activation(Activation::Tanh) => Operator::Tanh,
            Op::Activation(Activation::Elu) => Operator::Elu { alpha: 1.0 },
            #[expect(clippy::cast_possible_truncation, reason = "ONNX stores slopes as f32")]
            Op::Activation(Activation::LeakyRelu { slope }) => Operator::LeakyRelu {
                alpha: *slope as f32,
            },
            Op::Activation(activation @ (Activation::Gelu | Activation::HardSwish)) => {
                return self.composed(node, *activation);
            }
            Op::MaxPool(window) => Operator::MaxPool {
                kernel_shape: window.kernel,
                strides: window.stride,
                pads: self.pads(node, *window)?,
            },
            Op::Pool { keep_dims } if self.pool == Pool::ReduceMean => {
                let keep_dims = *keep_dims;
                let (axes, operand) = self.pool_axes();
                return Ok(self.last(node, Operator::ReduceMean { axes, keep_dims }, &operand)?);
            }
            Op::Pool { keep_dims: true } => Operator::GlobalAveragePool,
            Op::Pool { keep_dims: false } => {
                let average = format!("{}.average", node.name);
                let x = self.value(node.inputs[0]);
                let average = self.inner(&average, Operator::GlobalAveragePool, vec![x])?;
                let flatten = Operator::Flatten { axis: 1 };
                return Ok(self.finish(node, flatten, vec![average])?);
            }
            Op::LargestPool => return self.largest_pool(node),
            Op::GeneralizedMean { power, epsilon } => {
                return self.generalized_mean(node, *power, *epsilon);
            }
            Op::Concat => Operator::Concat { axis: 1 },
            Op::Midpoint => return self.midpoint(node),
            Op::LayerNorm { epsilon } => return self.layer_norm(node, *epsilon),
            Op::Normalize => return self.normalized(node),
            Op::Linear if self.head == Linear::MatMul => return Ok(self.product(node)?),
            Op::Linear => Operator::Gemm { trans_b: true },
            Op::Mul => Operator::Mul,
            Op::Add => Operator::Add,
            Op::Softmax => Operator::Softmax { axis: -1 },
        };
        Ok(self.last(node, operator, &[])?)
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

    /// A linear layer as MatMul by the transposed weight, and Add of the bias, where it has one.
    fn product(&mut self, node: &graph::Node) -> Result<ValueId, NodeError> {
        let [x, weight] = [0, 1].map(|index| node.inputs[index]);
        let [rows, columns] = [0, 1].map(|axis| {
            let extent = self.shape(weight)[axis].fixed();
            extent.expect("parameters have known shapes")
        });
        let turned = vec![Dim::Fixed(columns), Dim::Fixed(rows)];
        let transposed = |own: &WeightRecipe| WeightRecipe::Transposed {
            of: Box::new(own.clone()),
            rows,
            columns,
        };
        let x = self.value(x);
        let weight = self.initializer(weight, Some(turned), transposed);
        let Some(bias) = node.inputs.get(2) else {
            return self.finish(node, Operator::MatMul, vec![x, weight]);
        };
        let product = format!("{}.product", node.name);
        let product = self.inner(&product, Operator::MatMul, vec![x, weight])?;
        let bias = self.value(*bias);
        self.finish(node, Operator::Add, vec![product, bias])
    }

    /// Height and width, the dimensions that a pool is over: in the operator up to opset 17, then as an operand.
    pub(super) fn pool_axes(&mut self) -> (Axes, Vec<ValueId>) {
        let axes = vec![2, 3];
        if self.opset.reduces_by_attribute() {
            return (Axes::Attribute(axes), Vec::new());
        }
        let operand = *self.pool_axes.get_or_insert_with(|| {
            let count = axes.len() as u64;
            self.builder
                .constant("pool.axes", &[count], Constant::I64(axes))
        });
        (Axes::Operand, vec![operand])
    }

    pub(super) fn relu6_bounds(&mut self) -> [ValueId; 2] {
        *self.relu6_bounds.get_or_insert_with(|| {
            [("relu6.min", 0.0), ("relu6.max", 6.0)]
                .map(|(name, bound)| self.builder.constant(name, &[], Constant::F32(vec![bound])))
        })
    }
}
