//! State dicts as training scripts leave them: what is around the network is read, accounted for or refused, never lost.

use crate::command_line::{done, run};
use crate::folder::listing;
use crate::state_dict::{NETWORK, StateDict};
use efficientnet_onnx::onnx::file::{InitializerSource, ModelFile};
use efficientnet_onnx::onnx::proto::tensor_proto::DataType;
use efficientnet_onnx::onnx::proto::{ModelProto, TensorProto};
use efficientnet_onnx::tensor::TensorSource;
use prost::Message;
use std::path::Path;

pub const SELECTION: [&str; 9] = [
    "--width",
    "0.25",
    "--depth",
    "0.25",
    "--size=32",
    "--padding",
    "same",
    "--bn-epsilon",
    "1e-3",
];

/// Emits a state dict; gives the status, what was said and, where a file was written, its classifier and stem.
pub fn emitted(
    folder: &Path,
    state: &StateDict,
    more: &[&str],
) -> (Option<i32>, String, Vec<Vec<f32>>) {
    state.save(&folder.join("state"));
    let _ = std::fs::remove_file(folder.join("out.onnx"));
    let emit = ["emit", "--weights", "state", "-o", "out.onnx"];
    let (status, message) = run(folder, &[&emit[..], &SELECTION, more].concat());
    assert!(
        listing(folder).iter().all(|name| !name.starts_with('.')),
        "{:?}",
        listing(folder)
    );
    if status != Some(0) {
        assert!(!folder.join("out.onnx").exists(), "{message}");
        return (status, message, Vec::new());
    }
    let source =
        InitializerSource::new(ModelFile::open(&folder.join("out.onnx")).expect("a model"));
    let source = source.expect("its tensors");
    let values = ["classifier.weight", "classifier.bias", "conv_stem.weight"].map(|name| {
        let tensor = source.tensors().iter().find(|tensor| tensor.name == name);
        let elements = tensor.expect("it").shape.iter().product::<u64>();
        let mut values = vec![0.0; usize::try_from(elements).expect("few")];
        let reader = source.open(name).expect("a reader");
        reader.fill(0, &mut values).expect("its values");
        values
    });
    (status, message, values.to_vec())
}

#[test]
fn what_is_beside_a_network_is_accounted_for_or_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let plain = StateDict::drawn(folder);
    let (status, message, expected) = emitted(folder, &plain, &[]);
    assert_eq!(status, Some(0), "{message}");
    let wrapped = plain.under("model.");
    for (name, shape) in [
        ("fc.weight", &[3, 5][..]),
        ("mean", &[1, 3, 1, 1]),
        ("temperature", &[1]),
    ] {
        let (status, message, _) = emitted(folder, &wrapped.clone().and(name, shape, 0.5), &[]);
        assert_eq!(status, Some(2), "{message}");
        assert!(
            message.contains(&format!("`{name}`: {shape:?}"))
                && message.contains("the network below `model` is not the whole model"),
            "{message}"
        );
        let state = wrapped.clone().and(name, shape, 0.5);
        let (status, message, _) = emitted(folder, &state, &["--reset-classifier", "4"]);
        assert_eq!(status, Some(2), "{message}");
    }
    for (name, shape, said) in [
        (
            "criterion.pos_weight",
            &[5][..],
            "`criterion.pos_weight` (loss)",
        ),
        ("loss.weight", &[5], "`loss.weight` (loss)"),
        ("val_acc.total", &[], "`val_acc.total` (metric)"),
        (
            "teacher.fc.weight",
            &[5, 5],
            "`teacher.fc.weight` (teacher)",
        ),
        ("optimizer.state.0.exp_avg", &[5], "(optimiser)"),
        ("best_acc1", &[], "`best_acc1` (training state)"),
        (
            "model.bn1.num_batches_tracked",
            &[],
            "`model.bn1.num_batches_tracked` (counters)",
        ),
    ] {
        let state = wrapped.clone().and(name, shape, 0.5);
        let (status, message, values) = emitted(folder, &state, &[]);
        assert_eq!(status, Some(0), "{message}");
        assert!(
            message.contains("left out: ") && message.contains(said),
            "{message}"
        );
        assert!(message.contains("`forward` computes"), "{message}");
        assert_eq!(values, expected, "{name}");
    }
}

#[test]
fn averages_are_read_before_what_was_trained_and_both_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let averages = StateDict::drawn(folder);
    let raw = averages.halved();
    let (_, _, expected) = emitted(folder, &averages, &[]);
    for (one, other) in [
        ("model", "ema"),
        ("model", "model_ema_state_dict"),
        ("model", "averaged_model.module"),
        ("state_dict", "swa_model"),
        ("current_model_state.model", "state_dict.model"),
    ] {
        let state = raw
            .under(&format!("{one}."))
            .with(averages.under(&format!("{other}.")));
        let (status, message, values) = emitted(folder, &state, &[]);
        assert_eq!(status, Some(0), "{message}");
        assert_eq!(values, expected, "{other}");
        assert!(
            message.contains(&format!("in `{other}`; left out another state dict"))
                && message.contains(&format!("`{one}`")),
            "{message}"
        );
    }
    for (one, other) in [("ema", "swa"), ("model", "state_dict"), ("a", "b")] {
        let state = raw
            .under(&format!("{one}."))
            .with(averages.under(&format!("{other}.")));
        let (status, message, _) = emitted(folder, &state, &[]);
        assert_eq!(status, Some(2), "{message}");
        for name in [one, other] {
            assert!(message.contains(&format!("`{name}`: ")), "{message}");
        }
    }
}

#[test]
fn a_head_beside_a_headless_network_is_its_classifier() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let plain = StateDict::drawn(folder);
    let (_, _, expected) = emitted(folder, &plain, &[]);
    let beside = plain.without("classifier.").under("model.");
    let mut head = StateDict(plain.0.clone());
    head.0.retain(|(name, ..)| name.starts_with("classifier."));
    for tensor in &mut head.0 {
        tensor.0 = tensor.0.replace("classifier.", "fc.");
    }
    let state = beside.clone().with(head);
    let (status, message, values) = emitted(folder, &state, &[]);
    assert_eq!(status, Some(0), "{message}");
    assert!(message.contains("took `fc` as the classifier"), "{message}");
    assert_eq!(values, expected);
    let (status, message, values) = emitted(folder, &state, &["--reset-classifier", "4"]);
    assert_eq!(status, Some(0), "{message}");
    let said = "replaces the checkpoint's of 5, its `fc`";
    assert!(message.contains(said), "{message}");
    assert_eq!(values[1].len(), 4);
    let two = beside
        .and("fc.0.weight", &[6, 320], 0.5)
        .and("fc.2.weight", &[5, 6], 0.5);
    let (status, message, _) = emitted(folder, &two, &[]);
    assert_eq!(status, Some(2), "{message}");
    assert!(message.contains("`fc.2.weight` [5, 6]"), "{message}");
    let (status, message, values) = emitted(folder, &two, &["--reset-classifier", "4"]);
    assert_eq!(status, Some(0), "{message}");
    assert_eq!(values[1].len(), 4);
    let left_out = "left out the layers of the checkpoint's head: `fc.0.weight` [6, 320]";
    assert!(message.contains(left_out), "{message}");
    // What may come before the network is not left out.
    let norm = ["weight", "bias", "running_mean", "running_var"];
    let before = norm.iter().fold(two, |state, name| {
        state.and(&format!("input.{name}"), &[3], 0.5)
    });
    let (status, message, _) = emitted(folder, &before, &["--reset-classifier", "4"]);
    assert_eq!(status, Some(2), "{message}");
    assert!(
        message.contains("batch norm of 3: `input.bias` [3]"),
        "{message}"
    );
}

#[test]
fn numbers_that_are_not_finite_are_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let sound = StateDict::drawn(folder);
    let mut state = sound.clone();
    state.set("classifier.weight", 4, f32::NAN);
    state.set("classifier.weight", 9, f32::INFINITY);
    state.set("bn1.running_var", 2, -1.0);
    let faults = [
        "`classifier.weight`: 1 NaN and 1 infinite of 1600 numbers",
        "`bn1.running_var`: a variance of -1 at index 2, expected at least 0",
    ];
    for more in [&[][..], &["--bn", "keep"], &["--external-data"]] {
        let (status, message, _) = emitted(folder, &state, more);
        assert_eq!(status, Some(2), "{message}");
        assert!(message.contains("2 tensors have numbers"), "{message}");
        for fault in faults {
            assert!(message.contains(fault), "{message}");
        }
        assert!(message.contains("`--allow-nan` goes on"), "{message}");
        assert!(!folder.join("out.onnx.data").exists());
    }
    let (status, message, values) = emitted(folder, &state, &["--bn=keep", "--allow-nan"]);
    assert_eq!(status, Some(0), "{message}");
    assert!(message.contains(faults[0]), "{message}");
    assert!(values[0][4].is_nan() && values[0][9].is_infinite());
    // The classifier is not read for the pooled features.
    let mut unread = sound.clone();
    unread.set("classifier.weight", 4, f32::NAN);
    unread.save(&folder.join("state"));
    let emit = [
        "emit",
        "--weights",
        "state",
        "-o",
        "pooled.onnx",
        "--outputs",
        "pooled",
    ];
    done(folder, &[&emit[..], &SELECTION].concat());

    let export = |more: &[&str]| {
        let export = [
            "weights", "export", "out.onnx", "-o", "exported", "--names", "keras",
        ];
        run(folder, &[&export[..], more].concat())
    };
    let (status, message) = export(&[]);
    assert_eq!(status, Some(2), "{message}");
    for fault in faults {
        assert!(message.contains(fault), "{message}");
    }
    assert!(!folder.join("exported").exists());
    let (status, message) = export(&["--allow-nan"]);
    assert_eq!(status, Some(0), "{message}");
}

/// Another tool may have put something in front of the network.
#[test]
fn an_initializer_that_is_not_the_networks_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let emit = ["emit", "--bn", "keep", "-o", "kept.onnx"];
    done(folder, &[&emit[..], &NETWORK].concat());
    let bytes = std::fs::read(folder.join("kept.onnx")).expect("a file");
    let mut model = ModelProto::decode(bytes.as_slice()).expect("a model");
    let graph = model.graph.as_mut().expect("a graph");
    graph.initializer.push(TensorProto {
        name: Some("pixels.mean".to_owned()),
        dims: vec![3],
        data_type: Some(DataType::Float as i32),
        raw_data: Some(vec![0; 12].into()),
        ..TensorProto::default()
    });
    std::fs::write(folder.join("changed.onnx"), model.encode_to_vec()).expect("a file");
    for command in [&["emit", "--weights"][..], &["weights", "export"]] {
        let read = |file: &str| run(folder, &[command, &[file, "-o", "out", "--force"]].concat());
        let (status, message) = read("kept.onnx");
        assert_eq!(status, Some(0), "{message}");
        let (status, message) = read("changed.onnx");
        assert_eq!(status, Some(2), "{message}");
        assert!(message.contains("unexpected  `pixels.mean`"), "{message}");
    }
}
