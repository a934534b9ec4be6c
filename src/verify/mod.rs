//! Verifies that a file computes the same in every runtime: tolerance, comparison and verdict are pure functions, and
//! [`session`] runs what they ask for.
//!
//! A *case* is a set of inputs, which [`plan`] chooses and [`noise`] makes. A *run* is one runtime on all cases, and its
//! *outcome* what came of it. The *reference run* is what the others are compared with. [`judge`] makes the *report* of
//! all. [`bisect`] finds the node at which two runs begin to differ, and [`mutate`] plants mistakes that must be noticed.
//!
//! A tiny Lite0, verified in this process in the runtimes that are built in:
//!
//! ```
//! use efficientnet_onnx::architecture::Variant;
//! use efficientnet_onnx::emit::{self, Destination, Emitted};
//! use efficientnet_onnx::request::{Blueprint, Extent, Request};
//! use efficientnet_onnx::runtime::{RuntimeName, discover::Places, process::Host};
//! use efficientnet_onnx::verify::{plan::Wanted, report::RuntimeStatus};
//! use efficientnet_onnx::verify::session::{CaseSource, Verifier};
//! use efficientnet_onnx::weights::{Expected, init::{Rule, SeededWeights}};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let variant = Variant::by_name("lite0").ok_or("lite0 is published")?;
//! let mut request = Request::new(Blueprint::published(variant));
//! request.size = [Extent::Fixed(32); 2];
//! let parameters = request.parameters()?;
//! let expected = Expected::as_named(&parameters);
//! let weights = SeededWeights::new(parameters, Rule::Probe, 0);
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("lite0.onnx");
//! let emitted = emit::emit(
//!     &request,
//!     &emit::Tensors { source: &weights, expected: &expected },
//!     Destination::new_file(file.clone()),
//!     &(),
//!     || Ok(Vec::new()),
//! )?;
//! if let Emitted::Staged(model) = emitted {
//!     model.commit()?;
//! }
//!
//! let mut verifier = Verifier::new(Host::in_this_process(Places::default()));
//! verifier.runtimes = vec![RuntimeName::Reference, RuntimeName::Tract];
//! verifier.runtimes.retain(|runtime| runtime.is_built());
//! verifier.source = CaseSource::Noise {
//!     wanted: Wanted { batches: vec![1], ..Wanted::default() },
//!     write_to: None,
//! };
//! let report = verifier.verify(&file, &mut |_| {})?;
//! assert_eq!(report.runtimes.len(), verifier.runtimes.len());
//! for runtime in &report.runtimes {
//!     assert_eq!(runtime.status, RuntimeStatus::Passed, "{}: {:?}", runtime.name, runtime.max_abs);
//! }
//! # Ok(())
//! # }
//! ```

pub mod bisect;
mod checks;
mod compare;
pub mod facts;
mod fixed;
pub mod given;
mod judge;
mod layout;
mod lineage;
pub mod mutate;
pub mod noise;
pub mod note;
pub mod pair;
pub mod plan;
pub mod precision;
pub mod range;
pub mod ranks;
pub mod read;
mod reference;
mod remarks;
pub mod report;
pub mod session;
mod smooth;
pub mod survey;
pub mod tensors;
pub mod tolerance;
pub(crate) mod trace;

pub use judge::{VerifySettings, disagreeing, judge, judge_against, rejected, tell_rounding};
pub use lineage::{Does, FixedBatch, FixingNode, Lineage, RowNode};
pub use reference::{ReferenceRun, reference_of};

#[cfg(test)]
mod tests;
