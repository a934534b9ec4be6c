//! The safetensors container: a JSON header, then every tensor's bytes. Knows no tensor's meaning.
//!
//! Data is read by position, as much as is asked for; only the header is held. The header comes from
//! anyone, so its length, each size and each offset are checked before they are believed.

mod header;

use super::raw::Raw;
use super::{Element, SourceError, TensorInfo, TensorReader, TensorSource};
use crate::files::open_input;
use crate::tensor::{decode, read_at};
use ::safetensors::tensor::Dtype as Stored;
use header::Header;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

const FORMAT: &str = "safetensors";
/// The largest header that is read. The format allows 100 MB; EfficientNet-L2's takes 0.3 MB.
const LARGEST_HEADER: u64 = 8 << 20;

/// A `.safetensors` file.
#[derive(Debug)]
pub struct Safetensors {
    path: PathBuf,
    file: File,
    tensors: Vec<TensorInfo>,
    offsets: BTreeMap<String, (usize, u64)>,
    metadata: BTreeMap<String, String>,
    stored: Vec<(String, StoredTensor)>,
}

/// A tensor as it lies in the file, whatever its element type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTensor {
    /// The format's own name of the element type, such as `BF16`.
    pub dtype: String,
    /// Its shape, outermost dimension first.
    pub shape: Vec<usize>,
    /// Where its first byte lies in the file.
    pub start: u64,
}

impl Safetensors {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// If it cannot be read, or its header does not fit it.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let io = |source| SourceError::Io {
            path: path.to_string_lossy().into_owned(),
            source,
        };
        let bad = |reason: String| SourceError::Malformed {
            path: path.to_string_lossy().into_owned(),
            format: FORMAT,
            reason,
        };
        let file = open_input(path).map_err(io)?;
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
        let data = 8 + header_length;
        let Header { metadata, entries } = Header::parse(&header, length - data).map_err(bad)?;
        drop(header);
        let stored = entries
            .iter()
            .map(|(name, entry)| {
                let stored = StoredTensor {
                    dtype: entry.dtype.to_string(),
                    shape: entry.shape.clone(),
                    start: data + entry.data_offsets.0 as u64,
                };
                (name.clone(), stored)
            })
            .collect();
        let tensors = entries
            .iter()
            .map(|(name, entry)| {
                let found = entry.dtype;
                let unknown = || bad(format!("`{name}`: elements of {found} are not known"));
                Ok(TensorInfo {
                    name: name.clone(),
                    shape: entry
                        .shape
                        .iter()
                        .map(|&dimension| dimension as u64)
                        .collect(),
                    element: element_type(found).ok_or_else(unknown)?,
                })
            })
            .collect::<Result<_, SourceError>>()?;
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
            stored,
        })
    }

    /// Every tensor as it is stored, in the order of their data.
    #[must_use]
    pub fn stored(&self) -> &[(String, StoredTensor)] {
        &self.stored
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
        let element = self.tensors[index].element;
        let size = decode::size(element).ok_or_else(|| SourceError::Malformed {
            path: self.path.to_string_lossy().into_owned(),
            format: FORMAT,
            reason: unread(name, element),
        })?;
        Ok(Box::new(Raw {
            file: &self.file,
            path: &self.path,
            element,
            size,
            start,
        }))
    }

    fn is_zero(&self, name: &str) -> Option<bool> {
        let &(_, start) = self.offsets.get(name)?;
        let (_, stored) = self.stored.iter().find(|(other, _)| other == name)?;
        let is_one = stored.shape.iter().product::<usize>() == 1;
        // PyTorch counts in i64.
        if !is_one || stored.dtype != "I64" {
            return None;
        }
        let mut bytes = [0; 8];
        read_at(&self.file, &mut bytes, start).ok()?;
        Some(bytes == [0; 8])
    }
}

/// Why a tensor of a type is not read.
fn unread(name: &str, element: Element) -> String {
    let reason = format!("`{name}` is not of a floating-point type that weights have");
    if element.is_float() {
        format!(
            "{reason}, but {element}: save it as float16 or float32, with its scale applied if it has one, such as \
             `save_file({{name: tensor.to(torch.float16) for name, tensor in tensors.items()}}, \"model.safetensors\")`"
        )
    } else {
        reason
    }
}

/// None for types that a later version of the crate knows.
fn element_type(stored: Stored) -> Option<Element> {
    Some(match stored {
        Stored::F64 => Element::F64,
        Stored::F32 => Element::F32,
        Stored::F16 => Element::F16,
        Stored::BF16 => Element::Bf16,
        Stored::I64 => Element::I64,
        Stored::I32 => Element::I32,
        Stored::I16 => Element::I16,
        Stored::I8 => Element::I8,
        Stored::U64 => Element::U64,
        Stored::U32 => Element::U32,
        Stored::U16 => Element::U16,
        Stored::U8 => Element::U8,
        Stored::BOOL => Element::Bool,
        Stored::C64 => Element::Complex64,
        Stored::F8_E4M3 => Element::F8e4m3fn,
        Stored::F8_E4M3FNUZ => Element::F8e4m3fnuz,
        Stored::F8_E5M2 => Element::F8e5m2,
        Stored::F8_E5M2FNUZ => Element::F8e5m2fnuz,
        Stored::F8_E8M0 => Element::F8e8m0,
        Stored::F6_E2M3 => Element::F6e2m3,
        Stored::F6_E3M2 => Element::F6e3m2,
        Stored::F4 => Element::F4e2m1,
        _ => return None,
    })
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
                element: Element::I64
            }
        );
        assert_eq!(
            source.tensors()[1],
            TensorInfo {
                name: "w".into(),
                shape: vec![2, 2],
                element: Element::F16
            }
        );
        let mut out = [0.0; 3];
        source.open("w").unwrap().fill(1, &mut out).unwrap();
        assert_eq!(out, [2.0, 3.0, 4.0]);
        assert!(source.open("n").is_err());
        assert!(matches!(source.open("v"), Err(SourceError::Missing(_))));
    }

    #[test]
    fn floats_that_are_not_read_are_no_integers() {
        let header = r#"{"w":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}"#;
        let file = file(header, &[0x38, 0x40]);
        let source = Safetensors::open(file.path()).unwrap();
        assert_eq!(source.tensors()[0].element, Element::F8e4m3fn);
        let message = source.open("w").map(drop).unwrap_err().to_string();
        assert!(message.contains("`w` is not of a floating-point type"));
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
