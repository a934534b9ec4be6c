//! The reference: a plain interpreter of ONNX files in f64, the truth that other runtimes are measured against.
//!
//! It reads the file's own bytes and shares nothing with what writes or checks files but the messages of
//! [`onnx::proto`](crate::onnx::proto). Every floating value is an f64 from the first operand to the last result, whatever
//! type the file gives it: nothing is rounded to f32, f16 or bf16 on the way, except by Cast, which rounds to
//! its target, and by quantisation. Integers are exact, and wrap as their type does. On request every result of a node is
//! rounded to its type, which shows what rounding alone does.
//!
//! Results do not depend on the number of threads: each element is summed by one thread in one order.
//! An initializer is decoded when a node reads it, and each value is dropped after its last reader.
//! What it does not know (an operator, an attribute, a newer operator set) it refuses before it runs.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "extents are below 2^30, and where values become integers that is the operator's meaning"
)]
#![expect(clippy::match_bool, reason = "two alternatives side by side")]

mod arithmetic;
mod broadcast;
mod call;
mod convolution;
mod describe;
mod elementwise;
mod initializer;
mod inline;
mod linear;
mod load;
mod moving;
mod narrow;
mod normalise;
mod operators;
mod padding;
mod parallel;
mod pooling;
mod quantise;
mod reduce;
mod shaping;
mod tensor;
#[cfg(test)]
mod tests;
mod window;

use super::{Runtime, RuntimeError, Session};
use crate::files::foreign::Foreign;
use crate::memory::{self, Buffer, NoMemory, Reservation};
use crate::tensor::{Element, NamedTensor};
use call::Call;
use load::{Plan, Step};
use std::path::Path;
use std::sync::Arc;
use tensor::{Data, Tensor};

/// The interpreter.
pub(super) struct Reference {
    /// Whether every value is rounded to its type.
    pub(super) rounded: bool,
    /// Outputs that are not returned.
    pub(super) leave_out: Vec<String>,
}

/// A loaded file.
struct Interpreter {
    plan: Plan,
    rounded: bool,
}

impl Runtime for Reference {
    /// That of this program.
    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn load(&self, model: &Path) -> Result<Box<dyn Session>, RuntimeError> {
        let plan = load::load(model, &self.leave_out)
            .map_err(|message| refused("loading the file", message))?;
        let rounded = self.rounded;
        Ok(Box::new(Interpreter { plan, rounded }))
    }
}

impl Session for Interpreter {
    fn prepare(&mut self, inputs: &[NamedTensor]) -> Result<(), RuntimeError> {
        self.plan
            .check_inputs(inputs)
            .map_err(|message| refused("checking the inputs", message))
    }

    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RuntimeError> {
        self.prepare(inputs)?;
        self.plan
            .run(inputs, self.rounded)
            .map_err(|message| refused("running the file", message))
    }
}

/// How messages end that tell of what this interpreter lacks, and not of a fault of the file.
const LACKING: [&str; 5] = [
    "not supported",
    "is supported",
    "by this interpreter",
    "interpreter lacks",
    "this interpreter knows",
];

fn refused(step: &'static str, message: String) -> RuntimeError {
    if NoMemory::is_told_by(&message) {
        RuntimeError::NoMemory { step, message }
    } else if LACKING.iter().any(|words| message.contains(words)) {
        RuntimeError::Lacks { step, message }
    } else {
        RuntimeError::Refused { step, message }
    }
}

impl Plan {
    fn check_inputs(&self, inputs: &[NamedTensor]) -> Result<(), String> {
        for input in inputs {
            let declared = self
                .inputs
                .iter()
                .find(|(number, _)| self.names[*number] == input.name);
            let Some((_, info)) = declared else {
                return Err(format!("there is no input `{}`", input.name));
            };
            let name = &input.name;
            let Some((element, shape)) = load::declared(info) else {
                return Err(format!("input `{name}` is not a tensor"));
            };
            let element = tensor::element(element).map_err(|e| format!("input `{name}`: {e}"))?;
            if element != input.element {
                return Err(format!(
                    "input `{name}`: expected {element}, found {}",
                    input.element
                ));
            }
            if tensor::count(&input.shape)? != input.data.len() {
                return Err(format!(
                    "input `{name}`: {} elements do not fill shape {:?}",
                    input.data.len(),
                    input.shape
                ));
            }
            let Some(shape) = shape else { continue };
            let fits = |(expected, found): (&Option<i64>, &usize)| {
                expected.is_none_or(|expected| i64::try_from(*found) == Ok(expected))
            };
            if shape.len() != input.shape.len() || !shape.iter().zip(&input.shape).all(fits) {
                return Err(format!(
                    "input `{name}`: the file does not take shape {:?}",
                    input.shape
                ));
            }
        }
        for (number, _) in &self.inputs {
            let name = &self.names[*number];
            let given = inputs.iter().any(|input| &input.name == name);
            if !given && !self.initializers.contains_key(number) {
                return Err(format!("input `{name}` is missing"));
            }
        }
        Ok(())
    }

    fn run(&self, inputs: &[NamedTensor], rounded: bool) -> Result<Vec<NamedTensor>, String> {
        let mut values: Vec<Option<Arc<Tensor>>> = vec![None; self.names.len()];
        // What the values take of the memory budget.
        let mut held: Vec<Option<Reservation>> = Vec::new();
        held.resize_with(self.names.len(), || None);
        for (number, _) in &self.inputs {
            let name = &self.names[*number];
            if let Some(input) = inputs.iter().find(|input| &input.name == name) {
                held[*number] = Some(hold(name, input.data.len())?);
                values[*number] = Some(Arc::new(from_named(input)));
            }
        }
        for step in &self.steps {
            let results = self
                .run_step(step, &values)
                .map_err(|fault| format!("{}: {fault}", describe::describe(&step.node)))?;
            for (number, mut result) in step.results.iter().zip(results) {
                if rounded {
                    result.round();
                }
                if let Some(number) = number {
                    held[*number] = Some(hold(&self.names[*number], result.len())?);
                    values[*number] = Some(Arc::new(result));
                }
            }
            for &number in &step.last_read {
                values[number] = None;
                held[number] = None;
            }
        }
        let mut outputs = Vec::new();
        for &number in &self.outputs {
            let value = self.value(number, &values)?;
            outputs.push(into_named(&self.names[number], &value)?);
        }
        Ok(outputs)
    }

    /// What was given or computed, else the initializer.
    fn value(&self, number: usize, values: &[Option<Arc<Tensor>>]) -> Result<Arc<Tensor>, String> {
        let name = &self.names[number];
        if let Some(value) = &values[number] {
            return Ok(Arc::clone(value));
        }
        let Some(initializer) = self.initializers.get(&number) else {
            return Err(format!("value `{name}` has not been computed"));
        };
        match initializer::read(initializer, &self.folder) {
            Ok(tensor) => Ok(Arc::new(tensor)),
            Err(fault) => Err(format!("initializer `{name}`: {fault}")),
        }
    }

    fn run_step(&self, step: &Step, values: &[Option<Arc<Tensor>>]) -> Result<Vec<Tensor>, String> {
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

fn into_named(name: &str, tensor: &Tensor) -> Result<NamedTensor, String> {
    let what = format_args!("output `{}`", name.shown());
    let data = match &tensor.data {
        Data::Floats(data) => Buffer::of(data.iter().copied(), what),
        Data::Integers(data) => Buffer::of(data.iter().map(|&value| value as f64), what),
    };
    let element: Element = tensor.element;
    Ok(NamedTensor {
        name: name.to_owned(),
        shape: tensor.shape.clone(),
        element,
        data: data.map_err(|error| error.to_string())?,
    })
}
