//! One tensor by itself, as `.pb` files have it. Says nothing of what its elements are.

use super::budget::{Budget, Kind};
use super::wire::Fault;
use crate::onnx::proto::TensorProto;
use prost::Message;
use prost::bytes::Bytes;

/// Decodes a tensor, whose raw data stays where it is.
///
/// # Errors
/// Why the bytes are no tensor, or that it would take more than [`DECODED_LIMIT`](super::DECODED_LIMIT) of memory.
pub fn decode_tensor(bytes: Vec<u8>) -> Result<TensorProto, String> {
    Budget::new()
        .take_message(Kind::Tensor, &bytes)
        .map_err(|fault| match fault {
            Fault::Io(error) => error.to_string(),
            Fault::Malformed(reason) => reason,
        })?;
    TensorProto::decode(Bytes::from(bytes)).map_err(|error| error.to_string())
}

/// The bytes of a tensor.
#[must_use]
pub fn encode_tensor(tensor: &TensorProto) -> Vec<u8> {
    tensor.encode_to_vec()
}
