//! Arrays of NumPy and tensors of PyTorch, as the calls that build them describe them.

use super::super::value::{Id, Node, Payload, Pickle};
use super::dtype;
use crate::tensor::Element;
use crate::tensor::bytes::{Order, size};

/// What an array is built with: an empty one, whose state is set, or one over bytes.
const RECONSTRUCT: [&str; 2] = [
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray._reconstruct",
];
const FROM_BUFFER: [&str; 2] = [
    "numpy._core.numeric._frombuffer",
    "numpy.core.numeric._frombuffer",
];
/// What a tensor is built with (torch `_utils.py`).
const TENSOR: [&str; 2] = [
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor",
];
/// What a parameter is built with, its tensor first.
const PARAMETER: &str = "torch._utils._rebuild_parameter";
/// Dimensions that an array may have, as in NumPy and PyTorch.
const MOST_DIMENSIONS: usize = 64;

/// Elements and how they lie.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub element: Element,
    pub order: Order,
    /// Outermost dimension first.
    pub shape: Vec<u64>,
    /// Elements from one to the next of each dimension.
    pub strides: Vec<u64>,
    /// Place of the first, counted in elements.
    pub offset: u64,
    pub elements: Elements,
}

/// Where elements are.
#[derive(Clone, Debug)]
pub(super) enum Elements {
    /// In the pickle.
    Payload {
        /// First of its bytes.
        position: u64,
        /// Its bytes.
        length: u64,
        /// Whether they are a text of the characters that stand for them.
        is_text: bool,
    },
    /// In a storage of the archive.
    Storage(String),
}

impl View {
    /// How many elements it has.
    pub(super) fn count(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Elements from the beginning of where they are to the last that belongs to it.
    pub(super) fn reach(&self) -> Option<u64> {
        if self.count() == 0 {
            return Some(self.offset);
        }
        let steps = self.shape.iter().zip(&self.strides);
        let mut reach = steps.map(|(extent, stride)| (extent - 1).checked_mul(*stride));
        let reach = reach.try_fold(self.offset, |sum, step| sum.checked_add(step?));
        reach?.checked_add(1)
    }

    /// Whether its elements lie one after the other.
    pub(super) fn is_contiguous(&self) -> bool {
        if self.count() == 0 {
            return true;
        }
        let mut expected = 1;
        let dimensions = self.shape.iter().zip(&self.strides).rev();
        for (extent, stride) in dimensions {
            if *extent != 1 && *stride != expected {
                return false;
            }
            expected *= extent;
        }
        true
    }

    /// Whether a file of that many bytes may hold it.
    ///
    /// # Errors
    /// If it is larger: a stride of 0 repeats elements without end.
    pub(super) fn within(&self, length: u64) -> Result<(), String> {
        let mut extents = self.shape.iter();
        let count = extents.try_fold(1u64, |count, extent| count.checked_mul(*extent));
        let bytes = count.and_then(|count| count.checked_mul(size(self.element) as u64));
        match bytes {
            Some(bytes) if bytes <= length => Ok(()),
            _ => Err(format!(
                "it would take {} bytes, but the whole file has {length}",
                bytes.map_or("2^64 or more".to_owned(), |bytes| bytes.to_string())
            )),
        }
    }
}

/// Whether a value is an array of NumPy.
pub(super) fn is_array(pickle: &Pickle, id: Id) -> bool {
    let class = pickle.class(id);
    class.is_some_and(|class| {
        RECONSTRUCT.contains(&class.as_str()) || FROM_BUFFER.contains(&class.as_str())
    })
}

/// Whether a value is a tensor of PyTorch.
pub(super) fn is_tensor(pickle: &Pickle, id: Id) -> bool {
    let class = pickle.class(id);
    class.is_some_and(|class| TENSOR.contains(&class.as_str()) || class == PARAMETER)
}

/// Describes an array or a tensor; none for an array of texts or objects.
///
/// # Errors
/// If it is not one of numbers, or its parts do not fit.
pub(super) fn describe(pickle: &Pickle, id: Id) -> Result<Option<View>, String> {
    let class = pickle.class(id).unwrap_or_default();
    let arguments = pickle.arguments(id).unwrap_or_default();
    if class == PARAMETER {
        let inner = arguments.first().filter(|inner| {
            let class = pickle.class(**inner).unwrap_or_default();
            TENSOR.contains(&class.as_str())
        });
        return match inner {
            Some(inner) => tensor(pickle, pickle.arguments(*inner).unwrap_or_default()).map(Some),
            None => Err("its parameter has no tensor".to_owned()),
        };
    }
    if TENSOR.contains(&class.as_str()) {
        return tensor(pickle, arguments).map(Some);
    }
    if FROM_BUFFER.contains(&class.as_str()) {
        let &[buffer, dtype, shape, order] = arguments else {
            return Err("it is not built as NumPy builds arrays".to_owned());
        };
        let is_fortran = pickle.text(order) == Some("F");
        return array(pickle, buffer, dtype, shape, is_fortran);
    }
    let state = match pickle.node(id) {
        Some(Node::Object(object)) => object.state.and_then(|state| pickle.sequence(state)),
        _ => None,
    };
    match state {
        Some(&[_, shape, dtype, is_fortran, elements] | &[shape, dtype, is_fortran, elements]) => {
            let is_fortran = pickle.truth(is_fortran) == Some(true)
                || pickle.integer(is_fortran).is_some_and(|truth| truth != 0);
            array(pickle, elements, dtype, shape, is_fortran)
        }
        _ => Err("its state is not that of an array of NumPy".to_owned()),
    }
}

fn array(
    pickle: &Pickle,
    elements: Id,
    dtype: Id,
    shape: Id,
    is_fortran: bool,
) -> Result<Option<View>, String> {
    let Some((element, order)) = dtype::numpy(pickle, dtype)? else {
        return Ok(None);
    };
    let shape = lengths(pickle, shape).ok_or("its shape is not one")?;
    let payload = match pickle.node(elements) {
        Some(Node::Payload(payload)) => *payload,
        // Python 2 wrote bytes as texts.
        Some(Node::Text(span)) => Payload {
            at: span.start,
            length: u64::from(span.end - span.start),
            is_text: false,
        },
        _ => return Err("its elements are not bytes".to_owned()),
    };
    let view = View {
        strides: strides(&shape, is_fortran).ok_or("its shape is too large")?,
        element,
        order,
        shape,
        offset: 0,
        elements: Elements::Payload {
            position: pickle.position(payload.at),
            length: payload.length,
            is_text: payload.is_text,
        },
    };
    let bytes = view.count().checked_mul(size(element) as u64);
    // A text has one byte or two for each of them.
    let most = |bytes: u64| bytes.saturating_mul(if payload.is_text { 2 } else { 1 });
    let fits = bytes.is_some_and(|bytes| (bytes..=most(bytes)).contains(&payload.length));
    if !fits {
        return Err(format!(
            "its shape {} needs other bytes than the {} that are there",
            crate::files::foreign::shape(&view.shape),
            payload.length
        ));
    }
    Ok(Some(view))
}

fn tensor(pickle: &Pickle, arguments: &[Id]) -> Result<View, String> {
    let foreign = || "it is not built as PyTorch builds tensors".to_owned();
    let &[storage, offset, shape, strides, ..] = arguments else {
        return Err(foreign());
    };
    let Some(Node::Storage(storage)) = pickle.node(storage) else {
        return Err(foreign());
    };
    let Some(&[_, class, key, ..]) = pickle.sequence(*storage) else {
        return Err(foreign());
    };
    let class = pickle.named(class).ok_or_else(foreign)?;
    let shape = lengths(pickle, shape).ok_or_else(foreign)?;
    let strides = lengths(pickle, strides).ok_or_else(foreign)?;
    if shape.len() != strides.len() {
        return Err(foreign());
    }
    let offset = pickle
        .integer(offset)
        .and_then(|offset| u64::try_from(offset).ok());
    Ok(View {
        element: dtype::storage(&class)?,
        order: Order::Little,
        shape,
        strides,
        offset: offset.ok_or_else(foreign)?,
        elements: Elements::Storage(pickle.key(key).ok_or_else(foreign)?),
    })
}

fn lengths(pickle: &Pickle, id: Id) -> Option<Vec<u64>> {
    let items = pickle.sequence(id)?;
    if items.len() > MOST_DIMENSIONS {
        return None;
    }
    let length = |id: &Id| u64::try_from(pickle.integer(*id)?).ok();
    items.iter().map(length).collect()
}

/// Strides of an array without gaps; none where it has 2^64 elements or more.
fn strides(shape: &[u64], is_fortran: bool) -> Option<Vec<u64>> {
    let mut strides = vec![1; shape.len()];
    let mut next = 1u64;
    let mut step = |axis: usize| {
        strides[axis] = next;
        next = next.checked_mul(shape[axis].max(1))?;
        Some(())
    };
    if is_fortran {
        (0..shape.len()).try_for_each(&mut step)?;
    } else {
        (0..shape.len()).rev().try_for_each(&mut step)?;
    }
    Some(strides)
}
