//! timm's `config.json`, which names a model and one of its weights.

use super::Read;
use crate::architecture::HeadPool;
use crate::convert::error::ConvertError;
use crate::files::foreign::Foreign;
use crate::hub::config::Config;
use crate::hub::folder::Folder;
use crate::like::{self, Like, timm_evaluation};
use crate::metadata::{Interpolation, Normal};

/// As timm has them where a configuration leaves them out (`PretrainedCfg` in timm/models/_pretrained.py).
const DEFAULT_CROP: f64 = 0.875;
const DEFAULT_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const DEFAULT_STD: [f64; 3] = [0.229, 0.224, 0.225];

/// The model of timm's that a configuration names.
pub(super) fn read(folder: &Folder, config: &Config) -> Result<Read, ConvertError> {
    let untagged = format!("timm/{}", config.architecture.shown());
    let tagged = config
        .tag
        .as_ref()
        .map(|tag| format!("{untagged}.{}", tag.shown()));
    let tagged = tagged.and_then(|tagged| like::find(&tagged).ok());
    let is_known = tagged.is_some();
    let table = match tagged {
        Some(table) => table,
        None => like::find(&untagged).map_err(|error| ConvertError::UnknownModel {
            path: folder.config_path.clone(),
            problem: error.to_string(),
        })?,
    };
    let like = changed(&table, config).map_err(|problem| ConvertError::Configuration {
        path: folder.config_path.clone(),
        problem,
    })?;
    let tag = config.tag.as_ref().filter(|_| !is_known);
    Ok(Read {
        table,
        like,
        labels: config.labels.clone(),
        classes: config.classes,
        more: tag.map(|tag| format!("the tag is `{}`", tag.shown())),
    })
}

/// The table's model, as a configuration has it.
fn changed(table: &Like, config: &Config) -> Result<Like, String> {
    let mut like = table.clone();
    if let Some(classes) = config.classes.filter(|classes| *classes > 0) {
        like.classes = classes;
    }
    let Some([_, height, width]) = config.input_size else {
        return Ok(like);
    };
    let normal = Normal::of_unit(
        config.mean.unwrap_or(DEFAULT_MEAN),
        config.std.unwrap_or(DEFAULT_STD),
    );
    let interpolation = match config.interpolation.as_deref() {
        None | Some("bicubic") => Interpolation::Bicubic,
        Some("bilinear") => Interpolation::Bilinear,
        Some(other) => {
            let other = other.shown();
            return Err(format!(
                "has `interpolation` `{other}`, expected `bicubic` or `bilinear`"
            ));
        }
    };
    let squash = match config.crop_mode.as_deref() {
        None | Some("center") => false,
        Some("squash") => true,
        Some(other) => {
            let other = other.shown();
            return Err(format!(
                "has `crop_mode` `{other}`, expected `center` or `squash`"
            ));
        }
    };
    let crop = config.crop_pct.unwrap_or(DEFAULT_CROP);
    like.size = height;
    like.preprocessing = timm_evaluation([height, width], crop, squash, normal, interpolation);
    like.test = config.test_input_size.map(|[_, height, width]| {
        let crop = config.test_crop_pct.unwrap_or(crop);
        timm_evaluation([height, width], crop, squash, normal, interpolation)
    });
    Ok(like)
}

/// How feature maps are pooled, and timm's name of that, if it is not the mean.
pub(super) fn pool(config: &Config) -> Option<(HeadPool, &'static str)> {
    match config.pool.as_deref()? {
        "max" => Some((HeadPool::Max, "max")),
        "avgmax" => Some((HeadPool::HalfAverageHalfMax, "avgmax")),
        "catavgmax" => Some((HeadPool::AverageThenMax, "catavgmax")),
        _ => None,
    }
}
