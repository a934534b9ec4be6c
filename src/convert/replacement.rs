//! Another classifier in the place of a checkpoint's own: drawn, or fitted elsewhere.

use super::fitted::FittedClassifier;
use crate::graph::Parameter;
use crate::tensor::TensorSource;
use crate::weights::classifier::{FRESH_RULE, NewClassifier, NewName};
use crate::weights::init::SeededWeights;

/// A classifier that replaces the checkpoint's, which may have none.
#[derive(Debug)]
pub enum Replacement {
    /// Drawn from a seed: not trained.
    Drawn(Reset),
    /// Fitted elsewhere.
    Fitted(Box<FittedClassifier>),
}

/// A classifier that is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Reset {
    /// Its classes.
    pub classes: u64,
    /// From which it is drawn, as [`Rule::Official`](crate::weights::init::Rule::Official) does.
    pub seed: u64,
}

impl Replacement {
    /// Classes that it tells apart.
    #[must_use]
    pub fn classes(&self) -> u64 {
        match self {
            Self::Drawn(reset) => reset.classes,
            Self::Fitted(fitted) => fitted.classes(),
        }
    }

    /// The name under which a parameter is offered in the place of the checkpoint's `own`.
    pub(super) fn offered(&self, parameter: &Parameter, own: String) -> String {
        match self {
            Self::Fitted(fitted) => fitted.offered(parameter).unwrap_or(own),
            Self::Drawn(_) => own,
        }
    }

    /// A checkpoint's tensors with this classifier in the place of its own; `own` gives the checkpoint's name of a parameter.
    pub(super) fn over<'a>(
        &'a self,
        source: Box<dyn TensorSource + 'a>,
        parameters: &[Parameter],
        own: impl Fn(&str) -> String,
    ) -> NewClassifier<'a> {
        let classifier: Vec<Parameter> = parameters
            .iter()
            .filter(|parameter| parameter.is_classifier())
            .cloned()
            .collect();
        let names = classifier.iter().map(|parameter| {
            let replaced = own(&parameter.name);
            NewName {
                offered: self.offered(parameter, replaced.clone()),
                replaced,
                new: match self {
                    Self::Drawn(_) => parameter.name.clone(),
                    Self::Fitted(_) => FittedClassifier::name(parameter)
                        .unwrap_or_default()
                        .to_owned(),
                },
            }
        });
        let names = names.collect();
        let new: Box<dyn TensorSource + 'a> = match self {
            Self::Drawn(Reset { seed, .. }) => {
                Box::new(SeededWeights::new(classifier, FRESH_RULE, *seed))
            }
            Self::Fitted(fitted) => Box::new(fitted.source()),
        };
        NewClassifier::new(source, new, names)
    }
}
