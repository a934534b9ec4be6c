//! Tensors of modules that their state dicts lack.

use super::beside::is_of_training;
use super::tree::{Module, quoted};
use super::{Part, Reader, named_part};
use crate::weights::pytorch::{Id, Pickle};

/// What functions are called that build tensors and parameters (torch `_utils.py`, `_tensor.py`).
const BUILDS: [&str; 2] = ["torch._utils._rebuild_", "torch._tensor._rebuild_"];
/// An image that Lightning keeps to trace a model with (lightning `core/module.py`).
const EXAMPLE: &str = "_example_input_array";

impl<'a> Reader<'a> {
    /// Refuses tensors among a module's attributes, and buffers that are not persistent: `forward` may use them.
    pub(super) fn hidden(&mut self, module: &Module<'a>) {
        let pickle = module.pickle;
        let state = pickle.state(module.id);
        let attributes = state.and_then(|state| pickle.mapping(state));
        let attributes = attributes.unwrap_or_default().iter();
        let tensors = attributes.filter(|(_, value)| is_tensor(pickle, *value));
        let mut found: Vec<String> = tensors.filter_map(|(key, _)| pickle.key(*key)).collect();
        let names = module.attribute("_non_persistent_buffers_set");
        let names = names.and_then(|names| pickle.sequence(names));
        let names = names.unwrap_or_default().iter();
        if let Some(buffers) = module.attribute("_buffers") {
            let buffers = names.filter_map(|name| {
                let name = pickle.text(*name)?;
                let buffer = pickle.entry(buffers, name)?;
                (!pickle.is_none(buffer)).then(|| name.to_owned())
            });
            found.extend(buffers);
        }
        for name in found {
            if name == EXAMPLE {
                continue;
            }
            let what = format!(
                "{} of {} is a tensor that its state dict lacks",
                quoted(&name),
                named_part(module)
            );
            if is_of_training(&name) {
                let what = format!("{what}, taken for a part of training and left out");
                self.evidence.notes.push(what);
            } else {
                let what = format!("{what}, and how it is used is not known");
                self.refuse(Part::Body, what);
            }
        }
    }
}

fn is_tensor(pickle: &Pickle, id: Id) -> bool {
    let class = pickle.class(id);
    class.is_some_and(|class| BUILDS.iter().any(|builds| class.starts_with(builds)))
}
