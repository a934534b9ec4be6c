//! What a checkpoint's own metadata record beside the network.

use super::error::ConvertError;
use super::note::ConvertNote;
use super::replacement::{Replacement, Reset};
use crate::metadata::{
    self, Fitted, Fresh, HeadRecord, Origin, RecordsError, Thresholds, Untrained,
};
use crate::network::ClassActivation;
use crate::weights::checkpoint::Checkpoint;
use crate::weights::classifier::FRESH_RULE;
use crate::weights::evidence::FinalActivation;
use serde::de::DeserializeOwned;

/// The records that go with the weights.
pub(super) struct Recorded {
    /// What turns logits into probabilities; none with another classifier.
    pub activation: Option<ClassActivation>,
    /// From which probability on a picture is of a class; none with another classifier.
    pub thresholds: Option<Thresholds>,
    /// What of the weights is not trained, a fresh classifier included.
    pub untrained: Untrained,
    /// Where a classifier is from that was fitted elsewhere.
    pub fitted: Option<Fitted>,
    /// What a reader should hear of that.
    pub note: Option<ConvertNote>,
}

impl Recorded {
    /// Reads what a checkpoint says; with `classifier` in the place of its own.
    pub fn read(
        checkpoint: &Checkpoint,
        classifier: Option<&Replacement>,
    ) -> Result<Self, ConvertError> {
        let head: Option<HeadRecord> = told(checkpoint, metadata::HEAD_KEY)?;
        let origin: Option<Origin> = told(checkpoint, metadata::ORIGIN_KEY)?;
        let mut untrained = origin.as_ref().map(Origin::untrained).unwrap_or_default();
        let mut fitted = origin.as_ref().and_then(Origin::fitted).cloned();
        // Another classifier has a note of its own.
        if classifier.is_some() {
            untrained.classifier = None;
            fitted = None;
        }
        let note = (!untrained.is_nothing()).then(|| ConvertNote::Untrained(untrained.clone()));
        match classifier {
            Some(Replacement::Drawn(Reset { seed, .. })) => {
                untrained.classifier = Some(Fresh {
                    rule: FRESH_RULE.name().to_owned(),
                    seed: *seed,
                });
            }
            Some(Replacement::Fitted(new)) => fitted = Some(new.record().clone()),
            None => {}
        }
        // What the model itself does to its logits, where it is recorded.
        let own = checkpoint
            .evidence()
            .and_then(|evidence| evidence.final_activation)
            .map(|own| match own {
                FinalActivation::Softmax => ClassActivation::Softmax,
                FinalActivation::Sigmoid => ClassActivation::Sigmoid,
            });
        let activation = head.as_ref().map(|head| head.activation).or(own);
        let thresholds = head.and_then(|head| head.thresholds);
        Ok(Self {
            activation: activation.filter(|_| classifier.is_none()),
            thresholds: thresholds.filter(|_| classifier.is_none()),
            untrained,
            fitted,
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
