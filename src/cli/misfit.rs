//! What to say of a checkpoint that is no EfficientNet's. Knows no network.

use super::exit::Failure;
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use std::path::Path;

/// No library's names are there.
pub fn unknown_names(path: &Path, checkpoint: &Checkpoint) -> Failure {
    let found: Vec<String> = checkpoint
        .tensors()
        .iter()
        .take(3)
        .map(|tensor| format!("`{}`", tensor.name.escape_debug()))
        .collect();
    let found = if found.is_empty() {
        "no tensors".to_owned()
    } else {
        found.join(", ")
    };
    Failure::bad_input(format!(
        "the tensors of `{}` do not have the names of an EfficientNet: found {found}",
        path.display()
    ))
    .hint("the names of timm, torchvision and efficientnet_pytorch (lukemelas), Keras and TensorFlow are known")
}
