//! An open checkpoint: what it says of the network, and its tensors as that network expects them.

use super::checkpoint_head::CheckpointHead;
use super::error::ConvertError;
use super::keras::{self, Pixels};
use super::locate::{self, Located};
use super::model;
use super::note::{ClassifierSource, ConvertNote, Place, ReplacedHead};
use super::offered;
use super::published::Published;
use super::recorded::{Recorded, told};
use super::replacement::{Replacement, Reset};
use super::wishes::Wishes;
use crate::files::Inputs;
use crate::form::BatchNorms;
use crate::graph::Parameter;
use crate::like::{self, Like};
use crate::metadata::{self, Normal, Origin, Preprocessing, Recipe};
use crate::request::Request;
use crate::tensor::{SourceError, TensorSource};
use crate::weights::Expected;
use crate::weights::checkpoint::Checkpoint;
use crate::weights::classifier::Without;
use crate::weights::names::{NameMap, Naming};
use crate::weights::stem::{AdaptedStem, COLOURS};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What lies beside a checkpoint and may be read with it.
const CONFIG: &str = "config.json";

/// A checkpoint and what it says of itself.
pub struct OpenCheckpoint {
    pub(super) checkpoint: Checkpoint,
    pub(super) naming: Naming,
    pixels: Pixels,
    pub(super) recipe: Option<Recipe>,
    preprocessing: Option<Preprocessing>,
    /// What it records beside the network.
    pub(super) recorded: Recorded,
    pub(super) published: Option<Published>,
    /// The classifier in the place of its own.
    pub(super) classifier: Option<Replacement>,
    folder: Option<PathBuf>,
}

impl OpenCheckpoint {
    /// Opens a checkpoint, with what is published beside it; with `classifier` in the place of its own.
    pub(super) fn open(
        located: Located,
        classifier: Option<Replacement>,
    ) -> Result<Self, ConvertError> {
        let Located {
            path,
            published,
            prefix,
            folder,
        } = located;
        let checkpoint = Checkpoint::open_below(&path, prefix.as_deref())?;
        if let Some(refusal) = checkpoint.refusal() {
            return Err(ConvertError::Refused {
                path,
                refusal: offered::recognised(refusal),
                has_modules: checkpoint.has_modules(),
            });
        }
        let naming = checkpoint.naming().ok_or_else(|| {
            let names = checkpoint.tensors().iter();
            ConvertError::unknown_names(&path, names.map(|tensor| tensor.name.as_str()))
        })?;
        let published = match published {
            None if matches!(
                naming.with_classifier(),
                Naming::Timm | Naming::Transformers
            ) =>
            {
                locate::around(&path)?
            }
            published => published,
        };
        // What takes longest starts first.
        checkpoint.start_hashing();
        let recipe: Option<Recipe> = told(&checkpoint, metadata::RECIPE_KEY)?;
        match &recipe {
            None if checkpoint.is_model() => return Err(ConvertError::ForeignModel(path)),
            Some(recipe) if checkpoint.is_model() && recipe.bn == BatchNorms::Fold.name() => {
                return Err(ConvertError::FoldedModel(path));
            }
            _ => {}
        }
        let counted = published.as_ref().and_then(|published| published.classes);
        let open = Self {
            pixels: keras::pixels(&checkpoint, naming)?,
            recipe,
            preprocessing: told(&checkpoint, metadata::PREPROCESSING_KEY)?,
            recorded: Recorded::read(&checkpoint, classifier.as_ref())?,
            checkpoint,
            naming,
            published,
            classifier,
            folder,
        };
        if let (Some(told), Some(found)) = (counted, open.classes())
            && told != found
            && open.classifier.is_none()
        {
            return Err(ConvertError::CountedClasses { path, told, found });
        }
        Ok(open)
    }

    /// Every file that is read, what may lie beside it, and all in the folder that was named.
    pub(super) fn inputs(&self) -> Inputs {
        let mut inputs = Inputs::none();
        for path in self.checkpoint.files() {
            inputs.add(path);
            inputs.add(&path.with_file_name(CONFIG));
        }
        if let Some(folder) = &self.folder {
            inputs.add(folder);
        }
        if let Some(Replacement::Fitted(fitted)) = &self.classifier {
            inputs.add(fitted.path());
        }
        inputs
    }

    /// How it was read, where it was not told.
    pub(super) fn notes(
        &self,
        wishes: &Wishes,
        request: &Request,
        head: &CheckpointHead,
    ) -> Vec<ConvertNote> {
        let mut notes = Vec::new();
        let rewritten = self.checkpoint.rewritten();
        notes.extend(rewritten.map(|sentence| ConvertNote::Rewritten(sentence.to_owned())));
        notes.extend(offered::notes(&self.checkpoint, self.classifier.is_some()));
        let published = self.configuring(wishes).map(Published::note);
        let is_silent = self.recipe.is_none() && published.is_none();
        notes.extend(published);
        if is_silent && wishes.network.is_none() {
            notes.push(ConvertNote::Recognised(request.blueprint.name()));
            let has_modules = self.checkpoint.evidence().is_some();
            if self.naming == Naming::Resnet && !has_modules {
                notes.push(ConvertNote::ManyResnets);
            }
        }
        if let Some(asked) = wishes.like().filter(|_| is_silent) {
            notes.extend(model::assumed(asked, self.naming, request.default_size()));
        }
        notes.extend(self.prepared_otherwise(wishes, request));
        notes.extend(keras::note(&self.pixels, &self.checkpoint));
        notes.extend(head.notes(request));
        let classifier = self.classifier.as_ref();
        notes.extend(classifier.map(|classifier| self.replaced(classifier, head)));
        notes.extend(self.recorded.note.clone());
        notes
    }

    /// A note, if pictures are prepared as the checkpoint has it, and not as the model that was asked for does.
    fn prepared_otherwise(&self, wishes: &Wishes, request: &Request) -> Option<ConvertNote> {
        let (asked, size) = (wishes.like()?, request.default_size());
        let told = self.preprocessing_at(size)?;
        let is_other =
            request.options.in_channels == COLOURS && asked.preprocessing_at(size) != told;
        is_other.then(|| ConvertNote::PreparedAsRecorded {
            place: match &self.preprocessing {
                Some(_) => Place::Metadata,
                None => Place::Config,
            },
            model: asked.name(),
        })
    }

    fn replaced(&self, classifier: &Replacement, head: &CheckpointHead) -> ConvertNote {
        let replaced = match self.classes() {
            _ if !head.left_out.is_empty() => ReplacedHead::Layers,
            None => ReplacedHead::Nothing,
            Some(classes) => ReplacedHead::Classifier {
                classes,
                module: self.checkpoint.head().map(str::to_owned),
            },
        };
        ConvertNote::NewClassifier {
            classes: classifier.classes(),
            from: match classifier {
                Replacement::Drawn(Reset { seed, .. }) => ClassifierSource::Seed(*seed),
                Replacement::Fitted(fitted) => ClassifierSource::File(fitted.path().to_owned()),
            },
            replaced,
        }
    }

    /// The model of the library whose names it has, if it says nothing of itself.
    pub(super) fn library(&self, request: &Request) -> Option<Like> {
        let variant = request.variant().filter(|_| self.recipe.is_none())?;
        like::named_so(self.naming, variant)
    }

    /// The library's model that it says it is, or that is asked for where it says nothing.
    pub(super) fn like(&self, wishes: &Wishes) -> Option<Like> {
        if wishes.network.is_some() && self.configuring(wishes).is_none() {
            let is_so = |asked: &&Like| {
                let own = self.preprocessing.as_ref();
                own.is_none_or(|own| *own == asked.preprocessing_at(own.size))
                    && (self.normal()).is_none_or(|own| own == asked.preprocessing.normal)
            };
            return wishes.like().filter(is_so).cloned();
        }
        model::carried(self.recipe.as_ref()).or_else(|| {
            self.published
                .as_ref()
                .filter(|_| self.recipe.is_none())?
                .table()
        })
    }

    /// The published model that decides what the wishes and the checkpoint itself leave open.
    pub(super) fn configuring(&self, wishes: &Wishes) -> Option<&Published> {
        let is_other = wishes.network.is_some() && wishes.like().is_none();
        let decides = self.recipe.is_none() && !is_other;
        self.published.as_ref().filter(|_| decides)
    }

    /// Whether a classifier is nowhere to be had.
    pub(super) fn lacks_classifier(&self) -> bool {
        self.classifier.is_none() && self.classes().is_none()
    }

    /// How pictures become input of a size, if it tells.
    pub(super) fn preprocessing_at(&self, size: [u64; 2]) -> Option<Preprocessing> {
        match (&self.preprocessing, &self.published) {
            (Some(told), _) => {
                // A model that is just a library's is prepared for at other sizes as the library does.
                let model = model::carried(self.recipe.as_ref());
                let model = model.filter(|model| model.preprocessing_at(told.size) == *told);
                Some(model.map_or_else(|| told.at(size), |model| model.preprocessing_at(size)))
            }
            (None, published) => Some(published.as_ref()?.like.preprocessing_at(size)),
        }
    }

    /// What a Keras model itself normalises pictures with, if it says so.
    pub(super) fn normal(&self) -> Option<Normal> {
        self.pixels.normal
    }

    /// Names of the classifier's classes, as JSON, if it carries them.
    pub(super) fn labels(&self) -> Option<&str> {
        let own = self.checkpoint.metadata().get(metadata::LABELS_KEY);
        let published = || self.published.as_ref()?.labels.as_ref();
        let labels = own.or_else(published);
        labels
            .filter(|_| self.classifier.is_none())
            .map(String::as_str)
    }

    /// The tensors, and the name under which they have each parameter.
    pub(super) fn source(
        &self,
        parameters: Vec<Parameter>,
        head: &CheckpointHead,
    ) -> Result<(Box<dyn TensorSource + '_>, Vec<Expected>), ConvertError> {
        let of_head = &head.names;
        let timm = parameters.iter().map(|parameter| parameter.name.as_str());
        let timm = timm.filter(|name| !of_head.contains_key(*name));
        let names = NameMap::new(self.naming, timm)?;
        let stem = self.naming.stem_weight();
        let channels = parameters
            .iter()
            .find(|parameter| names.source_name(&parameter.name) == Some(stem))
            .and_then(|parameter| parameter.shape.get(1)?.fixed());
        let own = |timm: &str| {
            let of_head = of_head.get(timm).map(String::as_str);
            let own = of_head.or_else(|| names.source_name(timm));
            own.unwrap_or(timm).to_owned()
        };
        let mut source: Box<dyn TensorSource + '_> = Box::new(&self.checkpoint);
        // The exponent of a pool is an attribute of the graph.
        let powers = self.powers();
        let left_out = head.left_out.iter().chain(&powers);
        let left_out: BTreeSet<&str> = left_out.map(|(name, _)| name.as_str()).collect();
        if !left_out.is_empty() {
            source = Box::new(Without::new(source, &left_out));
        }
        if let Some(classifier) = &self.classifier {
            source = Box::new(classifier.over(source, &parameters, own));
        }
        match (channels, self.checkpoint.in_channels(self.naming)) {
            (Some(channels), Some(COLOURS)) if channels != COLOURS => {
                source = Box::new(AdaptedStem::new(source, stem, channels));
            }
            _ => {}
        }
        let expected = parameters.into_iter().map(|parameter| Expected {
            source_name: self.source_name(&parameter, own(&parameter.name)),
            parameter,
        });
        Ok((source, expected.collect()))
    }

    /// The name under which a parameter is offered whose name in the checkpoint is `own`.
    fn source_name(&self, parameter: &Parameter, own: String) -> String {
        match &self.classifier {
            Some(classifier) => classifier.offered(parameter, own),
            None => own,
        }
    }

    /// Where the weights are from; hashes the file.
    pub(super) fn origin(&self) -> Result<Origin, SourceError> {
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
            self.recorded.fitted.clone(),
        ))
    }
}
