//! Offers of small lists of names.

mod prefixes;

use super::*;
use crate::tensor::Element;

/// Tensors of one element, each its place in the list.
struct List(Vec<TensorInfo>);

struct One(f32);

impl TensorReader for One {
    fn fill(&self, _offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        out.fill(self.0);
        Ok(())
    }
}

impl TensorSource for List {
    fn tensors(&self) -> &[TensorInfo] {
        &self.0
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let place = self.0.iter().position(|tensor| tensor.name == name);
        Ok(Box::new(One(place.expect("a listed tensor") as f32)))
    }

    /// The first tensor is full of zeros.
    fn is_zero(&self, name: &str) -> Option<bool> {
        Some(self.0.first()?.name == name)
    }
}

fn shaped(names: &[(&str, &[u64])]) -> Offer {
    asked(names, None)
}

fn asked(names: &[(&str, &[u64])], prefix: Option<&str>) -> Offer {
    let tensor = |(name, shape): &(&str, &[u64])| TensorInfo {
        name: (*name).to_owned(),
        shape: shape.to_vec(),
        element: if name.contains("count") {
            Element::I64
        } else {
            Element::F32
        },
    };
    let list = List(names.iter().map(tensor).collect());
    Offer::new(Box::new(list), prefix, false)
}

/// Vectors of four elements, and kernels where the name is one's.
fn offer(names: &[&str]) -> Offer {
    let shape = |name: &str| -> &[u64] {
        if name.contains("conv_stem") {
            &[8, 3, 3, 3]
        } else {
            &[4]
        }
    };
    let names: Vec<(&str, &[u64])> = names.iter().map(|name| (*name, shape(name))).collect();
    shaped(&names)
}

fn offered(offer: &Offer) -> Vec<(&str, f32)> {
    let value = |tensor: &TensorInfo| {
        let mut value = [0.0];
        let reader = offer.open(&tensor.name).expect("an offered tensor");
        reader.fill(0, &mut value).expect("a value");
        value[0]
    };
    let tensors = offer.tensors().iter();
    tensors
        .map(|tensor| (tensor.name.as_str(), value(tensor)))
        .collect()
}

/// Places of what is left out, with what accounts for it.
fn left_out(offer: &Offer) -> Vec<(GroupKind, &str, usize)> {
    assert_eq!(offer.refusal(), None);
    let groups = offer.left_out().iter();
    groups
        .map(|group| (group.kind, group.place.as_str(), group.names.len()))
        .collect()
}

fn beside(offer: &Offer) -> Vec<&str> {
    match offer.refusal() {
        Some(Refusal::Beside { tensors, .. }) => {
            tensors.iter().map(|(name, _)| name.as_str()).collect()
        }
        other => panic!("expected tensors beside a network, found {other:?}"),
    }
}

#[test]
fn averages_come_before_the_last_step() {
    let nested = offer(&[
        "optimizer.state.0.exp_avg",
        "state_dict.conv_stem.weight",
        "state_dict_ema.conv_stem.weight",
        "state_dict_ema.bn1.count",
    ]);
    assert_eq!(nested.integers(), ["bn1.count"]);
    assert_eq!(nested.prefix(), Some("state_dict_ema"));
    assert!(nested.is_averaged() && !nested.is_wrapped());
    assert_eq!(offered(&nested), [("conv_stem.weight", 2.0)]);
    let expected = [
        (GroupKind::Optimiser, "optimizer", 1),
        (GroupKind::StateDict, "state_dict", 1),
    ];
    assert_eq!(left_out(&nested), expected);
}

#[test]
fn averages_are_found_wherever_they_are_kept() {
    for (other, average) in [
        ("model.", "ema."),
        ("model.", "swa_model."),
        ("model.", "averaged_model.module."),
        ("model.", "ema.module."),
        ("net.", "ema_model."),
        ("", "model_ema.module."),
        ("module.model.", "ema.module.model."),
        ("model.model.", "ema.model."),
    ] {
        let names = ["conv_stem.weight", "bn1.bias"];
        let names = [other, average].map(|prefix| names.map(|name| format!("{prefix}{name}")));
        let mut names: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
        let decay = format!("{}.decay", average.split('.').next().unwrap_or_default());
        names.push(&decay);
        let names: Vec<(&str, &[u64])> = names
            .into_iter()
            .map(|name| (name, if name == decay { &[][..] } else { &[8][..] }))
            .collect();
        let found = shaped(&names);
        assert_eq!(found.prefix(), average.strip_suffix('.'), "{other}");
        let expected = [("conv_stem.weight", 2.0), ("bn1.bias", 3.0)];
        assert_eq!(offered(&found), expected, "{other} {average}");
        let place = other.trim_end_matches('.');
        let expected = [
            (GroupKind::StateDict, place, 2),
            (GroupKind::Averaging, decay.as_str(), 1),
        ];
        assert_eq!(left_out(&found), expected, "{average}");
    }
}

#[test]
fn what_was_trained_comes_after_the_averages_of_lightning() {
    let found = offer(&[
        "averaging_state.updates",
        "current_model_state.model.conv_stem.weight",
        "state_dict.model.conv_stem.weight",
    ]);
    assert_eq!(found.prefix(), Some("state_dict.model"));
    assert_eq!(offered(&found), [("conv_stem.weight", 2.0)]);
}

#[test]
fn networks_of_one_rank_are_refused_by_name() {
    for names in [
        &["ema.conv_stem.weight", "swa.conv_stem.weight"][..],
        &["state_dict.conv_stem.weight", "model.conv_stem.weight"],
        &["models.0.conv_stem.weight", "models.1.conv_stem.weight"],
        &["conv_stem.weight", "best.conv_stem.weight"],
        // Averages without running statistics.
        &[
            "model.conv_stem.weight",
            "model.bn1.running_mean",
            "ema.conv_stem.weight",
        ],
    ] {
        let found = offer(names);
        let Some(Refusal::Several { networks }) = found.refusal() else {
            panic!("{names:?}: {:?}", found.refusal());
        };
        assert_eq!(networks.len(), 2);
        let message = found.refusal().expect("a refusal").to_string();
        for name in names.iter().filter(|name| !name.starts_with("conv_stem")) {
            let root = name.split(".conv_stem").next().unwrap_or_default();
            let is_named = message.contains(&format!("`{root}`")) || root.contains("running");
            assert!(is_named, "{message}");
        }
        assert_eq!(found.tensors().len(), names.len());
    }
}

#[test]
fn what_nothing_accounts_for_beside_a_network_is_refused_by_name() {
    let network = [
        ("model.conv_stem.weight", &[8, 3, 3, 3][..]),
        ("model.classifier.weight", &[1000, 8]),
        ("model.classifier.bias", &[1000]),
    ];
    for (name, shape) in [
        ("fc.weight", &[5, 1000][..]),
        ("mean", &[1, 3, 1, 1]),
        ("temperature", &[1]),
        ("model_2.scale", &[]),
        ("ema.conv_stemweight", &[8, 3, 3, 3]),
        ("log_vars", &[2]),
        ("hyper_parameters.std", &[3]),
    ] {
        let found = shaped(&[&network[..], &[(name, shape)]].concat());
        assert_eq!(beside(&found), [name]);
        let message = found.refusal().expect("a refusal").to_string();
        assert!(
            message.contains(&format!("`{name}`: {shape:?}")),
            "{message}"
        );
        let hint = found.refusal().expect("a refusal").hint();
        assert_eq!(hint.contains("averages"), name.starts_with("ema"));
        assert_eq!(found.prefix(), None);
        assert_eq!(found.tensors().len(), 4);
        assert_eq!(Naming::detect(found.tensors()), None);
    }
}

#[test]
fn a_linear_layer_beside_a_network_without_one_is_its_classifier() {
    let stem = ("model.conv_stem.weight", &[8, 3, 3, 3][..]);
    let (weight, bias) = (("fc.weight", &[5, 8][..]), ("fc.bias", &[5][..]));
    let found = shaped(&[stem, bias, weight]);
    assert_eq!(found.head(), Some("fc"));
    let expected = [
        ("conv_stem.weight", 0.0),
        ("classifier.bias", 1.0),
        ("classifier.weight", 2.0),
    ];
    assert_eq!(offered(&found), expected);
    assert_eq!(shaped(&[stem, weight]).head(), Some("fc"));
    // The raw weights have the same layer beside them.
    let averages = ("ema.model.conv_stem.weight", stem.1);
    let (first, second) = (("ema.fc.weight", weight.1), ("ema.fc.bias", bias.1));
    let found = shaped(&[stem, weight, bias, averages, first, second]);
    assert_eq!(found.head(), Some("ema.fc"));
    assert_eq!(left_out(&found), [(GroupKind::StateDict, "model", 3)]);
    let two: [(&str, &[u64]); 2] = [("fc.0.weight", &[6, 8]), ("fc.2.weight", &[5, 6])];
    // Of several layers a record or the caller says which is which.
    let layers = shaped(&[stem, two[0], two[1]]);
    assert_eq!((layers.head(), layers.refusal()), (None, None));
    let expected = [
        ("conv_stem.weight", 0.0),
        ("fc.0.weight", 1.0),
        ("fc.2.weight", 2.0),
    ];
    assert_eq!(offered(&layers), expected);
    let norm = ("norm.weight", &[8][..]);
    assert_eq!(
        beside(&shaped(&[stem, weight, norm])),
        ["fc.weight", "norm.weight"]
    );
    let other_bias = ("fc2.bias", &[5][..]);
    assert_eq!(beside(&shaped(&[stem, weight, other_bias])).len(), 2);
    let short_bias = ("fc.bias", &[4][..]);
    assert_eq!(beside(&shaped(&[stem, weight, short_bias])).len(), 2);
}

#[test]
fn a_lonely_linear_layer_is_the_classifier() {
    let stem = ("features.0.0.weight", &[2, 3, 3, 3][..]);
    for (module, own) in [
        ("classifier", "classifier"),
        ("classifier.3", "classifier.3"),
        ("fc", "fc"),
    ] {
        let (weight, bias) = (format!("{module}.weight"), format!("{module}.bias"));
        let offer = shaped(&[stem, (&weight, &[4, 8]), (&bias, &[4])]);
        assert_eq!(offer.head(), Some(own));
        let expected = [
            (stem.0, 0.0),
            ("classifier.1.weight", 1.0),
            ("classifier.1.bias", 2.0),
        ];
        assert_eq!(offered(&offer), expected);
    }
    let keras = shaped(&[
        ("stem_conv/kernel", &[3, 3, 3, 2]),
        ("mine/kernel", &[8, 4]),
    ]);
    assert_eq!(keras.head(), Some("mine"));
    assert_eq!(keras.tensors()[1].name, "predictions/kernel");
    assert_eq!(keras.tensors()[1].shape, [4, 8]);
    let own: &[(&str, &[u64])] = &[stem, ("classifier.1.weight", &[4, 8])];
    assert_eq!(shaped(own).head(), None);
    let two = [stem, ("head.0.weight", &[6, 8]), ("head.2.weight", &[4, 6])];
    assert_eq!(shaped(&two).head(), None);
    assert_eq!(offered(&shaped(&two))[2], ("head.2.weight", 2.0));
}

#[test]
fn wrappers_prefixes_go_in_any_order_and_only_from_the_whole() {
    for prefix in [
        "model.module.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "module.module.",
        "model.",
    ] {
        let names = ["conv_stem.weight", "bn1.bias"].map(|name| format!("{prefix}{name}"));
        let wrapped = offer(&[&names[0], &names[1]]);
        let expected = [("conv_stem.weight", 0.0), ("bn1.bias", 1.0)];
        assert_eq!(offered(&wrapped), expected);
        assert!(wrapped.is_wrapped());
    }
    assert!(!offer(&["_orig_mod.conv_stem.weight"]).is_wrapped());
    let partly = offer(&["module.conv_stem.weight", "bn1.bias"]);
    assert_eq!(beside(&partly), ["bn1.bias"]);
    assert_eq!(partly.prefix(), None);
}

#[test]
fn averages_that_have_averaged_nothing_are_refused() {
    let stem = &[8, 3, 3, 3][..];
    let [trained, average] = ["model.conv_stem.weight", "swa.module.conv_stem.weight"];
    let counter = ("swa.n_averaged", &[][..]);
    let idle = shaped(&[counter, (trained, stem), (average, stem)]);
    let refusal = idle.refusal().expect("a refusal").to_string();
    assert!(
        refusal.ends_with("nothing yet: `swa.n_averaged` is 0"),
        "{refusal}"
    );
    assert_eq!(idle.tensors().len(), 3);
    let averaged = shaped(&[(trained, stem), (average, stem), counter]);
    assert_eq!(averaged.prefix(), Some("swa.module"));
    // Another network's counter tells nothing of these.
    let other = ("ema.n_averaged", &[][..]);
    let averaged = shaped(&[other, (trained, stem), (average, stem)]);
    assert_eq!(averaged.prefix(), Some("swa.module"));
}

#[test]
fn training_state_is_left_out_by_name_whatever_is_removed() {
    for prefix in ["", "model.", "state_dict.model."] {
        let outer = prefix.strip_suffix("model.").unwrap_or(prefix);
        let names = [
            format!("{prefix}conv_stem.weight"),
            format!("{prefix}bn1.running_mean"),
            format!("{prefix}bn1.num_batches_tracked"),
            format!("{outer}criterion.weight"),
            format!("{prefix}val_acc.total"),
            format!("{outer}teacher.conv_stem.weight"),
        ];
        let shape = |name: &str| -> &[u64] { if name.ends_with("tracked") { &[] } else { &[4] } };
        let names: Vec<(&str, &[u64])> = names
            .iter()
            .map(|name| (name.as_str(), shape(name)))
            .collect();
        let found = shaped(&names);
        let expected = [("conv_stem.weight", 0.0), ("bn1.running_mean", 1.0)];
        assert_eq!(offered(&found), expected, "{prefix}");
        let kinds: Vec<GroupKind> = found.left_out().iter().map(|group| group.kind).collect();
        let expected = [
            GroupKind::Counter,
            GroupKind::Loss,
            GroupKind::Metric,
            GroupKind::Teacher,
        ];
        assert_eq!(kinds, expected, "{prefix}");
    }
}

/// `conv1.weight` also ends the names of a ResNet's blocks, and begins those of other networks.
#[test]
fn a_resnet_is_found_by_its_first_block_as_well() {
    let names = [
        "module.conv1.weight",
        "module.layer1.0.conv1.weight",
        "module.fc.weight",
    ];
    let whole = offer(&names);
    assert_eq!(whole.prefix(), Some("module"));
    assert_eq!(whole.tensors()[1].name, "layer1.0.conv1.weight");
    let other = offer(&[names[0], names[2]]);
    assert_eq!((other.prefix(), other.refusal()), (None, None));
}
