//! What the modules in a pickle say of their network: classes and attributes become [`Evidence`].
//!
//! Every module between the image and the logits has a class that is known, or is refused by its name. Hooks and methods of an
//! object's own change what a class computes: they are refused too.

mod beside;
mod body;
mod classes;
mod head;
mod hidden;
mod tree;
mod window;

use super::evidence::{Evidence, Part};
use super::names::Naming;
use super::pytorch::Pickle;
use std::collections::{BTreeMap, BTreeSet};
use tree::{Module, holders, quoted, way};

/// Where evidence of modules is recorded.
const PLACE: &str = "the pickled module";

/// Names of tensors in the file that are the network's stem and its classifier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Landmarks<'a> {
    pub(super) naming: Naming,
    pub(super) stem: Option<&'a str>,
    pub(super) classifier: Option<&'a str>,
}

/// What the modules of a pickle say of the network whose tensors have that naming; none if they hold no such network.
pub(super) fn evidence(pickle: &Pickle, landmarks: Landmarks) -> Option<Evidence> {
    let stem = module_of(landmarks.naming.stem_weight());
    let own = landmarks.stem.and_then(|name| {
        let path = name.strip_suffix(landmarks.naming.stem_weight())?;
        way(pickle, path.trim_end_matches('.'))
    });
    let is_network = |way: &Vec<Module>| way.last().is_some_and(|last| last.child(stem).is_some());
    if let Some(way) = own.filter(is_network) {
        let mut evidence = Reader::new(landmarks).read(&way);
        evidence.covers_wrappers = true;
        return Some(evidence);
    }
    // The tensors are a state dict's: a module that is saved beside it tells of the same network.
    let elsewhere = holders(pickle, stem);
    let mut read = elsewhere.iter().filter_map(|path| {
        let way = way(pickle, path)?;
        Some((path, Reader::new(landmarks).read(&way[way.len() - 1..])))
    });
    let (path, mut first) = read.next()?;
    for (other, evidence) in read {
        if evidence != first {
            first.refuse(
                Part::Body,
                format!(
                    "{} and {} are two networks, and the weights are of neither",
                    quoted(path),
                    quoted(other)
                ),
            );
            return Some(first);
        }
    }
    first.notes.push(format!(
        "the weights are a state dict; the pickled module {} beside it tells how they are used",
        quoted(path)
    ));
    Some(first)
}

/// The module of a tensor.
fn module_of(tensor: &str) -> &str {
    tensor.rsplit_once('.').map_or("", |(module, _)| module)
}

/// Modules of one network that are looked at; EfficientNet-L2 has 2,500.
const MOST_PARTS: usize = 20_000;
/// How deep they nest.
const DEEPEST: usize = 32;

/// Collects evidence module by module.
struct Reader<'a> {
    landmarks: Landmarks<'a>,
    evidence: Evidence,
    /// Batch norms, by the bits of their epsilon; the first of each.
    epsilons: BTreeMap<u64, String>,
    /// Every batch norm.
    norms: BTreeSet<String>,
    /// Kernels of convolutions.
    kernels: BTreeMap<String, [u64; 2]>,
    /// Whether pads were frozen for one image size, and the size.
    has_static_pads: bool,
    static_size: Option<[u64; 2]>,
    /// What comes after the feature maps, in order.
    head: Vec<Module<'a>>,
    /// Whether the network's own pool is missing: another must follow.
    lacks_pool: bool,
    parts: usize,
}

impl<'a> Reader<'a> {
    fn new(landmarks: Landmarks<'a>) -> Self {
        Self {
            landmarks,
            evidence: Evidence {
                place: PLACE.to_owned(),
                ..Evidence::default()
            },
            epsilons: BTreeMap::new(),
            norms: BTreeSet::new(),
            kernels: BTreeMap::new(),
            has_static_pads: false,
            static_size: None,
            head: Vec::new(),
            lacks_pool: false,
            parts: 0,
        }
    }

    /// Reads a network, last of the modules on the way to it.
    fn read(mut self, way: &[Module<'a>]) -> Evidence {
        let Some((network, wrappers)) = way.split_last() else {
            return self.evidence;
        };
        let bare = Module {
            path: String::new(),
            ..network.clone()
        };
        self.network(&bare);
        // The innermost comes first: what follows the network follows it in that order.
        for (index, wrapper) in wrappers.iter().enumerate().rev() {
            let inside = way[index + 1].id;
            self.wrapper(wrapper, inside);
        }
        self.finish()
    }

    fn finish(mut self) -> Evidence {
        self.finish_body();
        self.finish_head();
        self.evidence
    }

    fn refuse(&mut self, part: Part, what: String) {
        self.evidence.refuse(part, what);
    }

    fn refuse_module(&mut self, part: Part, module: &Module, expected: &str) {
        self.refuse(part, format!("{}, {expected}", module.is_a()));
    }

    /// Whether another module may be looked at.
    fn count(&mut self, depth: usize) -> bool {
        self.parts += 1;
        let is_fine = self.parts <= MOST_PARTS && depth <= DEEPEST;
        if !is_fine {
            self.refuse(
                Part::Body,
                format!(
                    "it has more than {MOST_PARTS} modules, or they nest deeper than {DEEPEST}"
                ),
            );
        }
        is_fine
    }

    /// Refuses what changes how a module computes without changing its class.
    fn inspect(&mut self, module: &Module<'a>) {
        self.hidden(module);
        for hooks in ["_forward_hooks", "_forward_pre_hooks"] {
            let table = module.attribute(hooks);
            let table = table.and_then(|table| module.pickle.mapping(table));
            let Some((_, hook)) = table.and_then(|table| table.first()) else {
                continue;
            };
            let pickle = module.pickle;
            let named = pickle.class(*hook).or_else(|| pickle.named(*hook));
            let named = named.map_or("a hook".to_owned(), |named| {
                format!("the hook {}", quoted(&named))
            });
            let what = format!(
                "{} runs {named} (`{hooks}`), expected none",
                named_part(module)
            );
            self.refuse(Part::Body, what);
        }
        for method in METHODS {
            if module.attribute(method).is_some() {
                let what = format!(
                    "{} has a `{method}` of its own, expected its class's",
                    named_part(module)
                );
                self.refuse(Part::Body, what);
            }
        }
        if module
            .class
            .rsplit('.')
            .next()
            .is_some_and(|name| name.starts_with("Parametrized"))
            || module.child("parametrizations").is_some()
        {
            let what = format!(
                "{} is parametrized, expected plain weights",
                named_part(module)
            );
            self.refuse(Part::Body, what);
        }
    }
}

/// What PyTorch and the libraries call to compute a module's result.
const METHODS: [&str; 7] = [
    "forward",
    "_forward_impl",
    "forward_features",
    "forward_head",
    "extract_features",
    "_call_impl",
    "_wrapped_call_impl",
];

fn named_part(module: &Module) -> String {
    match module.path.as_str() {
        "" => quoted(&module.class),
        path => quoted(path),
    }
}
