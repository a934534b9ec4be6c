//! The record of a request: enough to build the same graph again.

mod form;

pub use form::IslandsRecord;

use super::{Normal, RECIPE_KEY, VERSION};
use crate::architecture::design::Record;
use crate::architecture::{Family, HeadChain, HeadSketch, Options, Reading, Scaling, Variant};
use crate::files::foreign::Foreign;
use crate::form::{InputFormat, Normalize, Swish};
use crate::graph::{Counts, Padding};
use crate::network::Output;
use crate::onnx::opset::IrVersion;
use crate::request::{Blueprint, Extent, Request, SIZE_STEP};
use crate::scaling::{Coefficients, Compound, LARGEST_MULTIPLIER};
use serde::{Deserialize, Serialize};

/// The family of a network that is nobody's baseline.
const OWN: &str = "own";

/// Everything that shapes the graph, and what it costs at its default size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Version of this record.
    pub version: u32,
    /// As in `--family`; `own` where every number is given.
    pub family: String,
    /// Name of the published row, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The library's model that this is exactly, as in `--like`; its weights may be others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// Exponent and bases of the formula, if it was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<Formula>,
    /// Multiplies filters; 1 where every number is given.
    pub width: f64,
    /// Multiplies repeats; 1 where every number is given.
    pub depth: f64,
    /// Side in pixels that goes with the network.
    pub resolution: u64,
    /// Every number, if the network is nobody's baseline and its blocks have keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Record>,
    /// Height and width of the input, as in `--size`.
    pub size: [String; 2],
    /// Images at once; absent if symbolic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// As in `--padding`: `same`, `symmetric`, `static:S` or `static:HxW`.
    pub padding: String,
    /// Epsilon of every batch norm.
    pub bn_epsilon: f64,
    /// `fold` or `keep`.
    pub bn: String,
    /// How a linear layer is written, `gemm` or `matmul`; absent where the element type decides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// The pool and the layers after it, as in `--head`; absent for the mean and one linear layer with a bias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// Logits.
    pub classes: u64,
    /// Channels of the input.
    pub in_channels: u64,
    /// Names of the outputs, in order.
    pub outputs: Vec<String>,
    /// Opset version.
    pub opset: i64,
    /// Element type: `f32`, `f16` or `bf16`.
    pub dtype: String,
    /// What stays in f32 in a file of half precision; absent where that is the usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub islands: Option<IslandsRecord>,
    /// Whether input and outputs of a file of half precision are f32; absent where they are not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_io: bool,
    /// How images lie in memory, and of what elements they are: `nhwc` or `uint8-nhwc`; absent for `nchw`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_format: Option<String>,
    /// Mean and deviation that the graph itself applies to its input, pixels from 0 to 255.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normal>,
    /// As in `--form swish=`, if it is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swish: Option<String>,
    /// As in `--form pool=`, if it is not the usual one of the opset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// IR version, if it is not the lowest that may carry the opset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ir: Option<i64>,
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

/// A recipe that this version cannot follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` in the metadata has `{field}` {found}, expected {expected}", found = found.shown())]
pub struct MetadataError {
    key: &'static str,
    field: &'static str,
    found: String,
    expected: &'static str,
}

/// A field that has a value that is not one of the `expected`.
fn unknown(field: &'static str, found: &dyn ToString, expected: &'static str) -> MetadataError {
    MetadataError {
        key: RECIPE_KEY,
        field,
        found: format!("`{}`", found.to_string()),
        expected,
    }
}

impl Recipe {
    /// Whether any output is of classes; an output that this version does not know is.
    #[must_use]
    pub fn has_classes(&self) -> bool {
        let mut outputs = self.outputs.iter().map(|name| Output::by_name(name));
        outputs.any(|output| output.is_none_or(Output::has_classes))
    }

    /// The record of a request, with its counts at the default size.
    #[must_use]
    pub fn new(request: &Request, counts: Counts, reading: Option<String>) -> Self {
        let scaling = request.blueprint.scaling();
        let formula = scaling.and_then(|scaling| match scaling.reading {
            Reading::Formula {
                phi,
                compound: Compound { alpha, beta, gamma },
            } => Some(Formula {
                phi,
                alpha,
                beta,
                gamma,
            }),
            Reading::Published { .. } | Reading::Given => None,
        });
        let family = scaling.map_or(OWN, |scaling| scaling.family().name);
        Self {
            version: VERSION,
            family: family.to_owned(),
            variant: request.variant().map(|variant| variant.name.to_owned()),
            like: None,
            formula,
            width: scaling.map_or(1.0, |scaling| scaling.coefficients.width),
            depth: scaling.map_or(1.0, |scaling| scaling.coefficients.depth),
            resolution: request.blueprint.resolution(),
            architecture: match &request.blueprint {
                Blueprint::Own(design) => Record::of(design),
                Blueprint::Scaled(_) => None,
            },
            size: request.size.map(|extent| extent.to_string()),
            batch: request.batch,
            padding: request.options.padding.name(),
            bn_epsilon: request.options.batch_norm_epsilon,
            bn: request.form.batch_norms.name().to_owned(),
            head: request
                .form
                .unusual_head()
                .map(|head| head.name().to_owned()),
            chain: request
                .head
                .as_ref()
                .filter(|chain| **chain != HeadChain::usual(request.options.classes))
                .map(ToString::to_string),
            classes: request.options.classes,
            in_channels: request.options.in_channels,
            outputs: request
                .outputs
                .iter()
                .map(|output| output.name().to_owned())
                .collect(),
            opset: request.form.opset.version(),
            dtype: request.form.element.as_str().to_owned(),
            islands: IslandsRecord::of(&request.form.islands),
            keep_io: request.form.keeps_io,
            input_format: match request.form.input {
                InputFormat::Nchw => None,
                format => Some(format.name().to_owned()),
            },
            normalize: request.form.normalize.map(Normal::from),
            swish: Some(request.form.swish)
                .filter(|swish| *swish != Swish::default())
                .map(|swish| swish.name().to_owned()),
            pool: request
                .form
                .unusual_pool()
                .map(|pool| pool.name().to_owned()),
            ir: request.form.higher_ir_version().map(IrVersion::number),
            parameters: counts.parameters,
            macs: counts.macs,
            default_size: request.default_size(),
            reading,
        }
    }

    /// What height and width of the input must be multiples of for the file's pads to hold.
    ///
    /// SAME padding is written as constant pads for `dynamic:32`, which are right only for multiples of 32. Symmetric and
    /// static pads do not depend on the size, so with them any size will do.
    #[must_use]
    pub fn size_steps(&self) -> [u64; 2] {
        let any = Padding::by_name(&self.padding).is_some_and(|padding| !padding.depends_on_size());
        [0, 1].map(|axis| match self.size[axis].parse() {
            Ok(Extent::MultipleOf32) if !any => SIZE_STEP,
            _ => 1,
        })
    }

    /// Whether a side of the input may have any size.
    #[must_use]
    pub fn takes_any_size(&self) -> bool {
        let mut sides = self.size.iter().map(|side| side.parse());
        sides.any(|side| side == Ok(Extent::Any))
    }

    fn chain(&self) -> Result<Option<HeadChain>, MetadataError> {
        let Some(text) = &self.chain else {
            return Ok(None);
        };
        let sketch = text.parse::<HeadSketch>();
        let chain = sketch.and_then(|sketch| sketch.complete(self.classes));
        let wrong = |_| unknown("chain", text, "the layers of a head");
        chain.map(Some).map_err(wrong)
    }

    /// The request that this recipe records.
    ///
    /// # Errors
    /// If a field has a value that this version does not know.
    pub fn request(&self) -> Result<Request, MetadataError> {
        if self.version != VERSION {
            return Err(unknown("version", &self.version, "1"));
        }
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
        let multiplier = |field, value: f64| {
            let expected = "a number above 0 and at most 10000";
            let legal = value > 0.0 && value <= LARGEST_MULTIPLIER;
            legal
                .then_some(value)
                .ok_or_else(|| unknown(field, &value, expected))
        };
        let extent = |text: &String| {
            text.parse::<Extent>()
                .map_err(|_| unknown("size", text, "pixels, `dynamic:32` or `dynamic`"))
        };
        let outputs: Result<Vec<Output>, MetadataError> = self
            .outputs
            .iter()
            .map(|name| {
                Output::by_name(name)
                    .ok_or_else(|| unknown("outputs", name, "`logits`, `cam` or another output"))
            })
            .collect();
        let blueprint = match &self.architecture {
            Some(record) => {
                let design = record
                    .design()
                    .map_err(|error| unknown("architecture", &error, "a network"))?;
                Blueprint::Own(Box::new(design))
            }
            None => Blueprint::Scaled(Scaling {
                baseline: match &reading {
                    Reading::Published { variant } => variant.baseline,
                    _ => {
                        Family::by_name(&self.family)
                            .ok_or_else(|| unknown("family", &self.family, "the name of a family"))?
                            .baseline
                    }
                },
                coefficients: Coefficients {
                    width: multiplier("width", self.width)?,
                    depth: multiplier("depth", self.depth)?,
                },
                resolution: self.resolution,
                reading,
            }),
        };
        Ok(Request {
            blueprint,
            head: self.chain()?,
            options: Options {
                padding: Padding::by_name(&self.padding)
                    .ok_or_else(|| unknown("padding", &self.padding, Padding::EXPECTED))?,
                batch_norm_epsilon: positive("bn_epsilon", self.bn_epsilon)?,
                classes: self.classes,
                in_channels: self.in_channels,
            },
            size: [extent(&self.size[0])?, extent(&self.size[1])?],
            batch: self.batch,
            outputs: outputs?,
            activation: None,
            form: self.form()?,
        })
    }
}
impl From<Normal> for Normalize {
    fn from(Normal { mean, std }: Normal) -> Self {
        Self { mean, std }
    }
}

impl From<Normalize> for Normal {
    fn from(Normalize { mean, std }: Normalize) -> Self {
        Self { mean, std }
    }
}
