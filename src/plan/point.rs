//! Every number of one point.

use super::Subject;
use crate::architecture::{Reading, ReportedAccuracy, Scaling, Variant};
use crate::form::fold_batch_norms;
use crate::network::{self, summary};
use crate::onnx::model::{Frame, Model, Storage};
use crate::request::{Blueprint, Request, RequestError};
use crate::scaling::{BASE_RESOLUTION, Coefficients, Compound};
use crate::tensor::shape::Dim;
use crate::tensor::{SourceError, TensorInfo, TensorReader, TensorSource};

/// A point of compound scaling with what it costs.
#[derive(Clone, Debug)]
pub struct Point {
    /// The published name, or the family with its coefficients.
    pub name: String,
    /// The point.
    pub scaling: Scaling,
    /// Width, depth and resolution in pixels as the formula gives them, before any rounding; of a published row its own.
    pub exact: [f64; 3],
    /// Multiply-adds that the coefficients predict: those of the baseline, times depth · width² · (resolution / 224)².
    pub predicted_macs: f64,
    /// What is exact.
    pub cost: Cost,
    /// Stem, stages and head.
    pub parts: Vec<network::Row>,
    /// Of a published row, the φ that each of its numbers implies.
    pub implied: Option<Implied>,
    /// Accuracy on ImageNet that its authors report.
    pub accuracy: Option<&'static ReportedAccuracy>,
}

/// What one image costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Elements of trained parameters.
    pub parameters: u64,
    /// Multiply-adds of convolutions and linear layers.
    pub macs: u64,
    /// The most elements of activations that are held at once, batch norms folded
    /// ([`peak_activations`](crate::graph::Graph::peak_activations)).
    pub peak_activations: u64,
    /// Bytes of the file in the default form, but for what its metadata says.
    pub file_bytes: u64,
    /// Elements of floating point in the file, of which each takes 4 bytes in f32 and 2 in f16 and bf16.
    pub stored_elements: u64,
}

/// The φ at which the formula gives a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Implied {
    /// By the width; none where the base is 1.
    pub width: Option<f64>,
    /// By the depth.
    pub depth: Option<f64>,
    /// By the resolution.
    pub resolution: Option<f64>,
    /// By the multiply-adds, which grow by α · β² · γ² with each φ.
    pub macs: Option<f64>,
}

impl Cost {
    /// Counts a network of fixed size.
    ///
    /// # Errors
    /// If the network is of unreasonable size.
    pub fn of(request: &Request) -> Result<Self, RequestError> {
        let canonical = request.canonical()?;
        let counts = canonical.counts();
        let peak_activations = fold_batch_norms(canonical).peak_activations();
        let (file_bytes, stored_elements) = file_bytes(request)?;
        Ok(Self {
            parameters: counts.parameters,
            macs: counts.macs,
            peak_activations,
            file_bytes,
            stored_elements,
        })
    }
}

impl Point {
    pub(super) fn new(subject: &Subject, request: &Request) -> Result<Self, RequestError> {
        let Blueprint::Scaled(scaling) = &request.blueprint else {
            unreachable!("a subject's requests are scaled");
        };
        let scaling = scaling.clone();
        let architecture = request.architecture()?;
        let cost = Cost::of(request)?;
        let base = Scaling::given(subject.family, Coefficients::ONE).expect("1 is a multiplier");
        let base = subject.request(base).counts()?.macs;
        let variant = request.variant();
        Ok(Self {
            name: request.blueprint.name(),
            exact: exact(&scaling),
            predicted_macs: base as f64 * factor(&scaling),
            parts: summary(&architecture, request.default_size(), &request.outputs)?,
            implied: variant
                .map(|_| implied(&scaling, subject.compound, cost.macs as f64 / base as f64)),
            accuracy: variant.and_then(Variant::accuracy),
            scaling,
            cost,
        })
    }
}

fn exact(scaling: &Scaling) -> [f64; 3] {
    let Coefficients { width, depth } = scaling.coefficients;
    let resolution = match &scaling.reading {
        Reading::Formula { phi, compound } => {
            BASE_RESOLUTION as f64 * libm::pow(compound.gamma, *phi)
        }
        Reading::Published { .. } | Reading::Given => scaling.resolution as f64,
    };
    [width, depth, resolution]
}

/// What coefficients multiply the cost by, before any rounding (arXiv 1905.11946, section 3.3).
fn factor(scaling: &Scaling) -> f64 {
    let [width, depth, resolution] = exact(scaling);
    depth * width * width * libm::pow(resolution / BASE_RESOLUTION as f64, 2.0)
}

fn implied(scaling: &Scaling, compound: Compound, macs: f64) -> Implied {
    let Compound { alpha, beta, gamma } = compound;
    let [width, depth, resolution] = exact(scaling);
    let phi = |base: f64, value: f64| {
        let phi = libm::log(value) / libm::log(base);
        phi.is_finite().then_some(phi)
    };
    Implied {
        width: phi(beta, width),
        depth: phi(alpha, depth),
        resolution: phi(gamma, resolution / BASE_RESOLUTION as f64),
        macs: phi(alpha * beta * beta * gamma * gamma, macs),
    }
}

/// Names and shapes of what a graph stores; it can be measured, not written.
struct Unbound(Vec<TensorInfo>);

impl TensorSource for Unbound {
    fn tensors(&self) -> &[TensorInfo] {
        &self.0
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        Err(SourceError::Missing(name.to_owned()))
    }
}

/// Bytes of the file of a request, external data included, but for what its metadata says; and the elements of floating point in it.
///
/// # Errors
/// As [`Request::graph`].
pub fn file_bytes(request: &Request) -> Result<(u64, u64), RequestError> {
    let graph = request.graph()?;
    let stored = graph.stored_values();
    let infos = stored.into_iter().map(|id| {
        let value = graph.value(id);
        TensorInfo {
            name: value.name.clone(),
            shape: value.r#type.shape.iter().filter_map(Dim::fixed).collect(),
            element: value.r#type.element,
        }
    });
    let source = Unbound(infos.collect());
    let floats = source.0.iter().filter(|info| info.element.is_float());
    let elements = floats.map(|info| info.shape.iter().product::<u64>()).sum();
    let name = request.blueprint.name();
    let model = Model {
        graph: &graph,
        ir_version: request.form.ir_version(),
        name: &name,
        initializers: &source,
    };
    Ok((Frame::new(&model, &Storage::Inline).bytes(), elements))
}
