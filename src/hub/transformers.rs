//! The `config.json` that transformers writes beside its EfficientNets (`models/efficientnet/configuration_efficientnet.py`).

use super::json::{ConfigError, optional, quoted};
use crate::labels;
use serde_json::Value;

/// What the configuration of a model says. What it leaves out is the library's default.
#[derive(Clone, Debug, PartialEq)]
pub struct EfficientNetConfig {
    /// Factor of every number of filters.
    pub width: f64,
    /// Factor of every number of blocks.
    pub depth: f64,
    /// Height and width of the image that it was made for, in pixels.
    pub image_size: [u64; 2],
    /// Blocks whose convolution of stride 2 is padded alike on all sides; counted through from 0.
    pub square_padded: Vec<u64>,
    /// Added to the variance in batch norms.
    pub batch_norm_epsilon: f64,
    /// Classes of its classifier, where it counts or names them.
    pub classes: Option<u64>,
    /// Names of the classes, where they are more than the library's `LABEL_0`, ….
    pub labels: Option<Vec<String>>,
}

/// What `model_type` says in these configurations.
pub(super) const MODEL_TYPE: &str = "efficientnet";

/// Values that make another network of it, where they are not these.
const FIXED: [(&str, &str); 8] = [
    ("depth_divisor", "8"),
    ("squeeze_expansion_ratio", "0.25"),
    ("kernel_sizes", "[3,3,5,3,5,5,3]"),
    ("in_channels", "[32,16,24,40,80,112,192]"),
    ("out_channels", "[16,24,40,80,112,192,320]"),
    ("strides", "[1,2,2,2,1,2,1]"),
    ("num_block_repeats", "[1,2,2,3,3,4,1]"),
    ("expand_ratios", "[1,6,6,6,6,6,6]"),
];
/// Swish under each of its names (`ACT2FN` in `activations.py`).
const SWISH: [&str; 2] = ["swish", "silu"];

impl EfficientNetConfig {
    /// Reads the whole of the file.
    pub(super) fn of(whole: &Value) -> Result<Self, ConfigError> {
        for (key, expected) in FIXED {
            let found = whole.get(key).filter(|value| !value.is_null());
            if let Some(found) = found.filter(|found| found.to_string().as_str() != expected) {
                return Err(changed(key, found, expected));
            }
        }
        let is_text = |key, texts: &[&str]| {
            let found = whole.get(key).filter(|value| !value.is_null());
            let is_one = |found: &Value| found.as_str().is_some_and(|text| texts.contains(&text));
            found.filter(|found| !is_one(found))
        };
        if let Some(found) = is_text("hidden_act", &SWISH) {
            return Err(changed("hidden_act", found, "`swish`"));
        }
        if let Some(found) = is_text("pooling_type", &["mean"]) {
            return Err(changed("pooling_type", found, "`mean`"));
        }
        let factor = |key| {
            let positive = |value: &Value| value.as_f64().filter(|factor| *factor > 0.0);
            optional(whole.get(key), key, "a number above 0", positive)
        };
        let square_padded = optional(
            whole.get("depthwise_padding"),
            "depthwise_padding",
            "a list of block numbers",
            |value| value.as_array()?.iter().map(Value::as_u64).collect(),
        )?;
        let image_size = optional(
            whole.get("image_size"),
            "image_size",
            "one or two whole numbers above 0",
            sides,
        )?;
        let names = whole.get("id2label").filter(|value| !value.is_null());
        let names = names.map(|names| {
            labels::of_json(names).map_err(|problem| ConfigError::Labels {
                key: "id2label",
                problem,
            })
        });
        let names = names.transpose()?;
        let counted = optional(
            whole.get("num_labels"),
            "num_labels",
            "a whole number",
            Value::as_u64,
        )?;
        Ok(Self {
            width: factor("width_coefficient")?.unwrap_or(2.0),
            depth: factor("depth_coefficient")?.unwrap_or(3.1),
            image_size: image_size.unwrap_or([600; 2]),
            square_padded: square_padded.unwrap_or_default(),
            batch_norm_epsilon: factor("batch_norm_eps")?.unwrap_or(1e-3),
            classes: counted.or(names.as_ref().map(|names| names.len() as u64)),
            labels: names.filter(|names| !is_placeholder(names)),
        })
    }
}

/// Whether names are those that the library gives where its user gives none (`PreTrainedConfig`).
fn is_placeholder(names: &[String]) -> bool {
    let mut names = names.iter().enumerate();
    names.all(|(index, name)| *name == format!("LABEL_{index}"))
}

/// One side for both, or height and width.
fn sides(value: &Value) -> Option<[u64; 2]> {
    let side = |value: &Value| value.as_u64().filter(|side| *side > 0);
    match value.as_array().map(Vec::as_slice) {
        Some([height, width]) => Some([side(height)?, side(width)?]),
        Some(_) => None,
        None => Some([side(value)?; 2]),
    }
}

fn changed(key: &str, found: &Value, expected: &'static str) -> ConfigError {
    ConfigError::Changed {
        key: key.to_owned(),
        found: format!("`{}`", quoted(&found.to_string())),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As `save_pretrained` of transformers 5.24.0 writes it, shortened.
    fn config() -> Value {
        json!({
            "architectures": ["EfficientNetForImageClassification"], "model_type": "efficientnet",
            "batch_norm_eps": 0.001, "depth_coefficient": 1.2, "depth_divisor": 8, "depthwise_padding": [5, 8, 16],
            "expand_ratios": [1, 6, 6, 6, 6, 6, 6], "hidden_act": "swish", "hidden_dim": 1408,
            "id2label": {"1": "dog", "0": "cat"}, "image_size": 260, "in_channels": [32, 16, 24, 40, 80, 112, 192],
            "pooling_type": "mean", "squeeze_expansion_ratio": 0.25, "width_coefficient": 1.1
        })
    }

    fn changed(key: &str, value: Value) -> Result<EfficientNetConfig, String> {
        let mut config = config();
        config[key] = value;
        EfficientNetConfig::of(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_configuration_is_read() {
        let found = EfficientNetConfig::of(&config()).unwrap();
        assert_eq!(
            found,
            EfficientNetConfig {
                width: 1.1,
                depth: 1.2,
                image_size: [260; 2],
                square_padded: vec![5, 8, 16],
                batch_norm_epsilon: 1e-3,
                classes: Some(2),
                labels: Some(vec!["cat".to_owned(), "dog".to_owned()]),
            }
        );
        // The defaults of the library are B7's.
        let bare = EfficientNetConfig::of(&json!({"model_type": "efficientnet"})).unwrap();
        assert_eq!(
            (bare.width, bare.depth, bare.image_size),
            (2.0, 3.1, [600; 2])
        );
        assert_eq!((bare.classes, bare.labels), (None, None));
        let sides = changed("image_size", json!([192, 224])).unwrap();
        assert_eq!(sides.image_size, [192, 224]);
    }

    #[test]
    fn names_that_nobody_gave_are_none() {
        let unnamed = json!({"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"});
        let found = changed("id2label", unnamed).unwrap();
        assert_eq!((found.classes, found.labels), (Some(3), None));
    }

    #[test]
    fn another_network_is_refused_by_name() {
        for (key, value, message) in [
            (
                "hidden_act",
                json!("relu"),
                "has `hidden_act` `\"relu\"`, which makes another network of it: expected `swish`",
            ),
            (
                "pooling_type",
                json!("max"),
                "has `pooling_type` `\"max\"`, which makes another network of it: expected `mean`",
            ),
            (
                "strides",
                json!([1, 2, 2, 2, 1, 1, 1]),
                "has `strides` `[1,2,2,2,1,1,1]`, which makes another network of it: expected [1,2,2,2,1,2,1]",
            ),
            (
                "squeeze_expansion_ratio",
                json!(0.5),
                "has `squeeze_expansion_ratio` `0.5`, which makes another network of it: expected 0.25",
            ),
            (
                "batch_norm_eps",
                json!(0),
                "has `batch_norm_eps` `0`, expected a number above 0",
            ),
            (
                "depthwise_padding",
                json!([1.5]),
                "has `depthwise_padding` `[1.5]`, expected a list of block numbers",
            ),
            (
                "image_size",
                json!([224]),
                "has `image_size` `[224]`, expected one or two whole numbers above 0",
            ),
        ] {
            assert_eq!(changed(key, value).unwrap_err(), message);
        }
        let gap = changed("id2label", json!({"1": "a"})).unwrap_err();
        assert!(
            gap.starts_with("has `id2label` that cannot be used: "),
            "{gap}"
        );
    }
}
