//! A checkpoint file of any known container: its floating-point tensors, and what it says of itself.
//!
//! A file that `emit` wrote is one too. The container is told from the content, never from the file's name. Integers, such as the
//! `num_batches_tracked` of a batch norm, are never weights and are not on offer.

use super::emitted::{Emitted, FIRST_BYTE};
use super::evidence::Evidence;
use super::keras::config::ModelConfig;
use super::keras::{self, Keras, Normalization};
use super::modules::{self, Landmarks};
use super::names::Naming;
use super::offer::{LeftOutGroup, Offer, Refusal};
use super::pytorch::{Container, Pytorch};
use super::safetensors::Safetensors;
use super::tensorflow::{self, TensorFlow};
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
        if let Some(index) = tensorflow::index(path)? {
            let bundle = TensorFlow::open(&index)?;
            return Ok(Self {
                files: bundle.files().to_vec(),
                data: Vec::new(),
                averages: bundle.averages(),
                left_out: bundle.left_out().to_vec(),
                offer: Offer::new(Box::new(bundle)),
                metadata: BTreeMap::new(),
                is_model: false,
                rewritten: None,
                normalization: None,
                model_config: None,
                evidence: None,
                has_modules: false,
                hashing: Mutex::new(None),
            });
        }
        let start = start(path).map_err(|source| io(path, source))?;
        let mut metadata = BTreeMap::new();
        let mut is_model = false;
        let mut rewritten = None;
        let mut data = Vec::new();
        let mut normalization = None;
        let mut left_out = Vec::new();
        let mut evidence = None;
        let mut model_config = None;
        let mut pickled = None;
        let source: Box<dyn TensorSource> = if let Some(container) = Container::detect(&start) {
            let mut file = Pytorch::open(path, container)?;
            pickled = file.take_modules();
            Box::new(file)
        } else if start.starts_with(&keras::SIGNATURE) {
            let file = Keras::open(path)?;
            normalization = file.normalization()?;
            left_out = file.left_out().to_vec();
            model_config = file.config().cloned();
            evidence = file.config().map(|config| config.evidence.clone());
            Box::new(file)
        } else if start.get(8) == Some(&b'{') {
            let file = Safetensors::open(path)?;
            metadata = file.metadata().clone();
            Box::new(file)
        } else if start.first() == Some(&FIRST_BYTE) {
            let file = Emitted::open(path)?;
            metadata = file.metadata();
            is_model = true;
            rewritten = file.rewritten().map(str::to_owned);
            data = file.data_files();
            Box::new(file)
        } else {
            return Err(SourceError::Malformed {
                path: path.display().to_string(),
                format: "safetensors, PyTorch, Keras, TensorFlow or ONNX",
                reason: match start.len() {
                    0 => "it is empty".to_string(),
                    _ => "it starts like none of them".to_string(),
                },
            });
        };
        let offer = Offer::new(source);
        left_out.extend_from_slice(offer.left_out());
        let has_modules = pickled.is_some();
        if let (Some(pickle), Some(naming)) = (pickled, Naming::detect(offer.tensors())) {
            let landmarks = Landmarks {
                naming,
                stem: offer.origin(naming.stem_weight()),
                classifier: offer.origin(naming.classifier_weight()),
            };
            evidence = modules::evidence(&pickle, landmarks);
        }
        Ok(Self {
            files: vec![path.to_path_buf()],
            data,
            averages: None,
            left_out,
            offer,
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

    /// Takes a Keras model's record from elsewhere, such as the `config.json` of an unpacked `.keras` archive.
    pub(crate) fn describe(&mut self, model_config: ModelConfig) {
        self.evidence = Some(model_config.evidence.clone());
        self.model_config = Some(model_config);
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
        let files = self.files.clone();
        self.hashing()
            .get_or_insert_with(|| std::thread::spawn(move || digest(&files)));
    }

    /// SHA-256 of the whole file, in lower-case hexadecimal; of TensorFlow's files, of the index and the data files one after the
    /// other.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn sha256(&self) -> Result<String, SourceError> {
        let digest = match self.hashing().take() {
            Some(thread) => thread.join().unwrap_or_else(|_| digest(&self.files)),
            None => digest(&self.files),
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

fn start(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path)?
        .take(Container::START as u64)
        .read_to_end(&mut start)?;
    Ok(start)
}

/// Bytes that are read and hashed at a time: they stay in a core's cache in between.
const HASHED_AT_ONCE: usize = 1 << 17;

fn digest(files: &[PathBuf]) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; HASHED_AT_ONCE];
    for path in files {
        let mut file = File::open(path)?;
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

fn io(path: &Path, source: std::io::Error) -> SourceError {
    SourceError::Io {
        path: path.display().to_string(),
        source,
    }
}
