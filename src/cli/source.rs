//! Where `emit` takes weights from: a seed or a checkpoint, and what each says about the network.

use super::checkpoint::{OpenCheckpoint, Reset};
use super::choice::one_of;
use super::exit::Failure;
use super::hub;
use super::like;
use super::recorded;
use super::select::{MOST_CHANNELS, Selection, Shape};
use clap::Args;
use efficientnet_onnx::graph::Parameter;
use efficientnet_onnx::like::{Like, keras_preprocessing};
use efficientnet_onnx::metadata::{Origin, Preprocessing};
use efficientnet_onnx::network::ClassActivation;
use efficientnet_onnx::onnx::model::inputs::Inputs;
use efficientnet_onnx::request::Request;
use efficientnet_onnx::tensor::{SourceError, TensorSource};
use efficientnet_onnx::weights::finite::Unsound;
use efficientnet_onnx::weights::init::{Rule, SeededWeights};
use efficientnet_onnx::weights::{BindError, Expected};
use std::path::PathBuf;

/// Where weights are from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Weights")]
pub struct WeightArgs {
    /// Checkpoint: safetensors, any container of torch.save, Keras's .h5, TensorFlow's own (index and data files), or a file of `emit --bn keep`, with names of timm, torchvision, lukemelas, Keras or TensorFlow; the folder of a model that timm has published; or `hf:ORG/NAME[@REV]`, such a model on Hugging Face
    #[arg(long, value_name = "PATH", conflicts_with = "init")]
    weights: Option<PathBuf>,
    /// Replace the checkpoint's classifier by a fresh one of N classes, drawn as `--init official` does
    #[arg(long, value_name = "N", requires = "weights", conflicts_with = "classes", value_parser = clap::value_parser!(u64).range(1..=MOST_CHANNELS))]
    reset_classifier: Option<u64>,
    /// Go on with weights that are NaN, infinite or a negative variance, which otherwise are an error
    #[arg(long, requires = "weights")]
    allow_nan: bool,
    #[command(flatten)]
    seed: SeedArgs,
}

/// Weights from a seed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Weights")]
pub struct SeedArgs {
    /// Rule by which weights are drawn [default: official]
    #[arg(long, value_name = "RULE", value_parser = one_of(Rule::ALL, |rule| rule.name()))]
    init: Option<Rule>,
    /// Seed from which weights, or a fresh classifier, are drawn [default: 0]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

/// Weights, opened but not read.
pub enum Weights {
    /// From a seed.
    Seed(Seed),
    /// From a file.
    Checkpoint(Box<OpenCheckpoint>),
}

/// A rule and a seed.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    rule: Rule,
    number: u64,
    is_default: bool,
}

impl SeedArgs {
    /// The parsed flags.
    pub fn read(&self) -> Seed {
        Seed {
            rule: self.init.unwrap_or(Rule::Official),
            number: self.seed.unwrap_or_default(),
            is_default: self.init.is_none() && self.seed.is_none(),
        }
    }
}

impl Seed {
    /// Parameters drawn by the rule.
    pub fn draw(self, parameters: Vec<Parameter>) -> SeededWeights {
        SeededWeights::new(parameters, self.rule, self.number)
    }

    /// Whether neither rule nor seed is asked for.
    pub fn is_default(self) -> bool {
        self.is_default
    }

    /// What the file will say.
    pub fn origin(self) -> Origin {
        Origin::seed(self.rule.name(), self.number)
    }
}

impl WeightArgs {
    /// Whether to go on with numbers that no weight should be; says which unless `quiet`.
    pub fn accepts(&self, quiet: bool) -> impl Fn(&Unsound) -> bool {
        accepts(self.allow_nan, quiet)
    }

    /// Opens the checkpoint, if there is one; fetches it where it is on the hub.
    pub fn open(&self, quiet: bool) -> Result<Weights, Failure> {
        let Some(named) = &self.weights else {
            return Ok(Weights::Seed(self.seed.read()));
        };
        if self.seed.seed.is_some() && self.reset_classifier.is_none() {
            return Err(
                Failure::bad_input("`--seed` draws nothing beside `--weights`")
                    .hint("leave it out, or draw a fresh classifier with `--reset-classifier N`"),
            );
        }
        let reset = self.reset_classifier.map(|classes| Reset {
            classes,
            seed: self.seed.read().number,
        });
        let (path, published) = hub::locate(named, quiet)?;
        let open = OpenCheckpoint::open(&path, published, reset)?;
        Ok(Weights::Checkpoint(Box::new(open)))
    }
}

/// Whether to go on with numbers that no weight should be where they are `allowed`; says which unless `quiet`.
pub fn accepts(allowed: bool, quiet: bool) -> impl Fn(&Unsound) -> bool {
    move |found| {
        if allowed && !quiet {
            tell!("{found}");
        }
        allowed
    }
}

/// The error of numbers that no weight should be.
pub fn unsound(found: &Unsound) -> Failure {
    Failure::bad_input(found).hint(
        "the training has diverged or the file is damaged: take another checkpoint; `--allow-nan` goes on with this one",
    )
}

impl WeightArgs {
    /// Every file that is read for `weights`, what lies beside a checkpoint in the folder that was named included.
    pub fn inputs(&self, weights: &Weights) -> Inputs {
        let mut inputs = Inputs::none();
        if let Weights::Checkpoint(open) = weights {
            for path in open.files() {
                inputs.add(path);
                inputs.add(&path.with_file_name("config.json"));
            }
        }
        if let Some(folder) = self.weights.as_deref().filter(|path| path.is_dir()) {
            inputs.add(folder);
        }
        inputs
    }
}

impl Weights {
    /// The request of the flags, completed by what the checkpoint tells.
    pub fn request(&self, selection: &Selection, shape: &Shape) -> Result<Request, Failure> {
        match self {
            Self::Seed(_) => selection.request(shape),
            Self::Checkpoint(open) => open.request(selection, shape),
        }
    }

    /// The library's model that is asked for, or else the one that the checkpoint says it is.
    pub fn like(&self, selection: &Selection) -> Option<Like> {
        match self {
            Self::Checkpoint(open) => open.like(selection),
            Self::Seed(_) => selection.like().cloned(),
        }
    }

    /// What a reader should hear: how the checkpoint was read, where it was not told, and where the request departs from
    /// the library's model that was asked for.
    pub fn notes(&self, selection: &Selection, shape: &Shape, request: &Request) -> Vec<String> {
        let mut notes = match self {
            Self::Seed(seed) => vec![recorded::drawn(*seed, selection.like())],
            Self::Checkpoint(open) => {
                let mut notes = open.notes(selection, request);
                notes.extend(open.recorded.note.clone());
                notes
            }
        };
        let asked = selection.like();
        notes.extend(asked.and_then(|asked| like::departure(asked, request)));
        let recorded = match self {
            Self::Seed(_) => None,
            Self::Checkpoint(open) => open.padding_place(),
        };
        notes.extend(like::static_pads(request, recorded).filter(|_| shape.padding.is_none()));
        notes
    }

    /// What turns logits into probabilities, if the checkpoint says so.
    pub fn activation(&self) -> Option<ClassActivation> {
        match self {
            Self::Seed(_) => None,
            Self::Checkpoint(open) => open.recorded.activation,
        }
    }

    /// Notes on what the checkpoint records beside its tensors; an error if that is another network.
    pub fn agreement(&self, shape: &Shape, request: &Request) -> Result<Vec<String>, Failure> {
        match self {
            Self::Seed(_) => Ok(Vec::new()),
            Self::Checkpoint(open) => open.agreement(shape, request),
        }
    }

    /// What to do about weights that do not fit what is asked for.
    pub fn misfit(&self, request: &Request, error: &BindError) -> Option<String> {
        match self {
            Self::Seed(_) => None,
            Self::Checkpoint(open) => open.misfit(request, error),
        }
    }

    /// The tensors, and the name under which they have each parameter.
    pub fn source(
        &self,
        parameters: Vec<Parameter>,
    ) -> Result<(Box<dyn TensorSource + '_>, Vec<Expected>), Failure> {
        match self {
            Self::Seed(seed) => {
                let expected = Expected::as_named(&parameters);
                Ok((Box::new(seed.draw(parameters)), expected))
            }
            Self::Checkpoint(open) => open.source(parameters),
        }
    }

    /// What the file will say of where its weights are from; hashes a checkpoint.
    pub fn origin(&self) -> Result<Origin, SourceError> {
        match self {
            Self::Seed(seed) => Ok(seed.origin()),
            Self::Checkpoint(open) => open.origin(),
        }
    }

    /// How pictures become input: as the checkpoint says, else as the library's model that was asked for wants them or
    /// its names imply, else as TensorFlow's models of the family do.
    ///
    /// None where the input is not a colour picture.
    pub fn preprocessing(&self, selection: &Selection, request: &Request) -> Option<Preprocessing> {
        let asked = selection.like();
        let told = match self {
            Self::Checkpoint(open) => open.preprocessing_at(request.default_size()),
            Self::Seed(_) => None,
        };
        match told {
            Some(told) => (request.options.in_channels == 3).then_some(told),
            None => {
                let implied = match self {
                    Self::Checkpoint(open) => open.library(request),
                    Self::Seed(_) => None,
                };
                let recorded = match self {
                    Self::Checkpoint(open) => open.normal(),
                    Self::Seed(_) => None,
                };
                let usual = like::preprocessing(asked.or(implied.as_ref()), request);
                match (usual, recorded) {
                    (Some(usual), Some(normal)) => Some(Preprocessing { normal, ..usual }),
                    // Keras's model has a network of its own.
                    (None, Some(normal)) if request.options.in_channels == 3 => {
                        Some(keras_preprocessing(request.default_size(), normal))
                    }
                    (usual, _) => usual,
                }
            }
        }
    }

    /// Class names that the checkpoint carries for its classifier, as JSON.
    pub fn labels(&self) -> Option<&str> {
        match self {
            Self::Checkpoint(open) => open.labels(),
            Self::Seed(_) => None,
        }
    }
}
