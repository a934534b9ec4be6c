//! Networks below prefixes, and what is beside them at each level.

use super::*;

#[test]
fn a_network_is_found_under_any_prefix() {
    for (prefix, is_inside) in [
        ("net", true),
        ("model.net", true),
        ("base_model.model", true),
        ("nets.3", true),
        ("algorithm.state_dict.featurizer.0.network", true),
        ("model_state.module", false),
        ("_forward_module._fsdp_wrapped_module.model", false),
    ] {
        let names = ["conv_stem.weight", "bn1.bias"].map(|name| format!("{prefix}.{name}"));
        let found = offer(&[&names[0], &names[1], "optimizer.state.0.exp_avg"]);
        assert_eq!(found.prefix(), Some(prefix));
        assert_eq!(found.is_inside(), is_inside, "{prefix}");
        let expected = [("conv_stem.weight", 0.0), ("bn1.bias", 1.0)];
        assert_eq!(offered(&found), expected);
        assert_eq!(left_out(&found), [(GroupKind::Optimiser, "optimizer", 1)]);
    }
    let found = offer(&["encoder.conv_stem.weight", "decoder.0.bias"]);
    assert_eq!(beside(&found), ["decoder.0.bias"]);
    assert_eq!(found.prefix(), None);
}

#[test]
fn a_network_that_is_training_state_by_its_name_is_refused() {
    for (prefix, kind) in [
        ("teacher", GroupKind::Teacher),
        ("net.loss.features", GroupKind::Loss),
        ("hparams.model", GroupKind::Training),
    ] {
        let name = format!("{prefix}.conv_stem.weight");
        let found = offer(&[&name, "decoder.0.bias"]);
        let root = prefix.to_owned();
        let expected = Refusal::State { root, kind };
        assert_eq!(found.refusal(), Some(&expected));
        assert_eq!(found.prefix(), None);
    }
}

/// What stands beside the modules on the way to the network is told by its own name.
#[test]
fn training_state_is_left_out_at_every_level_of_the_prefix() {
    let found = offer(&[
        "net.backbone.conv_stem.weight",
        "net.criterion.weight",
        "net.val_metrics.auroc.preds",
        "net.backbone.loss.bias",
        "criterion.weight",
    ]);
    let expected = [
        (GroupKind::Loss, "net.criterion", 1),
        (GroupKind::Metric, "net.val_metrics", 1),
        (GroupKind::Loss, "net.backbone.loss", 1),
        (GroupKind::Loss, "criterion", 1),
    ];
    assert_eq!(left_out(&found), expected);
    let names = ["net.backbone.conv_stem.weight", "other.criterion.weight"];
    assert_eq!(beside(&offer(&names)), ["other.criterion.weight"]);
}

#[test]
fn wrappers_inside_a_network_go_as_well() {
    let found = offer(&[
        "net._orig_mod.conv_stem._fsdp_wrapped_module.weight",
        "net._orig_mod.blocks.0._checkpoint_wrapped_module.0.module.bn1.bias",
        "ema.conv_stem.weight",
        "ema.module.blocks.0.0.bn1.bias",
    ]);
    assert_eq!(found.prefix(), Some("ema"));
    let expected = [("conv_stem.weight", 2.0), ("blocks.0.0.bn1.bias", 3.0)];
    assert_eq!(offered(&found), expected);
    let expected = [(GroupKind::StateDict, "net._orig_mod", 2)];
    assert_eq!(left_out(&found), expected);
    // A module that is compiled and kept is there twice.
    let names = ["bn1.bias", "_orig_mod.bn1.bias"].map(|name| format!("net.{name}"));
    let found = offer(&["net.conv_stem.weight", &names[0], &names[1]]);
    let [one, other] = names;
    assert_eq!(found.refusal(), Some(&Refusal::Twice { one, other }));
}
