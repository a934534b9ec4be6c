//! What a pickle builds, as plain data: every object is a record of its class, its arguments and its state.
//!
//! Values lie in one list and refer to each other by place, as Python's do by reference: what is shared is kept once, and a
//! value may contain itself.

use std::collections::BTreeSet;

/// Bytes of the longest module or name that is looked at. Longer texts and bytes are payloads.
pub(super) const LONGEST_NAME: u64 = 255;

/// Place of a value in its pickle.
pub(in crate::weights) type Id = u32;

/// Bytes of the pickle, from one place up to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Bytes of an array, or a text that is longer than a name: they stay in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload {
    /// Where it begins in the skeleton, which lacks it if it is longer than a name.
    pub(super) at: u32,
    /// Its bytes.
    pub(super) length: u64,
    /// Whether it is a text, in UTF-8.
    pub(super) is_text: bool,
}

/// A value.
#[derive(Debug)]
pub(super) enum Node {
    /// Python's None.
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Span),
    /// A tuple, a list or a set.
    Sequence(Vec<Id>),
    Mapping(Vec<(Id, Id)>),
    /// A class or function, by its module and its name.
    Global(Span, Span),
    Object(Box<Object>),
    /// Bytes, or a long text.
    Payload(Payload),
    /// A storage of tensors, by the value that names it.
    Storage(Id),
    /// Integers of more than 64 bits, and other things that describe no network.
    Other,
}

/// The record of an object that Python would build.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// What is called to build it.
    pub(super) class: Id,
    /// The arguments of the call.
    pub(super) arguments: Option<Id>,
    /// What is set on it afterwards.
    pub(super) state: Option<Id>,
}

/// A whole pickle.
#[derive(Debug)]
pub(in crate::weights) struct Pickle {
    /// Its skeleton.
    pub(super) bytes: Vec<u8>,
    /// Where payloads lie that the skeleton lacks, each with the bytes of it and of all before.
    pub(super) elided: Vec<(u32, u64)>,
    pub(super) nodes: Vec<Node>,
    pub(super) root: Id,
}

/// The tables that every `torch.nn.Module` keeps (torch `nn/modules/module.py`).
pub(super) const TABLES: [&str; 3] = ["_parameters", "_buffers", "_modules"];

/// The last of them, the table of children.
pub(super) const CHILDREN: &str = TABLES[2];
/// Modules that one pickle may have; EfficientNet-L2 has 2,500.
const MOST_MODULES: usize = 20_000;
/// Attributes and children that one module may have.
const MOST_ENTRIES: usize = 1_000;

impl Pickle {
    /// What no network has, if the modules have it: then a walk through them might never end.
    pub(super) fn excess(&self) -> Option<String> {
        let mut modules = 0;
        // Several modules may share a table: each is looked at once.
        let mut seen = BTreeSet::new();
        for node in &self.nodes {
            let Node::Object(object) = node else {
                continue;
            };
            let Some(state) = object.state else {
                continue;
            };
            let attributes = self.mapping(state).map_or(0, <[_]>::len);
            if attributes > MOST_ENTRIES && seen.insert(state) {
                let is_module = self.entry(state, CHILDREN).is_some();
                if is_module {
                    return Some(format!("a module has {attributes} attributes"));
                }
            }
            let children = match attributes {
                0..=MOST_ENTRIES => self.entry(state, CHILDREN),
                _ => None,
            };
            let Some(children) = children else {
                continue;
            };
            modules += 1;
            if modules > MOST_MODULES {
                return Some(format!("it has more than {MOST_MODULES} modules"));
            }
            if !seen.insert(children) {
                continue;
            }
            let children = self.mapping(children).unwrap_or_default();
            if children.len() > MOST_ENTRIES {
                return Some(format!("a module has {} children", children.len()));
            }
            let is_long = |key: Id| matches!(self.node(key), Some(Node::Payload(_)));
            if children.iter().any(|(key, _)| is_long(*key)) {
                return Some(format!(
                    "a module's name has more than {LONGEST_NAME} bytes"
                ));
            }
        }
        None
    }

    /// What the pickle is of.
    pub(in crate::weights) fn root(&self) -> Id {
        self.root
    }

    pub(super) fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    pub(super) fn span(&self, span: Span) -> &str {
        let bytes = self.bytes.get(span.start as usize..span.end as usize);
        std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }

    /// Where something lies in the whole pickle that begins at a place of the skeleton.
    pub(super) fn position(&self, at: u32) -> u64 {
        let before = self.elided.partition_point(|(place, _)| *place < at);
        let elided = before.checked_sub(1).map_or(0, |last| self.elided[last].1);
        u64::from(at) + elided
    }

    /// The text that it is.
    pub(in crate::weights) fn text(&self, id: Id) -> Option<&str> {
        match self.node(id)? {
            Node::Text(span) => Some(self.span(*span)),
            _ => None,
        }
    }

    /// The number that it is, of either kind.
    pub(in crate::weights) fn number(&self, id: Id) -> Option<f64> {
        match self.node(id)? {
            Node::Int(value) => Some(*value as f64),
            Node::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer that it is.
    pub(in crate::weights) fn integer(&self, id: Id) -> Option<i64> {
        match self.node(id)? {
            Node::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The truth value that it is.
    pub(in crate::weights) fn truth(&self, id: Id) -> Option<bool> {
        match self.node(id)? {
            Node::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is None.
    pub(in crate::weights) fn is_none(&self, id: Id) -> bool {
        matches!(self.node(id), Some(Node::None))
    }

    /// The value that names the storage that it is.
    pub(super) fn storage(&self, id: Id) -> Option<Id> {
        match self.node(id)? {
            Node::Storage(name) => Some(*name),
            _ => None,
        }
    }

    /// The elements of a tuple, a list or a set.
    pub(in crate::weights) fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.node(id)? {
            Node::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a dictionary.
    pub(in crate::weights) fn mapping(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.node(id)? {
            Node::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// A dictionary's value of a key.
    pub(in crate::weights) fn entry(&self, mapping: Id, key: &str) -> Option<Id> {
        let entries = self.mapping(mapping)?;
        // Where a key is repeated, Python keeps the last.
        let mut entries = entries.iter().rev();
        let entry = entries.find(|(own, _)| self.text(*own) == Some(key));
        entry.map(|(_, value)| *value)
    }

    /// What a key is called in a tensor's name.
    pub(in crate::weights) fn key(&self, id: Id) -> Option<String> {
        let integer = || self.integer(id).map(|integer| integer.to_string());
        self.text(id).map(str::to_owned).or_else(integer)
    }

    /// The class or function that it is: `torch.nn.modules.conv.Conv2d`.
    pub(in crate::weights) fn named(&self, id: Id) -> Option<String> {
        match self.node(id)? {
            Node::Global(module, name) => {
                Some(format!("{}.{}", self.span(*module), self.span(*name)))
            }
            _ => None,
        }
    }

    /// The class of an object.
    pub(in crate::weights) fn class(&self, id: Id) -> Option<String> {
        match self.node(id)? {
            Node::Object(object) => self.named(object.class),
            _ => None,
        }
    }

    /// The arguments that an object is built from.
    pub(in crate::weights) fn arguments(&self, id: Id) -> Option<&[Id]> {
        match self.node(id)? {
            Node::Object(object) => self.sequence(object.arguments?),
            _ => None,
        }
    }

    /// What an object keeps, as a dictionary.
    pub(in crate::weights) fn state(&self, id: Id) -> Option<Id> {
        match self.node(id)? {
            Node::Object(object) => object.state.filter(|state| self.mapping(*state).is_some()),
            _ => None,
        }
    }

    /// An attribute of an object.
    pub(in crate::weights) fn attribute(&self, id: Id, name: &str) -> Option<Id> {
        self.entry(self.state(id)?, name)
    }

    /// Whether it is a `torch.nn.Module`, of whatever class.
    pub(in crate::weights) fn is_module(&self, id: Id) -> bool {
        let attributes = self.state(id).and_then(|state| self.mapping(state));
        attributes.is_some_and(|attributes| attributes.len() <= MOST_ENTRIES)
            && TABLES.into_iter().all(|table| {
                let table = self.attribute(id, table);
                table.is_some_and(|table| self.mapping(table).is_some())
            })
    }
}
