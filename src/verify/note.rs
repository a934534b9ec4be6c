//! What is worth knowing of a verification and changes nothing in its verdict.

use super::facts::OmittedOutput;
use super::lineage::{FixedBatch, RowNode};
use crate::files::foreign::{Foreign, names};
use crate::metadata::claims::FalseClaim;
use crate::runtime::RuntimeName;
use crate::runtime::outcome::Trouble;
use crate::runtime::process::PassedOver;
use crate::tensor::Element;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Something worth knowing. In JSON it is its text.
#[derive(Clone, Debug, PartialEq)]
pub enum VerifyNote {
    /// The file says something about itself that its graph does not bear out.
    Contradicted(FalseClaim),
    /// The check of the file itself has warnings: how many of each code.
    Warnings(BTreeMap<&'static str, usize>),
    /// An output is not compared.
    LeftOut(OmittedOutput),
    /// Rows of an output depend on each other.
    MixedRows {
        /// The output.
        output: String,
        /// The node that mixes them.
        site: RowNode,
    },
    /// Inputs that have one value in every case, by name.
    OneValue(Vec<String>),
    /// Inputs whose rows are equal, by name.
    EqualRows(Vec<String>),
    /// An output has integers that f64 does not hold.
    LargeIntegers(String),
    /// The file is a skeleton, so that runtimes are not compared.
    Skeleton,
    /// An output of a skeleton has elements that are not finite.
    NotFinite {
        /// The output.
        output: String,
        /// How many, and where the first is.
        found: String,
    },
    /// The logits are constant, and no surprise.
    ConstantLogits(WhyConstant),
    /// Two files give an output in different element types.
    OtherType {
        /// Its name in the first file.
        output: String,
        /// Its type in the first file.
        first: String,
        /// Its type in the second file.
        second: String,
    },
    /// Not every batch runs.
    FixedBatch(FixedBatch),
    /// A node quantises what was computed, so that runtimes may differ by a level.
    Levels(RowNode),
    /// The weights are those with which training starts, which amplify rounding.
    Untrained,
    /// What rounding alone does.
    Rounding {
        /// The type to which every value is rounded.
        precision: Element,
        /// How far that moves the outputs of the reference, as a part of what is allowed.
        factor: f64,
        /// What follows.
        consequence: Consequence,
    },
    /// The reference did not run, since the file is large and nobody asked for it.
    ReferenceTooSlow {
        /// Multiply-adds of an image.
        macs: u64,
        /// Whether there are more that could not be counted.
        at_least: bool,
        /// The most that it is given unasked.
        most: u64,
    },
    /// A runtime that nobody asked for did not run the file, since it has no bf16.
    LacksBf16 {
        /// The runtime.
        runtime: RuntimeName,
        /// What it said.
        message: String,
    },
    /// ONNX Runtime on the CPU has run a file of f16: it computes most nodes of such a file in f32.
    SingleInside,
    /// The reference did not run, since it lacks something that the file needs.
    ReferenceLacks(String),
    /// The reference was not done in time, and does not count since its work could not be counted.
    ReferenceTimedOut {
        /// The time limit.
        seconds: f64,
        /// Nodes whose multiply-adds are not known.
        nodes: usize,
        /// The first of them.
        first: String,
    },
    /// What rounding moves in the outputs is not measured, or not for each value alone.
    MovesNotMeasured(MovesNotMeasured),
    /// A runtime did not give the values of the file, and the next was tried.
    NoValues {
        /// The runtime.
        runtime: RuntimeName,
        /// What it did instead.
        trouble: Trouble,
    },
    /// A runtime that nobody asked for is not available.
    NotAvailable {
        /// The runtime.
        runtime: RuntimeName,
        /// Why.
        reason: String,
    },
    /// A library that was found cannot be used, and another was.
    PassedOver(PassedOver),
    /// The test data is written.
    Written(PathBuf),
    /// The test data is not written, since no runtime gave outputs.
    NotWritten(PathBuf),
}

/// Why it is not measured what rounding moves in the outputs.
#[derive(Clone, Debug, PartialEq)]
pub enum MovesNotMeasured {
    /// Other runtimes are asked for, and only the reference rounds values.
    ReferenceNotAsked,
    /// The reference did not run the file, for which another note gives the reason.
    ReferenceDidNotRun,
    /// The reference runs the file, but not with its values rounded.
    Trouble(Trouble),
    /// Rounding each value alone would take too long.
    TooManyMacs {
        /// Multiply-adds that it would take.
        macs: u64,
        /// The most that it is given unasked.
        most: u64,
    },
}

impl fmt::Display for MovesNotMeasured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WHAT: &str = "what rounding moves in the outputs is not measured";
        match self {
            Self::ReferenceNotAsked => {
                write!(f, "{WHAT}: `reference` is not among the runtimes")
            }
            Self::ReferenceDidNotRun => write!(f, "{WHAT}: `reference` did not run the file"),
            Self::Trouble(trouble) => write!(f, "{WHAT}: {trouble}"),
            Self::TooManyMacs { macs, most } => write!(
                f,
                "what rounding each value alone moves in the outputs is not measured: {:.0} GMACs are more than the {} \
                 that it is given unasked",
                *macs as f64 / 1e9,
                most / 1_000_000_000
            ),
        }
    }
}

/// Why constant logits are no surprise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyConstant {
    /// The weights are constant.
    Weights,
    /// The file is a skeleton.
    Skeleton,
    /// The inputs are zeros, or may be.
    Inputs,
    /// There is one class.
    OneClass,
}

/// What follows from how far rounding alone moves outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// No runtime can be expected to agree.
    NoneCanAgree,
    /// Rounding within sums may be why a runtime disagrees.
    MayBeWhy,
    /// Rounding is not why a runtime disagrees.
    IsNotWhy,
}

impl Serialize for VerifyNote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for VerifyNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Warnings(counts) => {
                f.write_str("the check of the file itself has warnings: ")?;
                let counts = counts.iter().map(|(code, count)| format!("{count} {code}"));
                f.write_str(&counts.collect::<Vec<_>>().join(", "))
            }
            Self::Contradicted(found) => write!(f, "{found}, so it is not used"),
            Self::LeftOut(output) => {
                write!(f, "{output}, so it is not compared{}", output.advice())
            }
            Self::MixedRows { output, site } => {
                let output = output.shown();
                write!(
                    f,
                    "rows of output `{output}` depend on each other: {site}; they are compared between runtimes and not \
                     with the image alone"
                )?;
                site.advice().map_or(Ok(()), |advice| write!(f, "; {advice}"))
            }
            Self::OneValue(inputs) => write!(
                f,
                "inputs without a batch dimension have one value in every case: {}",
                names(inputs)
            ),
            Self::EqualRows(inputs) => write!(
                f,
                "inputs whose first dimension is not the batch by its name have equal rows: {}",
                names(inputs)
            ),
            Self::LargeIntegers(output) => write!(
                f,
                "output `{}` has integers of 2^53 and more, which are compared as f64",
                output.shown()
            ),
            Self::Skeleton => f.write_str(
                "the file is a skeleton: numbers at one place stand for its weights, so that runtimes are not compared",
            ),
            Self::NotFinite { output, found } => write!(
                f,
                "output `{}` has {found}, as that of a skeleton may",
                output.shown()
            ),
            Self::ConstantLogits(why) => f.write_str(match why {
                WhyConstant::Weights => "the logits are constant, as the weights are",
                WhyConstant::Skeleton => "the logits are constant, as those of a skeleton may be",
                WhyConstant::Inputs => "the logits are constant for an input of zeros or from files",
                WhyConstant::OneClass => "there is one class, so that constant logits cannot be told",
            }),
            Self::OtherType {
                output,
                first,
                second,
            } => write!(
                f,
                "output `{}` is {} in the first file and {} in the second: only the values are compared",
                output.shown(),
                first.shown(),
                second.shown()
            ),
            Self::FixedBatch(fixed) => write!(f, "{fixed}"),
            Self::Levels(site) => write!(
                f,
                "{site}: a value halfway between two levels is rounded to either, so that runtimes which agree to the last \
                 bits before it may differ by a level after it"
            ),
            Self::Untrained => f.write_str(
                "the weights are those with which training starts; in deep networks they amplify rounding from block to \
                 block, and a run of `reference` tells what rounding alone does",
            ),
            Self::Rounding {
                precision,
                factor,
                consequence,
            } => {
                write!(
                    f,
                    "rounding every value to {precision}, and nothing else, moves the outputs of `reference` by \
                     {factor:.3} of what is allowed: "
                )?;
                match consequence {
                    Consequence::NoneCanAgree => write!(
                        f,
                        "no runtime in {precision} can be expected to agree; trained weights do not make so much of \
                         rounding"
                    ),
                    Consequence::MayBeWhy => f.write_str("and a runtime rounds within each sum too"),
                    Consequence::IsNotWhy => {
                        f.write_str("so a runtime that disagrees does not only round")
                    }
                }
            }
            Self::ReferenceTooSlow {
                macs,
                at_least,
                most,
            } => write!(
                f,
                "`reference` did not run: {}{:.1} GMACs an image are more than the {} that it is given unasked",
                if *at_least { "at least " } else { "" },
                *macs as f64 / 1e9,
                most / 1_000_000_000
            ),
            Self::NoValues { runtime, trouble } => {
                write!(f, "`{runtime}` did not give the values: {trouble}")
            }
            Self::MovesNotMeasured(why) => write!(f, "{why}"),
            Self::LacksBf16 { runtime, message } => write!(
                f,
                "`{runtime}` has no convolution of bf16 and did not run: {}",
                message.shown()
            ),
            Self::SingleInside => f.write_str(
                "`ort-cpu` computes most nodes of f16 in f32 between casts of its own: that it agrees says little of arithmetic \
                 in f16",
            ),
            Self::ReferenceLacks(message) => write!(f, "`reference` did not run: {}", message.shown()),
            Self::ReferenceTimedOut {
                seconds,
                nodes,
                first,
            } => write!(
                f,
                "`reference` was not done after {seconds} s and does not count: the multiply-adds of {nodes} of the \
                 file's nodes are not known, the first is `{}`",
                first.shown()
            ),
            Self::NotAvailable { runtime, reason } => {
                write!(f, "{}, so `{runtime}` did not run", reason.shown())
            }
            Self::PassedOver(library) => write!(f, "{library}"),
            Self::Written(folder) => write!(f, "`{}` is written", folder.shown()),
            Self::NotWritten(folder) => write!(
                f,
                "`{}` is not written: no runtime gave outputs",
                folder.shown()
            ),
        }
    }
}
