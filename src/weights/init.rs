//! Weights from a seed: rules by which parameters are drawn.

use super::random::Stream;
use crate::graph::{Parameter, Role, Site};
use crate::tensor::{Element, SourceError, TensorInfo, TensorReader, TensorSource};
use std::collections::BTreeMap;

/// How parameters are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// As TensorFlow's EfficientNets start training (tensorflow/tpu `efficientnet_model.py`,
    /// `conv_kernel_initializer` and `dense_kernel_initializer`): kernels N(0, 2 / fan-out), where a
    /// depthwise kernel has one output, classifier U(±1 / sqrt(classes)), batch norms the identity.
    Official,
    /// Keeps the signal alive at any depth and shows a wrong pad, epsilon or name in the logits.
    Probe,
    /// Every weight 0.01, running variances 1, the rest 0.
    Constant,
}

/// Gain of a batch norm in the `probe` rule; measured, and near the upper limit: 1.6 and 1.4 already
/// make deep networks noisy, 1.7 and 1.5 chaotic.
const PROBE_GAIN: f64 = 1.5;
/// The same where it closes a block.
const PROBE_CLOSING_GAIN: f64 = 1.3;
/// Further factor where the block is added to its input, over the root of the stage's blocks.
const PROBE_RESIDUAL_GAIN: f64 = 0.6;
/// Share of running variances that are exactly 0, as real checkpoints have them.
const PROBE_ZERO_VARIANCE: f64 = 0.03;
/// A layer of at least this many channels gets one zero variance.
const PROBE_ZERO_VARIANCE_CHANNELS: usize = 16;
/// Bound of the classifier's weights in the `probe` rule, whatever the class count: 1 / sqrt(1000).
const PROBE_CLASSIFIER_BOUND: f64 = 0.031_622_776_601_683_79;

impl Rule {
    /// Every rule, in the order in which people list them.
    pub const ALL: [Self; 3] = [Self::Official, Self::Probe, Self::Constant];

    /// As in `--init`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Probe => "probe",
            Self::Constant => "constant",
        }
    }
}

/// Parameters drawn by a rule from a seed: the same values for any thread count and any order of reading.
#[derive(Debug)]
pub struct SeededWeights {
    parameters: BTreeMap<String, Parameter>,
    tensors: Vec<TensorInfo>,
    rule: Rule,
    seed: u64,
}

/// How the elements of one tensor are drawn.
enum Draw {
    Constant(f32),
    Normal {
        stream: Stream,
        mean: f64,
        deviation: f64,
    },
    Uniform {
        stream: Stream,
        bound: f64,
    },
    Table(Vec<f32>),
}

impl SeededWeights {
    /// The parameters of a graph.
    #[must_use]
    pub fn new(parameters: Vec<Parameter>, rule: Rule, seed: u64) -> Self {
        let tensors = parameters
            .iter()
            .map(|parameter| TensorInfo {
                name: parameter.name.clone(),
                shape: parameter
                    .shape
                    .iter()
                    .filter_map(crate::tensor::shape::Dim::fixed)
                    .collect(),
                element: Element::F32,
            })
            .collect();
        let parameters = parameters
            .into_iter()
            .map(|parameter| (parameter.name.clone(), parameter))
            .collect();
        Self {
            parameters,
            tensors,
            rule,
            seed,
        }
    }

    fn draw(&self, parameter: &Parameter) -> Draw {
        let stream = self.stream(&parameter.name);
        match self.rule {
            Rule::Constant => Draw::Constant(match parameter.role {
                Role::RunningVariance => 1.0,
                Role::ConvWeight { .. }
                | Role::ExpertWeights { .. }
                | Role::RoutingWeight
                | Role::HiddenWeight
                | Role::LinearWeight
                | Role::LayerGamma
                | Role::Gamma { .. } => 0.01,
                _ => 0.0,
            }),
            Rule::Official => official(parameter, stream),
            Rule::Probe => self.probe(parameter, stream),
        }
    }

    fn probe(&self, parameter: &Parameter, stream: Stream) -> Draw {
        let normal = |mean, deviation| Draw::Normal {
            stream,
            mean,
            deviation,
        };
        match &parameter.role {
            Role::ConvWeight { .. } => {
                let filters = extent(parameter, 0);
                normal(0.0, (filters / parameter.element_count() as f64).sqrt())
            }
            // As strong as an ordinary kernel when mixed: routing weights are near 1/2, and the squares of as many
            // as there are experts add up to a quarter of their count. Without it, the signal grows by the root of
            // two in each layer of eight experts, and f32's noise with it.
            Role::ExpertWeights { kernel } => normal(
                0.0,
                (4.0 / extent(parameter, 0) / product(&kernel[1..])).sqrt(),
            ),
            Role::ConvBias => normal(0.5, 1.0),
            Role::LinearWeight | Role::RoutingWeight => Draw::Uniform {
                stream,
                bound: PROBE_CLASSIFIER_BOUND,
            },
            // Each feature as strong as what enters.
            Role::HiddenWeight => normal(0.0, (1.0 / extent(parameter, 1)).sqrt()),
            Role::LayerGamma => normal(1.0, 0.1),
            Role::LinearBias
            | Role::HiddenBias
            | Role::RoutingBias
            | Role::Beta
            | Role::RunningMean => normal(0.0, 0.1),
            Role::RunningVariance => Draw::Table(probe_variances(stream, channels(parameter))),
            Role::Gamma {
                variance,
                epsilon,
                site,
            } => {
                let variances = probe_variances(self.stream(variance), channels(parameter));
                let gain = probe_gain(*site);
                let gamma = |(channel, variance): (usize, &f32)| {
                    let factor = 0.75 + 0.5 * stream.uniform_pair(channel as u64)[0];
                    rounded(factor * gain * libm::sqrt(f64::from(*variance) + epsilon))
                };
                Draw::Table(variances.iter().enumerate().map(gamma).collect())
            }
        }
    }

    fn stream(&self, name: &str) -> Stream {
        Stream::new(self.seed, self.rule.name(), name)
    }
}

impl TensorSource for SeededWeights {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let parameter = self.parameters.get(name);
        let parameter = parameter.ok_or_else(|| SourceError::Missing(name.to_owned()))?;
        Ok(Box::new(self.draw(parameter)))
    }
}

impl TensorReader for Draw {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        match self {
            Self::Constant(value) => out.fill(*value),
            Self::Table(values) => out.copy_from_slice(&values[offset..offset + out.len()]),
            Self::Normal {
                stream,
                mean,
                deviation,
            } => {
                stream.fill_normal(offset, out, rounded(*mean), rounded(*deviation));
            }
            Self::Uniform { stream, bound } => stream.fill_uniform(offset, out, rounded(*bound)),
        }
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
fn rounded(value: f64) -> f32 {
    value as f32
}

fn official(parameter: &Parameter, stream: Stream) -> Draw {
    match &parameter.role {
        Role::ConvWeight { groups } => {
            let fan_out =
                extent(parameter, 0) * extent(parameter, 2) * extent(parameter, 3) / *groups as f64;
            Draw::Normal {
                stream,
                mean: 0.0,
                deviation: (2.0 / fan_out).sqrt(),
            }
        }
        // Each expert as an ordinary kernel; a depthwise one has one output for each input.
        Role::ExpertWeights { kernel } => {
            let outputs = if kernel[1] == 1 { 1 } else { kernel[0] };
            let fan_out = (outputs * kernel[2] * kernel[3]) as f64;
            Draw::Normal {
                stream,
                mean: 0.0,
                deviation: (2.0 / fan_out).sqrt(),
            }
        }
        // TensorFlow's default for a dense layer, Glorot's uniform rule.
        Role::RoutingWeight | Role::HiddenWeight => Draw::Uniform {
            stream,
            bound: (6.0 / (extent(parameter, 0) + extent(parameter, 1))).sqrt(),
        },
        Role::LinearWeight => Draw::Uniform {
            stream,
            bound: 1.0 / extent(parameter, 0).sqrt(),
        },
        Role::Gamma { .. } | Role::LayerGamma | Role::RunningVariance => Draw::Constant(1.0),
        Role::ConvBias
        | Role::Beta
        | Role::RunningMean
        | Role::LinearBias
        | Role::HiddenBias
        | Role::RoutingBias => Draw::Constant(0.0),
    }
}

fn probe_variances(stream: Stream, channels: usize) -> Vec<f32> {
    let mut any_zero = false;
    let mut variances: Vec<f32> = (0..channels)
        .map(|channel| {
            let [unit, zero] = stream.uniform_pair(channel as u64);
            let is_zero = zero < PROBE_ZERO_VARIANCE;
            any_zero |= is_zero;
            if is_zero {
                0.0
            } else {
                rounded(0.01 + 1.99 * unit)
            }
        })
        .collect();
    if !any_zero && channels >= PROBE_ZERO_VARIANCE_CHANNELS {
        variances[0] = 0.0;
    }
    variances
}

fn probe_gain(site: Site) -> f64 {
    match site {
        Site::Inner => PROBE_GAIN,
        Site::Closing => PROBE_CLOSING_GAIN,
        Site::ClosingResidual { stage_blocks } => {
            PROBE_CLOSING_GAIN * PROBE_RESIDUAL_GAIN / (stage_blocks as f64).sqrt()
        }
    }
}

fn product(extents: &[u64]) -> f64 {
    extents.iter().product::<u64>() as f64
}

fn extent(parameter: &Parameter, axis: usize) -> f64 {
    parameter.shape[axis]
        .fixed()
        .map_or(1.0, |extent| extent as f64)
}

fn channels(parameter: &Parameter) -> usize {
    usize::try_from(parameter.element_count()).expect("a vector of channels fits memory")
}
