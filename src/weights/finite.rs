//! Numbers that no weight should be: NaN, infinities, negative variances. They are counted in each piece as it is written, so that
//! a file is read once; only where there are some are tensors read again, to say which.

use super::{SourceError, TensorReader, TensorSource};
use crate::files::foreign::Foreign;
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
    /// Numbers that are finite, but not once the batch norm after them is folded in.
    Overflow,
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
            Self::Overflow => f.write_str(
                "beyond single precision once the batch norm is folded into the convolution",
            ),
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
}
