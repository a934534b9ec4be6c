//! The order of a kernel's dimensions in TensorFlow and Keras, and in PyTorch and ONNX.
//!
//! Knows no file.

mod permuted;

pub use permuted::{Permuted, is_read};

use super::names::Naming;

/// For each dimension of the result, the dimension of what it is gathered from.
pub type Axes = &'static [usize];

/// Height, width, in, out to out, in, height, width.
const CONVOLUTION: [usize; 4] = [3, 2, 0, 1];
/// Height, width, channels, multiplier to channels, multiplier, height, width.
const DEPTHWISE: [usize; 4] = [2, 3, 0, 1];
/// In, out to out, in; and back.
pub const TRANSPOSED: [usize; 2] = [1, 0];
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
    match naming {
        Naming::Timm
        | Naming::Resnet
        | Naming::MobileNetV2
        | Naming::Torchvision
        | Naming::Lukemelas
        | Naming::Transformers
        | Naming::TransformersBase
        | Naming::TorchvisionFeatures
        | Naming::MmPretrain => return None,
        Naming::Keras | Naming::TensorFlow => {}
    }
    match (name.rsplit_once('/')?.1, rank) {
        ("depthwise_kernel", 4) => Some(depthwise),
        ("kernel", 4) => Some(convolution),
        ("kernel", 2) => Some(&TRANSPOSED),
        _ => None,
    }
}

/// The shape that `axes` make of a shape.
#[must_use]
pub fn permuted(shape: &[u64], axes: &[usize]) -> Vec<u64> {
    axes.iter().map(|&axis| shape[axis]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let kernel = to_torch(Naming::Keras, "stem_conv/kernel", 4).unwrap();
        assert_eq!(permuted(&[3, 2, 5, 4], kernel), [4, 5, 3, 2]);
        assert_eq!(to_torch(Naming::Keras, "a/gamma", 1), None);
        assert_eq!(to_torch(Naming::Timm, "conv_stem/kernel", 4), None);
    }
}
