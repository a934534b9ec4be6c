//! One checkpoint and one set of wishes, held against each other: a request, what is to be said of it, and its file.

use super::checkpoint_head::CheckpointHead;
use super::error::ConvertError;
use super::model;
use super::note::ConvertNote;
use super::replacement::Replacement;
use super::weights::Weights;
use super::wishes::Wishes;
use crate::emit::{self, Destination, EmitError, Emitted, Observer, Tensors};
use crate::files::Inputs;
use crate::form::{InputFormat, Linear, Normalize, Pool, Swish};
use crate::labels::Labels;
use crate::metadata::{HeadRecord, Metadata, Recipe, Thresholds};
use crate::network::ClassActivation;
use crate::onnx::check::targets::Feature;
use crate::onnx::ops::Operator;
use crate::request::{Extent, Request};
use crate::tensor::Element;
use std::thread;

/// Weights and a request that they fit as far as their names, records and counts tell. Whether each tensor fits shows
/// when the file is written.
pub struct Conversion {
    weights: Weights,
    wishes: Wishes,
    pub(super) request: Request,
    /// Where the tensors of the head lie.
    head: CheckpointHead,
    notes: Vec<ConvertNote>,
    labels: Option<String>,
    thresholds: Option<Thresholds>,
}

impl Conversion {
    /// Resolves a request from what is wished for and what the weights tell.
    ///
    /// # Errors
    /// If nothing tells the network, its padding or its epsilon, or if what the weights tell contradicts the wishes.
    pub fn new(weights: Weights, wishes: Wishes) -> Result<Self, ConvertError> {
        let (mut request, head) = weights.request(&wishes)?;
        request.batch = wishes.batch;
        let outputs = wishes.outputs.clone();
        request.outputs = outputs.unwrap_or_else(|| vec![request.whole()]);
        request.form = wishes.form.clone();
        request.form.normalize = normalize(&wishes, &weights, &request)?;
        request.activation = activation(&wishes, &weights, &request)?;
        if let Some(classifier) = weights.classifier()
            && !request.has_classes()
        {
            let is_fitted = matches!(classifier, Replacement::Fitted(_));
            return Err(ConvertError::ClassifierWithoutClasses { is_fitted });
        }
        let agreement = weights.agreement(&wishes, &request)?;
        let labels = labels(&wishes, &weights, request.options.classes)?;
        let thresholds = thresholds(&wishes, &weights, &request)?;
        let mut notes = weights.notes(&wishes, &request, &head);
        if thresholds.is_none() && weights.thresholds().is_some() {
            notes.push(ConvertNote::ThresholdsLeftOut);
        }
        notes.extend(agreement);
        if request.leaves_padding() {
            let is_fixed = |extent: &Extent| matches!(extent, Extent::Fixed(_));
            let is_side_fixed = request.size.iter().any(is_fixed);
            let faults = Feature::AutoPad { is_side_fixed }.faults();
            notes.push(ConvertNote::PaddingLeft(faults));
        }
        notes.extend(spelling(&request));
        Ok(Self {
            weights,
            wishes,
            request,
            head,
            notes,
            labels,
            thresholds,
        })
    }

    /// What will be emitted.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What a reader should hear of it.
    #[must_use]
    pub fn notes(&self) -> &[ConvertNote] {
        &self.notes
    }

    /// Every file that is read: no output may replace one.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        self.weights.inputs()
    }

    /// What the file will record of its network; `reading` is a line on how φ was read, where that was asked for.
    ///
    /// # Errors
    /// If the request has no graph.
    pub fn recipe(&self, reading: Option<String>) -> Result<Recipe, ConvertError> {
        let mut recipe = Recipe::new(&self.request, self.request.counts()?, reading);
        let like = self.weights.like(&self.wishes);
        recipe.like = model::recorded_name(like.as_ref(), &self.request);
        Ok(recipe)
    }

    /// Writes the file. Neither the checkpoint's files nor `destination.inputs` are ever replaced.
    ///
    /// # Errors
    /// If the tensors do not fit the network, the output cannot be written, or `observer` cancels. Nothing is left behind
    /// then.
    pub fn write(
        &self,
        recipe: &Recipe,
        mut destination: Destination,
        observer: &dyn Observer,
    ) -> Result<Emitted, ConvertError> {
        destination.inputs.extend(&self.inputs());
        let bound = self
            .weights
            .source(self.request.parameters()?, &self.head)?;
        let preprocessing = self.weights.preprocessing(&self.wishes, &self.request);
        let emitted = thread::scope(|scope| {
            // A checkpoint is hashed while it is converted; the metadata ends the file.
            let origin = || self.weights.origin();
            let hashing = thread::Builder::new().spawn_scoped(scope, origin);
            let metadata = || {
                let origin = match hashing {
                    Ok(thread) => thread
                        .join()
                        .map_err(|_| "hashing the checkpoint panicked".to_owned())?,
                    // The system refuses threads.
                    Err(_) => origin(),
                };
                let metadata = Metadata {
                    recipe: recipe.clone(),
                    origin: origin.map_err(|error| error.to_string())?,
                    preprocessing: preprocessing.map(|whole| whole.outside(&self.request.form)),
                    labels: self.labels.clone(),
                    head: self.request.has_classes().then(|| HeadRecord {
                        activation: self.request.activation(),
                        thresholds: self.thresholds.clone(),
                    }),
                };
                Ok(metadata.entries())
            };
            let request = &self.request;
            match (&bound, &self.weights) {
                (Some((source, expected)), _) => {
                    let source = source.as_ref();
                    let tensors = Tensors { source, expected };
                    emit::emit(request, &tensors, destination, observer, metadata)
                }
                (None, Weights::Skeleton(seed)) => {
                    emit::emit_skeleton(request, *seed, destination, observer, metadata)
                }
                (None, _) => Err(EmitError::Metadata("the request has no weights".to_owned())),
            }
        });
        emitted.map_err(|error| match error {
            EmitError::Bind(error) => ConvertError::Misfit {
                cause: self.weights.misfit(&self.request, &self.head, &error),
                error,
            },
            error => ConvertError::Emit(error),
        })
    }
}

/// What the graph itself does to pixels, where it is to do that: what its pictures are normalised with.
fn normalize(
    wishes: &Wishes,
    weights: &Weights,
    request: &Request,
) -> Result<Option<Normalize>, ConvertError> {
    if !wishes.normalize && wishes.form.input != InputFormat::Uint8Nhwc {
        return Ok(None);
    }
    match weights.preprocessing(wishes, request) {
        Some(preprocessing) => Ok(Some(preprocessing.normal.into())),
        None => Err(ConvertError::NoNormal {
            format: wishes.form.input,
            channels: request.options.in_channels,
        }),
    }
}

/// What toolchains do not take of a spelling that was asked for and is not the usual one.
fn spelling(request: &Request) -> Vec<ConvertNote> {
    let form = &request.form;
    let pool = form.unusual_pool().map(|pool| match pool {
        Pool::GlobalAverage => Feature::GlobalAveragePool,
        Pool::ReduceMean => Feature::AxesOperand,
    });
    // A network of other activations has no swish.
    let has_swish = || {
        let graph = request.graph();
        graph.is_ok_and(|graph| {
            graph
                .nodes()
                .iter()
                .any(|node| node.operator == Operator::Swish)
        })
    };
    let swish = (form.swish == Swish::SwishOp && has_swish()).then_some(Feature::Swish(form.opset));
    let is_gemm = form.unusual_head() == Some(Linear::Gemm);
    let gemm = (is_gemm && form.element == Element::F16).then_some(Feature::HalfGemm);
    let version = form.higher_ir_version().map(Feature::IrVersion);
    let features = [swish, pool, gemm, version].into_iter().flatten();
    features
        .map(|feature| ConvertNote::Spelling(feature, feature.faults()))
        .filter(|note| !matches!(note, ConvertNote::Spelling(_, faults) if faults.is_empty()))
        .collect()
}

fn activation(
    wishes: &Wishes,
    weights: &Weights,
    request: &Request,
) -> Result<Option<ClassActivation>, ConvertError> {
    let Some(asked) = wishes.activation else {
        return Ok(weights.activation());
    };
    if !request.has_classes() {
        return Err(ConvertError::ActivationWithoutClasses);
    }
    if asked == ClassActivation::Softmax && request.options.classes == 1 {
        return Err(ConvertError::SoftmaxOfOneClass);
    }
    Ok(Some(asked))
}

/// From which probability on a picture is of a class: as it is asked for, else as the checkpoint records it.
fn thresholds(
    wishes: &Wishes,
    weights: &Weights,
    request: &Request,
) -> Result<Option<Thresholds>, ConvertError> {
    let is_sigmoid = request.activation() == ClassActivation::Sigmoid;
    let Some(asked) = &wishes.thresholds else {
        let carried = weights.thresholds().filter(|_| request.has_classes());
        let carried = carried.filter(|_| is_sigmoid).cloned();
        if let Some(carried) = &carried {
            let fits = carried.check(request.options.classes);
            fits.map_err(ConvertError::CarriedThresholds)?;
        }
        return Ok(carried);
    };
    if !request.has_classes() {
        return Err(ConvertError::ThresholdsWithoutClasses);
    }
    if !is_sigmoid {
        return Err(ConvertError::ThresholdsOfSoftmax);
    }
    let fits = asked.check(request.options.classes);
    fits.map_err(ConvertError::Thresholds)?;
    Ok(Some(asked.clone()))
}

/// The names for the file's metadata, as JSON: those that are asked for, else those that the checkpoint carries.
fn labels(
    wishes: &Wishes,
    weights: &Weights,
    classes: u64,
) -> Result<Option<String>, ConvertError> {
    let count = usize::try_from(classes).unwrap_or(usize::MAX);
    if let Some(names) = &wishes.labels {
        if names.len() != count {
            return Err(ConvertError::LabelCount {
                expected: classes,
                found: names.len(),
            });
        }
        return Ok(Some(serde_json::Value::from(names.clone()).to_string()));
    }
    let Some(carried) = weights.labels() else {
        return Ok(None);
    };
    Labels::of(Some(carried), count).map_err(ConvertError::CarriedLabels)?;
    Ok(Some(carried.to_owned()))
}
