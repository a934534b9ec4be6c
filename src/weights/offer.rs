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
    head: Option<String>,
    integers: Vec<String>,
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
        let integers = source
            .tensors()
            .iter()
            .filter(|tensor| tensor.dtype == Dtype::Integer)
            .filter_map(|tensor| match nest {
                Some(nest) => within(&tensor.name, nest),
                None => Some(&tensor.name),
            })
            .map(|name| name.strip_prefix(wrapper).unwrap_or(name).to_owned())
            .collect();
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
        let mut offer = Self {
            source,
            tensors,
            origins,
            nest,
            head: None,
            integers,
        };
        if let Some(naming) = Naming::detect(&offer.tensors) {
            offer.take_head(naming);
        }
        offer
    }

    /// Names of integers, which are not on offer.
    #[must_use]
    pub fn integers(&self) -> &[String] {
        &self.integers
    }

    /// The module that stands where the library has its classifier, if it has another name.
    #[must_use]
    pub fn head(&self) -> Option<&str> {
        self.head.as_deref()
    }

    /// Gives the only linear layer outside the network's body the name of the classifier that is missing.
    fn take_head(&mut self, naming: Naming) {
        let own = naming.classifier_weight();
        let (own_module, separator, kind) = split(own);
        let is_head = |tensor: &&TensorInfo| {
            tensor.shape.len() == 2
                && split(&tensor.name).1 == separator
                && split(&tensor.name).2 == kind
                && !naming.is_backbone(&tensor.name)
        };
        let mut heads = self.tensors.iter().filter(is_head);
        let (Some(head), None) = (heads.next(), heads.next()) else {
            return;
        };
        if head.name == own {
            return;
        }
        let module = split(&head.name).0.to_owned();
        let renamed = [kind, "bias"].map(|kind| {
            let name = |module: &str| format!("{module}{separator}{kind}");
            (name(&module), name(own_module))
        });
        for (theirs, ours) in renamed {
            if self.origins.contains_key(&ours) {
                continue;
            }
            let tensors = self.tensors.iter_mut();
            for tensor in tensors.filter(|tensor| tensor.name == theirs) {
                tensor.name.clone_from(&ours);
            }
            if let Some(origin) = self.origins.remove(&theirs) {
                self.origins.insert(ours, origin);
            }
        }
        self.head = Some(module);
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

/// A name's module, what parts it from the tensor, and the tensor.
fn split(name: &str) -> (&str, &str, &str) {
    match name.rfind(['.', '/']) {
        Some(place) => (&name[..place], &name[place..=place], &name[place + 1..]),
        None => ("", "", name),
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
            dtype: if name.contains("count") {
                Dtype::Integer
            } else {
                Dtype::F32
            },
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
            "state_dict_ema.bn1.count",
        ]);
        assert_eq!(nested.integers(), ["bn1.count"]);
        assert_eq!(nested.nest(), Some("state_dict_ema"));
        assert_eq!(offered(&nested), [("bn1.weight", 2.0)]);
    }

    #[test]
    fn a_lonely_linear_layer_is_the_classifier() {
        let shaped = |names: &[(&str, &[u64])]| {
            let tensor = |(name, shape): &(&str, &[u64])| TensorInfo {
                name: (*name).to_owned(),
                shape: shape.to_vec(),
                dtype: Dtype::F32,
            };
            Offer::new(Box::new(List(names.iter().map(tensor).collect())))
        };
        let stem = ("features.0.0.weight", &[2, 3, 3, 3][..]);
        for (module, own) in [
            ("classifier", "classifier"),
            ("classifier.3", "classifier.3"),
            ("fc", "fc"),
        ] {
            let (weight, bias) = (format!("{module}.weight"), format!("{module}.bias"));
            let offer = shaped(&[stem, (&weight, &[4, 8]), (&bias, &[4])]);
            assert_eq!(offer.head(), Some(own));
            let expected = [
                (stem.0, 0.0),
                ("classifier.1.weight", 1.0),
                ("classifier.1.bias", 2.0),
            ];
            assert_eq!(offered(&offer), expected);
        }
        let keras = shaped(&[
            ("stem_conv/kernel", &[3, 3, 3, 2]),
            ("mine/kernel", &[8, 4]),
        ]);
        assert_eq!(keras.head(), Some("mine"));
        assert_eq!(keras.tensors()[1].name, "predictions/kernel");
        assert_eq!(keras.tensors()[1].shape, [4, 8]);
        let own: &[(&str, &[u64])] = &[stem, ("classifier.1.weight", &[4, 8])];
        assert_eq!(shaped(own).head(), None);
        let two = [stem, ("head.0.weight", &[6, 8]), ("head.2.weight", &[4, 6])];
        assert_eq!(shaped(&two).head(), None);
        assert_eq!(offered(&shaped(&two))[2], ("head.2.weight", 2.0));
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
