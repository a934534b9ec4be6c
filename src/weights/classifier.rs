//! Another classifier in the place of a checkpoint's own.

use super::init::Rule;
use super::kernels::Table;
use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use crate::tensor::NamedTensor;
use std::collections::BTreeSet;

/// The rule by which a fresh classifier is drawn: weights U(±1 / sqrt(classes)), biases 0.
pub const FRESH_RULE: Rule = Rule::Official;

/// A source whose classifier, if it has one, is replaced by the tensors of another source.
pub struct NewClassifier<'a> {
    source: Box<dyn TensorSource + 'a>,
    tensors: Vec<TensorInfo>,
    new: Box<dyn TensorSource + 'a>,
    names: Vec<NewName>,
}

/// What a tensor of a classifier is called where.
#[derive(Clone, Debug)]
pub struct NewName {
    /// In the source whose tensor it replaces.
    pub replaced: String,
    /// In the source that it is from.
    pub new: String,
    /// Where it is offered.
    pub offered: String,
}

impl<'a> NewClassifier<'a> {
    /// Offers the tensors of `new` that have `names`, and those of `source` that they do not replace.
    #[must_use]
    pub fn new(
        source: Box<dyn TensorSource + 'a>,
        new: Box<dyn TensorSource + 'a>,
        names: Vec<NewName>,
    ) -> Self {
        let kept = source.tensors().iter();
        let is_replaced = |name: &str| names.iter().any(|names| names.replaced == name);
        let kept = kept.filter(|tensor| !is_replaced(&tensor.name));
        let mut tensors: Vec<_> = kept.cloned().collect();
        for tensor in new.tensors() {
            let found = names.iter().find(|names| names.new == tensor.name);
            tensors.extend(found.map(|names| TensorInfo {
                name: names.offered.clone(),
                ..tensor.clone()
            }));
        }
        Self {
            source,
            tensors,
            new,
            names,
        }
    }
}

impl TensorSource for NewClassifier<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        match self.names.iter().find(|names| names.offered == name) {
            Some(names) => self.new.open(&names.new),
            None => self.source.open(name),
        }
    }
}

/// A source without some of its tensors.
pub struct Without<'a> {
    source: Box<dyn TensorSource + 'a>,
    tensors: Vec<TensorInfo>,
}

impl<'a> Without<'a> {
    /// Offers the tensors of `source` whose names are not among those that are left out.
    #[must_use]
    pub fn new(source: Box<dyn TensorSource + 'a>, left_out: &BTreeSet<&str>) -> Self {
        let tensors = source.tensors().iter();
        let kept = tensors.filter(|tensor| !left_out.contains(tensor.name.as_str()));
        Self {
            tensors: kept.cloned().collect(),
            source,
        }
    }
}

impl TensorSource for Without<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        self.source.open(name)
    }
}

/// Tensors in memory, each rounded once from f64 to what is written.
pub struct InMemory<'a> {
    tensors: Vec<TensorInfo>,
    values: Vec<&'a [f64]>,
}

impl<'a> InMemory<'a> {
    /// Offers tensors under their names.
    #[must_use]
    pub fn new(tensors: &[&'a NamedTensor]) -> Self {
        let info = |tensor: &&NamedTensor| TensorInfo {
            name: tensor.name.clone(),
            shape: tensor.shape.iter().map(|&extent| extent as u64).collect(),
            element: tensor.element,
        };
        Self {
            tensors: tensors.iter().map(info).collect(),
            values: tensors.iter().map(|tensor| &*tensor.data).collect(),
        }
    }
}

impl TensorSource for InMemory<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let mut tensors = self.tensors.iter().zip(&self.values);
        match tensors.find(|(tensor, _)| tensor.name == name) {
            Some((_, values)) => Ok(Box::new(Table(&values[..]))),
            None => Err(SourceError::Missing(name.to_owned())),
        }
    }
}
