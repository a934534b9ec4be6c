//! Walks what a pickle builds, and gives each array or tensor the name of the way to it. The walk is bounded: values may contain
//! themselves, and be shared without end.

use super::super::value::{Id, Node, Pickle};
use super::array::{is_array, is_tensor};

/// Names, and where they lead.
pub(super) type Found = Vec<(String, Id)>;

/// Values that are looked at, those that are shared each time; EfficientNet-L2's state dict has 6,000.
const MOST_VALUES: usize = 2_000_000;
/// Bytes that all names may have.
const MOST_NAMES: usize = 16 << 20;
/// How deep values nest.
const DEEPEST: usize = 64;
/// What the names of a TorchScript module's constants begin with.
const CONSTANTS: &str = "constants";
/// What the name of a TorchScript module's class begins with.
const SCRIPT: &str = "__torch__.";

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Arrays of NumPy.
    Arrays,
    /// Tensors of a TorchScript module's attributes.
    Script,
    /// Tensors of a TorchScript module's constants.
    Constants,
}

/// Finds what is wanted.
///
/// # Errors
/// If the walk would exceed its bounds.
pub(super) fn find(pickle: &Pickle, wanted: Wanted) -> Result<Found, String> {
    let mut walk = Walk {
        pickle,
        wanted,
        values: 0,
        names: 0,
        found: Vec::new(),
    };
    let name = if wanted == Wanted::Constants {
        CONSTANTS
    } else {
        ""
    };
    walk.value(pickle.root(), name, 0)?;
    Ok(walk.found)
}

struct Walk<'a> {
    pickle: &'a Pickle,
    wanted: Wanted,
    values: usize,
    names: usize,
    found: Found,
}

impl Walk<'_> {
    fn value(&mut self, id: Id, name: &str, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("its values nest deeper than {DEEPEST}"));
        }
        let is_wanted = match self.wanted {
            Wanted::Arrays => is_array(self.pickle, id),
            Wanted::Script | Wanted::Constants => is_tensor(self.pickle, id),
        };
        if is_wanted {
            self.names += name.len();
            if self.names > MOST_NAMES {
                return Err(format!(
                    "the names of its tensors have more than {MOST_NAMES} bytes"
                ));
            }
            self.found.push((name.to_owned(), id));
            return Ok(());
        }
        let pickle = self.pickle;
        let is_script = || {
            pickle
                .class(id)
                .is_some_and(|class| class.starts_with(SCRIPT))
        };
        let attributes = match self.wanted {
            Wanted::Script if is_script() => pickle.state(id),
            _ => None,
        };
        let entries = pickle.mapping(attributes.unwrap_or(id)).unwrap_or_default();
        let items = pickle.sequence(id).unwrap_or_default();
        self.values += 1 + entries.len() + items.len();
        if self.values > MOST_VALUES {
            return Err(format!("it has more than {MOST_VALUES} values"));
        }
        let is_leaf = |id: Id| {
            !matches!(
                pickle.node(id),
                Some(Node::Mapping(_) | Node::Sequence(_) | Node::Object(_))
            )
        };
        for (key, value) in entries {
            if !is_leaf(*value)
                && let Some(key) = pickle.key(*key)
            {
                self.value(*value, &joined(name, &key), depth + 1)?;
            }
        }
        for (index, item) in items.iter().enumerate() {
            if !is_leaf(*item) {
                self.value(*item, &joined(name, &index.to_string()), depth + 1)?;
            }
        }
        Ok(())
    }
}

fn joined(name: &str, key: &str) -> String {
    match name {
        "" => key.to_owned(),
        name => format!("{name}.{key}"),
    }
}
