//! Modules that hold the network, and what stands beside it in them.

use super::classes::Kind;
use super::head::gives_one;
use super::tree::{Module, quoted};
use super::{Part, Reader};
use crate::graph::Activation;
use crate::weights::pytorch::Id;

/// Parts of names of what training alone uses.
const TRAINING: [&str; 6] = ["loss", "criterion", "metric", "teacher", "accuracy", "ema"];

impl<'a> Reader<'a> {
    /// A module that holds the network, or a module with the network inside.
    pub(super) fn wrapper(&mut self, wrapper: &Module<'a>, inside: Id) {
        self.inspect(wrapper);
        match wrapper.kind {
            Kind::Wrapper => {}
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
                    Kind::MeanPool if is_after && gives_one(&step) => self.has_pool_beside = true,
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
        let slot = module.slot().to_lowercase();
        let is_of_training = |part: &str| slot.split('_').any(|word| word.starts_with(part));
        if module.kind == Kind::Loss || TRAINING.into_iter().any(is_of_training) {
            self.evidence.notes.push(format!(
                "{}, taken for a part of training and left out",
                module.is_a()
            ));
            return;
        }
        for step in self.row(module, 0) {
            match step.kind {
                Kind::Inert | Kind::Flatten | Kind::Loss => {}
                Kind::MeanPool if gives_one(&step) => self.has_pool_beside = true,
                Kind::Linear | Kind::Softmax | Kind::Activation(Activation::Sigmoid) => {
                    self.head.push(step);
                }
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
    }
}
