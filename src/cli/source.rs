//! Where `emit` takes weights from: a seed or a checkpoint, and what each says about the network.

use super::exit::Failure;
use super::select::{Selection, Shape};
use clap::Args;
use efficientnet_onnx::graph::{Padding, Parameter};
use efficientnet_onnx::metadata::{self, Origin, Preprocessing, Recipe};
use efficientnet_onnx::recognise::recognise;
use efficientnet_onnx::request::{BatchNorms, Blueprint, Request};
use efficientnet_onnx::tensor::{SourceError, TensorSource};
use efficientnet_onnx::weights::Expected;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::init::{Rule, SeededWeights};
use efficientnet_onnx::weights::names::conventions::{Known, resolve_conventions};
use efficientnet_onnx::weights::names::{NameMap, Naming};
use efficientnet_onnx::weights::stem::{AdaptedStem, COLOURS};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Where weights are from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Weights")]
pub struct WeightArgs {
    /// Checkpoint: safetensors, any container of torch.save, Keras's .h5, or a file of `emit --bn keep`; names of timm, torchvision, lukemelas or Keras
    #[arg(long, value_name = "PATH", conflicts_with_all = ["init", "seed"])]
    weights: Option<PathBuf>,
    #[command(flatten)]
    seed: SeedArgs,
}

/// Weights from a seed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Weights")]
pub struct SeedArgs {
    /// Rule by which weights are drawn
    #[arg(long, value_name = "RULE", default_value = "official", value_parser = ["official", "probe", "constant"])]
    init: String,
    /// Seed from which weights are drawn
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
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
    seed: u64,
}

/// A checkpoint and what it says of itself.
pub struct OpenCheckpoint {
    checkpoint: Checkpoint,
    naming: Naming,
    recipe: Option<Recipe>,
    preprocessing: Option<Preprocessing>,
}

impl SeedArgs {
    /// The parsed flags.
    pub fn read(&self) -> Seed {
        Seed {
            rule: Rule::by_name(&self.init).unwrap_or(Rule::Official),
            seed: self.seed,
        }
    }
}

impl Seed {
    /// Parameters drawn by the rule.
    pub fn draw(self, parameters: Vec<Parameter>) -> SeededWeights {
        SeededWeights::new(parameters, self.rule, self.seed)
    }

    /// What the file will say.
    pub fn origin(self) -> Origin {
        Origin::seed(self.rule.name(), self.seed)
    }
}

impl WeightArgs {
    /// Opens the checkpoint, if there is one.
    pub fn open(&self) -> Result<Weights, Failure> {
        match &self.weights {
            None => Ok(Weights::Seed(self.seed.read())),
            Some(path) => Ok(Weights::Checkpoint(Box::new(OpenCheckpoint::open(path)?))),
        }
    }
}

impl Weights {
    /// The request of the flags, completed by what the checkpoint tells.
    pub fn request(&self, selection: &Selection, shape: &Shape) -> Result<Request, Failure> {
        match self {
            Self::Seed(_) => Ok(shape.request(selection.blueprint()?)),
            Self::Checkpoint(open) => open.request(selection, shape),
        }
    }

    /// What a reader should hear of how the checkpoint was read, where it was not told.
    pub fn notes(&self, selection: &Selection, request: &Request) -> Vec<String> {
        let Self::Checkpoint(open) = self else {
            return Vec::new();
        };
        let nest = open.checkpoint.nest();
        let nest = nest.map(|nest| format!("the checkpoint's weights are its `{nest}`"));
        let recognised = open.recipe.is_none() && !selection.is_given();
        let recognised = recognised.then(|| {
            format!(
                "recognised {} by its tensors' names and shapes",
                request.blueprint.name()
            )
        });
        nest.into_iter().chain(recognised).collect()
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
            Self::Checkpoint(open) => {
                open.checkpoint.start_hashing();
                let timm = parameters.iter().map(|parameter| parameter.name.as_str());
                let names = NameMap::new(open.naming, timm).map_err(Failure::bad_input)?;
                let stem = open.naming.stem_weight();
                let channels = parameters
                    .iter()
                    .find(|parameter| names.source_name(&parameter.name) == Some(stem))
                    .and_then(|parameter| parameter.shape.get(1)?.fixed());
                let expected = parameters.into_iter().map(|parameter| Expected {
                    source_name: names
                        .source_name(&parameter.name)
                        .unwrap_or(&parameter.name)
                        .to_owned(),
                    parameter,
                });
                let expected = expected.collect();
                match (channels, open.checkpoint.in_channels(open.naming)) {
                    (Some(channels), Some(COLOURS)) if channels != COLOURS => {
                        let source = AdaptedStem::new(&open.checkpoint, stem, channels);
                        Ok((Box::new(source), expected))
                    }
                    _ => Ok((Box::new(&open.checkpoint), expected)),
                }
            }
        }
    }

    /// What the file will say of where its weights are from; hashes a checkpoint.
    pub fn origin(&self) -> Result<Origin, SourceError> {
        match self {
            Self::Seed(seed) => Ok(seed.origin()),
            Self::Checkpoint(open) => open.origin(),
        }
    }

    /// How pictures become input: as the checkpoint says, else as TensorFlow's models of the family do.
    ///
    /// None where the input is not a colour picture.
    pub fn preprocessing(&self, request: &Request) -> Option<Preprocessing> {
        let size = request.default_size();
        let told = match self {
            Self::Checkpoint(open) => open.preprocessing.clone(),
            Self::Seed(_) => None,
        };
        let told = match told {
            Some(told) => Preprocessing { size, ..told },
            None => Preprocessing::tensorflow(request.blueprint.scaling()?.baseline, size),
        };
        (request.options.in_channels == 3).then_some(told)
    }

    /// Class names that the checkpoint carries, as JSON.
    pub fn labels(&self) -> Option<&str> {
        match self {
            Self::Checkpoint(open) => open
                .checkpoint
                .metadata()
                .get(metadata::LABELS_KEY)
                .map(String::as_str),
            Self::Seed(_) => None,
        }
    }
}

impl OpenCheckpoint {
    fn open(path: &Path) -> Result<Self, Failure> {
        let checkpoint = Checkpoint::open(path).map_err(Failure::bad_input)?;
        let naming = checkpoint
            .naming()
            .ok_or_else(|| unknown_names(path, &checkpoint))?;
        let recipe: Option<Recipe> = told(&checkpoint, metadata::RECIPE_KEY)?;
        let is_folded = |recipe: &Recipe| recipe.bn == BatchNorms::Fold.name();
        if checkpoint.is_model() && recipe.as_ref().is_none_or(is_folded) {
            return Err(Failure::bad_input(format!(
                "`{}` has no batch norms of its own, expected a file of `emit --bn keep`",
                path.display()
            ))
            .hint("emit it again from its checkpoint or seed"));
        }
        Ok(Self {
            recipe,
            preprocessing: told(&checkpoint, metadata::PREPROCESSING_KEY)?,
            checkpoint,
            naming,
        })
    }

    fn request(&self, selection: &Selection, shape: &Shape) -> Result<Request, Failure> {
        let told = match &self.recipe {
            Some(recipe) => Some(recipe.request().map_err(Failure::bad_input)?),
            None => None,
        };
        let blueprint = match &told {
            Some(told) if !selection.is_given() => told.blueprint.clone(),
            None if !selection.is_given() => self.recognise()?,
            _ => selection.blueprint()?,
        };
        let mut request = shape.request(blueprint);
        let variant = request.variant().map(|variant| variant.name);
        let flags = Known {
            padding: shape.padding.as_deref().and_then(Padding::by_name),
            batch_norm_epsilon: shape.bn_epsilon,
        };
        // An architecture file tells padding and epsilon as well as a checkpoint's own record does.
        let options = match (&request.blueprint, &told) {
            (Blueprint::Own(design), _) if selection.is_given() => {
                Some(design.architecture.options)
            }
            (_, told) => told.as_ref().map(|told| told.options),
        };
        let file = Known {
            padding: options.map(|options| options.padding),
            batch_norm_epsilon: options.map(|options| options.batch_norm_epsilon),
        };
        let conventions = resolve_conventions(flags, file, self.naming, variant)
            .map_err(|error| Failure::bad_input(error).hint(error.hint()))?;
        request.options.padding = conventions.padding;
        request.options.batch_norm_epsilon = conventions.batch_norm_epsilon;
        let counts = [
            (
                "classes",
                shape.classes,
                self.checkpoint.classes(self.naming),
                &mut request.options.classes,
            ),
            (
                "in-channels",
                shape.in_channels,
                self.checkpoint.in_channels(self.naming),
                &mut request.options.in_channels,
            ),
        ];
        for (flag, asked, found, target) in counts {
            match (asked, found) {
                (Some(asked), Some(COLOURS)) if flag == "in-channels" => *target = asked,
                (Some(asked), Some(found)) if asked != found => {
                    return Err(Failure::bad_input(format!(
                        "`--{flag} {asked}` does not match the checkpoint, which has {found}"
                    ))
                    .hint(format!("leave `--{flag}` out to take the checkpoint's")));
                }
                (_, Some(found)) => *target = found,
                (_, None) => {}
            }
        }
        Ok(request)
    }

    fn recognise(&self) -> Result<Blueprint, Failure> {
        recognise(self.checkpoint.tensors(), self.naming)
            .map(Blueprint::published)
            .map_err(|error| {
                Failure::bad_input(error)
                    .hint("choose the network with `--variant NAME`, or `--width W --depth D`")
            })
    }

    fn origin(&self) -> Result<Origin, SourceError> {
        let metadata = self.checkpoint.metadata();
        let entry = |keys: [&str; 2]| keys.iter().find_map(|key| metadata.get(*key)).cloned();
        Ok(Origin::checkpoint(
            self.checkpoint.name(),
            self.checkpoint.sha256()?,
            self.naming.to_string(),
            entry(["licence", "license"]),
            entry(["source", "url"]),
        ))
    }
}

fn told<T: DeserializeOwned>(checkpoint: &Checkpoint, key: &str) -> Result<Option<T>, Failure> {
    let Some(text) = checkpoint.metadata().get(key) else {
        return Ok(None);
    };
    serde_json::from_str(text).map(Some).map_err(|error| {
        Failure::bad_input(format!(
            "`{key}` in the checkpoint's metadata is not a record of ours: {error}"
        ))
    })
}

fn unknown_names(path: &Path, checkpoint: &Checkpoint) -> Failure {
    let found: Vec<String> = checkpoint
        .tensors()
        .iter()
        .take(3)
        .map(|tensor| format!("`{}`", tensor.name.escape_debug()))
        .collect();
    let found = if found.is_empty() {
        "no tensors".to_owned()
    } else {
        found.join(", ")
    };
    Failure::bad_input(format!(
        "the tensors of `{}` do not have the names of an EfficientNet: found {found}",
        path.display()
    ))
    .hint("the names of timm, torchvision and efficientnet_pytorch (lukemelas), Keras and TensorFlow are known")
}
