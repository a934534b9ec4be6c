//! TensorFlow's models: tensorflow/tpu `models/official/efficientnet` and google/automl `efficientnetv2`.

use super::{LabelSet, Library, Like};
use crate::architecture::family::Crop;
use crate::architecture::{Baseline, Variant};
use crate::graph::Padding;
use crate::metadata::{Framing, Normal, Preprocessing, Sampling};

/// Official name, ours, and the tags of its released weights; the first is taken by default.
///
/// The names are those of the `efficientnet_*_builder.py` and of `effnetv2_configs.py`. Tags of V1 are the columns
/// of the README's table of checkpoints; those of V2 are spelled as timm does. `-475` is L2 as it was released at
/// that size. Lite, EdgeTPU and CondConv were released once each.
const MODELS: [(&str, &str, &[&str]); 30] = [
    ("efficientnet-b0", "b0", &[BASE, AA, ADV, NS]),
    ("efficientnet-b1", "b1", &[BASE, AA, ADV, NS]),
    ("efficientnet-b2", "b2", &[BASE, AA, ADV, NS]),
    ("efficientnet-b3", "b3", &[BASE, AA, ADV, NS]),
    ("efficientnet-b4", "b4", &[BASE, AA, ADV, NS]),
    ("efficientnet-b5", "b5", &[BASE, AA, RA, ADV, NS]),
    ("efficientnet-b6", "b6", &[AA, ADV, NS]),
    ("efficientnet-b7", "b7", &[AA, RA, ADV, NS]),
    ("efficientnet-b8", "b8", &[RA, ADV]),
    ("efficientnet-l2", "l2", &[NS]),
    ("efficientnet-l2-475", "l2", &[NS]),
    ("efficientnet-lite0", "lite0", &[]),
    ("efficientnet-lite1", "lite1", &[]),
    ("efficientnet-lite2", "lite2", &[]),
    ("efficientnet-lite3", "lite3", &[]),
    ("efficientnet-lite4", "lite4", &[]),
    ("efficientnet-edgetpu-S", "edgetpu-s", &[]),
    ("efficientnet-edgetpu-M", "edgetpu-m", &[]),
    ("efficientnet-edgetpu-L", "edgetpu-l", &[]),
    ("efficientnet-condconv-b0-4e", "condconv-b0-4e", &[]),
    ("efficientnet-condconv-b0-8e", "condconv-b0-8e", &[]),
    (
        "efficientnet-condconv-b0-8e-depth",
        "condconv-b0-8e-depth",
        &[],
    ),
    ("efficientnetv2-s", "v2-s", &[IN1K, IN21K_FT, IN21K]),
    ("efficientnetv2-m", "v2-m", &[IN1K, IN21K_FT, IN21K]),
    ("efficientnetv2-l", "v2-l", &[IN1K, IN21K_FT, IN21K]),
    ("efficientnetv2-xl", "v2-xl", &[IN21K_FT, IN21K]),
    ("efficientnetv2-b0", "v2-b0", &[IN1K]),
    ("efficientnetv2-b1", "v2-b1", &[IN1K]),
    ("efficientnetv2-b2", "v2-b2", &[IN1K]),
    ("efficientnetv2-b3", "v2-b3", &[IN1K]),
];

const BASE: &str = "baseline";
const AA: &str = "autoaugment";
const RA: &str = "randaugment";
const ADV: &str = "advprop";
const NS: &str = "noisystudent";
const IN1K: &str = "in1k";
const IN21K: &str = "in21k";
const IN21K_FT: &str = "in21k_ft_in1k";

/// Every model with each of its weights.
pub(super) fn models() -> Vec<Like> {
    let mut models = Vec::new();
    for (model, variant, tags) in MODELS {
        if tags.is_empty() {
            models.extend(like(model, variant, None));
        }
        models.extend(
            tags.iter()
                .filter_map(|tag| like(model, variant, Some(tag))),
        );
    }
    models
}

fn like(model: &str, variant: &str, tag: Option<&str>) -> Option<Like> {
    let variant = Variant::by_name(variant)?;
    // `edgetpu/efficientnet_edgetpu_builder.py`: class 0 is the background. `imagenet21k` in google/automl
    // `efficientnetv2/datasets.py` has 21,843.
    let classes = match tag {
        Some(IN21K) => 21_843,
        _ if variant.name.starts_with("edgetpu-") => 1001,
        _ => 1000,
    };
    let size = match model {
        "efficientnet-l2-475" => 475,
        _ => variant.resolution,
    };
    Some(Like {
        library: Library::TensorFlow,
        model: model.to_owned(),
        tag: tag.map(str::to_owned),
        variant,
        padding: Padding::Same,
        batch_norm_epsilon: 1e-3,
        size,
        preprocessing: preprocessing(variant, size, tag),
        test: None,
        classes,
        labels: LabelSet::of(classes),
    })
}

/// The same at another size: V2-S to XL crop below 320 pixels (`preprocess_for_eval` in google/automl
/// `efficientnetv2/preprocessing.py`).
pub(super) fn preprocessing_at(
    own: &Preprocessing,
    baseline: &Baseline,
    size: [u64; 2],
) -> Preprocessing {
    let mut record = own.at(size);
    let takes_whole = baseline.evaluation.crop == Crop::Whole;
    if takes_whole && size[0].min(size[1]) < WHOLE_FROM {
        record.framing = Framing::CropPadding(32);
    }
    record
}

/// Side in pixels from which V2-S to XL take the whole picture.
const WHOLE_FROM: u64 = 320;

/// tensorflow/tpu `preprocessing.py` and `main.py` (V1, Lite, EdgeTPU, CondConv): a crop whose padding grows with the
/// size; bicubic, but bilinear in Lite and EdgeTPU. google/automl `efficientnetv2/preprocessing.py` (V2-S to XL): no
/// crop at 320 and beyond, bilinear; `preprocess_legacy.py` (V2-B0 to B3): padding 32, bicubic.
fn preprocessing(variant: &Variant, size: u64, tag: Option<&str>) -> Preprocessing {
    let evaluation = &variant.baseline.evaluation;
    let normal = match tag {
        Some(ADV) => Normal::HALF,
        _ => evaluation.normal,
    };
    let (framing, sampling) = match evaluation.crop {
        Crop::Whole => (Framing::Stretch([size; 2]), Sampling::HalfPixel),
        _ if variant.baseline.family.name == "v2" => (Framing::CropPadding(32), Sampling::Legacy),
        _ => {
            let padding = Crop::Proportional.padding([size; 2]);
            (Framing::CropPadding(padding), Sampling::Legacy)
        }
    };
    let interpolation = evaluation.interpolation;
    Preprocessing::rgb([size; 2], normal, framing, interpolation, sampling)
}
