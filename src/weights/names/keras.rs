//! Keras's vocabulary: `block1a_dwconv/depthwise_kernel`, a layer and its weight.
//!
//! Layers as in keras `applications/efficientnet.py` and `efficientnet_v2.py`; the depthwise layer of V2 is
//! `dwconv2`. Keras 3 calls a depthwise kernel `kernel`: whoever reads a file settles that first.

use super::place::{Kind, Place, Row, row};

const OUTSIDE: [Row; 5] = [
    ("conv_stem", "stem_conv"),
    ("bn1", "stem_bn"),
    ("conv_head", "top_conv"),
    ("bn2", "top_bn"),
    ("classifier", "predictions"),
];

const EXPANDED: [Row; 8] = [
    ("conv_pw", "expand_conv"),
    ("bn1", "expand_bn"),
    ("conv_dw", "dwconv"),
    ("bn2", "bn"),
    ("se.conv_reduce", "se_reduce"),
    ("se.conv_expand", "se_expand"),
    ("conv_pwl", "project_conv"),
    ("bn3", "project_bn"),
];

const SEPARABLE: [Row; 6] = [
    ("conv_dw", "dwconv"),
    ("bn1", "bn"),
    ("se.conv_reduce", "se_reduce"),
    ("se.conv_expand", "se_expand"),
    ("conv_pw", "project_conv"),
    ("bn2", "project_bn"),
];

const FUSED: [Row; 4] = [
    ("conv_exp", "expand_conv"),
    ("bn1", "expand_bn"),
    ("conv_pwl", "project_conv"),
    ("bn2", "project_bn"),
];

const SINGLE: [Row; 2] = [("conv", "project_conv"), ("bn1", "project_bn")];

/// Whether a layer is one of an EfficientNet's.
pub(in crate::weights) fn is_layer(name: &str) -> bool {
    let is_outside = OUTSIDE.iter().any(|row| row.1 == name) || name == "probs";
    let is_block = || {
        let (number, module) = name.strip_prefix("block")?.split_once('_')?;
        let in_block = EXPANDED.iter().map(|row| row.1).chain(["dwconv2"]);
        let is_numbered = number.starts_with(|first: char| first.is_ascii_digit());
        Some(is_numbered && in_block.into_iter().any(|row| row == module))
    };
    is_outside || is_block() == Some(true)
}

/// Classes of normalizations, as Keras 3 names the groups of their layers.
const NORMALIZATIONS: [&str; 2] = ["batch_normalization", "layer_normalization"];

/// A layer's weights in the order in which it makes them (keras `layers/`: `build` of each); `group` has the name of its class.
pub(in crate::weights) fn layer_weights(layer: &str, group: &str) -> &'static [&'static str] {
    let is_normalization = || {
        let mut classes = NORMALIZATIONS.into_iter();
        classes.any(|class| group.starts_with(class))
    };
    if layer.ends_with("bn") || is_normalization() {
        &["gamma", "beta", "moving_mean", "moving_variance"]
    } else {
        &["kernel", "bias"]
    }
}

/// Stages count from 1, and the blocks of a stage have letters; there are 26, and EfficientNetV2-L needs 25.
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
    if place.kind == Kind::Outside {
        return Some(format!("{theirs}/{weight}"));
    }
    // `chr(97 + i)` in Keras: it goes on past `z`, in the order of ASCII.
    let letter = char::from(u8::try_from(place.index + 97).ok()?);
    let edition = if theirs == "dwconv" && place.fused {
        "2"
    } else {
        ""
    };
    Some(format!(
        "block{}{letter}_{theirs}{edition}/{weight}",
        place.stage + 1
    ))
}

/// What Keras and TensorFlow call a module's tensor.
pub(super) fn weight(module: &str, tensor: &str) -> Option<&'static str> {
    let norm = module.starts_with("bn");
    Some(match tensor {
        "weight" if norm => "gamma",
        "bias" if norm => "beta",
        "running_mean" if norm => "moving_mean",
        "running_var" if norm => "moving_variance",
        "weight" if module == "conv_dw" => "depthwise_kernel",
        "weight" => "kernel",
        "bias" => "bias",
        _ => return None,
    })
}
