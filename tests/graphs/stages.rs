//! Where the cost of the networks lies, stage by stage, and how their convolutions of stride 2 pad.
//!
//! Computed by instantiating timm 1.0.31's `tf_` models, at the sizes of their authors' evaluations.

use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::graph::{Graph, Op};
use efficientnet_onnx::network::{self, Interface};
use efficientnet_onnx::request::{Blueprint, Request};

/// Parameters and multiply-adds.
type Cost = (u64, u64);

fn graph(name: &str, size: u64) -> Graph {
    let variant = Variant::by_name(name).expect("a published variant");
    let request = Request::new(Blueprint::published(variant));
    let architecture = request.architecture().expect("below the limits");
    network::build(&architecture, &Interface::single([size; 2]))
        .expect("a size that is large enough")
}

/// Paddings before and after along height, of every convolution of stride 2.
fn strided_pads(graph: &Graph) -> Vec<[u64; 2]> {
    let pads = |node: &efficientnet_onnx::graph::Node| match &node.op {
        Op::Conv(conv) | Op::RoutedConv { conv, .. } if conv.stride == [2, 2] => {
            let shape = &graph.value(node.inputs[0]).shape;
            let window = conv.window();
            let along_height = window
                .pads(&shape[2], 0)
                .expect("a fixed size has constant padding");
            assert_eq!(
                window.pads(&shape[3], 1),
                Some(along_height),
                "{}",
                node.name
            );
            Some(along_height)
        }
        _ => None,
    };
    graph.nodes.iter().filter_map(pads).collect()
}

/// Parameters and multiply-adds of every stage between stem and head.
#[test]
fn parameters_and_macs_of_every_stage() {
    let b0 = [
        (1_448, 10_035_712),
        (16_714, 54_945_216),
        (46_640, 37_939_584),
        (242_930, 43_555_200),
        (543_148, 86_102_400),
        (2_026_348, 91_528_224),
        (717_232, 29_520_000),
    ];
    let lite0 = [
        (896, 10_035_200),
        (13_968, 54_942_720),
        (39_712, 37_933_056),
        (198_480, 43_512_000),
        (446_784, 86_007_936),
        (1_652_640, 91_158_816),
        (605_440, 29_409_408),
    ];
    let edgetpu_s = [
        (30_192, 375_717_888),
        (130_560, 406_224_896),
        (642_176, 500_957_184),
        (746_304, 154_215_936),
        (1_303_296, 251_908_608),
        (1_055_616, 75_546_240),
    ];
    let v2_b0 = [
        (4_640, 57_802_752),
        (52_736, 163_774_464),
        (136_000, 105_971_712),
        (230_652, 41_474_304),
        (947_048, 147_432_192),
        (4_238_380, 177_470_496),
    ];
    let v2_s = [
        (10_464, 382_205_952),
        (303_552, 2_781_609_984),
        (589_184, 1_351_876_608),
        (917_680, 448_880_640),
        (3_463_840, 1_587_437_568),
        (14_561_832, 1_741_252_608),
    ];
    let cases: [(&str, u64, &[Cost]); 5] = [
        ("b0", 224, &b0),
        ("lite0", 224, &lite0),
        ("edgetpu-s", 224, &edgetpu_s),
        ("v2-b0", 224, &v2_b0),
        ("v2-s", 384, &v2_s),
    ];
    for (name, size, stages) in cases {
        let graph = graph(name, size);
        let part = |belongs: &dyn Fn(&str) -> bool| {
            let counts = graph.counts_where(belongs);
            (counts.parameters, counts.macs)
        };
        let mut found = Vec::new();
        for index in 0..stages.len() {
            let scope = format!("blocks.{index}.");
            found.push(part(&|name| name.starts_with(&scope)));
        }
        assert_eq!(found, stages, "{name}");
        let classifier = part(&|name| name.starts_with("classifier"));
        assert_eq!(classifier, (1_281_000, 1_280_000), "{name}");
        // Stem and head are all the rest.
        let outside = part(&|name| !name.starts_with("blocks.") && !name.starts_with("classifier"));
        let whole = graph.counts();
        let inside = |of: fn(&Cost) -> u64| stages.iter().map(of).sum::<u64>();
        assert_eq!(
            outside.0 + classifier.0 + inside(|stage| stage.0),
            whole.parameters,
            "{name}"
        );
        assert_eq!(
            outside.1 + classifier.1 + inside(|stage| stage.1),
            whole.macs,
            "{name}"
        );
        if matches!(name, "b0" | "lite0") {
            assert_eq!(outside, (928 + 412_160, 10_838_016 + 20_070_400), "{name}");
        }
    }
}

/// TensorFlow's SAME rule. The order is stem, stages 2, 3, 4 and 6; kernels of 5 are in stages 3 and 6, of EdgeTPU in 4 and 6, and V2 has none.
#[test]
fn paddings_of_the_strided_convolutions() {
    let all_even = [[0, 1], [0, 1], [1, 2], [0, 1], [1, 2]];
    let from_300 = [[0, 1], [0, 1], [2, 2], [0, 1], [2, 2]];
    for (name, size, pads) in [
        ("b0", 224, all_even),
        ("b1", 240, [[0, 1], [0, 1], [1, 2], [0, 1], [2, 2]]),
        ("b2", 260, [[0, 1], [0, 1], [2, 2], [1, 1], [2, 2]]),
        ("b3", 300, from_300),
        ("b4", 380, [[0, 1], [0, 1], [2, 2], [0, 1], [1, 2]]),
        ("b5", 456, [[0, 1], [0, 1], [1, 2], [1, 1], [2, 2]]),
        ("b6", 528, [[0, 1], [0, 1], [1, 2], [0, 1], [2, 2]]),
        ("b7", 600, [[0, 1], [0, 1], [1, 2], [1, 1], [1, 2]]),
        ("b8", 672, all_even),
        ("l2", 800, all_even),
        ("l2", 475, [[1, 1], [0, 1], [2, 2], [0, 1], [1, 2]]),
        ("lite0", 224, all_even),
        ("lite1", 240, [[0, 1], [0, 1], [1, 2], [0, 1], [2, 2]]),
        ("lite2", 260, [[0, 1], [0, 1], [2, 2], [1, 1], [2, 2]]),
        ("lite3", 280, [[0, 1], [0, 1], [1, 2], [1, 1], [1, 2]]),
        ("lite4", 300, from_300),
        ("edgetpu-s", 224, [[0, 1], [0, 1], [0, 1], [1, 2], [1, 2]]),
        ("edgetpu-m", 240, [[0, 1], [0, 1], [0, 1], [1, 2], [2, 2]]),
        ("edgetpu-l", 300, [[0, 1], [0, 1], [1, 1], [1, 2], [2, 2]]),
        ("condconv-b0-8e", 224, all_even),
        ("v2-b0", 224, [[0, 1]; 5]),
        ("v2-s", 384, [[0, 1]; 5]),
        ("v2-m", 480, [[0, 1]; 5]),
        ("v2-l", 480, [[0, 1]; 5]),
        ("v2-xl", 512, [[0, 1]; 5]),
        ("v2-b1", 240, [[0, 1], [0, 1], [0, 1], [0, 1], [1, 1]]),
        ("v2-b2", 260, [[0, 1], [0, 1], [1, 1], [1, 1], [1, 1]]),
        ("v2-b3", 300, [[0, 1], [0, 1], [1, 1], [0, 1], [1, 1]]),
    ] {
        assert_eq!(strided_pads(&graph(name, size)), pads, "{name} at {size}");
    }
}
