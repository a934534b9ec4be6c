//! A tensor of one text: lengths, their checksum, bytes (tensorflow `util/tensor_bundle/tensor_bundle.cc`, `WriteStringTensor`).

use super::table::is_checksum;
use super::wire::Input;

/// The text in a tensor's bytes; `checksum` is the one in its record.
pub(super) fn text(bytes: &[u8], checksum: u32) -> Result<&[u8], String> {
    let mut input = Input(bytes);
    let length = input.varint()?;
    let of_lengths = input.bytes(4)?;
    let text = input.bytes(length)?;
    if !input.0.is_empty() {
        return Err(format!("it has {} bytes after its text", input.0.len()));
    }
    // The length counts as 32 bits where it fits.
    let counted = match u32::try_from(length) {
        Ok(length) => crc32c::crc32c(&length.to_le_bytes()),
        Err(_) => crc32c::crc32c(&length.to_le_bytes()),
    };
    let crc = crc32c::crc32c_append(crc32c::crc32c_append(counted, of_lengths), text);
    let stored = u32::from_le_bytes(of_lengths.try_into().unwrap_or_default());
    if !is_checksum(counted, stored) || !is_checksum(crc, checksum) {
        return Err("its checksum is wrong".to_owned());
    }
    Ok(text)
}
