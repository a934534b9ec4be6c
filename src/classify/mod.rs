//! Classifies pictures: opens a file with its preprocessing, head activation and labels, and ranks classes by probability.
//!
//! Works for every file that `emit` wrote for a published network, and for any other whose metadata has the same record of
//! preprocessing ([`crate::metadata::PREPROCESSING_KEY`]).

mod classifier;
mod error;
mod probability;

pub use classifier::{Classifier, RankedClass};
pub use error::{ClassifierError, NoPreprocessing, OutputsError, Unfit};
