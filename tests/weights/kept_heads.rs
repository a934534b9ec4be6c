//! Files with heads of several layers as checkpoints: emitted again, exported, and with another classifier.

use super::round_trip::{NETWORK, but_for_origin};
use crate::command_line::{done, run};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// A head whose only linear layer has others around it too: the recipe tells what its parameters are called.
#[test]
fn a_head_of_several_layers_comes_back_to_the_same_file() {
    for head in [
        "catmaxavg,ln,gelu,linear:8,hard-swish,normalize",
        "bn,linear",
        "bn,linear-no-bias",
        "relu,linear",
        "gem,linear:8,relu,bn,linear",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let network = [&["emit"], &NETWORK[..], &["--head", head]].concat();
        done(folder, &[&network[..], &["-o", "seed.onnx"]].concat());
        let kept = ["--bn", "keep", "-o", "kept.onnx"];
        done(folder, &[&network[..], &kept].concat());
        let export = ["weights", "export", "kept.onnx", "-o", "kept.safetensors"];
        done(folder, &export);
        let seed = but_for_origin(&folder.join("seed.onnx"));
        for old in ["kept.onnx", "kept.safetensors"] {
            let emit = ["emit", "--weights", old, "--size", "32", "-o", "again.onnx"];
            done(folder, &[&emit[..], &["--force"]].concat());
            let again = but_for_origin(&folder.join("again.onnx"));
            assert!(again == seed, "{head}: {old}");
        }
    }
}

/// All layers go where the classifier is replaced, and the pool stays: the file is that of a network that never had them.
#[test]
fn a_classifier_in_the_place_of_a_longer_head_follows_its_pool() {
    for (head, pool, features, dropped) in [
        (
            "catmaxavg,ln,gelu,linear:8,hard-swish,normalize",
            "catmaxavg",
            640,
            "`classifier.0.bias` [640], `classifier.0.weight` [640], `classifier.2.bias` [8], `classifier.2.weight` [8, 640]",
        ),
        (
            "gem,linear:8,relu,bn,linear",
            "gem",
            320,
            "`classifier.0.bias` [8], `classifier.0.weight` [8, 320], `classifier.2.bias` [8]",
        ),
        (
            "linear:8,ln,normalize",
            "average",
            320,
            "`classifier.0.bias` [8], `classifier.0.weight` [8, 320], `classifier.1.bias` [8]",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        for (head, name) in [(head, "long"), (&*format!("{pool},linear"), "plain")] {
            let kept = [&["emit"], &NETWORK[..], &["--head", head]].concat();
            let onnx = format!("{name}.onnx");
            done(
                folder,
                &[&kept[..], &["--bn", "keep", "-o", &onnx]].concat(),
            );
            let weights = format!("{name}.safetensors");
            done(folder, &["weights", "export", &onnx, "-o", &weights]);
        }
        let zeros = |shape: &[usize]| vec![0; 4 * shape.iter().product::<usize>()];
        let tensors = [("weight", vec![3, features]), ("bias", vec![3])];
        let tensors = tensors.map(|(name, shape)| (name, zeros(&shape), shape));
        let views = tensors.iter().map(|(name, bytes, shape)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            (*name, view.expect("a tensor"))
        });
        let fitted = safetensors::serialize(views, None).expect("a file");
        std::fs::write(folder.join("fitted.safetensors"), fitted).expect("a file");
        for flags in [
            ["--reset-classifier", "3"],
            ["--classifier", "fitted.safetensors"],
        ] {
            for kind in ["onnx", "safetensors"] {
                let write = |name: &str, output: &str| {
                    let weights = format!("{name}.{kind}");
                    let emit = ["emit", "--weights", &weights, "--size", "32", "--force"];
                    let (status, said) =
                        run(folder, &[&emit[..], &flags, &["-o", output]].concat());
                    assert_eq!(status, Some(0), "{head}: {kind} {flags:?}: {said}");
                    said
                };
                let said = write("long", "new.onnx");
                write("plain", "expected.onnx");
                assert!(said.contains(dropped), "{head}: {said}");
                assert!(said.contains("replaces all layers"), "{head}: {said}");
                let bytes = |name: &str| but_for_origin(&folder.join(name));
                assert!(
                    bytes("new.onnx") == bytes("expected.onnx"),
                    "{head}: {kind} {flags:?}"
                );
            }
        }
    }
}
