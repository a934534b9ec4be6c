//! From the last feature maps to what the model returns: a pool, layers, and what is applied to the logits.

use super::classes::Kind;
use super::tree::{Module, quoted};
use super::{DEEPEST, Part, Reader};
use crate::architecture::{HeadLayer, HeadPool};
use crate::graph::Activation;
use crate::weights::evidence::{FinalActivation, RecordedHead, RecordedLayer};

impl<'a> Reader<'a> {
    /// A module in the place of the network's own pool.
    pub(super) fn pool(&mut self, pool: &Module<'a>) {
        let mut steps = self.row(pool, 0);
        steps.retain(|step| !matches!(step.kind, Kind::Inert | Kind::Flatten));
        let (pools, others): (Vec<_>, Vec<_>) = steps.into_iter().partition(is_pool);
        // timm's that leaves pooling out is none.
        let unknown = others.iter().filter(|step| step.kind != Kind::ChosenPool);
        for step in unknown {
            self.refuse_module(Part::Body, step, "expected a pool over height and width");
        }
        self.lacks_pool = pools.is_empty();
        self.head.extend(pools);
    }

    /// A module in the place of a mean that is not the head's.
    pub(super) fn mean(&mut self, pool: &Module<'a>) {
        for step in self.row(pool, 0) {
            if step.kind != Kind::Pool(HeadPool::Average) || !gives_one(&step) {
                self.refuse_module(Part::Body, &step, "expected the mean over height and width");
            }
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
        // Several dropouts before one layer, whose results are averaged: in inference all are that layer's.
        let is_inert = |child: &Module| child.kind == Kind::Inert;
        if module.kind == Kind::List && module.children().iter().all(is_inert) {
            return Vec::new();
        }
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

    /// Whether a layer was found, or what is applied to logits.
    pub(super) fn has_layers(&self) -> bool {
        let mut steps = self.head.iter();
        steps.any(|step| !matches!(step.kind, Kind::Inert | Kind::Flatten) && !is_pool(step))
    }

    pub(super) fn finish_head(&mut self) {
        let mut steps = std::mem::take(&mut self.head);
        steps.retain(|step| !matches!(step.kind, Kind::Inert | Kind::Flatten));
        let mut head = RecordedHead::default();
        self.applied(&mut steps);
        self.unapplied(&steps);
        for step in &steps {
            if is_pool(step) {
                self.pooled(step, &mut head);
            } else if let Some(layer) = self.layer(step) {
                head.layers.push(RecordedLayer {
                    layer,
                    module: step.path.clone(),
                });
            }
        }
        let mut unsupported = self.evidence.unsupported.iter();
        let has_unknown = unsupported.any(|unsupported| unsupported.part == Part::Body);
        if self.lacks_pool && head.pool.is_none() && !has_unknown {
            self.refuse(
                Part::Body,
                "its pool is the identity, expected one over height and width".to_owned(),
            );
        }
        self.evidence.head = head;
    }

    /// Takes what is applied to the logits off the end of the steps.
    fn applied(&mut self, steps: &mut Vec<Module<'a>>) {
        let is_head = |step: &Module| !is_pool(step);
        let [before @ .., last] = steps.as_slice() else {
            return;
        };
        if !before.iter().any(is_head) {
            return;
        }
        let found = match last.kind {
            Kind::Activation(Activation::Sigmoid) => FinalActivation::Sigmoid,
            Kind::Softmax if over_classes(last) => FinalActivation::Softmax,
            Kind::LogSoftmax if over_classes(last) => {
                self.evidence.notes.push(format!(
                    "{}: its results are the logarithms of `probabilities`",
                    last.is_a()
                ));
                FinalActivation::Softmax
            }
            _ => return,
        };
        self.evidence.final_activation = Some(found);
        steps.pop();
    }

    /// Refuses a function of the logits that is not of probabilities.
    fn unapplied(&mut self, steps: &[Module<'a>]) {
        if let [.., before, last] = steps
            && before.kind == Kind::Linear
            && last.class.starts_with("torch.nn.modules.activation.")
        {
            let expected = "expected a softmax, a sigmoid or nothing after the last linear layer";
            self.refuse_module(Part::Head, last, expected);
        }
    }

    /// A pool after the feature maps, or one of the single elements that another has left.
    fn pooled(&mut self, step: &Module<'a>, head: &mut RecordedHead) {
        let Some(pool) = self.pool_of(step, head) else {
            return;
        };
        let is_again = head.pool == Some(pool) && matches!(pool, HeadPool::Average | HeadPool::Max);
        if !head.layers.is_empty() || head.pool.is_some() && !is_again {
            self.refuse_module(Part::Body, step, "expected one pool, before all layers");
        }
        head.pool = head.pool.or(Some(pool));
    }

    /// What a pool computes; refused, if that is not known.
    fn pool_of(&mut self, step: &Module<'a>, head: &mut RecordedHead) -> Option<HeadPool> {
        match step.kind {
            Kind::PowerPool => self.generalized(step, head),
            Kind::ChosenPool => self.chosen(step),
            Kind::Pool(pool) if gives_one(step) => Some(pool),
            _ => {
                let what = format!(
                    "{} has another `output_size` than 1, expected that",
                    step.is_a()
                );
                self.refuse(Part::Body, what);
                None
            }
        }
    }

    /// timm's pool of many kinds: what it is called, and the module that it calls.
    fn chosen(&mut self, step: &Module<'a>) -> Option<HeadPool> {
        let chosen = step.attribute("pool_type");
        let chosen = chosen.and_then(|chosen| step.pickle.text(chosen));
        let named = match chosen.map(|chosen| chosen.trim_start_matches("fast")) {
            None => None,
            Some("" | "avg") => Some(HeadPool::Average),
            Some("max") => Some(HeadPool::Max),
            Some("avgmax") => Some(HeadPool::HalfAverageHalfMax),
            Some("catavgmax") => Some(HeadPool::AverageThenMax),
            Some(other) => {
                let what = format!(
                    "{} has the pool type {}, which is not known",
                    quoted(&step.path),
                    quoted(other)
                );
                self.refuse(Part::Body, what);
                return None;
            }
        };
        let called = match step.child("pool") {
            None => named,
            Some(called) => {
                self.inspect(&called);
                match called.kind {
                    Kind::Pool(pool) if gives_one(&called) => Some(pool),
                    _ => None,
                }
            }
        };
        if called.is_none() || named.is_some_and(|named| Some(named) != called) {
            let what = format!(
                "{} has the pool type {}, expected it to be what it calls",
                quoted(&step.path),
                quoted(chosen.unwrap_or_default())
            );
            self.refuse(Part::Body, what);
            return None;
        }
        called
    }

    /// A generalised mean: its exponent is a number or a tensor. Its class is known by what it is called and what it keeps.
    fn generalized(&mut self, step: &Module<'a>, head: &mut RecordedHead) -> Option<HeadPool> {
        /// As every implementation here has it by default.
        const EPSILON: f64 = 1e-6;
        let number = |name: &str| step.pickle.number(step.attribute(name)?);
        let is_trained = step.parameter("p").is_some();
        let epsilon = ["eps", "epsilon"].into_iter().find_map(number);
        let (Some(power), epsilon) = (
            number("p").or_else(|| is_trained.then_some(1.0)),
            epsilon.unwrap_or(EPSILON),
        ) else {
            self.refuse_module(
                Part::Body,
                step,
                "with an exponent `p`, which was not found",
            );
            return None;
        };
        if let Some(size) = step.attribute("output_size")
            && step.pickle.integer(size) != Some(1)
            && step.pair("output_size") != Some([1, 1])
        {
            self.refuse_module(Part::Body, step, "with an `output_size` of 1");
            return None;
        }
        self.evidence.notes.push(format!(
            "{}, taken for the generalised mean `mean(max(x, {epsilon:e})^p)^(1/p)`",
            step.is_a()
        ));
        head.power = is_trained.then(|| format!("{}.p", step.path));
        Some(HeadPool::GeneralizedMean { power, epsilon })
    }

    /// What a layer computes; refused, if no head here has it.
    fn layer(&mut self, step: &Module<'a>) -> Option<HeadLayer> {
        let found = match step.kind {
            Kind::Linear => linear(step),
            Kind::VectorNorm => norm(step).map(|epsilon| HeadLayer::BatchNorm { epsilon }),
            // What `convert_sync_batchnorm` makes of norms of vectors too.
            Kind::Norm if step.class.ends_with(".SyncBatchNorm") => {
                norm(step).map(|epsilon| HeadLayer::BatchNorm { epsilon })
            }
            Kind::LayerNorm => layer_norm(step).map(|epsilon| HeadLayer::LayerNorm { epsilon }),
            Kind::Activation(activation) => Ok(HeadLayer::Activation(activation)),
            _ => activation(step).map(HeadLayer::Activation),
        };
        match found {
            Ok(layer) => Some(layer),
            Err(expected) => {
                self.refuse_module(Part::Head, step, expected);
                None
            }
        }
    }
}

/// PyTorch's activations that bodies here do not have.
fn activation(step: &Module) -> Result<Activation, &'static str> {
    let name = step.class.strip_prefix("torch.nn.modules.activation.");
    let number = |name: &str| step.pickle.number(step.attribute(name)?);
    match name {
        Some("Tanh") => Ok(Activation::Tanh),
        Some("Hardswish") => Ok(Activation::HardSwish),
        Some("GELU") => {
            let kind = step.attribute("approximate");
            match kind.and_then(|kind| step.pickle.text(kind)) {
                None | Some("none") => Ok(Activation::Gelu),
                Some(_) => Err("expected it not to be approximated"),
            }
        }
        Some("ELU") if number("alpha").is_none_or(|alpha| alpha == 1.0) => Ok(Activation::Elu),
        Some("ELU") => Err("expected an `alpha` of 1"),
        Some("LeakyReLU") => {
            let slope = number("negative_slope").filter(|slope| (0.0..=1.0).contains(slope));
            let slope = slope.ok_or("expected a `negative_slope` from 0 to 1")?;
            Ok(Activation::LeakyRelu { slope })
        }
        _ => Err("which no head here has"),
    }
}

fn linear(step: &Module) -> Result<HeadLayer, &'static str> {
    let features = step.attribute("out_features");
    let features = features.and_then(|features| step.pickle.integer(features));
    let features = features.and_then(|features| u64::try_from(features).ok());
    Ok(HeadLayer::Linear {
        features: features.ok_or("with its `out_features`, which were not found")?,
        bias: step.parameter("bias").is_some(),
    })
}

/// Epsilon of a batch norm.
fn norm(step: &Module) -> Result<f64, &'static str> {
    if step.truth("track_running_stats") == Some(false) {
        return Err("with the statistics of each batch, expected running ones");
    }
    affine(step, "affine")
}

/// Epsilon of a layer norm.
fn layer_norm(step: &Module) -> Result<f64, &'static str> {
    let shape = step.attribute("normalized_shape");
    let shape = shape.and_then(|shape| step.pickle.sequence(shape));
    if shape.is_some_and(|shape| shape.len() != 1) {
        return Err("expected it to be over the features alone");
    }
    affine(step, "elementwise_affine")
}

/// Epsilon of a norm that has scale and offset.
fn affine(step: &Module, flag: &str) -> Result<f64, &'static str> {
    if step.truth(flag) == Some(false) || step.parameter("bias").is_none() {
        return Err("without scale or offset, expected both");
    }
    let epsilon = step.attribute("eps");
    let epsilon = epsilon.and_then(|epsilon| step.pickle.number(epsilon));
    epsilon.ok_or("with its `eps`, which was not found")
}

/// Whether it pools over height and width.
pub(super) fn is_pool(step: &Module) -> bool {
    match step.kind {
        Kind::Pool(_) | Kind::PowerPool => true,
        // timm's leaves pooling out where it is called nothing.
        Kind::ChosenPool => {
            let own = step.child("pool");
            own.is_none_or(|own| own.kind != Kind::Inert)
        }
        _ => false,
    }
}

/// Whether a pool leaves one element.
fn gives_one(pool: &Module) -> bool {
    // fastai's keeps it as `size`.
    let given = ["output_size", "size"].into_iter();
    let mut given = given.filter(|name| pool.attribute(name).is_some());
    given.all(|name| pool.pair(name) == Some([1, 1]))
}

/// Whether a softmax is over the classes.
fn over_classes(softmax: &Module) -> bool {
    let dimension = softmax.attribute("dim");
    let dimension = dimension.filter(|dimension| !softmax.pickle.is_none(*dimension));
    dimension.is_none_or(|dimension| matches!(softmax.pickle.integer(dimension), Some(1 | -1)))
}
