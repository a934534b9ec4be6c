//! Why a checkpoint and what is asked for do not make a file: what contradicts what, and what is missing.

use super::fitted::FittedError;
use super::layers::HeadMisfit;
use super::note::Place;
use crate::architecture::HeadTextError;
use crate::emit::EmitError;
use crate::files::foreign::{self, Foreign};
use crate::form::InputFormat;
use crate::graph::Padding;
use crate::hub::HubError;
use crate::hub::folder::FolderError;
use crate::labels::LabelsError;
use crate::metadata::{MetadataError, RecordsError, ThresholdsError};
use crate::network::{ClassActivation, Output};
use crate::onnx::file::FileError;
use crate::recognise::{Contradiction, Unrecognised, listed};
use crate::request::RequestError;
use crate::tensor::SourceError;
use crate::weights::head::HeadModule;
use crate::weights::names::conventions::{Conventions, Undecided};
use crate::weights::names::{Naming, UnknownName};
use crate::weights::offer::{Listed, Refusal};
use crate::weights::{BindError, export::ExportError};
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a conversion, or the writing of its file, is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// Neither the caller nor a checkpoint says which network it is.
    #[error("no network is chosen")]
    NoNetwork,
    /// The head that is asked for lacks a number.
    #[error(transparent)]
    Head(#[from] HeadTextError),
    /// The head that is asked for is not the one that the checkpoint records.
    #[error("the head `{asked}` is asked for, and the checkpoint records `{found}`", asked = asked.shown(), found = found.shown())]
    OtherHead {
        /// What is asked for.
        asked: String,
        /// What is recorded.
        found: String,
    },
    /// The address of a published model cannot be read.
    #[error("{text}", text = .0.shown())]
    Address(String),
    /// A published model cannot be had.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// A folder has no published model.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its configuration names a model that no library has.
    #[error("`{}`: {problem}", path.shown(), problem = problem.shown())]
    UnknownModel {
        /// The configuration.
        path: PathBuf,
        /// What was looked for, and the nearest name.
        problem: String,
    },
    /// Its configuration has a value that is not supported.
    #[error("`{}`: {problem}", path.shown(), problem = problem.shown())]
    Configuration {
        /// The configuration.
        path: PathBuf,
        /// What is expected and found.
        problem: String,
    },
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The checkpoint cannot be read without losing a part of its model.
    #[error("`{}`: {refusal}", path.shown())]
    Refused {
        /// The checkpoint.
        path: PathBuf,
        /// What would be lost.
        refusal: Refusal,
        /// Whether it holds pickled modules, whose code is not in the file.
        has_modules: bool,
    },
    /// No library's names are there.
    #[error("the tensors of `{}` do not have the names of an EfficientNet: found {}", path.shown(), quoted(found))]
    UnknownNames {
        /// The checkpoint.
        path: PathBuf,
        /// The first of its names.
        found: Vec<String>,
    },
    /// It is a model whose batch norms are folded into its convolutions.
    #[error("`{}` has its batch norms folded into the convolutions, expected them kept", .0.shown())]
    FoldedModel(PathBuf),
    /// It is a model that nothing says to have batch norms.
    #[error("`{}` has no batch norms of its own, expected a model with its batch norms kept", .0.shown())]
    ForeignModel(PathBuf),
    /// The model was not written here, so nothing says which network it is.
    #[error("`{}` has no `{}` in its metadata", .0.shown(), crate::metadata::RECIPE_KEY)]
    NoRecipe(PathBuf),
    /// The model cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A record in a file's metadata cannot be read.
    #[error(transparent)]
    Record(#[from] RecordsError),
    /// A recipe has a value that this version does not know.
    #[error(transparent)]
    Recipe(#[from] MetadataError),
    /// The configuration beside a checkpoint counts other classes than it has.
    #[error("`config.json` says {told} classes, but `{}` has {found}", path.shown())]
    CountedClasses {
        /// The checkpoint.
        path: PathBuf,
        /// What the configuration says.
        told: u64,
        /// What the checkpoint has.
        found: u64,
    },
    /// A Keras model's description cannot be used.
    #[error("{text}", text = .0.shown())]
    Description(String),
    /// No published network has these tensors.
    #[error(transparent)]
    Unrecognised(Box<NotPublished>),
    /// What is recorded beside the tensors is another network than the one that is asked for.
    #[error(
        "{place} differs from the network to be emitted: {}",
        listed(contradictions), place = place.shown())]
    Contradicted {
        /// Where it is recorded.
        place: String,
        /// In what they differ.
        contradictions: Vec<Contradiction>,
        /// Whose names the tensors have.
        naming: Naming,
        /// Padding that is recorded.
        padding: Option<Padding>,
        /// Epsilon that is recorded.
        batch_norm_epsilon: Option<f64>,
    },
    /// The checkpoint is of another network than the model that is asked for.
    #[error("{}, but `{model}` is {variant}", place.telling(format_args!("that it is {told}")), model = model.shown())]
    OtherNetwork {
        /// What tells.
        place: Place,
        /// The network that it tells.
        told: &'static str,
        /// The model that is asked for.
        model: String,
        /// Its network.
        variant: &'static str,
    },
    /// The checkpoint has other conventions than the model that is asked for.
    #[error("{}, but `{model}` has {own}", place.telling(found), model = model.shown())]
    OtherConventions {
        /// What tells.
        place: Place,
        /// What it tells.
        found: Conventions,
        /// The model that is asked for.
        model: String,
        /// What it has.
        own: Conventions,
    },
    /// Nothing tells padding or epsilon.
    #[error("{error}")]
    Undecided {
        /// What is open.
        error: Undecided,
        /// The published network, if it is one.
        variant: Option<&'static str>,
    },
    /// More or fewer classes or channels are asked for than the checkpoint has.
    #[error("{asked} {count} do not match the checkpoint, which has {found}")]
    OtherCount {
        /// Of what.
        count: Counted,
        /// What is asked for.
        asked: u64,
        /// What the checkpoint has.
        found: u64,
    },
    /// Another number of classes is asked for than a fitted classifier has.
    #[error("{asked} classes do not match `{}`, which has {found}", path.shown())]
    OtherClasses {
        /// The classifier's file.
        path: PathBuf,
        /// What is asked for.
        asked: u64,
        /// What the classifier has.
        found: u64,
    },
    /// A fitted classifier cannot be read, or is not one of the network's features.
    #[error(transparent)]
    Fitted(#[from] FittedError),
    /// A classifier is given where no output needs one.
    #[error("a classifier is for outputs of classes, found none among the outputs")]
    ClassifierWithoutClasses {
        /// Whether it was fitted elsewhere; else it is drawn.
        is_fitted: bool,
    },
    /// There is one name a class.
    #[error("expected {expected} names, one for each class, found {found}")]
    LabelCount {
        /// Classes of the network.
        expected: u64,
        /// Names that are given.
        found: usize,
    },
    /// The names that the checkpoint carries are not its classes'.
    #[error("the checkpoint's own class names do not fit: {0}")]
    CarriedLabels(LabelsError),
    /// An activation of classes is asked for where there are none.
    #[error("an activation is for outputs of classes, found none among the outputs")]
    ActivationWithoutClasses,
    /// The outputs have no classes for the thresholds.
    #[error("thresholds are for outputs of classes, found none among the outputs")]
    ThresholdsWithoutClasses,
    /// Thresholds are given where the most probable class counts.
    #[error("thresholds are for a `{}`, found `{}`", ClassActivation::Sigmoid.name(), ClassActivation::Softmax.name())]
    ThresholdsOfSoftmax,
    /// There are neither one threshold nor as many as classes.
    #[error(transparent)]
    Thresholds(ThresholdsError),
    /// The thresholds that the checkpoint carries are not its classes'.
    #[error("the checkpoint's own thresholds do not fit: {0}")]
    CarriedThresholds(ThresholdsError),
    /// The activation gives every image the same probability.
    #[error("`{}` of one class is 1 for every image, expected `{}`", ClassActivation::Softmax.name(), ClassActivation::Sigmoid.name())]
    SoftmaxOfOneClass,
    /// Nothing tells how pictures are normalised, and the graph is to do it.
    #[error("expected a network that it is known how pictures are normalised for, found {}", unknown(*channels))]
    NoNormal {
        /// The input that is asked for; of bytes, it is always normalised.
        format: InputFormat,
        /// Channels of the input.
        channels: u64,
    },
    /// The head has layers, and nothing tells how they follow each other.
    #[error(
        "the checkpoint's tensors do not tell its head, expected one linear layer after the mean of the network's {filters} features: found{}",
        listed_modules(modules)
    )]
    UnknownHead {
        /// The modules after the network's body, in their order.
        modules: Vec<HeadModule>,
        /// Features that leave the body.
        filters: u64,
    },
    /// A tensor after the network's body is of no layer that heads have.
    #[error("`{}` {} is of no layer of a head, expected linear layers, batch norms and layer norms", .0.0.shown(), foreign::shape(&.0.1))]
    NoLayer(Listed),
    /// The checkpoint's modules are not the layers of its head.
    #[error(
        "the checkpoint does not have the head `{head}`: {misfit}; it has{}",
        listed_modules(modules), head = head.shown()
    )]
    HeadMisfit {
        /// The head.
        head: String,
        /// Why not.
        misfit: Box<HeadMisfit>,
        /// The modules after the network's body, in their order.
        modules: Vec<HeadModule>,
    },
    /// Layers are given for a head that is replaced or left out.
    #[error(
        "the layers of the head `{}` are replaced or left out, expected a pool, and at most one linear layer", .0.shown()
    )]
    ReplacedHead(String),
    /// The request has no graph.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The naming has no name for a parameter.
    #[error(transparent)]
    Name(#[from] UnknownName),
    /// The tensors are not the network's.
    #[error("{error}")]
    Misfit {
        /// All that does not fit.
        error: BindError,
        /// Why, where that is known.
        cause: Option<Misfit>,
    },
    /// The parameters cannot be exported.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The file cannot be written.
    #[error(transparent)]
    Emit(EmitError),
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Classes.
    Classes,
    /// Channels of the input.
    InChannels,
}

/// No published network has a checkpoint's tensors.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct NotPublished {
    /// The nearest.
    pub error: Unrecognised,
    /// Whether padding and epsilon of the nearest would need no telling.
    pub tells_conventions: bool,
}

/// Why tensors are not the network's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A tensor is stored as integers.
    Integers(String),
    /// The checkpoint has no classifier.
    NoClassifier,
    /// The checkpoint has all that the output needs, but not the features of the classifier.
    NoHead(Output),
    /// The checkpoint is of another published network.
    OtherNetwork {
        /// Whose names it has.
        naming: Naming,
        /// The network.
        variant: &'static str,
        /// Whether padding and epsilon of that need no telling.
        tells_conventions: bool,
    },
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classes => "classes",
            Self::InChannels => "input channels",
        })
    }
}

impl ConvertError {
    /// No library's names are among the tensors of a checkpoint.
    pub(super) fn unknown_names<'a>(path: &Path, names: impl Iterator<Item = &'a str>) -> Self {
        /// Names that the message quotes.
        const QUOTED: usize = 3;
        Self::UnknownNames {
            path: path.to_owned(),
            found: names.take(QUOTED).map(str::to_owned).collect(),
        }
    }
}

/// A network that nothing tells of how its pictures are normalised.
fn unknown(channels: u64) -> String {
    match channels {
        3 => "a custom architecture".to_owned(),
        other => format!("one of {other} input channels"),
    }
}

/// Modules and their tensors, a line each.
fn listed_modules(modules: &[HeadModule]) -> String {
    /// Modules that are listed.
    const MOST_LISTED: usize = 100;
    let line = |module: &HeadModule| {
        let tensors = module.tensors.values();
        let tensors: Vec<String> = tensors
            .map(|(name, shape)| format!("`{}` {}", name.shown(), foreign::shape(shape)))
            .collect();
        format!("\n  {}: {}", module.kind, tensors.join(", "))
    };
    let mut lines: Vec<String> = modules.iter().take(MOST_LISTED).map(line).collect();
    if let Some(more) = modules.len().checked_sub(MOST_LISTED + 1) {
        lines.push(format!("\n  … and {} more", more + 1));
    }
    lines.concat()
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", name.shown()))
        .collect();
    if names.is_empty() {
        "no tensors".to_owned()
    } else {
        names.join(", ")
    }
}
