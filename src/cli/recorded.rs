//! What a checkpoint's own metadata record beside the network, and what is said of weights that are not trained.

use super::checkpoint::Reset;
use super::exit::Failure;
use super::source::Seed;
use efficientnet_onnx::like::{Library, Like};
use efficientnet_onnx::metadata::{self, Fresh, Head, Origin, Untrained};
use efficientnet_onnx::network::ClassActivation;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::classifier::FRESH_RULE;
use efficientnet_onnx::weights::evidence::FinalActivation;
use serde::de::DeserializeOwned;

/// The records that go with the weights.
pub struct Recorded {
    /// What turns logits into probabilities; none with a fresh classifier.
    pub activation: Option<ClassActivation>,
    /// What of the weights is not trained, a fresh classifier included.
    pub untrained: Untrained,
    /// What a reader should hear of that.
    pub note: Option<String>,
}

impl Recorded {
    /// Reads what a checkpoint says; with `reset`, without its classifier.
    pub fn read(checkpoint: &Checkpoint, reset: Option<Reset>) -> Result<Self, Failure> {
        let head: Option<Head> = told(checkpoint, metadata::HEAD_KEY)?;
        let origin: Option<Origin> = told(checkpoint, metadata::ORIGIN_KEY)?;
        let mut untrained = origin.as_ref().map(Origin::untrained).unwrap_or_default();
        // A fresh classifier has a note of its own.
        if reset.is_some() {
            untrained.classifier = None;
        }
        let note = (!untrained.is_nothing()).then(|| untrained.to_string());
        if let Some(Reset { seed, .. }) = reset {
            untrained.classifier = Some(Fresh {
                rule: FRESH_RULE.name().to_owned(),
                seed,
            });
        }
        // What the model itself does to its logits, where it is recorded.
        let own = checkpoint
            .evidence()
            .and_then(|evidence| evidence.final_activation)
            .map(|own| match own {
                FinalActivation::Softmax => ClassActivation::Softmax,
                FinalActivation::Sigmoid => ClassActivation::Sigmoid,
            });
        let recorded = head.map(|head| head.activation).or(own);
        Ok(Self {
            activation: recorded.filter(|_| reset.is_none()),
            untrained,
            note,
        })
    }
}

/// The record under `key` in a checkpoint's metadata.
pub fn told<T: DeserializeOwned>(checkpoint: &Checkpoint, key: &str) -> Result<Option<T>, Failure> {
    let Some(text) = checkpoint.metadata().get(key) else {
        return Ok(None);
    };
    serde_json::from_str(text).map(Some).map_err(|error| {
        Failure::bad_input(format!(
            "`{key}` in the checkpoint's metadata is not a record of ours: {error}"
        ))
    })
}

/// What is said where weights are drawn: a warning where `asked`, a library's model, may be taken for its trained weights.
pub fn drawn(seed: Seed, asked: Option<&Like>) -> String {
    let untrained = seed.origin().untrained();
    match asked.filter(|_| seed.is_default()) {
        None => untrained.to_string(),
        Some(like) => {
            let hub = match like.library {
                Library::Timm => format!(", or fetch them with `--weights hf:{}`", like.name()),
                _ => String::new(),
            };
            format!(
                "warning: {untrained}, not the trained weights of `{}`: `--like` chooses a network and no weights\n\
                 hint: give trained weights with `--weights PATH`{hub}; `--init official` leaves this warning out",
                like.name()
            )
        }
    }
}
