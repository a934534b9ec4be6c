//! A fresh classifier in the place of a checkpoint's own, for other classes.

use super::init::{Rule, SeededWeights};
use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use crate::graph::Parameter;

/// The rule by which a fresh classifier is drawn: weights U(±1 / sqrt(classes)), biases 0.
pub const FRESH_RULE: Rule = Rule::Official;

/// A source whose classifier, if it has one, is replaced by one drawn from a seed.
pub struct FreshClassifier<'a> {
    source: Box<dyn TensorSource + 'a>,
    tensors: Vec<TensorInfo>,
    fresh: SeededWeights,
    /// timm's name of a parameter, and the source's.
    names: Vec<(String, String)>,
}

impl<'a> FreshClassifier<'a> {
    /// Draws the classifier among `parameters`; `source_name` gives the name under which the source has a parameter.
    #[must_use]
    pub fn new(
        source: Box<dyn TensorSource + 'a>,
        parameters: &[Parameter],
        source_name: impl Fn(&str) -> String,
        seed: u64,
    ) -> Self {
        let parameters = parameters.iter();
        let drawn = parameters.filter(|parameter| parameter.is_classifier());
        let drawn: Vec<Parameter> = drawn.cloned().collect();
        let named = |parameter: &Parameter| (parameter.name.clone(), source_name(&parameter.name));
        let names: Vec<(String, String)> = drawn.iter().map(named).collect();
        let fresh = SeededWeights::new(drawn, FRESH_RULE, seed);
        let is_replaced = |name: &str| names.iter().any(|(_, own)| own == name);
        let kept = source.tensors().iter();
        let mut tensors: Vec<_> = kept
            .filter(|tensor| !is_replaced(&tensor.name))
            .cloned()
            .collect();
        for tensor in fresh.tensors() {
            let own = names.iter().find(|(timm, _)| *timm == tensor.name);
            tensors.extend(own.map(|(_, own)| TensorInfo {
                name: own.clone(),
                ..tensor.clone()
            }));
        }
        Self {
            source,
            tensors,
            fresh,
            names,
        }
    }
}

impl TensorSource for FreshClassifier<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        match self.names.iter().find(|(_, own)| own == name) {
            Some((timm, _)) => self.fresh.open(timm),
            None => self.source.open(name),
        }
    }
}
