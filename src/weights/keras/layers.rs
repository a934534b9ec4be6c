//! Which layer's weight a dataset is, told by the groups that it lies in.

use super::config::ModelConfig;
use crate::weights::names::keras::{is_layer, layer_weights};
use std::collections::BTreeMap;

/// The group in which Keras 3 numbers a layer's weights (keras `saving_lib.py`).
const NUMBERED: &str = "vars";

/// What a dataset's path calls a weight: its layer's name and its own.
///
/// A layer's group repeats the layer, a model within a model comes before its layers, and TensorFlow 1 numbered
/// layers anew inside their groups: the last name that is a layer's of ours counts. `layers` has the names that groups tell, and
/// `config` those that they do not. None for what the normalization of pictures keeps.
pub(super) fn name(
    path: &str,
    layers: &BTreeMap<&str, &str>,
    config: Option<&ModelConfig>,
) -> Result<Option<String>, String> {
    let Some((groups, weight)) = path.rsplit_once('/') else {
        return Ok(Some(path.to_owned()));
    };
    let (layer, weight) = if groups.rsplit('/').next() == Some(NUMBERED) {
        let own = layers.get(groups).copied();
        let group = groups.strip_suffix(NUMBERED).unwrap_or(groups);
        let layer = own.or_else(|| config?.layer(group.trim_end_matches('/')));
        let layer = layer.ok_or_else(|| {
            format!("`{groups}` does not tell its layer's name, and no `config.json` beside it does: save the whole model, `model.save(\"model.keras\")`")
        })?;
        let class = group.trim_end_matches('/').rsplit('/').next();
        let weights = layer_weights(layer, class.unwrap_or_default());
        match weight
            .parse()
            .ok()
            .and_then(|number: usize| weights.get(number))
        {
            Some(weight) => (layer, *weight),
            None => (layer, weight),
        }
    } else {
        let known = groups.rsplit('/').find(|group| is_layer(group));
        let layer = known.or(groups.rsplit('/').next()).unwrap_or(groups);
        (layer, weight.strip_suffix(":0").unwrap_or(weight))
    };
    // The classifier's name in the first ports to Keras.
    let layer = if layer == "probs" {
        "predictions"
    } else {
        layer
    };
    // Keras 3 calls every kernel so.
    let is_depthwise = layer.contains("_dwconv") && weight == "kernel";
    let weight = if is_depthwise {
        "depthwise_kernel"
    } else {
        weight
    };
    // The normalization of pictures in front of the network; a model within a model has its weights without the layer.
    let is_normalization =
        layer.starts_with("normalization") || ["mean", "variance", "count"].contains(&weight);
    Ok((!is_normalization).then(|| format!("{layer}/{weight}")))
}

/// What a variable's own name calls it, such as `base/stem_conv/kernel`; none for what the normalization of pictures keeps.
pub(in crate::weights) fn layer_weight(name: &str) -> Result<Option<String>, String> {
    self::name(name, &BTreeMap::new(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_found_in_whatever_groups() {
        let numbered = BTreeMap::from([
            (
                "layers/functional/layers/depthwise_conv2d/vars",
                "block1a_dwconv",
            ),
            ("layers/batch_normalization_2/vars", "block1a_project_bn"),
            ("layers/normalization_1/vars", "normalization_1"),
        ]);
        for (path, expected) in [
            (
                "block1a_dwconv/block1a_dwconv/depthwise_kernel:0",
                "block1a_dwconv/depthwise_kernel",
            ),
            (
                "block1a_dwconv/EfficientNetB0/block1a_dwconv/kernel",
                "block1a_dwconv/depthwise_kernel",
            ),
            (
                "block1a_dwconv2/block1a_dwconv2/kernel",
                "block1a_dwconv2/depthwise_kernel",
            ),
            ("efficientnetb0/stem_conv/kernel:0", "stem_conv/kernel"),
            ("stem_bn/stem_bn_1/gamma:0", "stem_bn/gamma"),
            (
                "block7a_se_expand/block7a_se_expand_2/bias:0",
                "block7a_se_expand/bias",
            ),
            ("probs/probs/kernel:0", "predictions/kernel"),
            ("dense_3/dense_3/kernel:0", "dense_3/kernel"),
            (
                "layers/functional/layers/depthwise_conv2d/vars/0",
                "block1a_dwconv/depthwise_kernel",
            ),
            (
                "layers/batch_normalization_2/vars/3",
                "block1a_project_bn/moving_variance",
            ),
            (
                "layers/batch_normalization_2/vars/4",
                "block1a_project_bn/4",
            ),
            ("loose", "loose"),
        ] {
            assert_eq!(
                name(path, &numbered, None),
                Ok(Some(expected.to_owned())),
                "{path}"
            );
        }
        for path in [
            "normalization/normalization/mean:0",
            "tiny/variance:0",
            "layers/normalization_1/vars/0",
        ] {
            assert_eq!(name(path, &numbered, None), Ok(None), "{path}");
        }
        assert!(name("layers/conv2d/vars/0", &numbered, None).is_err());
    }
}
