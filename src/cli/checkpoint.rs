//! A checkpoint that `--weights` names: what it says of the network, and its tensors as that network expects them.

mod evidence;
mod fitting;

use super::described::{self, Pixels};
use super::exit::Failure;
use super::hub;
use super::like;
use super::misfit::unknown_names;
use super::offered;
use super::published::Published;
use super::recorded::{Recorded, told};
use super::select::{Selection, Shape};
use efficientnet_onnx::form::BatchNorms;
use efficientnet_onnx::graph::Parameter;
use efficientnet_onnx::like::{Like, recorded_request};
use efficientnet_onnx::metadata::{self, Normal, Origin, Preprocessing, Recipe};
use efficientnet_onnx::request::{Blueprint, Extent, Request};
use efficientnet_onnx::tensor::{SourceError, TensorSource};
use efficientnet_onnx::weights::Expected;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::classifier::FreshClassifier;
use efficientnet_onnx::weights::names::conventions::{Known, resolve_conventions};
use efficientnet_onnx::weights::names::{NameMap, Naming};
use efficientnet_onnx::weights::stem::{AdaptedStem, COLOURS};
use std::path::Path;

/// A checkpoint and what it says of itself.
pub struct OpenCheckpoint {
    checkpoint: Checkpoint,
    naming: Naming,
    pixels: Pixels,
    recipe: Option<Recipe>,
    preprocessing: Option<Preprocessing>,
    /// What it records beside the network.
    pub recorded: Recorded,
    published: Option<Published>,
    reset: Option<Reset>,
}

/// A classifier that replaces the checkpoint's.
#[derive(Clone, Copy, Debug)]
pub struct Reset {
    /// Classes of the fresh one.
    pub classes: u64,
    /// From which it is drawn.
    pub seed: u64,
}

impl OpenCheckpoint {
    /// Opens a checkpoint, with what is published beside it; with `reset`, without its classifier.
    pub fn open(
        path: &Path,
        published: Option<Published>,
        reset: Option<Reset>,
    ) -> Result<Self, Failure> {
        let mut checkpoint = Checkpoint::open(path).map_err(Failure::bad_input)?;
        described::describe(&mut checkpoint, path)?;
        offered::refuse(path, &checkpoint)?;
        let naming = checkpoint
            .naming()
            .ok_or_else(|| unknown_names(path, &checkpoint))?;
        let published = match published {
            None if naming == Naming::Timm => hub::around(path)?,
            published => published,
        };
        // What takes longest starts first.
        checkpoint.start_hashing();
        let recipe: Option<Recipe> = told(&checkpoint, metadata::RECIPE_KEY)?;
        let is_folded = |recipe: &Recipe| recipe.bn == BatchNorms::Fold.name();
        if checkpoint.is_model() && recipe.as_ref().is_none_or(is_folded) {
            return Err(Failure::bad_input(format!(
                "`{}` has no batch norms of its own, expected a file of `emit --bn keep`",
                path.display()
            ))
            .hint("emit it again from its checkpoint or seed"));
        }
        let counted = published.as_ref().and_then(|published| published.classes);
        if let (Some(told), Some(found)) = (counted, checkpoint.classes(naming))
            && told != found
            && reset.is_none()
        {
            return Err(Failure::bad_input(format!(
                "`config.json` says {told} classes, but `{}` has {found}",
                path.display()
            ))
            .hint("the two are not of one model: take both from one"));
        }
        Ok(Self {
            pixels: described::pixels(&checkpoint, naming)?,
            recipe,
            preprocessing: told(&checkpoint, metadata::PREPROCESSING_KEY)?,
            recorded: Recorded::read(&checkpoint, reset)?,
            checkpoint,
            naming,
            published,
            reset,
        })
    }

    /// Every file that is read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.checkpoint.files()
    }

    /// The request of the flags, completed by what the checkpoint tells.
    pub fn request(&self, selection: &Selection, shape: &Shape) -> Result<Request, Failure> {
        let told = match &self.recipe {
            Some(recipe) => Some(recorded_request(recipe).map_err(Failure::bad_input)?),
            None => None,
        };
        let mut request = match (&told, self.configuring(selection)) {
            (_, Some(published)) => shape.over(published.request()),
            (Some(told), _) if selection.like().is_some() => {
                let mut request = selection.request(shape)?;
                request.size = told.size;
                shape.over(request)
            }
            _ if selection.is_given() => selection.request(shape)?,
            (Some(told), _) => {
                let mut request = Request::new(told.blueprint.clone());
                request.size = told.size;
                shape.over(request)
            }
            (None, None) => shape.over(Request::new(self.recognise()?)),
        };
        let recorded = self.checkpoint.model_config();
        if let (Some(size), None) = (recorded.and_then(|config| config.size), shape.size) {
            request.size = size.map(Extent::Fixed);
        }
        let variant = request.variant().map(|variant| variant.name);
        let flags = Known {
            padding: shape.padding,
            batch_norm_epsilon: shape.bn_epsilon,
        };
        // An architecture file tells padding and epsilon as well as a checkpoint's own record does.
        let options = match (&request.blueprint, &told) {
            (Blueprint::Own(design), _) if selection.is_given() => {
                Some(design.architecture.options)
            }
            (_, Some(told)) => Some(told.options),
            (_, None) => {
                let published = self.published.as_ref();
                published.map(|published| published.like.request().options)
            }
        };
        let mut file = self.completed(Known {
            padding: options.map(|options| options.padding),
            batch_norm_epsilon: options.map(|options| options.batch_norm_epsilon),
        });
        let recorded_size = told.as_ref().map(Request::default_size);
        if let Some(asked) = selection.like() {
            let (told, told_place) = match &told {
                Some(told) => (told.variant(), like::METADATA),
                None => {
                    let published = self.published.as_ref();
                    (
                        published.map(|published| published.like.variant),
                        like::CONFIG,
                    )
                }
            };
            like::same_network(asked, told, told_place)?;
            if let Some(size) = recorded_size {
                file.padding = file.padding.map(|padding| asked.own_padding(padding, size));
            }
            let place = self.telling(told_place, options.is_none());
            file = like::agreed(asked, flags, file, &place, request.default_size())?;
        }
        let conventions = resolve_conventions(flags, file, self.naming, variant)
            .map_err(|error| self.undecided(error, variant))?;
        request.options.padding = conventions.padding;
        request.options.batch_norm_epsilon = conventions.batch_norm_epsilon;
        let counts = [
            (
                "classes",
                shape.classes,
                match self.reset {
                    Some(reset) => Some(reset.classes),
                    None => self.checkpoint.classes(self.naming),
                },
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
                    .hint(match flag {
                        "classes" => format!(
                            "leave `--classes` out to take the checkpoint's; `--reset-classifier {asked}` draws a fresh one"
                        ),
                        _ => format!("leave `--{flag}` out to take the checkpoint's"),
                    }));
                }
                (_, Some(found)) => *target = found,
                (_, None) => {}
            }
        }
        Ok(request)
    }

    /// What a reader should hear of how it was read, where it was not told.
    pub fn notes(&self, selection: &Selection, request: &Request) -> Vec<String> {
        let offered = offered::notes(&self.checkpoint, self.reset.is_some());
        let published = self.configuring(selection).map(Published::note);
        let recognised = self.recipe.is_none() && published.is_none() && !selection.is_given();
        let recognised = recognised.then(|| {
            format!(
                "recognised {} by its tensors' names and shapes",
                request.blueprint.name()
            )
        });
        let reset = self.reset.map(|Reset { classes, seed }| {
            let own = match self.checkpoint.classes(self.naming) {
                Some(own) => match self.checkpoint.head() {
                    Some(head) => format!(
                        "replaces the checkpoint's of {own}, its `{}`",
                        head.escape_debug()
                    ),
                    None => format!("replaces the checkpoint's of {own}"),
                },
                None => "is added to a checkpoint without one".to_owned(),
            };
            format!("an untrained classifier of {classes} classes, drawn from seed {seed}, {own}")
        });
        let asked = selection.like();
        let is_silent = self.recipe.is_none() && published.is_none();
        let assumed = asked
            .filter(|_| is_silent)
            .and_then(|asked| like::assumed(asked, self.naming, request.default_size()));
        let size = request.default_size();
        let told = self.preprocessing_at(size);
        let other = asked.zip(told).filter(|(asked, told)| {
            request.options.in_channels == 3 && asked.preprocessing_at(size) != *told
        });
        let kept = other.map(|(asked, _)| {
            format!(
                "pictures are prepared as {} has it, not as `{}` does",
                match &self.preprocessing {
                    Some(_) => "the checkpoint's own record",
                    None => "its `config.json`",
                },
                asked.name()
            )
        });
        let normal = described::note(&self.pixels, &self.checkpoint);
        let notes = [published, recognised, assumed, kept, normal, reset];
        let rewritten = self.checkpoint.rewritten().map(str::to_owned);
        rewritten
            .into_iter()
            .chain(offered)
            .chain(notes.into_iter().flatten())
            .collect()
    }

    /// The model of the library whose names it has, if it says nothing of itself.
    pub fn library(&self, request: &Request) -> Option<Like> {
        let variant = request.variant().filter(|_| self.recipe.is_none())?;
        efficientnet_onnx::like::named_so(self.naming, variant)
    }

    /// The library's model that it says it is, or that is asked for where it says nothing.
    pub fn like(&self, selection: &Selection) -> Option<Like> {
        if selection.is_given() && self.configuring(selection).is_none() {
            let is_so = |asked: &&Like| {
                let own = self.preprocessing.as_ref();
                own.is_none_or(|own| *own == asked.preprocessing_at(own.size))
                    && (self.normal()).is_none_or(|own| own == asked.preprocessing.normal)
            };
            return selection.like().filter(is_so).cloned();
        }
        like::carried(self.recipe.as_ref()).or_else(|| {
            self.published
                .as_ref()
                .filter(|_| self.recipe.is_none())?
                .table()
        })
    }

    /// The published model that decides what the flags and the checkpoint itself leave open.
    fn configuring(&self, selection: &Selection) -> Option<&Published> {
        let is_other = selection.is_given() && selection.like().is_none();
        let decides = self.recipe.is_none() && !is_other;
        self.published.as_ref().filter(|_| decides)
    }

    /// Whether a classifier is nowhere to be had.
    fn lacks_classifier(&self) -> bool {
        self.reset.is_none() && self.checkpoint.classes(self.naming).is_none()
    }

    /// How pictures become input of a size, if it tells.
    pub fn preprocessing_at(&self, size: [u64; 2]) -> Option<Preprocessing> {
        match (&self.preprocessing, &self.published) {
            (Some(told), _) => {
                // A model that is just a library's is prepared for at other sizes as the library does.
                let model = like::carried(self.recipe.as_ref());
                let model = model.filter(|model| model.preprocessing_at(told.size) == *told);
                Some(model.map_or_else(|| told.at(size), |model| model.preprocessing_at(size)))
            }
            (None, published) => Some(published.as_ref()?.like.preprocessing_at(size)),
        }
    }

    /// What a Keras model itself normalises pictures with, if it says so.
    pub fn normal(&self) -> Option<Normal> {
        self.pixels.normal
    }

    /// Names of the classifier's classes, as JSON, if it carries them.
    pub fn labels(&self) -> Option<&str> {
        let own = self.checkpoint.metadata().get(metadata::LABELS_KEY);
        let published = || self.published.as_ref()?.labels.as_ref();
        let labels = own.or_else(published);
        labels.filter(|_| self.reset.is_none()).map(String::as_str)
    }

    /// The tensors, and the name under which they have each parameter.
    pub fn source(
        &self,
        parameters: Vec<Parameter>,
    ) -> Result<(Box<dyn TensorSource + '_>, Vec<Expected>), Failure> {
        let timm = parameters.iter().map(|parameter| parameter.name.as_str());
        let names = NameMap::new(self.naming, timm).map_err(Failure::bad_input)?;
        let stem = self.naming.stem_weight();
        let channels = parameters
            .iter()
            .find(|parameter| names.source_name(&parameter.name) == Some(stem))
            .and_then(|parameter| parameter.shape.get(1)?.fixed());
        let own = |timm: &str| names.source_name(timm).unwrap_or(timm).to_owned();
        let mut source: Box<dyn TensorSource + '_> = Box::new(&self.checkpoint);
        if let Some(Reset { seed, .. }) = self.reset {
            source = Box::new(FreshClassifier::new(source, &parameters, own, seed));
        }
        match (channels, self.checkpoint.in_channels(self.naming)) {
            (Some(channels), Some(COLOURS)) if channels != COLOURS => {
                source = Box::new(AdaptedStem::new(source, stem, channels));
            }
            _ => {}
        }
        let expected = parameters.into_iter().map(|parameter| Expected {
            source_name: own(&parameter.name),
            parameter,
        });
        Ok((source, expected.collect()))
    }

    /// Where the weights are from; hashes the file.
    pub fn origin(&self) -> Result<Origin, SourceError> {
        let metadata = self.checkpoint.metadata();
        let entry = |keys: [&str; 2]| keys.iter().find_map(|key| metadata.get(*key)).cloned();
        let published = self.published.as_ref();
        Ok(Origin::checkpoint(
            self.checkpoint.name(),
            self.checkpoint.sha256()?,
            self.naming.to_string(),
            entry(["licence", "license"]).or_else(|| published?.licence.clone()),
            published
                .and_then(|published| published.source.clone())
                .or_else(|| entry(["source", "url"])),
            self.recorded.untrained.clone(),
        ))
    }
}
