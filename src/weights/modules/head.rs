//! From the last feature maps to what the model returns: pool, linear layer, what is applied to the logits.

use super::classes::Kind;
use super::tree::{Module, quoted};
use super::{DEEPEST, Part, Reader};
use crate::graph::Activation;
use crate::weights::evidence::FinalActivation;

impl<'a> Reader<'a> {
    /// A module in the pool's place.
    pub(super) fn pool(&mut self, pool: &Module<'a>) {
        const EXPECTED: &str = "expected the mean over height and width";
        self.inspect(pool);
        for step in self.row(pool, 0) {
            match step.kind {
                Kind::MeanPool if gives_one(&step) => {}
                Kind::Flatten => {}
                Kind::Inert => self.lacks_pool = true,
                Kind::ChosenPool => self.chosen_pool(&step),
                Kind::MeanPool => {
                    let what = format!(
                        "{} has another `output_size` than 1, {EXPECTED}",
                        step.is_a()
                    );
                    self.refuse(Part::Body, what);
                }
                _ => self.refuse_module(Part::Body, &step, EXPECTED),
            }
        }
    }

    /// timm's pool of many kinds.
    fn chosen_pool(&mut self, pool: &Module<'a>) {
        let chosen = pool.attribute("pool_type");
        let chosen = chosen.and_then(|chosen| pool.pickle.text(chosen));
        match chosen {
            None | Some("avg" | "fast" | "fastavg") => {}
            Some("") => {
                self.lacks_pool = true;
                return;
            }
            Some(other) => {
                let what = format!(
                    "{} has the pool type {}, expected `avg`",
                    quoted(&pool.path),
                    quoted(other)
                );
                return self.refuse(Part::Body, what);
            }
        }
        for child in pool.children() {
            self.pool(&child);
        }
        // Its `flatten` may be an identity.
        if pool
            .child("pool")
            .is_some_and(|own| own.kind != Kind::Inert)
        {
            self.lacks_pool = false;
        }
    }

    /// A module after the pool.
    pub(super) fn head_part(&mut self, module: &Module<'a>) {
        let steps = self.row(module, 0);
        self.head.extend(steps);
    }

    /// The steps of a module that runs its parts in a row; itself, if it is of another kind.
    pub(super) fn row(&mut self, module: &Module<'a>, depth: usize) -> Vec<Module<'a>> {
        if !self.count(depth) {
            return Vec::new();
        }
        self.inspect(module);
        if !matches!(module.kind, Kind::Sequence | Kind::Wrapper) || depth > DEEPEST {
            return vec![module.clone()];
        }
        let mut steps = Vec::new();
        for child in module.children() {
            steps.extend(self.row(&child, depth + 1));
        }
        steps
    }

    /// Whether the tensor that was taken for the classifier's weight lies in it.
    pub(super) fn is_classifier(&self, module: &Module<'a>) -> bool {
        let classifier = self.landmarks.classifier.unwrap_or_default();
        let start = classifier.rfind(&module.path);
        start.is_some_and(|start| {
            let before = &classifier[..start];
            let after = &classifier[start + module.path.len()..];
            (before.is_empty() || before.ends_with('.')) && after.starts_with('.')
        })
    }

    pub(super) fn finish_head(&mut self) {
        let is_step = |step: &&Module<'a>| !matches!(step.kind, Kind::Inert | Kind::Flatten);
        let steps: Vec<Module<'a>> = self.head.iter().filter(is_step).cloned().collect();
        let kinds: Vec<Kind> = steps.iter().map(|step| step.kind).collect();
        let last = steps.last();
        match kinds.as_slice() {
            [] | [Kind::Linear] => {}
            [Kind::Linear, Kind::Activation(Activation::Sigmoid)] => {
                self.evidence.final_activation = Some(FinalActivation::Sigmoid);
            }
            [Kind::Linear, Kind::Softmax] if last.is_some_and(over_classes) => {
                self.evidence.final_activation = Some(FinalActivation::Softmax);
            }
            _ => {
                let named = |step: &Module<'a>| quoted(&step.class);
                let named: Vec<String> = steps.iter().take(8).map(named).collect();
                let more = if steps.len() > 8 { " and more" } else { "" };
                let what = format!(
                    "its head is {}{more}, expected one linear layer",
                    named.join(", ")
                );
                self.refuse(Part::Head, what);
            }
        }
        if self.lacks_pool && !self.has_pool_beside {
            self.refuse(
                Part::Body,
                "its pool is the identity, expected the mean over height and width".to_owned(),
            );
        }
    }
}

/// Whether a pool leaves one element.
pub(super) fn gives_one(pool: &Module) -> bool {
    pool.attribute("output_size").is_none() || pool.pair("output_size") == Some([1, 1])
}

/// Whether a softmax is over the classes.
fn over_classes(softmax: &Module) -> bool {
    let dimension = softmax.attribute("dim");
    let dimension = dimension.filter(|dimension| !softmax.pickle.is_none(*dimension));
    dimension.is_none_or(|dimension| matches!(softmax.pickle.integer(dimension), Some(1 | -1)))
}
