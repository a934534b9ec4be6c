//! What a checkpoint records about its network beside the tensors: the attributes of a pickled module, the configuration of a
//! Keras model. It is read as data; nothing of it is ever run.
//!
//! Whoever opens a checkpoint uses this evidence where the requested network can have it, and refuses it by name elsewhere.

use crate::graph::{Activation, Padding};
use std::collections::BTreeMap;

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
    /// Stride of each convolution `[height, width]`, by the name of its module in the checkpoint, without wrappers' prefixes.
    pub strides: BTreeMap<String, [u64; 2]>,
    /// Properties that no network here has, each a sentence with the layer's name, what it is and what is expected.
    pub unsupported: Vec<String>,
}
