//! What a published model's `config.json` stands for: a library's model with preprocessing and labels of its own.

use super::error::ConvertError;
use super::note::ConvertNote;
use crate::files::foreign::Foreign;
use crate::hub::config::Config;
use crate::hub::folder::Folder;
use crate::like::{self, Like, timm_evaluation};
use crate::metadata::{Interpolation, Normal};
use crate::request::{Extent, Request};

/// What a published model says beside its checkpoint.
#[derive(Clone, Debug)]
pub struct Published {
    /// timm's model, with what the configuration changes.
    pub like: Like,
    /// Class names, as JSON.
    pub labels: Option<String>,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// `hf:ORG/NAME@COMMIT`, where it is from the hub.
    pub source: Option<String>,
    /// Classes that the configuration counts.
    pub classes: Option<u64>,
    /// In what the model is not the table's.
    differences: Vec<String>,
}

/// As timm has them where a configuration leaves them out (`PretrainedCfg` in timm/models/_pretrained.py).
const DEFAULT_CROP: f64 = 0.875;
const DEFAULT_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const DEFAULT_STD: [f64; 3] = [0.229, 0.224, 0.225];

impl Published {
    /// The model of a folder.
    ///
    /// # Errors
    /// If its configuration names no model of timm's, or has a value that is not supported.
    pub fn read(folder: &Folder, source: Option<String>) -> Result<Self, ConvertError> {
        let config = &folder.config;
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
        let mut differences = differences(&table, &like);
        if let Some(tag) = config.tag.as_ref().filter(|_| !is_known) {
            differences.push(format!("the tag is `{}`", tag.shown()));
        }
        let labels = config.labels.as_ref();
        Ok(Self {
            like,
            labels: labels.map(|labels| serde_json::Value::from(labels.clone()).to_string()),
            licence: folder.licence.clone(),
            source,
            classes: config.classes.filter(|classes| *classes > 0),
            differences,
        })
    }

    /// Whether a configuration that was found in a checkpoint's folder is of a network of these families or their kin, by the
    /// name of its model. Any other name is a user's own, which tells nothing.
    #[must_use]
    pub fn may_describe(folder: &Folder) -> bool {
        let name = &folder.config.architecture;
        let families = ["efficientnet", "mobilenet", "resnet"];
        families.iter().any(|family| name.contains(family))
            || like::find(&format!("timm/{name}")).is_ok()
    }

    /// The request for just this model.
    #[must_use]
    pub fn request(&self) -> Request {
        let mut request = self.like.request();
        request.size = self.like.preprocessing.size.map(Extent::Fixed);
        request
    }

    /// The table's model, if it is just that.
    #[must_use]
    pub fn table(&self) -> Option<Like> {
        self.differences.is_empty().then(|| self.like.clone())
    }

    /// What it is, and where its configuration is followed rather than the table.
    #[must_use]
    pub fn note(&self) -> ConvertNote {
        ConvertNote::Published {
            model: self.like.name(),
            differences: self.differences.clone(),
        }
    }
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

fn differences(table: &Like, like: &Like) -> Vec<String> {
    let mut found = Vec::new();
    if table.classes != like.classes {
        found.push(format!(
            "classes are {}, not {}",
            like.classes, table.classes
        ));
    }
    if table.preprocessing.size != like.preprocessing.size {
        let [height, width] = like.preprocessing.size;
        found.push(format!("the size is {height}x{width}, not {}", table.size));
    }
    let size = like.preprocessing.size;
    if table.preprocessing.at(size) != like.preprocessing || table.test != like.test {
        found.push("pictures are prepared in another way".to_owned());
    }
    found
}
