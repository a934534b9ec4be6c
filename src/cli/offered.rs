//! What of a checkpoint is read and what is not, in words. Knows no network.

use super::exit::Failure;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::offer::Kind;
use std::path::Path;

/// The error of a checkpoint that cannot be read without losing a part of its model.
pub fn refuse(path: &Path, checkpoint: &Checkpoint) -> Result<(), Failure> {
    match checkpoint.refusal() {
        None => Ok(()),
        Some(refusal) => {
            let failure = Failure::bad_input(format!("`{}`: {refusal}", path.display()));
            Err(failure.hint(if checkpoint.has_modules() {
                // A state dict would lose what the modules around the network compute.
                "export the whole pickled module with `torch.onnx.export`".to_owned()
            } else {
                refusal.hint()
            }))
        }
    }
}

/// Which tensors were taken and which left out; `is_replaced` where the classifier is another one.
pub fn notes(checkpoint: &Checkpoint, is_replaced: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(nest) = checkpoint.nest() {
        let nest = nest.escape_debug();
        let others: Vec<String> = checkpoint
            .left_out()
            .iter()
            .filter(|group| group.kind == Kind::StateDict)
            .map(|group| match group.place.as_str() {
                "" => "the one without a prefix".to_owned(),
                place => format!("`{}`", place.escape_debug()),
            })
            .collect();
        let what = if checkpoint.is_averaged() {
            "averages"
        } else {
            "weights"
        };
        notes.push(if others.is_empty() {
            format!("the checkpoint's weights are its `{nest}`")
        } else {
            format!(
                "read the {what} in `{nest}`; left out another state dict of the network: {}",
                others.join(", ")
            )
        });
    }
    let left_out: Vec<String> = checkpoint
        .left_out()
        .iter()
        .filter(|group| group.kind != Kind::StateDict)
        .map(ToString::to_string)
        .collect();
    if !left_out.is_empty() {
        notes.push(format!("left out: {}", left_out.join(", ")));
    }
    if let Some(head) = checkpoint.head().filter(|_| !is_replaced) {
        notes.push(format!("took `{}` as the classifier", head.escape_debug()));
    }
    let is_known = checkpoint
        .evidence()
        .is_some_and(|evidence| evidence.covers_wrappers);
    if checkpoint.is_wrapped() && !is_known {
        notes.push(
            "`model` or `module` in it may be a module around the network: what else its `forward` computes (scaling, an activation) shows in \
             no tensor; compare with the original's logits, `verify --input FILE --expect FILE`"
                .to_owned(),
        );
    }
    notes
}
