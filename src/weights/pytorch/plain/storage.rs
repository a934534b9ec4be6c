//! Storages of an archive: where each lies in the file.

use super::array::{Elements, View};
use crate::tensor::bytes::{Order, size};
use crate::weights::archive::{Archive, Stored, invalid};
use std::collections::BTreeMap;
use std::io;

/// The largest entry that names the order of bytes.
const LARGEST_ORDER: u64 = 64;

/// Bytes that elements lie in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub start: u64,
    pub length: u64,
    /// Whether they are a text of the characters that stand for them.
    pub is_text: bool,
}

/// Storages by their keys.
#[derive(Debug)]
pub(super) struct Storages {
    places: BTreeMap<String, Stored>,
    order: Order,
}

impl Storages {
    /// None at all.
    pub(super) fn none() -> Self {
        Self {
            places: BTreeMap::new(),
            order: Order::Little,
        }
    }

    /// Those of an archive in some of its folders, each under its name from `root` on.
    pub(super) fn of(archive: &mut Archive, root: &str, folders: [&str; 2]) -> io::Result<Self> {
        let mut storages = Self::none();
        let order = format!("{root}byteorder");
        if archive.has(&order) && archive.read(&order, LARGEST_ORDER)?.starts_with(b"big") {
            storages.order = Order::Big;
        }
        let names: Vec<String> = archive.names().collect();
        for folder in folders {
            let folder = format!("{root}{folder}");
            for name in names.iter().filter(|name| name.starts_with(&folder)) {
                let stored = archive.stored(name)?;
                storages
                    .places
                    .insert(name[root.len()..].to_owned(), stored);
            }
        }
        Ok(storages)
    }

    /// The order of a view's bytes.
    pub(super) fn order(&self, view: &View) -> Order {
        match view.elements {
            Elements::Payload { .. } => view.order,
            Elements::Storage(_) => self.order,
        }
    }

    /// Where a view's elements lie.
    ///
    /// # Errors
    /// If they are not all there.
    pub(super) fn region(&self, view: &View) -> Result<Region, String> {
        let key = match &view.elements {
            Elements::Payload {
                position,
                length,
                is_text,
            } => {
                return Ok(Region {
                    start: *position,
                    length: *length,
                    is_text: *is_text,
                });
            }
            Elements::Storage(key) => key,
        };
        let stored = self.places.get(key);
        let stored = stored.ok_or_else(|| format!("its storage `{key}` is missing"))?;
        let needed = view
            .reach()
            .and_then(|reach| reach.checked_mul(size(view.element) as u64));
        match needed {
            Some(needed) if needed <= stored.length => Ok(Region {
                start: stored.start,
                length: stored.length,
                is_text: false,
            }),
            _ => Err(format!(
                "it reaches beyond its storage `{key}`, which has {} bytes",
                stored.length
            )),
        }
    }
}

/// The folder that holds the pickle, with its slash; the outermost of several.
pub(super) fn root(archive: &Archive) -> io::Result<String> {
    let names = archive.names();
    let roots = names.filter_map(|name| name.strip_suffix("data.pkl").map(str::to_owned));
    let roots = roots.filter(|root| root.is_empty() || root.ends_with('/'));
    let root = roots.min_by_key(String::len);
    root.ok_or_else(|| invalid("it has no `data.pkl`".to_owned()))
}
