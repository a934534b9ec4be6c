//! efficientnet-onnx

pub mod architecture;
pub mod graph;
pub mod metadata;
pub mod network;
pub mod onnx;
pub mod scaling;
pub mod weights;
