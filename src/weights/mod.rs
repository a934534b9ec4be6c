//! Where parameter values come from, and how they become initializers.
//!
//! A checkpoint file or a seed is a [`crate::tensor::TensorSource`] of parameters; binding pairs a
//! graph's parameters with it, reports everything that does not fit in one error, and is itself a source
//! of the initializers that the graph's recipes ask for.

pub mod checkpoint;
pub(crate) mod classifier;
pub mod evidence;
pub mod export;
pub mod finite;
pub mod head;
pub mod init;
pub(crate) mod keras;
pub(crate) mod layout;
pub mod names;
pub(crate) mod npz;
pub mod offer;
pub(crate) mod pytorch;
pub(crate) mod safetensors;
pub(crate) mod sharded;
pub(crate) mod skeleton;
pub(crate) mod stem;
pub(crate) mod tensorflow;

mod archive;
pub(crate) mod bind;
mod contents;
mod emitted;
mod joined;
mod kernels;
mod modules;
mod normal;
pub(crate) mod random;
mod raw;
pub(crate) mod recognised;
mod unread;

use crate::tensor::{Element, SourceError, TensorInfo, TensorReader, TensorSource};
use bind::pair;
pub use bind::{BindError, Expected};
pub(crate) use bind::{BoundWeights, bind};
