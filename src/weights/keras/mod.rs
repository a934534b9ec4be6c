//! Keras's files: legacy HDF5 weights and whole models, of Keras 2 and 3, the `.weights.h5` of Keras 3 in one piece or in several,
//! and its `.keras` archive.
//!
//! Gives each weight the name `layer/weight` of [`super::names`], whatever groups it lies in. Knows no byte of HDF5.

mod archive;
pub mod config;
mod hdf5;
mod layers;
mod normalization;
mod open;
mod shards;

use super::offer::{GroupKind, LeftOut, LeftOutGroup};
use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use config::ModelConfig;
use hdf5::{Dataset, Hdf5};
pub use normalization::Normalization;
use normalization::is_of_colours;
pub(super) use normalization::{Found, Statistic, statistic};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub(super) use archive::Archive;
pub(super) use hdf5::SIGNATURE;
pub(super) use layers::layer_weight;
pub(super) use shards::Shards;

const FORMAT: &str = "Keras HDF5";
/// The group that has the weights in the file of a whole model (keras `legacy_h5_format.py`).
const MODEL_WEIGHTS: &str = "model_weights/";
/// Groups beside it: what training keeps, and for Keras 2's archives what its metrics count.
const STATE: [(&str, GroupKind); 3] = [
    ("optimizer_weights", GroupKind::Optimiser),
    ("optimizer", GroupKind::Optimiser),
    ("metrics", GroupKind::Metric),
];

/// A Keras model's weights.
pub struct Keras {
    /// Its files, in the order in which they are hashed.
    files: Vec<PathBuf>,
    /// The HDF5 files that have the weights.
    parts: Vec<Hdf5>,
    tensors: Vec<TensorInfo>,
    /// For each tensor's name, its dataset.
    places: BTreeMap<String, Place>,
    /// What the normalization in front of the network keeps.
    statistics: Vec<(Statistic, Place)>,
    left_out: Vec<LeftOutGroup>,
    config: Option<ModelConfig>,
}

/// A dataset: which part it is in, and where in the part's list.
#[derive(Clone, Copy, Debug)]
struct Place {
    part: usize,
    dataset: usize,
}

impl Keras {
    /// Names every weight of the parts.
    fn new(
        files: Vec<PathBuf>,
        parts: Vec<Hdf5>,
        config: Option<ModelConfig>,
    ) -> Result<Self, SourceError> {
        let mut keras = Self {
            files,
            parts,
            tensors: Vec::new(),
            places: BTreeMap::new(),
            statistics: Vec::new(),
            left_out: Vec::new(),
            config,
        };
        let named = keras.name();
        named.map_err(|reason| malformed(keras.path(), &reason))?;
        Ok(keras)
    }

    fn name(&mut self) -> Result<(), String> {
        // On Windows, Keras 2 separates groups as folders are separated there.
        let slashed = |path: &str| path.replace('\\', "/");
        let names = self.parts.iter().flat_map(|part| &part.names);
        let names: Vec<(String, &str)> = names
            .map(|(path, name)| (slashed(path), name.as_str()))
            .collect();
        let layers: BTreeMap<&str, &str> = names
            .iter()
            .map(|(path, name)| (path.as_str(), *name))
            .collect();
        let mut left_out = LeftOut::default();
        for (place, dataset) in datasets(&self.parts) {
            let Some(element) = dataset.element else {
                continue;
            };
            let path = slashed(&dataset.path);
            let path = path.strip_prefix(MODEL_WEIGHTS).unwrap_or(&path);
            let group = path.split('/').next().unwrap_or_default();
            if let Some((_, kind)) = STATE.iter().find(|(name, _)| *name == group) {
                left_out.add(*kind, group, &dataset.path);
                continue;
            }
            let Some(name) = layers::name(path, &layers, self.config.as_ref())? else {
                match statistic(path) {
                    Some(statistic) => self.statistics.push((statistic, place)),
                    None => left_out.add(GroupKind::Counter, path, &dataset.path),
                }
                continue;
            };
            if let Some(other) = self.places.insert(name.clone(), place) {
                return Err(format!(
                    "`{}` and `{}` are both `{name}`: expected one network",
                    self.dataset(other).path,
                    dataset.path
                ));
            }
            self.tensors.push(TensorInfo {
                name,
                shape: dataset.shape.clone(),
                element,
            });
        }
        for (_, place) in &self.statistics {
            let dataset = self.dataset(*place);
            if !is_of_colours(&dataset.shape) {
                let layer = dataset.path.rsplit_once('/').map_or("", |split| split.0);
                left_out.add(GroupKind::Normalization, layer, &dataset.path);
            }
        }
        self.left_out = left_out.into_groups();
        Ok(())
    }

    /// Its files, in the order in which they are hashed.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

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

    /// What errors name: the file that was opened.
    fn path(&self) -> &Path {
        self.files.first().map_or(Path::new(""), PathBuf::as_path)
    }

    fn dataset(&self, place: Place) -> &Dataset {
        &self.parts[place.part].datasets[place.dataset]
    }

    fn reader(&self, place: Place) -> Result<Reader<'_>, SourceError> {
        let dataset = self.dataset(place);
        let elements = self.parts[place.part].reader(dataset);
        Ok(Reader {
            file: self,
            dataset,
            elements: elements.map_err(|error| self.error(dataset, error))?,
        })
    }

    fn error(&self, dataset: &Dataset, error: io::Error) -> SourceError {
        if error.raw_os_error().is_some() {
            return error_of(self.path(), error);
        }
        malformed(self.path(), &format!("`{}`: {error}", dataset.path))
    }
}

/// Every dataset of all parts.
fn datasets(parts: &[Hdf5]) -> impl Iterator<Item = (Place, &Dataset)> {
    parts.iter().enumerate().flat_map(|(part, file)| {
        let datasets = file.datasets.iter().enumerate();
        datasets.map(move |(dataset, found)| (Place { part, dataset }, found))
    })
}

impl TensorSource for Keras {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let place = self.places.get(name);
        let place = place.ok_or_else(|| SourceError::Missing(name.to_owned()))?;
        Ok(Box::new(self.reader(*place)?))
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
