//! Tensors with names, whole in memory: as they go into runtimes and come out of them, and as files exchange them.

use super::Element;
use crate::files::foreign::Foreign;
use crate::memory::{Buffer, NoMemory};

/// A tensor with the name of the graph input or output that it belongs to.
///
/// Whatever the element type is, the values are held as f64, which has every value of the types that
/// [`NamedTensor::holds`], but the integers beyond 2⁵³, so that a runtime that computes in f64 can say what it found.
/// A runtime converts at its own edge.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Name in the graph.
    pub name: String,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// The type that the elements have in the graph.
    pub element: Element,
    /// Elements in row-major order, as many as the shape says; they count against the memory budget of the process.
    pub data: Buffer<f64>,
}

impl NamedTensor {
    /// A tensor of f32.
    #[must_use]
    pub fn single(name: &str, shape: Vec<usize>, data: &[f32]) -> Self {
        Self {
            name: name.to_owned(),
            shape,
            element: Element::F32,
            data: data.iter().map(|&value| f64::from(value)).collect(),
        }
    }

    /// A copy.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn copy(&self) -> Result<Self, NoMemory> {
        Ok(Self {
            name: self.name.clone(),
            shape: self.shape.clone(),
            element: self.element,
            data: self
                .data
                .copy(format_args!("a copy of `{}`", self.name.shown()))?,
        })
    }

    /// Whether tensors of this type can be held: numbers and bools of whole bytes, but not 8-bit floats.
    #[must_use]
    pub fn holds(element: Element) -> bool {
        element.encoded_size().is_some()
    }
}
