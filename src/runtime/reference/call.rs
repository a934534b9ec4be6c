//! One use of an operator: its operands, attributes and the version of its definition.

use super::tensor::Tensor;
use crate::onnx::proto::AttributeProto;
use crate::onnx::proto::attribute_proto::AttributeType;

/// What an operator is given.
pub struct Call<'a> {
    /// Version of the operator set that the node counts on.
    pub version: i64,
    /// Named constants of the node.
    pub attributes: &'a [AttributeProto],
    /// Operands; none for an optional one that is left out.
    pub operands: Vec<Option<&'a Tensor>>,
    /// How many results the node wants.
    pub results: usize,
}

impl<'a> Call<'a> {
    /// Whether the definition is that of an operator set, or of a later one.
    pub fn since(&self, version: i64) -> bool {
        self.version >= version
    }

    /// An operand that must be there.
    pub fn operand(&self, index: usize) -> Result<&'a Tensor, String> {
        match self.optional(index) {
            Some(tensor) => Ok(tensor),
            None => Err(format!("operand {index} is missing")),
        }
    }

    /// An operand that may be left out.
    pub fn optional(&self, index: usize) -> Option<&'a Tensor> {
        self.operands.get(index).copied().flatten()
    }

    /// Every operand, where none may be left out.
    pub fn all_operands(&self) -> Result<Vec<&'a Tensor>, String> {
        let mut found = Vec::new();
        for index in 0..self.operands.len() {
            found.push(self.operand(index)?);
        }
        Ok(found)
    }

    /// Whether the node has an attribute of that name.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<&'a AttributeProto> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.as_deref() == Some(name))
    }

    /// Files of IR versions before 2 do not say the type.
    fn typed(
        &self,
        name: &str,
        expected: AttributeType,
    ) -> Result<Option<&'a AttributeProto>, String> {
        let Some(attribute) = self.find(name) else {
            return Ok(None);
        };
        match attribute.r#type {
            None | Some(0) => Ok(Some(attribute)),
            Some(found) if found == expected as i32 => Ok(Some(attribute)),
            Some(_) => Err(format!(
                "attribute `{name}` is not of type {}",
                expected.as_str_name()
            )),
        }
    }

    pub fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        let attribute = self.typed(name, AttributeType::Int)?;
        Ok(attribute.and_then(|a| a.i).unwrap_or(default))
    }

    /// An attribute that is 0 or 1.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        match self.int(name, default.into())? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(format!(
                "attribute `{name}`: expected 0 or 1, found {found}"
            )),
        }
    }

    pub fn ints(&self, name: &str) -> Result<Option<&'a [i64]>, String> {
        let attribute = self.typed(name, AttributeType::Ints)?;
        Ok(attribute.map(|a| a.ints.as_slice()))
    }

    pub fn floats(&self, name: &str) -> Result<Option<&'a [f32]>, String> {
        let attribute = self.typed(name, AttributeType::Floats)?;
        Ok(attribute.map(|a| a.floats.as_slice()))
    }

    pub fn float(&self, name: &str, default: f32) -> Result<f64, String> {
        let attribute = self.typed(name, AttributeType::Float)?;
        Ok(attribute.and_then(|a| a.f).unwrap_or(default).into())
    }

    /// Given text, or the default.
    pub fn text(&self, name: &str, default: &'static str) -> Result<&'a str, String> {
        let attribute = self.typed(name, AttributeType::String)?;
        let Some(bytes) = attribute.and_then(|a| a.s.as_deref()) else {
            return Ok(default);
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(_) => Err(format!("attribute `{name}` is not text")),
        }
    }

    pub fn tensor(
        &self,
        name: &str,
    ) -> Result<Option<&'a crate::onnx::proto::TensorProto>, String> {
        let attribute = self.typed(name, AttributeType::Tensor)?;
        Ok(attribute.and_then(|a| a.t.as_deref()))
    }

    /// Axes or extents that older definitions keep in an attribute and newer ones in an operand.
    pub fn integers(&self, name: &str, operand: usize) -> Result<Option<&'a [i64]>, String> {
        match self.ints(name)? {
            Some(found) => Ok(Some(found)),
            None => match self.optional(operand) {
                Some(tensor) if tensor.shape.len() <= 1 => Ok(Some(tensor.integers()?)),
                Some(tensor) => Err(format!(
                    "operand {operand}: expected a list, found shape {:?}",
                    tensor.shape
                )),
                None => Ok(None),
            },
        }
    }
}
