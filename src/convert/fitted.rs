//! A classifier that was fitted elsewhere, read from a file of tensors.

use crate::files::foreign::{self, Foreign};
use crate::graph::{Parameter, Role};
use crate::metadata::Fitted;
use crate::stored::{self, StoredError};
use crate::tensor::{Element, NamedTensor, TensorSource};
use crate::weights::checkpoint::sha256;
use crate::weights::classifier::InMemory;
use std::path::{Path, PathBuf};

/// Name of the weight in the file, `[classes, features]`.
const WEIGHT: &str = "weight";
/// Name of the bias in the file, `[classes]`.
const BIAS: &str = "bias";

/// A linear classifier of a network's pooled features: `weight` `[classes, features]` and `bias` `[classes]`.
#[derive(Debug)]
pub struct FittedClassifier {
    path: PathBuf,
    record: Fitted,
    weight: NamedTensor,
    bias: NamedTensor,
}

/// Why a file is not a classifier, or not one of the network.
#[derive(Debug, thiserror::Error)]
pub enum FittedError {
    /// The file cannot be read.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// It has other tensors, or tensors of other shapes.
    #[error("`{}`: expected `{WEIGHT}` [classes, {}] and `{BIAS}` [classes], found {}", path.shown(), extent(*features), listed(found))]
    Tensors {
        /// The file.
        path: PathBuf,
        /// Features of the network, where it is known.
        features: Option<u64>,
        /// Name and shape of every tensor; the name is empty where the file has none.
        found: Vec<(String, Vec<usize>)>,
    },
    /// A tensor does not hold floating-point numbers.
    #[error("`{name}` of `{}`: expected f32 or f64, found {found}", path.shown())]
    Element {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: &'static str,
        /// Its elements.
        found: Element,
    },
}

impl FittedClassifier {
    /// Reads a classifier from `.npz` or `.safetensors`: `weight` and `bias`, and nothing else, in f64, f32, f16 or bf16.
    ///
    /// # Errors
    /// If the file cannot be read, or has other tensors.
    pub fn open(path: &Path) -> Result<Self, FittedError> {
        let mut tensors = stored::read(path)?;
        let found = tensors.iter();
        let found = found.map(|tensor| (tensor.name.clone(), tensor.shape.clone()));
        let unlike = FittedError::Tensors {
            path: path.to_owned(),
            features: None,
            found: found.collect(),
        };
        let mut take = |name: &str| {
            let place = tensors.iter().position(|tensor| tensor.name == name)?;
            Some(tensors.remove(place))
        };
        let (Some(weight), Some(bias)) = (take(WEIGHT), take(BIAS)) else {
            return Err(unlike);
        };
        let is_classifier = match (&weight.shape[..], &bias.shape[..]) {
            (&[classes, features], &[biases]) => classes >= 1 && features >= 1 && biases == classes,
            _ => false,
        };
        if !is_classifier || !tensors.is_empty() {
            return Err(unlike);
        }
        for (name, tensor) in [(WEIGHT, &weight), (BIAS, &bias)] {
            if !tensor.element.is_weight() {
                return Err(FittedError::Element {
                    path: path.to_owned(),
                    name,
                    found: tensor.element,
                });
            }
        }
        let name = path.file_name().unwrap_or_default();
        let sha256 = sha256(&[path.to_owned()]);
        Ok(Self {
            record: Fitted {
                name: name.to_string_lossy().into_owned(),
                sha256: sha256.map_err(|source| StoredError::Io {
                    action: "read",
                    path: path.to_owned(),
                    source,
                })?,
            },
            path: path.to_owned(),
            weight,
            bias,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Classes that it tells apart.
    #[must_use]
    pub fn classes(&self) -> u64 {
        self.weight.shape[0] as u64
    }

    /// What a file with it records of where it is from.
    pub(super) fn record(&self) -> &Fitted {
        &self.record
    }

    /// Refuses a network of other than so many features.
    pub(super) fn fits(&self, features: u64) -> Result<(), FittedError> {
        if self.weight.shape[1] as u64 == features {
            return Ok(());
        }
        let tensors = [(WEIGHT, &self.weight), (BIAS, &self.bias)];
        Err(FittedError::Tensors {
            path: self.path.clone(),
            features: Some(features),
            found: tensors
                .map(|(name, tensor)| (name.to_owned(), tensor.shape.clone()))
                .to_vec(),
        })
    }

    /// Its tensors, under their names in the file.
    pub(super) fn source(&self) -> impl TensorSource + '_ {
        InMemory::new(&[&self.weight, &self.bias])
    }

    /// A name that tells messages which file a parameter is from, if that is the classifier's: `weight of head.npz`.
    pub(super) fn offered(&self, parameter: &Parameter) -> Option<String> {
        Some(format!(
            "{} of {}",
            Self::name(parameter)?,
            self.record.name
        ))
    }

    /// The name in the file of a parameter of the network, if that is the classifier's.
    pub(super) fn name(parameter: &Parameter) -> Option<&'static str> {
        match parameter.role {
            Role::LinearWeight => Some(WEIGHT),
            Role::LinearBias => Some(BIAS),
            _ => None,
        }
    }
}

fn extent(features: Option<u64>) -> String {
    features.map_or_else(|| "features".to_owned(), |features| features.to_string())
}

/// Tensors with their shapes: `` `coef_` [3, 1280], `intercept_` [3] ``.
fn listed(found: &[(String, Vec<usize>)]) -> String {
    if found.is_empty() {
        return "no tensors".to_owned();
    }
    foreign::list(found.iter().map(|(name, shape)| {
        let shape = foreign::shape(shape);
        match name.as_str() {
            "" => format!("{shape} without a name"),
            name => format!("`{}` {shape}", name.shown()),
        }
    }))
}
