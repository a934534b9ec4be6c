//! The published networks, number by number: coefficients, filters, repeats, parameters and multiply-adds.
//!
//! Parameters, buffers and multiply-adds were computed by instantiating timm 1.0.31's `tf_efficientnet_*`
//! (torchvision 0.29.2 and efficientnet-pytorch 0.7.1 agree where they have the model); the totals of Lite
//! are also in tensorflow/tpu's tests, those of V1 with buffers in google/automl's `effnetv2_model_test.py`
//! (all but B3, which its rounding rule makes narrower). Those of MobileNets and ResNets are of timm's `mobilenetv1_100`,
//! `mobilenetv2_100`, `resnet50` and their kin; torchvision agrees where it has the model.

use efficientnet_onnx::architecture::{Architecture, Options};
use efficientnet_onnx::architecture::{Family, Scaling, Variant};
use efficientnet_onnx::graph::{Graph, Op};
use efficientnet_onnx::network::{self, Interface};
use efficientnet_onnx::scaling::{Coefficients, Compound};

struct Network {
    name: &'static str,
    width: f64,
    depth: f64,
    resolution: u64,
    stem: u64,
    filters: &'static [u64],
    repeats: &'static [u64],
    head: u64,
    parameters: u64,
    buffers: u64,
    macs: u64,
    depthwise_macs: u64,
    squeeze_excite_macs: u64,
}

const FILTERS_1_0: &[u64] = &[16, 24, 40, 80, 112, 192, 320];
const FILTERS_1_1: &[u64] = &[16, 24, 48, 88, 120, 208, 352];
const FILTERS_1_2: &[u64] = &[24, 32, 48, 96, 136, 232, 384];
const FILTERS_1_4: &[u64] = &[24, 32, 56, 112, 160, 272, 448];

#[rustfmt::skip]
const NETWORKS: [Network; 44] = [
    network("b0", 1.0, 1.0, 224, 32, FILTERS_1_0, &[1, 2, 2, 3, 3, 4, 1], 1280,
        [5_288_548, 42_016, 385_814_752, 34_532_064, 627_200]),
    network("b1", 1.0, 1.1, 240, 32, FILTERS_1_0, &[2, 3, 3, 4, 4, 5, 2], 1280,
        [7_794_184, 62_048, 686_802_832, 60_361_872, 1_108_480]),
    network("b2", 1.1, 1.2, 260, 32, FILTERS_1_1, &[2, 3, 3, 4, 4, 5, 2], 1408,
        [9_109_994, 67_568, 993_561_872, 79_810_512, 1_313_728]),
    network("b3", 1.2, 1.4, 300, 40, FILTERS_1_2, &[2, 3, 3, 5, 5, 6, 2], 1536,
        [12_233_232, 87_296, 1_827_141_392, 133_258_608, 1_859_648]),
    network("b4", 1.4, 1.8, 380, 48, FILTERS_1_4, &[2, 4, 4, 6, 6, 8, 2], 1792,
        [19_341_616, 125_200, 4_393_771_024, 299_132_784, 3_117_408]),
    network("b5", 1.6, 2.2, 456, 48, &[24, 40, 64, 128, 176, 304, 512], &[3, 5, 5, 7, 7, 9, 3], 2048,
        [30_389_784, 172_736, 10_266_384_752, 609_599_280, 5_151_552]),
    network("b6", 1.8, 2.6, 528, 56, &[32, 40, 72, 144, 200, 344, 576], &[3, 6, 6, 8, 8, 11, 3], 2304,
        [43_040_704, 224_432, 19_067_593_536, 1_051_783_008, 7_481_184]),
    network("b7", 2.0, 3.1, 600, 64, &[32, 48, 80, 160, 224, 384, 640], &[4, 7, 7, 10, 10, 13, 4], 2560,
        [66_347_960, 310_720, 37_745_884_192, 1_860_312_096, 11_899_904]),
    network("b8", 2.2, 3.6, 672, 72, &[32, 56, 88, 176, 248, 424, 704], &[4, 8, 8, 11, 11, 15, 4], 2816,
        [87_413_142, 380_032, 62_597_461_568, 2_876_434_848, 15_870_624]),
    network("l2", 4.3, 5.3, 800, 136, &[72, 104, 176, 344, 480, 824, 1376], &[6, 11, 11, 16, 16, 22, 6], 5504,
        [480_309_308, 1_090_688, 475_703_653_280, 11_388_780_000, 91_369_280]),
    network("lite0", 1.0, 1.0, 224, 32, FILTERS_1_0, &[1, 2, 2, 3, 3, 4, 1], 1280,
        [4_652_008, 42_016, 385_187_552, 34_532_064, 0]),
    network("lite1", 1.0, 1.1, 240, 32, FILTERS_1_0, &[1, 3, 3, 4, 4, 5, 1], 1280,
        [5_416_680, 53_664, 600_185_232, 57_182_352, 0]),
    network("lite2", 1.1, 1.2, 260, 32, FILTERS_1_1, &[1, 3, 3, 4, 4, 5, 1], 1280,
        [6_092_072, 58_096, 859_736_272, 75_837_264, 0]),
    network("lite3", 1.2, 1.4, 280, 32, FILTERS_1_2, &[1, 3, 3, 5, 5, 6, 1], 1280,
        [8_197_096, 76_672, 1_383_321_872, 107_873_040, 0]),
    network("lite4", 1.4, 1.8, 300, 32, FILTERS_1_4, &[1, 4, 4, 6, 6, 8, 1], 1280,
        [13_006_568, 112_368, 2_553_034_336, 180_071_904, 0]),
    network("edgetpu-s", 1.0, 1.0, 224, 32, &[24, 32, 48, 96, 144, 192], &[1, 2, 4, 5, 4, 2], 1280,
        [5_438_392, 51_440, 1_788_731_008, 40_924_800, 0]),
    network("edgetpu-m", 1.0, 1.1, 240, 32, &[24, 32, 48, 96, 144, 192], &[2, 3, 5, 6, 5, 3], 1280,
        [6_899_496, 67_808, 3_013_321_088, 60_758_400, 0]),
    network("edgetpu-l", 1.2, 1.4, 300, 40, &[32, 40, 56, 112, 176, 232], &[2, 3, 6, 7, 6, 3], 1536,
        [10_589_712, 92_208, 7_936_082_848, 136_984_000, 0]),
    network("condconv-b0-4e", 1.0, 1.0, 224, 32, FILTERS_1_0, &[1, 2, 2, 3, 3, 4, 1], 1280,
        [13_314_116, 42_016, 385_819_488, 34_532_064, 627_200]),
    network("condconv-b0-8e", 1.0, 1.0, 224, 32, FILTERS_1_0, &[1, 2, 2, 3, 3, 4, 1], 1280,
        [24_013_284, 42_016, 385_824_224, 34_532_064, 627_200]),
    network("condconv-b0-8e-depth", 1.0, 1.1, 224, 32, FILTERS_1_0, &[2, 3, 3, 4, 4, 5, 2], 1280,
        [39_715_968, 62_048, 569_666_144, 51_504_096, 1_108_480]),
    network("v2-s", 1.0, 1.0, 384, 24, &[24, 48, 64, 128, 160, 256], &[2, 4, 4, 6, 9, 15], 1280,
        [21_458_488, 153_872, 8_365_617_152, 87_505_920, 3_664_896]),
    network("v2-m", 1.0, 1.0, 480, 24, &[24, 48, 80, 160, 176, 304, 512], &[3, 5, 5, 7, 14, 18, 5], 1280,
        [54_139_356, 292_032, 24_582_460_384, 246_175_200, 9_833_984]),
    network("v2-l", 1.0, 1.0, 480, 32, &[32, 64, 96, 192, 224, 384, 640], &[4, 7, 7, 10, 19, 25, 7], 1280,
        [118_515_272, 512_576, 56_079_699_008, 430_401_600, 22_084_608]),
    network("v2-xl", 1.0, 1.0, 512, 32, &[32, 64, 96, 192, 256, 512, 640], &[4, 8, 8, 16, 24, 32, 8], 1280,
        [208_119_808, 777_024, 93_353_451_520, 737_869_824, 39_720_960]),
    network("v2-b0", 1.0, 1.0, 224, 32, &[16, 32, 48, 96, 112, 192], &[1, 2, 2, 3, 5, 8], 1280,
        [7_139_704, 60_608, 718_086_176, 11_303_712, 1_031_424]),
    network("v2-b1", 1.0, 1.1, 240, 32, &[16, 32, 48, 96, 112, 192], &[2, 3, 3, 4, 6, 9], 1280,
        [8_141_052, 71_072, 1_196_819_360, 16_387_488, 1_198_080]),
    network("v2-b2", 1.1, 1.2, 260, 32, &[16, 32, 56, 104, 120, 208], &[2, 3, 3, 4, 6, 10], 1408,
        [10_096_086, 82_288, 1_697_542_832, 23_528_304, 1_530_944]),
    network("v2-b3", 1.2, 1.4, 300, 40, &[16, 40, 56, 112, 136, 232], &[2, 3, 3, 5, 7, 12], 1536,
        [14_358_406, 109_216, 3_011_458_816, 39_155_616, 2_308_864]),
    network("mobilenet-v1", 1.0, 1.0, 224, 32, &[64, 128, 256, 512, 1024], &[1, 2, 2, 6, 2], 1024,
        [4_231_976, 21_888, 568_740_352, 17_385_984, 0]),
    network("mobilenet-v1-125", 1.25, 1.0, 224, 40, &[80, 160, 320, 640, 1280], &[1, 2, 2, 6, 2], 1280,
        [6_270_840, 27_360, 879_516_800, 21_732_480, 0]),
    network("mobilenet-v1-100h", 1.0, 1.0, 224, 32, &[64, 128, 256, 512, 1024], &[1, 2, 2, 6, 2], 1024,
        [5_282_600, 23_936, 620_120_576, 17_385_984, 0]),
    network("mobilenet-v2", 1.0, 1.0, 224, 32, &[16, 24, 32, 64, 96, 160, 320], &[1, 2, 3, 4, 3, 3, 1], 1280,
        [3_504_872, 34_112, 300_774_272, 20_716_416, 0]),
    network("mobilenet-v2-035", 0.35, 1.0, 224, 16, &[8, 8, 16, 24, 32, 56, 112], &[1, 2, 3, 4, 3, 3, 1], 1280,
        [1_677_128, 14_080, 59_285_808, 8_601_264, 0]),
    network("mobilenet-v2-050", 0.5, 1.0, 224, 16, &[8, 16, 16, 32, 48, 80, 160], &[1, 2, 3, 4, 3, 3, 1], 1280,
        [1_968_680, 18_544, 97_131_840, 11_204_928, 0]),
    network("mobilenet-v2-075", 0.75, 1.0, 224, 24, &[16, 24, 24, 48, 72, 120, 240], &[1, 2, 3, 4, 3, 3, 1], 1280,
        [2_636_424, 26_640, 209_069_792, 17_484_768, 0]),
    network("mobilenet-v2-140", 1.4, 1.0, 224, 48, &[24, 32, 48, 88, 136, 224, 448], &[1, 2, 3, 4, 3, 3, 1], 1792,
        [6_108_776, 47_936, 582_195_824, 29_571_696, 0]),
    network("mobilenet-v2-110d", 1.1, 1.2, 224, 32, &[16, 24, 32, 72, 104, 176, 352], &[1, 3, 4, 5, 4, 4, 1], 1280,
        [4_516_520, 47_488, 430_516_080, 29_120_112, 0]),
    network("mobilenet-v2-120d", 1.2, 1.4, 224, 32, &[24, 32, 40, 80, 112, 192, 384], &[1, 3, 5, 6, 5, 5, 1], 1280,
        [5_831_144, 63_776, 668_857_568, 39_725_280, 0]),
    network("resnet-50", 1.0, 1.0, 224, 64, &[256, 512, 1024, 2048], &[3, 4, 6, 3], 2048,
        [25_557_032, 53_120, 4_089_184_256, 0, 0]),
    network("resnet-101", 1.0, 1.0, 224, 64, &[256, 512, 1024, 2048], &[3, 4, 23, 3], 2048,
        [44_549_160, 105_344, 7_801_405_440, 0, 0]),
    network("resnet-152", 1.0, 1.0, 224, 64, &[256, 512, 1024, 2048], &[3, 8, 36, 3], 2048,
        [60_192_808, 151_424, 11_513_626_624, 0, 0]),
    network("wide-resnet-50", 1.0, 1.0, 224, 64, &[256, 512, 1024, 2048], &[3, 4, 6, 3], 2048,
        [68_883_240, 68_224, 11_398_021_120, 0, 0]),
    network("wide-resnet-101", 1.0, 1.0, 224, 64, &[256, 512, 1024, 2048], &[3, 4, 23, 3], 2048,
        [126_886_696, 137_856, 22_753_050_624, 0, 0]),
];

#[expect(clippy::too_many_arguments, reason = "a table row")]
const fn network(
    name: &'static str,
    width: f64,
    depth: f64,
    resolution: u64,
    stem: u64,
    filters: &'static [u64],
    repeats: &'static [u64],
    head: u64,
    counts: [u64; 5],
) -> Network {
    let [
        parameters,
        buffers,
        macs,
        depthwise_macs,
        squeeze_excite_macs,
    ] = counts;
    Network {
        name,
        width,
        depth,
        resolution,
        stem,
        filters,
        repeats,
        head,
        parameters,
        buffers,
        macs,
        depthwise_macs,
        squeeze_excite_macs,
    }
}

fn published(name: &str) -> &'static Variant {
    Variant::by_name(name).unwrap_or_else(|| panic!("`{name}` is a published variant"))
}

fn architecture(name: &str) -> Architecture {
    Architecture::scale(&Scaling::published(published(name)), Options::default())
        .expect("published sizes fit")
}

fn graph(name: &str, size: u64) -> Graph {
    network::build(&architecture(name), &Interface::single([size; 2]))
        .expect("the size is large enough")
}

#[test]
fn the_table_covers_every_published_variant() {
    let names: Vec<&str> = Variant::all().map(|variant| variant.name).collect();
    assert_eq!(names, NETWORKS.map(|network| network.name));
}

#[test]
fn coefficients_filters_and_repeats() {
    for expected in &NETWORKS {
        let variant = published(expected.name);
        let found = architecture(expected.name);
        let name = expected.name;
        assert_eq!(variant.coefficients.width, expected.width, "{name}");
        assert_eq!(variant.coefficients.depth, expected.depth, "{name}");
        assert_eq!(variant.resolution, expected.resolution, "{name}");
        assert_eq!(found.stem.filters, expected.stem, "{name}");
        let filters: Vec<u64> = found
            .stages
            .iter()
            .map(|stage| stage.output_filters)
            .collect();
        assert_eq!(filters, expected.filters, "{name}");
        let repeats: Vec<u64> = found.stages.iter().map(|stage| stage.num_repeat).collect();
        assert_eq!(repeats, expected.repeats, "{name}");
        assert_eq!(found.features(), expected.head, "{name}");
        assert_eq!(
            found.block_count(),
            expected.repeats.iter().sum::<u64>(),
            "{name}"
        );
    }
}

#[test]
fn parameters_and_macs_at_native_size() {
    for expected in &NETWORKS {
        let name = expected.name;
        let graph = graph(name, expected.resolution);
        let counts = graph.counts();
        assert_eq!(counts.parameters, expected.parameters, "{name}");
        assert_eq!(counts.buffers, expected.buffers, "{name}");
        assert_eq!(counts.macs, expected.macs, "{name}");
        let mixing = match name {
            "condconv-b0-4e" => 10_694_400,
            "condconv-b0-8e" => 21_388_800,
            "condconv-b0-8e-depth" => 36_465_408,
            _ => 0,
        };
        assert_eq!(counts.mixing_macs, mixing, "{name}");
        let macs_of = |part: &str| graph.counts_where(|node| node.contains(part)).macs;
        assert_eq!(macs_of(".conv_dw"), expected.depthwise_macs, "{name}");
        assert_eq!(macs_of(".se."), expected.squeeze_excite_macs, "{name}");
        let additions = graph.nodes.iter().filter(|node| node.op == Op::Add).count();
        let repeated: u64 = expected.repeats.iter().map(|repeats| repeats - 1).sum();
        let wanted = match name {
            name if name.starts_with("mobilenet-v1") => 0,
            // A projection is added where shapes differ.
            name if name.contains("resnet") => expected.repeats.iter().sum(),
            // The first block keeps the stem's filters too.
            "v2-s" | "v2-m" | "v2-l" | "v2-xl" => repeated + 1,
            // The first stage has no skip.
            "edgetpu-m" | "edgetpu-l" => repeated - 1,
            _ => repeated,
        };
        assert_eq!(additions as u64, wanted, "{name}");
    }
}

#[test]
fn macs_at_other_sizes() {
    for (name, size, macs) in [
        ("b1", 224, 569_651_680),
        ("b1", 256, 743_303_680),
        ("b1", 288, 940_109_280),
        ("b2", 256, 859_853_760),
        ("b2", 288, 1_087_529_456),
        ("b3", 288, 1_589_198_096),
        ("b3", 320, 1_961_176_448),
        ("b4", 320, 3_063_687_008),
        ("b4", 384, 4_409_549_152),
        ("b5", 448, 9_404_374_080),
        ("l2", 475, 170_892_857_680),
        ("lite3", 300, 1_607_554_544),
        ("lite4", 380, 3_943_564_112),
        ("condconv-b0-8e-depth", 240, 686_817_296),
        ("v2-s", 300, 5_307_561_248),
        ("v2-m", 384, 15_736_775_680),
        ("v2-l", 384, 35_899_418_624),
        ("v2-xl", 384, 52_529_254_400),
        ("v2-b0", 192, 528_186_752),
        ("v2-b1", 192, 747_003_008),
        ("v2-b2", 208, 1_043_476_528),
        ("v2-b3", 240, 1_908_036_640),
    ] {
        assert_eq!(graph(name, size).counts().macs, macs, "{name} at {size}");
    }
}

/// Table 3 of arXiv 1905.11946v5, which scales MobileNetV1, MobileNetV2 and ResNet-50: width, depth and side, then
/// parameters and multiply-adds of timm's networks scaled so (`_gen_mobilenet_v1` and `_gen_mobilenet_v2` with a channel and a
/// depth multiplier; a ResNet of the same blocks with every filter scaled). The sides of the compound rows are not in the paper.
#[test]
fn counts_of_the_papers_other_networks() {
    let rows: [(&str, f64, f64, u64, u64, u64); 18] = [
        ("mobilenet-v1", 1.0, 1.0, 224, 4_231_976, 568_740_352),
        ("mobilenet-v1", 1.0, 4.0, 224, 15_977_960, 2_645_725_696),
        ("mobilenet-v1", 2.0, 1.0, 224, 14_742_120, 2_216_465_408),
        ("mobilenet-v1", 1.0, 1.0, 448, 4_231_976, 2_271_889_408),
        ("mobilenet-v1", 1.2, 1.4, 288, 8_677_512, 2_242_960_136),
        ("mobilenet-v1", 1.2, 1.4, 291, 8_677_512, 2_469_723_976),
        ("mobilenet-v2", 1.0, 1.0, 224, 3_504_872, 300_774_272),
        ("mobilenet-v2", 1.0, 4.0, 224, 12_051_800, 1_219_587_776),
        ("mobilenet-v2", 2.0, 1.0, 224, 11_258_088, 1_137_428_224),
        ("mobilenet-v2", 1.0, 1.0, 448, 3_504_872, 1_199_257_088),
        ("mobilenet-v2", 1.2, 1.4, 288, 7_987_552, 1_284_428_256),
        ("mobilenet-v2", 1.2, 1.4, 291, 7_987_552, 1_442_045_088),
        ("resnet-50", 1.0, 1.0, 224, 25_557_032, 4_089_184_256),
        ("resnet-50", 1.0, 4.0, 224, 89_824_040, 14_570_749_952),
        ("resnet-50", 2.0, 1.0, 224, 98_004_072, 16_116_613_120),
        ("resnet-50", 1.0, 1.0, 448, 25_557_032, 16_350_593_024),
        ("resnet-50", 1.2, 1.4, 288, 54_804_824, 14_453_843_776),
        ("resnet-50", 1.2, 1.4, 291, 54_804_824, 15_945_977_664),
    ];
    for (family, width, depth, size, parameters, macs) in rows {
        let family = Family::by_name(family).expect("a family");
        let scaling = Scaling::given(family, Coefficients { width, depth }).expect("multipliers");
        let architecture =
            Architecture::scale(&scaling, family.baseline.options).expect("below the limits");
        let graph = network::build(&architecture, &Interface::single([size; 2])).expect("a size");
        let counts = graph.counts();
        let row = format!("{} w {width} d {depth} at {size}", family.name);
        assert_eq!(
            (counts.parameters, counts.macs),
            (parameters, macs),
            "{row}"
        );
    }
}

/// EdgeTPU as its authors published it, with a class for the background: a row of the classifier and its bias more.
#[test]
fn edgetpu_with_1001_classes() {
    for (name, parameters, macs) in [
        ("edgetpu-s", 5_439_673, 1_788_732_288),
        ("edgetpu-m", 6_900_777, 3_013_322_368),
        ("edgetpu-l", 10_591_249, 7_936_084_384),
    ] {
        let options = Options {
            classes: 1001,
            ..Options::default()
        };
        let variant = published(name);
        let scaled = Architecture::scale(&Scaling::published(variant), options);
        let interface = Interface::single([variant.resolution; 2]);
        let counts = network::build(&scaled.expect("published sizes fit"), &interface)
            .expect("the size is large enough")
            .counts();
        assert_eq!(
            (counts.parameters, counts.macs),
            (parameters, macs),
            "{name}"
        );
    }
}

/// MobileNetV2 keeps a head of at least its own 1280 filters, and timm's deeper ones keep stem, head and the ends' repeats; a
/// bottleneck's 3×3 convolution gets filters that are multiples of 8, and what leaves it is four times as many.
#[test]
fn rules_of_the_papers_other_networks() {
    let scaled = |family: &str, width, depth| {
        let family = Family::by_name(family).expect("a family");
        let scaling = Scaling::given(family, Coefficients { width, depth }).expect("multipliers");
        Architecture::scale(&scaling, family.baseline.options).expect("below the limits")
    };
    assert_eq!(scaled("mobilenet-v2", 0.5, 1.0).features(), 1280);
    assert_eq!(scaled("mobilenet-v2", 1.5, 1.0).features(), 1920);
    let resnet = scaled("resnet-50", 1.2, 1.4);
    let filters = resnet
        .stages
        .iter()
        .map(|stage| (stage.input_filters, stage.output_filters));
    let expected = [(80, 320), (320, 608), (608, 1216), (1216, 2464)];
    assert_eq!(filters.collect::<Vec<_>>(), expected);
    assert_eq!(resnet.stem.filters, 80);
}

/// The first request of the compound formula whose weights pass protobuf's 2 GiB.
#[test]
fn parameters_of_the_formula_at_phi_13() {
    let scaling = Scaling::formula(
        Family::by_name("v1").expect("a family"),
        13.0,
        Compound::default(),
    )
    .expect("a legal phi");
    let architecture = Architecture::scale(&scaling, Options::default()).expect("below the limits");
    let graph =
        network::build(&architecture, &Interface::single([64; 2])).expect("64 pixels are enough");
    assert_eq!(graph.counts().parameters, 609_284_402);
}
