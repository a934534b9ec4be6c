//! Networks described in files and by block strings, against the published ones and against known figures.

use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::architecture::design::{Design, parse_blocks, parse_file, write_file};
use efficientnet_onnx::network::{Output, summary};
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::tensor::shape::Dim;

const EXAMPLE: &str = include_str!("../../examples/one-block-stages.toml");

fn request(variant: &'static Variant) -> Request {
    Request::new(Blueprint::published(variant))
}

fn own(design: Design) -> Request {
    Request::new(Blueprint::Own(Box::new(design)))
}

fn design(variant: &'static Variant) -> Design {
    let request = request(variant);
    Design {
        name: request.blueprint.name(),
        resolution: variant.resolution,
        architecture: request.architecture().expect("published"),
    }
}

#[test]
fn every_published_network_fits_in_a_file() {
    for variant in Variant::all() {
        let design = design(variant);
        let text = match write_file(&design) {
            Some(text) => text,
            // A file has no keys for their blocks.
            None if ["mobilenet-v1", "resnet-50"].contains(&variant.baseline.family.name) => {
                continue;
            }
            None => panic!("{} has keys", variant.name),
        };
        let read =
            parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", variant.name));
        assert_eq!(read, design, "{}", variant.name);
        let (own, published) = (own(read), request(variant));
        assert_eq!(own.blueprint.name(), published.blueprint.name());
        let graph = |request: &Request| format!("{:?}", request.graph().expect("a graph"));
        assert!(graph(&own) == graph(&published), "{}", variant.name);
    }
}

/// Parameters of each part as counted by hand from its definition: 9,864 = 16 · 96 + 192 + 9 · 96 + 192 +
/// (96 · 24 + 24 + 24 · 96 + 96) + 96 · 24 + 48 for the second stage.
#[test]
fn the_example_has_its_known_counts() {
    let request = own(parse_file(EXAMPLE).expect("the example"));
    let counts = request.counts().expect("a network");
    assert_eq!(
        (counts.parameters, counts.buffers, counts.macs),
        (3_714_280, 15_456, 183_092_576)
    );
    let architecture = request.architecture().expect("a network");
    let rows = summary(&architecture, [224, 224], &[Output::Logits]).expect("a network");
    let parameters: Vec<u64> = rows.iter().map(|row| row.counts.parameters).collect();
    assert_eq!(
        parameters,
        [
            928, 2_536, 9_864, 21_716, 61_180, 214_424, 440_040, 1_270_432, 412_160, 1_281_000
        ]
    );
    // Without the first expansion: one convolution of 32 · 32 weights, and its batch norm.
    let without = EXAMPLE.replace(", expansion = true", "");
    let counts = own(parse_file(&without).expect("a network"))
        .counts()
        .expect("a network");
    assert_eq!((counts.parameters, counts.macs), (3_713_192, 170_247_520));
}

#[test]
fn block_strings_of_both_notations_are_the_published_networks() {
    let b0 = [
        "r1_k3_s11_e1_i32_o16_se0.25 r2_k3_s22_e6_i16_o24_se0.25 r2_k5_s22_e6_i24_o40_se0.25 \
         r3_k3_s22_e6_i40_o80_se0.25 r3_k5_s11_e6_i80_o112_se0.25 r4_k5_s22_e6_i112_o192_se0.25 \
         r1_k3_s11_e6_i192_o320_se0.25",
        "ds_r1_k3_s1_e1_c16_se0.25 ir_r2_k3_s2_e6_c24_se0.25 ir_r2_k5_s2_e6_c40_se0.25 \
         ir_r3_k3_s2_e6_c80_se0.25 ir_r3_k5_s1_e6_c112_se0.25 ir_r4_k5_s2_e6_c192_se0.25 \
         ir_r1_k3_s1_e6_c320_se0.25",
        "se0.25_i32_o16_e1_s1_k3_r1 r2_k3_s2_e6_i16_o24_se0.25 r2_k5_s2_e6_i24_o40_se0.25 \
         r3_k3_s2_e6_i40_o80_se0.25 r3_k5_s1_e6_i80_o112_se0.25 r4_k5_s2_e6_i112_o192_se0.25 \
         r1_k3_s1_e6_i192_o320_se0.25",
    ];
    // Official strings say nothing of EdgeTPU's stem and activation.
    let edgetpu = "er_r1_k3_s1_e4_c24_fc24_noskip_nre er_r2_k3_s2_e8_c32_nre er_r4_k3_s2_e8_c48_nre \
                   ir_r5_k5_s2_e8_c96_nre ir_r4_k5_s1_e8_c144_nre ir_r2_k5_s2_e8_c192_nre";
    let v2_s = [
        "r2_k3_s1_e1_i24_o24_c1 r4_k3_s2_e4_i24_o48_c1 r4_k3_s2_e4_i48_o64_c1 \
         r6_k3_s2_e4_i64_o128_se0.25 r9_k3_s1_e6_i128_o160_se0.25 r15_k3_s2_e6_i160_o256_se0.25",
    ];
    let v2_base = "cn_r1_k3_s1_e1_c16_skip er_r2_k3_s2_e4_c32 er_r2_k3_s2_e4_c48 \
                   ir_r3_k3_s2_e4_c96_se0.25 ir_r5_k3_s1_e6_c112_se0.25 ir_r8_k3_s2_e6_c192_se0.25";
    let condconv = "ds_r1_k3_s1_e1_c16_se0.25 ir_r2_k3_s2_e6_c24_se0.25 ir_r2_k5_s2_e6_c40_se0.25 \
                    ir_r3_k3_s2_e6_c80_se0.25 ir_r3_k5_s1_e6_c112_se0.25_cc4 \
                    ir_r4_k5_s2_e6_c192_se0.25_cc4 ir_r1_k3_s1_e6_c320_se0.25_cc4";
    let mut cases: Vec<(&str, &str)> = b0.iter().map(|strings| ("b0", *strings)).collect();
    cases.extend(v2_s.iter().map(|strings| ("v2-s", *strings)));
    cases.extend([
        ("edgetpu-s", edgetpu),
        ("v2-b0", v2_base),
        ("condconv-b0-4e", condconv),
    ]);
    for (name, strings) in cases {
        let variant = Variant::by_name(name).expect("published");
        let found = parse_blocks(strings).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            found.architecture,
            design(variant).architecture,
            "{strings}"
        );
    }
}

#[test]
fn a_dense_expansion_of_ratio_1_is_built_where_it_is_asked_for() {
    // timm's `ir` and `er` blocks expand whatever the ratio.
    for (kind, parameter, shape) in [
        ("ir", "blocks.0.0.conv_pw.weight", [32, 32, 1, 1]),
        ("er", "blocks.0.0.conv_exp.weight", [32, 32, 3, 3]),
    ] {
        let request = own(parse_blocks(&format!("{kind}_r1_k3_s1_e1_c16")).expect("a network"));
        let parameters = request.parameters().expect("a network");
        let found = parameters.iter().find(|found| found.name == parameter);
        let found = found.unwrap_or_else(|| panic!("{kind} has no `{parameter}`"));
        let extents: Vec<u64> = found.shape.iter().filter_map(Dim::fixed).collect();
        assert_eq!(extents, shape, "{kind}");
    }
}

#[test]
fn mistakes_in_a_file_are_shown_by_line_and_key() {
    for (from, to, line, message) in [
        (
            "kernel_size = 3, num_repeat = 1, stride = 2, expand_ratio = 6, output_filters = 40",
            "kernel_size = 4, num_repeat = 1, stride = 2, expand_ratio = 6, output_filters = 40",
            19,
            "`kernel_size` of stage 3: expected an odd number, found 4",
        ),
        (
            "stride = 2, expand_ratio = 6, output_filters = 24",
            "stride = 3, expand_ratio = 6, output_filters = 24",
            18,
            "`stride` of stage 2: expected a number from 1 to 2, found 3",
        ),
        (
            "output_filters = 80",
            "output_filters = 80, input_filters = 41",
            20,
            "`input_filters` of stage 4: expected the 40 filters that the stage before gives, found 41",
        ),
        (
            "head_filters = 1280\n",
            "",
            1,
            "missing field `head_filters`",
        ),
        (
            "stem_filters",
            "stem_filter",
            9,
            "`stem_filter`: unknown field `stem_filter`",
        ),
        (
            "\"swish\"",
            "\"gelu\"",
            11,
            "`activation`: expected `swish` or `relu` or `relu6`, found `gelu`",
        ),
        (
            "\"expanded\"",
            "\"both\"",
            14,
            "`squeeze.share_of`: expected `input` or `expanded`, found `both`",
        ),
        (
            "= 320",
            "= \"320\"",
            23,
            "`stages[7].output_filters`: invalid type: string \"320\", expected a whole number",
        ),
        (
            "output_filters = 16",
            "output_filters = -16",
            17,
            "`stages[1].output_filters`: invalid value",
        ),
        (
            "bn_epsilon = 1e-5",
            "bn_epsilon = 0.0",
            13,
            "`bn_epsilon`: expected a number above 0 and below 1, found 0",
        ),
        (
            "se_ratio = 0.25, expansion = true",
            "se_ratio = 1.5",
            17,
            "`se_ratio` of stage 1: expected a number above 0 and at most 1, found 1.5",
        ),
        (
            "num_repeat = 1, stride = 1, expand_ratio = 6, output_filters = 320",
            "num_repeat = 5000, stride = 1, expand_ratio = 6, output_filters = 320",
            16,
            "the network would have 5006 blocks, expected at most 5000",
        ),
    ] {
        assert!(EXAMPLE.contains(from), "{from}");
        let error = parse_file(&EXAMPLE.replacen(from, to, 1)).expect_err(to);
        assert!(error.to_string().contains(message), "{to}: {error}");
        assert_eq!(error.line, line, "{to}: {error}");
    }
    let twice = parse_file(&format!("{EXAMPLE}name = \"again\"\n")).expect_err("twice");
    assert_eq!(twice.to_string(), "line 25: `name`: duplicate key");
    assert_eq!(parse_file("").expect_err("empty").line, 1);
}

#[test]
fn mistakes_in_block_strings_are_shown() {
    for (strings, message) in [
        (
            "",
            "expected block strings, separated by spaces, found none",
        ),
        (
            "r1_k3_s11_e1_i32_o16 r2_k3_s21_e6_i16_o24",
            "block string 2 `r2_k3_s21_e6_i16_o24`: expected the same stride along height and width, found `s21`",
        ),
        (
            "r1_k3_s1_e1_i32",
            "block string 1 `r1_k3_s1_e1_i32`: expected `o` and a number, found none",
        ),
        ("r1_k3_s1_e1_i32_o16_d1", "expected one of the official"),
        ("ir_r1_k3_s1_e6_c16_gs8", "expected one of timm's"),
        (
            "dsa_r1_k3_s1_e1_c16",
            "expected a block of type `ds`, `ir`, `er` or `cn`, found `dsa`",
        ),
        (
            "ir_r1_k3_s1_e2.5_c16",
            "expected a whole expansion of at least 1, found `e2.5`",
        ),
        (
            "ir_r1_k3_s1_e6_c16_nhs",
            "expected `nsw`, `nre` or `nr6`, found `nhs`",
        ),
        (
            "ir_r1_k3_s1_e6_c16_nre ir_r1_k3_s1_e6_c16",
            "expected the activation of the first string, relu, found none",
        ),
        (
            "r1_k3_s1_e1_i32_o16 r1_k3_s1_e6_i17_o16",
            "`input_filters` of stage 2: expected the 16 filters that the stage before gives, found 17",
        ),
        (
            "cn_r1_k3_s1_e1_c16_se0.25",
            "`se_ratio` of stage 1: expected none in a fused block without expansion",
        ),
        (
            "r0_k3_s1_e1_i32_o16",
            "`num_repeat` of stage 1: expected a number from 1 to 5000, found 0",
        ),
        (
            "r1_k3_s1_e1_i32_o99999999999999999999",
            "expected a whole number after the letters",
        ),
        (
            "r1_k3_s1_e1_i32_o16_k5",
            "expected `k` once, found `k5` too",
        ),
        ("ir_r1_k3_s1_c16", "expected `e` and a number, found none"),
    ] {
        let error = parse_blocks(strings).expect_err(strings).to_string();
        assert!(error.contains(message), "{strings}: {error}");
    }
}
