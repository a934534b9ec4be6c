//! torchvision's vocabulary of MobileNetV2: blocks are counted through, and modules are numbered (`models/mobilenetv2.py`), a
//! step less where one is left out.

use super::place::{Kind, Place, Row, row};

const OUTSIDE: [Row; 5] = [
    ("conv_stem", "features.0.0"),
    ("bn1", "features.0.1"),
    ("conv_head", "features.{}.0"),
    ("bn2", "features.{}.1"),
    ("classifier", "classifier.1"),
];

const EXPANDED: [Row; 6] = [
    ("conv_pw", "0.0"),
    ("bn1", "0.1"),
    ("conv_dw", "1.0"),
    ("bn2", "1.1"),
    ("conv_pwl", "2"),
    ("bn3", "3"),
];

const SEPARABLE: [Row; 4] = [
    ("conv_dw", "0.0"),
    ("bn1", "0.1"),
    ("conv_pw", "1"),
    ("bn2", "2"),
];

/// The head is numbered after the last block.
pub(super) fn name(place: &Place, module: &str, tensor: &str) -> Option<String> {
    let rows: &[Row] = match place.kind {
        Kind::Outside => &OUTSIDE,
        Kind::Expanded => &EXPANDED,
        Kind::Separable => &SEPARABLE,
        Kind::Fused | Kind::Single | Kind::AroundBottlenecks | Kind::Bottleneck => return None,
    };
    let theirs = row(rows, module)?;
    Some(match place.kind {
        Kind::Outside => {
            let head = (place.blocks + 1).to_string();
            format!("{}.{tensor}", theirs.replace("{}", &head))
        }
        _ => format!("features.{}.conv.{theirs}.{tensor}", place.number + 1),
    })
}
