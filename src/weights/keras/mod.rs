//! Keras's HDF5 files: legacy weights and whole models, of Keras 2 and 3, and the `.weights.h5` of Keras 3.
//!
//! Gives each weight the name `layer/weight` of [`super::names`], whatever groups it lies in. Knows no byte of HDF5.

pub mod config;
mod hdf5;
mod normalization;

use super::names::keras::{is_layer, layer_weights};
use super::offer::{GroupKind, LeftOut, LeftOutGroup};
use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use crate::files::open_input;
use config::ModelConfig;
use hdf5::{Dataset, Hdf5};
pub use normalization::Normalization;
use normalization::{Statistic, is_of_colours, statistic};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub(super) use hdf5::SIGNATURE;

const FORMAT: &str = "Keras HDF5";
/// The group that has the weights in the file of a whole model (keras `legacy_h5_format.py`).
const MODEL_WEIGHTS: &str = "model_weights/";
/// The attribute of the root that describes a whole model (keras `legacy_h5_format.py`).
const MODEL_CONFIG: &str = "model_config";
/// Groups beside it.
const OPTIMIZERS: [&str; 2] = ["optimizer_weights", "optimizer"];
/// The group in which Keras 3 numbers a layer's weights (keras `saving_lib.py`).
const NUMBERED: &str = "vars";

/// A Keras `.h5` file.
pub struct Keras {
    path: PathBuf,
    file: Hdf5,
    tensors: Vec<TensorInfo>,
    /// For each tensor's name, its place in the file's list.
    places: BTreeMap<String, usize>,
    /// Places of what the normalization in front of the network keeps.
    statistics: Vec<(Statistic, usize)>,
    left_out: Vec<LeftOutGroup>,
    config: Option<ModelConfig>,
}

impl Keras {
    /// Opens a file and reads what it lists, but no tensor.
    ///
    /// # Errors
    /// If it cannot be read, is not one that Keras wrote, or does not name its layers.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let opened = open_input(path).and_then(|file| Hdf5::open(file, MODEL_CONFIG));
        let mut file = opened.map_err(|error| error_of(path, error))?;
        let description = file.description.take();
        let config = description.map(|text| ModelConfig::parse(&text, "`model_config`"));
        let config = config.transpose();
        let mut keras = Self {
            file,
            path: path.to_path_buf(),
            tensors: Vec::new(),
            places: BTreeMap::new(),
            statistics: Vec::new(),
            left_out: Vec::new(),
            config: config.map_err(|reason| malformed(path, &reason))?,
        };
        keras.name().map_err(|reason| malformed(path, &reason))?;
        Ok(keras)
    }

    /// Names every weight.
    fn name(&mut self) -> Result<(), String> {
        let layers: BTreeMap<&str, &str> = self
            .file
            .names
            .iter()
            .map(|(path, name)| (path.as_str(), name.as_str()))
            .collect();
        let datasets = &self.file.datasets;
        let mut left_out = LeftOut::default();
        for (place, dataset) in datasets.iter().enumerate() {
            let Some(element) = dataset.element else {
                continue;
            };
            let path = match dataset.path.strip_prefix(MODEL_WEIGHTS) {
                Some(path) => path,
                None => &dataset.path,
            };
            let group = path.split('/').next().unwrap_or_default();
            if OPTIMIZERS.contains(&group) {
                left_out.add(GroupKind::Optimiser, group, &dataset.path);
                continue;
            }
            let Some(name) = name(path, &layers)? else {
                match statistic(path) {
                    Some(statistic) => self.statistics.push((statistic, place)),
                    None => left_out.add(GroupKind::Counter, path, &dataset.path),
                }
                continue;
            };
            if let Some(other) = self.places.insert(name.clone(), place) {
                return Err(format!(
                    "`{}` and `{}` are both `{name}`",
                    datasets[other].path, dataset.path
                ));
            }
            self.tensors.push(TensorInfo {
                name,
                shape: dataset.shape.clone(),
                element,
            });
        }
        for (_, place) in &self.statistics {
            let dataset = &self.file.datasets[*place];
            if !is_of_colours(dataset) {
                let layer = dataset.path.rsplit_once('/').map_or("", |split| split.0);
                left_out.add(GroupKind::Normalization, layer, &dataset.path);
            }
        }
        self.left_out = left_out.into_groups();
        Ok(())
    }
}

impl Keras {
    /// Floating-point tensors that are not on offer, and what accounts for them.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOutGroup] {
        &self.left_out
    }

    /// What the file records of its model, where it is that of a whole model.
    #[must_use]
    pub fn config(&self) -> Option<&ModelConfig> {
        self.config.as_ref()
    }
}

/// What a dataset's path calls a weight: its layer's name and its own.
///
/// A layer's group repeats the layer, a model within a model comes before its layers, and TensorFlow 1 numbered
/// layers anew inside their groups: the last name that is a layer's of ours counts.
fn name(path: &str, layers: &BTreeMap<&str, &str>) -> Result<Option<String>, String> {
    let Some((groups, weight)) = path.rsplit_once('/') else {
        return Ok(Some(path.to_owned()));
    };
    let (layer, weight) = if groups.rsplit('/').next() == Some(NUMBERED) {
        let layer = layers.get(groups).ok_or_else(|| {
            format!("`{groups}` does not tell its layer's name: save the model again in the legacy form, `model.save(\"model.h5\")`")
        })?;
        match weight
            .parse()
            .ok()
            .and_then(|number: usize| layer_weights(layer).get(number))
        {
            Some(weight) => (*layer, *weight),
            None => (*layer, weight),
        }
    } else {
        let known = groups.rsplit('/').find(|group| is_layer(group));
        let layer = known.or(groups.rsplit('/').next()).unwrap_or(groups);
        (layer, weight.strip_suffix(":0").unwrap_or(weight))
    };
    // The classifier's name in the first ports to Keras.
    let layer = if layer == "probs" {
        "predictions"
    } else {
        layer
    };
    // Keras 3 calls every kernel so.
    let is_depthwise = layer.contains("_dwconv") && weight == "kernel";
    let weight = if is_depthwise {
        "depthwise_kernel"
    } else {
        weight
    };
    // The normalization of pictures in front of the network; a model within a model has its weights without the layer.
    let is_normalization =
        layer.starts_with("normalization") || ["mean", "variance", "count"].contains(&weight);
    Ok((!is_normalization).then(|| format!("{layer}/{weight}")))
}

impl TensorSource for Keras {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let place = self
            .places
            .get(name)
            .ok_or_else(|| SourceError::Missing(name.to_owned()))?;
        let dataset = &self.file.datasets[*place];
        let elements = self
            .file
            .reader(dataset)
            .map_err(|error| self.error(dataset, error))?;
        Ok(Box::new(Reader {
            file: self,
            dataset,
            elements,
        }))
    }
}

struct Reader<'a> {
    file: &'a Keras,
    dataset: &'a Dataset,
    elements: hdf5::Reader<'a>,
}

impl TensorReader for Reader<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let filled = self.elements.fill(offset, out);
        filled.map_err(|error| self.file.error(self.dataset, error))
    }
}

impl Keras {
    fn error(&self, dataset: &Dataset, error: io::Error) -> SourceError {
        if error.raw_os_error().is_some() {
            return error_of(&self.path, error);
        }
        malformed(&self.path, &format!("`{}`: {error}", dataset.path))
    }
}

/// An error of the operating system, or one of the file's.
fn error_of(path: &Path, error: io::Error) -> SourceError {
    if error.raw_os_error().is_none() {
        return malformed(path, &error.to_string());
    }
    SourceError::Io {
        path: path.to_string_lossy().into_owned(),
        source: error,
    }
}

fn malformed(path: &Path, reason: &str) -> SourceError {
    SourceError::Malformed {
        path: path.to_string_lossy().into_owned(),
        format: FORMAT,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_found_in_whatever_groups() {
        let numbered = BTreeMap::from([
            (
                "layers/functional/layers/depthwise_conv2d/vars",
                "block1a_dwconv",
            ),
            ("layers/batch_normalization_2/vars", "block1a_project_bn"),
            ("layers/normalization_1/vars", "normalization_1"),
        ]);
        for (path, expected) in [
            (
                "block1a_dwconv/block1a_dwconv/depthwise_kernel:0",
                "block1a_dwconv/depthwise_kernel",
            ),
            (
                "block1a_dwconv/EfficientNetB0/block1a_dwconv/kernel",
                "block1a_dwconv/depthwise_kernel",
            ),
            (
                "block1a_dwconv2/block1a_dwconv2/kernel",
                "block1a_dwconv2/depthwise_kernel",
            ),
            ("efficientnetb0/stem_conv/kernel:0", "stem_conv/kernel"),
            ("stem_bn/stem_bn_1/gamma:0", "stem_bn/gamma"),
            (
                "block7a_se_expand/block7a_se_expand_2/bias:0",
                "block7a_se_expand/bias",
            ),
            ("probs/probs/kernel:0", "predictions/kernel"),
            ("dense_3/dense_3/kernel:0", "dense_3/kernel"),
            (
                "layers/functional/layers/depthwise_conv2d/vars/0",
                "block1a_dwconv/depthwise_kernel",
            ),
            (
                "layers/batch_normalization_2/vars/3",
                "block1a_project_bn/moving_variance",
            ),
            (
                "layers/batch_normalization_2/vars/4",
                "block1a_project_bn/4",
            ),
            ("loose", "loose"),
        ] {
            assert_eq!(
                name(path, &numbered),
                Ok(Some(expected.to_owned())),
                "{path}"
            );
        }
        for path in [
            "normalization/normalization/mean:0",
            "tiny/variance:0",
            "layers/normalization_1/vars/0",
        ] {
            assert_eq!(name(path, &numbered), Ok(None), "{path}");
        }
        assert!(name("layers/conv2d/vars/0", &numbered).is_err());
    }
}
