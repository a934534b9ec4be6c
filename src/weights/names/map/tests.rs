//! The map, on short lists of names.

use super::*;

/// Two stages: one separable block, then two that expand, the second with no more than a kernel.
const NAMES: [&str; 14] = [
    "conv_stem.weight",
    "bn1.running_mean",
    "blocks.0.0.conv_dw.weight",
    "blocks.0.0.bn1.bias",
    "blocks.0.0.se.conv_reduce.bias",
    "blocks.0.0.conv_pw.weight",
    "blocks.0.0.bn2.weight",
    "blocks.1.0.conv_pw.weight",
    "blocks.1.0.bn2.running_var",
    "blocks.1.0.conv_pwl.weight",
    "blocks.1.1.conv_pwl.weight",
    "conv_head.weight",
    "bn2.weight",
    "classifier.bias",
];

fn translated(naming: Naming) -> Vec<String> {
    let map = NameMap::new(naming, NAMES).unwrap();
    NAMES
        .iter()
        .map(|name| map.source_name(name).unwrap().to_string())
        .collect()
}

#[test]
fn timm_keeps_its_names() {
    assert_eq!(translated(Naming::Timm), NAMES);
}

#[test]
fn torchvision_shifts_in_separable_blocks() {
    assert_eq!(
        translated(Naming::Torchvision),
        [
            "features.0.0.weight",
            "features.0.1.running_mean",
            "features.1.0.block.0.0.weight",
            "features.1.0.block.0.1.bias",
            "features.1.0.block.1.fc1.bias",
            "features.1.0.block.2.0.weight",
            "features.1.0.block.2.1.weight",
            "features.2.0.block.0.0.weight",
            "features.2.0.block.1.1.running_var",
            "features.2.0.block.3.0.weight",
            "features.2.1.block.3.0.weight",
            "features.3.0.weight",
            "features.3.1.weight",
            "classifier.1.bias",
        ]
    );
}

#[test]
fn transformers_counts_blocks_through() {
    let names = translated(Naming::Transformers);
    assert_eq!(names[0], "efficientnet.embeddings.convolution.weight");
    assert_eq!(
        names[2..6],
        [
            "efficientnet.encoder.blocks.0.depthwise_conv.depthwise_conv.weight",
            "efficientnet.encoder.blocks.0.depthwise_conv.depthwise_norm.bias",
            "efficientnet.encoder.blocks.0.squeeze_excite.reduce.bias",
            "efficientnet.encoder.blocks.0.projection.project_conv.weight",
        ]
    );
    assert_eq!(
        names[10..],
        [
            "efficientnet.encoder.blocks.2.projection.project_conv.weight",
            "efficientnet.encoder.top_conv.weight",
            "efficientnet.encoder.top_bn.weight",
            "classifier.bias",
        ]
    );
    let base = translated(Naming::TransformersBase);
    let without: Vec<&str> = names
        .iter()
        .map(|name| name.strip_prefix("efficientnet.").unwrap_or(name))
        .collect();
    assert_eq!(base, without);
}

#[test]
fn lukemelas_counts_blocks_through_and_never_shifts() {
    assert_eq!(
        translated(Naming::Lukemelas),
        [
            "_conv_stem.weight",
            "_bn0.running_mean",
            "_blocks.0._depthwise_conv.weight",
            "_blocks.0._bn1.bias",
            "_blocks.0._se_reduce.bias",
            "_blocks.0._project_conv.weight",
            "_blocks.0._bn2.weight",
            "_blocks.1._expand_conv.weight",
            "_blocks.1._bn1.running_var",
            "_blocks.1._project_conv.weight",
            "_blocks.2._project_conv.weight",
            "_conv_head.weight",
            "_bn1.weight",
            "_fc.bias",
        ]
    );
}

#[test]
fn blocks_past_the_tenth_keep_their_order() {
    let names: Vec<String> = (0..12)
        .map(|index| format!("blocks.0.{index}.conv_dw.weight"))
        .collect();
    let map = NameMap::new(Naming::Lukemelas, names.iter().map(String::as_str)).unwrap();
    assert_eq!(
        map.source_name("blocks.0.11.conv_dw.weight"),
        Some("_blocks.11._depthwise_conv.weight")
    );
}

#[test]
fn a_name_that_no_table_has_is_an_error() {
    for naming in Naming::ALL {
        for name in [
            "blocks.0.0.conv_other.weight",
            "weight",
            "conv_stem",
            "blocks.0.conv_dw.weight",
        ] {
            let error = NameMap::new(naming, [name]).unwrap_err();
            assert_eq!(
                error,
                UnknownName {
                    name: name.to_string(),
                    naming
                }
            );
        }
    }
}

/// A fused block, a single convolution, and a block that expands, as EfficientNetV2 has them.
#[test]
fn fused_blocks_have_their_own_tables() {
    let names = [
        "conv_stem.weight",
        "blocks.0.0.conv.weight",
        "blocks.0.0.bn1.running_mean",
        "blocks.1.0.conv_exp.weight",
        "blocks.1.0.bn1.weight",
        "blocks.1.0.conv_pwl.weight",
        "blocks.1.0.bn2.bias",
        "blocks.2.0.conv_pw.weight",
        "blocks.2.0.conv_dw.weight",
        "blocks.2.0.conv_pwl.weight",
        "bn2.running_var",
    ];
    for (naming, expected) in [
        (
            Naming::Torchvision,
            [
                "features.0.0.weight",
                "features.1.0.block.0.0.weight",
                "features.1.0.block.0.1.running_mean",
                "features.2.0.block.0.0.weight",
                "features.2.0.block.0.1.weight",
                "features.2.0.block.1.0.weight",
                "features.2.0.block.1.1.bias",
                "features.3.0.block.0.0.weight",
                "features.3.0.block.1.0.weight",
                "features.3.0.block.3.0.weight",
                "features.4.1.running_var",
            ],
        ),
        (
            Naming::Keras,
            [
                "stem_conv/kernel",
                "block1a_project_conv/kernel",
                "block1a_project_bn/moving_mean",
                "block2a_expand_conv/kernel",
                "block2a_expand_bn/gamma",
                "block2a_project_conv/kernel",
                "block2a_project_bn/beta",
                "block3a_expand_conv/kernel",
                "block3a_dwconv2/depthwise_kernel",
                "block3a_project_conv/kernel",
                "top_bn/moving_variance",
            ],
        ),
        (
            Naming::TensorFlow,
            [
                "stem/conv2d/kernel",
                "blocks_0/conv2d/kernel",
                "blocks_0/tpu_batch_normalization/moving_mean",
                "blocks_1/conv2d/kernel",
                "blocks_1/tpu_batch_normalization/gamma",
                "blocks_1/conv2d_1/kernel",
                "blocks_1/tpu_batch_normalization_1/beta",
                "blocks_2/conv2d/kernel",
                "blocks_2/depthwise_conv2d/depthwise_kernel",
                "blocks_2/conv2d_1/kernel",
                "head/tpu_batch_normalization/moving_variance",
            ],
        ),
    ] {
        let map = NameMap::new(naming, names).unwrap();
        for (timm, expected) in names.iter().zip(expected) {
            assert_eq!(map.source_name(timm), Some(expected), "{naming}");
        }
    }
    let error = NameMap::new(Naming::Lukemelas, names).unwrap_err();
    assert_eq!(error.name, "blocks.0.0.conv.weight");
}

/// Only timm has names for the router of a routed block.
#[test]
fn routed_blocks_are_timms() {
    let names = [
        "blocks.0.0.conv_pwl.weight",
        "blocks.0.0.routing_fn.weight",
        "blocks.0.0.routing_fn.bias",
    ];
    for naming in Naming::ALL {
        let known = NameMap::new(naming, names).is_ok();
        assert_eq!(known, naming == Naming::Timm, "{naming}");
    }
}

/// A head of several layers has its own names, and no library's.
#[test]
fn layers_of_a_head() {
    let names = [
        "conv_stem.weight",
        "classifier.0.running_var",
        "classifier.12.bias",
    ];
    let map = NameMap::new(Naming::Timm, names).expect("timm's and the head's own");
    assert!(names.iter().all(|name| map.source_name(name) == Some(name)));
    for naming in [Naming::Torchvision, Naming::Keras, Naming::Lukemelas] {
        let unknown = NameMap::new(naming, names).expect_err("no library's");
        assert_eq!(unknown.name, "classifier.0.running_var");
    }
    for wrong in ["classifier.x.weight", "classifier..weight", "fc.0.weight"] {
        assert!(NameMap::new(Naming::Timm, [wrong]).is_err(), "{wrong}");
    }
}
