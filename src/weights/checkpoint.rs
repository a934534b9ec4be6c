//! A checkpoint file of any known container: its floating-point tensors, and what it says of itself.
//!
//! A file that `emit` wrote is one too. Integers, such as the `num_batches_tracked` of a batch norm, are never weights and are
//! not on offer.

use super::contents::{Contents, io};
use super::evidence::Evidence;
use super::keras::Normalization;
use super::keras::config::ModelConfig;
use super::modules::{self, Landmarks};
use super::names::Naming;
use super::offer::{LeftOutGroup, Offer, Parametrization, Refusal};
use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use crate::files::open_input;
use crate::metadata::{RECIPE_KEY, Recipe};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// A checkpoint file.
pub struct Checkpoint {
    /// All its files, in the order in which they are hashed.
    files: Vec<PathBuf>,
    /// Files that are read besides: an ONNX file's external data.
    data: Vec<PathBuf>,
    offer: Offer,
    averages: Option<&'static str>,
    left_out: Vec<LeftOutGroup>,
    metadata: BTreeMap<String, String>,
    is_model: bool,
    rewritten: Option<String>,
    normalization: Option<Normalization>,
    model_config: Option<ModelConfig>,
    evidence: Option<Evidence>,
    has_modules: bool,
    hashing: Mutex<Option<Hashing>>,
}

/// A thread that hashes the files.
type Hashing = JoinHandle<std::io::Result<String>>;

impl Checkpoint {
    /// Opens a checkpoint and reads what it lists, but no tensor. One of TensorFlow's may be named by any of its files, by
    /// their common start, or by its folder.
    ///
    /// # Errors
    /// If it cannot be read, or is not a checkpoint of a known container.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        Self::open_below(path, None)
    }

    /// The same, with only the tensors whose names begin with `prefix`, as in `model.net` without the last dot; where none does,
    /// [`Checkpoint::refusal`] says so. The empty prefix is that of a network without one.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn open_below(path: &Path, prefix: Option<&str>) -> Result<Self, SourceError> {
        let Contents {
            files,
            data,
            source,
            averages,
            mut left_out,
            metadata,
            is_model,
            rewritten,
            normalization,
            model_config,
            mut evidence,
            modules,
        } = Contents::open(path)?;
        let offer = Offer::new(source, prefix, records_head(&metadata));
        left_out.extend_from_slice(offer.left_out());
        let has_modules = modules.is_some();
        if let (Some(pickle), Some(naming)) = (modules, Naming::detect(offer.tensors())) {
            let landmarks = Landmarks {
                naming,
                stem: offer.origin(naming.stem_weight()),
                classifier: offer.origin(naming.classifier_weight()),
            };
            evidence = modules::evidence(&pickle, landmarks);
        }
        Ok(Self {
            files,
            data,
            offer,
            averages,
            left_out,
            metadata,
            is_model,
            rewritten,
            normalization,
            model_config,
            evidence,
            has_modules,
            hashing: Mutex::new(None),
        })
    }

    /// What the file says of itself: the entries of a safetensors file's `__metadata__`, or of an ONNX file's metadata.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Whether it is an ONNX file.
    #[must_use]
    pub fn is_model(&self) -> bool {
        self.is_model
    }

    /// How another program has changed an ONNX file's initializers since their checksums were recorded, if one has.
    #[must_use]
    pub fn rewritten(&self) -> Option<&str> {
        self.rewritten.as_deref()
    }

    /// Every file that is read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let files = self.files.iter().chain(&self.data);
        files.map(PathBuf::as_path)
    }

    /// The file's name, without its folder; of several files, the first one's.
    #[must_use]
    pub fn name(&self) -> String {
        self.first()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// What a Keras model's own normalization of pictures keeps, if it has one.
    #[must_use]
    pub(crate) fn normalization(&self) -> Option<Normalization> {
        self.normalization
    }

    /// What the file records about its network beside the tensors, if it does.
    #[must_use]
    pub fn evidence(&self) -> Option<&Evidence> {
        self.evidence.as_ref()
    }

    /// What a whole Keras model records of itself, if it does.
    #[must_use]
    pub(crate) fn model_config(&self) -> Option<&ModelConfig> {
        self.model_config.as_ref()
    }

    /// Whether pickled modules are in it: then tensors alone are not the whole model.
    #[must_use]
    pub fn has_modules(&self) -> bool {
        self.has_modules
    }

    /// The library whose names the tensors have, if it is a known one.
    #[must_use]
    pub fn naming(&self) -> Option<Naming> {
        Naming::detect(self.offer.tensors())
    }

    /// Which of its weights are read: what stands before their names, such as `state_dict_ema` or `model.module`, or TensorFlow's
    /// `ExponentialMovingAverage`.
    #[must_use]
    pub fn nest(&self) -> Option<&str> {
        self.averages.or_else(|| self.offer.prefix())
    }

    /// Whether what is read are averages of what was trained.
    #[must_use]
    pub fn is_averaged(&self) -> bool {
        self.averages.is_some() || self.offer.is_averaged()
    }

    /// Whether a module around the network may compute more than the network does: its name was removed from the tensors'.
    #[must_use]
    pub fn is_wrapped(&self) -> bool {
        self.offer.is_wrapped()
    }

    /// Whether the network is inside a module of no known wrapper's name, whose `forward` is not known.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.offer.is_inside()
    }

    /// Weights that are computed from the tensors of a parametrization: how, and their names.
    pub fn computed(&self) -> impl Iterator<Item = (Parametrization, &str)> {
        self.offer.computed()
    }

    /// Floating-point tensors that are not on offer, and what accounts for them.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOutGroup] {
        &self.left_out
    }

    /// Why no network is read, where there is one; then every tensor is on offer under its own name.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.offer.refusal()
    }

    /// Names of its integers, which are no weights.
    #[must_use]
    pub fn integers(&self) -> &[String] {
        self.offer.integers()
    }

    /// The module that was taken for the classifier, where it has another name than the library's.
    #[must_use]
    pub fn head(&self) -> Option<&str> {
        self.offer.head()
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

    /// Starts to hash the files on a thread of its own, while its tensors are read; [`Self::sha256`] waits for it.
    pub fn start_hashing(&self) {
        let mut hashing = self.hashing();
        if hashing.is_none() {
            let files = self.files.clone();
            // Where the system refuses a thread, they are hashed when the hash is asked for.
            *hashing = thread::Builder::new().spawn(move || sha256(&files)).ok();
        }
    }

    /// SHA-256 of the whole file, in lower-case hexadecimal; of TensorFlow's files, of the index and the data files one after the
    /// other.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn sha256(&self) -> Result<String, SourceError> {
        let digest = match self.hashing().take() {
            Some(thread) => thread.join().unwrap_or_else(|_| sha256(&self.files)),
            None => sha256(&self.files),
        };
        digest.map_err(|source| io(self.first(), source))
    }

    fn first(&self) -> &Path {
        self.files.first().map_or(Path::new(""), PathBuf::as_path)
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

/// Whether the recipe of a file that was written here has a head of other layers than the usual: its parameters' names are
/// those of that head.
fn records_head(metadata: &BTreeMap<String, String>) -> bool {
    let recipe = metadata.get(RECIPE_KEY);
    let recipe = recipe.and_then(|text| serde_json::from_str::<Recipe>(text).ok());
    recipe.is_some_and(|recipe| recipe.chain.is_some())
}

/// Bytes that are read and hashed at a time: they stay in a core's cache in between.
const HASHED_AT_ONCE: usize = 1 << 17;

/// SHA-256 of files one after the other, in lower-case hexadecimal.
///
/// # Errors
/// If one cannot be read.
pub(crate) fn sha256(files: &[PathBuf]) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; HASHED_AT_ONCE];
    for path in files {
        let mut file = open_input(path)?;
        loop {
            match file.read(&mut piece)? {
                0 => break,
                read => hasher.update(&piece[..read]),
            }
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
