//! `inspect --svg`: the stages as a picture that says what the JSON says.

use crate::verify_support::{Run, folder, program};
use efficientnet_onnx::onnx::proto::ModelProto;
use prost::Message;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Pixels of the longest axis.
const LONGEST: f64 = 124.0;
/// Room that a character takes, at most, on average.
const CHARACTER: f64 = 7.6;

fn run(folder: &Path, command: &str) -> Run {
    Run::of(program().current_dir(folder).args(command.split(' ')))
}

/// What stands between two marks, wherever the first is.
fn all<'a>(text: &'a str, begins: &str, ends: &str) -> Vec<&'a str> {
    let parts = text.split(begins).skip(1);
    parts
        .filter_map(|part| Some(part.split_once(ends)?.0))
        .collect()
}

fn number(text: &str, name: &str) -> f64 {
    let found = all(text, &format!(" {name}=\""), "\"");
    found[0].parse().expect("a number")
}

/// Draws what `inspect` is asked for; the picture, and the stages as JSON.
fn drawn(folder: &Path, network: &str) -> (String, Vec<Value>) {
    let found = run(
        folder,
        &format!("inspect {network} --svg s.svg --force --json"),
    )
    .expect(0);
    let report: Value = serde_json::from_str(&found.stdout).expect("JSON");
    let svg = fs::read_to_string(folder.join("s.svg")).expect("a picture");
    (svg, report["stages"].as_array().expect("stages").clone())
}

const TEN_STAGES: &str = r#"
name = "ten <stages> & \"more\""
resolution = 1024
stem_filters = 40
head_filters = 12800
activation = "relu6"
padding = "same"
bn_epsilon = 0.001
classes = 21841
in_channels = 3
stages = [
  { block = "fused", kernel_size = 3, num_repeat = 10, stride = 1, expand_ratio = 1, input_filters = 40, output_filters = 16 },
  { block = "fused", kernel_size = 3, num_repeat = 2, stride = 2, expand_ratio = 12, input_filters = 16, output_filters = 24 },
  { block = "mbconv", kernel_size = 3, num_repeat = 1, stride = 1, expand_ratio = 1, input_filters = 24, output_filters = 24, se_ratio = 0.25 },
  { block = "mbconv", kernel_size = 5, num_repeat = 2, stride = 2, expand_ratio = 6, input_filters = 24, output_filters = 40, se_ratio = 0.25 },
  { block = "mbconv", kernel_size = 3, num_repeat = 3, stride = 2, expand_ratio = 6, input_filters = 40, output_filters = 80, se_ratio = 0.25 },
  { block = "mbconv", kernel_size = 5, num_repeat = 3, stride = 1, expand_ratio = 6, input_filters = 80, output_filters = 112, se_ratio = 0.25 },
  { block = "mbconv", kernel_size = 5, num_repeat = 4, stride = 2, expand_ratio = 6, input_filters = 112, output_filters = 192, se_ratio = 0.25 },
  { block = "mbconv", kernel_size = 7, num_repeat = 12, stride = 1, expand_ratio = 6, input_filters = 192, output_filters = 1024, se_ratio = 0.25 },
  { block = "mbconv", kernel_size = 3, num_repeat = 1, stride = 1, expand_ratio = 6, input_filters = 1024, output_filters = 320, se_ratio = 0.25 },
  { block = "mbconv", kernel_size = 3, num_repeat = 1, stride = 1, expand_ratio = 6, input_filters = 320, output_filters = 320, se_ratio = 0.25 },
]
"#;

#[test]
fn bars_are_the_shares_of_what_stages_cost() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("ten.toml"), TEN_STAGES).expect("a file");
    for (network, count, name) in [
        (
            "--variant b0",
            10,
            "efficientnet-b0, one image of 224x224 pixels",
        ),
        (
            "--variant b7",
            10,
            "efficientnet-b7, one image of 600x600 pixels",
        ),
        ("--variant lite0", 10, "one image of 224x224 pixels"),
        ("--variant v2-s", 9, "one image of 384x384 pixels"),
        ("--variant edgetpu-s", 9, "one image of 224x224 pixels"),
        (
            "--arch ten.toml",
            13,
            "ten &lt;stages&gt; &amp; &quot;more&quot;, one image of 1024x1024 pixels",
        ),
    ] {
        let (svg, stages) = drawn(folder, network);
        assert_eq!(stages.len(), count, "{network}");
        assert!(svg.contains(name), "{network}: {svg}");
        let ticks: Vec<f64> = all(&svg, "class=\"tick\"", "</text>")
            .iter()
            .filter_map(|tick| tick.split_once('>')?.1.parse().ok())
            .collect();
        let end = ticks.iter().copied().fold(0.0, f64::max) / 100.0;
        let bars = all(&svg, "<rect x=", "</rect>");
        assert_eq!(bars.len(), 3 * count, "{network}");
        for (bars, key) in bars
            .chunks(count)
            .zip(["macs", "parameters", "activation_elements"])
        {
            let each = if key == "activation_elements" { 4 } else { 1 };
            let cost = |stage: &Value| each * stage[key].as_u64().expect("a number");
            let whole: u64 = stages.iter().map(cost).sum();
            for (bar, stage) in bars.iter().zip(&stages) {
                let wanted = LONGEST * cost(stage) as f64 / whole as f64 / end;
                let wide = number(bar, "width");
                assert!((wide - wanted).abs() < 0.01, "{network} {key}: {bar}");
                let said = all(bar, "<title>", "</title>")[0].replace(',', "");
                let part = stage["part"].as_str().expect("a name");
                assert_eq!(said, format!("{part}: {}", cost(stage)), "{network} {key}");
            }
            assert!(bars.iter().all(|bar| number(bar, "width") <= LONGEST));
        }
        fits(&svg, network);
    }
}

/// No text leaves the picture or runs into the text to its right.
fn fits(svg: &str, network: &str) {
    let wide = number(svg, "width");
    let mut placed: Vec<(f64, f64, f64, &str)> = Vec::new();
    for element in all(svg, "<text class=", "</text>") {
        let (attributes, text) = element.split_once('>').expect("a tag");
        let long = CHARACTER * text.chars().count() as f64;
        let (at, down) = (number(attributes, "x"), number(attributes, "y"));
        let from = match all(attributes, "text-anchor=\"", "\"")[0] {
            "start" => at,
            "middle" => at - long / 2.0,
            _ => at - long,
        };
        assert!(
            from >= 0.0 && from + long <= wide,
            "{network}: `{text}` is cut off"
        );
        for (left, right, other_down, other) in &placed {
            let apart = down != *other_down || from >= *right || from + long <= *left;
            assert!(apart, "{network}: `{text}` covers `{other}`");
        }
        placed.push((from, from + long, down, text));
    }
}

#[test]
fn a_file_is_drawn_and_none_is_lost() {
    let folder = folder();
    let folder = folder.path();
    run(folder, "emit --variant lite0 --size 64 -o own.onnx").expect(0);
    let own = fs::read(folder.join("own.onnx")).expect("a file");
    fs::write(folder.join("s.svg"), "an older one").expect("a file");
    let (svg, stages) = drawn(folder, "own.onnx");
    assert!(svg.contains("one image of 64x64 pixels"));
    assert_eq!(stages.len(), 10);
    let refused = run(folder, "inspect own.onnx --svg own.onnx").expect(2);
    assert!(refused.stderr.contains("own.onnx"), "{}", refused.stderr);
    assert_eq!(fs::read(folder.join("own.onnx")).expect("a file"), own);

    let mut model = ModelProto::decode(&own[..]).expect("a model");
    let recipe = model
        .metadata_props
        .iter_mut()
        .find(|entry| entry.key() == "efficientnet.recipe")
        .expect("a recipe");
    let claims = recipe.value().replacen("\"macs\":", "\"macs\":1", 1);
    recipe.value = Some(claims);
    fs::write(folder.join("false.onnx"), model.encode_to_vec()).expect("room");
    let found = run(folder, "inspect false.onnx --svg false.svg").expect(1);
    assert!(
        found
            .stderr
            .contains("`false.svg` is not written: what the file says of itself is not so"),
        "{}",
        found.stderr
    );
    model.metadata_props.clear();
    fs::write(folder.join("other.onnx"), model.encode_to_vec()).expect("room");
    let refused = run(folder, "inspect other.onnx --svg other.svg").expect(2);
    assert!(
        refused.stderr.contains("expected a file that `emit` wrote"),
        "{}",
        refused.stderr
    );
    for absent in ["false.svg", "other.svg"] {
        assert!(!folder.join(absent).exists(), "{absent}");
    }
}
