//! Items for the tests and the fuzz targets of this package.
//!
//! They are no part of its interface and may change in every release.

pub use crate::onnx::file::mark::mark;
pub use crate::onnx::model::{Frame, Model, Storage};
pub use crate::tensor::pipe::Pipe;
pub use crate::tensor::stream::{Segment, stream};
pub use crate::verify::trace::{Traced, channels_last, trace};
pub use crate::weights::bind::{BoundWeights, bind};
pub use crate::weights::keras::config::ModelConfig;
pub use crate::weights::keras::{Keras, Normalization};
pub use crate::weights::layout::{from_torch, permuted};
pub use crate::weights::npz::Npz;
pub use crate::weights::pytorch::{Container, Plain, Pytorch};
pub use crate::weights::safetensors::Safetensors;
pub use crate::weights::tensorflow::TensorFlow;
