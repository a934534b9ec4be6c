//! A constant tensor of a file: what it is, and where its elements are.

use super::external::{External, ExternalError};
use crate::onnx::element;
use crate::tensor::Element;
use std::ops::Range;

/// A constant tensor; its elements stay in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initializer {
    /// Its name; empty if it has none.
    pub name: String,
    /// Its extents as the file has them, outermost first: a negative one is a fault that `check` finds.
    pub dims: Vec<i64>,
    /// A `TensorProto.DataType`.
    pub data_type: i32,
    /// Where its elements are.
    pub data: Data,
}

/// Where the elements of a tensor are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Nowhere: right only for a tensor without elements.
    None,
    /// Little-endian bytes in the model file, from and to these offsets.
    Raw(Range<u64>),
    /// In a typed field of the model file.
    Typed(Typed),
    /// In another file: the entries of `external_data`, to be read with [`Initializer::external`].
    External(Vec<(String, String)>),
    /// In several fields at once, which is a fault; their names.
    Several(Vec<&'static str>),
}

/// Elements in a typed field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// Name of the field.
    pub field: &'static str,
    /// How many values it holds.
    pub values: u64,
    /// Where they are, if they are packed in one piece.
    pub range: Option<Range<u64>>,
    /// The tensor's message, in which they are.
    pub message: Range<u64>,
}

impl Initializer {
    /// Its element type, if its number stands for one.
    #[must_use]
    pub fn element(&self) -> Option<Element> {
        element::from_number(self.data_type).ok()
    }

    /// Number of elements, if no extent is negative and the product fits.
    #[must_use]
    pub fn element_count(&self) -> Option<u64> {
        self.dims.iter().try_fold(1_u64, |product, dim| {
            product.checked_mul(u64::try_from(*dim).ok()?)
        })
    }

    /// The other file that holds the elements, not yet looked at; none if they are in this one.
    ///
    /// # Errors
    /// If the entries of `external_data` do not say where.
    pub fn external(&self) -> Result<Option<External>, ExternalError> {
        match &self.data {
            Data::External(entries) => External::from_entries(entries).map(Some),
            _ => Ok(None),
        }
    }
}
