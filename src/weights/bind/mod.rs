//! Pairing a graph's parameters with a source, and evaluating recipes.

mod unsound;

use super::finite::Watch;
use super::kernels::{ExpertsInner, Extents, FoldedWeight, Table};
use super::layout::{Permuted, TRANSPOSED};
use crate::files::foreign::{self, Foreign};
use crate::graph::{BatchNormNames, Parameter, Role, WeightRecipe};
use crate::onnx::graph::{Constant, Graph, Value, ValueKind};
use crate::tensor::shape::Dim;
use crate::tensor::{SourceError, TensorInfo, TensorReader, TensorSource};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A parameter and the name under which a source has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// What the network declares.
    pub parameter: Parameter,
    /// Its name in the source.
    pub source_name: String,
}

impl Expected {
    /// Parameters that the source has under their own names.
    #[must_use]
    pub fn as_named(parameters: &[Parameter]) -> Vec<Self> {
        let own = |parameter: &Parameter| Self {
            source_name: parameter.name.clone(),
            parameter: parameter.clone(),
        };
        parameters.iter().map(own).collect()
    }
}

/// Everything that does not fit between a network and a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindError {
    /// Expected, not found: name in the source and shape.
    pub missing: Vec<(String, Vec<u64>)>,
    /// Found, not expected: name and shape.
    pub unexpected: Vec<(String, Vec<u64>)>,
    /// Found with another shape: name, expected, found.
    pub mis_shaped: Vec<(String, Vec<u64>, Vec<u64>)>,
}

impl std::error::Error for BindError {}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the checkpoint does not fit the network: {} missing, {} unexpected, {} of another shape",
            self.missing.len(),
            self.unexpected.len(),
            self.mis_shaped.len()
        )?;
        // Names are the file's, so they may hold anything.
        list(f, &self.missing, |(name, shape)| {
            format!(
                "missing     `{}`: expected {}, found nothing",
                name.shown(),
                foreign::shape(shape)
            )
        })?;
        list(f, &self.unexpected, |(name, shape)| {
            format!(
                "unexpected  `{}`: expected nothing, found {}",
                name.shown(),
                foreign::shape(shape)
            )
        })?;
        list(f, &self.mis_shaped, |(name, expected, found)| {
            format!(
                "shape       `{}`: expected {}, found {}",
                name.shown(),
                foreign::shape(expected),
                foreign::shape(found)
            )
        })
    }
}

/// Tensors of one kind that an error lists; EfficientNet-L2 has 1,700.
const MOST_LISTED: usize = 2000;

fn list<T>(f: &mut fmt::Formatter<'_>, entries: &[T], line: impl Fn(&T) -> String) -> fmt::Result {
    for entry in entries.iter().take(MOST_LISTED) {
        write!(f, "\n  {}", line(entry))?;
    }
    match entries.len().saturating_sub(MOST_LISTED) {
        0 => Ok(()),
        more => write!(f, "\n  … and {more} more"),
    }
}

/// Initializers and constants of a graph, computed from a source piece by piece.
pub struct BoundWeights<'a> {
    source: &'a dyn TensorSource,
    /// Every parameter that an initializer is made of, by its own name.
    parameters: BTreeMap<&'a str, &'a Expected>,
    tensors: Vec<TensorInfo>,
    stored: BTreeMap<&'a str, &'a Value>,
    watch: Watch,
}

/// Pairs every parameter of `graph` with `source`.
///
/// `expected` names all parameters of the network, those included that this graph leaves out (the
/// classifier of a graph whose only output is `pooled`): they may be in the source, but need not be.
///
/// # Errors
/// One error that lists all missing, unexpected and mis-shaped tensors.
pub fn bind<'a>(
    graph: &'a Graph,
    source: &'a dyn TensorSource,
    expected: &'a [Expected],
) -> Result<BoundWeights<'a>, BindError> {
    let stored = graph.stored_values();
    let stored: Vec<&Value> = stored.into_iter().map(|id| graph.value(id)).collect();
    let recipes = stored.iter().filter_map(|value| value.recipe());
    let needed: BTreeSet<&str> = recipes.flat_map(WeightRecipe::parameters).collect();
    pair(&needed, source, expected)?;
    let parameters = expected
        .iter()
        .map(|expected| (expected.parameter.name.as_str(), expected))
        .filter(|(name, _)| needed.contains(name));
    let tensors: Vec<TensorInfo> = stored
        .iter()
        .map(|value| TensorInfo {
            name: value.name.clone(),
            shape: value.r#type.shape.iter().filter_map(Dim::fixed).collect(),
            element: value.r#type.element,
        })
        .collect();
    let by_name = stored.iter().map(|value| (value.name.as_str(), *value));
    Ok(BoundWeights {
        source,
        parameters: parameters.collect(),
        stored: by_name.collect(),
        watch: Watch::new(tensors.iter().map(|tensor| tensor.name.as_str())),
        tensors,
    })
}

/// Whether a source has every `needed` parameter, and each expected one in its shape.
pub(super) fn pair(
    needed: &BTreeSet<&str>,
    source: &dyn TensorSource,
    expected: &[Expected],
) -> Result<(), BindError> {
    let found: BTreeMap<&str, &TensorInfo> = source
        .tensors()
        .iter()
        .filter(|tensor| tensor.element.is_weight())
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let mut error = BindError::default();
    for Expected {
        parameter,
        source_name,
    } in expected
    {
        let shape: Vec<u64> = parameter.shape.iter().filter_map(Dim::fixed).collect();
        match found.get(source_name.as_str()) {
            None if needed.contains(parameter.name.as_str()) => {
                error.missing.push((source_name.clone(), shape));
            }
            Some(tensor) if tensor.shape != shape => {
                error
                    .mis_shaped
                    .push((source_name.clone(), shape, tensor.shape.clone()));
            }
            _ => {}
        }
    }
    let known: BTreeSet<&str> = expected
        .iter()
        .map(|expected| expected.source_name.as_str())
        .collect();
    for tensor in found
        .values()
        .filter(|tensor| !known.contains(tensor.name.as_str()))
    {
        error
            .unexpected
            .push((tensor.name.clone(), tensor.shape.clone()));
    }
    if error == BindError::default() {
        Ok(())
    } else {
        Err(error)
    }
}

impl BoundWeights<'_> {
    fn expected(&self, name: &str) -> Result<&Expected, SourceError> {
        let found = self.parameters.get(name).copied();
        found.ok_or_else(|| SourceError::Missing(name.to_owned()))
    }

    fn parameter(&self, name: &str) -> Result<Box<dyn TensorReader + '_>, SourceError> {
        self.source.open(&self.expected(name)?.source_name)
    }

    fn evaluate(&self, recipe: &WeightRecipe) -> Result<Box<dyn TensorReader + '_>, SourceError> {
        match recipe {
            WeightRecipe::Parameter(name) => self.parameter(name),
            WeightRecipe::FoldedWeight { weight, norm } => {
                Ok(Box::new(self.folded_weight(weight, norm)?))
            }
            WeightRecipe::FoldedBias { bias, norm } => {
                Ok(Box::new(self.folded_bias(bias.as_deref(), norm)?))
            }
            WeightRecipe::ScaledChannels { of, by } => Ok(Box::new(self.scaled_channels(of, by)?)),
            WeightRecipe::ExpertsInner {
                of,
                experts,
                filters,
            } => {
                let in_memory = |count: u64| usize::try_from(count).expect("a kernel fits memory");
                let elements = self.elements(of)?;
                Ok(Box::new(ExpertsInner {
                    of: self.evaluate(of)?,
                    experts: in_memory(*experts),
                    filters: in_memory(*filters),
                    run: elements / in_memory(experts * filters),
                }))
            }
            WeightRecipe::Transposed { of, rows, columns } => {
                let reader = self.evaluate(of)?;
                let turned = Permuted::new(reader, &[*rows, *columns], &TRANSPOSED);
                Ok(Box::new(turned))
            }
        }
    }

    /// Elements of the kernel in a recipe.
    fn elements(&self, recipe: &WeightRecipe) -> Result<usize, SourceError> {
        let name = match recipe {
            WeightRecipe::Parameter(name) | WeightRecipe::FoldedWeight { weight: name, .. } => name,
            WeightRecipe::FoldedBias { norm, .. } => &norm.beta,
            WeightRecipe::ExpertsInner { of, .. }
            | WeightRecipe::Transposed { of, .. }
            | WeightRecipe::ScaledChannels { of, .. } => {
                return self.elements(of);
            }
        };
        let parameter = &self.expected(name)?.parameter;
        Ok(usize::try_from(parameter.element_count()).expect("a kernel fits memory"))
    }

    fn vector(&self, name: &str) -> Result<Vec<f32>, SourceError> {
        let parameter = &self.expected(name)?.parameter;
        let length =
            usize::try_from(parameter.element_count()).expect("a vector of channels fits memory");
        let mut values = vec![0.0; length];
        self.parameter(name)?.fill(0, &mut values)?;
        Ok(values)
    }

    /// `gamma / sqrt(variance + epsilon)` for every channel.
    fn scales(&self, norm: &BatchNormNames) -> Result<Vec<f64>, SourceError> {
        let (gamma, variance) = (self.vector(&norm.gamma)?, self.vector(&norm.variance)?);
        let scale = |(gamma, variance): (&f32, &f32)| {
            f64::from(*gamma) / libm::sqrt(f64::from(*variance) + norm.epsilon)
        };
        Ok(gamma.iter().zip(&variance).map(scale).collect())
    }

    fn folded_weight(
        &self,
        weight: &str,
        norm: &BatchNormNames,
    ) -> Result<FoldedWeight<'_>, SourceError> {
        let parameter = &self.expected(weight)?.parameter;
        let scales = self.scales(norm)?;
        let elements = usize::try_from(parameter.element_count()).expect("a kernel fits memory");
        let per_filter = match &parameter.role {
            Role::ExpertWeights { kernel } => {
                usize::try_from(kernel[1..].iter().product::<u64>()).expect("a kernel fits memory")
            }
            _ => elements / scales.len(),
        };
        Ok(FoldedWeight {
            weight: self.parameter(weight)?,
            scales,
            per_filter,
        })
    }

    /// A kernel with a factor for each input channel, beside that of each filter where a batch norm is folded in: both are
    /// one number before anything is rounded.
    fn scaled_channels(
        &self,
        of: &WeightRecipe,
        by: &[f64],
    ) -> Result<FoldedWeight<'_>, SourceError> {
        let elements = self.elements(of)?;
        let filters = match of.parameters().first() {
            Some(kernel) => self.expected(kernel)?.parameter.shape.first(),
            None => None,
        };
        let filters = filters.and_then(Dim::fixed).unwrap_or(1);
        let filters = usize::try_from(filters).expect("a kernel fits memory");
        let (weight, scales) = match of {
            WeightRecipe::FoldedWeight { weight, norm } => {
                let FoldedWeight { weight, scales, .. } = self.folded_weight(weight, norm)?;
                (weight, scales)
            }
            _ => (self.evaluate(of)?, vec![1.0; filters]),
        };
        let of_channels = |filter: f64| by.iter().map(move |channel| filter * channel);
        Ok(FoldedWeight {
            weight,
            per_filter: elements / (scales.len() * by.len()),
            scales: scales.into_iter().flat_map(of_channels).collect(),
        })
    }

    fn folded_bias(&self, own: Option<&str>, norm: &BatchNormNames) -> Result<Table, SourceError> {
        let (beta, mean) = (self.vector(&norm.beta)?, self.vector(&norm.mean)?);
        let scales = self.scales(norm)?;
        let own = own.map(|bias| self.vector(bias)).transpose()?;
        let own = own.unwrap_or_else(|| vec![0.0; mean.len()]);
        let lowered = mean.iter().zip(own);
        let lowered = lowered.map(|(mean, own)| f64::from(*mean) - f64::from(own));
        let biases = beta.iter().zip(lowered).zip(scales);
        let bias =
            |((beta, lowered), scale): ((&f32, f64), f64)| f64::from(*beta) - lowered * scale;
        Ok(Table(biases.map(bias).collect()))
    }
}

impl TensorSource for BoundWeights<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        match self.stored.get(name).map(|value| &value.kind) {
            Some(ValueKind::Initializer(recipe)) => {
                Ok(self.watch.over(name, self.evaluate(recipe)?))
            }
            Some(ValueKind::Constant(elements)) => Ok(constant(elements)),
            Some(ValueKind::Activation) | None => Err(SourceError::Missing(name.to_owned())),
        }
    }
}

/// The elements of a constant.
pub(super) fn constant(elements: &Constant) -> Box<dyn TensorReader> {
    match elements {
        Constant::F32(values) | Constant::Half(_, values) => {
            let values: Vec<f64> = values.iter().copied().map(f64::from).collect();
            Box::new(Table(values))
        }
        Constant::I64(values) => Box::new(Extents(values.clone())),
    }
}
