//! Block strings: `r1_k3_s11_e1_i32_o16_se0.25` of the official repositories, `ds_r1_k3_s1_e1_c16_se0.25` of timm.
//!
//! Sources: `BlockDecoder` in tensorflow/tpu `efficientnet_builder.py` and google/automl
//! `efficientnetv2/effnetv2_configs.py`; `_decode_block_str` in timm `models/_efficientnet_builder.py`.

use super::{Design, Record, RecordError, StageRecord};
use crate::files::foreign::Foreign;
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
    #[error("block string {number} `{string}`: expected {expected}, found {found}", string = string.shown(), expected = expected.shown(), found = found.shown())]
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
        for part in parts.map(Part::new) {
            if !words.seen.insert(part.key.to_owned()) {
                return Err((
                    format!("`{}` once", part.key),
                    format!("`{}` too", part.text.shown()),
                ));
            }
            words.take(&part)?;
        }
        Ok(words)
    }

    /// Takes what one part says in both notations.
    fn take(&mut self, part: &Part) -> Result<(), Fault> {
        match part.key {
            "r" => self.repeats = Some(part.number()?),
            "k" => self.kernel = Some(part.number()?),
            "s" => self.stride = Some(part.stride()?),
            "e" => self.expand = Some(part.expansion()?),
            "se" => self.se = part.ratio()?,
            "cc" if part.value.is_empty() => self.experts = Some(EXPERTS),
            "cc" => self.experts = Some(part.number()?),
            "skip" | "noskip" if part.value.is_empty() => self.skip = Some(part.key == "skip"),
            _ if self.kind.is_some() => self.take_of_timm(part)?,
            _ => self.take_official(part)?,
        }
        Ok(())
    }

    fn take_official(&mut self, part: &Part) -> Result<(), Fault> {
        match (part.key, part.value) {
            ("i", _) => self.input = Some(part.number()?),
            ("o", _) => self.output = Some(part.number()?),
            ("c", "0") => {}
            ("c", "1") => self.fused = true,
            ("c", _) => return Err(part.instead_of("`c0` (MBConv) or `c1` (fused)")),
            ("f", value) => self.fused |= value == "1",
            _ => return Err(part.unknown("one of the official `r k s e i o se c f cc noskip`")),
        }
        Ok(())
    }

    fn take_of_timm(&mut self, part: &Part) -> Result<(), Fault> {
        match (part.key, part.value) {
            ("c", _) => self.output = Some(part.number()?),
            ("fc", _) => self.input = Some(part.number()?),
            ("a" | "p", "1") => {}
            ("nsw", "") => self.activation = Some("swish"),
            ("nre", "") => self.activation = Some("relu"),
            ("nr", "6") => self.activation = Some("relu6"),
            ("nsw" | "nre" | "nmi" | "nhs" | "nr", _) => {
                return Err(part.instead_of("`nsw`, `nre` or `nr6`"));
            }
            _ => return Err(part.unknown("one of timm's `r k s e c se cc fc skip noskip n`")),
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

/// One part of a string, such as `k3`.
struct Part<'a> {
    text: &'a str,
    /// Its letters.
    key: &'a str,
    /// What follows them.
    value: &'a str,
}

impl<'a> Part<'a> {
    fn new(text: &'a str) -> Self {
        let letters = text
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(text.len());
        let (key, value) = text.split_at(letters);
        Self { text, key, value }
    }

    fn number(&self) -> Result<u64, Fault> {
        let number = self.value.parse();
        number.map_err(|_| self.instead_of("a whole number after the letters"))
    }

    /// Both digits of the older notation are one stride, `s22`.
    fn stride(&self) -> Result<u64, Fault> {
        match self.value.as_bytes() {
            [height, width] if height == width => Ok(u64::from(height.wrapping_sub(b'0'))),
            [_, _] => Err(self.instead_of("the same stride along height and width")),
            _ => self.number(),
        }
    }

    fn expansion(&self) -> Result<u64, Fault> {
        match self.value.parse::<f64>() {
            Ok(ratio) if ratio.fract() == 0.0 && (1.0..=1e3).contains(&ratio) => Ok(whole(ratio)),
            _ => Err(self.instead_of("a whole expansion of at least 1")),
        }
    }

    /// That of squeeze and excitation; 0 is none.
    fn ratio(&self) -> Result<Option<f64>, Fault> {
        let ratio = self.value.parse::<f64>();
        let ratio = ratio.map_err(|_| self.instead_of("a number after `se`"))?;
        Ok((ratio != 0.0).then_some(ratio))
    }

    fn instead_of(&self, expected: &str) -> Fault {
        (expected.to_owned(), format!("`{}`", self.text))
    }

    /// The fault of letters that the notation does not have.
    fn unknown(&self, expected: &str) -> Fault {
        let found = format!("`{}`", self.text.shown());
        (expected.to_owned(), found)
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
