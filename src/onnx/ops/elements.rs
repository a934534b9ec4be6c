//! Which element types operators take: ONNX's type constraints, and the narrower choice of this project's own files.

use super::infer::Operand;
use super::{Axes, OpError, Operator, TensorType};
use crate::onnx::element;
use crate::onnx::proto::tensor_proto::DataType;
use crate::tensor::Element;

/// Element types of real numbers, which every operator here takes.
const REALS: [Element; 4] = [Element::F32, Element::F16, Element::F64, Element::Bf16];

impl Operator {
    /// Whether operands that [`infer`](Self::infer) takes are of the kind that this project's own files have.
    ///
    /// # Errors
    /// If they are not: ONNX has many types that no network here needs.
    pub fn check_written(&self, inputs: &[TensorType]) -> Result<(), OpError> {
        let op_type = self.op_type();
        let x = &inputs[0];
        let arithmetic = matches!(
            self,
            Self::Clip
                | Self::Mul
                | Self::Add
                | Self::Sub
                | Self::Div
                | Self::Max
                | Self::Cast { .. }
        );
        if !arithmetic && !REALS.contains(&x.element) {
            return Err(Operand(op_type, "x").wrong(format!("a real number, found {x}")));
        }
        let short = |input: &&TensorType| *self == Self::MatMul && input.shape.len() < 2;
        if let Some(short) = inputs.iter().find(short) {
            let found = format!("2 dimensions or more, found {short}");
            return Err(Operand(op_type, "every operand").wrong(found));
        }
        match self {
            Self::Reshape
            | Self::ReduceMean {
                axes: Axes::Operand,
                ..
            }
            | Self::ReduceL2 {
                axes: Axes::Operand,
                ..
            } => Ok(()),
            _ => same_elements(op_type, inputs),
        }
    }

    /// ONNX's type constraints, of operands that share a type and for each group of them.
    pub(super) fn check_elements(&self, inputs: &[TensorType]) -> Result<(), OpError> {
        let op_type = self.op_type();
        let groups = match self {
            // Since version 15; before, scale and bias have the type of `x`.
            Self::BatchNormalization { .. } => vec![
                ("x", &inputs[..1]),
                ("scale", &inputs[1..3]),
                ("mean", &inputs[3..]),
            ],
            // An exponent may be of any number.
            Self::Reshape
            | Self::Pow
            | Self::ReduceMean {
                axes: Axes::Operand,
                ..
            }
            | Self::ReduceL2 {
                axes: Axes::Operand,
                ..
            } => vec![("x", &inputs[..1])],
            _ => vec![("x", inputs)],
        };
        for (name, group) in groups {
            let (allowed, expected) = self.takes(group[0].element);
            if !allowed {
                let found = format!("{expected}, found {}", group[0]);
                return Err(Operand(op_type, name).wrong(found));
            }
            same_elements(op_type, group)?;
        }
        Ok(())
    }

    /// Element type of the result, where the first operand has `x`.
    pub(super) fn result_element(&self, x: Element) -> Element {
        match self {
            Self::Cast { to } => *to,
            _ => x,
        }
    }

    /// Whether ONNX has the operator for elements of a type, and for which it does.
    fn takes(&self, element: Element) -> (bool, &'static str) {
        use Element::{I8, I16, I32, I64, U8, U16, U32, U64};
        let real = REALS.contains(&element);
        let wide = matches!(element, I32 | I64 | U32 | U64);
        let signed = matches!(element, I8 | I16 | I32 | I64);
        match self {
            Self::Conv { .. }
            | Self::BatchNormalization { .. }
            | Self::GlobalAveragePool
            | Self::GlobalMaxPool
            | Self::Tanh
            | Self::Sqrt
            | Self::Elu { .. }
            | Self::LeakyRelu { .. }
            | Self::Sigmoid
            | Self::Swish
            | Self::Softmax { .. } => (real, "a real number"),
            Self::MaxPool { .. } => (
                real || matches!(element, I8 | U8),
                "a real number or an integer of 8 bits",
            ),
            Self::Relu => (real || signed, "a real number or a signed integer"),
            Self::ReduceMean { .. } | Self::ReduceL2 { .. } | Self::Gemm { .. } | Self::MatMul => {
                (real || wide, "a real number or an integer of 32 or 64 bits")
            }
            Self::Pow => (
                real || matches!(element, I32 | I64),
                "a real number or a signed integer of 32 or 64 bits",
            ),
            Self::Mul | Self::Add | Self::Sub | Self::Div | Self::Max | Self::Erf | Self::Clip => (
                real || wide || signed || matches!(element, U8 | U16),
                "a number",
            ),
            // In the order of their numbers, what follows is later than opset 17.
            Self::Flatten { .. }
            | Self::Reshape
            | Self::Concat { .. }
            | Self::Transpose { .. }
            | Self::Cast { .. } => (
                element::data_type(element) <= DataType::Bfloat16,
                "a type that opset 17 has",
            ),
        }
    }
}

fn same_elements(op_type: &'static str, inputs: &[TensorType]) -> Result<(), OpError> {
    let element = inputs[0].element;
    match inputs.iter().find(|input| input.element != element) {
        None => Ok(()),
        Some(other) => Err(Operand(op_type, "every operand").wrong(format!(
            "elements of {}, found {other}",
            element::name(element)
        ))),
    }
}
