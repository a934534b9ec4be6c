//! Which of the tensors behind initializers have numbers that no weight should be.

use super::super::finite::{self, Fault, Unsound};
use super::BoundWeights;
use crate::graph::{BatchNormNames, Recipe, Role, ValueKind};
use crate::tensor::SourceError;

impl BoundWeights<'_> {
    /// What no weight should be among the initializers that were read so far.
    ///
    /// # Errors
    /// If a tensor cannot be read again; nothing is where all is well, but the variances of batch norms that are kept.
    pub fn unsound(&self) -> Result<Unsound, SourceError> {
        let mut found = Unsound::default();
        for name in self.watch.found() {
            let Some(ValueKind::Initializer(recipe)) = self.kinds.get(name) else {
                continue;
            };
            let before = found.tensors.len();
            for parameter in sources(recipe) {
                let (own, elements) = self.located(parameter)?;
                let fault = finite::count(self.source, own, elements)?;
                found
                    .tensors
                    .extend(fault.map(|fault| (own.to_owned(), fault)));
            }
            if let Some(norm) = norm(recipe) {
                self.add_variance(&norm.variance, norm.epsilon, &mut found)?;
            }
            let is_known = sources(recipe).iter().any(|name| {
                self.located(name)
                    .is_ok_and(|(own, _)| found.tensors.contains_key(own))
            });
            if found.tensors.len() == before && !is_known {
                found.tensors.insert(name.to_owned(), Fault::Overflow);
            }
        }
        for kind in self.kinds.values() {
            if let ValueKind::Initializer(Recipe::Parameter(name)) = kind
                && let Some(parameter) = self.parameters.get(name.as_str())
                && let Role::Gamma {
                    variance, epsilon, ..
                } = &parameter.role
            {
                self.add_variance(variance, *epsilon, &mut found)?;
            }
        }
        Ok(found)
    }

    fn add_variance(
        &self,
        name: &str,
        epsilon: f64,
        found: &mut Unsound,
    ) -> Result<(), SourceError> {
        let (own, elements) = self.located(name)?;
        if found.tensors.contains_key(own) {
            return Ok(());
        }
        let fault = finite::variance(self.source, own, elements, epsilon)?;
        found
            .tensors
            .extend(fault.map(|fault| (own.to_owned(), fault)));
        Ok(())
    }

    /// A parameter's name in the source, and its elements.
    fn located(&self, name: &str) -> Result<(&str, u64), SourceError> {
        let missing = || SourceError::Missing(name.to_owned());
        let own = self.source_names.get(name).ok_or_else(missing)?;
        let parameter = self.parameters.get(name).ok_or_else(missing)?;
        Ok((own, parameter.element_count()))
    }
}

/// Parameters that a recipe reads.
fn sources(recipe: &Recipe) -> Vec<&str> {
    match recipe {
        Recipe::Parameter(name) => vec![name],
        Recipe::FoldedWeight { weight, norm } => vec![weight, &norm.gamma, &norm.variance],
        Recipe::FoldedBias { norm } => vec![&norm.gamma, &norm.variance, &norm.beta, &norm.mean],
        Recipe::ExpertsInner { of, .. } => sources(of),
    }
}

/// The batch norm that a recipe folds in.
fn norm(recipe: &Recipe) -> Option<&BatchNormNames> {
    match recipe {
        Recipe::Parameter(_) => None,
        Recipe::FoldedWeight { norm, .. } | Recipe::FoldedBias { norm } => Some(norm),
        Recipe::ExpertsInner { of, .. } => norm(of),
    }
}
