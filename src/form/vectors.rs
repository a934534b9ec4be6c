//! What a head does beside linear layers: pools, norms and activations in operators that every toolchain here takes.
//!
//! None of them is one of ONNX's larger operators (LayerNormalization, Gelu, HardSwish), which are of later opsets, or which a
//! runtime lacks. Lower bounds are Max, and not Clip: it is an island of f32 in half precision, where a bound such as 1e-6 is
//! hardly a number.

use super::Pool;
use super::speller::{SpellError, Speller};
use crate::graph::{Activation, Node};
use crate::onnx::graph::{Constant, NodeError, ValueId};
use crate::onnx::ops::{Axes, Operator};

/// The least norm that a vector is divided by (PyTorch `functional.normalize`).
const LEAST_NORM: f64 = 1e-12;

impl Speller<'_> {
    /// Largest element over height and width, which go.
    pub(super) fn largest_pool(&mut self, node: &Node) -> Result<ValueId, SpellError> {
        let x = self.value(node.inputs[0]);
        let largest = format!("{}.largest", node.name);
        let largest = self.inner(&largest, Operator::GlobalMaxPool, vec![x])?;
        Ok(self.finish(node, Operator::Flatten { axis: 1 }, vec![largest])?)
    }

    /// The generalised mean over height and width, which go.
    pub(super) fn generalized_mean(
        &mut self,
        node: &Node,
        power: f64,
        epsilon: f64,
    ) -> Result<ValueId, SpellError> {
        let x = self.value(node.inputs[0]);
        let least = self.number(node, "epsilon", epsilon);
        let x = self.part(node, "least", Operator::Max, vec![x, least])?;
        let exponent = self.number(node, "power", power);
        let x = self.part(node, "powers", Operator::Pow, vec![x, exponent])?;
        let mean = match self.pool {
            Pool::ReduceMean => {
                let (axes, operand) = self.pool_axes();
                let mean = Operator::ReduceMean {
                    axes,
                    keep_dims: false,
                };
                self.part(node, "mean", mean, [vec![x], operand].concat())?
            }
            Pool::GlobalAverage => {
                let x = self.part(node, "average", Operator::GlobalAveragePool, vec![x])?;
                self.part(node, "mean", Operator::Flatten { axis: 1 }, vec![x])?
            }
        };
        let root = self.number(node, "root", 1.0 / power);
        Ok(self.finish(node, Operator::Pow, vec![mean, root])?)
    }

    /// Element-wise mean of two vectors.
    pub(super) fn midpoint(&mut self, node: &Node) -> Result<ValueId, SpellError> {
        let operands = [0, 1].map(|index| self.value(node.inputs[index]));
        let sum = self.part(node, "sum", Operator::Add, operands.to_vec())?;
        let half = self.number(node, "half", 0.5);
        Ok(self.finish(node, Operator::Mul, vec![sum, half])?)
    }

    /// Mean and deviation over the features of each row, then scale and offset.
    pub(super) fn layer_norm(&mut self, node: &Node, epsilon: f64) -> Result<ValueId, SpellError> {
        let [x, gamma, beta] = [0, 1, 2].map(|index| self.value(node.inputs[index]));
        let mean = self.feature_mean(node, "mean", x)?;
        let centred = self.part(node, "centred", Operator::Sub, vec![x, mean])?;
        let squares = self.part(node, "squares", Operator::Mul, vec![centred, centred])?;
        let variance = self.feature_mean(node, "variance", squares)?;
        let epsilon = self.number(node, "epsilon", epsilon);
        let variance = self.part(node, "above_zero", Operator::Add, vec![variance, epsilon])?;
        let deviation = self.part(node, "deviation", Operator::Sqrt, vec![variance])?;
        let normal = self.part(node, "normal", Operator::Div, vec![centred, deviation])?;
        let scaled = self.part(node, "scaled", Operator::Mul, vec![normal, gamma])?;
        Ok(self.finish(node, Operator::Add, vec![scaled, beta])?)
    }

    /// Each row divided by its Euclidean norm.
    pub(super) fn normalized(&mut self, node: &Node) -> Result<ValueId, SpellError> {
        let x = self.value(node.inputs[0]);
        let (axes, operand) = self.feature_axis();
        let norm = Operator::ReduceL2 {
            axes,
            keep_dims: true,
        };
        let norm = self.part(node, "norm", norm, [vec![x], operand].concat())?;
        let least = self.number(node, "least", LEAST_NORM);
        let norm = self.part(node, "divisor", Operator::Max, vec![norm, least])?;
        Ok(self.finish(node, Operator::Div, vec![x, norm])?)
    }

    /// An activation that is a few operators.
    pub(super) fn composed(
        &mut self,
        node: &Node,
        activation: Activation,
    ) -> Result<ValueId, SpellError> {
        let x = self.value(node.inputs[0]);
        let gate = if activation == Activation::Gelu {
            let scale = self.number(node, "scale", std::f64::consts::FRAC_1_SQRT_2);
            let scaled = self.part(node, "scaled", Operator::Mul, vec![x, scale])?;
            let erf = self.part(node, "erf", Operator::Erf, vec![scaled])?;
            let one = self.number(node, "one", 1.0);
            let raised = self.part(node, "raised", Operator::Add, vec![erf, one])?;
            let half = self.number(node, "half", 0.5);
            self.part(node, "gate", Operator::Mul, vec![raised, half])?
        } else {
            let three = self.number(node, "three", 3.0);
            let raised = self.part(node, "raised", Operator::Add, vec![x, three])?;
            let [low, high] = self.relu6_bounds();
            let clipped = self.part(node, "clipped", Operator::Clip, vec![raised, low, high])?;
            let sixth = self.number(node, "sixth", 1.0 / 6.0);
            self.part(node, "gate", Operator::Mul, vec![clipped, sixth])?
        };
        Ok(self.finish(node, Operator::Mul, vec![x, gate])?)
    }

    fn feature_mean(&mut self, node: &Node, name: &str, x: ValueId) -> Result<ValueId, NodeError> {
        let (axes, operand) = self.feature_axis();
        let mean = Operator::ReduceMean {
            axes,
            keep_dims: true,
        };
        self.part(node, name, mean, [vec![x], operand].concat())
    }

    /// The dimension of features: in the operator up to opset 17, then as an operand.
    fn feature_axis(&mut self) -> (Axes, Vec<ValueId>) {
        let axes = vec![1];
        if self.opset.reduces_by_attribute() {
            return (Axes::Attribute(axes), Vec::new());
        }
        let operand = *self.feature_axis.get_or_insert_with(|| {
            let axes = Constant::I64(axes);
            self.builder.constant("features.axes", &[1], axes)
        });
        (Axes::Operand, vec![operand])
    }

    /// A node of a concept's own.
    fn part(
        &mut self,
        node: &Node,
        name: &str,
        operator: Operator,
        inputs: Vec<ValueId>,
    ) -> Result<ValueId, NodeError> {
        self.inner(&format!("{}.{name}", node.name), operator, inputs)
    }

    /// A scalar of a concept's own.
    fn number(&mut self, node: &Node, name: &str, number: f64) -> ValueId {
        #[expect(clippy::cast_possible_truncation, reason = "the graph computes in f32")]
        let number = Constant::F32(vec![number as f32]);
        let name = format!("{}.{name}", node.name);
        self.builder.constant(&name, &[], number)
    }
}
