//! Modules that hold the network, and what stands beside it in them.

use super::classes::Kind;
use super::head::is_pool;
use super::tree::{Module, quoted};
use super::{Part, Reader};
use crate::graph::Activation;
use crate::weights::pytorch::Id;

/// Parts of names of what training alone uses.
const TRAINING: [&str; 6] = ["loss", "criterion", "metric", "teacher", "accuracy", "ema"];

/// Whether a name tells that training alone uses what it names.
pub(super) fn is_of_training(name: &str) -> bool {
    let name = name.to_lowercase();
    let begins = |part: &str| name.split('_').any(|word| word.starts_with(part));
    TRAINING.into_iter().any(begins)
}

impl<'a> Reader<'a> {
    /// A module that holds the network, or a module with the network inside.
    pub(super) fn wrapper(&mut self, wrapper: &Module<'a>, inside: Id) {
        self.inspect(wrapper);
        match wrapper.kind {
            Kind::Wrapper => {}
            // It leaves out what follows the network's feature maps, unless they were cut already.
            Kind::Features if wrapper.truth("needs_pool") == Some(true) => {
                self.head.clear();
                self.lacks_pool = true;
            }
            Kind::Sequence => self.in_a_row(wrapper, inside),
            _ => {
                self.evidence.notes.push(format!(
                    "the network is inside {}, whose `forward` may do more than call it",
                    quoted(&wrapper.class)
                ));
                for child in wrapper.children() {
                    if child.id != inside {
                        self.beside(wrapper, &child);
                    }
                }
            }
        }
    }

    /// What stands before and after the network.
    fn in_a_row(&mut self, wrapper: &Module<'a>, inside: Id) {
        let mut is_after = false;
        for child in wrapper.children() {
            if child.id == inside {
                is_after = true;
                continue;
            }
            for step in self.row(&child, 0) {
                match step.kind {
                    Kind::Inert => {}
                    _ if is_after => self.head.push(step),
                    _ => {
                        self.refuse_module(Part::Body, &step, "expected nothing before the network")
                    }
                }
            }
        }
    }

    /// A module beside the network, in a module whose `forward` is not known.
    pub(super) fn beside(&mut self, wrapper: &Module<'a>, module: &Module<'a>) {
        if module.kind == Kind::Loss || is_of_training(module.slot()) {
            self.evidence.notes.push(format!(
                "{}, taken for a part of training and left out",
                module.is_a()
            ));
            return;
        }
        let steps = self.row(module, 0);
        let is_row = module.kind == Kind::Sequence;
        let is_layer = |step: &Module| {
            let is_last = |kind| {
                matches!(
                    kind,
                    Kind::Softmax | Kind::LogSoftmax | Kind::Activation(Activation::Sigmoid)
                )
            };
            !is_pool(step) && !is_last(step.kind)
        };
        let mut own = Vec::new();
        for step in steps {
            match step.kind {
                Kind::Inert | Kind::Flatten | Kind::Loss => {}
                Kind::Linear
                | Kind::VectorNorm
                | Kind::LayerNorm
                | Kind::Softmax
                | Kind::LogSoftmax
                | Kind::Activation(Activation::Sigmoid) => own.push(step),
                // What a head does not have is refused with the others of its row.
                _ if is_row || is_pool(&step) => own.push(step),
                _ => {
                    let what = format!(
                        "{} in {} beside the network, and how it is used is not known",
                        step.is_a(),
                        quoted(&wrapper.class)
                    );
                    self.refuse(Part::Body, what);
                }
            }
        }
        if self.has_layers() && own.iter().any(is_layer) {
            let what = format!(
                "{} in {} is beside other layers of the head, and their order is not known",
                quoted(&module.path),
                quoted(&wrapper.class)
            );
            self.refuse(Part::Head, what);
        }
        self.head.extend(own);
    }
}
