//! Programs that `torch.export.save` wrote (`.pt2`): a zip archive of weights as plain bytes, a list that names them, and the graph.

mod graph;
mod program;

use super::array::{Elements, View};
use super::storage::Storages;
use super::{Opened, Plain};
use crate::memory::reserve;
use crate::tensor::bytes::Order;
use crate::tensor::{Element, SourceError, TensorInfo};
use crate::weights::archive::{Archive, invalid};
use crate::weights::evidence::Evidence;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The largest text that is read; EfficientNet-B7's graph has 3 MB.
const LARGEST_TEXT: u64 = 16 << 20;
/// Bytes that a byte of such a text takes at most once it is parsed.
const MOST_PARSED: u64 = 9;
/// Dimensions that a tensor may have.
const MOST_DIMENSIONS: usize = 64;
/// The folder of graphs, and what their names end with.
const MODELS: &str = "models/";
const JSON: &str = ".json";

/// What lists weights or constants.
#[derive(Deserialize)]
struct Listed {
    config: BTreeMap<String, Entry>,
}

/// A tensor of the list.
#[derive(Deserialize)]
struct Entry {
    path_name: String,
    #[serde(default)]
    use_pickle: bool,
    tensor_meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    dtype: u32,
    sizes: Vec<Number>,
    strides: Vec<Number>,
    storage_offset: Number,
}

#[derive(Deserialize)]
struct Number {
    as_int: Option<u64>,
}

impl Plain {
    /// Opens an exported program: its weights and constants, and what its graph tells.
    ///
    /// # Errors
    /// If it cannot be read, is larger than the limits, or does not list its weights as PyTorch 2.8 and later do.
    pub fn exported(path: &Path) -> Result<(Self, Evidence), SourceError> {
        let opened = Opened::new(path, "PyTorch (exported)")?;
        let mut archive = Archive::open(path).map_err(|error| opened.error(error))?;
        let (root, model) = model(&archive).map_err(|error| opened.error(error))?;
        let _reserved = reserve(
            LARGEST_TEXT * MOST_PARSED,
            "the graph of an exported program",
        )
        .map_err(SourceError::Memory)?;
        let places = Storages::of(&mut archive, &root, ["data/weights/", "data/constants/"]);
        let mut plain = opened.empty(places)?;
        for kind in ["weights", "constants"] {
            let name = format!("{root}data/{kind}/{model}_{kind}_config{JSON}");
            if kind == "constants" && !archive.has(&name) {
                continue;
            }
            let listed: Listed = parse(&mut archive, &name).map_err(|error| plain.error(error))?;
            for (name, entry) in listed.config {
                plain.list(&name, entry, kind)?;
            }
        }
        let program = parse(&mut archive, &format!("{root}{MODELS}{model}{JSON}"));
        let program = program.map_err(|error| plain.error(error))?;
        let evidence = graph::evidence(&program, &plain.tensors);
        Ok((plain, evidence))
    }

    /// Adds a tensor of a list.
    fn list(&mut self, name: &str, entry: Entry, kind: &str) -> Result<(), SourceError> {
        let wrong = |reason: &str| self.malformed(&format!("`{name}`: {reason}"));
        if entry.use_pickle {
            return Err(wrong(
                "it is a tensor of a class of its own, pickled; export the model with plain tensors",
            ));
        }
        let meta = entry
            .tensor_meta
            .ok_or_else(|| wrong("nothing describes it"))?;
        let lengths = |numbers: &[Number]| {
            let all: Option<Vec<u64>> = numbers.iter().map(|number| number.as_int).collect();
            all.filter(|all| all.len() <= MOST_DIMENSIONS)
        };
        let symbolic = || wrong("its shape is not one of numbers");
        let shape = lengths(&meta.sizes).ok_or_else(symbolic)?;
        let strides = lengths(&meta.strides).ok_or_else(symbolic)?;
        if shape.len() != strides.len() {
            return Err(wrong("its strides are not those of its shape"));
        }
        let element = element(meta.dtype).ok_or_else(|| {
            wrong(&format!(
                "elements of PyTorch's type {} are not read; export the model in float32",
                meta.dtype
            ))
        })?;
        let view = View {
            element,
            order: Order::Little,
            strides,
            offset: meta.storage_offset.as_int.ok_or_else(symbolic)?,
            elements: Elements::Storage(format!("data/{kind}/{}", entry.path_name)),
            shape,
        };
        let length = self.length()?;
        view.within(length)
            .map_err(|reason| self.malformed(&format!("`{name}`: {reason}")))?;
        self.tensors.push(TensorInfo {
            name: name.to_owned(),
            shape: view.shape.clone(),
            element,
        });
        match self.views.insert(name.to_owned(), view) {
            None => Ok(()),
            Some(_) => Err(self.malformed(&format!("`{name}` is there twice"))),
        }
    }
}

/// The folder of everything, with its slash, and the name of the only program.
fn model(archive: &Archive) -> io::Result<(String, String)> {
    let names = archive.names();
    let models = names.filter_map(|name| {
        let (root, model) = name.strip_suffix(JSON)?.rsplit_once(MODELS)?;
        (!model.contains('/')).then(|| (root.to_owned(), model.to_owned()))
    });
    let mut models: Vec<(String, String)> = models.take(2).collect();
    match (models.pop(), models.pop()) {
        (Some(only), None) => Ok(only),
        _ => Err(invalid(
            "it has several programs, expected one: export the network by itself".to_owned(),
        )),
    }
}

fn parse<T: DeserializeOwned>(archive: &mut Archive, name: &str) -> io::Result<T> {
    let text = archive.read(name, LARGEST_TEXT)?;
    serde_json::from_slice(&text).map_err(|error| invalid(format!("its `{name}`: {error}")))
}

/// The element type of a number (torch `_export/serde/schema.py`, `ScalarType`).
fn element(number: u32) -> Option<Element> {
    Some(match number {
        1 => Element::U8,
        2 => Element::I8,
        3 => Element::I16,
        4 => Element::I32,
        5 => Element::I64,
        6 => Element::F16,
        7 => Element::F32,
        8 => Element::F64,
        12 => Element::Bool,
        13 => Element::Bf16,
        _ => return None,
    })
}
