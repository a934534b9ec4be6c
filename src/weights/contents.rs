//! Which container a checkpoint is in, and what each container holds beside its tensors.
//!
//! The container is told from the content, never from the file's name. A new format is a reader in a file or folder of its
//! own, one function here, and the line in [`Contents::open`] that tells it from the others. What it has beside tensors is a
//! field of [`Contents`]: text that it says of itself is `metadata`, properties of the network are `evidence`.

use super::archive::Archive;
use super::emitted::{Emitted, FIRST_BYTE};
use super::evidence::Evidence;
use super::joined::Joined;
use super::keras::config::ModelConfig;
use super::keras::{self, Keras, Normalization, Shards};
use super::npz::Npz;
use super::offer::LeftOutGroup;
use super::pytorch::{Container, Holds, Pickle, Plain, Pytorch};
use super::recognised::{IN_FOLDERS, recognised};
use super::safetensors::Safetensors;
use super::sharded::{self, Sharded};
use super::tensorflow::{self, TensorFlow};
use super::{SourceError, TensorInfo, TensorSource, unread};
use crate::files::{has_file, open_input};
use crate::numpy::npz;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a zip file starts with.
const ZIP: &[u8] = b"PK\x03\x04";

/// All that an open container offers.
pub(super) struct Contents {
    /// Its files, in the order in which they are hashed.
    pub files: Vec<PathBuf>,
    /// Files that are read besides: an ONNX file's external data.
    pub data: Vec<PathBuf>,
    /// Its tensors.
    pub source: Box<dyn TensorSource>,
    /// Which averages its tensors are, if they are averages.
    pub averages: Option<&'static str>,
    /// Tensors that the reader does not offer, and what accounts for them.
    pub left_out: Vec<LeftOutGroup>,
    /// Entries of its own metadata.
    pub metadata: BTreeMap<String, String>,
    /// Whether it is an ONNX file.
    pub is_model: bool,
    /// How another program has changed an ONNX file, if one has.
    pub rewritten: Option<String>,
    /// Mean and variance of a Keras model's Normalization layer.
    pub normalization: Option<Normalization>,
    /// What a whole Keras model records of itself.
    pub model_config: Option<ModelConfig>,
    /// What is recorded of the network beside the tensors.
    pub evidence: Option<Evidence>,
    /// Pickled modules.
    pub modules: Option<Pickle>,
}

impl Contents {
    /// Opens a checkpoint and reads what it lists, but no tensor.
    ///
    /// Containers with a long signature come first: of safetensors only the ninth byte is looked at, of ONNX the first.
    ///
    /// # Errors
    /// If it cannot be read, or is in no known container.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        // Its checkpoints are several files, and may be named by what these have in common.
        if let Some(index) = tensorflow::index(path)? {
            return tensorflow(&index);
        }
        if let Some(shards) = Shards::find(path)? {
            return keras(path, Keras::in_shards(shards)?);
        }
        if path.is_dir() && IN_FOLDERS.iter().any(|name| has_file(&path.join(name))) {
            return Err(unknown(path, &[]));
        }
        let start = start(path).map_err(|source| io(path, source))?;
        if start.starts_with(ZIP)
            && let Some(archive) = keras::Archive::find(path).map_err(|source| io(path, source))?
        {
            return keras(path, Keras::in_archive(path, archive)?);
        }
        sharded::refuse_part(path)?;
        if let Some(container) = Container::detect(&start) {
            zipped(path, container)
        } else if start.starts_with(&keras::SIGNATURE) {
            keras(path, Keras::open(path)?)
        } else if start.get(8) == Some(&b'{') {
            safetensors(path)
        } else if is_pickle(&start) {
            Ok(Contents::of(path, Plain::pickle(path)?))
        } else if recognised(path, &start).is_some() {
            Err(unknown(path, &start))
        } else if start.first() == Some(&b'{') {
            sharded(path)
        } else if start.first() == Some(&FIRST_BYTE) {
            emitted(path)
        } else {
            Err(unknown(path, &start))
        }
    }

    /// Tensors of one file, and nothing beside them.
    fn of(path: &Path, source: impl TensorSource + 'static) -> Self {
        Self {
            files: vec![path.to_path_buf()],
            data: Vec::new(),
            source: Box::new(source),
            averages: None,
            left_out: Vec::new(),
            metadata: BTreeMap::new(),
            is_model: false,
            rewritten: None,
            normalization: None,
            model_config: None,
            evidence: None,
            modules: None,
        }
    }
}

fn tensorflow(index: &Path) -> Result<Contents, SourceError> {
    let bundle = TensorFlow::open(index)?;
    let config = bundle.description().map(|(_, config)| config.clone());
    Ok(Contents {
        files: bundle.files().to_vec(),
        averages: bundle.averages(),
        left_out: bundle.left_out().to_vec(),
        normalization: bundle.normalization(),
        data: bundle
            .description()
            .map(|(path, _)| path.clone())
            .into_iter()
            .collect(),
        evidence: match &config {
            Some(config) => Some(config.evidence.clone()),
            None => bundle.is_saved_model().then(graph_unread),
        },
        model_config: config,
        ..Contents::of(index, bundle)
    })
}

/// What is known of a SavedModel whose model is not described beside its graph.
fn graph_unread() -> Evidence {
    let note = "the graph of the SavedModel is not read: its pool, activations and what prepares its pictures may be others; save it as \
                `model.save(\"model.keras\")` to have them compared";
    Evidence {
        place: "the SavedModel".to_owned(),
        notes: vec![note.to_owned()],
        ..Evidence::default()
    }
}

/// Opens what `torch.save` wrote, or another program in a zip archive.
fn zipped(path: &Path, container: Container) -> Result<Contents, SourceError> {
    if container != Container::Zip {
        return pytorch(path, container);
    }
    // What is wrong with an archive, PyTorch's reader says.
    let names: Vec<String> = match Archive::open(path) {
        Ok(archive) => archive.names().collect(),
        Err(_) => return pytorch(path, container),
    };
    if let Some(what) = unread::by_entries(&names) {
        return Err(SourceError::Malformed {
            path: path.to_string_lossy().into_owned(),
            format: container.name(),
            reason: what.to_owned(),
        });
    }
    let has = |ending: &str| names.iter().any(|name| name.ends_with(ending));
    if has(npz::ENDING) && !has(".pkl") {
        Ok(Contents::of(path, Npz::open(path)?))
    } else if has("data.pkl") && has("constants.pkl") {
        script(path)
    } else if has("archive_format") && has("_weights_config.json") {
        let (program, evidence) = Plain::exported(path)?;
        Ok(Contents {
            evidence: Some(evidence),
            ..Contents::of(path, program)
        })
    } else {
        pytorch(path, container)
    }
}

fn sharded(path: &Path) -> Result<Contents, SourceError> {
    let shards = Sharded::open(path, shard)?;
    Ok(Contents {
        files: shards.files().to_vec(),
        ..Contents::of(path, shards)
    })
}

/// The tensors of a file that an index names.
fn shard(path: &Path) -> Result<Box<dyn TensorSource>, SourceError> {
    let start = start(path).map_err(|source| io(path, source))?;
    if let Some(container) = Container::detect(&start) {
        return Ok(Box::new(Pytorch::open(path, container)?));
    }
    Ok(Box::new(Safetensors::open(path)?))
}

fn script(path: &Path) -> Result<Contents, SourceError> {
    let note = "TorchScript's code is not read: nothing tells how its modules compute, nor what stands around the network";
    Ok(Contents {
        evidence: Some(Evidence {
            place: "the TorchScript module".to_owned(),
            notes: vec![note.to_owned()],
            ..Evidence::default()
        }),
        ..Contents::of(path, Plain::script(path)?)
    })
}

fn pytorch(path: &Path, container: Container) -> Result<Contents, SourceError> {
    let arrays = Plain::saved(path, container)?;
    let arrays = match arrays {
        Some((arrays, Holds::Arrays)) => return Ok(Contents::of(path, arrays)),
        arrays => arrays.map(|(arrays, _)| arrays),
    };
    let is_float = |tensor: &TensorInfo| tensor.element.is_float();
    if let Some(arrays) = arrays.filter(|arrays| arrays.tensors().iter().any(is_float)) {
        let mut file = Pytorch::open(path, container)?;
        return Ok(Contents {
            modules: file.take_modules(),
            ..Contents::of(path, Joined::new(path, file, arrays)?)
        });
    }
    let mut file = Pytorch::open(path, container)?;
    Ok(Contents {
        modules: file.take_modules(),
        ..Contents::of(path, file)
    })
}

fn keras(path: &Path, file: Keras) -> Result<Contents, SourceError> {
    let config = file.config().cloned();
    Ok(Contents {
        normalization: file.normalization()?,
        left_out: file.left_out().to_vec(),
        evidence: config.as_ref().map(|config| config.evidence.clone()),
        model_config: config,
        files: file.files().to_vec(),
        ..Contents::of(path, file)
    })
}

fn safetensors(path: &Path) -> Result<Contents, SourceError> {
    let file = Safetensors::open(path)?;
    Ok(Contents {
        metadata: file.metadata().clone(),
        ..Contents::of(path, file)
    })
}

fn emitted(path: &Path) -> Result<Contents, SourceError> {
    let file = Emitted::open(path)?;
    Ok(Contents {
        metadata: file.metadata(),
        is_model: true,
        rewritten: file.rewritten().map(str::to_owned),
        data: file.data_files(),
        ..Contents::of(path, file)
    })
}

fn unknown(path: &Path, start: &[u8]) -> SourceError {
    SourceError::Malformed {
        path: path.to_string_lossy().into_owned(),
        format: "safetensors, PyTorch, NumPy, Keras, TensorFlow or ONNX",
        reason: match (recognised(path, start), unread::by_start(start)) {
            (Some(what), _) => what,
            (None, Some(what)) => what.to_owned(),
            _ if start.is_empty() => "it is empty".to_string(),
            _ => "it starts like none of them".to_string(),
        },
    }
}

/// Whether a file begins as a pickle of protocol 2 to 5 does.
fn is_pickle(start: &[u8]) -> bool {
    matches!(start, [0x80, 2..=5, ..])
}

fn start(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    open_input(path)?
        .take(Container::START as u64)
        .read_to_end(&mut start)?;
    Ok(start)
}

pub(super) fn io(path: &Path, source: std::io::Error) -> SourceError {
    SourceError::Io {
        path: path.to_string_lossy().into_owned(),
        source,
    }
}
