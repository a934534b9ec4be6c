//! Block strings: `r1_k3_s11_e1_i32_o16_se0.25` of the official repositories, `ds_r1_k3_s1_e1_c16_se0.25` of timm.
//!
//! Sources: `BlockDecoder` in tensorflow/tpu `efficientnet_builder.py` and google/automl
//! `efficientnetv2/effnetv2_configs.py`; `_decode_block_str` in timm `models/_efficientnet_builder.py`.

use super::{Design, Record, RecordError, StageRecord};
use std::collections::BTreeSet;

/// Filters of the stem where no string says what enters the first stage (timm's `stem_size`).
const STEM_FILTERS: u64 = 32;
/// Filters of the head of every unscaled EfficientNet.
const HEAD_FILTERS: u64 = 1280;
/// Experts where `cc` has no number (tensorflow/tpu `condconv/efficientnet_condconv_builder.py`).
const EXPERTS: u64 = 4;

/// Block strings that describe no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlocksError {
    /// A string that cannot be read.
    #[error("block string {number} `{string}`: expected {expected}, found {found}")]
    String {
        /// From 1.
        number: usize,
        /// The string.
        string: String,
        /// What should be there.
        expected: String,
        /// What is.
        found: String,
    },
    /// Values that make no network.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// No string at all.
    #[error("expected block strings, separated by spaces, found none")]
    Empty,
}

/// What one string says.
#[derive(Default)]
struct Words {
    kind: Option<String>,
    repeats: Option<u64>,
    kernel: Option<u64>,
    stride: Option<u64>,
    expand: Option<u64>,
    input: Option<u64>,
    output: Option<u64>,
    se: Option<f64>,
    skip: Option<bool>,
    experts: Option<u64>,
    fused: bool,
    activation: Option<&'static str>,
    /// Letters that have stood there.
    seen: BTreeSet<String>,
}

/// The network that strings describe, one a stage, in either notation: a stem of as many filters as the first
/// stage takes (32 in timm's notation), a head of 1280, TensorFlow's choices for the rest.
///
/// # Errors
/// If a string cannot be read, asks for what no EfficientNet has, or the stages make no network.
pub fn parse_blocks(strings: &str) -> Result<Design, BlocksError> {
    let mut stages = Vec::new();
    let mut activation = None;
    let mut stem_filters = None;
    for (index, string) in strings.split_whitespace().enumerate() {
        let fault = |(expected, found): (String, String)| BlocksError::String {
            number: index + 1,
            string: string.to_owned(),
            expected,
            found,
        };
        let words = Words::parse(string).map_err(fault)?;
        if index == 0 {
            activation = words.activation;
            // timm's forced filters are not what the stem gives.
            stem_filters = words.input.filter(|_| words.kind.is_none());
        } else if words.activation != activation {
            let found = words.activation.unwrap_or("none").to_owned();
            let first = activation.unwrap_or("none");
            let expected = format!("the activation of the first string, {first}");
            return Err(fault((expected, found)));
        }
        stages.push(words.stage().map_err(fault)?);
    }
    if stages.is_empty() {
        return Err(BlocksError::Empty);
    }
    let stem_filters = stem_filters.unwrap_or(STEM_FILTERS);
    let mut record = Record::of_stages(stem_filters, HEAD_FILTERS, stages);
    if let Some(activation) = activation {
        activation.clone_into(&mut record.activation);
    }
    Ok(record.design()?)
}

/// What was expected and what was found.
type Fault = (String, String);

impl Words {
    fn parse(string: &str) -> Result<Self, Fault> {
        let mut words = Self::default();
        let mut parts = string.split('_').peekable();
        if let Some(kind) = parts.next_if(|part| {
            part.len() > 1 && part.chars().all(|c| c.is_ascii_lowercase()) && !is_flag(part)
        }) {
            words.kind = Some(kind.to_owned());
        }
        for part in parts {
            let digits = part
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(part.len());
            let (key, value) = part.split_at(digits);
            if !words.seen.insert(key.to_owned()) {
                return Err((
                    format!("`{key}` once"),
                    format!("`{}` too", part.escape_debug()),
                ));
            }
            words.take(part, key, value)?;
        }
        Ok(words)
    }

    fn take(&mut self, part: &str, key: &str, value: &str) -> Result<(), Fault> {
        let is_timm = self.kind.is_some();
        let number = || {
            value.parse::<u64>().map_err(|_| {
                (
                    "a whole number after the letters".to_owned(),
                    format!("`{part}`"),
                )
            })
        };
        match key {
            "r" => self.repeats = Some(number()?),
            "k" => self.kernel = Some(number()?),
            // Both digits of the older notation are one stride, `s22`.
            "s" => {
                self.stride = Some(match value.as_bytes() {
                    [height, width] if height == width => u64::from(height.wrapping_sub(b'0')),
                    [_, _] => {
                        return Err((
                            "the same stride along height and width".to_owned(),
                            format!("`{part}`"),
                        ));
                    }
                    _ => number()?,
                })
            }
            "e" => {
                self.expand = Some(match value.parse::<f64>() {
                    Ok(ratio) if ratio.fract() == 0.0 && (1.0..=1e3).contains(&ratio) => {
                        whole(ratio)
                    }
                    _ => {
                        return Err((
                            "a whole expansion of at least 1".to_owned(),
                            format!("`{part}`"),
                        ));
                    }
                })
            }
            "i" if !is_timm => self.input = Some(number()?),
            "o" if !is_timm => self.output = Some(number()?),
            "c" if !is_timm => {
                self.fused |= match value {
                    "0" => false,
                    "1" => true,
                    _ => {
                        return Err((
                            "`c0` (MBConv) or `c1` (fused)".to_owned(),
                            format!("`{part}`"),
                        ));
                    }
                }
            }
            "f" if !is_timm => self.fused |= value == "1",
            "c" => self.output = Some(number()?),
            "fc" if is_timm => self.input = Some(number()?),
            "se" => {
                let ratio: f64 = value
                    .parse()
                    .map_err(|_| ("a number after `se`".to_owned(), format!("`{part}`")))?;
                self.se = (ratio != 0.0).then_some(ratio);
            }
            "cc" => self.experts = Some(if value.is_empty() { EXPERTS } else { number()? }),
            "noskip" if value.is_empty() => self.skip = Some(false),
            "skip" if value.is_empty() => self.skip = Some(true),
            "a" | "p" if is_timm && value == "1" => {}
            "nsw" | "nre" | "nmi" | "nhs" | "nr" if is_timm => {
                self.activation = Some(match part {
                    "nsw" => "swish",
                    "nre" => "relu",
                    "nr6" => "relu6",
                    _ => return Err(("`nsw`, `nre` or `nr6`".to_owned(), format!("`{part}`"))),
                });
            }
            _ => {
                let expected = if is_timm {
                    "one of timm's `r k s e c se cc fc skip noskip n`"
                } else {
                    "one of the official `r k s e i o se c f cc noskip`"
                };
                return Err((expected.to_owned(), format!("`{}`", part.escape_debug())));
            }
        }
        Ok(())
    }

    fn stage(self) -> Result<StageRecord, Fault> {
        let missing = |key: &str| (format!("`{key}` and a number"), "none".to_owned());
        // Kind of block, whether it expands by a convolution whatever the ratio, whether its input is added unasked.
        let (block, expansion, skips) = match self.kind.as_deref() {
            None if self.fused => ("fused", None, true),
            None => ("mbconv", None, true),
            Some("ds") if self.expand.is_some_and(|ratio| ratio != 1) => {
                return Err(("`e1` in a `ds` block".to_owned(), "another".to_owned()));
            }
            Some("ds") => ("mbconv", Some(false), true),
            Some("ir") => ("mbconv", Some(true), true),
            Some("er") => ("fused", Some(true), true),
            Some("cn") => ("fused", Some(false), false),
            Some(kind) => {
                let expected = "a block of type `ds`, `ir`, `er` or `cn`".to_owned();
                return Err((expected, format!("`{kind}`")));
            }
        };
        let expand_ratio = match self.kind.as_deref() {
            // timm does not look for it there.
            Some("ds" | "cn") => self.expand.unwrap_or(1),
            _ => self.expand.ok_or_else(|| missing("e"))?,
        };
        let output = if self.kind.is_some() { "c" } else { "o" };
        Ok(StageRecord {
            block: block.to_owned(),
            kernel_size: self.kernel.ok_or_else(|| missing("k"))?,
            num_repeat: self.repeats.ok_or_else(|| missing("r"))?,
            stride: self.stride.ok_or_else(|| missing("s"))?,
            expand_ratio,
            expansion: expansion.filter(|expansion| *expansion != (expand_ratio != 1)),
            input_filters: self.input,
            output_filters: self.output.ok_or_else(|| missing(output))?,
            se_ratio: self.se,
            skip: (!self.skip.unwrap_or(skips)).then_some(false),
            experts: self.experts,
        })
    }
}

fn is_flag(part: &str) -> bool {
    matches!(part, "noskip" | "skip" | "cc")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole and small"
)]
fn whole(ratio: f64) -> u64 {
    ratio as u64
}
