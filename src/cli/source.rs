//! Flags that say where weights are from: a seed or a checkpoint.

use super::choice::one_of;
use super::converting;
use super::exit::Failure;
use super::select::MOST_CHANNELS;
use super::{hub, print};
use clap::Args;
use efficientnet_onnx::convert::{
    ConvertError, FittedClassifier, Located, Replacement, Reset, Seed, Weights,
};
use efficientnet_onnx::tensor::Element;
use efficientnet_onnx::weights::finite::{Fault, Unsound};
use efficientnet_onnx::weights::init::Rule;
use std::path::{Path, PathBuf};

/// Where weights are from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Weights")]
pub struct WeightArgs {
    /// Checkpoint: safetensors, any container of torch.save, Keras's .h5, TensorFlow's own (index and data files), or a file of `emit --bn keep`, with names of timm, torchvision, lukemelas, Keras or TensorFlow; the folder of a model that timm has published; or `hf:ORG/NAME[@REV]`, such a model on Hugging Face
    #[arg(long, value_name = "PATH", conflicts_with = "init")]
    weights: Option<PathBuf>,
    #[command(flatten)]
    prefix: PrefixArgs,
    /// Write the graph without its weights: all begin at one place of FILE.data, which is as large as the largest tensor and
    /// drawn from `--seed`; toolchains load it, and nothing it computes means anything
    #[arg(long, conflicts_with_all = ["weights", "init"])]
    skeleton: bool,
    /// Replace the checkpoint's classifier by a fresh one of N classes, drawn as `--init official` does
    #[arg(long, value_name = "N", requires = "weights", conflicts_with_all = ["classes", "init", "skeleton"], value_parser = clap::value_parser!(u64).range(1..=MOST_CHANNELS))]
    reset_classifier: Option<u64>,
    /// Replace the checkpoint's classifier by one that was fitted elsewhere: an .npz or .safetensors file with `weight` [classes,
    /// features] and `bias` [classes]
    #[arg(
        long,
        value_name = "FILE",
        requires = "weights",
        conflicts_with_all = ["reset_classifier", "init", "skeleton"]
    )]
    classifier: Option<PathBuf>,
    /// Go on with weights that are NaN, infinite or a negative variance, which otherwise are an error
    #[arg(long, requires = "weights")]
    pub allow_nan: bool,
    #[command(flatten)]
    pub seed: SeedArgs,
}

/// Which of a checkpoint's tensors are read.
#[derive(Debug, Args)]
pub struct PrefixArgs {
    /// Read only the tensors whose names begin with P, such as `model.net`, and list the others as left out; '' is the network without a prefix [default: found from the names]
    #[arg(long, value_name = "P", requires = "weights", hide_short_help = true)]
    prefix: Option<String>,
}

impl PrefixArgs {
    /// A checkpoint of which only these tensors are read.
    pub fn below(&self, located: Located) -> Located {
        located.below(self.prefix.clone())
    }
}

/// Weights from a seed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Weights")]
pub struct SeedArgs {
    /// Rule by which weights are drawn [default: official]
    #[arg(long, value_name = "RULE", value_parser = one_of(Rule::ALL, |rule| rule.name()))]
    init: Option<Rule>,
    /// Seed from which weights, or a fresh classifier, are drawn [default: 0]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

impl SeedArgs {
    /// The parsed flags.
    pub fn read(&self) -> Seed {
        let usual = Seed::default();
        Seed {
            rule: self.init.unwrap_or(usual.rule),
            number: self.seed.unwrap_or(usual.number),
        }
    }

    /// Whether neither rule nor seed is asked for.
    pub fn is_default(&self) -> bool {
        self.init.is_none() && self.seed.is_none()
    }
}

impl WeightArgs {
    /// Opens the checkpoint, if there is one; fetches it where it is on the hub.
    pub fn open(&self, quiet: bool) -> Result<Weights, Failure> {
        let Some(named) = &self.weights else {
            let seed = self.seed.read();
            return Ok(if self.skeleton {
                Weights::Skeleton(seed.number)
            } else {
                Weights::Seed(seed)
            });
        };
        if self.seed.seed.is_some() && self.reset_classifier.is_none() {
            return Err(
                Failure::bad_input("`--seed` draws nothing beside `--weights`")
                    .hint("leave it out, or draw a fresh classifier with `--reset-classifier N`"),
            );
        }
        let classifier = self.replacement()?;
        let located = self.prefix.below(locate(named, quiet)?);
        Weights::open_located(located, classifier).map_err(converting::failure)
    }

    /// The classifier in the place of the checkpoint's, if one is asked for.
    fn replacement(&self) -> Result<Option<Replacement>, Failure> {
        if let Some(path) = &self.classifier {
            let fitted = FittedClassifier::open(path).map_err(ConvertError::from);
            let fitted = fitted.map_err(converting::failure)?;
            return Ok(Some(Replacement::Fitted(Box::new(fitted))));
        }
        let reset = self.reset_classifier.map(|classes| Reset {
            classes,
            seed: self.seed.read().number,
        });
        Ok(reset.map(Replacement::Drawn))
    }
}

/// The checkpoint that a user names: a file, the one in a folder, or the one in a repository, which is fetched.
pub fn locate(named: &Path, quiet: bool) -> Result<Located, Failure> {
    Located::find(named, |address| hub::fetch(address, quiet)).map_err(converting::failure)
}

/// Whether to go on with numbers that no weight should be where they are `allowed`; says which unless `quiet`.
pub fn accepts(found: &Unsound, allowed: bool, quiet: bool) -> bool {
    if allowed && !quiet {
        print::message(found);
    }
    allowed
}

/// The error of numbers that no weight should be.
pub fn unsound(found: &Unsound) -> Failure {
    let failure = Failure::bad_input(found);
    let mut faults = found.tensors.values();
    if faults.any(|fault| {
        matches!(
            fault,
            Fault::Overflow {
                element: Element::F16,
                ..
            }
        )
    }) {
        return failure.hint(
            "`--dtype bf16` has the range of f32; `--allow-nan` writes these numbers as infinities",
        );
    }
    failure.hint(
        "the training has diverged or the file is damaged: take another checkpoint; `--allow-nan` goes on with this one",
    )
}
