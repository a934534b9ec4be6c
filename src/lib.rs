//! efficientnet-onnx

pub mod graph;
pub mod metadata;
pub mod onnx;
pub mod weights;
