//! Where the tensors of a saved object lie: their storage, and the place and the order of their elements in it.
//!
//! The crate `pytorch-reader` decides which tensors a file has, and what they are called. A tensor that it has and that is found
//! here too, under one name and with its shape, is read where it lies, piece by piece. The crate reads the others.

use super::storages::{Storage, Storages, element_size};
use super::value::{Id, Node, Pickle, TABLES};
use crate::tensor::{Element, TensorInfo};
use crate::weights::layout;
use std::collections::BTreeMap;

/// Values that a walk looks at and bytes of their names, so that it ends soon however often values are shared. With its
/// optimiser, EfficientNet-L2 has a million.
const MOST_LOOKS: usize = 16_000_000;
/// Values within values.
const DEEPEST: usize = 200;
/// What a tensor is built with (torch `_utils.py`); the first four arguments of both are the same.
const REBUILT: [&str; 2] = [
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor",
];
/// What a parameter is built with; a tensor is its first argument.
const PARAMETER: &str = "torch._utils._rebuild_parameter";

/// Where one tensor's elements lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) storage: Storage,
    /// Where the first of its elements lies in the file.
    pub(super) start: u64,
    /// Whether it has all elements of its storage.
    pub(super) is_whole: bool,
    /// Shape and axes of what lies there, where the elements are in another order.
    pub(super) turned: Option<(Vec<u64>, Vec<usize>)>,
}

/// A tensor as a pickle describes it.
struct Described {
    key: String,
    element: Element,
    size: u64,
    offset: u64,
    shape: Vec<u64>,
    strides: Vec<u64>,
}

/// For each tensor, its place if it is known.
pub(super) fn find(
    pickle: &Pickle,
    storages: &Storages,
    length: u64,
    tensors: &[TensorInfo],
) -> Vec<Option<Place>> {
    let mut walk = Walk {
        pickle,
        left: MOST_LOOKS,
        found: BTreeMap::new(),
    };
    if walk.value(pickle.root(), "", 0).is_none() {
        return vec![None; tensors.len()];
    }
    let place = |tensor: &TensorInfo| {
        let described = walk.found.get(&tensor.name)?.as_ref()?;
        let is_same = described.shape == tensor.shape && described.element == tensor.element;
        let storage = storages.0.get(&described.key)?;
        let is_inside = storage.start.checked_add(storage.bytes)? <= length;
        (is_same && is_inside).then(|| described.within(*storage))?
    };
    tensors.iter().map(place).collect()
}

/// Counts and sizes of the elements of every storage that a pickle names, by its key; none where two disagree.
pub(super) fn storages(pickle: &Pickle) -> Option<BTreeMap<String, (u64, u64)>> {
    let mut storages = BTreeMap::new();
    for node in &pickle.nodes {
        if let Node::Storage(id) = node {
            let (key, class, count) = storage(pickle, *id)?;
            let elements = (count, element_size(&class)?);
            if storages.insert(key, elements).unwrap_or(elements) != elements {
                return None;
            }
        }
    }
    Some(storages)
}

/// Key, class and count of elements of a storage. None for a view of another one, as early legacy files have them.
fn storage(pickle: &Pickle, id: Id) -> Option<(String, String, u64)> {
    let [_, class, key, _, count, view @ ..] = pickle.sequence(id)? else {
        return None;
    };
    if !view.iter().all(|view| pickle.is_none(*view)) {
        return None;
    }
    let class = pickle.named(*class)?.strip_prefix("torch.")?.to_owned();
    let count = u64::try_from(pickle.integer(*count)?).ok()?;
    Some((pickle.key(*key)?, class, count))
}

struct Walk<'a> {
    pickle: &'a Pickle,
    left: usize,
    /// None for a name that several tensors have.
    found: BTreeMap<String, Option<Described>>,
}

impl Walk<'_> {
    /// Looks for tensors within a value; none if there is too much to look at.
    fn value(&mut self, id: Id, name: &str, depth: usize) -> Option<()> {
        self.left = self.left.checked_sub(1 + name.len())?;
        if depth > DEEPEST {
            return None;
        }
        let within = |key: &str| match name {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        };
        let pickle = self.pickle;
        if let Some(entries) = pickle.mapping(id) {
            for (key, value) in entries {
                if let Some(key) = pickle.key(*key) {
                    self.value(*value, &within(&key), depth + 1)?;
                }
            }
        } else if let Some(items) = pickle.sequence(id) {
            for (index, item) in items.iter().enumerate() {
                self.value(*item, &within(&index.to_string()), depth + 1)?;
            }
        } else if pickle.is_module(id) {
            for table in TABLES {
                let table = pickle.attribute(id, table)?;
                self.value(table, name, depth + 1)?;
            }
        } else if let Some(arguments) = pickle.arguments(id) {
            let class = pickle.class(id).unwrap_or_default();
            if REBUILT.contains(&class.as_str()) {
                let described = described(pickle, arguments);
                let found = self.found.entry(name.to_owned());
                found.and_modify(|found| *found = None).or_insert(described);
            } else if class == PARAMETER {
                self.value(*arguments.first()?, name, depth + 1)?;
            }
        }
        Some(())
    }
}

/// What the arguments of a tensor's rebuilding say.
fn described(pickle: &Pickle, arguments: &[Id]) -> Option<Described> {
    let [held, offset, shape, strides, ..] = arguments else {
        return None;
    };
    let (key, class, _) = storage(pickle, pickle.storage(*held)?)?;
    let numbers = |id: Id| {
        let numbers = pickle.sequence(id)?.iter();
        let numbers = numbers.map(|id| u64::try_from(pickle.integer(*id)?).ok());
        numbers.collect::<Option<Vec<u64>>>()
    };
    Some(Described {
        key,
        element: match class.as_str() {
            "FloatStorage" => Element::F32,
            "DoubleStorage" => Element::F64,
            "HalfStorage" => Element::F16,
            "BFloat16Storage" => Element::Bf16,
            _ => return None,
        },
        size: element_size(&class)?,
        offset: u64::try_from(pickle.integer(*offset)?).ok()?,
        shape: numbers(*shape)?,
        strides: numbers(*strides)?,
    })
}

impl Described {
    /// Its place in its storage; none where the elements are not side by side there, or in an order that is not read.
    fn within(&self, storage: Storage) -> Option<Place> {
        let elements = self
            .shape
            .iter()
            .try_fold(1u64, |product, extent| product.checked_mul(*extent))?;
        let bytes = elements.checked_mul(self.size)?;
        let before = self.offset.checked_mul(self.size)?;
        if elements == 0 || before.checked_add(bytes)? > storage.bytes {
            return None;
        }
        let (shape, axes) = stored(&self.shape, &self.strides)?;
        let is_in_order = axes.iter().copied().eq(0..axes.len());
        if !is_in_order && !layout::is_read(&axes) {
            return None;
        }
        Some(Place {
            storage,
            start: storage.start.checked_add(before)?,
            is_whole: bytes == storage.bytes,
            turned: (!is_in_order).then_some((shape, axes)),
        })
    }
}

/// The shape of what lies side by side in a storage, and for each dimension of the tensor the dimension there. Dimensions of one
/// element are left out: their strides mean nothing. None where elements overlap or others lie between them.
fn stored(shape: &[u64], strides: &[u64]) -> Option<(Vec<u64>, Vec<usize>)> {
    if shape.len() != strides.len() {
        return None;
    }
    let dimensions = shape.iter().zip(strides).filter(|(extent, _)| **extent > 1);
    let mut order: Vec<(usize, (&u64, &u64))> = dimensions.enumerate().collect();
    order.sort_by_key(|(_, (_, stride))| std::cmp::Reverse(**stride));
    let mut expected = 1u64;
    for (_, (extent, stride)) in order.iter().rev() {
        if **stride != expected {
            return None;
        }
        expected = expected.checked_mul(**extent)?;
    }
    let mut axes = vec![0; order.len()];
    for (place, (dimension, _)) in order.iter().enumerate() {
        axes[*dimension] = place;
    }
    Some((
        order.iter().map(|(_, (extent, _))| **extent).collect(),
        axes,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_tell_the_order_that_lies_in_the_file() {
        let some = |shape: &[u64], axes: &[usize]| Some((shape.to_vec(), axes.to_vec()));
        for (shape, strides, expected) in [
            (
                &[4u64, 3, 2][..],
                &[6u64, 2, 1][..],
                some(&[4, 3, 2], &[0, 1, 2]),
            ),
            // A kernel that TensorFlow wrote.
            (
                &[8, 4, 3, 2],
                &[1, 8, 64, 32],
                some(&[3, 2, 4, 8], &[3, 2, 0, 1]),
            ),
            // `channels_last`.
            (
                &[8, 4, 3, 2],
                &[24, 1, 8, 4],
                some(&[8, 3, 2, 4], &[0, 3, 1, 2]),
            ),
            // Of one element's dimensions, strides mean nothing.
            (&[8, 1, 3, 3], &[9, 1, 3, 1], some(&[8, 3, 3], &[0, 1, 2])),
            (&[8, 1, 1], &[1, 77, 0], some(&[8], &[0])),
            (&[], &[], some(&[], &[])),
            // Repeated, with gaps, overlapping.
            (&[4, 3], &[0, 1], None),
            (&[4, 3], &[6, 2], None),
            (&[4, 3], &[4, 1], None),
            (&[4, 3], &[2, 1], None),
            (&[3, 3], &[1, 1], None),
            (&[4, 3], &[3], None),
        ] {
            assert_eq!(stored(shape, strides), expected, "{shape:?} {strides:?}");
        }
    }
}
