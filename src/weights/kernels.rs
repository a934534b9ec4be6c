//! Kernels that are computed while they are read: folded with a batch norm, or rearranged.

use crate::tensor::{Element, SourceError, TensorReader};

/// Values at hand, before they are rounded.
pub(super) struct Table<V = Vec<f64>>(pub(super) V);

impl<V: AsRef<[f64]> + Send + Sync> TensorReader for Table<V> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounded once, to what is stored"
    )]
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        for (value, exact) in out.iter_mut().zip(&self.0.as_ref()[offset..]) {
            *value = *exact as f32;
        }
        Ok(())
    }

    fn fill_exact(&self, offset: usize, out: &mut [f64]) -> Result<(), SourceError> {
        out.copy_from_slice(&self.0.as_ref()[offset..offset + out.len()]);
        Ok(())
    }
}

/// Integers at hand: what decides a shape.
pub(super) struct Extents(pub(super) Vec<i64>);

impl TensorReader for Extents {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        for (value, extent) in out.iter_mut().zip(&self.0[offset..]) {
            *value = *extent as f32;
        }
        Ok(())
    }

    fn fill_bytes(
        &self,
        element: Element,
        offset: usize,
        out: &mut [u8],
    ) -> Result<(), SourceError> {
        if element != Element::I64 {
            return Err(SourceError::Unwritten(element));
        }
        let (places, _) = out.as_chunks_mut();
        for (place, extent) in places.iter_mut().zip(&self.0[offset..]) {
            *place = extent.to_le_bytes();
        }
        Ok(())
    }
}

/// `[experts, filters, run]` as `[filters, experts, run]`.
pub(super) struct ExpertsInner<'a> {
    pub(super) of: Box<dyn TensorReader + 'a>,
    pub(super) experts: usize,
    pub(super) filters: usize,
    pub(super) run: usize,
}

impl ExpertsInner<'_> {
    /// Fills `out` from the pieces that `read` fills, each from its offset in what is rearranged.
    fn rearrange<T>(
        &self,
        offset: usize,
        out: &mut [T],
        read: impl Fn(usize, &mut [T]) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let mut position = offset;
        let mut rest = out;
        while !rest.is_empty() {
            let (within, run) = (position % self.run, position / self.run);
            let (filter, expert) = (run / self.experts, run % self.experts);
            let (now, later) = rest.split_at_mut((self.run - within).min(rest.len()));
            read((expert * self.filters + filter) * self.run + within, now)?;
            position += now.len();
            rest = later;
        }
        Ok(())
    }
}

impl TensorReader for ExpertsInner<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        self.rearrange(offset, out, |from, now| self.of.fill(from, now))
    }

    fn fill_exact(&self, offset: usize, out: &mut [f64]) -> Result<(), SourceError> {
        self.rearrange(offset, out, |from, now| self.of.fill_exact(from, now))
    }
}

/// A kernel with every output channel scaled, or every input channel of every output channel: one factor after the other for
/// each run of `per_filter` elements.
pub(super) struct FoldedWeight<'a> {
    pub(super) weight: Box<dyn TensorReader + 'a>,
    pub(super) scales: Vec<f64>,
    pub(super) per_filter: usize,
}

impl FoldedWeight<'_> {
    /// Scales the values from `offset` on, as `by` says.
    fn scale<T>(&self, offset: usize, values: &mut [T], by: impl Fn(&mut T, f64)) {
        let (first, rest) =
            values.split_at_mut((self.per_filter - offset % self.per_filter).min(values.len()));
        let filters = std::iter::once(first).chain(rest.chunks_mut(self.per_filter));
        for (filter, values) in (offset / self.per_filter..).zip(filters) {
            // Experts follow one another.
            let scale = self.scales[filter % self.scales.len()];
            for value in values {
                by(value, scale);
            }
        }
    }
}

impl TensorReader for FoldedWeight<'_> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounded once, to what is stored"
    )]
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        self.weight.fill(offset, out)?;
        self.scale(offset, out, |value, scale| {
            *value = (f64::from(*value) * scale) as f32;
        });
        Ok(())
    }

    fn fill_exact(&self, offset: usize, out: &mut [f64]) -> Result<(), SourceError> {
        self.weight.fill_exact(offset, out)?;
        self.scale(offset, out, |value, scale| *value *= scale);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ramp;

    impl TensorReader for Ramp {
        fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
            for (index, value) in out.iter_mut().enumerate() {
                *value = (offset + index) as f32;
            }
            Ok(())
        }
    }

    #[test]
    fn a_folded_kernel_is_the_same_in_any_pieces() {
        let folded = FoldedWeight {
            weight: Box::new(Ramp),
            scales: vec![1.0, 10.0, 100.0],
            per_filter: 4,
        };
        let whole = [0., 1., 2., 3., 40., 50., 60., 70., 800., 900., 1000., 1100.];
        for length in 1..=12 {
            let mut values = vec![0.0; 12];
            for (index, piece) in values.chunks_mut(length).enumerate() {
                folded
                    .fill(index * length, piece)
                    .expect("a ramp cannot fail");
            }
            assert_eq!(values, whole, "pieces of {length}");
        }
    }

    /// Rounded to f32 first, the product would be a tie in f16, and become the other neighbour.
    #[test]
    fn a_product_is_rounded_once() {
        struct One;
        impl TensorReader for One {
            fn fill(&self, _offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
                out.fill(1.0);
                Ok(())
            }
        }
        let tie = 1.0 + 1.0 / 2048.0;
        let beyond = 1.0 / f64::from(1 << 30);
        let folded = |scale| FoldedWeight {
            weight: Box::new(One),
            scales: vec![scale],
            per_filter: 1,
        };
        let inside = |scale| ExpertsInner {
            of: Box::new(folded(scale)),
            experts: 1,
            filters: 1,
            run: 1,
        };
        // Up to 1 + 1/1024; in bf16, 1 + 1/256 is the tie.
        for (element, tie, low, high) in [
            (Element::F16, tie, 0x3c00_u16, 0x3c01_u16),
            (Element::Bf16, 1.0 + 1.0 / 256.0, 0x3f80, 0x3f81),
        ] {
            for (scale, expected) in [(tie, low), (tie + beyond, high), (tie - beyond, low)] {
                let readers: [Box<dyn TensorReader>; 3] = [
                    Box::new(folded(scale)),
                    Box::new(inside(scale)),
                    Box::new(Table(vec![scale])),
                ];
                for reader in readers {
                    let mut bytes = [0; 2];
                    reader.fill_bytes(element, 0, &mut bytes).expect("a number");
                    assert_eq!(u16::from_le_bytes(bytes), expected, "{element} {scale}");
                }
            }
        }
    }

    #[test]
    fn experts_move_inside_in_any_pieces() {
        // Two experts of three filters of two elements: the number is expert, filter, element.
        struct Numbered;
        impl TensorReader for Numbered {
            fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
                let all = [
                    0., 1., 10., 11., 20., 21., 100., 101., 110., 111., 120., 121.,
                ];
                out.copy_from_slice(&all[offset..offset + out.len()]);
                Ok(())
            }
        }
        let inner = ExpertsInner {
            of: Box::new(Numbered),
            experts: 2,
            filters: 3,
            run: 2,
        };
        let whole = [
            0., 1., 100., 101., 10., 11., 110., 111., 20., 21., 120., 121.,
        ];
        for length in 1..=12 {
            let mut values = vec![0.0; 12];
            for (index, piece) in values.chunks_mut(length).enumerate() {
                inner.fill(index * length, piece).expect("it cannot fail");
            }
            assert_eq!(values, whole, "pieces of {length}");
        }
    }
}
