//! A checkpoint's tensors, and the parameter that each would become.

use super::error::ConvertError;
use super::locate::Located;
use super::note::ConvertNote;
use super::offered;
use crate::architecture::Variant;
use crate::recognise::{Unrecognised, recognise};
use crate::request::{Blueprint, Request};
use crate::tensor::{TensorInfo, TensorSource};
use crate::weights::checkpoint::Checkpoint;
use crate::weights::names::{NameMap, Naming};
use crate::weights::offer::Refusal;
use std::collections::BTreeMap;

/// Tensors by which a checkpoint may differ from a model and still be shown against it.
const MOST_STRAYS: usize = 8;

/// What a checkpoint holds.
pub struct Listing {
    /// Its tensors, with shapes in PyTorch's layout.
    pub tensors: Vec<TensorInfo>,
    /// What they are.
    pub model: ListedModel,
    /// Timm's name of a parameter, by the checkpoint's name. Empty where no published model is near.
    pub becomes: BTreeMap<String, String>,
    /// Which tensors were taken and which left out.
    pub notes: Vec<ConvertNote>,
}

/// What a checkpoint's tensors are.
pub enum ListedModel {
    /// It cannot be read without losing a part of its model.
    Refused(Refusal),
    /// They have the names of no known library.
    Unknown,
    /// They have a library's names.
    Named {
        /// Whose.
        naming: Naming,
        /// The published network, or how far the nearest is.
        network: Result<&'static Variant, Unrecognised>,
    },
}

/// Lists a checkpoint's tensors.
///
/// # Errors
/// If it cannot be read.
pub fn list(located: &Located) -> Result<Listing, ConvertError> {
    let checkpoint = Checkpoint::open_below(&located.path, located.prefix.as_deref())?;
    let (model, becomes, notes) = told(&checkpoint);
    Ok(Listing {
        tensors: checkpoint.tensors().to_vec(),
        model,
        becomes,
        notes,
    })
}

fn told(checkpoint: &Checkpoint) -> (ListedModel, BTreeMap<String, String>, Vec<ConvertNote>) {
    let nothing = |model| (model, BTreeMap::new(), Vec::new());
    if let Some(refusal) = checkpoint.refusal() {
        return nothing(ListedModel::Refused(offered::recognised(refusal)));
    }
    let Some(naming) = checkpoint.naming() else {
        return nothing(ListedModel::Unknown);
    };
    let network = recognise(checkpoint.tensors(), naming);
    let shown = match &network {
        Ok(variant) => Some(*variant),
        Err(error) => Variant::by_name(error.nearest).filter(|_| error.faults <= MOST_STRAYS),
    };
    let model = ListedModel::Named { naming, network };
    match shown {
        Some(variant) => {
            let becomes = becomes(variant, naming).unwrap_or_default();
            (model, becomes, offered::notes(checkpoint, false))
        }
        None => nothing(model),
    }
}

/// Timm's names of a network's parameters by those of a naming; none where that has no name for one.
fn becomes(variant: &'static Variant, naming: Naming) -> Option<BTreeMap<String, String>> {
    let parameters = Request::new(Blueprint::published(variant))
        .parameters()
        .ok()?;
    let timm = parameters.iter().map(|parameter| parameter.name.as_str());
    let names = NameMap::new(naming, timm).ok()?;
    let pairs = names.iter();
    Some(
        pairs
            .map(|(timm, source)| (source.to_owned(), timm.to_owned()))
            .collect(),
    )
}
