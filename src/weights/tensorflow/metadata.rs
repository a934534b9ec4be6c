//! `keras_metadata.pb`, in which Keras 2 describes the model of a SavedModel (keras `protobuf/saved_metadata.proto`).

use super::wire::{Input, Value};

/// What it is called, in the folder of the SavedModel.
pub(super) const METADATA: &str = "keras_metadata.pb";
/// Bytes of one; that of EfficientNetV2-L has about 3 MB.
pub(super) const LARGEST_METADATA: u64 = 32 << 20;
/// The path of the whole model among its objects.
const ROOT: &[u8] = b"root";

/// The description of the whole model, as JSON.
pub(super) fn description(message: &[u8]) -> Result<Option<&str>, String> {
    let mut objects = Input(message);
    while let Some(object) = objects.field()? {
        let (1, Value::Bytes(object)) = object else {
            continue;
        };
        let (mut path, mut text) = (&b""[..], &b""[..]);
        let mut fields = Input(object);
        while let Some(field) = fields.field()? {
            match field {
                (3, Value::Bytes(found)) => path = found,
                (5, Value::Bytes(found)) => text = found,
                _ => {}
            }
        }
        if path == ROOT {
            let text = str::from_utf8(text);
            return text.map(Some).map_err(|_| "it is not UTF-8".to_owned());
        }
    }
    Ok(None)
}
