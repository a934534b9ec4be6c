//! The result of a verification. Its JSON form is an interface, with [`SCHEMA`] as its version; the README
//! documents it.

use super::lineage::FixedBatch;
use super::note::VerifyNote;
use super::plan::Content;
use super::precision::PrecisionReport;
use super::ranks::Agreement;
use super::tensors::TensorPairs;
pub use super::tolerance::Tolerance;
use crate::onnx::file::plain::Change;
use crate::runtime::RuntimeName;
use crate::runtime::device::Device;
use crate::runtime::hint::Hint;
use crate::runtime::placement::Placement;
use serde::Serialize;

/// Version of the JSON form.
pub const SCHEMA: u32 = 1;

/// How two outputs are compared, as the report says it.
pub const FORMULA: &str = "|difference| <= atol * max|base| + rtol * |base|";

/// Everything that came of verifying one file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The file, as it was named.
    pub file: String,
    /// What it all comes to.
    pub verdict: Verdict,
    /// The other file, where two are compared.
    pub pair: Option<FilePair>,
    /// What the others are compared with: a runtime, or where outputs were given, those; none if there is none.
    #[serde(rename = "base")]
    pub reference: Option<String>,
    /// Seed of the noise.
    pub seed: u64,
    /// Multiply-adds of an image of the size that the file was made for; none where some could not be counted.
    pub macs: Option<u64>,
    /// What was compared with what is allowed: [`FORMULA`].
    pub formula: &'static str,
    /// The inputs that were tried, in order.
    pub cases: Vec<CaseReport>,
    /// Rules that the file breaks; with any, no runtime ran.
    pub problems: Vec<Problem>,
    /// What is worth knowing and changes nothing.
    pub notes: Vec<VerifyNote>,
    /// The reference with every value rounded to the type that the file gives it, held against the reference: what
    /// rounding alone does. Only where a runtime disagrees with the reference.
    pub rounding: Option<PrecisionReport>,
    /// The batches that run, where the batch is symbolic and not every one does; else none.
    pub fixed_batch: Option<FixedBatch>,
    /// One for each runtime that was to run, in the order of running.
    pub runtimes: Vec<RuntimeReport>,
}

/// What a verification comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Two or more runtimes ran, passed their own checks and agree.
    Agree,
    /// A runtime disagrees, failed a check, refused the file, crashed or ran out of time, or the file breaks a rule.
    Disagree,
    /// One runtime ran and passed its own checks; there was nothing to compare it with.
    RanNotCompared,
    /// A runtime that was asked for is not available, and nothing else is wrong; or none is available.
    Unavailable,
}

/// The second of two files that are compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FilePair {
    /// The second file, as it was named.
    pub other: String,
    /// Their constant tensors, paired by name.
    pub tensors: Option<TensorPairs>,
}

/// One set of inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseReport {
    /// Images in the batch.
    pub batch: u64,
    /// Height of an image, where the file takes images.
    pub height: Option<u64>,
    /// Width of an image, where the file takes images.
    pub width: Option<u64>,
    /// The image in each row; none of inputs from files.
    pub images: Vec<u64>,
    /// What the inputs hold.
    pub content: Content,
}

/// A rule that the file breaks, as [`crate::onnx::check`] found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Which rule.
    pub code: &'static str,
    /// The node that it is about, where it is about one.
    pub node: Option<String>,
    /// Expected and found.
    pub message: String,
}

/// What came of one runtime.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuntimeReport {
    /// Its name on the command line.
    pub name: &'static str,
    /// The runtime.
    #[serde(skip)]
    pub runtime: RuntimeName,
    /// Whether it is the reference run.
    #[serde(skip)]
    pub is_reference: bool,
    /// The file that it ran, where two are compared.
    pub file: Option<String>,
    /// The version of its library, once it could be used.
    pub version: Option<String>,
    /// Path of its shared library, where it has one.
    pub library: Option<String>,
    /// How the copy that it ran differs from the file; nothing if it ran the file itself.
    pub changes: Vec<Change>,
    /// Whether it ran, and how it fared.
    pub status: RuntimeStatus,
    /// What went wrong where it did not run to the end, in full.
    pub message: Option<String>,
    /// The same in one line, with the node where the runtime names one.
    pub summary: Option<String>,
    /// The node that the runtime names where it refuses the file.
    pub node: Option<String>,
    /// What to do about that.
    #[serde(rename = "hint")]
    pub hints: Vec<Hint>,
    /// Seconds to read the file and prepare it for the first case.
    pub load_seconds: Option<f64>,
    /// Seconds of the first case, batch 1 unless the batch is fixed; the fastest of up to six runs.
    pub run_seconds: Option<f64>,
    /// Largest |difference| from the reference run over all cases and outputs; none for that run itself, and if it is not
    /// finite.
    pub max_abs: Option<f64>,
    /// Where that is: the index of the element in the output.
    pub max_abs_index: Option<Vec<usize>>,
    /// The output in which it is.
    pub max_abs_output: Option<String>,
    /// The case in which it is, an index of `cases`.
    pub max_abs_case: Option<usize>,
    /// What was allowed between it and the reference run.
    pub tolerance: Tolerance,
    /// The smallest factor on both tolerances with which it would agree with the reference run; none if there is no such.
    pub smallest_factor: Option<f64>,
    /// Elements beyond the tolerance.
    pub beyond_tolerance: Option<usize>,
    /// How its differences from the reference run are spread; none for the reference run.
    pub histogram: Option<Histogram>,
    /// Rows of logits whose largest element is at the same place as the reference run's.
    pub top1: Option<Agreement>,
    /// Rows of logits whose five largest are at the same places as the reference run's, in any order.
    pub top5: Option<Agreement>,
    /// The smallest factor on both tolerances with which every row of a batch would equal the row alone.
    pub rows_smallest_factor: Option<f64>,
    /// Its own checks that failed, and outputs of another shape than the reference run's.
    pub failures: Vec<CheckFailure>,
    /// The device that it ran on, if not the CPU.
    pub device: Option<Device>,
    /// Cases that it ran, from the first on.
    pub cases_run: usize,
    /// Where the nodes of the file were, by each source that told.
    pub placement: Vec<Placement>,
    /// The same run with TF32, where the runtime has that. It does not count for the verdict.
    pub tf32: Option<PrecisionReport>,
}

/// Counts of `|difference| / max|base|` over all outputs and cases, by powers of ten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Histogram {
    /// Elements that are equal.
    pub equal: usize,
    /// Elements from 10^k up to 10^(k + 1), for each k from [`LOWEST_POWER`](Self::LOWEST_POWER); the first count has
    /// all that are smaller, the last all that are larger.
    pub counts: [usize; Self::POWERS],
    /// Elements of which one is not finite.
    pub not_finite: usize,
}

impl Histogram {
    /// The power of ten of the first count.
    pub const LOWEST_POWER: i32 = -16;
    /// How many powers are counted: up to 10.
    pub const POWERS: usize = 17;

    /// Counts the elements of an output.
    pub fn add(&mut self, base: &[f64], other: &[f64]) {
        let scale = base.iter().map(|value| value.abs()).fold(0.0, f64::max);
        for (base, other) in base.iter().zip(other) {
            let difference = (base - other).abs();
            if !difference.is_finite() || !scale.is_finite() {
                self.not_finite += 1;
            } else if difference == 0.0 {
                self.equal += 1;
            } else {
                let last = Self::POWERS - 1;
                // Zeros alone have no scale: every difference is beyond all.
                let power =
                    libm::floor(libm::log10(difference / scale)) - f64::from(Self::LOWEST_POWER);
                let place = (0..last).take_while(|place| power > *place as f64).count();
                self.counts[place] += 1;
            }
        }
    }
}

/// How a runtime fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeStatus {
    /// It ran, passed its own checks, and agrees with the reference run or is the reference run.
    Passed,
    /// It ran and passed its own checks, and disagrees with the reference run.
    Disagrees,
    /// It ran and failed a check of its own.
    FailedChecks,
    /// It does not take the file.
    Refused,
    /// Its process ended early.
    Crashed,
    /// Its time was over.
    TimedOut,
    /// It cannot be used here.
    Unavailable,
}

/// A check of a runtime's outputs that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckFailure {
    /// Which check.
    pub check: Check,
    /// The case, an index of `cases`.
    pub case: usize,
    /// The output.
    pub output: String,
    /// Expected and found.
    pub message: String,
}

/// What is checked in the outputs of one runtime, whatever the others say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The outputs and their shapes are as declared.
    Shape,
    /// No element is NaN or infinite.
    Finite,
    /// The logits of an image are not all the same.
    Constant,
    /// A row of a batch equals the row alone.
    Rows,
}

impl Check {
    /// Its name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::Finite => "finite",
            Self::Constant => "constant",
            Self::Rows => "rows",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_counted_by_powers_of_ten_of_the_largest_of_the_base() {
        let mut histogram = Histogram::default();
        // As parts of 4: none, 1.5e-2, 2.5e-6, 2.5e-20, 2.5, not finite twice.
        let base = [1.0, 2.0, -4.0, 0.0, 1.0, 1.0, f64::NAN];
        let other = [1.0, 2.06, -4.00001, 1e-19, 11.0, f64::INFINITY, 1.0];
        histogram.add(&base[..6], &other[..6]);
        histogram.add(&base, &other);
        let mut counts = [0; Histogram::POWERS];
        for power in [-16, -6, -2, 0] {
            counts[usize::try_from(power - Histogram::LOWEST_POWER).expect("a place")] = 2;
        }
        assert_eq!((histogram.counts, histogram.equal), (counts, 2));
        assert_eq!(histogram.not_finite, 3);
        // Nothing is allowed where the reference run is zeros alone.
        let mut zeros = Histogram::default();
        zeros.add(&[0.0, 0.0], &[0.0, 1e-30]);
        assert_eq!((zeros.equal, zeros.counts[Histogram::POWERS - 1]), (1, 1));
    }
}
