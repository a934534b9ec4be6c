//! Strict reading of a node's attributes.

use super::super::{OpError, Operator};
use crate::onnx::proto::attribute_proto::AttributeType;
use crate::onnx::proto::{AttributeProto, NodeProto};
use std::collections::BTreeSet;

/// Largest window, stride, pad or group number that is read; no arithmetic on them can overflow.
const LARGEST: i64 = i32::MAX as i64;

/// The attributes of one node, each taken once; `finish` fails if one is left.
pub(super) struct Reader<'a> {
    op_type: &'static str,
    left: Vec<&'a AttributeProto>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(op_type: &'static str, node: &'a NodeProto) -> Result<Self, OpError> {
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

    pub(super) fn finish(self, operator: Operator) -> Result<Operator, OpError> {
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

    pub(super) fn int(&mut self, name: &str) -> Result<Option<i64>, OpError> {
        Ok(self.take(name, AttributeType::Int)?.map(AttributeProto::i))
    }

    pub(super) fn ints(&mut self, name: &str) -> Result<Option<Vec<i64>>, OpError> {
        Ok(self
            .take(name, AttributeType::Ints)?
            .map(|attribute| attribute.ints.clone()))
    }

    pub(super) fn float(&mut self, name: &str) -> Result<Option<f32>, OpError> {
        Ok(self
            .take(name, AttributeType::Float)?
            .map(AttributeProto::f))
    }

    pub(super) fn string(&mut self, name: &str) -> Result<Option<String>, OpError> {
        let attribute = self.take(name, AttributeType::String)?;
        Ok(attribute.map(|attribute| String::from_utf8_lossy(attribute.s()).into_owned()))
    }

    pub(super) fn flag(&mut self, name: &str, default: bool) -> Result<bool, OpError> {
        match self.int(name)? {
            None => Ok(default),
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(other) => Err(self.wrong(name, format!("expected 0 or 1, found {other}"))),
        }
    }

    pub(super) fn extents(&mut self, name: &str, least: i64) -> Result<Option<Vec<u64>>, OpError> {
        let Some(values) = self.ints(name)? else {
            return Ok(None);
        };
        values
            .into_iter()
            .map(|value| self.bounded(name, least, value))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub(super) fn bounded(&self, name: &str, least: i64, value: i64) -> Result<u64, OpError> {
        match u64::try_from(value) {
            Ok(extent) if (least..=LARGEST).contains(&value) => Ok(extent),
            _ => Err(self.wrong(
                name,
                format!("expected {least} to {LARGEST}, found {value}"),
            )),
        }
    }

    pub(super) fn exactly<const N: usize>(
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

    pub(super) fn wrong(&self, attribute: &str, reason: String) -> OpError {
        OpError::Attribute {
            op_type: self.op_type,
            attribute: attribute.to_owned(),
            reason,
        }
    }

    pub(super) fn unsupported(&self, reason: String) -> OpError {
        OpError::Unsupported {
            op_type: self.op_type,
            reason,
        }
    }
}
