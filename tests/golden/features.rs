//! Feature maps of every level against timm's `features_only` (`golden/features.py`), and as a detector uses them.

use super::planted::{self, ProbeWeights};
use super::reference::{difference, noise};
use super::{NOISE, REFERENCE, TOLERANCE, runtimes};
use efficientnet_onnx::network::{FeatureLevel, Output};
use efficientnet_onnx::request::{Extent, Request};
use efficientnet_onnx::runtime::{RuntimeName, Session};
use efficientnet_onnx::tensor::NamedTensor;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::path::Path;

/// What timm computed for one network.
struct Golden {
    weights_sha256: String,
    /// Every so many elements of the maps are kept.
    step: usize,
    /// Of `SIZE.features_N`.
    shapes: BTreeMap<String, Vec<usize>>,
    elements: BTreeMap<String, Vec<f64>>,
}

impl Golden {
    fn read(variant: &str) -> Self {
        let path = format!("golden/features/{variant}.safetensors");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("a safetensors file");
        let metadata = header.metadata().clone().expect("metadata");
        assert_eq!(metadata["variant"], variant);
        let tensors = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let elements = tensors.iter().map(|(name, tensor)| {
            assert_eq!(tensor.dtype(), Dtype::F32);
            let singles = tensor.data().as_chunks().0.iter();
            let doubles = singles.map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
            (name.to_owned(), doubles.collect())
        });
        Self {
            weights_sha256: metadata["weights_sha256"].clone(),
            step: metadata["step"].parse().expect("a number"),
            shapes: serde_json::from_str(&metadata["shapes"]).expect("shapes"),
            elements: elements.collect(),
        }
    }
}

fn asking(request: Request) -> Request {
    Request {
        outputs: FeatureLevel::ALL.map(Output::Features).to_vec(),
        ..request
    }
}

fn maps(session: &mut dyn Session, [height, width]: [u64; 2]) -> Vec<NamedTensor> {
    let pixels = [height, width].map(|extent| usize::try_from(extent).expect("a small number"));
    let mut values = noise(height.max(width), 0);
    values.truncate(3 * pixels[0] * pixels[1]);
    let image = NamedTensor::single("input", vec![1, 3, pixels[0], pixels[1]], &values);
    session.run(&[image]).expect("maps")
}

/// Runs all levels at an even and at an odd size.
#[expect(clippy::print_stdout, reason = "what was achieved, for `--nocapture`")]
fn meets_timm(variant: &str) {
    let golden = Golden::read(variant);
    let weights = ProbeWeights::draw(&planted::request(variant, 224));
    assert_eq!(weights.sha256(), golden.weights_sha256);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    for size in [96, 79] {
        let request = asking(planted::request(variant, size));
        let model = planted::right(&request, &weights, folder.path());
        for (runtime, tolerance) in [
            (RuntimeName::Tract, TOLERANCE),
            (RuntimeName::OrtCpu, NOISE),
            (RuntimeName::Reference, REFERENCE),
        ] {
            let found = maps(runtimes::load(runtime, &model).as_mut(), [size; 2]);
            assert_eq!(found.len(), 5);
            for (map, level) in found.iter().zip(1..) {
                assert_eq!(map.name, format!("features_{level}"));
                let name = format!("{size}.{}", map.name);
                assert_eq!(map.shape, golden.shapes[&name], "{variant}: {name}");
                let sampled: Vec<f64> = map.data.iter().step_by(golden.step).copied().collect();
                let apart = difference(&sampled, &golden.elements[&name]);
                println!("{variant} {name} {runtime}: {apart:.1e}");
                assert!(apart <= tolerance, "{variant}: {name}, {runtime}: {apart}");
            }
        }
    }
}

macro_rules! networks {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            meets_timm(&stringify!($name).replace('_', "-"));
        })*
    };
}

networks!(b0 lite0 edgetpu_s condconv_b0_4e v2_s mobilenet_v1 mobilenet_v2 resnet_50);

/// A file of symbolic height and width gives all levels of an image of 512 by 640 pixels, the same in two runtimes.
#[test]
fn levels_of_a_detector() {
    let request = Request {
        size: [Extent::MultipleOf32; 2],
        ..asking(planted::request("b0", 224))
    };
    let weights = ProbeWeights::draw(&planted::request("b0", 224));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let model = planted::right(&request, &weights, folder.path());
    let [tract, ort] = [RuntimeName::Tract, RuntimeName::OrtCpu]
        .map(|runtime| maps(runtimes::load(runtime, &model).as_mut(), [512, 640]));
    let filters = [16, 24, 40, 112, 320];
    for (level, (one, other)) in tract.iter().zip(&ort).enumerate() {
        let step = 2 << level;
        let shape = [1, filters[level], 512 / step, 640 / step];
        assert_eq!((&one.shape[..], &other.shape[..]), (&shape[..], &shape[..]));
        let apart = difference(&one.data, &other.data);
        assert!(apart <= TOLERANCE, "{}: {apart}", one.name);
    }
    assert_eq!(tract.len(), 5);
}
