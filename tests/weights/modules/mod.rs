//! Pickled modules: what they record of their network is used, or refused by name; nothing of it is ever run.

mod hostile;
mod pickle;
mod refused;

use efficientnet_onnx::weights::names::Naming;
use pickle::{SIDE, Saved, global, mapping, module, text};
use std::path::Path;
use std::process::Command;

/// Runs the binary; the status, and what it said.
fn run(arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary");
    let said = [output.stderr, output.stdout].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Emits a module for images of [`SIDE`]; the status, what was said, and the folder of `model.onnx`.
fn emit(saved: &Saved, flags: &[&str]) -> (Option<i32>, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    saved.save(&folder.path().join("saved.pth"));
    let side = SIDE.to_string();
    let arguments = [
        "emit",
        "--weights",
        "saved.pth",
        "--size",
        &side,
        "-o",
        "model.onnx",
    ];
    let (status, said) = run(&[&arguments[..], flags].concat(), folder.path());
    let written = folder.path().join("model.onnx").exists();
    assert_eq!(written, status == Some(0), "{said}");
    (status, said, folder)
}

/// NumPy's file of f32.
pub fn npy(shape: &str, values: &[f32]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    let padding = 64 - (10 + header.len() + 1) % 64;
    let header = format!("{header}{}\n", " ".repeat(padding));
    let length = u16::try_from(header.len()).expect("a short header");
    let data: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    [
        b"\x93NUMPY\x01\x00",
        &length.to_le_bytes()[..],
        header.as_bytes(),
        &data,
    ]
    .concat()
}

/// The image that the fixtures' logits are of, as `make.py` makes it.
fn image() -> Vec<f32> {
    let pixel = |place: usize| {
        let step = u16::try_from(place * 7919 % 1000).expect("below 1000");
        f32::from(step) / 512.0 - 1.0
    };
    (0..3 * SIDE * SIDE).map(pixel).collect()
}

/// Emits a module, and compares the model's result with the fixture's.
fn accepted(saved: &Saved, flags: &[&str]) -> String {
    let (status, said, folder) = emit(saved, flags);
    assert_eq!(status, Some(0), "{said}");
    let write = |name: &str, contents: &[u8]| {
        std::fs::write(folder.path().join(name), contents).expect("a file");
    };
    write("x.npy", &npy(&format!("1, 3, {SIDE}, {SIDE}"), &image()));
    write(
        "y.npy",
        &npy(&format!("1, {}", saved.logits.len()), &saved.logits),
    );
    let verify = ["verify", "model.onnx", "--runtime", "reference"];
    let given = ["--input", "x.npy", "--expect", "y.npy"];
    let (status, verdict) = run(&[&verify[..], &given].concat(), folder.path());
    assert_eq!(status, Some(0), "{said}{verdict}");
    said
}

#[test]
fn padding_and_epsilon_are_the_modules_own() {
    for naming in [Naming::Timm, Naming::Torchvision, Naming::Lukemelas] {
        accepted(&Saved::of(naming), &[]);
    }
    // Flags that agree change nothing.
    accepted(
        &Saved::of(Naming::Torchvision),
        &["--padding", "symmetric", "--bn-epsilon", "2e-3"],
    );
    let timm = Saved::of(Naming::Timm);
    accepted(&timm, &["--like", "timm/tf_efficientnet_b0"]);
}

/// Modules of other families' libraries, whose epsilon is not PyTorch's.
#[test]
fn modules_of_the_papers_other_networks() {
    let resnet = Saved::named("resnet-50", "resnet-50", Naming::Resnet);
    accepted(&resnet, &[]);
    accepted(
        &Saved::named("timm-resnet-50", "resnet-50", Naming::Resnet),
        &[],
    );
    accepted(
        &Saved::named("mobilenet-v2", "mobilenet-v2", Naming::MobileNetV2),
        &[],
    );
    let relu = "torch.nn.modules.activation.ReLU";
    let other = resnet.reclassed(relu, "torch.nn.modules.activation.ReLU6");
    let (status, said, _) = emit(&other, &[]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("`layer1.0.relu` is a"), "{said}");
    let blurred = "timm.layers.blur_pool.BlurPool2d";
    let pooled = resnet.reclassed("torch.nn.modules.pooling.MaxPool2d", blurred);
    let (status, said, _) = emit(&pooled, &[]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("`maxpool` is a `timm.layers"), "{said}");
    // Its kernel, stride and padding, and whether it rounds up.
    for (from, to) in [
        (b"K\x03hQK\x02hSK\x01", b"K\x03hQK\x02hSK\x00"),
        (b"K\x03hQK\x02hSK\x01", b"K\x02hQK\x02hSK\x01"),
    ] {
        let (status, said, _) = emit(&resnet.replaced(from, to, true), &[]);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("expected windows of 3x3"), "{said}");
    }
    let ceiled = resnet.replaced(b"ceil_modeq\xd0\x89", b"ceil_modeq\xd0\x88", true);
    let (status, said, _) = emit(&ceiled, &[]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("expected windows of 3x3"), "{said}");
}

#[test]
fn a_module_is_found_where_training_scripts_put_it() {
    let torchvision = Saved::of(Naming::Torchvision);
    let nested = torchvision.within(|value| mapping(&[("epoch", b"K\x03"), ("model", value)]));
    accepted(&nested, &[]);
    let parallel = torchvision.within(|value| {
        module(
            "torch.nn.parallel.data_parallel.DataParallel",
            &[("module", value)],
            &[("device_ids", b"]")],
        )
    });
    let said = accepted(&parallel, &[]);
    assert!(!said.contains("forward"), "{said}");
    let dropout = module("torch.nn.modules.dropout.Dropout", &[], &[]);
    let loss = module("torch.nn.modules.loss.CrossEntropyLoss", &[], &[]);
    let wrapped = torchvision.within(|value| {
        module(
            "__main__.Classifier",
            &[("model", value), ("drop", &dropout), ("objective", &loss)],
            &[],
        )
    });
    let said = accepted(&wrapped, &[]);
    for expected in [
        "the network is inside `__main__.Classifier`, whose `forward` may do more than call it",
        "`objective` is a `torch.nn.modules.loss.CrossEntropyLoss`, taken for a part of training",
    ] {
        assert!(said.contains(expected), "expected `{expected}`: {said}");
    }
    // A class of the user's own that is not the library's, with the library's parts.
    let own = torchvision.reclassed(
        "torchvision.models.efficientnet.EfficientNet",
        "project.models.Net",
    );
    let said = accepted(&own, &[]);
    let expected = "the pickled network's class is `project.models.Net`, which is not known";
    assert!(said.contains(expected), "{said}");
}

/// As Lightning's `save_hyperparameters` leaves it.
#[test]
fn a_module_beside_the_state_dict_tells_how_it_is_used() {
    let timm = Saved::of(Naming::Timm);
    let state = Saved::state_dict(Naming::Timm, "model.");
    let alone = timm.within(|_| mapping(&[("state_dict", &state), ("epoch", b"K\x03")]));
    let (status, said, _) = emit(&alone, &[]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("do not tell its padding"), "{said}");
    let beside = timm.within(|value| {
        let parameters = mapping(&[
            ("lr", b"G\x3f\xb9\x99\x99\x99\x99\x99\x9a"),
            ("backbone", value),
        ]);
        mapping(&[("state_dict", &state), ("hyper_parameters", &parameters)])
    });
    let said = accepted(&beside, &[]);
    let expected = "the pickled module `hyper_parameters.backbone` beside it tells";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn flags_come_before_the_record_and_say_so() {
    let torchvision = Saved::of(Naming::Torchvision);
    let (status, said, _) = emit(&torchvision, &["--bn-epsilon", "1e-5"]);
    assert_eq!(status, Some(0), "{said}");
    let expected = "what is emitted differs from the pickled module: batch norms have epsilon 2e-3, expected 1e-5";
    assert!(said.contains(expected), "{said}");
    let (status, said, _) = emit(&torchvision, &["--padding", "same"]);
    assert_eq!(status, Some(0), "{said}");
    let expected =
        "what is emitted differs from the pickled module: `features.0.0` has pads [1, 1, 1, 1]";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn what_follows_the_logits_is_an_output_or_refused() {
    let torchvision = Saved::of(Naming::Torchvision);
    let sum: f32 = torchvision.logits.iter().map(|logit| logit.exp()).sum();
    let softmax = |logit: f32| logit.exp() / sum;
    let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
    for (class, dimension, apply) in [
        (
            "Softmax",
            &[("dim", &b"K\x01"[..])][..],
            &softmax as &dyn Fn(f32) -> f32,
        ),
        ("Sigmoid", &[], &sigmoid),
    ] {
        let own = module(
            &format!("torch.nn.modules.activation.{class}"),
            &[],
            dimension,
        );
        let mut wrapped = torchvision
            .within(|value| module("__main__.Net", &[("model", value), ("act", &own)], &[]));
        let (status, said, _) = emit(&wrapped, &[]);
        assert_eq!(status, Some(2), "{said}");
        let expected = format!("applies a {} to its logits", class.to_lowercase());
        assert!(said.contains(&expected), "{said}");
        assert!(said.contains("hint: `--outputs probabilities`"), "{said}");
        let logits = torchvision.logits.iter();
        wrapped.logits = logits.map(|logit| apply(*logit)).collect();
        accepted(&wrapped, &["--outputs", "probabilities"]);
    }
    // Neither the pooled features nor a fresh classifier have anything of the head.
    let head = torchvision.reclassed(
        "torch.nn.modules.dropout.Dropout",
        "torch.nn.modules.activation.Softplus",
    );
    let (status, said, _) = emit(&head, &[]);
    assert_eq!(status, Some(2), "{said}");
    for flags in [&["--outputs", "pooled"][..], &["--reset-classifier", "7"]] {
        let (status, said, _) = emit(&head, flags);
        assert_eq!(status, Some(0), "{said}");
        let expected =
            "left out with the head: `classifier.0` is a `torch.nn.modules.activation.Softplus`";
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_function_in_a_module_is_named_and_not_called() {
    let torchvision = Saved::of(Naming::Torchvision);
    let wrapped = torchvision.within(|value| {
        let own = global("project.models.twice");
        module("__main__.Net", &[("model", value)], &[("forward", &own)])
    });
    let (status, said, _) = emit(&wrapped, &[]);
    assert_eq!(status, Some(2), "{said}");
    let expected = "`__main__.Net` has a `forward` of its own, expected its class's";
    assert!(said.contains(expected), "{said}");
}

/// The hint of a module with another activation: the architecture file says it, and the rest of the record is held against it.
#[test]
fn an_architecture_file_has_the_activation() {
    let relu = Saved::of(Naming::Torchvision).reclassed(
        "torch.nn.modules.activation.SiLU",
        "torch.nn.modules.activation.ReLU",
    );
    let (status, said, folder) = emit(&relu, &[]);
    assert_eq!(status, Some(2), "{said}");
    let hint = "`inspect --as-arch` prints one, `--arch FILE` reads it";
    assert!(said.contains(hint), "{said}");
    let (_, design) = run(&["inspect", "--variant", "b0", "--as-arch"], folder.path());
    let design = design.replace("\"swish\"", "\"relu\"");
    let path = folder.path().join("relu.toml");
    std::fs::write(&path, &design).expect("a file");
    let path = path.to_str().expect("a plain path");
    let (status, said, _) = emit(&relu, &["--arch", path]);
    assert_eq!(status, Some(2), "{said}");
    assert!(
        said.contains("batch norms have epsilon 2e-3, expected 1e-3"),
        "{said}"
    );
    let design = design
        .replace("\"same\"", "\"symmetric\"")
        .replace("bn_epsilon = 0.001", "bn_epsilon = 0.002")
        .replace("classes = 1000", "classes = 5");
    std::fs::write(path, design).expect("a file");
    let (status, said, _) = emit(&relu, &["--arch", path]);
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn a_module_in_the_legacy_container_says_how_to_save_it() {
    // As torch's `_legacy_save` refers to a class: by what it is, itself, and its source.
    let class = [
        b"(".to_vec(),
        text("module"),
        global("project.models.Net"),
        text("models.py"),
        text("class Net: pass"),
        b"tQ".to_vec(),
    ]
    .concat();
    let tables: [(&str, &[u8]); 3] = [
        ("_parameters", b"}"),
        ("_buffers", b"}"),
        ("_modules", b"}"),
    ];
    let value = [class, b")\x81".to_vec(), mapping(&tables), b"b".to_vec()].concat();
    let file = [
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.",
        &b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.\x80\x02"[..],
        &value,
        b".\x80\x02]q\x00.",
    ]
    .concat();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("legacy.pth"), file).expect("a file");
    let arguments = ["emit", "--weights", "legacy.pth", "-o", "model.onnx"];
    let (status, said) = run(&arguments, folder.path());
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("it is a whole module"), "{said}");
    assert!(!folder.path().join("model.onnx").exists());
}
