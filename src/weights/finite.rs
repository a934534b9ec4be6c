//! Numbers that no weight should be: NaN, infinities, what the written type makes infinite, negative variances. They are counted in each piece as it is written, so that
//! a file is read once; only where there are some are tensors read again, to say which.

use super::{Element, SourceError, TensorReader, TensorSource};
use crate::files::foreign::Foreign;
use crate::tensor::fill_pieces;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Weights that no network should have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unsound {
    /// Every tensor with such a number, by its name in the source; where numbers overflow, the initializer.
    pub tensors: BTreeMap<String, Fault>,
}

/// What is wrong with a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Numbers that are not finite in single precision.
    NotFinite {
        /// How many are NaN.
        nan: u64,
        /// How many are infinite.
        infinite: u64,
        /// How many elements there are.
        of: u64,
    },
    /// A variance below 0, of which there is no root.
    Variance {
        /// Where the first is.
        index: usize,
        /// The first.
        value: f32,
    },
    /// Numbers that are finite, but not in the type that they are written in, perhaps once the batch norm after them is folded
    /// in.
    Overflow {
        /// The type.
        element: Element,
        /// How many are beyond it.
        over: u64,
        /// How many elements there are.
        of: u64,
        /// The largest magnitude.
        largest: f64,
    },
}

/// Tensors that an error lists.
const MOST_LISTED: usize = 2000;

impl std::error::Error for Unsound {}

impl Unsound {
    /// Whether there is nothing of the kind.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }
}

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tensors.len() {
            1 => f.write_str("a tensor has")?,
            more => write!(f, "{more} tensors have")?,
        }
        f.write_str(" numbers that no weight should be:")?;
        for (name, fault) in self.tensors.iter().take(MOST_LISTED) {
            write!(f, "\n  `{}`: {fault}", name.shown())?;
        }
        match self.tensors.len().saturating_sub(MOST_LISTED) {
            0 => Ok(()),
            more => write!(f, "\n  … and {more} more"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite { nan, infinite, of } => {
                write!(f, "{nan} NaN and {infinite} infinite of {of} numbers")
            }
            Self::Variance { index, value } => {
                write!(
                    f,
                    "a variance of {value} at index {index}, expected at least 0"
                )
            }
            Self::Overflow {
                element: Element::F32,
                ..
            } => f.write_str(
                "beyond single precision once the batch norm is folded into the convolution",
            ),
            Self::Overflow {
                element,
                over,
                of,
                largest,
            } => {
                write!(
                    f,
                    "{over} of {of} numbers are beyond {element}, the largest by magnitude {largest:.4e}"
                )
            }
        }
    }
}

/// Notes which of the tensors that are read through it have numbers that are not finite.
#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: BTreeMap<String, AtomicBool>,
}

impl Watch {
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self {
            seen: names
                .map(|name| (name.to_owned(), AtomicBool::new(false)))
                .collect(),
        }
    }

    /// A reader whose numbers are looked at.
    pub(super) fn over<'a>(
        &'a self,
        name: &str,
        reader: Box<dyn TensorReader + 'a>,
    ) -> Box<dyn TensorReader + 'a> {
        match self.seen.get(name) {
            Some(seen) => Box::new(Watched { reader, seen }),
            None => reader,
        }
    }

    /// Whether a tensor has shown a number that is not finite.
    pub(super) fn has_found(&self, name: &str) -> bool {
        let seen = self.seen.get(name);
        seen.is_some_and(|seen| seen.load(Ordering::Relaxed))
    }

    /// Tensors that have shown numbers which are not finite.
    pub(super) fn found(&self) -> impl Iterator<Item = &str> {
        let seen = self.seen.iter();
        seen.filter(|(_, seen)| seen.load(Ordering::Relaxed))
            .map(|(name, _)| name.as_str())
    }
}

struct Watched<'a> {
    reader: Box<dyn TensorReader + 'a>,
    seen: &'a AtomicBool,
}

impl TensorReader for Watched<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        self.reader.fill(offset, out)?;
        if !all_finite(out) {
            self.seen.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn fill_bytes(
        &self,
        element: Element,
        offset: usize,
        out: &mut [u8],
    ) -> Result<(), SourceError> {
        let exponent = match element {
            Element::F16 => 0x7c00,
            Element::Bf16 => 0x7f80,
            // In these, what is looked at is what is written.
            _ => return fill_pieces(self, element, offset, out),
        };
        self.reader.fill_bytes(element, offset, out)?;
        if !all_below(out, exponent) {
            self.seen.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Whether no half has an exponent of ones, as NaN and infinity have.
fn all_below(halves: &[u8], exponent: u16) -> bool {
    let (halves, _) = halves.as_chunks();
    halves.iter().fold(true, |below, half| {
        below & (u16::from_le_bytes(*half) & exponent != exponent)
    })
}

/// Whether all numbers are finite. Without a branch in it, the loop looks at several at once.
fn all_finite(values: &[f32]) -> bool {
    // An exponent of ones carries into the sign.
    const ONE: u32 = 1 << (f32::MANTISSA_DIGITS - 1);
    let carried = values
        .iter()
        .fold(0, |carried, value| carried | (value.abs().to_bits() + ONE));
    carried.cast_signed() >= 0
}

/// Elements that are read at a time to count.
const PIECE: usize = 1 << 16;

/// Counts what is not finite in a tensor.
pub(super) fn count(
    source: &dyn TensorSource,
    name: &str,
    elements: u64,
) -> Result<Option<Fault>, SourceError> {
    let reader = source.open(name)?;
    let (mut nan, mut infinite) = (0, 0);
    let mut piece = Vec::new();
    let elements_here = usize::try_from(elements).unwrap_or(usize::MAX);
    let mut offset = 0;
    while offset < elements_here {
        piece.resize(PIECE.min(elements_here - offset), 0.0);
        reader.fill(offset, &mut piece)?;
        nan += piece.iter().filter(|value| value.is_nan()).count() as u64;
        infinite += piece.iter().filter(|value| value.is_infinite()).count() as u64;
        offset += piece.len();
    }
    Ok((nan + infinite > 0).then_some(Fault::NotFinite {
        nan,
        infinite,
        of: elements,
    }))
}

/// What of a tensor is infinite in the type that it is written in.
pub(super) fn overflow(
    reader: &dyn TensorReader,
    element: Element,
    elements: usize,
) -> Result<Fault, SourceError> {
    let (mut over, mut largest) = (0, 0.0_f64);
    let mut piece = Vec::new();
    for offset in (0..elements).step_by(PIECE) {
        piece.resize(PIECE.min(elements - offset), 0.0);
        reader.fill_exact(offset, &mut piece)?;
        for value in &piece {
            over += u64::from(element.nearest(*value).is_infinite());
            largest = largest.max(value.abs());
        }
    }
    Ok(Fault::Overflow {
        element,
        over,
        of: elements as u64,
        largest,
    })
}

/// The first variance that has no root once `epsilon` is added.
pub(super) fn variance(
    source: &dyn TensorSource,
    name: &str,
    elements: u64,
    epsilon: f64,
) -> Result<Option<Fault>, SourceError> {
    let elements = usize::try_from(elements).unwrap_or(usize::MAX);
    let mut values = vec![0.0; elements];
    source.open(name)?.fill(0, &mut values)?;
    let is_bad = |value: &f32| f64::from(*value) + epsilon <= 0.0;
    let index = values.iter().position(is_bad);
    Ok(index.map(|index| Fault::Variance {
        index,
        value: values[index],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_among_many_is_seen_wherever_it_is() {
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for length in [1, 7, 64, 1000] {
                for place in [0, length / 2, length - 1] {
                    let mut values = vec![-f32::MAX; length];
                    assert!(all_finite(&values));
                    values[place] = bad;
                    assert!(!all_finite(&values), "{bad} at {place} of {length}");
                }
            }
        }
        assert!(all_finite(&[]));
    }

    #[test]
    fn one_half_among_many_is_seen_in_either_type() {
        for (exponent, largest, infinity) in
            [(0x7c00, 0x7bff_u16, 0x7c00_u16), (0x7f80, 0x7f7f, 0x7f80)]
        {
            for place in [0, 500, 999] {
                for bad in [infinity, infinity | 0x8000, infinity | 1] {
                    let mut halves = vec![largest | 0x8000; 1000];
                    let bytes = |halves: &[u16]| -> Vec<u8> {
                        halves.iter().flat_map(|half| half.to_le_bytes()).collect()
                    };
                    assert!(all_below(&bytes(&halves), exponent));
                    halves[place] = bad;
                    assert!(!all_below(&bytes(&halves), exponent), "{bad:x} at {place}");
                }
            }
        }
    }
}
