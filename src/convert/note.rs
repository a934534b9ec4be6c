//! What a reader should hear of a conversion that went well.

mod clauses;

use crate::files::foreign::{self, Foreign, list};
use crate::graph::Padding;
use crate::metadata::{Normal, Untrained};
use crate::onnx::check::targets::{Faults, Feature};
use crate::recognise::{self, Contradiction};
use crate::weights::names::Naming;
use crate::weights::names::conventions::Conventions;
use crate::weights::offer::{Listed, Parametrization};
use clauses::{clauses, head_read, layers_left_out, nest_read, new_classifier};
use std::fmt;
use std::path::PathBuf;

/// One thing to know of how a checkpoint was read, or of what is written.
#[derive(Clone, Debug, PartialEq)]
pub enum ConvertNote {
    /// Weights are not trained: drawn from a seed, or said to be so by the checkpoint.
    Untrained(Untrained),
    /// The checkpoint's tensors were rewritten from another layout: a sentence.
    Rewritten(String),
    /// Which of a checkpoint's state dicts was read.
    Nest {
        /// Where it is in the checkpoint.
        nest: String,
        /// Whether it has averages of the weights.
        is_averaged: bool,
        /// Other state dicts of the network, which were left out; empty is the one without a prefix.
        others: Vec<String>,
    },
    /// Tensors of a checkpoint that are not of the network, in groups.
    LeftOut(Vec<String>),
    /// Weights were computed from the tensors of a parametrization.
    Computed {
        /// Which.
        how: Parametrization,
        /// Their names.
        weights: Vec<String>,
    },
    /// Which module was taken as the classifier.
    Classifier(String),
    /// A module around the network may compute something that no tensor shows.
    Wrapped,
    /// The network is in an attribute of a module of which nothing is known: its path.
    Inside(String),
    /// A `config.json` names the model.
    Published {
        /// The model.
        model: String,
        /// In what the configuration departs from the library's own of that name.
        differences: Vec<String>,
    },
    /// The network was told from the tensors.
    Recognised(String),
    /// A ResNet was recognised by names and shapes that others have too.
    ManyResnets,
    /// Padding and epsilon come from the model that was asked for.
    Assumed {
        /// Whose names the tensors have.
        naming: Naming,
        /// What these names stand for, if they tell both.
        implied: Option<Conventions>,
        /// The model.
        model: String,
        /// What it has.
        own: Conventions,
    },
    /// Pictures are prepared as the checkpoint has it, not as the model that was asked for.
    PreparedAsRecorded {
        /// Where it is recorded.
        place: Place,
        /// The model.
        model: String,
    },
    /// Pictures are prepared as a Keras model's own Normalization does; what stands before that is not known.
    PreparedAsWeights(Normal),
    /// Pictures are prepared as a Keras model records.
    PreparedAsModel {
        /// The record.
        place: String,
        /// Mean and deviation.
        normal: Normal,
    },
    /// A Keras model records no preparation.
    NoPreparation {
        /// The record.
        place: String,
    },
    /// A Keras model prepares its input, which is no colour picture.
    OtherChannels {
        /// The record.
        place: String,
    },
    /// The classifier is another than the checkpoint's.
    NewClassifier {
        /// Its classes.
        classes: u64,
        /// Where it is from.
        from: ClassifierSource,
        /// What it replaces.
        replaced: ReplacedHead,
    },
    /// The head has other layers than one linear one, or another pool than the mean.
    Head {
        /// As a text.
        head: String,
        /// The modules that are its layers, in order.
        modules: Vec<String>,
    },
    /// Tensors of a head that is not read.
    LayersLeftOut(Vec<Listed>),
    /// The checkpoint's thresholds are left out, with its sigmoid or its classes.
    ThresholdsLeftOut,
    /// The request is not just the model that was asked for.
    Departure {
        /// The model.
        model: String,
        /// In what it is another.
        differences: Vec<String>,
    },
    /// Pads are those of one size, at every size.
    StaticPads {
        /// The padding.
        padding: Padding,
        /// Height and width whose pads they are.
        size: [u64; 2],
        /// Where a checkpoint records them, if it does.
        place: Option<String>,
    },
    /// SAME padding is left to the runtime, and some toolchains do not take that.
    PaddingLeft(Faults),
    /// Some toolchains do not take a spelling that was asked for.
    Spelling(Feature, Faults),
    /// Something that the record beside the tensors tells: a sentence.
    Recorded(String),
    /// Something that the record tells of the head, which is left out.
    HeadLeftOut(String),
    /// What is written differs from the record, as was asked for.
    Overruled {
        /// The record.
        place: String,
        /// In what.
        contradictions: Vec<Contradiction>,
    },
    /// The library whose names are written computes the weights otherwise.
    Elsewhere {
        /// Whose names.
        naming: Naming,
        /// How it computes.
        theirs: Conventions,
        /// What the weights are for.
        own: Conventions,
    },
}

/// Where a classifier in the place of a checkpoint's is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassifierSource {
    /// It is drawn from a seed: not trained.
    Seed(u64),
    /// It is read from a file.
    File(PathBuf),
}

/// What a classifier in the place of a checkpoint's replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplacedHead {
    /// Nothing: the checkpoint has none.
    Nothing,
    /// A linear layer.
    Classifier {
        /// Its classes.
        classes: u64,
        /// Its module, where that is not the usual one.
        module: Option<String>,
    },
    /// All layers of a head.
    Layers,
}

/// Where a checkpoint's network is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In its own metadata.
    Metadata,
    /// In the `config.json` beside it.
    Config,
    /// In a record beside its tensors, as messages begin: `the pickled module`.
    Record(String),
}

impl Place {
    /// With its verb: `the pickled module says`.
    fn says(&self) -> String {
        match self {
            Self::Metadata => "the checkpoint's own metadata say".to_owned(),
            Self::Config => "`config.json` says".to_owned(),
            Self::Record(place) => format!("{} says", place.shown()),
        }
    }

    /// The same with what it says.
    pub(super) fn telling(&self, what: impl fmt::Display) -> String {
        format!("{} {what}", self.says())
    }
}

impl fmt::Display for ConvertNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrained(untrained) => write!(f, "{untrained}"),
            Self::Rewritten(sentence) | Self::Recorded(sentence) => write!(f, "{}", sentence.shown()),
            Self::Nest {
                nest,
                is_averaged,
                others,
            } => nest_read(f, nest, *is_averaged, others),
            Self::LeftOut(groups) => write!(f, "left out: {}", list(groups)),
            Self::Computed { how, weights } => write!(
                f,
                "computed from their {how}: {}",
                foreign::names(weights)
            ),
            Self::Classifier(module) => {
                write!(f, "took `{}` as the classifier", module.shown())
            }
            Self::Wrapped => f.write_str(
                "`model` or `module` in it may be a module around the network: what else its `forward` computes (scaling, an \
                 activation) shows in no tensor; compare with the original's logits",
            ),
            Self::Inside(path) => write!(
                f,
                "the network is under `{}`: what the modules around it compute (scaling, an activation) shows in no tensor; compare \
                 with the original's logits",
                path.shown()
            ),
            Self::Published { model, differences } if differences.is_empty() => {
                write!(f, "`config.json` says that it is `{}`", model.shown())
            }
            Self::Published { model, differences } => write!(
                f,
                "`config.json` wins over what is known of `{}`: {}",
                model.shown(),
                differences.join("; ").shown()
            ),
            Self::Recognised(name) => {
                write!(f, "recognised {} by its tensors' names and shapes", name.shown())
            }
            Self::ManyResnets => f.write_str(
                "timm's and torchvision's ResNets have these names and shapes, and antialiased ones (timm's `resnetblur50` and \
                 `resnetaa50`) and Caffe's have them too: name the library's model to say that it is neither, and how its pictures \
                 are prepared",
            ),
            Self::Assumed {
                naming,
                implied: Some(implied),
                model,
                own,
            } => write!(
                f,
                "the checkpoint has {naming} names, which stand for {implied}; `{model}` has {own}"
            ),
            Self::Assumed {
                naming, model, own, ..
            } => write!(
                f,
                "the checkpoint has {naming} names, which tell neither padding nor epsilon: `{model}` has {own}"
            ),
            Self::PreparedAsRecorded { place, model } => {
                let place = match place {
                    Place::Metadata => "the checkpoint's own record",
                    Place::Config => "its `config.json`",
                    Place::Record(place) => &place.shown().to_string(),
                };
                write!(
                    f,
                    "pictures are prepared as {place} has it, not as `{model}` does"
                )
            }
            Self::PreparedAsWeights(Normal { mean, std }) => write!(
                f,
                "pictures are prepared as the checkpoint's own Normalization does, with mean {mean:?} and deviation {std:?}; what stands before it in the model is not known"
            ),
            Self::PreparedAsModel {
                place,
                normal: Normal { mean, std },
            } => write!(
                f,
                "pictures are prepared as {} records, with mean {mean:?} and deviation {std:?}",
                place.shown()
            ),
            Self::NoPreparation { place } => write!(
                f,
                "{} records no preparation of pictures: the file says what is usual for the network",
                place.shown()
            ),
            Self::OtherChannels { place } => write!(
                f,
                "{} records that pixels are rescaled before the network: for other than 3 channels the file does not say how",
                place.shown()
            ),
            Self::NewClassifier {
                classes,
                from,
                replaced,
            } => new_classifier(f, *classes, from, replaced),
            Self::Head { head, modules } => head_read(f, head, modules),
            Self::ThresholdsLeftOut => f.write_str(
                "left out the thresholds that the checkpoint records: they are of a sigmoid's classes",
            ),
            Self::LayersLeftOut(tensors) => layers_left_out(f, tensors),
            Self::Departure { model, differences } => write!(
                f,
                "this is no longer exactly `{model}`: {}",
                differences.join("; ")
            ),
            Self::StaticPads {
                padding,
                size: [height, width],
                place,
            } => {
                let name = padding.name();
                write!(
                    f,
                    "padding {name}: the pads are those of size {height}x{width} at every size, as "
                )?;
                match place {
                    Some(place) => write!(f, "{} records", place.shown()),
                    None => f.write_str(
                        "in efficientnet_pytorch for a model built for that size",
                    ),
                }
            }
            Self::PaddingLeft(faults) => write!(
                f,
                "SAME padding of any size is left to the runtime (`auto_pad`): {}",
                clauses(faults)
            ),
            Self::Spelling(feature, faults) => {
                match feature {
                    Feature::AutoPad { .. } => f.write_str("padding is `auto_pad`: ")?,
                    Feature::Swish(_) => f.write_str("swishes are the operator Swish: ")?,
                    Feature::GlobalAveragePool => f.write_str("pools are GlobalAveragePool: ")?,
                    Feature::AxesOperand => {
                        f.write_str("pools are ReduceMean with its axes as an operand: ")?;
                    }
                    Feature::HalfGemm => {
                        f.write_str("linear layers are Gemm in half precision: ")?;
                    }
                    Feature::IrVersion(version) => {
                        write!(f, "the IR version is {}: ", version.number())?;
                    }
                }
                f.write_str(&clauses(faults))
            }
            Self::HeadLeftOut(what) => write!(f, "left out with the head: {}", what.shown()),
            Self::Overruled {
                place,
                contradictions,
            } => write!(
                f,
                "what is emitted differs from {}: {}",
                place.shown(),
                recognise::listed(contradictions)
            ),
            Self::Elsewhere {
                naming,
                theirs,
                own,
            } => write!(
                f,
                "{naming} computes with {theirs}, but these weights are for {own}: its results will differ"
            ),
        }
    }
}
