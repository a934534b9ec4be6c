//! Pickles of modules: those in `tests/fixtures/modules`, changed, and modules written around them.

use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::graph::Padding;
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::init::{Rule, SeededWeights};
use efficientnet_onnx::weights::names::{NameMap, Naming};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Side of the image that the fixtures' logits are of.
pub const SIDE: usize = 64;
/// Classes of the fixtures.
pub const CLASSES: usize = 5;

/// A whole module as `torch.save` pickled it, and its storages.
#[derive(Clone)]
pub struct Saved {
    /// Without the opcode of the protocol and STOP: one value.
    pub value: Vec<u8>,
    storages: Vec<Vec<u8>>,
    pub logits: Vec<f32>,
}

fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/modules");
    folder.join(name)
}

/// What `make.py` drew: name in the library, bytes.
fn drawn(variant: &str, naming: Naming) -> BTreeMap<String, Vec<u8>> {
    let variant = Variant::by_name(variant).expect("a published variant");
    let mut request = Request::new(Blueprint::published(variant));
    request.options.classes = CLASSES as u64;
    request.options.padding = match naming {
        Naming::Timm => Padding::Same,
        Naming::Lukemelas => Padding::Static([99; 2]),
        _ => Padding::Symmetric,
    };
    request.options.batch_norm_epsilon = if naming == Naming::Timm { 1e-3 } else { 2e-3 };
    let parameters = request.parameters().expect("a published network");
    let timm = parameters.iter().map(|parameter| parameter.name.as_str());
    let names = NameMap::new(naming, timm).expect("names");
    let weights = SeededWeights::new(parameters, Rule::Probe, 3);
    let bytes = |name: &str, shape: &[u64]| {
        let elements = usize::try_from(shape.iter().product::<u64>()).expect("few");
        let mut values = vec![0.0; elements];
        let reader = weights.open(name).expect("a parameter");
        reader.fill(0, &mut values).expect("its values");
        values.into_iter().flat_map(f32::to_le_bytes).collect()
    };
    let tensors = weights.tensors().iter();
    tensors
        .map(|tensor| {
            let own = names.source_name(&tensor.name).expect("a name");
            (own.to_owned(), bytes(&tensor.name, &tensor.shape))
        })
        .collect()
}

impl Saved {
    /// The fixture of a library: its EfficientNet-B0.
    pub fn of(naming: Naming) -> Self {
        Self::named(&naming.to_string(), "b0", naming)
    }

    /// The fixture of that name, of a variant.
    pub fn named(name: &str, variant: &str, naming: Naming) -> Self {
        let record = fs::read(fixture("modules.json")).expect("a fixture");
        let record: Value = serde_json::from_slice(&record).expect("JSON");
        let record = &record[name];
        let deflated = fs::read(fixture(&format!("{name}.pkl.z"))).expect("a fixture");
        let mut pickle = Vec::new();
        let mut decoder = flate2::read::ZlibDecoder::new(&deflated[..]);
        decoder.read_to_end(&mut pickle).expect("a deflated pickle");
        let drawn = drawn(variant, naming);
        let storage = |name: &Value| {
            let name = name.as_str().expect("a name");
            // Counters of batches are 0.
            drawn.get(name).cloned().unwrap_or_else(|| vec![0; 8])
        };
        let storages = record["storages"].as_array().expect("names");
        let logits: Vec<f64> = serde_json::from_value(record["logits"].clone()).expect("numbers");
        let value = pickle.strip_prefix(b"\x80\x02").expect("protocol 2");
        Self {
            value: value.strip_suffix(b".").expect("STOP").to_vec(),
            storages: storages.iter().map(storage).collect(),
            #[expect(clippy::cast_possible_truncation, reason = "as the model gives them")]
            logits: logits.into_iter().map(|logit| logit as f32).collect(),
        }
    }

    /// The same with bytes of its pickle replaced: all, or the first.
    pub fn replaced(&self, from: &[u8], to: &[u8], all: bool) -> Self {
        let mut value = Vec::new();
        let mut rest = self.value.as_slice();
        let mut count = 0;
        while let Some(place) = rest.windows(from.len()).position(|window| window == from) {
            if count > 0 && !all {
                break;
            }
            value.extend_from_slice(&rest[..place]);
            value.extend_from_slice(to);
            rest = &rest[place + from.len()..];
            count += 1;
        }
        assert!(count > 0, "nothing to replace: {}", from.escape_ascii());
        value.extend_from_slice(rest);
        Self {
            value,
            ..self.clone()
        }
    }

    /// The same with objects of one class made another's.
    pub fn reclassed(&self, from: &str, to: &str) -> Self {
        self.replaced(&global(from), &global(to), true)
    }

    /// The same with other text in place of all texts that are `from`.
    pub fn retexted(&self, from: &str, to: &str) -> Self {
        self.replaced(&text(from), &text(to), true)
    }

    /// The same with its value made a part of another.
    pub fn within(&self, make: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        Self {
            value: make(&self.value),
            ..self.clone()
        }
    }

    /// Writes what `torch.save` writes.
    pub fn save(&self, path: &Path) {
        let pickle = [b"\x80\x02", self.value.as_slice(), b"."].concat();
        let mut zip = zip::ZipWriter::new(fs::File::create(path).expect("a file"));
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        let mut entry = |name: &str, contents: &[u8]| {
            zip.start_file(name, stored).expect("an entry");
            zip.write_all(contents).expect("an entry");
        };
        entry("archive/data.pkl", &pickle);
        for (index, storage) in self.storages.iter().enumerate() {
            entry(&format!("archive/data/{index}"), storage);
        }
        zip.finish().expect("an archive");
    }
}

/// A text.
pub fn text(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("a short text");
    [b"X", &length.to_le_bytes()[..], text.as_bytes()].concat()
}

/// A class or function, by its module and its name.
pub fn global(named: &str) -> Vec<u8> {
    let (module, name) = named.rsplit_once('.').expect("a module and a name");
    format!("c{module}\n{name}\n").into_bytes()
}

/// A dictionary.
pub fn mapping(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut pickle = b"}(".to_vec();
    for (key, value) in entries {
        pickle.extend(text(key));
        pickle.extend_from_slice(value);
    }
    pickle.push(b'u');
    pickle
}

/// A module of a class with children and further attributes.
pub fn module(class: &str, children: &[(&str, &[u8])], attributes: &[(&str, &[u8])]) -> Vec<u8> {
    let children = mapping(children);
    let tables: [(&str, &[u8]); 3] = [
        ("_parameters", b"}"),
        ("_buffers", b"}"),
        ("_modules", &children),
    ];
    let state = mapping(&[&tables[..], attributes].concat());
    [global(class), b")\x81".to_vec(), state, b"b".to_vec()].concat()
}

/// A tensor of a storage.
pub fn tensor(storage: usize, shape: &[u32]) -> Vec<u8> {
    let integer = |value: u32| [b"J", &value.to_le_bytes()[..]].concat();
    let tuple = |values: &[u32]| {
        let values: Vec<u8> = values.iter().flat_map(|value| integer(*value)).collect();
        [b"(", values.as_slice(), b"t"].concat()
    };
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    [
        global("torch._utils._rebuild_tensor_v2"),
        b"((".to_vec(),
        text("storage"),
        global("torch.FloatStorage"),
        text(&storage.to_string()),
        text("cpu"),
        integer(shape.iter().product()),
        b"tQK\x00".to_vec(),
        tuple(shape),
        tuple(&strides),
        b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
    ]
    .concat()
}

impl Saved {
    /// Its tensors as a state dict whose names begin so.
    pub fn state_dict(naming: Naming, prefix: &str) -> Vec<u8> {
        let record = fs::read(fixture("modules.json")).expect("a fixture");
        let record: Value = serde_json::from_slice(&record).expect("JSON");
        let storages = record[naming.to_string()]["storages"].clone();
        let storages: Vec<String> = serde_json::from_value(storages).expect("names");
        let b0 = Variant::by_name("b0").expect("a published variant");
        let mut request = Request::new(Blueprint::published(b0));
        request.options.classes = CLASSES as u64;
        let parameters = request.parameters().expect("a published network");
        let timm = parameters.iter().map(|parameter| parameter.name.as_str());
        let names = NameMap::new(naming, timm).expect("names");
        let mut pickle = b"}(".to_vec();
        for parameter in &parameters {
            let own = names.source_name(&parameter.name).expect("a name");
            let index = storages.iter().position(|storage| storage == own);
            let shape: Vec<u32> = parameter
                .shape
                .iter()
                .map(|extent| u32::try_from(extent.fixed().expect("a number")).expect("few"))
                .collect();
            pickle.extend(text(&format!("{prefix}{own}")));
            pickle.extend(tensor(index.expect("a storage"), &shape));
        }
        pickle.push(b'u');
        pickle
    }
}
