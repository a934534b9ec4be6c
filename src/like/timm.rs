//! timm's models, from the table that `golden/timm_table.py` writes off timm's registry and off instances.

use super::{LabelSet, Library, Like};
use crate::architecture::Variant;
use crate::graph::Padding;
use crate::metadata::{Framing, Interpolation, Normal, Preprocessing, Sampling};

/// One row a model and weight tag; the first tag of a model is its default.
const TABLE: &str = include_str!("timm.csv");

/// Columns of the table, as its header has them.
const COLUMNS: [&str; 14] = [
    "model",
    "tag",
    "classes",
    "size",
    "test_size",
    "crop_pct",
    "test_crop_pct",
    "crop_mode",
    "interpolation",
    "mean",
    "std",
    "padding",
    "epsilon",
    "parameters",
];

/// Every row of the table.
pub(super) fn models() -> Vec<Like> {
    TABLE.lines().skip(1).filter_map(row).collect()
}

/// A row as a model; none if it is not what the generator writes.
fn row(line: &str) -> Option<Like> {
    let fields: Vec<&str> = line.split(',').collect();
    let field = |name: &str| {
        let index = COLUMNS.iter().position(|column| *column == name)?;
        fields.get(index).copied()
    };
    let model = field("model")?;
    let classes = field("classes")?.parse().ok()?;
    let number = |name: &str| field(name)?.parse::<f64>().ok();
    let size = field("size")?.parse().ok()?;
    let interpolation = match field("interpolation")? {
        "bicubic" => Interpolation::Bicubic,
        "bilinear" => Interpolation::Bilinear,
        _ => return None,
    };
    let normal = Normal::of_unit(colours(field("mean")?)?, colours(field("std")?)?);
    let squash = field("crop_mode")? == "squash";
    let crop = number("crop_pct")?;
    let preprocessing = evaluation([size; 2], crop, squash, normal, interpolation);
    let test_crop = number("test_crop_pct").unwrap_or(crop);
    let test = |side| evaluation([side; 2], test_crop, squash, normal, interpolation);
    Some(Like {
        library: Library::Timm,
        model: model.to_owned(),
        tag: Some(field("tag")?.to_owned()),
        variant: Variant::by_name(&variant(model)?)?,
        padding: Padding::by_name(field("padding")?)?,
        batch_norm_epsilon: field("epsilon")?.parse().ok()?,
        size,
        preprocessing,
        test: field("test_size")?.parse().ok().map(test),
        classes,
        labels: LabelSet::of(classes),
    })
}

/// How timm prepares a picture for evaluation, from the entries of a `pretrained_cfg`: both sides, or the shorter one,
/// are brought to `floor(size / crop_pct)`, and the centre is cropped (`data/transforms_factory.py`).
#[must_use]
pub fn evaluation(
    size: [u64; 2],
    crop_pct: f64,
    squash: bool,
    normal: Normal,
    interpolation: Interpolation,
) -> Preprocessing {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast saturates, and a size of no use is refused where it is used"
    )]
    let frame = size.map(|side| (side as f64 / crop_pct).floor() as u64);
    let framing = if squash {
        Framing::Stretch(frame)
    } else {
        Framing::Cover(frame)
    };
    Preprocessing::rgb(size, normal, framing, interpolation, Sampling::Antialias)
}

/// Three numbers with `:` in between.
fn colours(text: &str) -> Option<[f64; 3]> {
    let numbers: Option<Vec<f64>> = text.split(':').map(|text| text.parse().ok()).collect();
    numbers?.try_into().ok()
}

/// How names of other families begin, there and here. timm says of a wide one that it is twice as wide.
const OTHERS: [(&str, &str); 8] = [
    ("mobilenetv1_100h", "mobilenet-v1-100h"),
    ("mobilenetv1_100", "mobilenet-v1"),
    ("mobilenetv2_100", "mobilenet-v2"),
    ("mobilenetv1_", "mobilenet-v1-"),
    ("mobilenetv2_", "mobilenet-v2-"),
    ("wide_resnet50_2", "wide-resnet-50"),
    ("wide_resnet101_2", "wide-resnet-101"),
    ("resnet", "resnet-"),
];

/// Our name of what timm calls `model`.
fn variant(model: &str) -> Option<String> {
    let name = model.strip_prefix("tf_").unwrap_or(model);
    if let Some(member) = name.strip_prefix("efficientnetv2_") {
        return Some(format!("v2-{member}"));
    }
    for (theirs, ours) in OTHERS {
        if let Some(member) = name.strip_prefix(theirs) {
            return Some(format!("{ours}{}", member.replace('_', "-")));
        }
    }
    let member = name.strip_prefix("efficientnet_")?;
    Some(match member {
        "es" | "em" | "el" => format!("edgetpu-{}", &member[1..]),
        // timm counts the deeper one as B1.
        "cc_b1_8e" => "condconv-b0-8e-depth".to_owned(),
        _ => match member.strip_prefix("cc_") {
            Some(condconv) => format!("condconv-{}", condconv.replace('_', "-")),
            None => member.to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        assert_eq!(TABLE.lines().next().unwrap(), COLUMNS.join(","));
        assert_eq!(models().len(), TABLE.lines().count() - 1);
    }
}
