//! What no network here has, refused by its name.

use super::emit;
use super::pickle::{Saved, global, mapping, module, tensor, text};
use efficientnet_onnx::weights::names::Naming;

const ACTIVATION: &str = "torch.nn.modules.activation.";

/// Emits it without further flags, which fails for that reason.
fn refused(saved: &Saved, expected: &str) {
    refused_with(saved, &[], expected);
}

fn refused_with(saved: &Saved, flags: &[&str], expected: &str) {
    let (status, said, _) = emit(saved, flags);
    assert_eq!(status, Some(2), "expected `{expected}`, found: {said}");
    assert!(
        said.contains(expected),
        "expected `{expected}`, found: {said}"
    );
}

#[test]
fn another_librarys_model() {
    refused_with(
        &Saved::of(Naming::Timm),
        &["--like", "timm/efficientnet_b0"],
        "the pickled module says padding same and epsilon 1e-3, but `timm/efficientnet_b0.ra_in1k` has padding symmetric and epsilon 1e-5",
    );
    refused_with(
        &Saved::of(Naming::Torchvision),
        &["--like", "torchvision/efficientnet_b0"],
        "the pickled module says padding symmetric and epsilon 2e-3",
    );
    refused_with(
        &Saved::of(Naming::Lukemelas),
        &["--like", "lukemelas/efficientnet-b0"],
        "the pickled module says padding static:99 and epsilon 2e-3",
    );
}

#[test]
fn activations() {
    let torchvision = Saved::of(Naming::Torchvision);
    let silu = format!("{ACTIVATION}SiLU");
    let another = |name: &str| torchvision.reclassed(&silu, &format!("{ACTIVATION}{name}"));
    refused(
        &another("ReLU"),
        "`features.0.1` is followed by ReLU, expected swish",
    );
    for name in ["Hardswish", "LeakyReLU", "GELU"] {
        let expected =
            format!("`features.0.2` is a `{ACTIVATION}{name}`, which no network here has");
        refused(&another(name), &expected);
    }
    refused(
        &torchvision.reclassed(&silu, "torch.nn.modules.linear.Identity"),
        "`features.1.0.block.1.activation` is a `torch.nn.modules.linear.Identity`",
    );
    // A class of the user's is not PyTorch's, whatever it is called.
    refused(
        &torchvision.reclassed(&silu, "project.layers.SiLU"),
        "`features.0.2` is a `project.layers.SiLU`",
    );
    let timm = Saved::of(Naming::Timm);
    refused(
        &timm.reclassed(&silu, &format!("{ACTIVATION}Hardswish")),
        "`bn1.act` is a `torch.nn.modules.activation.Hardswish`",
    );
    refused(
        &timm.reclassed(
            &format!("{ACTIVATION}Sigmoid"),
            &format!("{ACTIVATION}Hardsigmoid"),
        ),
        "`blocks.0.0.se.gate` is a `torch.nn.modules.activation.Hardsigmoid`, expected a sigmoid",
    );
    refused(
        &Saved::of(Naming::Lukemelas).reclassed(
            "efficientnet_pytorch.utils.MemoryEfficientSwish",
            &format!("{ACTIVATION}ReLU"),
        ),
        "`_blocks.0._bn1` is followed by ReLU, expected swish",
    );
}

#[test]
fn batch_norms() {
    let torchvision = Saved::of(Naming::Torchvision);
    let epsilon = |value: f64| [b"G", &value.to_be_bytes()[..]].concat();
    refused(
        &torchvision.replaced(&epsilon(2e-3), &epsilon(1e-5), false),
        "batch norms differ in epsilon: `features.0.1` has 1e-5, `features.1.0.block.0.1` has 2e-3",
    );
    refused(
        &torchvision.reclassed(
            "torch.nn.modules.batchnorm.BatchNorm2d",
            "torch.nn.modules.normalization.GroupNorm",
        ),
        "`features.0.1` is a `torch.nn.modules.normalization.GroupNorm`",
    );
}

#[test]
fn convolutions() {
    let torchvision = Saved::of(Naming::Torchvision);
    refused(
        &torchvision.retexted("zeros", "reflect"),
        "`features.0.0` pads with `reflect`, expected `zeros`",
    );
    // The tuple of the first stride, which later ones refer to.
    let two = b"K\x02K\x02\x86";
    for (first, expected) in [
        (
            b"K\x01K\x01\x86",
            "`features.0.0` has stride [1, 1], expected [2, 2]",
        ),
        (
            b"K\x02K\x01\x86",
            "`features.0.0` has stride [2, 1], expected [2, 2]",
        ),
    ] {
        refused(&torchvision.replaced(two, first, false), expected);
    }
    refused(
        &Saved::of(Naming::Timm).reclassed(
            "timm.layers.conv2d_same.Conv2dSame",
            "project.layers.Conv2dSame",
        ),
        "`conv_stem` is a `project.layers.Conv2dSame`",
    );
}

#[test]
fn blocks() {
    let torchvision = Saved::of(Naming::Torchvision);
    let start = torchvision
        .value
        .windows(15)
        .position(|text| text == b"use_res_connect");
    let after = start.expect("its text") + 15;
    let place = torchvision.value[after..]
        .iter()
        .position(|byte| *byte == 0x89);
    let place = after + place.expect("False");
    let changed = torchvision.within(|value| {
        let mut value = value.to_vec();
        value[place] = 0x88;
        value
    });
    refused(
        &changed,
        "`features.1.0` adds its input to its result, expected it not to",
    );
    let timm = Saved::of(Naming::Timm);
    refused(
        &timm.reclassed(
            "timm.models._efficientnet_blocks.InvertedResidual",
            "project.blocks.InvertedResidual",
        ),
        "`blocks.1.0` is a `project.blocks.InvertedResidual`",
    );
}

#[test]
fn pools() {
    refused(
        &Saved::of(Naming::Timm).retexted("avg", "max"),
        "`global_pool` has the pool type `max`, expected it to be what it calls",
    );
    let pool = "torch.nn.modules.pooling.AdaptiveAvgPool2d";
    for (naming, expected) in [
        // Of squeeze-and-excitation, too.
        (
            Naming::Torchvision,
            "expected the mean over height and width",
        ),
        (Naming::Lukemelas, "expected a pool over height and width"),
    ] {
        let saved = Saved::of(naming).reclassed(pool, "torch.nn.modules.pooling.LPPool2d");
        let expected = format!("is a `torch.nn.modules.pooling.LPPool2d`, {expected}");
        refused(&saved, &expected);
    }
    refused(
        &Saved::of(Naming::Lukemelas).reclassed(
            "torch.nn.modules.pooling.AdaptiveAvgPool2d",
            "torch.nn.modules.linear.Identity",
        ),
        "its pool is the identity",
    );
}

#[test]
fn heads() {
    let torchvision = Saved::of(Naming::Torchvision);
    // No flag tells it away, and `--head` is no way around it.
    for flags in [&[][..], &["--head", "linear"], &["--head", "relu,linear"]] {
        refused_with(
            &torchvision.reclassed(
                "torch.nn.modules.dropout.Dropout",
                &format!("{ACTIVATION}Softplus"),
            ),
            flags,
            "`classifier.0` is a `torch.nn.modules.activation.Softplus`, which no head here has",
        );
    }
    refused(
        &torchvision.reclassed(
            "torch.nn.modules.linear.Linear",
            "project.layers.CosineLinear",
        ),
        "`classifier.1` is a `project.layers.CosineLinear`, which no head here has",
    );
    // What is recorded of the body counts whatever head follows.
    let longer = |naming| {
        Saved::of(naming).reclassed(
            "torch.nn.modules.dropout.Dropout",
            &format!("{ACTIVATION}ReLU"),
        )
    };
    refused(
        &longer(Naming::Lukemelas).reclassed(
            "efficientnet_pytorch.utils.MemoryEfficientSwish",
            &format!("{ACTIVATION}ReLU"),
        ),
        "`_blocks.0._bn1` is followed by ReLU, expected swish",
    );
    refused(
        &longer(Naming::Torchvision)
            .reclassed(&format!("{ACTIVATION}SiLU"), &format!("{ACTIVATION}ReLU")),
        "`features.0.1` is followed by ReLU, expected swish",
    );
}

#[test]
fn wrappers() {
    let torchvision = Saved::of(Naming::Torchvision);
    let sigmoid = module(&format!("{ACTIVATION}Sigmoid"), &[], &[]);
    let beside = |class: &str, own: &[u8]| {
        torchvision.within(|value| module(class, &[("model", value), ("post", own)], &[]))
    };
    refused(
        &beside("__main__.Net", &sigmoid),
        "the model applies a sigmoid to its logits",
    );
    for class in [
        "project.layers.Scale",
        "torch.nn.modules.pooling.MaxPool2d",
        "torchvision.transforms.transforms.Normalize",
    ] {
        let own = module(class, &[], &[]);
        let expected = format!("`post` is a `{class}` in `__main__.Net` beside the network");
        refused(&beside("__main__.Net", &own), &expected);
    }
    // Parts in a row: the network's place is its number.
    let row = torchvision.within(|value| {
        let sequence = "torch.nn.modules.container.Sequential";
        module(sequence, &[("model", value), ("act", &sigmoid)], &[])
    });
    refused(&row, "the model applies a sigmoid to its logits");
    let hooked = torchvision.within(|value| {
        let hooks = [
            b"}K\x00".to_vec(),
            global("project.hooks.double"),
            b"s".to_vec(),
        ]
        .concat();
        module(
            "__main__.Net",
            &[("model", value)],
            &[("_forward_hooks", &hooks)],
        )
    });
    refused(
        &hooked,
        "`__main__.Net` runs the hook `project.hooks.double` (`_forward_hooks`), expected none",
    );
}

/// A state dict of the network alone would lose what is around it.
#[test]
fn no_hint_drops_the_reason() {
    let torchvision = Saved::of(Naming::Torchvision);
    let sigmoid = module(&format!("{ACTIVATION}Sigmoid"), &[], &[]);
    let row = torchvision.within(|value| {
        let sequence = "torch.nn.modules.container.Sequential";
        module(sequence, &[("0", value), ("1", &sigmoid)], &[])
    });
    let (status, said, _) = emit(&row, &[]);
    assert_eq!(status, Some(2), "{said}");
    assert!(!said.contains("state dict"), "{said}");
    assert!(said.contains("hint: `--outputs probabilities`"), "{said}");
}

#[test]
fn two_networks_beside_a_state_dict() {
    let timm = Saved::of(Naming::Timm);
    let state = Saved::state_dict(Naming::Timm, "");
    let both = timm.within(|value| {
        let other = timm.replaced(
            &[b"G", &1e-3_f64.to_be_bytes()[..]].concat(),
            &[b"G", &1e-5_f64.to_be_bytes()[..]].concat(),
            true,
        );
        let pair = [b"(", value, &other.value, b"t"].concat();
        mapping(&[("state_dict", &state), ("args", &pair)])
    });
    refused(
        &both,
        "`args.0` and `args.1` are two networks, and the weights are of neither",
    );
}

/// What `forward` may use is in the file, but in no state dict.
#[test]
fn tensors_that_state_dicts_lack() {
    let torchvision = Saved::of(Naming::Torchvision);
    let mean = tensor(0, &[3]);
    let parameter = [
        global("torch._utils._rebuild_parameter"),
        b"(".to_vec(),
        mean.clone(),
        b"\x88N".to_vec(),
        b"tR".to_vec(),
    ]
    .concat();
    for value in [&mean, &parameter] {
        let with = |name: &str| {
            torchvision.within(|own| module("__main__.Net", &[("model", own)], &[(name, value)]))
        };
        refused(
            &with("mean"),
            "`mean` of `__main__.Net` is a tensor that its state dict lacks, and how it is used is not known",
        );
        for (name, expected) in [
            ("loss_weight", "taken for a part of training and left out"),
            ("_example_input_array", "may do more than call it"),
        ] {
            let (status, said, _) = emit(&with(name), &[]);
            assert_eq!(status, Some(0), "{said}");
            assert!(said.contains(expected), "{said}");
        }
    }
    for (name, status) in [("std", Some(2)), ("other", Some(0))] {
        let hidden = torchvision.within(|own| {
            let buffers = mapping(&[("std", &mean)]);
            let names = [
                global("__builtin__.set"),
                b"](".to_vec(),
                text(name),
                b"e\x85R".to_vec(),
            ];
            let attributes = [
                ("_buffers", &buffers[..]),
                ("_non_persistent_buffers_set", &names.concat()),
            ];
            module("__main__.Net", &[("model", own)], &attributes)
        });
        let (found, said, _) = emit(&hidden, &[]);
        let expected = "`std` of `__main__.Net` is a tensor that its state dict lacks";
        assert_eq!(said.contains(expected), status == Some(2), "{said}");
        if name == "std" {
            assert_eq!(found, status, "{said}");
        }
    }
}
