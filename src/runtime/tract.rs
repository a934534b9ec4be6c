//! tract: a pure-Rust runtime, built in. The only file that knows its crate.
//!
//! A file is parsed once and compiled for each input shape, with every dimension concrete: tract is
//! several times slower on symbolic dimensions.

use super::{Runtime, RuntimeError, Session, no_memory};
use crate::files::foreign::Foreign;
use crate::memory::{self, Buffer};
use crate::tensor::{Element, NamedTensor};
use std::path::Path;
use std::sync::Arc;
use tract_onnx::prelude::{
    DatumType, Framework, InferenceFact, InferenceModel, InferenceModelExt, IntoRunnable, OutletId,
    Tensor, TypedRunnableModel, tvec,
};

/// The version that `Cargo.toml` pins; the crate does not tell its own.
const VERSION: &str = "0.23.9";

/// tract, as it was built in.
pub struct Tract {
    /// Outputs that are not returned.
    pub leave_out: Vec<String>,
}

/// A parsed file, and the plan for the shapes that were last asked for.
struct TractSession {
    model: InferenceModel,
    plan: Option<(Vec<Vec<usize>>, Arc<TypedRunnableModel>)>,
}

impl Runtime for Tract {
    fn version(&self) -> String {
        VERSION.to_owned()
    }

    fn load(&self, model: &Path) -> Result<Box<dyn Session>, RuntimeError> {
        let mut model = tract_onnx::onnx()
            .model_for_path(model)
            .map_err(|error| refused("loading the file", &error))?;
        let left_out = |outlet: &OutletId| {
            let name = output_name(&model, *outlet);
            self.leave_out.iter().any(|left_out| left_out == name)
        };
        let wanted: Vec<OutletId> = model
            .outputs
            .iter()
            .copied()
            .filter(|outlet| !left_out(outlet))
            .collect();
        if wanted.len() < model.outputs.len() {
            model
                .select_output_outlets(&wanted)
                .map_err(|error| refused("selecting the outputs", &error))?;
        }
        Ok(Box::new(TractSession { model, plan: None }))
    }
}

impl Session for TractSession {
    fn prepare(&mut self, inputs: &[NamedTensor]) -> Result<(), RuntimeError> {
        self.plan(inputs).map(drop)
    }

    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RuntimeError> {
        let plan = self.plan(inputs)?;
        let order = input_order(&self.model, inputs)?;
        let mut tensors = tvec![];
        for index in order {
            let input = &inputs[index];
            let datum_type = input_type(input)?;
            // tract's own cast rounds a double to a half by its upper half.
            let mut data: Vec<f64> = Vec::new();
            let what = format_args!("input `{}`", input.name.shown());
            memory::make_room(&mut data, input.data.len(), what)
                .map_err(|error| no_memory("making the input", &error))?;
            data.extend(input.data.iter().map(|&value| input.element.nearest(value)));
            let tensor = Tensor::from_shape(&input.shape, &data)
                .and_then(|tensor| Ok(tensor.cast_to_dt(datum_type)?.into_owned()))
                .map_err(|error| refused("making the input", &error))?;
            tensors.push(tensor.into());
        }
        let outputs = plan
            .run(tensors)
            .map_err(|error| refused("running the file", &error))?;
        let mut named = Vec::new();
        for (tensor, outlet) in outputs.iter().zip(&self.model.outputs) {
            let name = output_name(&self.model, *outlet).to_owned();
            let Some(element) = element(tensor.datum_type()) else {
                return Err(RuntimeError::ElementType {
                    output: name,
                    found: format!("{:?}", tensor.datum_type()),
                });
            };
            let doubles = tensor
                .cast_to::<f64>()
                .map_err(|error| refused("reading an output", &error))?;
            let view = doubles
                .to_plain_array_view::<f64>()
                .map_err(|error| refused("reading an output", &error))?;
            let what = format_args!("output `{}`", name.shown());
            let data = Buffer::of(view.iter().copied(), what)
                .map_err(|error| no_memory("reading an output", &error))?;
            named.push(NamedTensor {
                name,
                shape: view.shape().to_vec(),
                element,
                data,
            });
        }
        Ok(named)
    }
}

impl TractSession {
    fn plan(&mut self, inputs: &[NamedTensor]) -> Result<Arc<TypedRunnableModel>, RuntimeError> {
        let order = input_order(&self.model, inputs)?;
        let shapes: Vec<Vec<usize>> = order
            .iter()
            .map(|&index| inputs[index].shape.clone())
            .collect();
        if let Some((prepared, plan)) = &self.plan
            && *prepared == shapes
        {
            return Ok(Arc::clone(plan));
        }
        // Two plans at once would hold the weights twice more.
        self.plan = None;
        let mut model = self.model.clone();
        for (index, shape) in shapes.iter().enumerate() {
            let datum_type = input_type(&inputs[order[index]])?;
            let fact = InferenceFact::dt_shape(datum_type, shape);
            model
                .set_input_fact(index, fact)
                .map_err(|error| refused("setting the input's shape", &error))?;
        }
        let model = model
            .into_optimized()
            .map_err(|error| refused("optimising the file", &error))?;
        let plan = model
            .into_runnable()
            .map_err(|error| refused("planning the file", &error))?;
        self.plan = Some((shapes, Arc::clone(&plan)));
        Ok(plan)
    }
}

/// What the graph calls an output.
fn output_name(model: &InferenceModel, outlet: OutletId) -> &str {
    let node = &model.nodes[outlet.node].name;
    model.outlet_label(outlet).unwrap_or(node)
}

/// For each input of the graph the index of the tensor of that name.
fn input_order(model: &InferenceModel, inputs: &[NamedTensor]) -> Result<Vec<usize>, RuntimeError> {
    model
        .inputs
        .iter()
        .map(|outlet| {
            let name = &model.nodes[outlet.node].name;
            inputs
                .iter()
                .position(|input| input.name == *name)
                .ok_or_else(|| RuntimeError::Refused {
                    step: "matching the inputs",
                    message: format!("input `{name}` was not given"),
                })
        })
        .collect()
}

fn input_type(input: &NamedTensor) -> Result<DatumType, RuntimeError> {
    datum_type(input.element).ok_or_else(|| RuntimeError::Refused {
        step: "making the input",
        message: format!(
            "input `{}` has element type {}, expected a number or a bool",
            input.name, input.element
        ),
    })
}

/// None for types that no [`NamedTensor`] holds.
fn datum_type(element: Element) -> Option<DatumType> {
    Some(match element {
        // tract has no type for bf16; it says so itself when it reads the file.
        Element::F32 | Element::Bf16 => DatumType::F32,
        Element::F16 => DatumType::F16,
        Element::F64 => DatumType::F64,
        Element::I64 => DatumType::I64,
        Element::I32 => DatumType::I32,
        Element::I16 => DatumType::I16,
        Element::I8 => DatumType::I8,
        Element::U64 => DatumType::U64,
        Element::U32 => DatumType::U32,
        Element::U16 => DatumType::U16,
        Element::U8 => DatumType::U8,
        Element::Bool => DatumType::Bool,
        _ => return None,
    })
}

fn element(datum_type: DatumType) -> Option<Element> {
    Element::ALL
        .into_iter()
        .filter(|element| *element != Element::Bf16)
        .find(|element| self::datum_type(*element) == Some(datum_type))
}

fn refused(step: &'static str, error: &tract_onnx::prelude::TractError) -> RuntimeError {
    RuntimeError::Refused {
        step,
        message: format!("{error:#}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_pinned_one() {
        let pinned = format!("tract-onnx = {{ version = \"={}\"", super::VERSION);
        assert!(include_str!("../../Cargo.toml").contains(&pinned));
    }
}
