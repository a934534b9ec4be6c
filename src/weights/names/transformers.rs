//! Hugging Face transformers' vocabulary: blocks are counted through, and a block that does not expand only lacks
//! `expansion` (`models/efficientnet/modeling_efficientnet.py`). It has no fused and no routed blocks.

use super::place::{Kind, Place, Row, row};

/// Where a model with a classifier has the network below it: `base_model_prefix`.
const BASE: &str = "efficientnet.";

const OUTSIDE: [Row; 5] = [
    ("conv_stem", "embeddings.convolution"),
    ("bn1", "embeddings.batchnorm"),
    ("conv_head", "encoder.top_conv"),
    ("bn2", "encoder.top_bn"),
    ("classifier", "classifier"),
];

const EXPANDED: [Row; 8] = [
    ("conv_pw", "expansion.expand_conv"),
    ("bn1", "expansion.expand_bn"),
    ("conv_dw", "depthwise_conv.depthwise_conv"),
    ("bn2", "depthwise_conv.depthwise_norm"),
    ("se.conv_reduce", "squeeze_excite.reduce"),
    ("se.conv_expand", "squeeze_excite.expand"),
    ("conv_pwl", "projection.project_conv"),
    ("bn3", "projection.project_bn"),
];

const SEPARABLE: [Row; 6] = [
    ("conv_dw", "depthwise_conv.depthwise_conv"),
    ("bn1", "depthwise_conv.depthwise_norm"),
    ("se.conv_reduce", "squeeze_excite.reduce"),
    ("se.conv_expand", "squeeze_excite.expand"),
    ("conv_pw", "projection.project_conv"),
    ("bn2", "projection.project_bn"),
];

/// In `EfficientNetForImageClassification`.
pub(super) fn name(place: &Place, module: &str, tensor: &str) -> Option<String> {
    let within = base_name(place, module, tensor)?;
    Some(match module {
        "classifier" => within,
        _ => format!("{BASE}{within}"),
    })
}

/// In `EfficientNetModel`, which has no classifier of its own.
pub(super) fn base_name(place: &Place, module: &str, tensor: &str) -> Option<String> {
    let rows: &[Row] = match place.kind {
        Kind::Outside => &OUTSIDE,
        Kind::Expanded => &EXPANDED,
        Kind::Separable => &SEPARABLE,
        Kind::Fused | Kind::Single | Kind::AroundBottlenecks | Kind::Bottleneck => return None,
    };
    let theirs = row(rows, module)?;
    Some(match place.kind {
        Kind::Outside => format!("{theirs}.{tensor}"),
        _ => format!("encoder.blocks.{}.{theirs}.{tensor}", place.number),
    })
}
