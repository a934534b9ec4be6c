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

#[test]
fn a_prefix_that_is_asked_for_decides() {
    let stem = &[8, 3, 3, 3][..];
    let names = [
        ("one.conv_stem.weight", stem),
        ("one.bn1.bias", &[8]),
        ("two.net.conv_stem.weight", stem),
        ("two.net.bn1.bias", &[8]),
        ("mean", &[3]),
    ];
    assert!(matches!(
        shaped(&names).refusal(),
        Some(Refusal::Several { .. })
    ));
    for (prefix, own) in [
        ("two.net", "two.net"),
        ("two.net.", "two.net"),
        ("two", "two.net"),
    ] {
        let found = asked(&names, Some(prefix));
        assert_eq!(found.prefix(), Some(own));
        let expected = [("conv_stem.weight", 2.0), ("bn1.bias", 3.0)];
        assert_eq!(offered(&found), expected);
        let expected = [
            (GroupKind::Outside, "one", 2),
            (GroupKind::Outside, "mean", 1),
        ];
        assert_eq!(left_out(&found), expected);
    }
    let refused = asked(&names, Some("tw"));
    let found = ["mean", "one", "two"].map(str::to_owned).to_vec();
    let prefix = "tw".to_owned();
    let expected = Refusal::NothingBelow { prefix, found };
    assert_eq!(refused.refusal(), Some(&expected));
    assert_eq!(refused.tensors().len(), 5);
    // The empty prefix is that of the network without one; training state is read where it is asked for.
    let names = [
        ("conv_stem.weight", stem),
        ("teacher.conv_stem.weight", stem),
        ("best.conv_stem.weight", stem),
    ];
    let found = asked(&names, Some(""));
    assert_eq!(offered(&found), [("conv_stem.weight", 0.0)]);
    let expected = [
        (GroupKind::Teacher, "teacher", 1),
        (GroupKind::Outside, "best", 1),
    ];
    assert_eq!(left_out(&found), expected);
    let found = asked(&names, Some("teacher"));
    assert_eq!(offered(&found), [("conv_stem.weight", 1.0)]);
}

#[test]
fn the_network_of_an_asked_prefix_comes_before_those_further_below() {
    let stem = &[8, 3, 3, 3][..];
    let names = [
        ("net.conv_stem.weight", stem),
        ("net.other.conv_stem.weight", stem),
    ];
    let found = asked(&names, Some("net"));
    assert_eq!(found.prefix(), Some("net"));
    assert_eq!(offered(&found), [("conv_stem.weight", 0.0)]);
    let expected = [(GroupKind::Outside, "net.other", 1)];
    assert_eq!(left_out(&found), expected);
    let found = asked(&names, Some("net.other"));
    assert_eq!(offered(&found), [("conv_stem.weight", 1.0)]);
}

#[test]
fn names_of_any_library_are_read_below_a_prefix_that_is_asked_for() {
    let names = [
        ("base/stem_conv/kernel", &[3, 3, 3, 2][..]),
        ("base/predictions/kernel", &[8, 4]),
        ("other/kernel", &[8, 4]),
    ];
    let found = asked(&names, Some("base"));
    assert_eq!(found.prefix(), Some("base"));
    assert_eq!(found.tensors()[0].name, "stem_conv/kernel");
    assert_eq!(found.tensors()[0].shape, [2, 3, 3, 3]);
    assert_eq!(left_out(&found), [(GroupKind::Outside, "other", 1)]);
}

#[test]
fn weights_in_a_form_that_is_not_read_are_refused_unless_they_are_left_out() {
    let stem = ("net.conv_stem.weight", &[8, 3, 3, 3][..]);
    for (name, form) in [
        ("net.classifier.lora_A.weight", Packed::Adapter),
        (
            "net.bn1.parametrizations.weight.original",
            Packed::Parametrized,
        ),
        ("_flat_param", Packed::Flat),
    ] {
        let found = shaped(&[stem, (name, &[4, 4])]);
        let tensors = vec![(name.to_owned(), vec![4, 4])];
        let expected = Refusal::Packed { form, tensors };
        assert_eq!(found.refusal(), Some(&expected));
        // No network is found where its first kernel has such a name.
        let alone = shaped(&[(name, &[4, 4])]);
        assert_eq!(alone.refusal(), Some(&expected));
        let teacher = format!("teacher.{name}");
        let found = shaped(&[stem, (&teacher, &[4, 4])]);
        assert_eq!(left_out(&found), [(GroupKind::Teacher, "teacher", 1)]);
    }
}
