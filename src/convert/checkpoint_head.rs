//! The head of a checkpoint, and where its tensors lie.

use super::layers::Assigned;
use super::note::ConvertNote;
use crate::architecture::HeadChain;
use crate::request::Request;
use crate::weights::offer::Listed;
use std::collections::BTreeMap;

/// The head of a checkpoint as it is converted.
#[derive(Clone, Debug, Default)]
pub struct CheckpointHead {
    /// The pool and the layers; none is the usual head.
    pub chain: Option<HeadChain>,
    /// What each of its parameters is called in the checkpoint.
    pub names: BTreeMap<String, String>,
    /// The modules that are its layers, in order.
    modules: Vec<String>,
    /// Tensors of layers that are not read.
    pub left_out: Vec<Listed>,
}

impl CheckpointHead {
    /// A head whose parameters have names that begin with `classifier`.
    pub fn of(chain: HeadChain, assigned: &[Assigned], classifier: &str) -> Self {
        let mut names = BTreeMap::new();
        for Assigned { layer, module } in assigned {
            let scope = chain.scope(classifier, *layer);
            let tensors = module.tensors.iter();
            names.extend(
                tensors.map(|(own, (theirs, _))| (format!("{scope}.{own}"), theirs.clone())),
            );
        }
        let modules = assigned.iter().map(|own| own.module.name.clone());
        Self {
            chain: Some(chain),
            names,
            modules: modules.collect(),
            left_out: Vec::new(),
        }
    }

    /// A head whose layers are not the checkpoint's, which are left out.
    pub fn unread(chain: HeadChain, left_out: Vec<Listed>) -> Self {
        Self {
            chain: Some(chain),
            left_out,
            ..Self::default()
        }
    }

    /// What its layers tell apart, where they are read.
    pub fn classes(&self) -> Option<u64> {
        let chain = self.chain.as_ref().filter(|_| !self.names.is_empty());
        chain?.classes()
    }

    /// What a reader should hear of it.
    pub fn notes(&self, request: &Request) -> Vec<ConvertNote> {
        let mut notes = Vec::new();
        notes.extend(request.head.as_ref().map(|chain| ConvertNote::Head {
            head: chain.to_string(),
            modules: self.modules.clone(),
        }));
        if !self.left_out.is_empty() {
            notes.push(ConvertNote::LayersLeftOut(self.left_out.clone()));
        }
        notes
    }
}
