//! The classifier's weight as class activation maps have it, the kernel of a 1×1 convolution, undone.

use super::super::{SourceError, TensorInfo, TensorReader, TensorSource};
use super::{Emitted, LINEAR};
use crate::metadata::CAM_WEIGHT;

/// Elements that are compared at once.
const PIECE: usize = 1 << 14;

impl Emitted {
    /// Leaves the kernel out beside the classifier's weight, and makes it that where a file has no other. `classifier` is the
    /// name of the network's.
    ///
    /// # Errors
    /// If it cannot be read, or has other elements than the classifier's weight.
    pub(super) fn find_cam(&mut self, classifier: Option<&str>) -> Result<(), SourceError> {
        let is_kernel = |tensor: &TensorInfo| tensor.name == CAM_WEIGHT;
        let Some(place) = self.tensors.iter().position(is_kernel) else {
            return Ok(());
        };
        let [classes, features, 1, 1] = self.tensors[place].shape[..] else {
            return Ok(());
        };
        let shape = vec![classes, features];
        let is_classifier =
            |tensor: &&TensorInfo| LINEAR.contains(&tensor.name.as_str()) && tensor.shape == shape;
        if let Some(weight) = self.tensors.iter().find(is_classifier) {
            let elements = classes.saturating_mul(features);
            let [one, other] = [CAM_WEIGHT, &weight.name].map(|name| self.open(name));
            if !are_equal(&*one?, &*other?, elements)? {
                return Err(SourceError::Malformed {
                    path: self.source.file().path.to_string_lossy().into_owned(),
                    format: "ONNX",
                    reason: format!(
                        "expected the elements of `{}` in `{CAM_WEIGHT}`, found others",
                        weight.name
                    ),
                });
            }
            self.tensors.remove(place);
        } else if let Some(classifier) = classifier {
            let name = format!("{classifier}.weight");
            self.cam = Some(name.clone());
            self.tensors[place].name = name;
            self.tensors[place].shape = shape;
        }
        Ok(())
    }
}

fn are_equal(
    one: &dyn TensorReader,
    other: &dyn TensorReader,
    elements: u64,
) -> Result<bool, SourceError> {
    let elements = usize::try_from(elements).unwrap_or(usize::MAX);
    let mut pieces = [vec![0.0; PIECE], vec![0.0; PIECE]];
    let mut done = 0;
    while done < elements {
        let length = PIECE.min(elements - done);
        let [first, second] = &mut pieces;
        one.fill(done, &mut first[..length])?;
        other.fill(done, &mut second[..length])?;
        let mut pairs = first[..length].iter().zip(&second[..length]);
        if pairs.any(|(first, second)| first.to_bits() != second.to_bits()) {
            return Ok(false);
        }
        done += length;
    }
    Ok(true)
}
