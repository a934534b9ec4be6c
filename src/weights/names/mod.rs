//! Other libraries' tensor names: the one place that knows them.
//!
//! The graph's parameters are named as timm names them. A [`NameMap`] turns those names into the ones
//! that a checkpoint uses, and [`Naming::detect`] finds out which library wrote it. What else a naming
//! says about a checkpoint, padding and epsilon, is in [`conventions`].

pub mod conventions;
pub(in crate::weights) mod keras;
mod lukemelas;
mod map;
mod mmpretrain;
mod mobilenet;
mod naming;
mod place;
mod tensorflow;
mod torchvision;
mod transformers;

pub use map::{NameMap, UnknownName};
pub use naming::Naming;
