//! Children, paths and attributes of the modules in a pickle, as a tree whose size is bounded.

use super::super::pytorch::{Id, Pickle};
use super::classes::{Kind, kind};
use crate::files::foreign::Foreign;
use std::collections::BTreeSet;

/// Characters of a file's text that are quoted.
const LONGEST_QUOTE: usize = 120;

/// A module that a pickle holds.
#[derive(Clone, Debug)]
pub(super) struct Module<'a> {
    pub(super) pickle: &'a Pickle,
    pub(super) id: Id,
    /// Its name from where the walk began.
    pub(super) path: String,
    /// Its class, with its module: `torch.nn.modules.conv.Conv2d`.
    pub(super) class: String,
    pub(super) kind: Kind,
}

impl<'a> Module<'a> {
    /// The module at a place of the pickle, if one is there.
    pub(super) fn new(pickle: &'a Pickle, id: Id, path: String) -> Option<Self> {
        if !pickle.is_module(id) {
            return None;
        }
        let class = pickle.class(id).unwrap_or_default();
        Some(Self {
            pickle,
            id,
            path,
            kind: kind(&class),
            class,
        })
    }

    /// The last part of its name.
    pub(super) fn slot(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }

    /// Its children, in order, those that are None left out; what a wrapper wraps has the wrapper's own name.
    pub(super) fn children(&self) -> Vec<Self> {
        let own = |(key, id): (Key, Id)| {
            let name = key.name(self.pickle)?;
            let path = match self.path.as_str() {
                path if self.kind == Kind::Wrapper => path.to_owned(),
                "" => name,
                path => format!("{path}.{name}"),
            };
            Self::new(self.pickle, id, path)
        };
        children(self.pickle, self.id).filter_map(own).collect()
    }

    /// The child of a name, through wrappers.
    pub(super) fn child(&self, path: &str) -> Option<Self> {
        let mut module = self.clone();
        for name in path.split('.') {
            while module.kind == Kind::Wrapper {
                module = module.children().into_iter().next()?;
            }
            module = module
                .children()
                .into_iter()
                .find(|child| child.slot() == name)?;
        }
        Some(module)
    }

    /// An attribute, if it has it.
    pub(super) fn attribute(&self, name: &str) -> Option<Id> {
        self.pickle.attribute(self.id, name)
    }

    /// A tensor of its own that is trained, if it has one of that name.
    pub(super) fn parameter(&self, name: &str) -> Option<Id> {
        let table = self.attribute("_parameters")?;
        let found = self.pickle.entry(table, name)?;
        (!self.pickle.is_none(found)).then_some(found)
    }

    /// An attribute that is true or false.
    pub(super) fn truth(&self, name: &str) -> Option<bool> {
        self.pickle.truth(self.attribute(name)?)
    }

    /// An attribute of one or two lengths: `2` and `(2, 2)` mean the same.
    pub(super) fn pair(&self, name: &str) -> Option<[u64; 2]> {
        lengths(self.pickle, self.attribute(name)?)
    }

    /// `` `bn1` is a `torch.nn.modules.normalization.GroupNorm` ``.
    pub(super) fn is_a(&self) -> String {
        format!("{} is a {}", quoted(&self.path), quoted(&self.class))
    }
}

/// One length for height and width, or both.
pub(super) fn lengths(pickle: &Pickle, id: Id) -> Option<[u64; 2]> {
    let length = |id: Id| u64::try_from(pickle.integer(id)?).ok();
    match pickle.sequence(id) {
        Some(&[one, other]) => Some([length(one)?, length(other)?]),
        Some(&[both]) => Some([length(both)?; 2]),
        Some(_) => None,
        None => Some([length(id)?; 2]),
    }
}

/// A file's text between backticks: short, and without what could command a terminal.
pub(super) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(LONGEST_QUOTE).collect();
    format!("`{}`", shown.shown())
}

/// What a child is called in a tensor's name.
#[derive(Clone, Copy)]
enum Key {
    /// By the value that is its key.
    Entry(Id),
    /// By its place in a list.
    Index(usize),
}

impl Key {
    fn name(self, pickle: &Pickle) -> Option<String> {
        match self {
            Self::Entry(id) => pickle.key(id),
            Self::Index(index) => Some(index.to_string()),
        }
    }

    /// What is left of a path that begins with it.
    fn after(self, pickle: &Pickle, path: &str) -> Option<usize> {
        let text = match self {
            Self::Entry(id) => pickle.text(id),
            Self::Index(_) => None,
        };
        let length = match text {
            Some(text) => path.starts_with(text).then_some(text.len()),
            None => {
                let name = self.name(pickle)?;
                path.starts_with(&name).then_some(name.len())
            }
        }?;
        let rest = &path[length..];
        (rest.is_empty() || rest.starts_with('.')).then_some(length)
    }
}

/// What a value holds that is named in a tensor's name: a module's children, a dictionary's values, a list's elements.
fn children(pickle: &Pickle, id: Id) -> impl Iterator<Item = (Key, Id)> {
    let table = if pickle.is_module(id) {
        pickle.attribute(id, "_modules")
    } else {
        Some(id)
    };
    let entries = table.and_then(|table| pickle.mapping(table));
    let items = table.and_then(|table| pickle.sequence(table));
    let entries = entries.unwrap_or_default().iter();
    let items = items.unwrap_or_default().iter().enumerate();
    entries
        .map(|(key, value)| (Key::Entry(*key), *value))
        .chain(items.map(|(index, item)| (Key::Index(index), *item)))
}

/// The modules that lie on the way to a path, the one at the path last; none if no module is there.
pub(super) fn way<'a>(pickle: &'a Pickle, path: &str) -> Option<Vec<Module<'a>>> {
    let mut modules = Vec::new();
    let (mut id, mut walked) = (pickle.root(), 0);
    loop {
        let here = path[..walked].trim_matches('.');
        let module = Module::new(pickle, id, here.to_owned());
        let is_module = module.is_some();
        modules.extend(module);
        if walked == path.len() {
            return is_module.then_some(modules);
        }
        let rest = path[walked..].strip_prefix('.').unwrap_or(path);
        let start = path.len() - rest.len();
        let mut children = children(pickle, id);
        let next = children.find_map(|(key, child)| Some((key.after(pickle, rest)?, child)));
        let (length, child) = next?;
        (id, walked) = (child, start + length);
    }
}

/// Networks in one file that are looked at.
const MOST_HOLDERS: usize = 8;

/// Paths of the modules that have a child of that path, each module once.
pub(super) fn holders(pickle: &Pickle, child: &str) -> Vec<String> {
    let mut seen = BTreeSet::from([pickle.root()]);
    // Each value with the place of what holds it, and its name there.
    let mut reached = vec![(pickle.root(), None::<(usize, Key)>)];
    let mut found = Vec::new();
    let mut next = 0;
    while let Some((id, _)) = reached.get(next).copied() {
        let module = Module::new(pickle, id, String::new());
        if module.is_some_and(|module| module.child(child).is_some()) && found.len() < MOST_HOLDERS
        {
            found.extend(path_of(pickle, &reached, next));
        }
        for (key, child) in children(pickle, id) {
            if seen.insert(child) {
                reached.push((child, Some((next, key))));
            }
        }
        next += 1;
    }
    found
}

/// How deep a network lies in its file at most.
const DEEPEST: usize = 64;

fn path_of(
    pickle: &Pickle,
    reached: &[(Id, Option<(usize, Key)>)],
    mut place: usize,
) -> Option<String> {
    let mut names = Vec::new();
    while let (_, Some((holder, key))) = reached.get(place).copied()? {
        names.push(key.name(pickle)?);
        place = holder;
        if names.len() > DEEPEST {
            return None;
        }
    }
    names.reverse();
    Some(names.join("."))
}
