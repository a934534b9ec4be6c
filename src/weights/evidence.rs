//! What a checkpoint records about its network beside the tensors: the attributes of a pickled module, the configuration of a
//! Keras model. It is read as data; nothing of it is ever run.
//!
//! Whoever opens a checkpoint uses this evidence where the requested network can have it, and refuses it by name elsewhere.

use crate::architecture::{HeadLayer, HeadPool};
use crate::graph::{Activation, Padding};
use std::collections::BTreeMap;
use std::fmt;

/// Recorded properties of the network; what a file leaves open is none or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Where it is recorded, as messages begin: `the pickled module`, `` `model_config` ``.
    pub place: String,
    /// Padding that every convolution has.
    pub padding: Option<Padding>,
    /// Epsilon that every batch norm has.
    pub batch_norm_epsilon: Option<f64>,
    /// Activation of the body, outside squeeze-and-excitation.
    pub activation: Option<Activation>,
    /// Activation between the two convolutions of every squeeze-and-excitation.
    pub squeeze_activation: Option<Activation>,
    /// What follows the last feature maps, up to the logits.
    pub head: RecordedHead,
    /// What the model itself applies to its logits.
    pub final_activation: Option<FinalActivation>,
    /// Each convolution, by the name of its module in the checkpoint, without wrappers' prefixes: `blocks.0.0.conv_dw`,
    /// `block1a_dwconv`.
    pub convolutions: BTreeMap<String, Convolution>,
    /// What follows each batch norm, by the name of its module as for convolutions; none where nothing does.
    pub activations: BTreeMap<String, Option<Activation>>,
    /// Whether a block adds its input to its result, by the name of its module.
    pub skips: BTreeMap<String, bool>,
    /// Whether it covers the modules around the network too.
    pub covers_wrappers: bool,
    /// Properties that no network here has.
    pub unsupported: Vec<Unsupported>,
    /// What a reader should hear of the record, each a sentence.
    pub notes: Vec<String>,
}

/// What follows the last feature maps, as it is recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedHead {
    /// How feature maps become one vector; none where the record leaves it open.
    pub pool: Option<HeadPool>,
    /// The tensor of the pool's exponent, where that is trained: the pool's own number stands for it.
    pub power: Option<String>,
    /// From that vector to the logits, in order; none where the network ends in the vector.
    pub layers: Vec<RecordedLayer>,
}

/// A layer of a head.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedLayer {
    /// What it computes.
    pub layer: HeadLayer,
    /// Its name in the checkpoint: where its tensors lie, if it has any.
    pub module: String,
}

/// What is recorded of a convolution; what is left open is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Convolution {
    /// Steps along height and width.
    pub stride: Option<[u64; 2]>,
    /// Distance of the kernel's elements along height and width.
    pub dilation: Option<[u64; 2]>,
    /// Number of channel groups.
    pub groups: Option<u64>,
    /// How the border is padded.
    pub pads: Option<Pads>,
}

/// How one convolution pads the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pads {
    /// TensorFlow's rule, computed from the size of what enters.
    Same,
    /// So many elements at the top, left, bottom and right, whatever enters.
    Explicit([u64; 4]),
}

/// What a model applies to its logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalActivation {
    /// Softmax over the classes.
    Softmax,
    /// A sigmoid of each.
    Sigmoid,
}

/// A property that no network here has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// What it is a property of.
    pub part: Part,
    /// The layer's name, what it is and what is expected: `` `bn1` is a `GroupNorm`, expected a batch norm ``.
    pub what: String,
}

/// A part of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// From the image to the last feature maps, or any part of the model where it is not known which.
    Body,
    /// What follows the mean of the feature maps: irrelevant where no output of it is asked for, or where it is replaced.
    Head,
}

impl FinalActivation {
    /// A short name, as in `--activation`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
        }
    }
}

impl Evidence {
    /// Adds a property that no network here has.
    pub(super) fn refuse(&mut self, part: Part, what: String) {
        let unsupported = Unsupported { part, what };
        if !self.unsupported.contains(&unsupported) {
            self.unsupported.push(unsupported);
        }
    }
}

impl fmt::Display for Pads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("SAME padding"),
            Self::Explicit(pads) => write!(f, "pads {pads:?} (top, left, bottom, right)"),
        }
    }
}
