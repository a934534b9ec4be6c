//! An ONNX file that `emit` wrote, as a checkpoint: its parameters, under timm's names, and its metadata.

mod cam;
mod input;

use super::kernels::{ExpertsInner, FoldedWeight};
use super::layout::{Permuted, TRANSPOSED};
use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use crate::metadata::claims::Claims;
use crate::metadata::{CAM_WEIGHT, RECIPE_KEY};
use crate::onnx::checksums::{self, CompareError};
use crate::onnx::file::{FileError, InitializerSource, ModelFile};
use crate::onnx::proto::NodeProto;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The first byte of a model: field 1, the IR version, which every writer puts first.
pub(super) const FIRST_BYTE: u8 = 0x08;

/// The constants that a form puts beside the parameters: bounds of a clip, axes of a mean, vectors of ones that mix experts,
/// the mean of pixels, and numbers of a head's pool, norms and activations.
const CONSTANTS: [&str; 16] = [
    "relu6.min",
    "relu6.max",
    "pool.axes",
    ".channels",
    ".sum",
    input::MEAN,
    "features.axes",
    ".epsilon",
    ".power",
    ".root",
    ".least",
    ".half",
    ".scale",
    ".one",
    ".three",
    ".sixth",
];

/// The weights of linear layers: the classifiers', and those that mix experts.
const LINEAR: [&str; 3] = ["classifier.weight", "fc.weight", "routing_fn.weight"];
/// What the names of a longer head begin with.
const HEADS: [&str; 2] = ["classifier.", "fc."];

/// Parameters of a model file.
pub(super) struct Emitted {
    source: InitializerSource,
    tensors: Vec<TensorInfo>,
    /// Experts of the depthwise kernels that the file has filter by filter, and the elements of one filter.
    experts: BTreeMap<String, [usize; 3]>,
    /// The weights of linear layers that the file has transposed, and their shapes there.
    transposed: BTreeMap<String, [u64; 2]>,
    /// The weights that a form has divided by the deviation of pixels: that of each channel, and the elements of a channel.
    scaled: BTreeMap<String, ([f64; 3], usize)>,
    /// The classifier's weight that the file has as the kernel of class activation maps only.
    cam: Option<String>,
    /// How another program has changed the initializers or the graph, or a form the weights.
    rewritten: Option<String>,
}

impl Emitted {
    /// Opens a model file, and compares its initializers with the checksums that it records.
    ///
    /// # Errors
    /// If it cannot be read, is not a model, or is damaged.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let file = ModelFile::open(path).map_err(|error| match error {
            FileError::Io { path, source } => SourceError::Io {
                path: path.to_string_lossy().into_owned(),
                source,
            },
            FileError::Undecodable { path, reason } => SourceError::Malformed {
                path: path.to_string_lossy().into_owned(),
                format: "ONNX",
                reason,
            },
        })?;
        if file.shares_weights() {
            let path = path.to_string_lossy().into_owned();
            return Err(SourceError::Skeleton { path });
        }
        let rewritten = compare(&file)?;
        let claims = Claims::read(&file);
        let classifier = claims.classifier;
        let is_other_graph = claims.recipe.is_some() && !claims.is_described;
        let rewritten = rewritten.or_else(|| is_other_graph.then(|| OTHER_GRAPH.to_owned()));
        refuse_other_network(&file, claims)?;
        let scaled = input::scaled(&file).map_err(|reason| SourceError::Malformed {
            path: file.path.to_string_lossy().into_owned(),
            format: "ONNX",
            reason,
        })?;
        let source = InitializerSource::new(file)?;
        let tensors = source.tensors().iter();
        let is_constant = |name: &str| CONSTANTS.iter().any(|end| name.ends_with(end));
        let tensors = tensors
            .filter(|tensor| !is_constant(&tensor.name))
            .cloned()
            .collect();
        let mut emitted = Self {
            source,
            tensors,
            experts: BTreeMap::new(),
            transposed: BTreeMap::new(),
            scaled: BTreeMap::new(),
            cam: None,
            rewritten,
        };
        if let Some((std, weights)) = scaled {
            emitted.find_scaled(std, &weights);
        }
        emitted.find_transposed();
        emitted.find_experts();
        emitted.find_cam(classifier)?;
        Ok(emitted)
    }

    /// Undoes the division by the deviation of pixels.
    fn find_scaled(&mut self, std: [f64; 3], weights: &[String]) {
        for tensor in self
            .tensors
            .iter()
            .filter(|tensor| weights.contains(&tensor.name))
        {
            let window = tensor.shape.iter().skip(2).product::<u64>();
            if let Ok(window @ 1..) = usize::try_from(window) {
                self.scaled.insert(tensor.name.clone(), (std, window));
            }
        }
        let sentences = self.rewritten.take().into_iter();
        let sentences: Vec<String> = sentences.chain([input::MULTIPLIED.to_owned()]).collect();
        self.rewritten = Some(sentences.join("; "));
    }

    /// Undoes the transposition of a linear layer's weight, wherever a product takes it as it is.
    fn find_transposed(&mut self) {
        let nodes = &self.source.file().contents.nodes;
        let factors = nodes.iter().filter(|node| takes_columns(node));
        let factors: BTreeSet<&str> = factors
            .filter_map(|node| Some(node.input.get(1)?.as_str()))
            .collect();
        let is_linear = |name: &str| {
            LINEAR.iter().any(|end| name.ends_with(end))
                || HEADS.iter().any(|head| name.starts_with(head))
        };
        for tensor in &mut self.tensors {
            if let [rows, columns] = tensor.shape[..]
                && is_linear(&tensor.name)
                && factors.contains(tensor.name.as_str())
            {
                self.transposed.insert(tensor.name.clone(), [rows, columns]);
                tensor.shape = vec![columns, rows];
            }
        }
    }

    /// Undoes what the form does to the depthwise kernels of experts, which it puts side by side.
    fn find_experts(&mut self) {
        let routing = self.tensors.iter().filter_map(|tensor| {
            let scope = tensor.name.strip_suffix("routing_fn.weight")?;
            Some((format!("{scope}conv_dw.weight"), *tensor.shape.first()?))
        });
        let routing: BTreeMap<String, u64> = routing.collect();
        for tensor in &mut self.tensors {
            let Some(&experts) = routing.get(&tensor.name) else {
                continue;
            };
            if let [all, 1, height, width] = tensor.shape[..]
                && experts > 0
                && all % experts == 0
                && let Some(run) = height.checked_mul(width)
                && let Some(flat) = run.checked_mul(all / experts)
            {
                let filters = all / experts;
                let in_memory = [experts, filters, run].map(usize::try_from);
                if let [Ok(experts), Ok(filters), Ok(run)] = in_memory {
                    self.experts
                        .insert(tensor.name.clone(), [experts, filters, run]);
                }
                tensor.shape = vec![experts, flat];
            }
        }
    }

    /// How another program has changed the initializers since their checksums were recorded, or the graph, if one has.
    pub(super) fn rewritten(&self) -> Option<&str> {
        self.rewritten.as_deref()
    }

    /// The files of external data that it names.
    pub(super) fn data_files(&self) -> Vec<PathBuf> {
        self.source.file().data_files()
    }

    /// The file's metadata, as they are without a form of the input.
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        let entries = self.source.file().contents.metadata_props.iter();
        let mut entries = entries.cloned().collect();
        input::unform(&mut entries);
        entries
    }
}

/// Whether the second operand of a node has a column, not a row, for each result.
fn takes_columns(node: &NodeProto) -> bool {
    let flag = |name| node.attribute.iter().find(|one| one.name() == name);
    match node.op_type() {
        "MatMul" => true,
        "Gemm" => flag("transB").is_none_or(|flag| flag.i() == 0),
        _ => false,
    }
}

/// What is said where weights are read from a graph that another program has changed.
const OTHER_GRAPH: &str = "another program has changed the graph: its weights are read as those of the network that its recipe \
                           describes, which may compute otherwise";
/// Fields of the recipe that say what the weights are of.
const OF_WEIGHTS: [&str; 10] = [
    "family",
    "variant",
    "formula",
    "architecture",
    "padding",
    "bn_epsilon",
    "chain",
    "classes",
    "in_channels",
    "normalize",
];

/// Refuses weights whose network, padding or epsilon are not those of the file's graph.
fn refuse_other_network(file: &ModelFile, claims: Claims) -> Result<(), SourceError> {
    let contradictions = claims.contradictions.into_iter();
    let mut of_weights =
        contradictions.filter(|found| found.key == RECIPE_KEY && OF_WEIGHTS.contains(&found.field));
    match of_weights.next() {
        None => Ok(()),
        Some(found) => Err(SourceError::Malformed {
            path: file.path.to_string_lossy().into_owned(),
            format: "ONNX",
            reason: found.to_string(),
        }),
    }
}

/// Holds a file against its checksums: what another program has changed, if one has rewritten it.
fn compare(file: &ModelFile) -> Result<Option<String>, SourceError> {
    let path = || file.path.to_string_lossy().into_owned();
    match checksums::compare(file) {
        Ok(Some(found)) if found.is_empty() => Ok(None),
        Ok(Some(found)) if found.rewritten => Ok(Some(found.to_string())),
        Ok(Some(found)) => Err(SourceError::Damaged {
            path: path(),
            reason: found.to_string(),
        }),
        Ok(None) => Ok(None),
        Err(CompareError::Source(error)) => Err(error),
        Err(error @ CompareError::Record(_)) => Err(SourceError::Damaged {
            path: path(),
            reason: error.to_string(),
        }),
    }
}

impl TensorSource for Emitted {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        if self.cam.as_deref() == Some(name) {
            return self.source.open(CAM_WEIGHT);
        }
        let of = self.source.open(name)?;
        if let Some(shape) = self.transposed.get(name) {
            return Ok(Box::new(Permuted::new(of, shape, &TRANSPOSED)));
        }
        if let Some(&(std, window)) = self.scaled.get(name) {
            return Ok(Box::new(FoldedWeight {
                weight: of,
                scales: std.to_vec(),
                per_filter: window,
            }));
        }
        Ok(match self.experts.get(name) {
            // The same rearrangement with the roles exchanged is its inverse.
            Some(&[experts, filters, run]) => Box::new(ExpertsInner {
                of,
                experts: filters,
                filters: experts,
                run,
            }),
            None => of,
        })
    }
}
