//! Every tensor of a `.safetensors` file, whose header `weights` reads.

use crate::files::foreign::Foreign;
use crate::files::open_input;
use crate::tensor::bytes::{self, Order};
use crate::tensor::{Fault, NamedTensor, SourceError, count};
use crate::weights::safetensors::Safetensors;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

/// Every tensor, by the place of its data.
pub fn read(path: &Path) -> Result<Vec<NamedTensor>, Fault> {
    let header = Safetensors::open(path).map_err(|error| match error {
        SourceError::Io { source, .. } => Fault::Io(source),
        SourceError::Malformed { reason, .. } => Fault::Malformed(reason),
        other => Fault::Malformed(other.to_string()),
    })?;
    let mut input = BufReader::new(open_input(path)?);
    let mut tensors = Vec::new();
    for (name, stored) in header.stored() {
        // The format's own names are ours in capitals.
        let element = stored.dtype.to_ascii_lowercase().parse().ok();
        let element = element.filter(|&element| NamedTensor::holds(element));
        let element = element.ok_or_else(|| {
            format!(
                "`{name}`: expected numbers or bools, found the type {}",
                stored.dtype
            )
        })?;
        let count = count(&stored.shape)?;
        let what = format_args!("`{}`", name.shown());
        input.seek(SeekFrom::Start(stored.start))?;
        tensors.push(NamedTensor {
            name: name.to_owned(),
            data: bytes::read(element, Order::Little, count, &mut input, what)?,
            shape: stored.shape.clone(),
            element,
        });
    }
    Ok(tensors)
}
