//! ONNX: operators, opsets, reading and writing files. Nothing here knows EfficientNet.

pub mod ops;
