//! Files with the golden weights: the right network, and networks with one thing wrong.

use super::reference::hexadecimal;
use efficientnet_onnx::architecture::Architecture;
use efficientnet_onnx::architecture::{Scaling, Variant};
use efficientnet_onnx::emit::{Destination, Emitted, Tensors, emit};
use efficientnet_onnx::form::{self, Form};
use efficientnet_onnx::graph::{Padding, Parameter};
use efficientnet_onnx::internals::{Frame, Model, Storage, bind};
use efficientnet_onnx::network::{self, ClassActivation, Interface, Output};
use efficientnet_onnx::onnx::ModelError;
use efficientnet_onnx::onnx::graph::Graph;
use efficientnet_onnx::request::{Blueprint, Extent, Request};
use efficientnet_onnx::tensor::shape::Dim;
use efficientnet_onnx::tensor::{SourceError, TensorInfo, TensorReader, TensorSource};
use efficientnet_onnx::weights::init::{Rule, SeededWeights};
use efficientnet_onnx::weights::{BindError, Expected};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The names that `golden/generate.py` exchanges, in EdgeTPU and V2 other norms.
const SWAPPED_NORMS: [&str; 2] = ["blocks.6.0.bn1.", "blocks.6.0.bn2."];
const SWAPPED_CLOSING_NORMS: [&str; 2] = ["blocks.3.0.bn3.", "blocks.3.1.bn3."];
const SWAPPED_TENSORS: [&str; 2] = ["blocks.3.1.conv_pwl.weight", "blocks.3.2.conv_pwl.weight"];

/// A request for a variant at a size, with its authors' padding and epsilon.
pub fn request(variant: &str, size: u64) -> Request {
    let variant = Variant::by_name(variant).expect("a published variant");
    Request {
        size: [Extent::Fixed(size); 2],
        ..Request::new(Blueprint::published(variant))
    }
}

/// The weights of `--init probe --seed 0`, drawn once and kept.
pub struct ProbeWeights {
    parameters: Vec<Parameter>,
    tensors: Vec<TensorInfo>,
    values: BTreeMap<String, Vec<f32>>,
}

impl ProbeWeights {
    pub fn draw(request: &Request) -> Self {
        let parameters = request.parameters().expect("a network of ordinary size");
        let seeded = SeededWeights::new(parameters.clone(), Rule::Probe, 0);
        let draw = |tensor: &TensorInfo| {
            let reader = seeded.open(&tensor.name).expect("it is on offer");
            let mut values = vec![
                0.0;
                usize::try_from(tensor.shape.iter().product::<u64>())
                    .expect("fits memory")
            ];
            let pieces = values.par_chunks_mut(1 << 16).enumerate();
            pieces.for_each(|(index, piece)| {
                reader.fill(index << 16, piece).expect("a seed cannot fail")
            });
            (tensor.name.clone(), values)
        };
        let values = seeded.tensors().iter().map(draw).collect();
        Self {
            parameters,
            tensors: seeded.tensors().to_vec(),
            values,
        }
    }

    /// SHA-256 of all tensors, in order, as `weights export` writes them.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        let mut bytes = Vec::new();
        for tensor in &self.tensors {
            for piece in self.values[&tensor.name].chunks(1 << 16) {
                bytes.clear();
                bytes.extend(piece.iter().flat_map(|value| value.to_le_bytes()));
                hasher.update(&bytes);
            }
        }
        hexadecimal(&hasher.finalize())
    }

    /// Gives each element of a tensor the same value.
    pub fn fill(&mut self, name: &str, value: f32) {
        let values = self.values.get_mut(name).expect("a tensor");
        values.fill(value);
    }

    /// The correct name map.
    fn expected(&self) -> Vec<Expected> {
        Expected::as_named(&self.parameters)
    }
}

impl TensorSource for ProbeWeights {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        Ok(Box::new(Kept(
            self.values
                .get(name)
                .ok_or_else(|| SourceError::Missing(name.to_owned()))?,
        )))
    }
}

struct Kept<'a>(&'a [f32]);

impl TensorReader for Kept<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        out.copy_from_slice(&self.0[offset..offset + out.len()]);
        Ok(())
    }
}

/// Writes the network of a request into `folder`, with the weights under their own names.
pub fn right(request: &Request, weights: &ProbeWeights, folder: &Path) -> PathBuf {
    write(request, weights, &weights.expected(), folder)
}

/// Writes the network of a request with the tensors of two prefixes exchanged.
pub fn swapped(
    request: &Request,
    pair: [&str; 2],
    weights: &ProbeWeights,
    folder: &Path,
) -> PathBuf {
    let mut expected = weights.expected();
    swap(&mut expected, pair);
    write(request, weights, &expected, folder)
}

/// Writes the network with one of the mistakes of `golden/generate.py`.
pub fn mistaken(
    variant: &str,
    size: u64,
    mistake: &str,
    weights: &ProbeWeights,
    folder: &Path,
) -> PathBuf {
    let mut request = request(variant, size);
    let mut expected = weights.expected();
    match mistake {
        "symmetric_padding" => request.options.padding = Padding::Symmetric,
        "epsilon_1e-5" => request.options.batch_norm_epsilon = 1e-5,
        "epsilon_2e-3" => request.options.batch_norm_epsilon = 2e-3,
        "swapped_norms" => match scaling(&request).family().name {
            "edgetpu" | "v2" => swap(&mut expected, SWAPPED_CLOSING_NORMS),
            _ => swap(&mut expected, SWAPPED_NORMS),
        },
        "swapped_tensors" => swap(&mut expected, SWAPPED_TENSORS),
        "rounded_repeats" => return with_rounded_repeats(&request, weights, folder),
        _ => panic!("unknown mistake `{mistake}`"),
    }
    write(&request, weights, &expected, folder)
}

/// The architecture of a request whose stages repeat `round(d · r)` times, not `ceil(d · r)`.
pub fn rounded_repeats(request: &Request) -> Architecture {
    let scaling = scaling(request);
    let baseline: &[f64] = match scaling.family().name {
        "edgetpu" => &[1.0, 2.0, 4.0, 5.0, 4.0, 2.0],
        "v2" => &[1.0, 2.0, 2.0, 3.0, 5.0, 8.0],
        _ => &[1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 1.0],
    };
    let mut architecture = request.architecture().expect("a published variant");
    let lite = scaling.family().name == "lite";
    for (index, (stage, repeats)) in architecture.stages.iter_mut().zip(baseline).enumerate() {
        if !lite || (1..=5).contains(&index) {
            let rounded = (scaling.coefficients.depth * repeats).round_ties_even();
            stage.num_repeat = (1..=100_u32)
                .find(|repeats| f64::from(*repeats) >= rounded)
                .map_or(1, u64::from);
        }
    }
    architecture
}

/// The architecture of a request without the rule that rounding must not lose over 10 %.
pub fn without_ten_percent_rule(request: &Request) -> Architecture {
    let mut architecture = request.architecture().expect("a published variant");
    let nearest = (16.0 * scaling(request).coefficients.width / 8.0 + 0.5).floor() * 8.0;
    let filters = (1..=100_u32)
        .find(|filters| f64::from(*filters) >= nearest)
        .map_or(1, u64::from);
    architecture.stages[0].output_filters = filters;
    architecture.stages[1].input_filters = filters;
    architecture
}

fn scaling(request: &Request) -> &Scaling {
    request.blueprint.scaling().expect("a published variant")
}

/// What binding the weights of the right network to another architecture comes to.
pub fn binding(architecture: &Architecture, weights: &ProbeWeights) -> Result<(), BindError> {
    let (graph, parameters) = graph(architecture, 64);
    bind(&graph, weights, &Expected::as_named(&parameters)).map(drop)
}

fn swap(expected: &mut [Expected], [first, second]: [&str; 2]) {
    let mut swapped = 0;
    for Expected { source_name, .. } in expected {
        if let Some(rest) = source_name.strip_prefix(first) {
            *source_name = format!("{second}{rest}");
        } else if let Some(rest) = source_name.strip_prefix(second) {
            *source_name = format!("{first}{rest}");
        } else {
            continue;
        }
        swapped += 1;
    }
    assert!(swapped == 2 || swapped == 8, "{swapped}");
}

fn write(
    request: &Request,
    source: &ProbeWeights,
    expected: &[Expected],
    folder: &Path,
) -> PathBuf {
    let path = folder.join("model.onnx");
    let destination = Destination {
        replace: true,
        ..Destination::new_file(path.clone())
    };
    let weights = Tensors { source, expected };
    let emitted = emit(request, &weights, destination, &(), || Ok(Vec::new()));
    match emitted.expect("the weights fit") {
        Emitted::Staged(staged) => drop(staged.commit().expect("the folder is ours")),
        Emitted::Streamed => panic!("a path is not a stream"),
    }
    path
}

/// The default form of an architecture, which no request stands for, and its parameters.
fn graph(architecture: &Architecture, size: u64) -> (Graph, Vec<Parameter>) {
    let interface = Interface {
        batch: Dim::symbol("batch", 1),
        height: Dim::Fixed(size),
        width: Dim::Fixed(size),
        outputs: vec![Output::Logits],
        activation: ClassActivation::Softmax,
    };
    let canonical = network::build(architecture, &interface).expect("the size is large enough");
    let parameters = canonical.parameters.clone();
    let graph = form::apply(canonical, &Form::default()).expect("fixed sizes can be spelled");
    (graph, parameters)
}

fn with_rounded_repeats(request: &Request, weights: &ProbeWeights, folder: &Path) -> PathBuf {
    let [size, _] = request.default_size();
    let (graph, parameters) = graph(&rounded_repeats(request), size);
    let expected = Expected::as_named(&parameters);
    let known = |tensor: &&TensorInfo| {
        expected
            .iter()
            .any(|expected| expected.source_name == tensor.name)
    };
    let tensors = weights.tensors.iter().filter(known).cloned().collect();
    let source = Fitting { tensors, weights };
    let initializers = bind(&graph, &source, &expected).expect("only blocks were left out");
    let model = Model {
        graph: &graph,
        name: "rounded-repeats",
        ir_version: graph.opset().ir_version(),
        initializers: &initializers,
    };
    let frame = Frame::new(&model, &Storage::Inline);
    let path = folder.join("model.onnx");
    let file = std::fs::File::create(&path).expect("the folder is ours");
    frame
        .write(
            Box::new(file),
            None,
            &(),
            || Ok::<_, ModelError>(Vec::new()),
        )
        .expect("the folder is ours");
    path
}

/// The weights without the tensors that a network lacks.
struct Fitting<'a> {
    tensors: Vec<TensorInfo>,
    weights: &'a ProbeWeights,
}

impl TensorSource for Fitting<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        self.weights.open(name)
    }
}
