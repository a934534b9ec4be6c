//! Dimensions, and the arithmetic of a sliding window over one.
//!
//! A dimension may be symbolic. `height` that is known to be a multiple of 32 keeps its identity
//! through five halvings, which is what lets SAME padding stay constant for symbolic sizes.

use crate::files::foreign::{self};
use std::fmt;

/// The shape of a tensor, outermost dimension first.
pub type Shape = Vec<Dim>;

/// One dimension of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dim {
    /// A known extent.
    Fixed(u64),
    /// `symbol / divisor`, an exact division.
    Symbolic {
        /// Name of the graph-level dimension, such as `batch`.
        symbol: String,
        /// What the symbol is divided by; 1 for the symbol itself.
        divisor: u64,
        /// The quotient is known to be a multiple of this; 1 if nothing is known.
        multiple: u64,
    },
    /// Nothing is known.
    Unset,
}

/// Why a window does not fit a dimension.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a window of {kernel} does not fit an extent of {extent} padded by {before} and {after}")]
pub struct WindowError {
    kernel: u64,
    extent: u64,
    before: u64,
    after: u64,
}

impl Dim {
    /// The symbol `name`, known to be a multiple of `multiple`.
    #[must_use]
    pub fn symbol(name: &str, multiple: u64) -> Self {
        Self::Symbolic {
            symbol: name.to_owned(),
            divisor: 1,
            multiple,
        }
    }

    /// The extent, if it is known.
    #[must_use]
    pub fn fixed(&self) -> Option<u64> {
        match self {
            Self::Fixed(extent) => Some(*extent),
            _ => None,
        }
    }

    /// The name under which a file may mention this dimension: only undivided symbols have one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Symbolic {
                symbol, divisor: 1, ..
            } => Some(symbol),
            _ => None,
        }
    }

    /// Extent after a window of `kernel` moves over it by `stride`, with `before` and `after` padded.
    ///
    /// # Errors
    /// If the extent is known and smaller than the window, padding included.
    pub fn window(
        &self,
        kernel: u64,
        stride: u64,
        [before, after]: [u64; 2],
    ) -> Result<Self, WindowError> {
        let padding = before + after;
        match self {
            Self::Fixed(extent) => {
                let room = (extent + padding).checked_sub(kernel).ok_or(WindowError {
                    kernel,
                    extent: *extent,
                    before,
                    after,
                })?;
                Ok(Self::Fixed(room / stride + 1))
            }
            // n = stride·m gives m + floor((padding − kernel) / stride) + 1, which is m exactly when
            // kernel − stride ≤ padding < kernel.
            Self::Symbolic {
                symbol,
                divisor,
                multiple,
            } if multiple % stride == 0 && padding < kernel && padding + stride >= kernel => {
                Ok(Self::Symbolic {
                    symbol: symbol.clone(),
                    divisor: divisor * stride,
                    multiple: multiple / stride,
                })
            }
            Self::Symbolic { .. } | Self::Unset => Ok(Self::Unset),
        }
    }

    /// Extent after a window moves over it by `stride`, padded by TensorFlow's `SAME` rule: `ceil(n / stride)`.
    #[must_use]
    pub fn same(&self, stride: u64) -> Self {
        match self {
            Self::Fixed(extent) => Self::Fixed(extent.div_ceil(stride)),
            Self::Symbolic {
                symbol,
                divisor,
                multiple,
            } if multiple % stride == 0 => Self::Symbolic {
                symbol: symbol.clone(),
                divisor: divisor * stride,
                multiple: multiple / stride,
            },
            Self::Symbolic { .. } | Self::Unset if stride == 1 => self.clone(),
            Self::Symbolic { .. } | Self::Unset => Self::Unset,
        }
    }

    /// Padding before and after that TensorFlow's `SAME` rule gives, or none if it is not constant.
    ///
    /// Source: `tf.nn` documentation, "SAME padding": the output extent is `ceil(n / stride)`, the
    /// padding is what that needs, and an odd one puts the extra element at the end.
    #[must_use]
    pub fn same_padding(&self, kernel: u64, stride: u64) -> Option<[u64; 2]> {
        let total = match self {
            Self::Fixed(extent) => {
                ((extent.div_ceil(stride) - 1) * stride + kernel).saturating_sub(*extent)
            }
            Self::Symbolic { multiple, .. } if multiple % stride == 0 => {
                kernel.saturating_sub(stride)
            }
            Self::Symbolic { .. } | Self::Unset if stride == 1 => kernel - 1,
            Self::Symbolic { .. } | Self::Unset => return None,
        };
        Some([total / 2, total - total / 2])
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(extent) => write!(f, "{extent}"),
            Self::Symbolic {
                symbol, divisor: 1, ..
            } => f.write_str(symbol),
            Self::Symbolic {
                symbol, divisor, ..
            } => write!(f, "{symbol}/{divisor}"),
            Self::Unset => f.write_str("?"),
        }
    }
}

/// Writes a shape as `[batch, 3, 224, 224]`.
#[must_use]
pub fn display(shape: &[Dim]) -> String {
    foreign::shape(shape)
}

/// The number of elements, if every dimension is known and the product fits.
#[must_use]
pub fn element_count(shape: &[Dim]) -> Option<u64> {
    shape
        .iter()
        .try_fold(1_u64, |product, dim| product.checked_mul(dim.fixed()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_extents_are_rounded_up() {
        for (extent, stride, expected) in [(224, 2, 112), (223, 2, 112), (7, 1, 7), (1, 2, 1)] {
            assert_eq!(Dim::Fixed(extent).same(stride), Dim::Fixed(expected));
        }
        let height = Dim::symbol("height", 32);
        assert_eq!(height.same(2).to_string(), "height/2");
        let free = Dim::symbol("height", 1);
        assert_eq!(free.same(1), free);
        assert_eq!((free.same(2), Dim::Unset.same(1)), (Dim::Unset, Dim::Unset));
    }

    #[test]
    fn same_padding_of_the_published_sizes() {
        // extent, kernel, stride, before, after (TensorFlow's rule worked by hand)
        let cases = [
            (224, 3, 2, 0, 1),
            (223, 3, 2, 1, 1),
            (56, 5, 2, 1, 2),
            (65, 5, 2, 2, 2),
            (33, 3, 2, 1, 1),
            (7, 3, 1, 1, 1),
            (7, 5, 1, 2, 2),
            (1, 3, 2, 1, 1),
            (1, 5, 2, 2, 2),
        ];
        for (extent, kernel, stride, before, after) in cases {
            let dim = Dim::Fixed(extent);
            let padding = dim
                .same_padding(kernel, stride)
                .expect("a fixed extent has constant padding");
            assert_eq!(padding, [before, after], "{extent} {kernel} {stride}");
            assert_eq!(
                dim.window(kernel, stride, padding),
                Ok(Dim::Fixed(extent.div_ceil(stride)))
            );
        }
    }

    #[test]
    fn a_multiple_of_32_stays_known_for_five_halvings() {
        let mut dim = Dim::symbol("height", 32);
        for step in 1..=5 {
            let padding = dim
                .same_padding(3, 2)
                .expect("even sizes have constant padding");
            assert_eq!(padding, [0, 1]);
            dim = dim.window(3, 2, padding).expect("a symbol always fits");
            assert_eq!(dim.to_string(), format!("height/{}", 1 << step));
        }
        assert_eq!(dim.same_padding(3, 2), None);
        assert_eq!(dim.window(3, 2, [0, 1]), Ok(Dim::Unset));
        assert_eq!(dim.same_padding(5, 1), Some([2, 2]));
        assert_eq!(dim.window(5, 1, [2, 2]), Ok(dim.clone()));
    }

    #[test]
    fn a_window_that_does_not_fit_is_an_error() {
        assert!(Dim::Fixed(2).window(5, 1, [1, 1]).is_err());
        assert_eq!(Dim::Fixed(3).window(5, 1, [1, 1]), Ok(Dim::Fixed(1)));
    }
}
