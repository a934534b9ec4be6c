//! A checkpoint file of any known container: its floating-point tensors, and what it says of itself.
//!
//! A file that `emit` wrote is one too. The container is told from the content, never from the file's name. Integers, such as the
//! `num_batches_tracked` of a batch norm, are never weights and are not on offer.

use super::emitted::{Emitted, FIRST_BYTE};
use super::keras::{self, Keras};
use super::names::Naming;
use super::offer::Offer;
use super::pytorch::{Container, Pytorch};
use super::safetensors::Safetensors;
use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// A checkpoint file.
pub struct Checkpoint {
    path: PathBuf,
    offer: Offer,
    metadata: BTreeMap<String, String>,
    is_model: bool,
    hashing: Mutex<Option<Hashing>>,
}

/// A thread that hashes the file.
type Hashing = JoinHandle<std::io::Result<String>>;

impl Checkpoint {
    /// Opens a checkpoint and reads what it lists, but no tensor.
    ///
    /// # Errors
    /// If it cannot be read, or is not a checkpoint of a known container.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let start = start(path).map_err(|source| io(path, source))?;
        let mut metadata = BTreeMap::new();
        let mut is_model = false;
        let source: Box<dyn TensorSource> = if let Some(container) = Container::detect(&start) {
            Box::new(Pytorch::open(path, container)?)
        } else if start.starts_with(&keras::SIGNATURE) {
            Box::new(Keras::open(path)?)
        } else if start.get(8) == Some(&b'{') {
            let file = Safetensors::open(path)?;
            metadata = file.metadata().clone();
            Box::new(file)
        } else if start.first() == Some(&FIRST_BYTE) {
            let file = Emitted::open(path)?;
            metadata = file.metadata();
            is_model = true;
            Box::new(file)
        } else {
            return Err(SourceError::Malformed {
                path: path.display().to_string(),
                format: "safetensors, PyTorch, Keras or ONNX",
                reason: match start.len() {
                    0 => "it is empty".to_string(),
                    _ => "it starts like none of them".to_string(),
                },
            });
        };
        Ok(Self {
            path: path.to_path_buf(),
            offer: Offer::new(source),
            metadata,
            is_model,
            hashing: Mutex::new(None),
        })
    }

    /// What the file says of itself: the entries of a safetensors file's `__metadata__`.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Whether it is an ONNX file.
    #[must_use]
    pub fn is_model(&self) -> bool {
        self.is_model
    }

    /// The file's name, without its folder.
    #[must_use]
    pub fn name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// The library whose names the tensors have, if it is a known one.
    #[must_use]
    pub fn naming(&self) -> Option<Naming> {
        Naming::detect(self.offer.tensors())
    }

    /// The key under which a training script has kept the state dict that is read, such as `state_dict_ema`.
    #[must_use]
    pub fn nest(&self) -> Option<&'static str> {
        self.offer.nest()
    }

    /// How many classes its classifier tells apart, if it has one.
    #[must_use]
    pub fn classes(&self, naming: Naming) -> Option<u64> {
        self.dimension(naming.classifier_weight(), 2, 0)
    }

    /// How many channels its first convolution takes, if it has one.
    #[must_use]
    pub fn in_channels(&self, naming: Naming) -> Option<u64> {
        self.dimension(naming.stem_weight(), 4, 1)
    }

    /// Starts to hash the file on a thread of its own, while its tensors are read; [`Self::sha256`] waits for it.
    pub fn start_hashing(&self) {
        let path = self.path.clone();
        self.hashing()
            .get_or_insert_with(|| std::thread::spawn(move || digest(&path)));
    }

    /// SHA-256 of the whole file, in lower-case hexadecimal.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn sha256(&self) -> Result<String, SourceError> {
        let digest = match self.hashing().take() {
            Some(thread) => thread.join().unwrap_or_else(|_| digest(&self.path)),
            None => digest(&self.path),
        };
        digest.map_err(|source| io(&self.path, source))
    }

    fn hashing(&self) -> MutexGuard<'_, Option<Hashing>> {
        self.hashing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dimension(&self, name: &str, rank: usize, index: usize) -> Option<u64> {
        let tensor = self
            .offer
            .tensors()
            .iter()
            .find(|tensor| tensor.name == name)?;
        if tensor.shape.len() == rank {
            tensor.shape.get(index).copied()
        } else {
            None
        }
    }
}

impl TensorSource for Checkpoint {
    fn tensors(&self) -> &[TensorInfo] {
        self.offer.tensors()
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        self.offer.open(name)
    }
}

fn start(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path)?
        .take(Container::START as u64)
        .read_to_end(&mut start)?;
    Ok(start)
}

/// Bytes that are read and hashed at a time: they stay in a core's cache in between.
const HASHED_AT_ONCE: usize = 1 << 17;

fn digest(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; HASHED_AT_ONCE];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => hasher.update(&piece[..read]),
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
}

fn io(path: &Path, source: std::io::Error) -> SourceError {
    SourceError::Io {
        path: path.display().to_string(),
        source,
    }
}
