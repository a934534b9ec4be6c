//! ONNX: operators, opsets, reading and writing files. Nothing here knows EfficientNet.

pub mod ops;
#[rustfmt::skip]
pub mod proto;
