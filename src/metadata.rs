//! What a file says about itself: versioned JSON values under `efficientnet.*` metadata keys.
//!
//! The same keys and values stand in an ONNX file's `metadata_props` and in a safetensors file's
//! `__metadata__`.

use crate::architecture::Options;
use crate::graph::{Counts, Padding};
use crate::network::Output;
use crate::onnx::opset::Opset;
use crate::request::{BatchNorms, Extent, Request};
use crate::scaling::{Coefficients, Compound, Family, Reading, Scaling, Variant};
use serde::{Deserialize, Serialize};

/// Key of [`Recipe`].
pub const RECIPE_KEY: &str = "efficientnet.recipe";
/// Key of [`Origin`].
pub const ORIGIN_KEY: &str = "efficientnet.origin";
/// Key of [`Preprocessing`].
pub const PREPROCESSING_KEY: &str = "efficientnet.preprocessing";
/// Key of the class names, a JSON array of strings.
pub const LABELS_KEY: &str = "efficientnet.labels";

/// Version of every record here.
const VERSION: u32 = 1;

/// All that a file says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// What shapes the graph.
    pub recipe: Recipe,
    /// Where the weights are from.
    pub origin: Origin,
    /// How pictures become input, if that is known.
    pub preprocessing: Option<Preprocessing>,
    /// Class names as a JSON array, where they were given or carried.
    pub labels: Option<String>,
}

/// Everything that shapes the graph, and what it costs at its default size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Version of this record.
    pub version: u32,
    /// `v1` or `lite`.
    pub family: String,
    /// Name of the published row, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Exponent and bases of the formula, if it was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<Formula>,
    /// Multiplies filters.
    pub width: f64,
    /// Multiplies repeats.
    pub depth: f64,
    /// Side in pixels that goes with these coefficients.
    pub resolution: u64,
    /// Height and width of the input, as in `--size`.
    pub size: [String; 2],
    /// Images at once; absent if symbolic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// `same` or `symmetric`.
    pub padding: String,
    /// Epsilon of every batch norm.
    pub bn_epsilon: f64,
    /// `fold` or `keep`.
    pub bn: String,
    /// Logits.
    pub classes: u64,
    /// Channels of the input.
    pub in_channels: u64,
    /// Names of the outputs, in order.
    pub outputs: Vec<String>,
    /// Opset version.
    pub opset: i64,
    /// Element type; `f32`.
    pub dtype: String,
    /// Trained elements.
    pub parameters: u64,
    /// Multiply-adds of one image at the default size.
    pub macs: u64,
    /// Height and width at which `macs` is counted.
    pub default_size: [u64; 2],
    /// What φ was taken to mean, and what the other reading would have given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<String>,
}

/// The compound formula as it was used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Formula {
    /// Exponent.
    pub phi: f64,
    /// Depth base.
    pub alpha: f64,
    /// Width base.
    pub beta: f64,
    /// Resolution base.
    pub gamma: f64,
}

/// Where the weights are from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Origin {
    /// Drawn by a rule.
    Seed {
        /// Version of this record.
        version: u32,
        /// As in `--init`.
        rule: String,
        /// As in `--seed`.
        seed: u64,
    },
    /// Read from a file.
    Checkpoint {
        /// Version of this record.
        version: u32,
        /// File name, without folders.
        name: String,
        /// Of the whole file, hexadecimal.
        sha256: String,
        /// Whose tensor names it has.
        naming: String,
        /// Licence of the weights, if the file tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        licence: Option<String>,
        /// Where they were had, if the file tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
}

/// How a picture becomes the graph's input: centre crop, resize, then `(pixel − mean) / std`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Version of this record.
    pub version: u32,
    /// Order of the input's dimensions; `NCHW`.
    pub layout: String,
    /// Order of the colour channels; `RGB`.
    pub channels: String,
    /// Height and width of the input.
    pub size: [u64; 2],
    /// Per channel, on pixels from 0 to 255.
    pub mean: [f64; 3],
    /// Per channel, on pixels from 0 to 255.
    pub std: [f64; 3],
    /// The centre crop keeps `size / (size + crop_padding)` of the shorter side.
    pub crop_padding: u64,
    /// How the crop is resized to `size`.
    pub interpolation: Interpolation,
}

/// A resampling filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Triangle filter, support 1.
    Bilinear,
    /// Catmull-Rom with a = −0.5, support 2.
    Bicubic,
}

/// A recipe that this version cannot follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` in the metadata has `{field}` {found}, expected {expected}")]
pub struct MetadataError {
    key: &'static str,
    field: &'static str,
    found: String,
    expected: &'static str,
}

impl Metadata {
    /// Keys and values, in the order in which files have them.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, String)> {
        let mut entries = vec![
            (RECIPE_KEY.to_owned(), json(&self.recipe)),
            (ORIGIN_KEY.to_owned(), json(&self.origin)),
        ];
        if let Some(preprocessing) = &self.preprocessing {
            entries.push((PREPROCESSING_KEY.to_owned(), json(preprocessing)));
        }
        if let Some(labels) = &self.labels {
            entries.push((LABELS_KEY.to_owned(), labels.clone()));
        }
        entries
    }
}

fn json(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("records hold only strings, numbers and lists")
}

impl Recipe {
    /// The record of a request, with its counts at the default size.
    #[must_use]
    pub fn new(request: &Request, counts: Counts, reading: Option<String>) -> Self {
        let scaling = &request.scaling;
        let (variant, formula) = match &scaling.reading {
            Reading::Published { variant } => (Some(variant.name.to_owned()), None),
            Reading::Formula {
                phi,
                compound: Compound { alpha, beta, gamma },
            } => (
                None,
                Some(Formula {
                    phi: *phi,
                    alpha: *alpha,
                    beta: *beta,
                    gamma: *gamma,
                }),
            ),
            Reading::Given => (None, None),
        };
        Self {
            version: VERSION,
            family: scaling.family.name().to_owned(),
            variant,
            formula,
            width: scaling.coefficients.width,
            depth: scaling.coefficients.depth,
            resolution: scaling.resolution,
            size: request.size.map(|extent| extent.to_string()),
            batch: request.batch,
            padding: request.options.padding.name().to_owned(),
            bn_epsilon: request.options.batch_norm_epsilon,
            bn: request.batch_norms.name().to_owned(),
            classes: request.options.classes,
            in_channels: request.options.in_channels,
            outputs: request
                .outputs
                .iter()
                .map(|output| output.name().to_owned())
                .collect(),
            opset: request.opset.version(),
            dtype: "f32".to_owned(),
            parameters: counts.parameters,
            macs: counts.macs,
            default_size: request.default_size(),
            reading,
        }
    }

    /// The request that this recipe records.
    ///
    /// # Errors
    /// If a field has a value that this version does not know.
    pub fn request(&self) -> Result<Request, MetadataError> {
        let unknown = |field, found: &dyn ToString, expected| MetadataError {
            key: RECIPE_KEY,
            field,
            found: format!("`{}`", found.to_string()),
            expected,
        };
        if self.version != VERSION {
            return Err(unknown("version", &self.version, "1"));
        }
        let family = Family::by_name(&self.family)
            .ok_or_else(|| unknown("family", &self.family, "`v1` or `lite`"))?;
        let reading = match (&self.variant, self.formula) {
            (Some(name), _) => Reading::Published {
                variant: Variant::by_name(name)
                    .ok_or_else(|| unknown("variant", name, "the name of a published model"))?,
            },
            (
                None,
                Some(Formula {
                    phi,
                    alpha,
                    beta,
                    gamma,
                }),
            ) => Reading::Formula {
                phi,
                compound: Compound { alpha, beta, gamma },
            },
            (None, None) => Reading::Given,
        };
        let positive = |field, value: f64| {
            let legal = value.is_finite() && value > 0.0;
            legal
                .then_some(value)
                .ok_or_else(|| unknown(field, &value, "a number above 0"))
        };
        let extent = |text: &String| {
            text.parse::<Extent>()
                .map_err(|_| unknown("size", text, "pixels or `dynamic:32`"))
        };
        let outputs: Result<Vec<Output>, MetadataError> = self
            .outputs
            .iter()
            .map(|name| {
                Output::by_name(name).ok_or_else(|| {
                    unknown("outputs", name, "`logits`, `probabilities` or `pooled`")
                })
            })
            .collect();
        Ok(Request {
            scaling: Scaling {
                family,
                coefficients: Coefficients {
                    width: positive("width", self.width)?,
                    depth: positive("depth", self.depth)?,
                },
                resolution: self.resolution,
                reading,
            },
            options: Options {
                padding: Padding::by_name(&self.padding)
                    .ok_or_else(|| unknown("padding", &self.padding, "`same` or `symmetric`"))?,
                batch_norm_epsilon: positive("bn_epsilon", self.bn_epsilon)?,
                classes: self.classes,
                in_channels: self.in_channels,
            },
            size: [extent(&self.size[0])?, extent(&self.size[1])?],
            batch: self.batch,
            outputs: outputs?,
            batch_norms: BatchNorms::by_name(&self.bn)
                .ok_or_else(|| unknown("bn", &self.bn, "`fold` or `keep`"))?,
            opset: Opset::writable(self.opset)
                .ok_or_else(|| unknown("opset", &self.opset, "`17`"))?,
        })
    }
}

impl Preprocessing {
    /// What TensorFlow's models of a family were evaluated with.
    ///
    /// V1: ImageNet mean and deviation, bicubic, a crop of 224 / 256 (`preprocessing.py`, `main.py`; the padding
    /// scales with the size). Lite: `(pixel − 127) / 128`, bilinear, padding 32
    /// (`lite/efficientnet_lite_builder.py`). Both in tensorflow/tpu, `models/official/efficientnet`.
    #[must_use]
    pub fn tensorflow(family: Family, size: [u64; 2]) -> Self {
        let (mean, std, crop_padding, interpolation) = match family {
            Family::V1 => (
                [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0],
                [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0],
                (size[0].min(size[1]) + 3) / 7,
                Interpolation::Bicubic,
            ),
            Family::Lite => ([127.0; 3], [128.0; 3], 32, Interpolation::Bilinear),
        };
        Self {
            version: VERSION,
            layout: "NCHW".to_owned(),
            channels: "RGB".to_owned(),
            size,
            mean,
            std,
            crop_padding,
            interpolation,
        }
    }
}

impl Origin {
    /// Weights drawn by a rule.
    #[must_use]
    pub fn seed(rule: &str, seed: u64) -> Self {
        Self::Seed {
            version: VERSION,
            rule: rule.to_owned(),
            seed,
        }
    }

    /// Weights read from a checkpoint.
    #[must_use]
    pub fn checkpoint(
        name: String,
        sha256: String,
        naming: String,
        licence: Option<String>,
        source: Option<String>,
    ) -> Self {
        Self::Checkpoint {
            version: VERSION,
            name,
            sha256,
            naming,
            licence,
            source,
        }
    }
}
