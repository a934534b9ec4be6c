//! Which network a checkpoint is of, and why another that is asked for does not fit.

use super::checkpoint::OpenCheckpoint;
use super::checkpoint_head::CheckpointHead;
use super::error::{ConvertError, Misfit, NotPublished};
use crate::network::{FeatureLevel, Output};
use crate::recognise::{Unrecognised, recognise};
use crate::request::{Blueprint, Request};
use crate::tensor::TensorSource;
use crate::weights::BindError;
use crate::weights::names::conventions::{Known, Undecided, resolve_conventions};
use std::collections::BTreeSet;

impl OpenCheckpoint {
    /// The published network that the tensors are of.
    pub(super) fn recognise(&self) -> Result<Blueprint, ConvertError> {
        recognise(self.checkpoint.tensors(), self.naming)
            .map(Blueprint::published)
            .map_err(|error| self.unrecognised(error))
    }

    fn unrecognised(&self, error: Unrecognised) -> ConvertError {
        // What is recorded beside the tensors may say why they differ.
        self.refused_record().unwrap_or_else(|| {
            let tells_conventions = self.implies_conventions(error.nearest);
            ConvertError::Unrecognised(Box::new(NotPublished {
                error,
                tells_conventions,
            }))
        })
    }

    /// The error of a checkpoint that does not tell padding or epsilon.
    pub(super) fn undecided(
        &self,
        error: Undecided,
        variant: Option<&'static str>,
    ) -> ConvertError {
        let own = || ConvertError::Undecided { error, variant };
        self.refused_record().unwrap_or_else(own)
    }

    /// Why a checkpoint does not fit what is asked for.
    pub(super) fn misfit(
        &self,
        request: &Request,
        head: &CheckpointHead,
        error: &BindError,
    ) -> Option<Misfit> {
        let missing: BTreeSet<&str> = error.missing.iter().map(|(own, _)| own.as_str()).collect();
        let is_missing = |name: &&String| missing.contains(name.as_str());
        if let Some(integer) = self.checkpoint.integers().iter().find(is_missing) {
            return Some(Misfit::Integers(integer.clone()));
        }
        if self.lacks_classifier()
            && let Some(output) = self.last_output(request, head, &missing)
        {
            return Some(match output {
                Output::Pooled => Misfit::NoClassifier,
                output => Misfit::NoHead(output),
            });
        }
        let own = recognise(self.checkpoint.tensors(), self.naming).ok()?.name;
        let asked = request.variant().map(|variant| variant.name);
        (asked != Some(own)).then(|| Misfit::OtherNetwork {
            naming: self.naming,
            variant: own,
            tells_conventions: self.implies_conventions(own),
        })
    }

    /// The output furthest from the image, but for those of classes, that needs none of the missing tensors.
    fn last_output(
        &self,
        request: &Request,
        head: &CheckpointHead,
        missing: &BTreeSet<&str>,
    ) -> Option<Output> {
        let levels = FeatureLevel::ALL.into_iter().rev().map(Output::Features);
        [Output::Pooled].into_iter().chain(levels).find(|output| {
            let request = Request {
                outputs: vec![*output],
                ..request.clone()
            };
            let needed = request
                .needed()
                .ok()
                .map(|needed| self.source(needed, head));
            let Some(Ok((_, expected))) = needed else {
                return false;
            };
            let mut names = expected
                .iter()
                .map(|expected| expected.source_name.as_str());
            names.all(|name| !missing.contains(name))
        })
    }

    /// Whether padding and epsilon of a published network need no telling.
    fn implies_conventions(&self, variant: &str) -> bool {
        let recipe = self
            .recipe
            .as_ref()
            .and_then(|recipe| recipe.request().ok());
        let published = self.published.as_ref();
        let told = recipe.or_else(|| Some(published?.like.request()));
        let told = told.map(|told| told.options);
        let file = self.completed(Known {
            padding: told.map(|told| told.padding),
            batch_norm_epsilon: told.map(|told| told.batch_norm_epsilon),
        });
        resolve_conventions(Known::default(), file, self.naming, Some(variant)).is_ok()
    }
}
