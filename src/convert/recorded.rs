//! What a checkpoint's own metadata record beside the network.

use super::error::ConvertError;
use super::note::ConvertNote;
use super::wishes::Reset;
use crate::metadata::{self, Fresh, HeadRecord, Origin, RecordsError, Untrained};
use crate::network::ClassActivation;
use crate::weights::checkpoint::Checkpoint;
use crate::weights::classifier::FRESH_RULE;
use crate::weights::evidence::FinalActivation;
use serde::de::DeserializeOwned;

/// The records that go with the weights.
pub(super) struct Recorded {
    /// What turns logits into probabilities; none with a fresh classifier.
    pub activation: Option<ClassActivation>,
    /// What of the weights is not trained, a fresh classifier included.
    pub untrained: Untrained,
    /// What a reader should hear of that.
    pub note: Option<ConvertNote>,
}

impl Recorded {
    /// Reads what a checkpoint says; with `reset`, without its classifier.
    pub fn read(checkpoint: &Checkpoint, reset: Option<Reset>) -> Result<Self, ConvertError> {
        let head: Option<HeadRecord> = told(checkpoint, metadata::HEAD_KEY)?;
        let origin: Option<Origin> = told(checkpoint, metadata::ORIGIN_KEY)?;
        let mut untrained = origin.as_ref().map(Origin::untrained).unwrap_or_default();
        // A fresh classifier has a note of its own.
        if reset.is_some() {
            untrained.classifier = None;
        }
        let note = (!untrained.is_nothing()).then(|| ConvertNote::Untrained(untrained.clone()));
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
pub(super) fn told<T: DeserializeOwned>(
    checkpoint: &Checkpoint,
    key: &'static str,
) -> Result<Option<T>, RecordsError> {
    let text = checkpoint.metadata().get(key).map(String::as_str);
    metadata::record(text, key)
}
