//! The JSON header: which tensors there are, and that their bytes are just those that follow.

use ::safetensors::tensor::{Metadata, TensorInfo as Entry};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// Dimensions that a tensor may have, as in PyTorch.
const MOST_DIMENSIONS: usize = 64;
/// The key that holds free text instead of a tensor.
const METADATA_KEY: &str = "__metadata__";

/// A header that fits its file.
#[derive(Debug)]
pub(super) struct Header {
    /// The text entries.
    pub(super) metadata: BTreeMap<String, String>,
    /// Names and entries, in the order of their bytes.
    pub(super) entries: Vec<(String, Entry)>,
}

impl Header {
    /// Parses a header that `data_length` bytes of tensors follow.
    pub(super) fn parse(json: &[u8], data_length: u64) -> Result<Self, String> {
        let header: Self = serde_json::from_slice(json)
            .map_err(|error| format!("its header is not valid: {error}"))?;
        check(&header.entries, data_length)?;
        Ok(header)
    }
}

impl<'de> serde::Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The crate's own type buffers every value before it looks at the key, at many times the header's size,
        // and lets a repeated name pass.
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with an entry for each tensor")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header {
                    metadata: BTreeMap::new(),
                    entries: Vec::new(),
                };
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA_KEY {
                        header.metadata = map.next_value()?;
                    } else {
                        header.entries.push((name, map.next_value()?));
                    }
                }
                header.entries.sort_by(|one, other| one.0.cmp(&other.0));
                match header
                    .entries
                    .windows(2)
                    .find(|pair| pair[0].0 == pair[1].0)
                {
                    Some(pair) => Err(A::Error::custom(format!("`{}` is there twice", pair[0].0))),
                    None => {
                        header.entries.sort_by_key(|(_, entry)| entry.data_offsets);
                        Ok(header)
                    }
                }
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Checks that the tensors, sorted by offset, fill `data_length` bytes without a gap or an overlap.
fn check(entries: &[(String, Entry)], data_length: u64) -> Result<(), String> {
    for (
        name,
        Entry {
            dtype,
            shape,
            data_offsets: (start, end),
        },
    ) in entries
    {
        if shape.len() > MOST_DIMENSIONS {
            return Err(format!("`{name}` has {} dimensions", shape.len()));
        }
        let bits = shape.iter().try_fold(dtype.bitsize(), |bits, &dimension| {
            bits.checked_mul(dimension)
        });
        let found = end.checked_sub(*start);
        if bits.is_none_or(|bits| bits % 8 != 0 || found != Some(bits / 8)) {
            return Err(format!(
                "`{name}` is {dtype} {shape:?}, which does not fit its bytes {start} to {end}"
            ));
        }
    }
    let metadata = Metadata::new(None, entries.to_vec()).map_err(|error| error.to_string())?;
    if metadata.data_len() as u64 != data_length {
        return Err(format!(
            "its tensors take {} bytes, but {data_length} follow the header",
            metadata.data_len()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_in_the_header_are_named() {
        for (header, data, expected) in [
            ("", 0, "its header is not valid"),
            ("[]", 0, "an object with an entry for each tensor"),
            (
                r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
                4,
                "`w` is F32 [2], which does not fit its bytes 0 to 4",
            ),
            (
                r#"{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
                4,
                "does not fit",
            ),
            (
                r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                3,
                "its tensors take 4 bytes, but 3 follow",
            ),
            (
                r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                8,
                "invalid offset for tensor `w`",
            ),
            (
                r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                8,
                "`w` is there twice",
            ),
            (
                r#"{"w":{"dtype":"Q3","shape":[1],"data_offsets":[0,4]}}"#,
                4,
                "unknown variant `Q3`",
            ),
        ] {
            let message = Header::parse(header.as_bytes(), data).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
