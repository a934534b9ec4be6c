//! Initializers of a file as tensors that are read in pieces: of f32, f16 and bf16, which is all that is written.

use super::{Data, Initializer, ModelFile};
use crate::onnx::element;
use crate::tensor::{
    Element, SourceError, TensorInfo, TensorReader, TensorSource, decode, read_at,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

const FORMAT: &str = "ONNX";
/// Bytes that are read at a time.
const PIECE: usize = 1 << 18;

/// The initializers of a model file.
#[derive(Debug)]
pub struct InitializerSource {
    file: Arc<ModelFile>,
    tensors: Vec<TensorInfo>,
    indices: BTreeMap<String, usize>,
}

impl InitializerSource {
    /// Offers every initializer, in the file's order; integers too, which can be listed but not read.
    ///
    /// # Errors
    /// If two share a name, or one has a negative extent or no element type.
    pub fn new(file: impl Into<Arc<ModelFile>>) -> Result<Self, SourceError> {
        let file = file.into();
        let mut tensors = Vec::new();
        let mut indices = BTreeMap::new();
        for (index, initializer) in file.contents.initializers.iter().enumerate() {
            let name = initializer.name.clone();
            let shape: Result<Vec<u64>, _> = initializer
                .dims
                .iter()
                .map(|dim| u64::try_from(*dim))
                .collect();
            let shape =
                shape.map_err(|_| malformed(&file, format!("`{name}` has a negative extent")))?;
            let element = element::from_number(initializer.data_type)
                .map_err(|reason| malformed(&file, format!("`{name}`: {reason}")))?;
            if indices.insert(name.clone(), index).is_some() {
                return Err(malformed(&file, format!("`{name}` is there twice")));
            }
            tensors.push(TensorInfo {
                name,
                shape,
                element,
            });
        }
        Ok(Self {
            file,
            tensors,
            indices,
        })
    }

    /// The file behind it.
    #[must_use]
    pub fn file(&self) -> &ModelFile {
        &self.file
    }

    /// Whether the elements of an initializer lie in the file as they are read here: of a readable type, and not packed into integers of
    /// 32 bits, as halves may be.
    #[must_use]
    pub fn reads(&self, name: &str) -> bool {
        let place = self.indices.get(name);
        let initializer = place.map(|place| &self.file.contents.initializers[*place]);
        initializer.is_some_and(|initializer| {
            let is_packed =
                matches!(&initializer.data, Data::Typed(typed) if typed.field == PACKED_HALVES);
            initializer.element().is_some_and(is_readable) && !is_packed
        })
    }

    fn locate(&self, initializer: &Initializer) -> Result<(Arc<File>, Range<u64>), SourceError> {
        let malformed =
            |reason: String| malformed(&self.file, format!("`{}`: {reason}", initializer.name));
        match &initializer.data {
            Data::Raw(range) => Ok((Arc::clone(&self.file.file), range.clone())),
            // Packed floats and raw data have the same bytes; halves, as integers of 32 bits, do not.
            Data::Typed(typed) if typed.field == "float_data" => match &typed.range {
                Some(range) => Ok((Arc::clone(&self.file.file), range.clone())),
                None => Err(malformed(
                    "its `float_data` is in several pieces".to_owned(),
                )),
            },
            Data::Typed(typed) => Err(malformed(format!("floats cannot be in `{}`", typed.field))),
            Data::External(_) => {
                let external = initializer
                    .external()
                    .map_err(|error| malformed(error.to_string()))?;
                let external =
                    external.ok_or_else(|| malformed("it has no location".to_owned()))?;
                let opened = external
                    .open(self.file.folder())
                    .map_err(|error| malformed(error.to_string()))?;
                Ok((Arc::new(opened.0), opened.1))
            }
            Data::Several(fields) => Err(malformed(format!(
                "it has data in {}",
                fields.join(" and ")
            ))),
            Data::None => Ok((Arc::clone(&self.file.file), 0..0)),
        }
    }
}

impl TensorSource for InitializerSource {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let missing = || SourceError::Missing(name.to_owned());
        let initializer = self
            .indices
            .get(name)
            .map(|index| &self.file.contents.initializers[*index]);
        let initializer = initializer.ok_or_else(missing)?;
        let malformed = |reason: String| malformed(&self.file, format!("`{name}`: {reason}"));
        let element = initializer.element();
        let Some(element) = element.filter(|element| is_readable(*element)) else {
            let found = element::name_of_number(initializer.data_type);
            let found = found.unwrap_or_else(|| initializer.data_type.to_string());
            return Err(malformed(format!(
                "expected elements of float, float16 or bfloat16, found {found}"
            )));
        };
        let (file, range) = self.locate(initializer)?;
        let (found, expected) = (range.end - range.start, initializer.element_count());
        let size = decode::size(element).expect("what is readable has a size");
        if expected.and_then(|count| count.checked_mul(size as u64)) != Some(found) {
            return Err(malformed(format!(
                "its shape {:?} does not fit its {found} bytes",
                initializer.dims
            )));
        }
        Ok(Box::new(Reader {
            source: self,
            file,
            range,
            element,
            size,
        }))
    }
}

struct Reader<'a> {
    source: &'a InitializerSource,
    file: Arc<File>,
    range: Range<u64>,
    element: Element,
    /// Bytes of one element.
    size: usize,
}

/// The field that has floats of 16 bits where they are not raw.
const PACKED_HALVES: &str = "int32_data";

/// Whether the elements of an initializer can be read: floats of 32 or 16 bits.
#[must_use]
pub fn is_readable(element: Element) -> bool {
    matches!(element, Element::F32 | Element::F16 | Element::Bf16)
}

impl TensorReader for Reader<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let elements = (self.range.end - self.range.start) / self.size as u64;
        if offset
            .checked_add(out.len())
            .is_none_or(|end| end as u64 > elements)
        {
            let reason = format!(
                "{} elements from {offset} on were asked of {elements}",
                out.len()
            );
            return Err(malformed(&self.source.file, reason));
        }
        let mut bytes = vec![0; (out.len() * self.size).min(PIECE)];
        let mut position = self.range.start + (offset * self.size) as u64;
        for piece in out.chunks_mut(PIECE / self.size) {
            let bytes = &mut bytes[..piece.len() * self.size];
            read_at(&self.file, bytes, position).map_err(|source| SourceError::Io {
                path: self.source.file.path.to_string_lossy().into_owned(),
                source,
            })?;
            decode::decode(self.element, bytes, piece);
            position += bytes.len() as u64;
        }
        Ok(())
    }
}

pub(super) fn malformed(file: &ModelFile, reason: String) -> SourceError {
    SourceError::Malformed {
        path: file.path.to_string_lossy().into_owned(),
        format: FORMAT,
        reason,
    }
}
