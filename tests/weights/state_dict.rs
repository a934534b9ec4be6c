//! State dicts that tests rename, change and save.
#![allow(dead_code, reason = "each area uses a part of it")]

use crate::command_line::done;
use efficientnet_onnx::tensor::TensorSource;
use serde_json::{Map, Value, json};
use std::path::Path;

/// As small as a network gets, with five classes.
pub const NETWORK: [&str; 10] = [
    "--width",
    "0.25",
    "--depth",
    "0.25",
    "--size",
    "32",
    "--init",
    "probe",
    "--seed=7",
    "--classes=5",
];

/// Name, shape and little-endian f32 of tensors; f16 where a test puts two bytes for each element.
#[derive(Clone)]
pub struct StateDict(pub Vec<(String, Vec<u64>, Vec<u8>)>);

impl StateDict {
    /// A network of timm's names, with its batch norms kept.
    pub fn drawn(folder: &Path) -> Self {
        let export = ["weights", "export", "-o", "drawn", "--force"];
        done(folder, &[&export[..], &NETWORK].concat());
        let bytes = std::fs::read(folder.join("drawn")).expect("a file");
        let header = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
        let end = 8 + usize::try_from(header).expect("a header");
        let header: Map<String, Value> = serde_json::from_slice(&bytes[8..end]).expect("JSON");
        let tensor = |(name, entry): (String, Value)| {
            let range: Vec<usize> =
                serde_json::from_value(entry.get("data_offsets")?.clone()).ok()?;
            let shape = serde_json::from_value(entry["shape"].clone()).ok()?;
            Some((name, shape, bytes[end + range[0]..end + range[1]].to_vec()))
        };
        Self(header.into_iter().filter_map(tensor).collect())
    }

    /// All tensors of a checkpoint.
    pub fn of(source: &dyn TensorSource) -> Self {
        let mut state = Self(Vec::new());
        for tensor in source.tensors() {
            let elements = tensor.shape.iter().product::<u64>();
            let mut values = vec![0.0; usize::try_from(elements).expect("a size")];
            let reader = source.open(&tensor.name).expect("a reader");
            reader.fill(0, &mut values).expect("its numbers");
            state.put(&tensor.name, &tensor.shape, &values);
        }
        state
    }

    pub fn under(&self, prefix: &str) -> Self {
        self.renamed(|name| format!("{prefix}{name}"))
    }

    /// The same tensors under other names.
    pub fn renamed(&self, rename: impl Fn(&str) -> String) -> Self {
        let tensors = self.0.iter().cloned();
        Self(
            tensors
                .map(|(name, shape, data)| (rename(&name), shape, data))
                .collect(),
        )
    }

    /// Takes a tensor out: its shape and its numbers.
    pub fn take(&mut self, name: &str) -> (Vec<u64>, Vec<f32>) {
        let place = self.0.iter().position(|(own, ..)| own == name);
        let (_, shape, data) = self.0.remove(place.expect("a tensor"));
        let (values, _) = data.as_chunks::<4>();
        let values = values.iter().map(|value| f32::from_le_bytes(*value));
        (shape, values.collect())
    }

    /// One more tensor.
    pub fn put(&mut self, name: &str, shape: &[u64], values: &[f32]) {
        let data = values.iter().copied().flat_map(f32::to_le_bytes);
        let tensor = (name.to_owned(), shape.to_vec(), data.collect());
        self.0.push(tensor);
    }

    pub fn without(&self, start: &str) -> Self {
        let kept = self.0.iter().filter(|(name, ..)| !name.starts_with(start));
        Self(kept.cloned().collect())
    }

    /// The same tensors, all numbers halved.
    pub fn halved(&self) -> Self {
        let halve = |bytes: &[u8]| -> Vec<u8> {
            let (values, _) = bytes.as_chunks::<4>();
            let halves = values.iter().map(|value| f32::from_le_bytes(*value) / 2.0);
            halves.flat_map(f32::to_le_bytes).collect()
        };
        let tensors = self.0.iter();
        Self(
            tensors
                .map(|(name, shape, data)| (name.clone(), shape.clone(), halve(data)))
                .collect(),
        )
    }

    pub fn with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// One more tensor, all its elements `value`.
    pub fn and(mut self, name: &str, shape: &[u64], value: f32) -> Self {
        let elements = usize::try_from(shape.iter().product::<u64>()).expect("few");
        let data = value.to_le_bytes().repeat(elements);
        self.0.push((name.to_owned(), shape.to_vec(), data));
        self
    }

    pub fn set(&mut self, name: &str, index: usize, value: f32) {
        let tensor = self.0.iter_mut().find(|(own, ..)| own == name);
        let (_, _, data) = tensor.expect("a tensor");
        data[4 * index..4 * index + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub fn save(&self, path: &Path) {
        let mut header = Map::new();
        let mut data = Vec::new();
        for (name, shape, bytes) in &self.0 {
            let start = data.len();
            data.extend_from_slice(bytes);
            let dtype = match bytes.len() as u64 / shape.iter().product::<u64>().max(1) {
                2 => "F16",
                _ => "F32",
            };
            let entry =
                json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, data.len()] });
            header.insert(name.clone(), entry);
        }
        let header = Value::Object(header).to_string();
        let length = (header.len() as u64).to_le_bytes();
        let file = [&length[..], header.as_bytes(), &data].concat();
        std::fs::write(path, file).expect("a file");
    }
}
