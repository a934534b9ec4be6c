//! Networks that are nobody's baseline: described in a file, or by block strings.
//!
//! A [`Record`] is what such a description says; [`Record::design`] checks it and resolves what it leaves out.

mod blocks;
mod check;
mod file;
mod record;
mod stage;

pub use blocks::{BlocksError, parse_blocks};
pub use check::RecordError;
pub use file::{DesignError, DesignTextError, parse_file, read_file, write_file};
pub use record::{Record, SqueezeRecord};
pub use stage::StageRecord;

use super::Architecture;

/// A network of one's own, with the name and the size that its designer gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// Name of the graph.
    pub name: String,
    /// Side of the square input that goes with it, in pixels.
    pub resolution: u64,
    /// The network.
    pub architecture: Architecture,
}
