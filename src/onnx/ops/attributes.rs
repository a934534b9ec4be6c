//! Attributes of operators: writing them, and reading them strictly.
//!
//! Everything that is meaningful is written even where it equals ONNX's default, in alphabetical
//! order; flags that are off and features that are never used (dilations, `transA`, `alpha` …) are not.

mod reader;
mod window;

use super::{Axes, ConvPads, OpError, Operator};
use crate::onnx::element;
use crate::onnx::proto::attribute_proto::AttributeType;
use crate::onnx::proto::{AttributeProto, NodeProto};
use reader::Reader;

impl Operator {
    /// The attributes as a node holds them, in alphabetical order.
    #[must_use]
    pub fn attributes(&self) -> Vec<AttributeProto> {
        match self {
            Self::Conv {
                kernel_shape,
                strides,
                pads,
                group,
            } => {
                let group = int("group", signed(*group));
                let kernel_shape = ints("kernel_shape", kernel_shape.map(signed).to_vec());
                let strides = ints("strides", strides.map(signed).to_vec());
                match pads {
                    ConvPads::Explicit(pads) => {
                        let pads = ints("pads", pads.map(signed).to_vec());
                        vec![group, kernel_shape, pads, strides]
                    }
                    ConvPads::SameUpper => {
                        let auto_pad = string("auto_pad", window::SAME_UPPER);
                        vec![auto_pad, group, kernel_shape, strides]
                    }
                }
            }
            Self::MaxPool {
                kernel_shape,
                strides,
                pads,
            } => vec![
                ints("kernel_shape", kernel_shape.map(signed).to_vec()),
                ints("pads", pads.map(signed).to_vec()),
                ints("strides", strides.map(signed).to_vec()),
            ],
            Self::BatchNormalization { epsilon } => vec![float("epsilon", *epsilon)],
            Self::ReduceMean { axes, keep_dims } | Self::ReduceL2 { axes, keep_dims } => {
                let axes = match axes {
                    Axes::Attribute(axes) if !axes.is_empty() => Some(ints("axes", axes.clone())),
                    Axes::Attribute(_) | Axes::Operand => None,
                };
                axes.into_iter()
                    .chain([int("keepdims", i64::from(*keep_dims))])
                    .collect()
            }
            Self::Elu { alpha } | Self::LeakyRelu { alpha } => vec![float("alpha", *alpha)],
            Self::Gemm { trans_b: true } => vec![int("transB", 1)],
            Self::Softmax { axis } | Self::Flatten { axis } | Self::Concat { axis } => {
                vec![int("axis", *axis)]
            }
            Self::Cast { to } => vec![int("to", i64::from(element::number(*to)))],
            Self::Transpose { perm } => vec![ints("perm", perm.clone())],
            Self::Gemm { trans_b: false }
            | Self::GlobalAveragePool
            | Self::GlobalMaxPool
            | Self::MatMul
            | Self::Reshape
            | Self::Sigmoid
            | Self::Swish
            | Self::Relu
            | Self::Tanh
            | Self::Erf
            | Self::Sqrt
            | Self::Div
            | Self::Pow
            | Self::Max
            | Self::Mul
            | Self::Add
            | Self::Sub
            | Self::Clip => {
                vec![]
            }
        }
    }

    /// The operator that a node of a file asks for.
    ///
    /// # Errors
    /// If the operator or a use of it is not known here, an attribute is not the operator's or has a
    /// wrong type or value, or the number of operands or results is wrong.
    pub fn from_node(node: &NodeProto) -> Result<Self, OpError> {
        let unknown = || OpError::Unknown {
            op_type: node.op_type().to_owned(),
            domain: node.domain().to_owned(),
        };
        if !matches!(node.domain(), "" | "ai.onnx") {
            return Err(unknown());
        }
        let operator = match node.op_type() {
            "Conv" => window::read_conv(Reader::new("Conv", node)?),
            "MaxPool" => window::read_max_pool(Reader::new("MaxPool", node)?, node.output.len()),
            "BatchNormalization" => {
                read_batch_normalization(Reader::new("BatchNormalization", node)?)
            }
            "Sigmoid" => Reader::new("Sigmoid", node)?.finish(Self::Sigmoid),
            "Swish" => read_swish(Reader::new("Swish", node)?),
            "Relu" => Reader::new("Relu", node)?.finish(Self::Relu),
            "Tanh" => Reader::new("Tanh", node)?.finish(Self::Tanh),
            "Erf" => Reader::new("Erf", node)?.finish(Self::Erf),
            "Sqrt" => Reader::new("Sqrt", node)?.finish(Self::Sqrt),
            "Elu" => read_elu(Reader::new("Elu", node)?),
            "LeakyRelu" => read_leaky_relu(Reader::new("LeakyRelu", node)?),
            "Div" => Reader::new("Div", node)?.finish(Self::Div),
            "Pow" => Reader::new("Pow", node)?.finish(Self::Pow),
            "Max" => Reader::new("Max", node)?.finish(Self::Max),
            "Concat" => read_concat(Reader::new("Concat", node)?),
            "GlobalMaxPool" => Reader::new("GlobalMaxPool", node)?.finish(Self::GlobalMaxPool),
            "Mul" => Reader::new("Mul", node)?.finish(Self::Mul),
            "Add" => Reader::new("Add", node)?.finish(Self::Add),
            "Sub" => Reader::new("Sub", node)?.finish(Self::Sub),
            "Cast" => read_cast(Reader::new("Cast", node)?),
            "Clip" => Reader::new("Clip", node)?.finish(Self::Clip),
            "GlobalAveragePool" => {
                Reader::new("GlobalAveragePool", node)?.finish(Self::GlobalAveragePool)
            }
            "Flatten" => read_flatten(Reader::new("Flatten", node)?),
            "ReduceMean" => {
                let mut reader = Reader::new("ReduceMean", node)?;
                let (axes, keep_dims) = read_reduced(&mut reader, node.input.len())?;
                reader.finish(Self::ReduceMean { axes, keep_dims })
            }
            "ReduceL2" => {
                let mut reader = Reader::new("ReduceL2", node)?;
                let (axes, keep_dims) = read_reduced(&mut reader, node.input.len())?;
                reader.finish(Self::ReduceL2 { axes, keep_dims })
            }
            "Gemm" => read_gemm(Reader::new("Gemm", node)?),
            "MatMul" => Reader::new("MatMul", node)?.finish(Self::MatMul),
            "Reshape" => read_reshape(Reader::new("Reshape", node)?),
            "Transpose" => read_transpose(Reader::new("Transpose", node)?),
            "Softmax" => read_softmax(Reader::new("Softmax", node)?),
            _ => Err(unknown()),
        }?;
        operator.check_names(node)?;
        Ok(operator)
    }

    fn check_names(&self, node: &NodeProto) -> Result<(), OpError> {
        let op_type = self.op_type();
        self.check_operand_count(node.input.len())?;
        let required = *self.operand_count().start();
        if let Some(index) = node.input.iter().take(required).position(String::is_empty) {
            return Err(OpError::Arity {
                op_type,
                reason: format!("required operand {index} is left out"),
            });
        }
        let named = node.output.iter().filter(|name| !name.is_empty()).count();
        if node.output.len() != 1 || named != 1 {
            let reason = format!(
                "expected 1 result, found {named} in a list of {}",
                node.output.len()
            );
            return Err(OpError::Arity { op_type, reason });
        }
        Ok(())
    }
}

fn read_batch_normalization(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    let epsilon = reader.float("epsilon")?.unwrap_or(1e-5);
    // Only training mode uses the momentum.
    reader.float("momentum")?;
    if reader.flag("training_mode", false)? {
        return Err(reader.unsupported("training mode".to_owned()));
    }
    reader.finish(Operator::BatchNormalization { epsilon })
}

/// The factor of `x` within the sigmoid is 1 where a node does not say.
fn read_swish(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    if reader.float("alpha")?.is_some_and(|alpha| alpha != 1.0) {
        return Err(reader.unsupported("a factor other than 1".to_owned()));
    }
    reader.finish(Operator::Swish)
}

/// A second operand has the axes, and then no attribute has them.
fn read_reduced(reader: &mut Reader<'_>, operands: usize) -> Result<(Axes, bool), OpError> {
    let axes = if operands > 1 {
        if reader.flag("noop_with_empty_axes", false)? {
            return Err(reader.unsupported("reducing nothing".to_owned()));
        }
        Axes::Operand
    } else {
        Axes::Attribute(reader.ints("axes")?.unwrap_or_default())
    };
    let keep_dims = reader.flag("keepdims", true)?;
    Ok((axes, keep_dims))
}

fn read_elu(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    let alpha = reader.float("alpha")?.unwrap_or(1.0);
    reader.finish(Operator::Elu { alpha })
}

fn read_leaky_relu(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    let alpha = reader.float("alpha")?.unwrap_or(0.01);
    reader.finish(Operator::LeakyRelu { alpha })
}

fn read_concat(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    let Some(axis) = reader.int("axis")? else {
        return Err(reader.wrong("axis", "expected a dimension, found none".to_owned()));
    };
    reader.finish(Operator::Concat { axis })
}

fn read_flatten(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    let axis = reader.int("axis")?.unwrap_or(1);
    reader.finish(Operator::Flatten { axis })
}

fn read_gemm(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    let factors = [reader.float("alpha")?, reader.float("beta")?];
    if factors
        .iter()
        .any(|factor| factor.is_some_and(|factor| factor != 1.0))
    {
        return Err(reader.unsupported("a factor other than 1".to_owned()));
    }
    if reader.flag("transA", false)? {
        return Err(reader.unsupported("a transposed first operand".to_owned()));
    }
    let trans_b = reader.flag("transB", false)?;
    reader.finish(Operator::Gemm { trans_b })
}

fn read_reshape(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    if reader.flag("allowzero", false)? {
        return Err(reader.unsupported("an extent of 0".to_owned()));
    }
    reader.finish(Operator::Reshape)
}

fn read_transpose(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    let Some(perm) = reader.ints("perm")? else {
        return Err(reader.unsupported("a missing `perm`".to_owned()));
    };
    reader.finish(Operator::Transpose { perm })
}

fn read_cast(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    let Some(number) = reader.int("to")? else {
        return Err(reader.wrong("to", "expected an element type, found none".to_owned()));
    };
    let known = i32::try_from(number).map(element::from_number);
    match known {
        Ok(Ok(to)) => reader.finish(Operator::Cast { to }),
        Ok(Err(reason)) => Err(reader.wrong("to", reason)),
        Err(_) => Err(reader.wrong("to", format!("element type {number} does not exist"))),
    }
}

fn read_softmax(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    let axis = reader.int("axis")?.unwrap_or(-1);
    reader.finish(Operator::Softmax { axis })
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        i: Some(value),
        ..attribute(name, AttributeType::Int)
    }
}

fn ints(name: &str, values: Vec<i64>) -> AttributeProto {
    AttributeProto {
        ints: values,
        ..attribute(name, AttributeType::Ints)
    }
}

fn string(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        s: Some(value.as_bytes().to_vec()),
        ..attribute(name, AttributeType::String)
    }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        f: Some(value),
        ..attribute(name, AttributeType::Float)
    }
}

/// Extents stay far below `i64::MAX`; a larger one could not have been built.
fn signed(extent: u64) -> i64 {
    i64::try_from(extent).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
