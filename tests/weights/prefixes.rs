//! Networks below prefixes, among others and in parametrizations: read, or refused by name.

use crate::command_line::run;
use crate::state_dict::StateDict;
use crate::state_dicts::emitted;

#[test]
fn a_network_is_read_under_any_prefix_with_a_note_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let plain = StateDict::drawn(folder);
    let (_, _, expected) = emitted(folder, &plain, &[]);
    for (prefix, place) in [
        ("net.", "net"),
        ("models.0.", "models.0"),
        (
            "model_state.module.backbone.timm_model.",
            "model_state.module.backbone.timm_model",
        ),
        ("base_model.model.", "base_model.model"),
    ] {
        // Wrappers are in the middle of names, training state is beside modules on the way.
        let wrapped = plain.renamed(|name| {
            let inner = name.replace("blocks.", "blocks._checkpoint_wrapped_module.");
            format!("{prefix}{inner}")
        });
        let outer = prefix.split_inclusive('.').next().expect("a component");
        let loss = format!("{outer}criterion.weight");
        let (status, message, values) = emitted(folder, &wrapped.and(&loss, &[5], 1.0), &[]);
        assert_eq!(status, Some(0), "{message}");
        assert_eq!(values, expected, "{prefix}");
        let note = format!("the network is under `{place}`: what the modules around it compute");
        assert!(message.contains(&note), "{message}");
        assert!(message.contains("(loss)"), "{message}");
    }
    let (status, message, values) = emitted(folder, &plain.under("_orig_mod.module."), &[]);
    assert_eq!((status, values), (Some(0), expected), "{message}");
    assert!(!message.contains("the network is under"), "{message}");
}

#[test]
fn one_of_several_networks_is_chosen_by_its_prefix() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let own = StateDict::drawn(folder);
    let (_, _, expected) = emitted(folder, &own, &[]);
    let (_, _, halved) = emitted(folder, &own.halved(), &[]);
    let tensors = own.0.len();
    let both = own
        .under("student.")
        .with(own.halved().under("pair.other."));
    let both = both.and("fc.weight", &[5, 1000], 0.5);
    let (status, message, _) = emitted(folder, &both, &[]);
    assert_eq!(status, Some(2), "{message}");
    for said in [
        "the checkpoint has several networks",
        &format!("`student`: {tensors} tensors, names of timm"),
        &format!("`pair.other`: {tensors} tensors, names of timm"),
        "hint: `--prefix student` reads that one alone",
    ] {
        assert!(message.contains(said), "{message}");
    }
    for (prefix, other, values) in [
        ("student", "pair", &expected),
        ("pair.other", "student", &halved),
        ("pair.other.", "student", &halved),
        ("pair", "student", &halved),
    ] {
        let (status, message, found) = emitted(folder, &both, &["--prefix", prefix]);
        assert_eq!(status, Some(0), "{message}");
        assert_eq!(found, *values, "{prefix}");
        let left_out = [
            format!("{tensors} tensors of `{other}` (outside the prefix)"),
            "`fc.weight` (outside the prefix)".to_owned(),
        ];
        assert!(
            left_out.iter().all(|said| message.contains(said)),
            "{message}"
        );
        let (status, message) = run(folder, &["weights", "ls", "state", "--prefix", prefix]);
        assert_eq!(status, Some(0), "{message}");
    }
    // What is beside the network under the prefix is still accounted for.
    let state = both.clone().and("pair.mean", &[1, 3, 1, 1], 0.5);
    let (status, message, _) = emitted(folder, &state, &["--prefix", "pair"]);
    assert_eq!(status, Some(2), "{message}");
    assert!(message.contains("`pair.mean`: [1, 3, 1, 1]"), "{message}");
    let (status, message, _) = emitted(folder, &both, &["--prefix", "stud"]);
    assert_eq!(status, Some(2), "{message}");
    let said = "expected tensors whose names begin with `stud.`, found names that begin with `fc`, `pair`, `student`";
    assert!(message.contains(said), "{message}");
    // The one without a prefix has the empty one.
    let nested = own.clone().with(own.halved().under("best."));
    let (status, message, _) = emitted(folder, &nested, &[]);
    assert_eq!(status, Some(2), "{message}");
    let (status, message, found) = emitted(folder, &nested, &["--prefix", ""]);
    assert_eq!((status, found), (Some(0), expected), "{message}");
    let (_, message) = run(
        folder,
        &[
            "emit",
            "--variant",
            "b0",
            "--prefix",
            "net",
            "-o",
            "out.onnx",
        ],
    );
    assert!(message.contains("--weights"), "{message}");
}

#[test]
fn parametrized_weights_are_computed_or_refused_with_the_line_that_bakes_them_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let plain = StateDict::drawn(folder);
    let (_, _, expected) = emitted(folder, &plain, &[]);
    let mut rest = plain.under("model.");
    let (shape, weight) = rest.take("model.classifier.weight");
    let columns = weight.len() / 5;
    let rows = weight.chunks(columns);
    let norms: Vec<f32> = rows
        .map(|row| row.iter().map(|x| x * x).sum::<f32>().sqrt())
        .collect();
    let doubled: Vec<f32> = weight.iter().map(|value| value * 2.0).collect();
    let ones = vec![1.0; weight.len()];
    let (mut left, mut right) = (vec![0.0; 5], vec![0.0; columns]);
    // The singular value is then the element that these choose.
    (left[2], right[3]) = (1.0, 1.0);
    let sigma = weight[2 * columns + 3];
    let scaled: Vec<f32> = weight.iter().map(|value| value / sigma).collect();
    let [classes, features] = [shape[0], shape[1]];
    let module = "model.classifier";
    for (tensors, expected_weight, said) in [
        (
            vec![
                (format!("{module}.weight_g"), vec![classes, 1], &norms),
                (format!("{module}.weight_v"), shape.clone(), &doubled),
            ],
            &weight,
            "weight norm",
        ),
        (
            vec![
                (
                    format!("{module}.parametrizations.weight.original0"),
                    vec![classes, 1],
                    &norms,
                ),
                (
                    format!("{module}.parametrizations.weight.original1"),
                    shape.clone(),
                    &doubled,
                ),
            ],
            &weight,
            "weight norm",
        ),
        (
            vec![
                (
                    format!("{module}.parametrizations.weight.original"),
                    shape.clone(),
                    &weight,
                ),
                (
                    format!("{module}.parametrizations.weight.0._u"),
                    vec![classes],
                    &left,
                ),
                (
                    format!("{module}.parametrizations.weight.0._v"),
                    vec![features],
                    &right,
                ),
            ],
            &scaled,
            "spectral norm",
        ),
        (
            vec![
                (format!("{module}.weight_orig"), shape.clone(), &weight),
                (format!("{module}.weight_mask"), shape.clone(), &ones),
            ],
            &weight,
            "pruning",
        ),
    ] {
        let mut state = rest.clone();
        for (name, shape, values) in &tensors {
            state.put(name, shape, values);
        }
        let (status, message, values) = emitted(folder, &state, &[]);
        assert_eq!(status, Some(0), "{message}");
        let said = format!("computed from their {said}: `model.classifier.weight`");
        assert!(message.contains(&said), "{message}");
        assert_eq!(values[1..], expected[1..]);
        for (found, expected) in values[0].iter().zip(expected_weight) {
            let allowed = 1e-6 * expected.abs().max(1e-3);
            assert!(
                (found - expected).abs() <= allowed,
                "{said}: {found} {expected}"
            );
        }
    }
    for (names, found, hint) in [
        (
            &[
                "classifier.parametrizations.weight.original",
                "classifier.parametrizations.weight.0.base",
            ][..],
            "2 tensors of a parametrization",
            "torch.nn.utils.parametrize.remove_parametrizations(module, \"weight\")",
        ),
        (
            &[
                "classifier.base_layer.weight",
                "classifier.lora_A.default.weight",
                "classifier.lora_B.default.weight",
            ],
            "3 tensors of adapters",
            "model.merge_and_unload()",
        ),
        (
            &["_flat_param"],
            "1 tensor of flat parameters of FSDP",
            "full_state_dict=True",
        ),
    ] {
        let mut state = rest.clone();
        for name in names {
            state.put(&format!("model.{name}"), &shape, &weight);
        }
        let (status, message, _) = emitted(folder, &state, &[]);
        assert_eq!(status, Some(2), "{message}");
        assert!(
            message.contains(found) && message.contains(hint),
            "{message}"
        );
        assert!(
            message.contains(&format!("`model.{}`: {shape:?}", names[0])),
            "{message}"
        );
    }
}

/// A counter beside every running mean, 3 in half precision.
fn with_half_counters(state: &StateDict) -> StateDict {
    let mut counted = state.clone();
    let names = state.0.iter();
    let modules = names.filter_map(|(name, ..)| name.strip_suffix(".running_mean"));
    counted.0.extend(modules.map(|module| {
        let name = format!("{module}.num_batches_tracked");
        (name, Vec::new(), vec![0x00, 0x42])
    }));
    counted
}

#[test]
fn checkpoints_of_training_libraries_give_their_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let plain = StateDict::drawn(folder);
    let (_, _, expected) = emitted(folder, &plain, &[]);
    let spoiled = plain.halved();
    let body = plain.without("classifier.");
    let mut head = plain.clone();
    head.0.retain(|(name, ..)| name.starts_with("classifier."));
    let head_as = |module: &str| head.renamed(|name| name.replace("classifier", module));
    let counted = with_half_counters(&plain);
    for (library, state) in [
        // timm's ModelEmaV3 beside what was trained, as it is and compiled.
        (
            "timm",
            spoiled
                .under("state_dict.")
                .with(counted.under("state_dict_ema.module.")),
        ),
        (
            "timm, compiled",
            spoiled
                .under("state_dict._orig_mod.")
                .with(plain.under("state_dict_ema.module._orig_mod.")),
        ),
        // mmcv and mmengine: the head is beside the backbone.
        (
            "mmcv",
            body.under("state_dict.backbone.")
                .with(head_as("state_dict.head.fc")),
        ),
        (
            "mmengine",
            body.under("state_dict.module.backbone.")
                .with(head_as("state_dict.module.head.fc"))
                .and("optimizer.state.0.exp_avg", &[5], 0.5),
        ),
        // Ignite, with what its trainer's numbers are beside.
        (
            "Ignite",
            plain
                .under("model.")
                .and("optimizer.state.0.momentum_buffer", &[5], 0.5),
        ),
        (
            "Ignite, nested",
            plain.under("checkpoint.model.module.").and(
                "checkpoint.lr_scheduler.last_epoch",
                &[1],
                3.0,
            ),
        ),
        (
            "Catalyst",
            plain
                .under("model_state_dict.")
                .and("criterion_state_dict.weight", &[5], 0.5)
                .and("optimizer_state_dict.state.0.exp_avg", &[5], 0.5),
        ),
        (
            "Catalyst, parallel",
            plain.under("model_state_dict.module.").and(
                "scheduler_state_dict.base_lrs.0",
                &[1],
                0.5,
            ),
        ),
        // Lightning with torchmetrics.
        (
            "Lightning",
            plain
                .under("state_dict.model.")
                .and("state_dict.criterion.weight", &[5], 0.5)
                .and("state_dict.train_acc.tp", &[5], 0.5),
        ),
        (
            "Lightning, collections",
            plain
                .under("state_dict.net.model.")
                .and("state_dict.val_metrics.MulticlassAccuracy.tp", &[5], 0.5)
                .and("state_dict.test_confmat.confmat", &[5, 5], 0.5),
        ),
        // The Trainer of transformers saves a model that computes its own loss.
        ("transformers", plain.under("model.")),
        (
            "transformers, loss",
            plain.under("model.").and("loss_fct.weight", &[5], 0.5),
        ),
        ("icevision", plain.under("model.backbone.")),
        (
            "icevision, head",
            body.under("model.backbone.").with(head_as("model.head.fc")),
        ),
        // Averages, with counters that were averaged in half precision.
        ("averages", counted.under("module.")),
        (
            "averages, beside",
            spoiled
                .under("model.")
                .with(counted.under("swa_model.module.")),
        ),
    ] {
        let (status, message, values) = emitted(folder, &state, &[]);
        assert_eq!(status, Some(0), "{library}: {message}");
        assert_eq!(values, expected, "{library}: {message}");
    }
}
