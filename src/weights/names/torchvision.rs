//! torchvision's vocabulary: modules are numbered (`models/efficientnet.py`), a step less where one is left out.

use super::place::{Kind, Place, Row, row};

const OUTSIDE: [Row; 5] = [
    ("conv_stem", "features.0.0"),
    ("bn1", "features.0.1"),
    ("conv_head", "features.{}.0"),
    ("bn2", "features.{}.1"),
    ("classifier", "classifier.1"),
];

const EXPANDED: [Row; 8] = [
    ("conv_pw", "0.0"),
    ("bn1", "0.1"),
    ("conv_dw", "1.0"),
    ("bn2", "1.1"),
    ("se.conv_reduce", "2.fc1"),
    ("se.conv_expand", "2.fc2"),
    ("conv_pwl", "3.0"),
    ("bn3", "3.1"),
];

const SEPARABLE: [Row; 6] = [
    ("conv_dw", "0.0"),
    ("bn1", "0.1"),
    ("se.conv_reduce", "1.fc1"),
    ("se.conv_expand", "1.fc2"),
    ("conv_pw", "2.0"),
    ("bn2", "2.1"),
];

const FUSED: [Row; 4] = [
    ("conv_exp", "0.0"),
    ("bn1", "0.1"),
    ("conv_pwl", "1.0"),
    ("bn2", "1.1"),
];

const SINGLE: [Row; 2] = [("conv", "0.0"), ("bn1", "0.1")];

/// The head is numbered after the last stage.
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
    Some(match place.kind {
        Kind::Outside => {
            let head = (place.stages + 1).to_string();
            format!("{}.{tensor}", theirs.replace("{}", &head))
        }
        _ => format!(
            "features.{}.{}.block.{theirs}.{tensor}",
            place.stage + 1,
            place.index
        ),
    })
}
