//! Names that are training state, and names that are not.

use super::*;
use crate::tensor::Element;

fn found(name: &str, shape: &[u64]) -> Option<GroupKind> {
    let tensor = |name: &str, shape: &[u64]| TensorInfo {
        name: name.to_owned(),
        shape: shape.to_vec(),
        element: Element::F32,
    };
    let mean = tensor("bn1.running_mean", &[8]);
    let all = ByName::from([("bn1.running_mean", &mean)]);
    state(&tensor(name, shape), &all).map(|(kind, _)| kind)
}

#[test]
fn averages_are_told_by_a_word_and_not_by_letters() {
    for name in [
        "ema",
        "model_ema",
        "ema_model",
        "state_dict_ema",
        "model_ema_state_dict",
        "swa_model",
        "averaged_model",
        "average",
        "WeightAveraging",
        "EMAModel",
        "modelEma",
        "ema2",
        "avg_model",
        "emamodel",
        "modelema",
        "teacher_ema",
        "ema-0",
    ] {
        assert!(is_average(name), "{name}");
    }
    for name in [
        "schema",
        "semantic",
        "cinema",
        "hematology",
        "swap",
        "swagger",
        "model",
        "state_dict",
        "module",
        "avgpool",
        "enema",
        "lemma",
        "",
    ] {
        assert!(!is_average(name), "{name}");
    }
}

#[test]
fn training_state_is_known_by_whole_names_at_the_start() {
    for (name, shape, kind) in [
        ("optimizer.state.0.exp_avg", &[4][..], GroupKind::Optimiser),
        (
            "optimizer_states.0.state.7.exp_avg_sq",
            &[4],
            GroupKind::Optimiser,
        ),
        ("state_dict.criterion.weight", &[4], GroupKind::Loss),
        ("loss.weight", &[4], GroupKind::Loss),
        ("head.pos_weight", &[4], GroupKind::Loss),
        ("hyper_parameters.class_weights", &[4], GroupKind::Loss),
        ("state_dict.val_acc.tp", &[4], GroupKind::Metric),
        ("train_metrics.auroc.preds", &[4], GroupKind::Metric),
        ("teacher.conv1.weight", &[4, 3, 3, 3], GroupKind::Teacher),
        ("best_acc1", &[], GroupKind::Training),
        ("loss", &[], GroupKind::Training),
        ("lr_schedulers.0.base", &[], GroupKind::Training),
        ("ema.decay", &[], GroupKind::Averaging),
        ("n_averaged", &[], GroupKind::Averaging),
        ("bn1.num_batches_tracked", &[], GroupKind::Counter),
        ("blocks.0.0.conv_dw.total_ops", &[1], GroupKind::Counter),
        ("total_params", &[1], GroupKind::Counter),
    ] {
        assert_eq!(found(name, shape), Some(kind), "{name}");
    }
}

#[test]
fn what_a_network_may_compute_with_is_not_training_state() {
    for (name, shape) in [
        ("fc.weight", &[5, 1000][..]),
        ("mean", &[1, 3, 1, 1]),
        ("std", &[1, 3, 1, 1]),
        ("temperature", &[1]),
        ("head.loss.weight", &[4]),
        ("lossy.weight", &[4]),
        ("teacher2.weight", &[4]),
        ("optimizer2.weight", &[4]),
        ("decay.weight", &[4]),
        ("best_acc1", &[7]),
        ("head.pos_weight", &[5, 1280]),
        ("bn2.num_batches_tracked", &[]),
        ("bn1.num_batches_tracked", &[8]),
        ("conv.total_ops", &[8]),
        ("hyper_parameters.mean", &[3]),
        ("ema.shadow_params.0", &[4]),
        ("metric_head.weight", &[5, 1280]),
    ] {
        assert_eq!(found(name, shape), None, "{name}");
    }
}
