//! ONNX: operators, opsets, reading and writing files. Nothing here knows EfficientNet.

pub mod check;
pub(crate) mod checksums;
pub mod cost;
pub(crate) mod element;
pub mod file;
pub mod graph;
pub(crate) mod model;
pub mod ops;
pub mod opset;
#[rustfmt::skip]
pub mod proto;

pub use model::{Alignment, ExternalLayout, ModelError};
