//! What a checkpoint records beside its tensors, held against what is asked for.

use super::checkpoint::OpenCheckpoint;
use super::error::ConvertError;
use super::note::{ConvertNote, Place};
use super::published::Published;
use super::wishes::Wishes;
use crate::network::Output;
use crate::recognise::{Contradiction, contradictions, recognise};
use crate::request::Request;
use crate::tensor::TensorSource;
use crate::weights::evidence::{Evidence, Part};
use crate::weights::names::Naming;
use crate::weights::names::conventions::Known;

impl OpenCheckpoint {
    /// Padding and epsilon, completed by what the checkpoint records beside its tensors.
    pub(super) fn completed(&self, known: Known) -> Known {
        let Some(evidence) = self.checkpoint.evidence() else {
            return known;
        };
        Known {
            padding: known.padding.or(evidence.padding),
            batch_norm_epsilon: known.batch_norm_epsilon.or(evidence.batch_norm_epsilon),
        }
    }

    /// What tells padding and epsilon: the record beside the tensors where all else `is_silent`.
    pub(super) fn telling(&self, place: Place, is_silent: bool) -> Place {
        match self.checkpoint.evidence().filter(|_| is_silent) {
            Some(evidence) => Place::Record(evidence.place.clone()),
            None => place,
        }
    }

    /// Where the checkpoint records its padding beside the tensors, if it does.
    pub(super) fn padding_place(&self) -> Option<&str> {
        let published = self.published.as_ref();
        if published.is_some_and(Published::records_padding) {
            return Some("`config.json`");
        }
        let evidence = self.checkpoint.evidence()?;
        evidence.padding.map(|_| evidence.place.as_str())
    }

    /// Returns the error for a recorded property that no network here supports.
    pub(super) fn refused_record(&self) -> Option<ConvertError> {
        let evidence = self.checkpoint.evidence()?;
        let unsupported = evidence.unsupported.iter().cloned();
        let left: Vec<_> = unsupported.map(Contradiction::Unsupported).collect();
        (!left.is_empty()).then(|| refusal(evidence, self.naming, left))
    }

    /// Returns the error for a recorded head layer that this program does not support.
    pub(super) fn refused_layers(&self) -> Option<ConvertError> {
        let evidence = self.checkpoint.evidence()?;
        let layers = evidence.unsupported.iter();
        let layers = layers.filter(|unsupported| unsupported.part == Part::Head);
        let left: Vec<_> = layers.cloned().map(Contradiction::Unsupported).collect();
        (!left.is_empty()).then(|| refusal(evidence, self.naming, left))
    }

    /// Notes on what is recorded and does not count; an error if what counts is another network than the request's.
    pub(super) fn agreement(
        &self,
        wishes: &Wishes,
        request: &Request,
    ) -> Result<Vec<ConvertNote>, ConvertError> {
        let Some(evidence) = self.checkpoint.evidence() else {
            return Ok(Vec::new());
        };
        let has_classes = request.has_classes();
        let needs_layers = has_classes || request.outputs.contains(&Output::Embedding);
        let keeps_head = self.classifier.is_none() && needs_layers;
        let mut found = contradictions(evidence, request, self.naming, keeps_head);
        found.retain(|one| has_classes || !matches!(one, Contradiction::Final(_)));
        let is_overruled = |contradiction: &Contradiction| match contradiction {
            Contradiction::Border { .. } => wishes.padding.is_some(),
            Contradiction::Epsilon { .. } => wishes.batch_norm_epsilon.is_some(),
            // The file records it; a published Keras model ends in a softmax, and its logits are emitted as well.
            Contradiction::Final(_) => {
                self.checkpoint.model_config().is_some()
                    || request.outputs.contains(&Output::Probabilities)
            }
            _ => false,
        };
        let (overruled, left): (Vec<_>, Vec<_>) = found.into_iter().partition(is_overruled);
        if !left.is_empty() && self.fits(request) {
            return Err(refusal(evidence, self.naming, left));
        }
        let recorded = evidence.notes.iter().cloned();
        let mut notes: Vec<ConvertNote> = recorded.map(ConvertNote::Recorded).collect();
        if !keeps_head {
            let head = evidence.unsupported.iter();
            let head = head.filter(|unsupported| unsupported.part == Part::Head);
            notes
                .extend(head.map(|unsupported| ConvertNote::HeadLeftOut(unsupported.what.clone())));
        }
        if !overruled.is_empty() {
            notes.push(ConvertNote::Overruled {
                place: evidence.place.clone(),
                contradictions: overruled,
            });
        }
        Ok(notes)
    }

    /// Whether the request may be of the checkpoint's own network; elsewhere it is the tensors that do not fit.
    fn fits(&self, request: &Request) -> bool {
        let own = recognise(self.checkpoint.tensors(), self.naming);
        match (own, request.variant()) {
            (Ok(own), Some(asked)) => own == asked,
            _ => true,
        }
    }
}

fn refusal(
    evidence: &Evidence,
    naming: Naming,
    contradictions: Vec<Contradiction>,
) -> ConvertError {
    ConvertError::Contradicted {
        place: evidence.place.clone(),
        contradictions,
        naming,
        padding: evidence.padding,
        batch_norm_epsilon: evidence.batch_norm_epsilon,
    }
}
