//! Passes from the canonical graph to the form that a toolchain wants; each is a function of a graph.
//!
//! The default form: batch norms folded ([`fold_batch_norms`]), then routed convolutions
//! made of simpler ones ([`route_experts`]), then every concept spelled in ONNX
//! operators ([`spell`]). An option is a pass here, never a condition in `network`.

mod fold;
mod route;
mod spell;

pub use fold::fold_batch_norms;
pub use route::route_experts;
pub use spell::{SpellError, spell};
