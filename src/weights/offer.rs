//! What a container's tensors are offered as: wrappers' prefixes off their names, PyTorch's layout on their kernels.
//!
//! Training scripts save a state dict under `state_dict`, `state_dict_ema` or `model`, often with
//! `module.` in front of every name (`torch.nn.DataParallel`). Knows no container.

use super::layout::{self, Axes, Permuted};
use super::names::Naming;
use super::{Dtype, SourceError, TensorInfo, TensorReader, TensorSource};
use std::collections::BTreeMap;

/// Keys under which training scripts keep a state dict, the preferred first: averages score best.
const NESTS: [&str; 6] = [
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "state_dict",
    "model_state_dict",
    "model",
];
/// Prefixes that wrappers of a module put before every name (`DataParallel`, `torch.compile`, Lightning).
const WRAPPERS: [&str; 3] = ["module.", "_orig_mod.", "model."];

/// The floating-point tensors of a container, under the names and in the layout that a network expects.
pub struct Offer {
    source: Box<dyn TensorSource>,
    tensors: Vec<TensorInfo>,
    /// Name on offer; name and shape in the container, and how one becomes the other.
    origins: BTreeMap<String, Origin>,
    nest: Option<&'static str>,
}

struct Origin {
    name: String,
    shape: Vec<u64>,
    axes: Option<Axes>,
}

impl Offer {
    /// Looks through a container's names. Integers, such as `num_batches_tracked`, are not on offer.
    #[must_use]
    pub fn new(source: Box<dyn TensorSource>) -> Self {
        let all: Vec<&TensorInfo> = source
            .tensors()
            .iter()
            .filter(|tensor| tensor.dtype != Dtype::Integer)
            .collect();
        let is_nested = Naming::detect(source.tensors()).is_none();
        let nest = NESTS.into_iter().filter(|_| is_nested).find(|nest| {
            all.iter()
                .any(|tensor| within(&tensor.name, nest).is_some_and(|name| name.contains('.')))
        });
        let named: Vec<(&TensorInfo, &str)> = all
            .into_iter()
            .filter_map(|tensor| {
                let name = match nest {
                    Some(nest) => within(&tensor.name, nest)?,
                    None => &tensor.name,
                };
                Some((tensor, name))
            })
            .collect();
        let before_all = |wrapper: &&str| {
            !named.is_empty() && named.iter().all(|(_, name)| name.starts_with(wrapper))
        };
        let wrapper = WRAPPERS.into_iter().find(before_all).unwrap_or_default();
        let mut tensors: Vec<TensorInfo> = Vec::new();
        let mut origins = BTreeMap::new();
        for (tensor, name) in named {
            let name = name.strip_prefix(wrapper).unwrap_or(name).to_owned();
            let origin = Origin {
                name: tensor.name.clone(),
                shape: tensor.shape.clone(),
                axes: None,
            };
            tensors.push(TensorInfo {
                name: name.clone(),
                ..tensor.clone()
            });
            origins.insert(name, origin);
        }
        if let Some(naming) = Naming::detect(&tensors) {
            for tensor in &mut tensors {
                let axes = layout::to_torch(naming, &tensor.name, tensor.shape.len());
                if let (Some(axes), Some(origin)) = (axes, origins.get_mut(&tensor.name)) {
                    tensor.shape = layout::permuted(&tensor.shape, axes);
                    origin.axes = Some(axes);
                }
            }
        }
        Self {
            source,
            tensors,
            origins,
            nest,
        }
    }

    /// The key under which the state dict lies, if it lies under one.
    #[must_use]
    pub fn nest(&self) -> Option<&'static str> {
        self.nest
    }
}

impl TensorSource for Offer {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let origin = self
            .origins
            .get(name)
            .ok_or_else(|| SourceError::Missing(name.to_owned()))?;
        let reader = self.source.open(&origin.name)?;
        match origin.axes {
            None => Ok(reader),
            Some(axes) => Ok(Box::new(Permuted::new(&*reader, &origin.shape, axes)?)),
        }
    }
}

/// The name within a nest.
fn within<'a>(name: &'a str, nest: &str) -> Option<&'a str> {
    name.strip_prefix(nest)?.strip_prefix('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tensors of one element, each its place in the list.
    struct List(Vec<TensorInfo>);

    struct One(f32);

    impl TensorReader for One {
        fn fill(&self, _offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
            out.fill(self.0);
            Ok(())
        }
    }

    impl TensorSource for List {
        fn tensors(&self) -> &[TensorInfo] {
            &self.0
        }

        fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
            let place = self.0.iter().position(|tensor| tensor.name == name);
            Ok(Box::new(One(place.expect("a listed tensor") as f32)))
        }
    }

    fn offer(names: &[&str]) -> Offer {
        let tensor = |name: &&str| TensorInfo {
            name: (*name).to_owned(),
            shape: vec![1],
            dtype: Dtype::F32,
        };
        Offer::new(Box::new(List(names.iter().map(tensor).collect())))
    }

    fn offered(offer: &Offer) -> Vec<(&str, f32)> {
        let value = |tensor: &TensorInfo| {
            let mut value = [0.0];
            let reader = offer.open(&tensor.name).expect("an offered tensor");
            reader.fill(0, &mut value).expect("a value");
            value[0]
        };
        let tensors = offer.tensors().iter();
        tensors
            .map(|tensor| (tensor.name.as_str(), value(tensor)))
            .collect()
    }

    #[test]
    fn averages_come_before_the_last_step() {
        let nested = offer(&[
            "optimizer.bn1.weight",
            "state_dict.bn1.weight",
            "state_dict_ema.bn1.weight",
        ]);
        assert_eq!(nested.nest(), Some("state_dict_ema"));
        assert_eq!(offered(&nested), [("bn1.weight", 2.0)]);
    }

    #[test]
    fn wrappers_prefixes_go_only_where_every_name_has_them() {
        let wrapped = offer(&["model.module.bn1.weight", "model.module.bn1.bias"]);
        let expected = [("bn1.weight", 0.0), ("bn1.bias", 1.0)];
        assert_eq!(offered(&wrapped), expected);
        let partly = offer(&["module.bn1.weight", "bn1.bias"]);
        let expected = [("module.bn1.weight", 0.0), ("bn1.bias", 1.0)];
        assert_eq!(offered(&partly), expected);
        assert_eq!(partly.nest(), None);
    }
}
