//! The order of a kernel's dimensions in TensorFlow and Keras, and in PyTorch and ONNX.
//!
//! Knows no file. Kernels of another layout are read whole, one tensor at a time, and gathered from.

use super::names::Naming;
use super::{SourceError, TensorReader};

/// For each dimension of the result, the dimension of what it is gathered from.
pub type Axes = &'static [usize];

/// Height, width, in, out to out, in, height, width.
const CONVOLUTION: [usize; 4] = [3, 2, 0, 1];
/// Height, width, channels, multiplier to channels, multiplier, height, width.
const DEPTHWISE: [usize; 4] = [2, 3, 0, 1];
/// In, out to out, in; and back.
const DENSE: [usize; 2] = [1, 0];
/// Out, in, height, width to height, width, in, out.
const CONVOLUTION_BACK: [usize; 4] = [2, 3, 1, 0];
/// Channels, multiplier, height, width to height, width, channels, multiplier.
const DEPTHWISE_BACK: [usize; 4] = [2, 3, 0, 1];

/// How a naming's tensor of that rank becomes PyTorch's; none where they are laid out alike.
#[must_use]
pub fn to_torch(naming: Naming, name: &str, rank: usize) -> Option<Axes> {
    pick(naming, name, rank, &CONVOLUTION, &DEPTHWISE)
}

/// How PyTorch's tensor of that rank becomes the naming's; none where they are laid out alike.
#[must_use]
pub fn from_torch(naming: Naming, name: &str, rank: usize) -> Option<Axes> {
    pick(naming, name, rank, &CONVOLUTION_BACK, &DEPTHWISE_BACK)
}

fn pick(
    naming: Naming,
    name: &str,
    rank: usize,
    convolution: Axes,
    depthwise: Axes,
) -> Option<Axes> {
    if !matches!(naming, Naming::Keras | Naming::TensorFlow) {
        return None;
    }
    match (name.rsplit_once('/')?.1, rank) {
        ("depthwise_kernel", 4) => Some(depthwise),
        ("kernel", 4) => Some(convolution),
        ("kernel", 2) => Some(&DENSE),
        _ => None,
    }
}

/// The shape that `axes` make of a shape.
#[must_use]
pub fn permuted(shape: &[u64], axes: Axes) -> Vec<u64> {
    axes.iter().map(|&axis| shape[axis]).collect()
}

/// A tensor whose dimensions are in another order than the one that it is gathered from.
#[derive(Debug)]
pub struct Permuted {
    values: Vec<f32>,
    /// Extents of the result.
    extents: Vec<usize>,
    /// For each dimension of the result, the distance of neighbours in `values`.
    strides: Vec<usize>,
}

impl Permuted {
    /// Reads the whole tensor of that shape.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn new(reader: &dyn TensorReader, shape: &[u64], axes: Axes) -> Result<Self, SourceError> {
        // The container has compared the shape with the bytes that it has.
        let shape: Vec<usize> = shape
            .iter()
            .map(|&extent| usize::try_from(extent).unwrap_or(usize::MAX))
            .collect();
        let elements = shape
            .iter()
            .fold(1usize, |product, &extent| product.saturating_mul(extent));
        let mut values = Vec::new();
        if values.try_reserve_exact(elements).is_err() {
            return Err(SourceError::Missing(format!("of {elements} elements")));
        }
        values.resize(elements, 0.0);
        reader.fill(0, &mut values)?;
        let stride = |axis: usize| shape[axis + 1..].iter().product();
        Ok(Self {
            values,
            extents: axes.iter().map(|&axis| shape[axis]).collect(),
            strides: axes.iter().map(|&axis| stride(axis)).collect(),
        })
    }
}

impl TensorReader for Permuted {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let mut place = vec![0; self.extents.len()];
        let mut rest = offset;
        for (index, extent) in place.iter_mut().zip(&self.extents).rev() {
            *index = rest % extent.max(&1);
            rest /= extent.max(&1);
        }
        let mut position: usize = place.iter().zip(&self.strides).map(|(i, s)| i * s).sum();
        for value in out {
            *value = self.values[position];
            for dimension in (0..place.len()).rev() {
                place[dimension] += 1;
                position += self.strides[dimension];
                if place[dimension] < self.extents[dimension] {
                    break;
                }
                position -= self.strides[dimension] * self.extents[dimension];
                place[dimension] = 0;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells where an element lies.
    struct Ramp;

    impl TensorReader for Ramp {
        fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
            for (index, value) in out.iter_mut().enumerate() {
                *value = (offset + index) as f32;
            }
            Ok(())
        }
    }

    /// The element [out, in, height, width] lies at [height, width, in, out].
    #[test]
    fn kernels_are_gathered_in_any_pieces() {
        let [height, width, inward, outward] = [3usize, 2, 5, 4];
        let shape = [3, 2, 5, 4];
        let axes = to_torch(Naming::Keras, "stem_conv/kernel", 4).unwrap();
        assert_eq!(permuted(&shape, axes), [4, 5, 3, 2]);
        let kernel = Permuted::new(&Ramp, &shape, axes).unwrap();
        let mut expected = Vec::new();
        for o in 0..outward {
            for i in 0..inward {
                for h in 0..height {
                    for w in 0..width {
                        expected.push((((h * width + w) * inward + i) * outward + o) as f32);
                    }
                }
            }
        }
        for length in [1, 7, 120] {
            let mut found = vec![0.0; 120];
            for (index, piece) in found.chunks_mut(length).enumerate() {
                kernel.fill(index * length, piece).unwrap();
            }
            assert_eq!(found, expected, "pieces of {length}");
        }
    }

    #[test]
    fn what_goes_to_torch_comes_back() {
        for naming in [Naming::Keras, Naming::TensorFlow] {
            for (name, shape) in [
                ("a/kernel", &[3u64, 2, 5, 4][..]),
                ("a/depthwise_kernel", &[3, 2, 5, 1]),
                ("a/kernel", &[3, 2]),
            ] {
                let there = to_torch(naming, name, shape.len()).unwrap();
                let back = from_torch(naming, name, shape.len()).unwrap();
                assert_eq!(permuted(&permuted(shape, there), back), shape, "{name}");
            }
        }
        let depthwise = to_torch(Naming::Keras, "a/depthwise_kernel", 4).unwrap();
        assert_eq!(permuted(&[3, 2, 5, 1], depthwise), [5, 1, 3, 2]);
        assert_eq!(to_torch(Naming::Keras, "a/gamma", 1), None);
        assert_eq!(to_torch(Naming::Timm, "conv_stem/kernel", 4), None);
    }
}
