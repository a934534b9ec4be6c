//! A snapshot's folder: which of its files has the weights.

use super::config::{self, Config};
use super::json::{self, ConfigError};
use super::processor::ImageProcessor;
use super::transformers::{EfficientNetConfig, MODEL_TYPE};
use crate::files::foreign::Foreign;
use crate::files::has_file;
use serde_json::Value;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Name of the configuration.
pub const CONFIG: &str = "config.json";
/// Name of what transformers' models say of pictures.
pub const PROCESSOR: &str = "preprocessor_config.json";
/// Name of the description, whose front matter has the licence.
pub const README: &str = "README.md";
/// Names of weights files, the preferred first (huggingface_hub `constants.py`).
pub const WEIGHTS: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];
/// What a list of several weights files is called.
const SHARDS: &str = ".index.json";

/// Files of a checkpoint of Orbax (orbax `type_handlers.py`), one of which it has.
const ORBAX: [&str; 3] = ["_CHECKPOINT_METADATA", "_METADATA", "manifest.ocdbt"];

/// A folder with a model.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The file with its weights.
    pub weights: PathBuf,
    /// Its `config.json`.
    pub config_path: PathBuf,
    /// What its configuration says.
    pub description: Description,
    /// The licence that `README.md` names, else `config.json`.
    pub licence: Option<String>,
}

/// What a folder says of its model, in the way of the library that wrote it.
#[derive(Clone, Debug)]
pub enum Description {
    /// timm's, also where transformers wraps its model.
    Timm(Config),
    /// transformers' own EfficientNets.
    Transformers {
        /// `config.json`.
        config: EfficientNetConfig,
        /// `preprocessor_config.json`, if there is one.
        processor: Option<ImageProcessor>,
    },
}

/// Why a folder has no model that can be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no weights file.
    #[error("`{place}` has no `model.safetensors` and no `pytorch_model.bin`", place = place.shown())]
    NoWeights {
        /// The folder or the repository.
        place: String,
    },
    /// There are several.
    #[error("`{place}` has its weights in several files (`{list}`), expected one", place = place.shown(), list = list.shown())]
    Sharded {
        /// The folder or the repository.
        place: String,
        /// The list of them.
        list: String,
    },
    /// It is a checkpoint of Orbax.
    #[error("`{place}` is a checkpoint of Orbax, which is not read: restore it in Python, and save its arrays under their names with `numpy.savez`", place = place.shown())]
    Orbax {
        /// The folder.
        place: String,
    },
    /// There is no configuration.
    #[error("`{place}` has no `config.json`", place = place.shown())]
    NoConfig {
        /// The folder or the repository.
        place: String,
    },
    /// The configuration cannot be used.
    #[error("`{path}`: {source}", path = path.shown())]
    Config {
        /// The file.
        path: String,
        /// What is wrong.
        source: ConfigError,
    },
}

impl Folder {
    /// Looks into a folder.
    ///
    /// # Errors
    /// If it has no weights or no configuration that can be read.
    pub fn open(folder: &Path) -> Result<Self, FolderError> {
        let place = folder.to_string_lossy().into_owned();
        let names = [WEIGHTS[0], WEIGHTS[1]].map(|name| format!("{name}{SHARDS}"));
        let names = WEIGHTS
            .into_iter()
            .chain(names.iter().map(String::as_str))
            .chain([CONFIG]);
        let there: Vec<&str> = names.filter(|name| has_file(&folder.join(name))).collect();
        if ORBAX.iter().any(|name| has_file(&folder.join(name))) {
            return Err(FolderError::Orbax { place });
        }
        let weights = match choose(&place, |name| there.contains(&name)) {
            // On the disk the list may be read.
            Err(FolderError::Sharded { list, .. }) if there.contains(&CONFIG) => list,
            Err(FolderError::Sharded { place, .. }) => return Err(FolderError::NoConfig { place }),
            chosen => chosen?.to_owned(),
        };
        let path = folder.join(CONFIG);
        let whole = json::read(&path).map_err(|source| unusable(&path, source))?;
        let description = Description::of(&whole, &path)?;
        Ok(Self::of(folder.join(weights), path, description))
    }

    /// What a configuration in the folder of a weights file says of it; none if there is none of a model of timm's or transformers'.
    ///
    /// # Errors
    /// If it is one that cannot be used.
    pub fn around(weights: &Path) -> Result<Option<Self>, FolderError> {
        let path = weights.with_file_name(CONFIG);
        // Many programs call their settings so.
        if !has_file(&path) {
            return Ok(None);
        }
        let whole = match json::read(&path) {
            Ok(whole) => whole,
            Err(ConfigError::Io(source)) if source.kind() == ErrorKind::InvalidInput => {
                return Err(unusable(&path, source.into()));
            }
            Err(_) => return Ok(None),
        };
        match Description::of(&whole, &path) {
            Ok(description) => Ok(Some(Self::of(weights.to_path_buf(), path, description))),
            Err(FolderError::Config {
                source: ConfigError::Foreign { .. },
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of(weights: PathBuf, config_path: PathBuf, description: Description) -> Self {
        let licence = config::licence_of_readme(&config_path.with_file_name(README));
        let own = match &description {
            Description::Timm(config) => config.licence.clone(),
            Description::Transformers { .. } => None,
        };
        Self {
            weights,
            licence: licence.or(own),
            description,
            config_path,
        }
    }
}

impl Description {
    /// What the JSON of the configuration at `path` says, and what lies beside it.
    fn of(whole: &Value, path: &Path) -> Result<Self, FolderError> {
        let is_transformers = config::model_type(whole) == Some(MODEL_TYPE);
        if config::is_timms(whole) || !is_transformers {
            let config = Config::of(whole).map_err(|source| unusable(path, source))?;
            return Ok(Self::Timm(config));
        }
        let config = EfficientNetConfig::of(whole).map_err(|source| unusable(path, source))?;
        let beside = path.with_file_name(PROCESSOR);
        let processor = if has_file(&beside) {
            let read = json::read(&beside).and_then(|whole| ImageProcessor::of(&whole));
            Some(read.map_err(|source| unusable(&beside, source))?)
        } else {
            None
        };
        Ok(Self::Transformers { config, processor })
    }
}

fn unusable(path: &Path, source: ConfigError) -> FolderError {
    FolderError::Config {
        path: path.to_string_lossy().into_owned(),
        source,
    }
}

/// The weights file among the files of a folder or a repository, which also has a configuration.
///
/// # Errors
/// If there is none.
pub(super) fn choose(place: &str, has: impl Fn(&str) -> bool) -> Result<&'static str, FolderError> {
    let place = place.to_owned();
    let Some(weights) = WEIGHTS.into_iter().find(|name| has(name)) else {
        let lists = WEIGHTS.map(|name| format!("{name}{SHARDS}"));
        return Err(match lists.into_iter().find(|list| has(list)) {
            Some(list) => FolderError::Sharded { place, list },
            None => FolderError::NoWeights { place },
        });
    };
    if !has(CONFIG) {
        return Err(FolderError::NoConfig { place });
    }
    Ok(weights)
}
