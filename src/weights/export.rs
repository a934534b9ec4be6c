//! Writing parameters as a safetensors file in any library's names, a few chunks in memory at a time.
//!
//! The format is 8 bytes of header length, a JSON header and the tensors' bytes, little-endian and without a
//! gap (safetensors README, "Format"). The same parameters and metadata always give the same bytes.

use crate::graph::{Graph, Parameter, Role};
use crate::tensor::shape::Dim;
use crate::tensor::{
    Element, Pipe, Progress, Segment, SourceError, StreamError, TensorInfo, TensorReader,
    TensorSource, stream,
};
use crate::weights::finite::{self, Unsound, Watch};
use crate::weights::layout::{self, Axes, Permuted};
use crate::weights::names::{NameMap, Naming, UnknownName};
use crate::weights::{BindError, Expected, pair};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The header's length is a multiple of this, so that the data is aligned.
const ALIGNMENT: usize = 8;

/// Parameters of a network, found complete in a source that has them under timm's names.
pub struct Export<'a> {
    parameters: &'a [Parameter],
    source: Laid<'a>,
}

/// Why parameters cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Reading or writing fails, or was cancelled.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// They have numbers that no weight should be.
    #[error(transparent)]
    Unsound(Unsound),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Stream(error.into())
    }
}

/// Parameters that a source was found to have.
struct Complete<'a> {
    parameters: &'a [Parameter],
    source: &'a dyn TensorSource,
}

impl<'a> Complete<'a> {
    fn new(parameters: &'a [Parameter], source: &'a dyn TensorSource) -> Result<Self, ExportError> {
        let expected = Expected::as_named(parameters);
        let needed = parameters.iter().map(|parameter| parameter.name.as_str());
        pair(&needed.collect(), source, &expected)?;
        Ok(Self { parameters, source })
    }

    fn named(self, names: NameMap, naming: Naming) -> Export<'a> {
        let Self { parameters, source } = self;
        let watched = parameters.iter().map(|parameter| parameter.name.as_str());
        let tensors = source.tensors().iter();
        let source = Laid {
            source,
            by_name: tensors
                .map(|tensor| (tensor.name.as_str(), tensor))
                .collect(),
            watch: Watch::new(watched),
            names,
            naming,
        };
        Export { parameters, source }
    }
}

impl<'a> Export<'a> {
    /// Looks for every parameter of `canonical` in `source`, which has timm's names, to write it under the names
    /// and in the layout of `naming`.
    ///
    /// # Errors
    /// One error that lists all missing, unexpected and mis-shaped tensors, or the first parameter without a name.
    pub fn new(
        canonical: &'a Graph,
        source: &'a dyn TensorSource,
        naming: Naming,
    ) -> Result<Self, ExportError> {
        let parameters = &canonical.parameters;
        let complete = Complete::new(parameters, source)?;
        let names = parameters.iter().map(|parameter| parameter.name.as_str());
        Ok(complete.named(NameMap::new(naming, names)?, naming))
    }

    /// The same under the names and in the layout of the graph itself, which are PyTorch's.
    ///
    /// # Errors
    /// One error that lists all missing, unexpected and mis-shaped tensors.
    pub fn as_named(
        canonical: &'a Graph,
        source: &'a dyn TensorSource,
    ) -> Result<Self, ExportError> {
        let parameters = &canonical.parameters;
        let complete = Complete::new(parameters, source)?;
        let names = parameters.iter().map(|parameter| parameter.name.as_str());
        Ok(complete.named(NameMap::as_named(names), Naming::Timm))
    }

    /// How many bytes the tensors take.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        self.parameters
            .iter()
            .map(|parameter| 4 * parameter.element_count())
            .sum()
    }

    /// Writes the file; `accepts` is asked whether to go on with NaN, infinities or negative variances.
    ///
    /// # Errors
    /// If reading or writing fails, `progress` cancels, or such weights are not accepted.
    pub fn write(
        &self,
        metadata: &[(String, String)],
        out: Box<dyn Write + Send>,
        progress: &dyn Progress,
        accepts: &dyn Fn(&Unsound) -> bool,
    ) -> Result<(), WriteError> {
        let mut header = self.header(metadata).to_string();
        while !header.len().is_multiple_of(ALIGNMENT) {
            header.push(' ');
        }
        let mut out = Pipe::new(out);
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        let segments: Vec<_> = self.parameters.iter().map(segment).collect();
        stream(&self.source, &segments, &mut out, progress)?;
        let found = self.unsound().map_err(StreamError::from)?;
        if !found.is_empty() && !accepts(&found) {
            return Err(WriteError::Unsound(found));
        }
        Ok(out.finish()?)
    }

    fn unsound(&self) -> Result<Unsound, SourceError> {
        let source = self.source.source;
        let mut found = Unsound::default();
        for parameter in self.parameters {
            let fault = if self.source.watch.has_found(&parameter.name) {
                finite::count(source, &parameter.name, parameter.element_count())?
            } else {
                None
            };
            found
                .tensors
                .extend(fault.map(|fault| (parameter.name.clone(), fault)));
            if let Role::Gamma {
                variance, epsilon, ..
            } = &parameter.role
            {
                let fault =
                    finite::variance(source, variance, parameter.element_count(), *epsilon)?;
                found
                    .tensors
                    .extend(fault.map(|fault| (variance.clone(), fault)));
            }
        }
        Ok(found)
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
            let shape = self.source.shape(parameter);
            let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, end] });
            header.insert(self.source.name(&parameter.name).to_owned(), entry);
            start = end;
        }
        Value::Object(header)
    }
}

/// Why parameters cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The source does not have them.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The library has no name for one of them.
    #[error(transparent)]
    Name(#[from] UnknownName),
}

/// A source's tensors under timm's names, in another library's layout.
struct Laid<'a> {
    source: &'a dyn TensorSource,
    by_name: BTreeMap<&'a str, &'a TensorInfo>,
    names: NameMap,
    naming: Naming,
    watch: Watch,
}

impl Laid<'_> {
    fn name<'a>(&'a self, timm: &'a str) -> &'a str {
        self.names.source_name(timm).unwrap_or(timm)
    }

    fn axes(&self, parameter: &str, rank: usize) -> Option<Axes> {
        layout::from_torch(self.naming, self.name(parameter), rank)
    }

    fn shape(&self, parameter: &Parameter) -> Vec<u64> {
        let shape = shape(parameter);
        match self.axes(&parameter.name, shape.len()) {
            Some(axes) => layout::permuted(&shape, axes),
            None => shape,
        }
    }
}

impl TensorSource for Laid<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        self.source.tensors()
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let reader = self.source.open(name)?;
        let tensor = self.by_name.get(name);
        let laid = tensor.and_then(|tensor| {
            let axes = self.axes(name, tensor.shape.len())?;
            Some((&tensor.shape, axes))
        });
        let reader = match laid {
            Some((shape, axes)) => Box::new(Permuted::new(reader, shape, axes)),
            None => reader,
        };
        Ok(self.watch.over(name, reader))
    }
}

fn segment(parameter: &Parameter) -> Segment<'_> {
    Segment {
        before: &[],
        tensor: &parameter.name,
        element: Element::F32,
        elements: usize::try_from(parameter.element_count()).unwrap_or(usize::MAX),
    }
}

fn shape(parameter: &Parameter) -> Vec<u64> {
    parameter.shape.iter().filter_map(Dim::fixed).collect()
}
