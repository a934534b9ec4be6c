//! Names of tensors that training leaves in a checkpoint and that no network computes with: the state of optimisers, losses, metrics
//! and teachers, progress, and counters.
//!
//! The lists are exact names of path components. A substring would also match the name of a head.

use super::left_out::GroupKind;
use super::wrappers::is_wrapper;
use crate::weights::TensorInfo;
use std::collections::BTreeMap;

/// Tensors of a container by their names.
pub(super) type ByName<'a> = BTreeMap<&'a str, &'a TensorInfo>;

/// Keys under which training scripts and PyTorch Lightning keep optimisers (Lightning `checkpoint_connector.py`: `optimizer_states`;
/// DeepSpeed: `optimizer`).
const OPTIMISERS: [&str; 11] = [
    "optimizer",
    "optimizers",
    "optimizer_state",
    "optimizer_states",
    "optimizer_state_dict",
    "optimizer_dict",
    "optimiser",
    "optim",
    "optim_state",
    "optim_dict",
    "optim_state_dict",
];
const TRAINING: [&str; 30] = [
    "scheduler",
    "schedulers",
    "scheduler_state",
    "scheduler_state_dict",
    "lr_scheduler",
    "lr_schedulers",
    "lr_scheduler_state_dict",
    "warmup_scheduler",
    "scaler",
    "scaler_state_dict",
    "grad_scaler",
    "amp_scaler",
    "amp",
    "loops",
    "fit_loop",
    "callbacks",
    "early_stopping",
    "rng_state",
    "epoch",
    "epochs",
    "step",
    "global_step",
    "iteration",
    "lr",
    "history",
    "loss_history",
    "train_losses",
    "val_losses",
    "trainer_state",
    "averaging_state",
];
/// Progress that is one number: `best_acc1` is a tensor in the checkpoints of PyTorch's ImageNet example (`imagenet/main.py`).
const SCORES: [&str; 30] = [
    "acc",
    "acc1",
    "acc5",
    "accuracy",
    "best",
    "best_acc",
    "best_acc1",
    "best_acc5",
    "best_accuracy",
    "best_auc",
    "best_epoch",
    "best_f1",
    "best_fitness",
    "best_loss",
    "best_metric",
    "best_prec",
    "best_prec1",
    "best_score",
    "best_top1",
    "best_val_acc",
    "best_val_loss",
    "loss",
    "metric",
    "monitor",
    "prec1",
    "score",
    "train_acc",
    "train_loss",
    "val_acc",
    "val_loss",
];
const LOSSES: [&str; 30] = [
    "criterion",
    "criterion_state_dict",
    "criterions",
    "criteria",
    "loss_criterion",
    "train_criterion",
    "val_criterion",
    "valid_criterion",
    "test_criterion",
    "loss",
    "losses",
    "loss_fct",
    "loss_fn",
    "loss_fns",
    "loss_func",
    "loss_function",
    "loss_module",
    "train_loss",
    "train_loss_fn",
    "val_loss",
    "val_loss_fn",
    "valid_loss",
    "test_loss",
    "bce",
    "bce_loss",
    "ce",
    "ce_loss",
    "cross_entropy",
    "focal_loss",
    "nll_loss",
];
/// Buffers of losses wherever they are (torch `nn/modules/loss.py`: `pos_weight`).
const LOSS_BUFFERS: [&str; 3] = ["pos_weight", "class_weight", "class_weights"];
/// torchmetrics' modules by their usual attributes, as they are and after `train_`, `val_`, `valid_` and `test_`.
const METRICS: [&str; 17] = [
    "acc",
    "accuracy",
    "ap",
    "auc",
    "auroc",
    "average_precision",
    "confmat",
    "confusion_matrix",
    "f1",
    "f1_score",
    "kappa",
    "mean_ap",
    "metric",
    "metrics",
    "precision",
    "recall",
    "specificity",
];
const PHASES: [&str; 5] = ["train_", "training_", "val_", "valid_", "test_"];
const TEACHERS: [&str; 7] = [
    "teacher",
    "teachers",
    "teacher_model",
    "teacher_net",
    "teacher_network",
    "teacher_state_dict",
    "model_teacher",
];
/// What averages keep beside the weights (torch `optim/swa_utils.py`: `n_averaged`).
const AVERAGING: [&str; 5] = ["decay", "n_averaged", "num_updates", "updates", "initted"];

/// Attributes of modules around a network (`DataParallel`, Lightning's usual one), which stand before every name.
pub(super) const MODULES: [&str; 2] = ["module", "model"];
/// Keys under which training scripts keep a state dict, and that no module has for an attribute.
const NESTS: [&str; 7] = [
    "state_dict",
    "model_state_dict",
    "net_state_dict",
    "network_state_dict",
    "model_state",
    "model_weights",
    "weights",
];
/// What was trained, beside the averages that `state_dict` holds (Lightning `weight_averaging.py`).
pub(super) const TRAINED: &str = "current_model_state";
/// Settings, whose tensors are told by their own names.
pub(super) const SETTINGS: [&str; 4] = [
    "hyper_parameters",
    "datamodule_hyper_parameters",
    "hparams",
    "args",
];

/// Whether a component of a name is a known wrapper's or training script's.
pub(super) fn is_removable(component: &str) -> bool {
    MODULES.contains(&component)
        || is_wrapper(component)
        || NESTS.contains(&component)
        || component == TRAINED
        || is_average(component)
}

/// Whether a component says that averages are below it: one of its words is `ema`, `swa` or `avg`, alone or joined with `model` or the
/// like, or begins with `averag`. `schema` and `semantic` are not such words.
pub(super) fn is_average(component: &str) -> bool {
    words(component).iter().any(|word| {
        let word = word.as_str();
        let joined = JOINED.iter().find_map(|other| {
            word.strip_prefix(other)
                .or_else(|| word.strip_suffix(other))
        });
        let is_short = |word: &str| ["ema", "swa", "avg"].contains(&word);
        word.starts_with("averag") || is_short(word) || joined.is_some_and(is_short)
    })
}

/// What stands before or after `ema` without anything between.
const JOINED: [&str; 7] = [
    "model", "net", "network", "weights", "params", "student", "teacher",
];

/// A component's words in lower case: `model_ema`, `modelEma`, `EMAModel` and `ema2` have `ema`.
fn words(component: &str) -> Vec<String> {
    let letters: Vec<char> = component.chars().collect();
    let mut words = vec![String::new()];
    for (index, letter) in letters.iter().enumerate() {
        let is_upper = |at: usize| letters.get(at).is_some_and(char::is_ascii_uppercase);
        let is_lower = |at: usize| letters.get(at).is_some_and(char::is_ascii_lowercase);
        let before = index.checked_sub(1);
        let starts = is_upper(index)
            && (before.is_some_and(is_lower)
                || (before.is_some_and(is_upper) && is_lower(index + 1)));
        if starts || !letter.is_ascii_alphabetic() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter.is_ascii_alphabetic(), words.last_mut()) {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What a tensor is, if its name tells that no network computes with it, and the beginning of the name that tells.
pub(super) fn state<'a>(tensor: &'a TensorInfo, all: &ByName<'_>) -> Option<(GroupKind, &'a str)> {
    let name = tensor.name.as_str();
    if let Some(counter) = counter(tensor, all) {
        return Some((GroupKind::Counter, counter));
    }
    let components: Vec<&str> = name.split('.').collect();
    let is_last = |index: usize| index + 1 == components.len();
    let is_scalar = tensor.shape.iter().product::<u64>() == 1;
    let last = components.last().copied().unwrap_or_default();
    if LOSS_BUFFERS.contains(&last) && tensor.shape.len() <= 1 {
        return Some((GroupKind::Loss, name));
    }
    let mut end = 0;
    for (index, component) in components.iter().enumerate() {
        end += component.len() + usize::from(index > 0);
        let kind = if is_last(index) && is_scalar && SCORES.contains(component) {
            Some(GroupKind::Training)
        } else if is_last(index) && is_scalar && AVERAGING.contains(component) {
            Some(GroupKind::Averaging)
        } else {
            kind(component)
        };
        if let Some(kind) = kind {
            return Some((kind, &name[..end]));
        }
        if !is_removable(component) && !SETTINGS.contains(component) {
            return None;
        }
    }
    None
}

/// What the first component after wrappers and nests says.
pub(super) fn kind(component: &str) -> Option<GroupKind> {
    let phased = PHASES
        .iter()
        .find_map(|phase| component.strip_prefix(phase));
    if OPTIMISERS.contains(&component) {
        Some(GroupKind::Optimiser)
    } else if LOSSES.contains(&component) {
        Some(GroupKind::Loss)
    } else if METRICS.contains(&phased.unwrap_or(component)) {
        Some(GroupKind::Metric)
    } else if TEACHERS.contains(&component) {
        Some(GroupKind::Teacher)
    } else if TRAINING.contains(&component) {
        Some(GroupKind::Training)
    } else {
        None
    }
}

/// A counter beside a module's weights: of batches (torch `nn/modules/batchnorm.py`), where averaging or halving made it a float, or of
/// operations (thop `profile.py`).
fn counter<'a>(tensor: &'a TensorInfo, all: &ByName<'_>) -> Option<&'a str> {
    let (module, counter) = tensor.name.rsplit_once('.').unwrap_or(("", &tensor.name));
    let is_counter = match counter {
        "num_batches_tracked" => all.contains_key(format!("{module}.running_mean").as_str()),
        "total_ops" | "total_params" => true,
        _ => false,
    };
    (is_counter && tensor.shape.iter().product::<u64>() == 1).then_some(counter)
}

#[cfg(test)]
mod tests;
