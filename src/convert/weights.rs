//! Where weights are from: a seed or a checkpoint, and what each says about the network.

use super::checkpoint::OpenCheckpoint;
use super::checkpoint_head::CheckpointHead;
use super::error::{ConvertError, Misfit};
use super::locate::Located;
use super::model;
use super::note::ConvertNote;
use super::replacement::Replacement;
use super::wishes::Wishes;
use crate::files::Inputs;
use crate::graph::Parameter;
use crate::like::{Like, keras_preprocessing};
use crate::metadata::{Origin, Preprocessing, Thresholds};
use crate::network::ClassActivation;
use crate::request::Request;
use crate::tensor::{SourceError, TensorSource};
use crate::weights::init::{Rule, SeededWeights};
use crate::weights::{BindError, Expected};
use std::path::Path;

/// Weights, opened but not read.
pub enum Weights {
    /// Drawn from a seed: not trained.
    Seed(Seed),
    /// None: numbers drawn from this seed stand for all of them, at one place.
    Skeleton(u64),
    /// From a file.
    Checkpoint(Box<OpenCheckpoint>),
}

/// A rule and a number from which weights are drawn. By default `official` and 0.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// How they are drawn.
    pub rule: Rule,
    /// From what.
    pub number: u64,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            rule: Rule::Official,
            number: 0,
        }
    }
}

impl Seed {
    /// Parameters drawn by the rule.
    #[must_use]
    pub fn draw(self, parameters: Vec<Parameter>) -> SeededWeights {
        SeededWeights::new(parameters, self.rule, self.number)
    }

    /// What a file with them says of where they are from.
    #[must_use]
    pub fn origin(self) -> Origin {
        Origin::seed(self.rule.name(), self.number)
    }
}

/// Tensors, and the name under which they have each parameter.
type Bound<'a> = (Box<dyn TensorSource + 'a>, Vec<Expected>);

impl Weights {
    /// Opens a checkpoint, or the published model in a folder.
    ///
    /// # Errors
    /// If it cannot be read, or not without losing a part of its model.
    pub fn open(path: &Path) -> Result<Self, ConvertError> {
        Self::open_located(Located::on_disk(path)?, None)
    }

    /// Opens a checkpoint that was located; with `classifier` in the place of its own.
    ///
    /// # Errors
    /// As [`Weights::open`].
    pub fn open_located(
        located: Located,
        classifier: Option<Replacement>,
    ) -> Result<Self, ConvertError> {
        let open = OpenCheckpoint::open(located, classifier)?;
        Ok(Self::Checkpoint(Box::new(open)))
    }

    /// Every file that is read, and all that lies in the folder that was named.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        match self {
            Self::Seed(_) | Self::Skeleton(_) => Inputs::none(),
            Self::Checkpoint(open) => open.inputs(),
        }
    }

    /// The wishes' request, completed by what the checkpoint tells, and the checkpoint's head.
    pub(super) fn request(
        &self,
        wishes: &Wishes,
    ) -> Result<(Request, CheckpointHead), ConvertError> {
        match self {
            Self::Seed(_) | Self::Skeleton(_) => Ok((wishes.request()?, CheckpointHead::default())),
            Self::Checkpoint(open) => open.request(wishes),
        }
    }

    /// The library's model that is asked for, or else the one that the checkpoint says it is.
    pub(super) fn like(&self, wishes: &Wishes) -> Option<Like> {
        match self {
            Self::Checkpoint(open) => open.like(wishes),
            Self::Seed(_) | Self::Skeleton(_) => wishes.like().cloned(),
        }
    }

    /// How the checkpoint was read, where it was not told, and where the request departs from the library's model that was
    /// asked for.
    pub(super) fn notes(
        &self,
        wishes: &Wishes,
        request: &Request,
        head: &CheckpointHead,
    ) -> Vec<ConvertNote> {
        let mut notes = match self {
            Self::Seed(seed) => vec![ConvertNote::Untrained(seed.origin().untrained())],
            Self::Skeleton(seed) => {
                vec![ConvertNote::Untrained(Origin::skeleton(*seed).untrained())]
            }
            Self::Checkpoint(open) => open.notes(wishes, request, head),
        };
        let asked = wishes.like();
        notes.extend(asked.and_then(|asked| model::departure(asked, request)));
        let recorded = match self {
            Self::Seed(_) | Self::Skeleton(_) => None,
            Self::Checkpoint(open) => open.padding_place(),
        };
        if wishes.padding.is_none() {
            notes.extend(model::static_pads(request, recorded));
        }
        notes
    }

    /// What turns logits into probabilities, if the checkpoint says so.
    pub(super) fn activation(&self) -> Option<ClassActivation> {
        match self {
            Self::Seed(_) | Self::Skeleton(_) => None,
            Self::Checkpoint(open) => open.recorded.activation,
        }
    }

    /// From which probability on a picture is of a class, if the checkpoint says so.
    pub(super) fn thresholds(&self) -> Option<&Thresholds> {
        match self {
            Self::Seed(_) | Self::Skeleton(_) => None,
            Self::Checkpoint(open) => open.recorded.thresholds.as_ref(),
        }
    }

    /// Notes on what the checkpoint records beside its tensors; an error if that is another network.
    pub(super) fn agreement(
        &self,
        wishes: &Wishes,
        request: &Request,
    ) -> Result<Vec<ConvertNote>, ConvertError> {
        match self {
            Self::Seed(_) | Self::Skeleton(_) => Ok(Vec::new()),
            Self::Checkpoint(open) => open.agreement(wishes, request),
        }
    }

    /// Why weights do not fit what is asked for.
    pub(super) fn misfit(
        &self,
        request: &Request,
        head: &CheckpointHead,
        error: &BindError,
    ) -> Option<Misfit> {
        match self {
            Self::Seed(_) | Self::Skeleton(_) => None,
            Self::Checkpoint(open) => open.misfit(request, head, error),
        }
    }

    /// The tensors, and the name under which they have each parameter; none of a skeleton.
    pub(super) fn source(
        &self,
        parameters: Vec<Parameter>,
        head: &CheckpointHead,
    ) -> Result<Option<Bound<'_>>, ConvertError> {
        Ok(match self {
            Self::Seed(seed) => {
                let expected = Expected::as_named(&parameters);
                Some((Box::new(seed.draw(parameters)), expected))
            }
            Self::Skeleton(_) => None,
            Self::Checkpoint(open) => Some(open.source(parameters, head)?),
        })
    }

    /// What the file will say of where its weights are from; hashes a checkpoint.
    pub(super) fn origin(&self) -> Result<Origin, SourceError> {
        match self {
            Self::Seed(seed) => Ok(seed.origin()),
            Self::Skeleton(seed) => Ok(Origin::skeleton(*seed)),
            Self::Checkpoint(open) => open.origin(),
        }
    }

    /// How pictures become input: as the checkpoint says, else as the library's model that was asked for wants them or
    /// its names imply, else as TensorFlow's models of the family do.
    ///
    /// None where the input is not a colour picture.
    pub(super) fn preprocessing(
        &self,
        wishes: &Wishes,
        request: &Request,
    ) -> Option<Preprocessing> {
        let is_colour = request.options.in_channels == 3;
        let Self::Checkpoint(open) = self else {
            return model::preprocessing(wishes.like(), request);
        };
        if let Some(told) = open.preprocessing_at(request.default_size()) {
            return is_colour.then_some(told);
        }
        let implied = open.library(request);
        let usual = model::preprocessing(wishes.like().or(implied.as_ref()), request);
        match (usual, open.normal()) {
            (Some(usual), Some(normal)) => Some(Preprocessing { normal, ..usual }),
            // Keras's model has a network of its own.
            (None, Some(normal)) if is_colour => {
                Some(keras_preprocessing(request.default_size(), normal))
            }
            (usual, _) => usual,
        }
    }

    /// The classifier in the place of the checkpoint's, if there is one.
    pub(super) fn classifier(&self) -> Option<&Replacement> {
        match self {
            Self::Checkpoint(open) => open.classifier.as_ref(),
            Self::Seed(_) | Self::Skeleton(_) => None,
        }
    }

    /// Class names that the checkpoint carries for its classifier, as JSON.
    pub(super) fn labels(&self) -> Option<&str> {
        match self {
            Self::Checkpoint(open) => open.labels(),
            Self::Seed(_) | Self::Skeleton(_) => None,
        }
    }
}
