//! MMPretrain's vocabulary: layers are numbered from the stem to the head (`models/backbones/efficientnet.py`,
//! `efficientnet_v2.py`). In `EfficientNet`, EdgeTPU's included, a stage that does not halve is part of the layer before; in
//! `EfficientNetV2` each is a layer.

use super::place::{Kind, Place, Row, row};

const OUTSIDE: [Row; 5] = [
    ("conv_stem", "backbone.layers.0.conv"),
    ("bn1", "backbone.layers.0.bn"),
    ("conv_head", "backbone.layers.{}.conv"),
    ("bn2", "backbone.layers.{}.bn"),
    ("classifier", "head.fc"),
];

const EXPANDED: [Row; 8] = [
    ("conv_pw", "expand_conv.conv"),
    ("bn1", "expand_conv.bn"),
    ("conv_dw", "depthwise_conv.conv"),
    ("bn2", "depthwise_conv.bn"),
    ("se.conv_reduce", "se.conv1.conv"),
    ("se.conv_expand", "se.conv2.conv"),
    ("conv_pwl", "linear_conv.conv"),
    ("bn3", "linear_conv.bn"),
];

const SEPARABLE: [Row; 6] = [
    ("conv_dw", "depthwise_conv.conv"),
    ("bn1", "depthwise_conv.bn"),
    ("se.conv_reduce", "se.conv1.conv"),
    ("se.conv_expand", "se.conv2.conv"),
    ("conv_pw", "linear_conv.conv"),
    ("bn2", "linear_conv.bn"),
];

const FUSED: [Row; 4] = [
    ("conv_exp", "conv1.conv"),
    ("bn1", "conv1.bn"),
    ("conv_pwl", "conv2.conv"),
    ("bn2", "conv2.bn"),
];

const SINGLE: [Row; 2] = [("conv", "conv"), ("bn1", "bn")];

/// Stages that do not halve, after the first; those of `EfficientNet` and its EdgeTPU networks.
const JOINED: [usize; 2] = [4, 6];

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
    let is_joined = |stage: usize| !place.singles && JOINED.contains(&stage);
    let layer = |stage: usize| stage + 1 - (0..=stage).filter(|stage| is_joined(*stage)).count();
    Some(match place.kind {
        Kind::Outside => {
            let last = place.stages.checked_sub(1).map_or(0, layer);
            let head = (last + 1).to_string();
            format!("{}.{tensor}", theirs.replace("{}", &head))
        }
        _ => {
            let before = if is_joined(place.stage) {
                place.blocks_before
            } else {
                0
            };
            let (layer, index) = (layer(place.stage), before + place.index);
            format!("backbone.layers.{layer}.{index}.{theirs}.{tensor}")
        }
    })
}
