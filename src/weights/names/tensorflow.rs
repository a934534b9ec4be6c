//! The vocabulary of TensorFlow's own checkpoints, without the model's name and the averages' suffix.
//!
//! Layers are numbered as they are called (tensorflow/tpu `efficientnet_model.py`, google/automl
//! `effnetv2_model.py`): without an expansion the projection is `conv2d`. How routed layers are numbered was
//! never seen in a file, so they have no name here.

use super::keras::weight;
use super::place::{Kind, Place, Row, row};

const OUTSIDE: [Row; 5] = [
    ("conv_stem", "stem/conv2d"),
    ("bn1", "stem/tpu_batch_normalization"),
    ("conv_head", "head/conv2d"),
    ("bn2", "head/tpu_batch_normalization"),
    ("classifier", "head/dense"),
];

const EXPANDED: [Row; 8] = [
    ("conv_pw", "conv2d"),
    ("bn1", "tpu_batch_normalization"),
    ("conv_dw", "depthwise_conv2d"),
    ("bn2", "tpu_batch_normalization_1"),
    ("se.conv_reduce", "se/conv2d"),
    ("se.conv_expand", "se/conv2d_1"),
    ("conv_pwl", "conv2d_1"),
    ("bn3", "tpu_batch_normalization_2"),
];

const SEPARABLE: [Row; 6] = [
    ("conv_dw", "depthwise_conv2d"),
    ("bn1", "tpu_batch_normalization"),
    ("se.conv_reduce", "se/conv2d"),
    ("se.conv_expand", "se/conv2d_1"),
    ("conv_pw", "conv2d"),
    ("bn2", "tpu_batch_normalization_1"),
];

const FUSED: [Row; 4] = [
    ("conv_exp", "conv2d"),
    ("bn1", "tpu_batch_normalization"),
    ("conv_pwl", "conv2d_1"),
    ("bn2", "tpu_batch_normalization_1"),
];

const SINGLE: [Row; 2] = [("conv", "conv2d"), ("bn1", "tpu_batch_normalization")];

pub(super) fn name(place: &Place, module: &str, tensor: &str) -> Option<String> {
    let rows: &[Row] = match place.kind {
        Kind::Outside => &OUTSIDE,
        Kind::Expanded => &EXPANDED,
        Kind::Separable => &SEPARABLE,
        Kind::Fused => &FUSED,
        Kind::Single => &SINGLE,
        Kind::AroundBottlenecks | Kind::Bottleneck => return None,
    };
    let theirs = row(rows, module)?;
    let weight = weight(module, tensor)?;
    Some(match place.kind {
        Kind::Outside => format!("{theirs}/{weight}"),
        _ => format!("blocks_{}/{theirs}/{weight}", place.number),
    })
}
