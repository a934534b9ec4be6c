//! efficientnet-onnx

pub mod architecture;
pub mod emit;
pub mod form;
pub mod graph;
pub mod labels;
pub mod metadata;
pub mod network;
pub mod onnx;
pub mod request;
pub mod runtime;
pub mod scaling;
pub mod tensor;
pub mod verify;
pub mod weights;
