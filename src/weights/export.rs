//! Writing parameters as a safetensors file in timm's names, a few chunks in memory at a time.
//!
//! The format is 8 bytes of header length, a JSON header and the tensors' bytes, little-endian and without a
//! gap (safetensors README, "Format"). The same parameters and metadata always give the same bytes.

use crate::graph::shape::Dim;
use crate::graph::{Graph, Parameter};
use crate::tensor::{
    Pipe, Progress, Segment, SourceError, StreamError, TensorInfo, TensorReader, TensorSource,
    stream,
};
use crate::weights::{BindError, Expected, bind};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io::Write;

/// The header's length is a multiple of this, so that the data is aligned.
const ALIGNMENT: usize = 8;

/// Parameters of a network, found complete in a source that has them under timm's names.
pub struct Export<'a> {
    parameters: &'a [Parameter],
    source: &'a dyn TensorSource,
}

impl<'a> Export<'a> {
    /// Looks for every parameter of `canonical` in `source`; what else the source has is left out.
    ///
    /// # Errors
    /// One error that lists all missing and mis-shaped tensors.
    pub fn new(canonical: &'a Graph, source: &'a dyn TensorSource) -> Result<Self, BindError> {
        let parameters = &canonical.parameters;
        let expected = Expected::as_named(parameters);
        bind(canonical, &Only::new(source, parameters), &expected)?;
        Ok(Self { parameters, source })
    }

    /// How many bytes the tensors take.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        self.parameters
            .iter()
            .map(|parameter| 4 * parameter.element_count())
            .sum()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If reading or writing fails, or `progress` cancels.
    pub fn write(
        &self,
        metadata: &[(String, String)],
        out: Box<dyn Write + Send>,
        progress: &dyn Progress,
    ) -> Result<(), StreamError> {
        let mut header = self.header(metadata).to_string();
        while !header.len().is_multiple_of(ALIGNMENT) {
            header.push(' ');
        }
        let mut out = Pipe::new(out);
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        let segments: Vec<_> = self.parameters.iter().map(segment).collect();
        stream(self.source, &segments, &mut out, progress)?;
        Ok(out.finish()?)
    }

    fn header(&self, metadata: &[(String, String)]) -> Value {
        let text: Map<String, Value> = metadata
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect();
        let mut header = Map::new();
        header.insert("__metadata__".to_owned(), Value::Object(text));
        let mut start = 0;
        for parameter in self.parameters {
            let end = start + 4 * parameter.element_count();
            let entry =
                json!({ "dtype": "F32", "shape": shape(parameter), "data_offsets": [start, end] });
            header.insert(parameter.name.clone(), entry);
            start = end;
        }
        Value::Object(header)
    }
}

/// The tensors of a source that are parameters; an ONNX file has constants beside them.
struct Only<'a> {
    source: &'a dyn TensorSource,
    tensors: Vec<TensorInfo>,
}

impl<'a> Only<'a> {
    fn new(source: &'a dyn TensorSource, parameters: &[Parameter]) -> Self {
        let names: BTreeSet<&str> = parameters
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        let tensors = source
            .tensors()
            .iter()
            .filter(|tensor| names.contains(tensor.name.as_str()));
        Self {
            source,
            tensors: tensors.cloned().collect(),
        }
    }
}

impl TensorSource for Only<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        self.source.open(name)
    }
}

fn segment(parameter: &Parameter) -> Segment<'_> {
    Segment {
        before: &[],
        tensor: &parameter.name,
        elements: usize::try_from(parameter.element_count()).unwrap_or(usize::MAX),
    }
}

fn shape(parameter: &Parameter) -> Vec<u64> {
    parameter.shape.iter().filter_map(Dim::fixed).collect()
}
