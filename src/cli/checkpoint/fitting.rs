//! Which network a checkpoint is of, and what to do where another is asked for.

use super::super::exit::Failure;
use super::super::like;
use super::OpenCheckpoint;
use efficientnet_onnx::recognise::{Unrecognised, recognise};
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::BindError;
use efficientnet_onnx::weights::names::conventions::{Known, Undecided, resolve_conventions};

impl OpenCheckpoint {
    /// The published network that the tensors are of.
    pub(super) fn recognise(&self) -> Result<Blueprint, Failure> {
        recognise(self.checkpoint.tensors(), self.naming)
            .map(Blueprint::published)
            .map_err(|error| self.unrecognised(&error))
    }

    fn unrecognised(&self, error: &Unrecognised) -> Failure {
        // What is recorded beside the tensors may say why they differ.
        if let Some(refusal) = self.refused_record() {
            return refusal;
        }
        let nearest = error.nearest;
        // Tensors are compared once padding and epsilon are known.
        let flags = if self.implies_conventions(nearest) {
            ""
        } else {
            " --padding same --bn-epsilon 1e-3"
        };
        Failure::bad_input(error).hint(format!(
            "`--variant {nearest}{flags}` lists the tensors that differ; `--arch FILE` takes a custom architecture"
        ))
    }

    /// The error of a checkpoint that does not tell padding or epsilon.
    pub(super) fn undecided(&self, error: Undecided, variant: Option<&str>) -> Failure {
        let own = || Failure::bad_input(error).hint(like::hint(error, variant));
        self.refused_record().unwrap_or_else(own)
    }

    /// What to do about a checkpoint that does not fit what is asked for.
    pub fn misfit(&self, request: &Request, error: &BindError) -> Option<String> {
        let is_missing = |name: &&String| error.missing.iter().any(|(own, _)| own == *name);
        if let Some(integer) = self.checkpoint.integers().iter().find(is_missing) {
            return Some(format!(
                "`{}` is stored as integers, expected floating-point numbers: save it as such",
                integer.escape_debug()
            ));
        }
        if self.lacks_classifier() {
            return Some("the checkpoint has no classifier: draw one with `--reset-classifier N`, or leave it out with `--outputs pooled`".to_owned());
        }
        let own = recognise(self.checkpoint.tensors(), self.naming).ok()?.name;
        let asked = request.variant().map(|variant| variant.name);
        if asked == Some(own) {
            return None;
        }
        Some(if self.implies_conventions(own) {
            format!("the checkpoint is of {own}: use `--variant {own}`")
        } else {
            let names = like::named(self.naming, own);
            format!("the checkpoint is of {own}, and one of these models: use {names}")
        })
    }

    /// Whether padding and epsilon of a published network need no flag.
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
