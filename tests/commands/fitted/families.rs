//! Networks whose classifier has another name, or another number of features.

use super::{Array, emit, head, singles, tensor, tensors, words};
use crate::command_line::done;
use efficientnet_onnx::tensor::Element;

/// Square heads, so that no shape tells which way round the weight is.
#[test]
fn every_family_takes_a_head() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (family, classifier, features, namings) in [
        ("resnet-50", "fc", 512, ["timm", "torchvision"]),
        ("mobilenet-v1", "classifier", 256, ["timm", "timm"]),
        ("mobilenet-v2", "classifier", 1280, ["timm", "torchvision"]),
        ("v2", "classifier", 320, ["torchvision", "keras"]),
    ] {
        let network = format!("--family {family} --width 0.25 --depth 0.4 --size 32 --init probe");
        emit(
            folder,
            &format!("{network} --classes 3 --bn keep -o old.onnx"),
        );
        let arrays: [Array; 2] = [
            ("weight", &[features, features], Element::F64),
            ("bias", &[features], Element::F64),
        ];
        head(folder, "head.npz", &arrays);
        for naming in namings {
            let export = format!("weights export old.onnx --names {naming} -o w --force");
            done(folder, &words(&export));
            emit(folder, "--weights w -o plain.onnx");
            emit(
                folder,
                "--weights w --classifier head.npz --outputs logits,cam -o new.onnx",
            );
            let weight = singles(features * features);
            for name in [&format!("{classifier}.weight"), "cam.weight"] {
                assert!(
                    tensor(folder, "new.onnx", name).1 == weight,
                    "{family} {naming}"
                );
            }
            let (_, bias) = tensor(folder, "new.onnx", &format!("{classifier}.bias"));
            assert!(bias == singles(features), "{family} {naming}");
            let [kept, new] = ["plain.onnx", "new.onnx"].map(|name| {
                let mut tensors = tensors(folder, name);
                tensors.retain(|(name, ..)| !name.starts_with(classifier) && name != "cam.weight");
                tensors
            });
            assert!(kept == new, "{family} {naming}");
        }
    }
}
