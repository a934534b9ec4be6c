//! The safetensors container: a JSON header, then every tensor's bytes. Knows no tensor's meaning.
//!
//! Data is read by position, as much as is asked for; only the header is held. The header comes from
//! anyone, so its length, each size and each offset are checked before they are believed.

use super::{Dtype, SourceError, TensorInfo, TensorReader, TensorSource, element};
use crate::tensor::read_at;
use ::safetensors::tensor::{Dtype as Stored, Metadata, TensorInfo as Entry};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

const FORMAT: &str = "safetensors";
/// The largest header that is read. The format allows 100 MB; EfficientNet-L2's takes 0.3 MB.
const LARGEST_HEADER: u64 = 8 << 20;
/// Dimensions that a tensor may have, as in PyTorch.
const MOST_DIMENSIONS: usize = 64;
/// The key that holds free text instead of a tensor.
const METADATA_KEY: &str = "__metadata__";
/// How many bytes are read at a time.
const PIECE: usize = 1 << 18;

/// A `.safetensors` file.
#[derive(Debug)]
pub struct Safetensors {
    path: PathBuf,
    file: File,
    tensors: Vec<TensorInfo>,
    offsets: BTreeMap<String, (usize, u64)>,
    metadata: BTreeMap<String, String>,
}

impl Safetensors {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// If it cannot be read, or its header does not fit it.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let io = |source| SourceError::Io {
            path: path.display().to_string(),
            source,
        };
        let bad = |reason| SourceError::Malformed {
            path: path.display().to_string(),
            format: FORMAT,
            reason,
        };
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut prefix = [0; 8];
        if length < 8 {
            return Err(bad(format!("expected at least 8 bytes, found {length}")));
        }
        read_at(&file, &mut prefix, 0).map_err(io)?;
        let header_length = u64::from_le_bytes(prefix);
        if header_length > length - 8 {
            return Err(bad(format!(
                "its header should have {header_length} bytes, but only {} follow",
                length - 8
            )));
        }
        if header_length > LARGEST_HEADER {
            return Err(bad(format!(
                "its header has {header_length} bytes, more than {LARGEST_HEADER}"
            )));
        }
        let mut header = vec![0; usize::try_from(header_length).unwrap_or(usize::MAX)];
        read_at(&file, &mut header, 8).map_err(io)?;
        let Header { metadata, entries } = serde_json::from_slice(&header)
            .map_err(|error| bad(format!("its header is not valid: {error}")))?;
        drop(header);
        let data = 8 + header_length;
        check(&entries, length - data).map_err(bad)?;
        let tensors = entries
            .iter()
            .map(|(name, entry)| TensorInfo {
                name: name.clone(),
                shape: entry
                    .shape
                    .iter()
                    .map(|&dimension| dimension as u64)
                    .collect(),
                dtype: dtype(entry.dtype),
            })
            .collect();
        let offsets = entries
            .into_iter()
            .enumerate()
            .map(|(index, (name, entry))| (name, (index, data + entry.data_offsets.0 as u64)))
            .collect();
        Ok(Self {
            path: path.to_path_buf(),
            file,
            tensors,
            offsets,
            metadata,
        })
    }

    /// The text entries of `__metadata__`.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }
}

impl TensorSource for Safetensors {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let &(index, start) = self
            .offsets
            .get(name)
            .ok_or_else(|| SourceError::Missing(name.to_string()))?;
        let dtype = self.tensors[index].dtype;
        let size = element::size(dtype).ok_or_else(|| SourceError::Malformed {
            path: self.path.display().to_string(),
            format: FORMAT,
            reason: format!("`{name}` is not of a floating-point type that weights have"),
        })?;
        Ok(Box::new(Reader {
            file: self,
            dtype,
            size,
            start,
        }))
    }
}

struct Reader<'a> {
    file: &'a Safetensors,
    dtype: Dtype,
    size: usize,
    start: u64,
}

impl TensorReader for Reader<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let step = PIECE / self.size;
        let mut bytes = vec![0; out.len().min(step) * self.size];
        let mut position = self.start + (offset * self.size) as u64;
        for piece in out.chunks_mut(step) {
            let bytes = &mut bytes[..piece.len() * self.size];
            read_at(&self.file.file, bytes, position).map_err(|source| SourceError::Io {
                path: self.file.path.display().to_string(),
                source,
            })?;
            element::decode(self.dtype, bytes, piece);
            position += bytes.len() as u64;
        }
        Ok(())
    }
}

struct Header {
    metadata: BTreeMap<String, String>,
    entries: Vec<(String, Entry)>,
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

fn dtype(stored: Stored) -> Dtype {
    match stored {
        Stored::F16 => Dtype::F16,
        Stored::BF16 => Dtype::BF16,
        Stored::F32 => Dtype::F32,
        Stored::F64 => Dtype::F64,
        _ => Dtype::Integer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(header: &str, data: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&(header.len() as u64).to_le_bytes())
            .unwrap();
        file.write_all(header.as_bytes()).unwrap();
        file.write_all(data).unwrap();
        file
    }

    fn message(header: &str, data: &[u8]) -> String {
        Safetensors::open(file(header, data).path())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn pieces_of_a_tensor_are_read_by_position() {
        let header = r#"{"__metadata__":{"a":"b"},"w":{"dtype":"F16","shape":[2,2],"data_offsets":[8,16]},
            "n":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}"#;
        let data: Vec<u8> = [[0u8; 8], [0x00, 0x3c, 0x00, 0x40, 0x00, 0x42, 0x00, 0x44]].concat();
        let file = file(header, &data);
        let source = Safetensors::open(file.path()).unwrap();
        assert_eq!(source.metadata()["a"], "b");
        assert_eq!(
            source.tensors()[0],
            TensorInfo {
                name: "n".into(),
                shape: vec![],
                dtype: Dtype::Integer
            }
        );
        assert_eq!(
            source.tensors()[1],
            TensorInfo {
                name: "w".into(),
                shape: vec![2, 2],
                dtype: Dtype::F16
            }
        );
        let mut out = [0.0; 3];
        source.open("w").unwrap().fill(1, &mut out).unwrap();
        assert_eq!(out, [2.0, 3.0, 4.0]);
        assert!(source.open("n").is_err());
        assert!(matches!(source.open("v"), Err(SourceError::Missing(_))));
    }

    #[test]
    fn a_long_tensor_is_read_in_several_pieces() {
        let values: Vec<f32> = (0..200_000).map(|index| index as f32).collect();
        let data: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let file = file(
            r#"{"w":{"dtype":"F32","shape":[200000],"data_offsets":[0,800000]}}"#,
            &data,
        );
        let source = Safetensors::open(file.path()).unwrap();
        let mut out = vec![0.0; 199_999];
        source.open("w").unwrap().fill(1, &mut out).unwrap();
        assert_eq!(out, values[1..]);
    }

    #[test]
    fn lies_in_the_header_are_named() {
        for (header, data, expected) in [
            ("", &[0u8; 0][..], "its header is not valid"),
            ("[]", &[], "an object with an entry for each tensor"),
            (
                r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
                &[0; 4],
                "`w` is F32 [2], which does not fit its bytes 0 to 4",
            ),
            (
                r#"{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
                &[0; 4],
                "does not fit",
            ),
            (
                r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                &[0; 3],
                "its tensors take 4 bytes, but 3 follow",
            ),
            (
                r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                &[0; 8],
                "invalid offset for tensor `w`",
            ),
            (
                r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                &[0; 8],
                "`w` is there twice",
            ),
            (
                r#"{"w":{"dtype":"Q3","shape":[1],"data_offsets":[0,4]}}"#,
                &[0; 4],
                "unknown variant `Q3`",
            ),
        ] {
            let message = message(header, data);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_declared_header_length_is_not_believed() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&u64::MAX.to_le_bytes()).unwrap();
        let message = Safetensors::open(file.path()).unwrap_err().to_string();
        assert!(
            message.contains("should have 18446744073709551615 bytes, but only 0 follow"),
            "{message}"
        );
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&(LARGEST_HEADER + 1).to_le_bytes()).unwrap();
        file.as_file().set_len(LARGEST_HEADER + 100).unwrap();
        let message = Safetensors::open(file.path()).unwrap_err().to_string();
        assert!(
            message.contains("its header has 8388609 bytes, more than 8388608"),
            "{message}"
        );
    }
}
