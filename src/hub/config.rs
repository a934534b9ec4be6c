//! timm's `config.json` (timm/models/_hub.py, `save_config_for_hf` and `load_model_config_from_hf`).

use super::json::{ConfigError, optional, quoted, wrong};
use crate::files::read_input;
use crate::labels;
use serde_json::Value;
use std::path::Path;

/// What a model's configuration says. What it leaves out is unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// timm's name of the model, such as `tf_efficientnet_b0`.
    pub architecture: String,
    /// timm's name of the weights, such as `ns_jft_in1k`.
    pub tag: Option<String>,
    /// Classes of its classifier; 0 for none.
    pub classes: Option<u64>,
    /// Channels, height and width in training.
    pub input_size: Option<[u64; 3]>,
    /// The same in evaluation, where it differs.
    pub test_input_size: Option<[u64; 3]>,
    /// Share of a picture's shorter side that is kept.
    pub crop_pct: Option<f64>,
    /// The same in evaluation at `test_input_size`, where it differs.
    pub test_crop_pct: Option<f64>,
    /// `center`, `squash` or `border`.
    pub crop_mode: Option<String>,
    /// `bilinear`, `bicubic`, …
    pub interpolation: Option<String>,
    /// Per channel, on pixels from 0 to 1.
    pub mean: Option<[f64; 3]>,
    /// Per channel, on pixels from 0 to 1.
    pub std: Option<[f64; 3]>,
    /// How feature maps are pooled: `avg`, `max`, `avgmax` or `catavgmax`.
    pub pool: Option<String>,
    /// Names of the classes.
    pub labels: Option<Vec<String>>,
    /// Licence of the weights.
    pub licence: Option<String>,
}

/// Arguments of timm's models that no logit of a trained network depends on, or that are told elsewhere.
const HARMLESS: [&str; 7] = [
    "num_classes",
    "in_chans",
    "img_size",
    "drop_rate",
    "drop_path_rate",
    "pretrained",
    "exportable",
];
/// Ways to pool (timm/layers/adaptive_avgmax_pool.py).
const POOLS: [&str; 4] = ["avg", "max", "avgmax", "catavgmax"];
/// What may stand before each, and alone is the mean.
const FAST: &str = "fast";

impl Config {
    /// Reads JSON.
    ///
    /// # Errors
    /// If it is not timm's.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        Self::of(&serde_json::from_slice(bytes)?)
    }

    /// Reads the whole of the file.
    pub(super) fn of(whole: &Value) -> Result<Self, ConfigError> {
        let trained = trained(whole);
        let architecture = architecture(whole)?;
        unchanged(whole)?;
        let arguments = whole.get("model_args");
        let pool = arguments.and_then(|arguments| arguments.get("global_pool"));
        let pool = pool.or_else(|| whole.get("global_pool")).and_then(pool_of);
        let either = |key| {
            whole
                .get(key)
                .or_else(|| trained.get(key))
                .filter(|value| !value.is_null())
        };
        let text = |key| {
            optional(trained.get(key), key, "text", |value| {
                Some(value.as_str()?.to_owned())
            })
        };
        let share = |key| {
            let share =
                |value: &Value| value.as_f64().filter(|share| *share > 0.0 && *share <= 1.0);
            optional(trained.get(key), key, "a number above 0, at most 1", share)
        };
        let size = |key| optional(trained.get(key), key, "three whole numbers above 0", size);
        let colour = |key| optional(trained.get(key), key, "three numbers", colour);
        Ok(Self {
            architecture: architecture.to_owned(),
            tag: text("tag")?.filter(|tag| !tag.is_empty()),
            classes: optional(
                either("num_classes"),
                "num_classes",
                "a whole number",
                Value::as_u64,
            )?,
            input_size: size("input_size")?,
            test_input_size: size("test_input_size")?,
            crop_pct: share("crop_pct")?,
            test_crop_pct: share("test_crop_pct")?,
            crop_mode: text("crop_mode")?,
            interpolation: text("interpolation")?,
            mean: colour("mean")?,
            std: optional(
                trained.get("std"),
                "std",
                "three numbers above 0",
                deviation,
            )?,
            pool: pool.map(str::to_owned),
            labels: labels(
                either("label_names").or_else(|| either("labels")),
                either("label_descriptions"),
            )?,
            licence: text("license")?,
        })
    }
}

/// Where a configuration describes the weights; older files have everything in one object.
fn trained(whole: &Value) -> &Value {
    whole.get("pretrained_cfg").unwrap_or(whole)
}

/// Whether a configuration names a model as timm does.
pub(super) fn is_timms(whole: &Value) -> bool {
    architecture(whole).is_ok()
}

/// What transformers' configurations say of whose they are.
pub(super) fn model_type(whole: &Value) -> Option<&str> {
    whole.get("model_type")?.as_str()
}

fn architecture(whole: &Value) -> Result<&str, ConfigError> {
    let outer = whole.get("architecture");
    let found = outer.or_else(|| trained(whole).get("architecture"));
    found
        .and_then(Value::as_str)
        .ok_or_else(|| ConfigError::Foreign {
            model_type: model_type(whole).map(str::to_owned),
        })
}

/// The licence in the front matter of a model's description, if it has one (`license:` of the hub's model cards).
#[must_use]
pub fn licence_of_readme(path: &Path) -> Option<String> {
    const LARGEST_README: u64 = 4 << 20;
    let bytes = read_input(path, LARGEST_README).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    lines.next().filter(|line| line.trim_end() == "---")?;
    let mut front = lines.take_while(|line| line.trim_end() != "---");
    let licence = front.find_map(|line| line.strip_prefix("license:"))?;
    let licence = licence.trim().trim_matches(['"', '\'']);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._+ ".contains(c);
    (!licence.is_empty() && licence.chars().all(is_plain)).then(|| licence.to_owned())
}

/// The way to pool that a value is.
fn pool_of(value: &Value) -> Option<&str> {
    let pool = value.as_str()?;
    let kind = pool.strip_prefix(FAST).unwrap_or(pool);
    let kind = if kind.is_empty() && pool == FAST {
        POOLS[0]
    } else {
        kind
    };
    POOLS.contains(&kind).then_some(kind)
}

/// Refuses arguments that make another network of the model.
fn unchanged(whole: &Value) -> Result<(), ConfigError> {
    let pool = whole.get("global_pool").map(|pool| ("global_pool", pool));
    let arguments = whole.get("model_args").and_then(Value::as_object);
    let arguments = arguments.into_iter().flatten();
    let arguments = arguments.map(|(key, value)| (key.as_str(), value));
    for (key, value) in pool.into_iter().chain(arguments) {
        let is_harmless = match key {
            // None for want of a head.
            "global_pool" => value == "" || pool_of(value).is_some(),
            _ => HARMLESS.contains(&key),
        };
        if !is_harmless && !value.is_null() {
            return Err(ConfigError::Changed {
                key: quoted(key),
                found: format!("`{}`", quoted(&value.to_string())),
                expected: match key {
                    "global_pool" => "`avg`, `max`, `avgmax` or `catavgmax`",
                    _ => "timm's default",
                },
            });
        }
    }
    Ok(())
}

fn three<T: Copy>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<[T; 3]> {
    match value.as_array()?.as_slice() {
        [a, b, c] => Some([read(a)?, read(b)?, read(c)?]),
        _ => None,
    }
}

fn size(value: &Value) -> Option<[u64; 3]> {
    three(value, |side| side.as_u64().filter(|side| *side > 0))
}

fn colour(value: &Value) -> Option<[f64; 3]> {
    three(value, Value::as_f64)
}

fn deviation(value: &Value) -> Option<[f64; 3]> {
    three(value, |level| level.as_f64().filter(|level| *level > 0.0))
}

/// Descriptions where the classes have them, else their names.
fn labels(
    names: Option<&Value>,
    descriptions: Option<&Value>,
) -> Result<Option<Vec<String>>, ConfigError> {
    let list = |key, value: &Value| {
        let text = |value: &Value| Some(value.as_str()?.to_owned());
        let names: Option<Vec<String>> = value
            .as_array()
            .and_then(|list| list.iter().map(text).collect());
        names.ok_or_else(|| wrong(key, "a list of texts", value))
    };
    let names = names.map(|names| match names {
        // From class indices to names.
        Value::Object(_) => labels::of_json(names).map_err(|problem| ConfigError::Labels {
            key: "label_names",
            problem,
        }),
        _ => list("label_names", names),
    });
    let names = names.transpose()?;
    Ok(match (names, descriptions) {
        (Some(names), Some(Value::Object(described))) => {
            let described = |name: String| match described.get(&name).and_then(Value::as_str) {
                Some(description) => description.to_owned(),
                None => name,
            };
            Some(names.into_iter().map(described).collect())
        }
        (_, Some(list_of @ Value::Array(_))) => Some(list("label_descriptions", list_of)?),
        (names, _) => names,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As timm/tf_efficientnet_b0.ns_jft_in1k has it, shortened.
    const CONFIG: &str = r#"{
        "architecture": "tf_efficientnet_b0", "num_classes": 3, "num_features": 1280, "global_pool": "avg",
        "model_args": {"num_classes": 3, "in_chans": 3, "global_pool": "avg", "act_layer": null},
        "label_names": ["n1", "n2", "n3"], "label_descriptions": {"n1": "tench", "n3": "cock"},
        "pretrained_cfg": {
            "tag": "ns_jft_in1k", "custom_load": false, "input_size": [3, 224, 224], "test_input_size": null,
            "fixed_input_size": false, "interpolation": "bicubic", "crop_pct": 0.875, "crop_mode": "center",
            "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "num_classes": 1000, "license": "apache-2.0"
        }
    }"#;

    #[test]
    fn timms_configuration_is_read() {
        let config = Config::parse(CONFIG.as_bytes()).unwrap();
        assert_eq!(config.architecture, "tf_efficientnet_b0");
        assert_eq!(config.tag.as_deref(), Some("ns_jft_in1k"));
        assert_eq!(config.classes, Some(3), "the outer number is the file's");
        assert_eq!(config.input_size, Some([3, 224, 224]));
        assert_eq!(config.test_input_size, None);
        assert_eq!(config.crop_pct, Some(0.875));
        assert_eq!(config.mean, Some([0.485, 0.456, 0.406]));
        assert_eq!(config.labels.unwrap(), ["tench", "n2", "cock"]);
        assert_eq!(config.licence.as_deref(), Some("apache-2.0"));
        let flat = r#"{"architecture": "efficientnet_b0", "num_classes": 2, "labels": ["cat", "dog"], "crop_pct": 0.9}"#;
        let flat = Config::parse(flat.as_bytes()).unwrap();
        assert_eq!((flat.classes, flat.crop_pct), (Some(2), Some(0.9)));
        assert_eq!(flat.labels.unwrap(), ["cat", "dog"]);
        let keyed =
            r#"{"architecture": "efficientnet_b0", "label_names": {"1": "dog", "0": "cat"}}"#;
        let keyed = Config::parse(keyed.as_bytes()).unwrap();
        assert_eq!(keyed.labels.unwrap(), ["cat", "dog"]);
    }

    #[test]
    fn what_is_not_timms_is_refused() {
        let message = |text: &str| Config::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(message("{").starts_with("is not JSON: EOF"));
        assert_eq!(
            message(r#"{"model_type": "vit", "image_size": 224}"#),
            "has no `architecture`, which timm's configurations have, and its `model_type` is `vit`, expected `efficientnet` \
             or `timm_wrapper`"
        );
        assert_eq!(
            message("[1]"),
            "has no `architecture`, which timm's configurations have, and no `model_type`, which transformers' have"
        );
        let wrong = |key: &str, value: &str| {
            message(&format!(r#"{{"architecture": "a", "{key}": {value}}}"#))
        };
        assert_eq!(
            wrong("input_size", "[3, 224]"),
            "has `input_size` `[3,224]`, expected three whole numbers above 0"
        );
        assert!(wrong("crop_pct", "2").contains("expected a number above 0, at most 1"));
        assert!(wrong("num_classes", "-1").contains("expected a whole number"));
        assert!(wrong("mean", "0.5").contains("expected three numbers"));
        assert!(wrong("std", "[1, 0, 1]").contains("expected three numbers above 0"));
        assert!(wrong("label_names", "[1]").contains("expected a list of texts"));
        assert!(wrong("label_names", r#"{"1": "a"}"#).contains("expected the keys `0` to `0`"));
        let changed = wrong("model_args", r#"{"num_classes": 7, "act_layer": "relu"}"#);
        assert_eq!(
            changed,
            r#"has `act_layer` `"relu"`, which makes another network of it: expected timm's default"#
        );
        assert!(wrong("global_pool", "\"gem\"").contains("makes another network"));
    }

    #[test]
    fn the_licence_is_in_the_front_matter() {
        let folder = tempfile::tempdir().unwrap();
        let licence = |text: &str| {
            let path = folder.path().join("README.md");
            std::fs::write(&path, text).unwrap();
            licence_of_readme(&path)
        };
        let card = "---\ntags:\n- timm\nlicense: apache-2.0\n---\n# Model\n";
        assert_eq!(licence(card).as_deref(), Some("apache-2.0"));
        assert_eq!(licence("# Model\nlicense: mit\n"), None);
        assert_eq!(licence("---\ntags: x\n---\nlicense: mit\n"), None);
        assert_eq!(licence("---\nlicense: \u{1b}[31m\n---\n"), None);
    }
}
