//! The head that a checkpoint has: told by a record, by the caller, or by the shape of its only layer.

use super::checkpoint::OpenCheckpoint;
use super::checkpoint_head::CheckpointHead;
use super::error::ConvertError;
use super::layers::{self, Assigned};
use super::replacement::Replacement;
use super::wishes::Wishes;
use crate::architecture::{HeadChain, HeadPool, HeadSketch, LayerSketch};
use crate::network::Output;
use crate::request::{Request, RequestError};
use crate::tensor::{SourceError, TensorSource};
use crate::weights::evidence::{Evidence, Part};
use crate::weights::head::{HeadModule, HeadModuleKind, modules};
use crate::weights::offer::Listed;

impl OpenCheckpoint {
    /// The modules after the network's body, in order; none where a tensor is of no layer.
    fn head_modules(&self) -> Result<Vec<HeadModule>, Listed> {
        let tensors = self.checkpoint.tensors().iter();
        let own = tensors.filter(|tensor| !self.naming.is_backbone(&tensor.name));
        let own = own.map(|tensor| (tensor.name.clone(), tensor.shape.clone()));
        modules(&own.collect::<Vec<_>>())
    }

    /// Tensors of trained exponents.
    pub(super) fn powers(&self) -> Vec<Listed> {
        let modules = self.head_modules().unwrap_or_default().into_iter();
        let powers = modules.filter(|module| module.kind == HeadModuleKind::Power);
        powers
            .flat_map(|module| module.tensors.into_values())
            .collect()
    }

    /// How many classes the checkpoint's own head tells apart, where its last layer is known.
    pub(super) fn classes(&self) -> Option<u64> {
        if let Some(recorded) = self.recorded_head() {
            return recorded.classes();
        }
        let modules = self.head_modules().unwrap_or_default();
        let is_layer = |module: &&HeadModule| module.kind != HeadModuleKind::Power;
        match modules.iter().filter(is_layer).count() {
            0 | 1 => self.checkpoint.classes(self.naming),
            _ => None,
        }
    }

    /// The record beside the tensors, if it tells all of the head.
    fn recorded_head(&self) -> Option<HeadChain> {
        let evidence = self.checkpoint.evidence()?;
        let is_known = !refuses_head(evidence) && !evidence.head.layers.is_empty();
        // A module that is saved beside the weights may be another than theirs.
        let is_theirs = evidence.covers_wrappers || self.checkpoint.model_config().is_some();
        (is_known && is_theirs).then(|| HeadChain {
            pool: evidence.head.pool.unwrap_or(HeadPool::Average),
            layers: evidence.head.layers.iter().map(|own| own.layer).collect(),
        })
    }

    /// What a layer is called that a record names, where the checkpoint's own classifier is on offer under another name.
    fn recorded_names(&self) -> Vec<String> {
        let layers = self.checkpoint.evidence();
        let layers = layers.map(|evidence| evidence.head.layers.as_slice());
        let classifier = self.naming.classifier_weight();
        let classifier = classifier.rsplit_once(['.', '/']);
        let own = |name: &str| match (self.checkpoint.head(), classifier) {
            (Some(taken), Some((classifier, _))) if taken == name => classifier.to_owned(),
            _ => name.to_owned(),
        };
        let layers = layers.unwrap_or_default().iter();
        layers.map(|layer| own(&layer.module)).collect()
    }

    /// The head, for a request whose body is settled; `told` is that of the checkpoint's own metadata.
    pub(super) fn head(
        &self,
        request: &Request,
        wishes: &Wishes,
        told: Option<&Request>,
    ) -> Result<CheckpointHead, ConvertError> {
        let modules = match self.head_modules() {
            Ok(modules) => modules,
            Err(tensor) if wishes.head.is_some() => return Err(ConvertError::NoLayer(tensor)),
            // The comparison with the network lists it.
            Err(_) => Vec::new(),
        };
        let (powers, layers): (Vec<_>, Vec<_>) = modules
            .iter()
            .cloned()
            .partition(|module| module.kind == HeadModuleKind::Power);
        let architecture = request.architecture().map_err(RequestError::from)?;
        let (filters, classifier) = (architecture.features(), architecture.head.classifier);
        let unknown = || ConvertError::UnknownHead {
            modules: modules.clone(),
            filters,
        };
        let recorded = self.recorded_head();
        let told = told.map(Request::head_chain);
        let pool = self
            .pool(wishes, told.as_ref(), &powers)?
            .ok_or_else(unknown)?;
        // By default outputs are of the last layer.
        let needs_layers = wishes.outputs.as_ref().is_none_or(|outputs| {
            let of_layers = |output: &Output| output.has_classes() || *output == Output::Embedding;
            outputs.iter().any(of_layers)
        });
        let is_known = wishes.head.is_some()
            || recorded.is_some()
            || told.is_some()
            || matches!(&layers[..], [only] if is_classifier(only, filters, pool));
        if self.classifier.is_some() || !needs_layers && (layers.is_empty() || !is_known) {
            let is_head = |features| layers::end_in_classes(&layers, features);
            let is_told = recorded.is_some() || told.is_some();
            if layers.len() > 1
                && !is_told
                && !is_head(filters)
                && !is_head(filters.saturating_mul(2))
            {
                return Err(unknown());
            }
            return self.without_layers(request, wishes, pool, filters, layers);
        }
        // What is recorded of the layers and cannot be had is no layer that a caller may tell.
        let refused = self.refused_layers().filter(|_| needs_layers);
        refused.map_or(Ok(()), Err)?;
        let sketch = match (&wishes.head, &recorded, &told) {
            (Some(asked), Some(own), _) | (Some(asked), None, Some(own)) => {
                let own = HeadSketch::from(own);
                agrees(asked, &own)?;
                own
            }
            (Some(asked), None, None) => asked.clone(),
            (None, Some(own), _) | (None, None, Some(own)) => HeadSketch::from(own),
            (None, None, None) => match &layers[..] {
                [] => HeadSketch::from(&HeadChain::usual(request.options.classes)),
                [only] if is_classifier(only, filters, pool) => HeadSketch {
                    pool,
                    layers: vec![LayerSketch::Linear {
                        features: None,
                        bias: None,
                    }],
                },
                _ => return Err(unknown()),
            },
        };
        let sketch = HeadSketch { pool, ..sketch };
        let is_single = matches!(&sketch.layers[..], [LayerSketch::Linear { .. }]);
        if layers.is_empty() && is_single {
            // A checkpoint without a classifier: the comparison with its tensors says so.
            let usual = HeadChain::usual(request.options.classes);
            return Ok(CheckpointHead::of(
                HeadChain { pool, ..usual },
                &[],
                classifier,
            ));
        }
        if let [only] = &layers[..]
            && is_single
            && is_linear(only)
            && wishes.head.is_none()
        {
            // The comparison with the network names another width.
            let assigned = [Assigned {
                layer: 0,
                module: only.clone(),
            }];
            let chain = layers::completed(&sketch, &assigned);
            return Ok(CheckpointHead::of(chain, &assigned, classifier));
        }
        let entering = HeadChain {
            pool,
            layers: Vec::new(),
        };
        let names = recorded.is_some().then(|| self.recorded_names());
        let assigned = layers::assign(
            &sketch,
            entering.pooled_features(filters),
            &layers,
            names.as_deref(),
            self.keeps_order(&layers),
        )
        .map_err(|misfit| ConvertError::HeadMisfit {
            head: sketch.to_string(),
            misfit: Box::new(misfit),
            modules: modules.clone(),
        })?;
        let chain = layers::completed(&sketch, &assigned);
        Ok(CheckpointHead::of(chain, &assigned, classifier))
    }

    /// The head where its layers are replaced, or no output needs them.
    fn without_layers(
        &self,
        request: &Request,
        wishes: &Wishes,
        pool: HeadPool,
        filters: u64,
        layers: Vec<HeadModule>,
    ) -> Result<CheckpointHead, ConvertError> {
        if let Some(asked) = &wishes.head
            && !matches!(&asked.layers[..], [] | [LayerSketch::Linear { .. }])
        {
            return Err(ConvertError::ReplacedHead(asked.to_string()));
        }
        let classes = self.classifier.as_ref().map(Replacement::classes);
        let chain = HeadChain {
            pool,
            ..HeadChain::usual(classes.unwrap_or(request.options.classes))
        };
        let is_own = matches!(&layers[..], [only] if is_classifier(only, filters, pool) && self.is_own(only));
        let tensors = layers.into_iter().filter(|_| !is_own);
        let left_out = tensors
            .flat_map(|module| module.tensors.into_values())
            .collect();
        Ok(CheckpointHead::unread(chain, left_out))
    }

    /// Whether a module has the name of the library's own classifier.
    fn is_own(&self, module: &HeadModule) -> bool {
        let classifier = self.naming.classifier_weight();
        let rest = classifier.strip_prefix(module.name.as_str());
        rest.is_some_and(|rest| rest.starts_with(['.', '/']))
    }

    /// Whether modules come in the order of their layers: the file keeps the order of its tensors, or they are numbered.
    fn keeps_order(&self, layers: &[HeadModule]) -> bool {
        let is_numbered = |module: &HeadModule| {
            let last = module.name.rsplit(['.', '/']).next();
            last.is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
        };
        // Safetensors files have their tensors in the order of the alphabet, and no network has.
        let names = self.checkpoint.tensors();
        !names.is_sorted_by(|one, other| one.name <= other.name) || layers.iter().all(is_numbered)
    }

    /// The pool: as it is recorded, as it is asked for, else the mean. None if a trained exponent is left over.
    fn pool(
        &self,
        wishes: &Wishes,
        told: Option<&HeadChain>,
        powers: &[HeadModule],
    ) -> Result<Option<HeadPool>, ConvertError> {
        let evidence = self.checkpoint.evidence();
        let recorded = evidence.and_then(|evidence| evidence.head.pool);
        // Whatever network is asked for: no flag leaves out what the configuration says of it.
        let published = self.published.as_ref().filter(|_| self.recipe.is_none());
        let published = published.and_then(|published| published.pool);
        let recorded = recorded.or(told.map(|told| told.pool)).or(published);
        let asked = wishes.head.as_ref().map(|head| head.pool);
        let pool = match (recorded, asked) {
            (Some(recorded), Some(asked)) if !layers::is_same_pool(asked, recorded) => {
                return Err(ConvertError::OtherHead {
                    asked: layers::pool_text(asked),
                    found: layers::pool_text(recorded),
                });
            }
            (recorded, asked) => recorded.or(asked).unwrap_or(HeadPool::Average),
        };
        match (powers, pool) {
            ([], pool) => Ok(Some(pool)),
            ([trained], HeadPool::GeneralizedMean { power, epsilon }) => {
                let tensors = trained.tensors.values();
                let names: Vec<&str> = tensors.map(|(name, _)| name.as_str()).collect();
                let name = names.first().copied().unwrap_or_default();
                let of_record = evidence.filter(|evidence| evidence.head.pool.is_some());
                if of_record.is_some_and(|own| own.head.power.as_deref() != Some(name)) {
                    return Ok(None);
                }
                let own = self.number(name)?;
                if recorded.is_none() && !layers::is_usual_power(power) && power != own {
                    return Err(ConvertError::OtherHead {
                        asked: layers::pool_text(pool),
                        found: layers::pool_text(HeadPool::GeneralizedMean {
                            power: own,
                            epsilon,
                        }),
                    });
                }
                Ok(Some(HeadPool::GeneralizedMean {
                    power: own,
                    epsilon,
                }))
            }
            _ => Ok(None),
        }
    }

    /// The only element of a tensor.
    fn number(&self, name: &str) -> Result<f64, SourceError> {
        let mut value = [0.0];
        self.checkpoint.open(name)?.fill(0, &mut value)?;
        Ok(f64::from(value[0]))
    }
}

/// Whether a record has a head that no network here has.
pub(super) fn refuses_head(evidence: &Evidence) -> bool {
    let mut unsupported = evidence.unsupported.iter();
    unsupported.any(|unsupported| unsupported.part == Part::Head)
}

fn is_linear(module: &HeadModule) -> bool {
    matches!(module.kind, HeadModuleKind::Linear { .. })
}

/// Whether a module can be the only layer: linear, and not of twice as many features as the pool leaves, which shows another
/// pool.
fn is_classifier(module: &HeadModule, filters: u64, pool: HeadPool) -> bool {
    let is_doubled = pool == HeadPool::Average && module.inputs() == filters.checked_mul(2);
    is_linear(module) && !is_doubled
}

/// Whether what is asked for is what is recorded; numbers that are the usual ones may be left open.
fn agrees(asked: &HeadSketch, recorded: &HeadSketch) -> Result<(), ConvertError> {
    if layers::is_same(asked, recorded) {
        return Ok(());
    }
    Err(ConvertError::OtherHead {
        asked: asked.to_string(),
        found: recorded.to_string(),
    })
}
