//! Real weights as training scripts and wrappers leave them: whatever is around them, the cat is a cat and the coffee an espresso.

use crate::command_line::{done, refused};
use crate::lite_support::{LITES, data};
use crate::state_dict::StateDict;
use crate::verify_support::{Run, ort_library, program};
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use std::io::Write;
use std::path::Path;

/// The most probable class of the cat and of the coffee.
fn cat_and_coffee(model: &Path) -> Vec<String> {
    let mut command = program();
    command.arg("classify").arg(model);
    command.args(["chelsea.png", "coffee.png"].map(data));
    command.args(["--json", "--runtime", "ort-cpu", "--ort-lib"]);
    command.arg(ort_library());
    let report = Run::of(&mut command).expect(0).report();
    let pictures = report["pictures"].as_array().expect("pictures").iter();
    let name = |picture: &serde_json::Value| picture["top"][0]["name"].as_str().map(str::to_owned);
    pictures
        .map(|picture| name(picture).expect("a name"))
        .collect()
}

/// The classifier as weight norm has it: twice the direction, and the length of each row.
fn with_weight_norm(state: &StateDict) -> StateDict {
    let mut state = state.clone();
    let (shape, weight) = state.take("_fc.weight");
    let columns = usize::try_from(shape[1]).expect("a size");
    let length = |row: &[f32]| row.iter().map(|value| value * value).sum::<f32>().sqrt();
    let gains: Vec<f32> = weight.chunks(columns).map(length).collect();
    let directions: Vec<f32> = weight.iter().map(|value| value * 2.0).collect();
    let parts =
        ["original0", "original1"].map(|part| format!("_fc.parametrizations.weight.{part}"));
    state.put(&parts[0], &[shape[0], 1], &gains);
    state.put(&parts[1], &shape, &directions);
    state
}

/// The stem as pruning has it, with nothing pruned.
fn with_mask(state: &StateDict) -> StateDict {
    let mut state = state.clone();
    let (shape, weight) = state.take("_conv_stem.weight");
    state.put("_conv_stem.weight_orig", &shape, &weight);
    state.put("_conv_stem.weight_mask", &shape, &vec![1.0; weight.len()]);
    state
}

/// A counter beside every running mean, as a floating-point number.
fn with_counters(state: &StateDict) -> StateDict {
    let names = state.0.iter();
    let modules = names.filter_map(|(name, ..)| name.strip_suffix(".running_mean"));
    let counters = modules.map(|module| format!("{module}.num_batches_tracked"));
    let counters: Vec<String> = counters.collect();
    counters.iter().fold(state.clone(), |state, counter| {
        state.and(counter, &[], 1000.0)
    })
}

#[test]
fn real_weights_are_read_from_ten_wrappers() {
    let lite = &LITES[0];
    let folder = crate::verify_support::folder();
    let folder = folder.path();
    let checkpoint = Checkpoint::open(&lite.checkpoint()).expect("a checkpoint");
    let plain = StateDict::of(&checkpoint);
    let spoiled = plain.halved();
    let timm = {
        let kept = folder.join("kept.onnx");
        lite.emit(&kept, &["--bn", "keep"]);
        let export = "weights export kept.onnx --names timm -o timm";
        done(folder, &export.split(' ').collect::<Vec<_>>());
        StateDict::of(&Checkpoint::open(&folder.join("timm")).expect("a checkpoint"))
    };
    let in_fsdp = plain.renamed(|name| {
        let inner = name.replace("_blocks.", "_blocks._checkpoint_wrapped_module.");
        format!("_forward_module._fsdp_wrapped_module.{inner}")
    });
    let in_lightning = plain
        .under("state_dict.model.module.")
        .and("state_dict.criterion.pos_weight", &[1000], 2.0)
        .and("state_dict.val_metrics.auroc.preds", &[7], 0.5)
        .with(spoiled.under("state_dict.teacher."));
    let beside = plain.without("_fc.").under("encoder.");
    let mut head = plain.renamed(|name| name.replace("_fc.", "fc."));
    head.0.retain(|(name, ..)| name.starts_with("fc."));
    for (wrapped, flags, said) in [
        (
            plain.under("net.backbone."),
            &[][..],
            "the network is under `net.backbone`",
        ),
        (
            plain.under("_orig_mod.module."),
            &[],
            "are its `_orig_mod.module`",
        ),
        (
            in_fsdp,
            &[],
            "are its `_forward_module._fsdp_wrapped_module`",
        ),
        (
            spoiled
                .under("model.")
                .with(plain.under("ema_model.module.")),
            &[],
            "read the averages in `ema_model.module`",
        ),
        (
            with_counters(&plain).under("model_state.network."),
            &[],
            "tensors of `num_batches_tracked` (counters)",
        ),
        (in_lightning, &[], "(loss)"),
        (beside.with(head), &[], "took `fc` as the classifier"),
        (
            with_weight_norm(&plain).under("models.0."),
            &[],
            "computed from their weight norm: `models.0._fc.weight`",
        ),
        (
            with_mask(&plain).under("engine.module."),
            &[],
            "computed from their pruning: `engine.module._conv_stem.weight`",
        ),
        (
            timm.under("base_model.model."),
            &["--like", "timm/tf_efficientnet_lite0"],
            "the network is under `base_model.model`",
        ),
        (
            plain.under("student.").with(spoiled.under("other.")),
            &["--prefix", "student"],
            "tensors of `other` (outside the prefix)",
        ),
    ] {
        wrapped.save(&folder.join("wrapped"));
        let emit = ["emit", "--weights", "wrapped", "-o", "out.onnx", "--force"];
        let message = done(folder, &[&emit[..], flags].concat());
        assert!(message.contains(said), "{message}");
        let found = cat_and_coffee(&folder.join("out.onnx"));
        assert_eq!(found, ["tiger cat", "espresso"], "{said}");
    }
    plain
        .under("net.")
        .and("mean", &[3], 0.5)
        .save(&folder.join("wrapped"));
    let message = refused(folder, &["emit", "--weights", "wrapped", "-o", "none.onnx"]);
    assert!(message.contains("`mean`: [3]"), "{message}");
}

/// An array of f32 as NumPy writes it.
fn npy(shape: &[u64], elements: &[u8]) -> Vec<u8> {
    let extents: Vec<String> = shape.iter().map(|extent| format!("{extent},")).collect();
    let extents = extents.concat();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({extents}), }}\n");
    let length = u16::try_from(header.len()).expect("short").to_le_bytes();
    let start = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes()].concat();
    [&start, elements].concat()
}

#[test]
fn real_weights_are_read_from_shards_and_from_arrays() {
    let lite = &LITES[0];
    let folder = crate::verify_support::folder();
    let folder = folder.path();
    let checkpoint = Checkpoint::open(&lite.checkpoint()).expect("a checkpoint");
    let wrapped = StateDict::of(&checkpoint).under("model.");
    let mut shards = [StateDict(Vec::new()), StateDict(Vec::new())];
    let mut places = serde_json::Map::new();
    let file = |shard: usize| format!("model-0000{}-of-00002.safetensors", shard + 1);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (index, tensor) in wrapped.0.iter().enumerate() {
        let (name, shape, data) = tensor;
        places.insert(name.clone(), file(index % 2).into());
        shards[index % 2].0.push(tensor.clone());
        zip.start_file(format!("{name}.npy"), stored)
            .expect("an entry");
        zip.write_all(&npy(shape, data)).expect("an entry");
    }
    for (index, shard) in shards.iter().enumerate() {
        shard.save(&folder.join(file(index)));
    }
    let index = serde_json::json!({"metadata": {}, "weight_map": places});
    let archive = zip.finish().expect("an archive").into_inner();
    for (name, contents) in [
        (
            "model.safetensors.index.json",
            index.to_string().into_bytes(),
        ),
        ("weights.npz", archive),
    ] {
        std::fs::write(folder.join(name), contents).expect("a file");
        let emit = ["emit", "--weights", name, "-o", "out.onnx", "--force"];
        let message = done(folder, &emit);
        assert!(message.contains("are its `model`"), "{message}");
        let found = cat_and_coffee(&folder.join("out.onnx"));
        assert_eq!(found, ["tiger cat", "espresso"], "{name}");
    }
}
