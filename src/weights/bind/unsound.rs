//! Which of the tensors behind initializers have numbers that no weight should be.

use super::super::finite::{self, Unsound};
use super::BoundWeights;
use crate::graph::{Role, WeightRecipe};
use crate::tensor::{SourceError, shape};

impl BoundWeights<'_> {
    /// What no weight should be among the initializers that were read so far.
    ///
    /// # Errors
    /// If a tensor cannot be read again; nothing is where all is well, but the variances of batch norms that are kept.
    pub fn unsound(&self) -> Result<Unsound, SourceError> {
        let mut found = Unsound::default();
        for name in self.watch.found() {
            let Some(value) = self.stored.get(name) else {
                continue;
            };
            let Some(recipe) = value.recipe() else {
                continue;
            };
            let before = found.tensors.len();
            for parameter in recipe.parameters() {
                let (own, elements) = self.located(parameter)?;
                let fault = finite::count(self.source, own, elements)?;
                found
                    .tensors
                    .extend(fault.map(|fault| (own.to_owned(), fault)));
            }
            if let Some(norm) = recipe.norm() {
                self.add_variance(&norm.variance, norm.epsilon, &mut found)?;
            }
            let is_known = recipe.parameters().iter().any(|name| {
                self.located(name)
                    .is_ok_and(|(own, _)| found.tensors.contains_key(own))
            });
            if found.tensors.len() == before && !is_known {
                let reader = self.evaluate(recipe)?;
                let elements = shape::element_count(&value.r#type.shape).unwrap_or_default();
                let elements = usize::try_from(elements).unwrap_or(usize::MAX);
                let fault = finite::overflow(&*reader, value.r#type.element, elements)?;
                found.tensors.insert(name.to_owned(), fault);
            }
        }
        for value in self.stored.values() {
            if let Some(WeightRecipe::Parameter(name)) = value.recipe()
                && let Some(expected) = self.parameters.get(name.as_str())
                && let Role::Gamma {
                    variance, epsilon, ..
                } = &expected.parameter.role
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
        let expected = self.expected(name)?;
        Ok((&expected.source_name, expected.parameter.element_count()))
    }
}
