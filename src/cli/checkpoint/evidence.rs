//! What a checkpoint records beside its tensors, held against what is asked for.

use super::super::exit::Failure;
use super::super::select::Shape;
use super::OpenCheckpoint;
use efficientnet_onnx::network::Output;
use efficientnet_onnx::recognise::{Contradiction, contradictions, recognise};
use efficientnet_onnx::request::Request;
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::evidence::{Evidence, Part};
use efficientnet_onnx::weights::names::Naming;
use efficientnet_onnx::weights::names::conventions::Known;

/// Contradictions that one message lists.
const MOST_LISTED: usize = 4;

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

    /// What tells padding and epsilon, as messages begin: the record beside the tensors where all else `is_silent`.
    pub(super) fn telling(&self, place: &str, is_silent: bool) -> String {
        match self.checkpoint.evidence().filter(|_| is_silent) {
            Some(evidence) => format!("{} says", evidence.place),
            None => place.to_owned(),
        }
    }

    /// Where the checkpoint records its padding beside the tensors, if it does.
    pub fn padding_place(&self) -> Option<&str> {
        let evidence = self.checkpoint.evidence()?;
        evidence.padding.map(|_| evidence.place.as_str())
    }

    /// Returns the error for a recorded property that no network here supports.
    pub(super) fn refused_record(&self) -> Option<Failure> {
        let evidence = self.checkpoint.evidence()?;
        let unsupported = evidence.unsupported.iter().cloned();
        let left: Vec<_> = unsupported.map(Contradiction::Unsupported).collect();
        (!left.is_empty()).then(|| refusal(evidence, self.naming, &left))
    }

    /// Notes on what is recorded and does not count; an error if what counts is another network than the request's.
    pub fn agreement(&self, shape: &Shape, request: &Request) -> Result<Vec<String>, Failure> {
        let Some(evidence) = self.checkpoint.evidence() else {
            return Ok(Vec::new());
        };
        let keeps_head = self.reset.is_none() && request.has_classes();
        let found = contradictions(evidence, request, self.naming, keeps_head);
        let is_overruled = |contradiction: &Contradiction| match contradiction {
            Contradiction::Border { .. } => shape.padding.is_some(),
            Contradiction::Epsilon { .. } => shape.bn_epsilon.is_some(),
            // The file records it; a published Keras model ends in a softmax, and its logits are emitted as well.
            Contradiction::Final(_) => {
                self.checkpoint.model_config().is_some()
                    || request.outputs.contains(&Output::Probabilities)
            }
            _ => false,
        };
        let (overruled, left): (Vec<_>, Vec<_>) = found.into_iter().partition(is_overruled);
        if !left.is_empty() && self.fits(request) {
            return Err(refusal(evidence, self.naming, &left));
        }
        let mut notes = evidence.notes.clone();
        if !keeps_head {
            let head = evidence.unsupported.iter();
            let head = head.filter(|unsupported| unsupported.part == Part::Head);
            notes.extend(
                head.map(|unsupported| format!("left out with the head: {}", unsupported.what)),
            );
        }
        if !overruled.is_empty() {
            notes.push(format!(
                "what is emitted differs from {}: {}",
                evidence.place,
                listed(&overruled)
            ));
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

fn listed(contradictions: &[Contradiction]) -> String {
    let shown = contradictions.iter().take(MOST_LISTED);
    let mut shown: Vec<String> = shown.map(ToString::to_string).collect();
    if let Some(more) = contradictions.len().checked_sub(MOST_LISTED + 1) {
        shown.push(format!("and {} more", more + 1));
    }
    shown.join("; ")
}

fn refusal(evidence: &Evidence, naming: Naming, left: &[Contradiction]) -> Failure {
    let failure = Failure::bad_input(format!(
        "{} differs from the network to be emitted: {}",
        evidence.place,
        listed(left)
    ));
    let is_all = |kind: fn(&Contradiction) -> bool| left.iter().all(kind);
    let is_convention = |one: &Contradiction| {
        matches!(
            one,
            Contradiction::Border { .. } | Contradiction::Epsilon { .. }
        )
    };
    let flags = recorded_flags(evidence, left);
    if !flags.is_empty() && left.iter().all(is_convention) {
        return failure.hint(format!("take what is recorded: `{flags}`"));
    }
    let hint = if is_all(|one| matches!(one, Contradiction::Final(_))) {
        "`--outputs probabilities` emits the result, `--outputs logits,probabilities` both"
    } else if is_all(|one| {
        matches!(
            one,
            Contradiction::Activation {
                found: Some(_),
                expected: Some(_),
                ..
            }
        )
    }) {
        "the activation is a field of architecture files: `inspect --as-arch` prints one, `--arch FILE` reads it"
    } else if naming == Naming::Keras {
        "no flag gives this network; export the whole model with Keras: `model.export(\"model.onnx\", format=\"onnx\")`"
    } else {
        "no flag gives this network; export the whole model with its own library's exporter, such as `torch.onnx.export`"
    };
    failure.hint(hint)
}

/// Padding and epsilon as a checkpoint records them, as flags; empty where a difference is not settled by them.
fn recorded_flags(evidence: &Evidence, left: &[Contradiction]) -> String {
    let mut flags = Vec::new();
    if left
        .iter()
        .any(|one| matches!(one, Contradiction::Border { .. }))
    {
        let Some(padding) = evidence.padding else {
            return String::new();
        };
        flags.push(format!("--padding {}", padding.name()));
    }
    if left
        .iter()
        .any(|one| matches!(one, Contradiction::Epsilon { .. }))
    {
        let Some(epsilon) = evidence.batch_norm_epsilon else {
            return String::new();
        };
        flags.push(format!("--bn-epsilon {epsilon:e}"));
    }
    flags.join(" ")
}
