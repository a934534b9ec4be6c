//! What to do about a file that is not a classifier.

use efficientnet_onnx::convert::FittedError;
use efficientnet_onnx::stored::StoredError;

/// How a classifier is saved.
const SAVED: &str = "save it with `np.savez(\"head.npz\", weight=W, bias=b)`";

/// What to do, where that is known.
pub fn hint(error: &FittedError) -> Option<String> {
    Some(match error {
        FittedError::Stored(StoredError::Unknown { .. }) => SAVED.to_owned(),
        FittedError::Stored(_) => return None,
        FittedError::Element { name, .. } => {
            format!("save it as f32: `{name}={name}.astype(\"float32\")`")
        }
        FittedError::Tensors {
            features, found, ..
        } => tensors(*features, found),
    })
}

fn tensors(features: Option<u64>, found: &[(String, Vec<usize>)]) -> String {
    let shape = |name: &str| {
        let mut found = found.iter();
        let found = found.find(|(found, _)| found == name)?;
        Some(&found.1[..])
    };
    let hint = match (shape("weight"), shape("bias")) {
        _ if shape("coef_").is_some() => {
            "save it with `np.savez(\"head.npz\", weight=model.coef_, bias=model.intercept_)`"
        }
        (Some(_), Some(_)) if found.len() > 2 => {
            "save `weight` and `bias` alone; what else changes features or logits goes into them: `docs/transfer.md`"
        }
        (Some([_, columns]), Some([classes])) if columns == classes && features.is_none() => {
            "the weight is transposed: save it with `np.savez(\"head.npz\", weight=W.T, bias=b)`"
        }
        (Some([rows, _]), Some(_)) if Some(*rows as u64) == features => {
            "the weight is transposed: save it with `np.savez(\"head.npz\", weight=W.T, bias=b)`"
        }
        (Some(_), Some(_)) if features.is_some() => {
            "fit it on features of this network, as `--outputs pooled` gives them"
        }
        (Some(_), None) => {
            "without a bias it has zeros: `np.savez(\"head.npz\", weight=W, bias=np.zeros(len(W)))`"
        }
        _ => SAVED,
    };
    hint.to_owned()
}
