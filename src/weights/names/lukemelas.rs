//! efficientnet_pytorch's vocabulary: blocks are counted through, and a block that does not expand only lacks
//! `_expand_conv` and `_bn0` (`efficientnet_pytorch/model.py`). It has no fused and no routed blocks.

use super::place::{Kind, Place, Row, row};

const OUTSIDE: [Row; 5] = [
    ("conv_stem", "_conv_stem"),
    ("bn1", "_bn0"),
    ("conv_head", "_conv_head"),
    ("bn2", "_bn1"),
    ("classifier", "_fc"),
];

const EXPANDED: [Row; 8] = [
    ("conv_pw", "_expand_conv"),
    ("bn1", "_bn0"),
    ("conv_dw", "_depthwise_conv"),
    ("bn2", "_bn1"),
    ("se.conv_reduce", "_se_reduce"),
    ("se.conv_expand", "_se_expand"),
    ("conv_pwl", "_project_conv"),
    ("bn3", "_bn2"),
];

const SEPARABLE: [Row; 6] = [
    ("conv_dw", "_depthwise_conv"),
    ("bn1", "_bn1"),
    ("se.conv_reduce", "_se_reduce"),
    ("se.conv_expand", "_se_expand"),
    ("conv_pw", "_project_conv"),
    ("bn2", "_bn2"),
];

pub(super) fn name(place: &Place, module: &str, tensor: &str) -> Option<String> {
    let rows: &[Row] = match place.kind {
        Kind::Outside => &OUTSIDE,
        Kind::Expanded => &EXPANDED,
        Kind::Separable => &SEPARABLE,
        Kind::Fused | Kind::Single | Kind::AroundBottlenecks | Kind::Bottleneck => return None,
    };
    let theirs = row(rows, module)?;
    Some(match place.kind {
        Kind::Outside => format!("{theirs}.{tensor}"),
        _ => format!("_blocks.{}.{theirs}.{tensor}", place.number),
    })
}
