//! torchvision's vocabulary: modules are numbered (`models/efficientnet.py`), a step less where one is left out.

use super::place::{Kind, Place, Row, row};

const OUTSIDE: [Row; 5] = [
    ("conv_stem", "0.0"),
    ("bn1", "0.1"),
    ("conv_head", "{}.0"),
    ("bn2", "{}.1"),
    ("classifier", "classifier"),
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
    let within = features_name(place, module, tensor)?;
    Some(match module {
        "classifier" => format!("classifier.1.{tensor}"),
        _ => format!("features.{within}"),
    })
}

/// In `features` alone, which have no classifier of their own.
pub(super) fn features_name(place: &Place, module: &str, tensor: &str) -> Option<String> {
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
            "{}.{}.block.{theirs}.{tensor}",
            place.stage + 1,
            place.index
        ),
    })
}
