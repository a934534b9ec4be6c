//! Tensors of two readers of one file.

use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use std::collections::BTreeSet;
use std::path::Path;

/// All tensors of one source, and all of another.
pub struct Joined {
    one: Box<dyn TensorSource>,
    other: Box<dyn TensorSource>,
    tensors: Vec<TensorInfo>,
    /// Names of those of the other.
    others: BTreeSet<String>,
}

impl Joined {
    /// Joins two sources of the file at `path`.
    ///
    /// # Errors
    /// If both have a tensor of one name.
    pub fn new(
        path: &Path,
        one: impl TensorSource + 'static,
        other: impl TensorSource + 'static,
    ) -> Result<Self, SourceError> {
        let names = other.tensors().iter().map(|tensor| tensor.name.clone());
        let others: BTreeSet<String> = names.collect();
        let mut own = one.tensors().iter();
        if let Some(twice) = own.find(|tensor| others.contains(&tensor.name)) {
            return Err(SourceError::Malformed {
                path: path.to_string_lossy().into_owned(),
                format: "PyTorch",
                reason: format!("`{}` is there twice", twice.name),
            });
        }
        Ok(Self {
            tensors: [one.tensors(), other.tensors()].concat(),
            one: Box::new(one),
            other: Box::new(other),
            others,
        })
    }

    fn of(&self, name: &str) -> &dyn TensorSource {
        if self.others.contains(name) {
            &*self.other
        } else {
            &*self.one
        }
    }
}

impl TensorSource for Joined {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        self.of(name).open(name)
    }

    fn is_zero(&self, name: &str) -> Option<bool> {
        self.of(name).is_zero(name)
    }
}
