//! Every number of one point.

use super::{PointError, Subject, point_name};
use crate::architecture::{Reading, ReportedAccuracy, Scaling, Variant};
use crate::form::fold_batch_norms;
use crate::graph::Counts;
use crate::metadata::{HeadRecord, Metadata, Origin, Preprocessing, Recipe};
use crate::network::{self, summary};
use crate::onnx::model::{Frame, Model, Storage};
use crate::request::{Request, RequestError};
use crate::scaling::{BASE_RESOLUTION, Coefficients, Compound};
use crate::tensor::shape::Dim;
use crate::tensor::{Element, SourceError, TensorInfo, TensorReader, TensorSource};
use crate::weights::init::Rule;

/// A point of compound scaling with what it costs.
#[derive(Clone, Debug)]
pub struct Point {
    /// The published name, or the family with its coefficients.
    pub name: String,
    /// The point.
    pub scaling: Scaling,
    /// Width, depth and resolution in pixels as the formula gives them, before any rounding; of a published row its own.
    pub exact: [f64; 3],
    /// Multiply-adds that the coefficients predict: those of the point's own baseline, times depth · width² · (resolution / 224)².
    pub predicted_macs: f64,
    /// What is exact.
    pub cost: Cost,
    /// Stem, stages and head.
    pub parts: Vec<network::Row>,
    /// Of a published row that scales the family's baseline, the φ that each of its numbers implies; none where the model has
    /// a baseline of its own, which no φ gives.
    pub implied: Option<Implied>,
    /// Bytes of the file in each element type of [`Subject::files`].
    pub files: Vec<(Element, u64)>,
    /// Accuracy on ImageNet that its authors report, of a published row with the classes that it is published with.
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
    /// The element type of weights and activations.
    pub element: Element,
    /// Bytes of the file with weights drawn by the default rule, external data included; a note on how φ was read
    /// ([`Recipe::reading`]) counts in [`Subject::cost`] alone.
    pub file_bytes: u64,
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
        Self::counted(request, [true; 2], || None)
    }

    /// Counts a network; activations and the file, which take longer, stay 0 unless they are asked for.
    pub(super) fn counted(
        request: &Request,
        [memory, file]: [bool; 2],
        note: impl FnOnce() -> Option<String>,
    ) -> Result<Self, RequestError> {
        let canonical = request.canonical()?;
        let counts = canonical.counts();
        Ok(Self {
            parameters: counts.parameters,
            macs: counts.macs,
            peak_activations: if memory {
                fold_batch_norms(canonical).peak_activations()
            } else {
                0
            },
            element: request.form.element,
            file_bytes: if file {
                file_bytes(request, counts, note())?
            } else {
                0
            },
        })
    }

    /// Bytes of activations that are held at once.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        let bytes = self.element.bytes().unwrap_or_default() as u64;
        bytes * self.peak_activations
    }
}

impl Point {
    pub(super) fn new(subject: &Subject, scaling: Scaling) -> Result<Self, PointError> {
        let request = subject.request(scaling.clone());
        let failed = |source| PointError::Request {
            name: point_name(&request),
            source: Box::new(source),
        };
        let architecture = request
            .architecture()
            .map_err(|error| failed(error.into()))?;
        let cost = subject.cost(&request).map_err(failed)?;
        let base = subject
            .baseline(scaling.baseline)
            .counts()
            .map_err(failed)?
            .macs;
        let variant = request.variant();
        let in_element = |element: &Element| {
            let subject = Subject {
                element: *element,
                ..subject.clone()
            };
            let request = subject.request(scaling.clone());
            let bytes = request
                .counts()
                .and_then(|counts| file_bytes(&request, counts, subject.note(&request)));
            Ok((*element, bytes.map_err(failed)?))
        };
        let files: Result<_, PointError> = subject.files.iter().map(in_element).collect();
        let is_scaled = scaling.baseline == scaling.family().baseline;
        let macs = cost.macs as f64 / base as f64;
        Ok(Self {
            name: request.blueprint.name(),
            exact: exact(&scaling),
            predicted_macs: base as f64 * factor(&scaling),
            parts: summary(&architecture, request.default_size(), &request.outputs)
                .map_err(|error| failed(error.into()))?,
            implied: variant
                .filter(|_| is_scaled)
                .map(|_| implied(&scaling, subject.compound, macs)),
            files: files?,
            accuracy: variant
                .filter(|variant| subject.classes == variant.baseline.options.classes)
                .and_then(Variant::accuracy),
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

/// Bytes of the one file that a request and seeded weights give.
fn file_bytes(
    request: &Request,
    counts: Counts,
    note: Option<String>,
) -> Result<u64, RequestError> {
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
    let name = request.blueprint.name();
    let model = Model {
        graph: &graph,
        ir_version: request.form.ir_version(),
        name: &name,
        initializers: &source,
    };
    let scaling = request.blueprint.scaling();
    let preprocessing =
        scaling.map(|scaling| Preprocessing::tensorflow(scaling.baseline, request.default_size()));
    let metadata = Metadata {
        recipe: Recipe::new(request, counts, note),
        origin: Origin::seed(Rule::Official.name(), 0),
        preprocessing: preprocessing.map(|whole| whole.outside(&request.form)),
        labels: None,
        head: Some(HeadRecord {
            activation: request.activation(),
            thresholds: None,
        }),
    };
    Ok(Frame::new(&model, &Storage::Inline).whole_bytes(metadata.entries()))
}
