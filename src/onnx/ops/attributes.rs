//! Attributes of operators: writing them, and reading them strictly.
//!
//! Everything that is meaningful is written even where it equals ONNX's default, in alphabetical
//! order; flags that are off and features that are never used (dilations, `transA`, `alpha` …) are not.

mod window;

use super::{ConvPads, OpError, Operator};
use crate::onnx::element;
use crate::onnx::proto::attribute_proto::AttributeType;
use crate::onnx::proto::{AttributeProto, NodeProto};
use std::collections::BTreeSet;

/// Largest window, stride, pad or group number that is read; no arithmetic on them can overflow.
const LARGEST: i64 = i32::MAX as i64;

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
            Self::ReduceMean { axes, keep_dims } => {
                let axes = (!axes.is_empty()).then(|| ints("axes", axes.clone()));
                axes.into_iter()
                    .chain([int("keepdims", i64::from(*keep_dims))])
                    .collect()
            }
            Self::Gemm { trans_b: true } => vec![int("transB", 1)],
            Self::Softmax { axis } | Self::Flatten { axis } => vec![int("axis", *axis)],
            Self::Cast { to } => vec![int("to", i64::from(element::number(*to)))],
            Self::Transpose { perm } => vec![ints("perm", perm.clone())],
            Self::Gemm { trans_b: false }
            | Self::GlobalAveragePool
            | Self::MatMul
            | Self::Reshape
            | Self::Sigmoid
            | Self::Relu
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
            "Relu" => Reader::new("Relu", node)?.finish(Self::Relu),
            "Mul" => Reader::new("Mul", node)?.finish(Self::Mul),
            "Add" => Reader::new("Add", node)?.finish(Self::Add),
            "Sub" => Reader::new("Sub", node)?.finish(Self::Sub),
            "Cast" => read_cast(Reader::new("Cast", node)?),
            "Clip" => Reader::new("Clip", node)?.finish(Self::Clip),
            "GlobalAveragePool" => {
                Reader::new("GlobalAveragePool", node)?.finish(Self::GlobalAveragePool)
            }
            "Flatten" => read_flatten(Reader::new("Flatten", node)?),
            "ReduceMean" => read_reduce_mean(Reader::new("ReduceMean", node)?),
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

fn read_reduce_mean(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    let axes = reader.ints("axes")?.unwrap_or_default();
    let keep_dims = reader.flag("keepdims", true)?;
    reader.finish(Operator::ReduceMean { axes, keep_dims })
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

/// The attributes of one node, each taken once; `finish` fails if one is left.
struct Reader<'a> {
    op_type: &'static str,
    left: Vec<&'a AttributeProto>,
}

impl<'a> Reader<'a> {
    fn new(op_type: &'static str, node: &'a NodeProto) -> Result<Self, OpError> {
        let reader = Self {
            op_type,
            left: node.attribute.iter().collect(),
        };
        let mut names = BTreeSet::new();
        for attribute in &node.attribute {
            let name = attribute.name();
            if !names.insert(name) {
                return Err(reader.wrong(name, "given twice".to_owned()));
            }
            if attribute
                .ref_attr_name
                .as_ref()
                .is_some_and(|name| !name.is_empty())
            {
                return Err(reader.wrong(name, "refers to a caller, outside a function".to_owned()));
            }
        }
        Ok(reader)
    }

    fn finish(self, operator: Operator) -> Result<Operator, OpError> {
        match self.left.first() {
            Some(left) => {
                Err(self.wrong(left.name(), "the operator has no such attribute".to_owned()))
            }
            None => Ok(operator),
        }
    }

    fn take(
        &mut self,
        name: &str,
        expected: AttributeType,
    ) -> Result<Option<&'a AttributeProto>, OpError> {
        let Some(index) = self
            .left
            .iter()
            .position(|attribute| attribute.name() == name)
        else {
            return Ok(None);
        };
        let attribute = self.left.swap_remove(index);
        if attribute.r#type == Some(expected.into()) {
            return Ok(Some(attribute));
        }
        let found = match attribute.r#type.map(AttributeType::try_from) {
            Some(Ok(found)) => format!("`{}`", found.as_str_name()),
            Some(Err(error)) => format!("type {}", error.0),
            None => "no type".to_owned(),
        };
        Err(self.wrong(
            name,
            format!("expected type `{}`, found {found}", expected.as_str_name()),
        ))
    }

    fn int(&mut self, name: &str) -> Result<Option<i64>, OpError> {
        Ok(self.take(name, AttributeType::Int)?.map(AttributeProto::i))
    }

    fn ints(&mut self, name: &str) -> Result<Option<Vec<i64>>, OpError> {
        Ok(self
            .take(name, AttributeType::Ints)?
            .map(|attribute| attribute.ints.clone()))
    }

    fn float(&mut self, name: &str) -> Result<Option<f32>, OpError> {
        Ok(self
            .take(name, AttributeType::Float)?
            .map(AttributeProto::f))
    }

    fn string(&mut self, name: &str) -> Result<Option<String>, OpError> {
        let attribute = self.take(name, AttributeType::String)?;
        Ok(attribute.map(|attribute| String::from_utf8_lossy(attribute.s()).into_owned()))
    }

    fn flag(&mut self, name: &str, default: bool) -> Result<bool, OpError> {
        match self.int(name)? {
            None => Ok(default),
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(other) => Err(self.wrong(name, format!("expected 0 or 1, found {other}"))),
        }
    }

    fn extents(&mut self, name: &str, least: i64) -> Result<Option<Vec<u64>>, OpError> {
        let Some(values) = self.ints(name)? else {
            return Ok(None);
        };
        values
            .into_iter()
            .map(|value| self.bounded(name, least, value))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn bounded(&self, name: &str, least: i64, value: i64) -> Result<u64, OpError> {
        match u64::try_from(value) {
            Ok(extent) if (least..=LARGEST).contains(&value) => Ok(extent),
            _ => Err(self.wrong(
                name,
                format!("expected {least} to {LARGEST}, found {value}"),
            )),
        }
    }

    fn exactly<const N: usize>(
        &self,
        name: &str,
        values: Option<Vec<u64>>,
        default: [u64; N],
    ) -> Result<[u64; N], OpError> {
        let Some(values) = values else {
            return Ok(default);
        };
        let wrong = |values: Vec<u64>| {
            self.wrong(name, format!("expected {N} values, found {}", values.len()))
        };
        values.try_into().map_err(wrong)
    }

    fn wrong(&self, attribute: &str, reason: String) -> OpError {
        OpError::Attribute {
            op_type: self.op_type,
            attribute: attribute.to_owned(),
            reason,
        }
    }

    fn unsupported(&self, reason: String) -> OpError {
        OpError::Unsupported {
            op_type: self.op_type,
            reason,
        }
    }
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
