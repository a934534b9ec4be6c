//! What a container's tensors are offered as: wrappers' prefixes off their names, PyTorch's layout on their kernels.
//!
//! Training scripts save a state dict under `state_dict`, `state_dict_ema` or `model`, often with `module.` in front of every name
//! (`torch.nn.DataParallel`), and modules of their own hold the network in any attribute. A prefix is removed only where every
//! floating-point tensor that is left is accounted for; otherwise everything is on offer under its own name, and [`Offer::refusal`]
//! says why. Knows no container.

mod asked;
mod known;
mod left_out;
mod packed;
mod parametrized;
mod reading;
mod refusal;
mod roots;
mod wrappers;

use super::head::modules;
use super::layout::{self, Axes, Permuted};
use super::names::Naming;
use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use asked::{Asked, SEPARATORS};
pub(in crate::weights) use left_out::LeftOut;
pub use left_out::{GroupKind, LeftOutGroup};
pub use packed::Packed;
use parametrized::Computed;
pub use parametrized::Parametrization;
use reading::Reading;
pub use refusal::{FoundNetwork, Listed, Refusal};
use std::collections::BTreeMap;

/// The floating-point tensors of a container, under the names and in the layout that a network expects.
pub struct Offer {
    source: Box<dyn TensorSource>,
    tensors: Vec<TensorInfo>,
    /// Name on offer; name and shape in the container, and how one becomes the other.
    origins: BTreeMap<String, Origin>,
    prefix: String,
    head: Option<String>,
    integers: Vec<String>,
    computed: BTreeMap<String, Parametrization>,
    left_out: Vec<LeftOutGroup>,
    refusal: Option<Refusal>,
}

struct Origin {
    name: String,
    shape: Vec<u64>,
    axes: Option<Axes>,
}

impl Offer {
    /// Looks through a container's names, or through those that begin with a prefix that is asked for. Integers, such as
    /// `num_batches_tracked`, are not on offer. Where the container `records_head`, no layer is taken for the classifier.
    #[must_use]
    pub fn new(source: Box<dyn TensorSource>, prefix: Option<&str>, records_head: bool) -> Self {
        let (source, computed) = Computed::over(source);
        let (integers, floating): (Vec<&TensorInfo>, Vec<&TensorInfo>) = source
            .tensors()
            .iter()
            .partition(|tensor| !tensor.element.is_weight());
        let asked = prefix.map(Asked::new);
        let reading = Reading::of(&floating, asked.as_ref());
        let reading = match idle(&*source, &reading.prefix) {
            Some(refusal) => Reading::refused(&floating, refusal),
            None => reading,
        };
        let Reading {
            prefix,
            names,
            left_out,
            head,
            refusal,
        } = reading;
        let integers = integers
            .into_iter()
            .filter_map(|tensor| Some(tensor.name.strip_prefix(&prefix)?.to_owned()))
            .collect();
        let infos: BTreeMap<&str, &TensorInfo> = floating
            .iter()
            .map(|tensor| (tensor.name.as_str(), *tensor))
            .collect();
        let mut tensors: Vec<TensorInfo> = Vec::new();
        let mut origins = BTreeMap::new();
        for (stored, name) in names {
            let Some(tensor) = infos.get(stored.as_str()) else {
                continue;
            };
            let origin = Origin {
                name: stored,
                shape: tensor.shape.clone(),
                axes: None,
            };
            tensors.push(TensorInfo {
                name: name.clone(),
                ..(*tensor).clone()
            });
            origins.insert(name, origin);
        }
        drop((floating, infos));
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
            prefix,
            head,
            integers,
            computed,
            left_out,
            refusal,
        };
        if let (Some(naming), None, false) =
            (Naming::detect(&offer.tensors), &offer.head, records_head)
        {
            offer.take_head(naming);
        }
        offer
    }

    /// What the container calls a tensor on offer.
    #[must_use]
    pub fn origin(&self, name: &str) -> Option<&str> {
        self.origins.get(name).map(|origin| origin.name.as_str())
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

    /// What was removed from before every name, without the last dot: the key under which the state dict lies, and wrappers' names.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.strip_suffix(SEPARATORS)
    }

    /// Whether a part of the prefix is the name of no known wrapper or training script, and thus of a module whose `forward` is
    /// not known.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.prefix().is_some_and(|prefix| {
            let mut components = prefix.split('.');
            !components.all(known::is_removable)
        })
    }

    /// Whether a module around the network may compute more than the network does.
    #[must_use]
    pub fn is_wrapped(&self) -> bool {
        let mut components = self.prefix.split('.');
        components.any(|component| known::MODULES.contains(&component))
    }

    /// Whether averages are read.
    #[must_use]
    pub fn is_averaged(&self) -> bool {
        is_averaged(&self.prefix)
    }

    /// Weights on offer that are computed from the tensors of a parametrization: how, and their names in the container.
    pub fn computed(&self) -> impl Iterator<Item = (Parametrization, &str)> {
        let origins = self.origins.values();
        origins.filter_map(|origin| Some((*self.computed.get(&origin.name)?, origin.name.as_str())))
    }

    /// Tensors that are not on offer, and what accounts for them.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOutGroup] {
        &self.left_out
    }

    /// Why no network is read, where there is one; then every tensor is on offer under its own name.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
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
        // Of a head of several layers it is one.
        let others = self
            .tensors
            .iter()
            .filter(|tensor| !naming.is_backbone(&tensor.name) && split(&tensor.name).0 != module);
        let others: Vec<Listed> = others
            .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
            .collect();
        if !others.is_empty() && modules(&others).is_ok() {
            return;
        }
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
}

/// What PyTorch counts averages with (torch `optim/swa_utils.py`, `AveragedModel`).
const COUNTER: &str = "n_averaged";

fn is_averaged(prefix: &str) -> bool {
    prefix.split('.').any(known::is_average)
}

/// Why the averages below a prefix are none: the counter beside them is zero, so they are the weights before training.
fn idle(source: &dyn TensorSource, prefix: &str) -> Option<Refusal> {
    let is_counter = |tensor: &&TensorInfo| {
        let around = tensor.name.strip_suffix(COUNTER);
        around.is_some_and(|around| prefix.starts_with(around) && is_averaged(around))
    };
    let counter = source.tensors().iter().find(is_counter)?;
    source.is_zero(&counter.name)?.then(|| Refusal::Idle {
        root: prefix.strip_suffix('.').unwrap_or(prefix).to_owned(),
        counter: counter.name.clone(),
    })
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
            Some(axes) => Ok(Box::new(Permuted::new(reader, &origin.shape, axes))),
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

#[cfg(test)]
mod tests;
