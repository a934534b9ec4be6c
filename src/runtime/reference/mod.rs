//! The reference: a plain interpreter of ONNX files in f64, the truth that other runtimes are measured against.
//!
//! It reads the file's own bytes and shares nothing with what writes or checks files but the messages of
//! [`onnx::proto`](crate::onnx::proto). Every floating value is an f64 from the first operand to the last result, whatever
//! type the file gives it: nothing is rounded to f32, f16 or bf16 on the way, except by Cast, which rounds to
//! its target, and by quantisation. Integers are exact, and wrap as their type does. On request values are rounded,
//! which shows what rounding alone does: see [`Rounding`].
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
mod run;
mod shaping;
mod tensor;
#[cfg(test)]
mod tests;
mod window;

use super::rounding::Rounding;
use super::{Runtime, RuntimeError, Session};
use crate::memory::NoMemory;
use crate::tensor::NamedTensor;
use load::Plan;
use std::path::Path;

/// The interpreter.
pub(super) struct Reference {
    /// Outputs that are not returned.
    pub(super) leave_out: Vec<String>,
}

/// A loaded file.
struct Interpreter {
    plan: Plan,
}

impl Runtime for Reference {
    /// That of this program.
    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn load(&self, model: &Path) -> Result<Box<dyn Session>, RuntimeError> {
        let plan = load::load(model, &self.leave_out)
            .map_err(|message| refused("loading the file", message))?;
        Ok(Box::new(Interpreter { plan }))
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
            .run(inputs, None)
            .map_err(|message| refused("running the file", message))
    }

    fn run_rounded(
        &mut self,
        inputs: &[NamedTensor],
        roundings: &[Rounding],
        tell: &mut dyn FnMut(Vec<NamedTensor>),
    ) -> Result<(), RuntimeError> {
        self.prepare(inputs)?;
        self.plan
            .run_rounded(inputs, roundings, tell)
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
}
