//! A network's parameters outside of a file of ours: from a model with its batch norms kept, or from a seed.

use super::error::ConvertError;
use super::model;
use super::note::ConvertNote;
use super::weights::Seed;
use super::wishes::Wishes;
use crate::files::Inputs;
use crate::form::BatchNorms;
use crate::graph::Graph;
use crate::like::in_family;
use crate::metadata::{self, CHECKSUMS_KEY, HeadRecord, Metadata, RECIPE_KEY, Recipe};
use crate::onnx::file::ModelFile;
use crate::request::Request;
use crate::tensor::{SourceError, TensorSource};
use crate::weights::checkpoint::Checkpoint;
use crate::weights::export::Export;
use crate::weights::names::Naming;
use std::path::Path;

/// Parameters that can be written as a checkpoint, in the names and the layout of any library.
pub struct Exported {
    request: Request,
    canonical: Graph,
    source: Box<dyn TensorSource>,
    metadata: Vec<(String, String)>,
    inputs: Inputs,
    notes: Vec<ConvertNote>,
}

impl Exported {
    /// The parameters of a model that was written here with its batch norms kept.
    ///
    /// # Errors
    /// If the file cannot be read, was not written here, or has its batch norms folded.
    pub fn from_model(path: &Path) -> Result<Self, ConvertError> {
        let file = ModelFile::open(path)?;
        let recipe: Recipe = metadata::record(file.metadata(RECIPE_KEY), RECIPE_KEY)?
            .ok_or_else(|| ConvertError::NoRecipe(path.to_owned()))?;
        if file.shares_weights() {
            let path = path.to_string_lossy().into_owned();
            return Err(SourceError::Skeleton { path }.into());
        }
        let request = recipe.request()?;
        if request.form.batch_norms == BatchNorms::Fold {
            return Err(ConvertError::FoldedModel(path.to_owned()));
        }
        let mut metadata = file.contents.metadata_props.clone();
        // They are the checksums of the model's initializers, which an export lays out anew.
        metadata.retain(|(key, _)| key != CHECKSUMS_KEY);
        let source = Checkpoint::open(path)?;
        Ok(Self {
            canonical: request.canonical()?,
            request,
            inputs: source.files().collect(),
            source: Box::new(source),
            metadata,
            notes: Vec::new(),
        })
    }

    /// The parameters of a network that is asked for, drawn from a seed; `reading` is a line on how φ was read, where that
    /// was asked for.
    ///
    /// # Errors
    /// If no network is asked for, or it has no graph.
    pub fn drawn(
        wishes: &Wishes,
        seed: Seed,
        reading: Option<String>,
    ) -> Result<Self, ConvertError> {
        let mut request = wishes.request()?;
        request.form.batch_norms = BatchNorms::Keep;
        let canonical = request.canonical()?;
        let asked = wishes.like();
        let mut notes: Vec<ConvertNote> = asked
            .and_then(|asked| model::departure(asked, &request))
            .into_iter()
            .collect();
        notes.push(ConvertNote::Untrained(seed.origin().untrained()));
        let mut recipe = Recipe::new(&request, canonical.counts(), reading);
        recipe.like = model::recorded_name(asked, &request);
        let metadata = Metadata {
            recipe,
            origin: seed.origin(),
            preprocessing: model::preprocessing(asked, &request),
            labels: None,
            head: Some(HeadRecord {
                activation: request.activation(),
                thresholds: None,
            }),
        };
        Ok(Self {
            source: Box::new(seed.draw(canonical.parameters.clone())),
            metadata: metadata.entries(),
            inputs: Inputs::none(),
            canonical,
            request,
            notes,
        })
    }

    /// The network that they are of.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What a reader should hear of them.
    #[must_use]
    pub fn notes(&self) -> &[ConvertNote] {
        &self.notes
    }

    /// Every file that is read.
    #[must_use]
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// What a checkpoint of them says of itself: keys and values.
    #[must_use]
    pub fn metadata(&self) -> &[(String, String)] {
        &self.metadata
    }

    /// How many tensors there are.
    #[must_use]
    pub fn tensors(&self) -> usize {
        self.canonical.parameters.len()
    }

    /// The parameters in the names and the layout of a library, which are those of `naming` for EfficientNets.
    ///
    /// # Errors
    /// If the file has not all of them, or the library no name for one.
    pub fn named(&self, naming: Naming) -> Result<Export<'_>, ConvertError> {
        let naming = match self.request.blueprint.scaling() {
            Some(scaling) => in_family(naming, scaling.family()),
            None => naming,
        };
        Ok(Export::new(&self.canonical, &*self.source, naming)?)
    }
}
