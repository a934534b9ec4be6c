//! Computes the outputs of a loaded file, and computes them again where values are rounded.

use super::call::Call;
use super::describe::describe;
use super::initializer;
use super::load::{Plan, Step};
use super::tensor::{Data, Tensor};
use crate::files::foreign::Foreign;
use crate::memory::{self, Buffer, Reservation};
use crate::runtime::rounding::Rounding;
use crate::tensor::NamedTensor;
use std::sync::Arc;

/// What is known while a file runs.
struct Values<'v> {
    /// What was given or computed, by number.
    own: Vec<Option<Held>>,
    /// Where to look for the others: all values of an earlier run.
    kept: Option<&'v Values<'v>>,
    rounding: Option<&'v Rounding>,
}

/// A value, and what it takes of the memory budget.
struct Held {
    tensor: Arc<Tensor>,
    _room: Reservation,
}

impl<'v> Values<'v> {
    fn new(plan: &Plan, rounding: Option<&'v Rounding>) -> Self {
        let mut own = Vec::new();
        own.resize_with(plan.names.len(), || None);
        Self {
            own,
            kept: None,
            rounding,
        }
    }

    fn get(&self, number: usize) -> Option<&Arc<Tensor>> {
        match (&self.own[number], self.kept) {
            (Some(held), _) => Some(&held.tensor),
            (None, Some(kept)) => kept.get(number),
            (None, None) => None,
        }
    }

    fn set(
        &mut self,
        plan: &Plan,
        number: usize,
        tensor: impl Into<Arc<Tensor>>,
    ) -> Result<(), String> {
        let tensor = tensor.into();
        let room = hold(&plan.names[number], tensor.len())?;
        self.own[number] = Some(Held {
            tensor,
            _room: room,
        });
        Ok(())
    }

    fn forget(&mut self, numbers: &[usize]) {
        for &number in numbers {
            self.own[number] = None;
        }
    }
}

impl Plan {
    /// Computes the outputs; values are rounded as `rounding` says.
    pub fn run(
        &self,
        inputs: &[NamedTensor],
        rounding: Option<&Rounding>,
    ) -> Result<Vec<NamedTensor>, String> {
        let mut values = self.given(inputs, rounding)?;
        for step in &self.steps {
            for (number, result) in self.run_step(step, &values)? {
                values.set(self, number, result)?;
            }
            values.forget(&step.last_read);
        }
        self.outputs(&values)
    }

    /// Computes the outputs once for each rounding. Where one value is rounded, only what depends on it is computed again.
    pub fn run_rounded(
        &self,
        inputs: &[NamedTensor],
        roundings: &[Rounding],
        tell: &mut dyn FnMut(Vec<NamedTensor>),
    ) -> Result<(), String> {
        let mut kept = None;
        for rounding in roundings {
            let Rounding::Value { name, .. } = rounding else {
                tell(self.run(inputs, Some(rounding))?);
                continue;
            };
            if kept.is_none() {
                kept = Some(self.run_kept(inputs)?);
            }
            let number = self.names.iter().position(|known| known == name);
            let of = |kept| Some((kept, number?));
            let (kept, number) = kept
                .as_ref()
                .and_then(of)
                .ok_or_else(|| format!("there is no value `{name}`"))?;
            tell(self.run_changed(kept, number, rounding)?);
        }
        Ok(())
    }

    /// Computes every value and keeps it, and the initializers too, so that each is decoded once.
    fn run_kept(&self, inputs: &[NamedTensor]) -> Result<Values<'static>, String> {
        let mut values = self.given(inputs, None)?;
        for &number in self.initializers.keys() {
            if values.get(number).is_none() {
                let initializer = self.value(number, &values)?;
                values.set(self, number, initializer)?;
            }
        }
        for step in &self.steps {
            for (number, result) in self.run_step(step, &values)? {
                values.set(self, number, result)?;
            }
        }
        Ok(values)
    }

    /// Computes the outputs where one value is rounded, from the values of a run where it is not.
    fn run_changed(
        &self,
        kept: &Values<'_>,
        number: usize,
        rounding: &Rounding,
    ) -> Result<Vec<NamedTensor>, String> {
        let mut values = Values::new(self, None);
        values.kept = Some(kept);
        let exact = self.value(number, kept)?;
        let mut changed = Tensor::clone(&exact);
        if let Rounding::Value { element, .. } = rounding {
            changed.round_to(*element);
        }
        if changed != *exact {
            values.set(self, number, changed)?;
        }
        for step in &self.steps {
            let mut operands = step.operands.iter().flatten();
            if operands.any(|&operand| values.own[operand].is_some()) {
                for (number, result) in self.run_step(step, &values)? {
                    // What is the same as before changes nothing after it.
                    if kept.get(number).is_none_or(|before| **before != result) {
                        values.set(self, number, result)?;
                    }
                }
            }
            values.forget(&step.last_read);
        }
        self.outputs(&values)
    }

    /// The inputs of the graph that are given.
    fn given<'v>(
        &self,
        inputs: &[NamedTensor],
        rounding: Option<&'v Rounding>,
    ) -> Result<Values<'v>, String> {
        let mut values = Values::new(self, rounding);
        for (number, _) in &self.inputs {
            let name = &self.names[*number];
            if let Some(input) = inputs.iter().find(|input| &input.name == name) {
                let mut tensor = from_named(input);
                if let Some(element) = rounding.and_then(Rounding::of_input) {
                    tensor.round_to(element);
                }
                values.set(self, *number, tensor)?;
            }
        }
        Ok(values)
    }

    fn outputs(&self, values: &Values<'_>) -> Result<Vec<NamedTensor>, String> {
        let mut outputs = Vec::new();
        for &number in &self.outputs {
            let value = self.value(number, values)?;
            outputs.push(into_named(&self.names[number], &value)?);
        }
        Ok(outputs)
    }

    /// What was given or computed, else the initializer.
    fn value(&self, number: usize, values: &Values<'_>) -> Result<Arc<Tensor>, String> {
        let name = &self.names[number];
        if let Some(value) = values.get(number) {
            return Ok(Arc::clone(value));
        }
        let Some(initializer) = self.initializers.get(&number) else {
            return Err(format!("value `{name}` has not been computed"));
        };
        match initializer::read(initializer, &self.folder) {
            Ok(mut tensor) => {
                if let Some(element) = values.rounding.and_then(Rounding::of_initializer) {
                    tensor.round_to(element);
                }
                Ok(Arc::new(tensor))
            }
            Err(fault) => Err(format!("initializer `{name}`: {fault}")),
        }
    }

    /// The results of a node that are wanted, each with its number.
    fn run_step(&self, step: &Step, values: &Values<'_>) -> Result<Vec<(usize, Tensor)>, String> {
        let results = self
            .compute(step, values)
            .map_err(|fault| format!("{}: {fault}", describe(&step.node)))?;
        let mut wanted = Vec::new();
        for (number, mut result) in step.results.iter().zip(results) {
            let rounding = values.rounding;
            if let Some(element) = rounding.and_then(|rounding| rounding.of_result(result.element))
            {
                result.round_to(element);
            }
            wanted.extend(number.map(|number| (number, result)));
        }
        Ok(wanted)
    }

    fn compute(&self, step: &Step, values: &Values<'_>) -> Result<Vec<Tensor>, String> {
        let mut held = Vec::new();
        for number in &step.operands {
            held.push(match number {
                Some(number) => Some(self.value(*number, values)?),
                None => None,
            });
        }
        let mut wanted = step.results.len();
        while wanted > 0 && step.results[wanted - 1].is_none() {
            wanted -= 1;
        }
        let call = Call {
            version: step.version,
            attributes: &step.node.attribute,
            operands: held.iter().map(Option::as_deref).collect(),
            results: wanted,
        };
        let results = step.operator.run(&call)?;
        if results.len() < wanted {
            return Err(format!(
                "result {} is not computed by this interpreter",
                results.len()
            ));
        }
        Ok(results)
    }
}

/// Takes the memory of a value, 8 bytes an element, from the budget of the process.
fn hold(name: &str, elements: usize) -> Result<Reservation, String> {
    let bytes = elements as u64 * size_of::<f64>() as u64;
    let what = format_args!("value `{}`", name.shown());
    memory::reserve(bytes, what).map_err(|error| error.to_string())
}

fn from_named(input: &NamedTensor) -> Tensor {
    let data = if input.element.is_float() {
        Data::Floats(input.data.to_vec())
    } else {
        Data::Integers(input.data.iter().map(|&value| value as i64).collect())
    };
    Tensor {
        element: input.element,
        shape: input.shape.clone(),
        data,
    }
}

pub fn into_named(name: &str, tensor: &Tensor) -> Result<NamedTensor, String> {
    let what = format_args!("output `{}`", name.shown());
    let data = match &tensor.data {
        Data::Floats(data) => Buffer::of(data.iter().copied(), what),
        Data::Integers(data) => Buffer::of(data.iter().map(|&value| value as f64), what),
    };
    Ok(NamedTensor {
        name: name.to_owned(),
        shape: tensor.shape.clone(),
        element: tensor.element,
        data: data.map_err(|error| error.to_string())?,
    })
}
