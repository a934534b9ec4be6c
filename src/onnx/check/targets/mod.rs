//! What other toolchains are known not to load, or to compute wrongly without a word.
//!
//! Each `Rule` names the release that it was seen in and where that is written down: an issue, a page, or a run of
//! that release over small EfficientNets of every form, held against ONNX Runtime 1.32.0. A file without findings may
//! still fail: only what is known is here.
//!
//! | code | finding |
//! |---|---|
//! | `target-refuses` | the toolchain does not load the file, or fails to run it (error) |
//! | `target-wrong` | it runs the file and gives wrong numbers (error) |
//! | `target-caution` | what it does depends on its version or on how it is used (warning) |

mod rules;
mod sites;

use super::{Finding, Level};
use crate::files::foreign::Foreign;
use crate::onnx::file::ModelFile;
use crate::onnx::opset::{FIRST_SWISH, IrVersion, Opset, is_after};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// A toolchain that rules are known about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target(&'static str);

impl Target {
    /// Every toolchain, by name.
    pub const ALL: [Self; 17] = [
        Self("burn"),
        Self("candle"),
        Self("coreml"),
        Self("iree"),
        Self("mnn"),
        Self("ncnn"),
        Self("onnx-reference"),
        Self("onnx2torch"),
        Self("onnxruntime"),
        Self("onnxruntime-web"),
        Self("opencv"),
        Self("openvino"),
        Self("rten"),
        Self("tensorrt"),
        Self("tflite"),
        Self("tract"),
        Self("tvm"),
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|target| target.0 == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(|target| format!("`{target}`")).join(", ");
                format!("nothing is known of `{text}`, only of {known}")
            })
    }
}

/// How a toolchain fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Refuses,
    Wrong,
    Caution,
}

/// What it fails on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    /// Any file.
    Always,
    /// An operator of ONNX's own domain.
    Operator(&'static str),
    /// A domain that begins so.
    Domain(&'static str),
    /// Any domain but ONNX's own.
    ForeignDomain,
    /// An initializer, input or output of bfloat16.
    Bfloat16,
    /// An initializer, input or output of half precision.
    Half,
    /// A Gemm in a file with initializers of half precision.
    HalfGemm,
    /// A convolution with `auto_pad` of SAME_UPPER or SAME_LOWER.
    AutoPad,
    /// The same, where height or width of the first input is symbolic.
    AutoPadOfAnySize,
    /// The same, where height or width of the first input is fixed.
    AutoPadOfFixedSize,
    /// ReduceMean with its axes as an operand.
    AxesOperand,
    /// Pad with pads that are computed.
    ComputedPads,
    /// Pad with its mode spelled out.
    PadMode,
    /// Quantised: QuantizeLinear or DequantizeLinear.
    Quantised,
    /// Quantised, in an opset before this.
    QuantisedBefore(i64),
    /// Initializers in another file.
    External,
    /// Functions defined in the model.
    Functions,
    /// An opset after this.
    OpsetAfter(i64),
    /// An IR version after this.
    IrAfter(i64),
    /// The operator Swish in opset 24, which has it first.
    FirstSwish,
    /// The same in a later opset.
    LateSwish,
}

/// Something that is known of a toolchain.
#[derive(Clone, Copy, Debug)]
struct Rule {
    /// A name in [`Target::ALL`].
    target: &'static str,
    trigger: Trigger,
    outcome: Outcome,
    /// What it does then: it goes on from the target's name, without a full stop.
    says: &'static str,
    /// The release, with its number, and where that is written down.
    source: &'static str,
}

/// What is known of how `targets` take the file, rule by rule.
#[must_use]
pub fn check_targets(file: &ModelFile, targets: &[Target]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for target in targets {
        for rule in rules::RULES.iter().filter(|rule| rule.target == target.0) {
            let Some(sites) = sites::find(rule.trigger, &file.contents) else {
                continue;
            };
            let (level, code) = match rule.outcome {
                Outcome::Refuses => (Level::Error, "target-refuses"),
                Outcome::Wrong => (Level::Error, "target-wrong"),
                Outcome::Caution => (Level::Warning, "target-caution"),
            };
            let others = match sites.count {
                0 | 1 => String::new(),
                count => format!(", here and in {} more", count - 1),
            };
            findings.push(Finding {
                level,
                code,
                node: sites.node.as_deref().map(|node| node.shown().to_string()),
                message: format!("{target} {}{others} (seen in {})", rule.says, rule.source),
            });
        }
    }
    findings
}

/// Something that a file may have and not every toolchain takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Convolutions with `auto_pad`, of an input with symbolic height or width.
    AutoPad {
        /// Whether the other of them is fixed.
        is_side_fixed: bool,
    },
    /// The operator Swish, in an opset.
    Swish(Opset),
    /// The operator GlobalAveragePool.
    GlobalAveragePool,
    /// ReduceMean with its axes as an operand.
    AxesOperand,
    /// Gemm in half precision.
    HalfGemm,
    /// An IR version.
    IrVersion(IrVersion),
}

/// Toolchains that do not take a feature, each list in alphabetical order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Those that compute it wrongly, and say nothing.
    pub wrong: Vec<&'static str>,
    /// Those that refuse it.
    pub refuse: Vec<&'static str>,
    /// What others do with it.
    pub cautions: Vec<String>,
}

impl Faults {
    /// Whether every toolchain takes it, as far as is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wrong.is_empty() && self.refuse.is_empty() && self.cautions.is_empty()
    }
}

impl Feature {
    /// Whether what a rule is about comes with the feature.
    fn meets(self, trigger: Trigger) -> bool {
        match self {
            Self::AutoPad { is_side_fixed } => match trigger {
                Trigger::AutoPad | Trigger::AutoPadOfAnySize => true,
                Trigger::AutoPadOfFixedSize => is_side_fixed,
                _ => false,
            },
            Self::Swish(opset) => match trigger {
                Trigger::Operator("Swish") => true,
                Trigger::FirstSwish => !is_after(opset.version(), FIRST_SWISH),
                Trigger::LateSwish => is_after(opset.version(), FIRST_SWISH),
                _ => false,
            },
            Self::GlobalAveragePool => trigger == Trigger::Operator("GlobalAveragePool"),
            Self::AxesOperand => trigger == Trigger::AxesOperand,
            Self::HalfGemm => trigger == Trigger::HalfGemm,
            Self::IrVersion(version) => {
                matches!(trigger, Trigger::IrAfter(last) if is_after(version.number(), last))
            }
        }
    }

    /// What is known of toolchains that do not take it.
    #[must_use]
    pub fn faults(self) -> Faults {
        let mut faults = Faults::default();
        for rule in rules::RULES.iter().filter(|rule| self.meets(rule.trigger)) {
            match rule.outcome {
                Outcome::Wrong => faults.wrong.push(rule.target),
                Outcome::Refuses => faults.refuse.push(rule.target),
                Outcome::Caution => faults
                    .cautions
                    .push(format!("{} {}", rule.target, rule.says)),
            }
        }
        faults
    }
}

/// A toolchain, and what is known of how it takes a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetReport {
    /// Its name.
    pub target: &'static str,
    /// Whether nothing is known for which it would refuse the file or compute it wrongly.
    pub passes: bool,
    /// What is known.
    pub findings: Vec<Finding>,
}

/// Each of `targets` with what is known of how it takes the file.
#[must_use]
pub fn report_targets(file: &ModelFile, targets: &[Target]) -> Vec<TargetReport> {
    let report = |target: &Target| {
        let findings = check_targets(file, &[*target]);
        TargetReport {
            target: target.0,
            passes: findings.iter().all(|finding| finding.level != Level::Error),
            findings,
        }
    };
    targets.iter().map(report).collect()
}

#[cfg(test)]
mod tests;
