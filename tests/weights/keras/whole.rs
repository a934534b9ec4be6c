//! Whole Keras models: a configuration of `fixtures/keras_config`, perhaps changed, and weights that fit it.

use super::writer::{Message, Writer, contiguous, dataspace, longs, single};
use efficientnet_onnx::architecture::design::parse_blocks;
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::tensor::shape::Dim;
use efficientnet_onnx::weights::names::{NameMap, Naming};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The network of the fixtures but `keras_3_v2.json`, as `--blocks` takes it.
pub const BLOCKS: &str = "r1_k3_s11_e1_i32_o16_se0.25 r2_k5_s22_e6_i16_o24_se0.25";

/// A fixture.
pub fn fixture(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keras_config");
    let text = fs::read_to_string(folder.join(name)).expect("a fixture");
    serde_json::from_str(&text).expect("JSON")
}

/// The layer of that name, in whatever model.
pub fn layer<'a>(model: &'a mut Value, name: &str) -> &'a mut Value {
    fn find<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
        if value["config"]["name"] == name {
            return Some(value);
        }
        let layers = value["config"]["layers"].as_array_mut()?;
        layers.iter_mut().find_map(|layer| find(layer, name))
    }
    find(model, name).expect("a layer of that name")
}

/// Weights of the network as Keras names and lays them out, and of its `Normalization`.
fn shapes(classes: u64, dense: &str) -> BTreeMap<String, Vec<u64>> {
    let design = parse_blocks(BLOCKS).expect("blocks");
    let mut request = Request::new(Blueprint::Own(Box::new(design)));
    request.options.classes = classes;
    let parameters = request.parameters().expect("a network");
    let timm = parameters.iter().map(|parameter| parameter.name.as_str());
    let names = NameMap::new(Naming::Keras, timm).expect("Keras's names");
    let mut shapes =
        BTreeMap::from(["mean", "variance"].map(|name| (format!("normalization/{name}"), vec![3])));
    for parameter in &parameters {
        let name = names.source_name(&parameter.name).expect("a name");
        let shape: Vec<u64> = parameter.shape.iter().filter_map(Dim::fixed).collect();
        let shape = match shape[..] {
            [channels, _, height, width] if name.ends_with("depthwise_kernel") => {
                vec![height, width, channels, 1]
            }
            [out, channels, height, width] => vec![height, width, channels, out],
            [out, channels] => vec![channels, out],
            _ => shape,
        };
        shapes.insert(name.replace("predictions/", &format!("{dense}/")), shape);
    }
    shapes
}

/// A text attribute as `h5py` writes it, in a heap of its own.
fn attribute(file: &mut Writer, name: &str, text: &str) -> Message {
    let object = [
        &[1, 0, 1, 0, 0, 0, 0, 0][..],
        &longs(&[text.len() as u64]),
        text.as_bytes(),
    ]
    .concat();
    let size = 16 + object.len().next_multiple_of(8) as u64;
    let heap = [&b"GCOL\x01\0\0\0"[..], &longs(&[size]), &object, &[0; 7]].concat();
    let heap = file.bytes(&heap);
    let length = u32::try_from(text.len()).expect("a short text");
    let datatype = [
        &[0x19, 1, 0, 0][..],
        &16u32.to_le_bytes(),
        &[0x13, 0, 0, 0, 1, 0, 0, 0],
    ]
    .concat();
    let name = [name.as_bytes(), &[0]].concat();
    let [name_size, datatype_size] =
        [name.len(), datatype.len()].map(|size| u16::try_from(size).expect("short").to_le_bytes());
    let message = [
        &[3, 0][..],
        &name_size,
        &datatype_size,
        &4u16.to_le_bytes(),
        &[0],
        &name,
        &datatype,
        &[2, 0, 0, 0],
        &length.to_le_bytes(),
        &heap.to_le_bytes(),
        &1u32.to_le_bytes(),
    ]
    .concat();
    (0x0c, message)
}

/// An `.h5` file with weights for the network of [`BLOCKS`], each 0.01, whose classifier is called `dense`; with `config` it is
/// a whole model.
pub fn file(config: Option<&Value>, classes: u64, dense: &str) -> Vec<u8> {
    let shapes = shapes(classes, dense);
    let bytes = |shape: &[u64]| 4 * shape.iter().product::<u64>();
    let largest = shapes
        .values()
        .map(|shape| bytes(shape))
        .max()
        .expect("weights");
    let mut file = Writer::new();
    let values = 0.01f32
        .to_le_bytes()
        .repeat(usize::try_from(largest / 4).expect("small"));
    let values = file.bytes(&values);
    let mut layers: BTreeMap<&str, Vec<(&str, u64)>> = BTreeMap::new();
    for (name, shape) in &shapes {
        let dataset = file.object(&[dataspace(shape), single(), contiguous(values, bytes(shape))]);
        let (layer, weight) = name.split_once('/').expect("a layer's weight");
        layers.entry(layer).or_default().push((weight, dataset));
    }
    let groups: Vec<(&str, u64)> = layers
        .iter()
        .map(|(layer, weights)| (*layer, file.group(weights)))
        .collect();
    let Some(config) = config else {
        let root = file.group(&groups);
        return file.finish(root);
    };
    let weights = file.group(&groups);
    let config = attribute(&mut file, "model_config", &config.to_string());
    let link = super::writer::link(b"model_weights", weights);
    let root = file.object(&[link, config]);
    file.finish(root)
}
