//! Graphs that take other inputs: what they compute of photographs, what their records say, and what is made of them again.

use crate::lite_support::change::changed;
use crate::lite_support::{LITES, Lite, RUNTIMES, data, floats, logits_of};
use crate::verify_support::{Run, folder, program};
use efficientnet_onnx::metadata::{Normal, PREPROCESSING_KEY, Preprocessing, RECIPE_KEY, Recipe};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::proto::{GraphProto, ModelProto, TensorProto};
use efficientnet_onnx::picture::{self, Orientation};
use prost::Message;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

const PHOTOGRAPHS: [&str; 2] = ["chelsea.png", "china.jpg"];
/// Largest difference, as a part of the largest logit. Rounding moves logits by up to 3e-6 of it; an input in another order
/// by more than 0.1.
const ALLOWED: f32 = 2e-5;

fn record<T: DeserializeOwned>(file: &Path, key: &str) -> T {
    let file = ModelFile::open(file).expect("a model");
    serde_json::from_str(file.metadata(key).expect("a record")).expect("it can be read")
}

/// The logits of every photograph, prepared as the file's own record says.
fn of_photographs(runtime: &str, file: &Path) -> Vec<Vec<f32>> {
    let preprocessing: Preprocessing = record(file, PREPROCESSING_KEY);
    let prepared = PHOTOGRAPHS.map(|name| {
        let picture = picture::load(&data(name), &preprocessing, Orientation::Recorded)
            .expect("a photograph")
            .values;
        picture.to_vec()
    });
    let shape = [&[1], &preprocessing.extents()[..]].concat();
    let input = (&*shape, preprocessing.element.as_str());
    logits_of(runtime, file, input, &prepared)
}

/// The largest difference as a part of the largest expected logit.
fn difference(expected: &[Vec<f32>], found: &[Vec<f32>]) -> f32 {
    let largest = |values: &mut dyn Iterator<Item = f32>| values.map(f32::abs).fold(0.0, f32::max);
    let rows = expected.iter().zip(found).map(|(expected, found)| {
        let differences = &mut expected.iter().zip(found).map(|(one, other)| one - other);
        largest(differences) / largest(&mut expected.iter().copied())
    });
    rows.fold(0.0, f32::max)
}

fn emitted(lite: &Lite, folder: &tempfile::TempDir, flags: &str) -> PathBuf {
    let path = folder.path().join(format!("{}{flags}.onnx", lite.name));
    let flags: Vec<&str> = flags.split(' ').collect();
    lite.emit(&path, &flags);
    path
}

#[test]
fn photographs_have_the_same_logits_whatever_the_input_is() {
    let folder = folder();
    let lite = &LITES[0];
    let expected = RUNTIMES.map(|runtime| of_photographs(runtime, lite.file()));
    for flags in [
        "--normalize",
        "--input-format nhwc",
        "--input-format nhwc --normalize --bn keep",
        "--input-format uint8-nhwc",
    ] {
        let file = emitted(lite, &folder, flags);
        for (runtime, expected) in RUNTIMES.iter().zip(&expected) {
            let found = difference(expected, &of_photographs(runtime, &file));
            assert!(found <= ALLOWED, "{flags} {runtime}: {found:e}");
        }
    }
}

/// An initializer of single precision, as numbers.
fn numbers(tensor: &TensorProto) -> Vec<f32> {
    floats(tensor.raw_data())
}

fn tensor<'a>(graph: &'a mut GraphProto, name: &str) -> &'a mut TensorProto {
    let mut tensors = graph.initializer.iter_mut();
    tensors
        .find(|tensor| tensor.name() == name)
        .expect("a tensor")
}

/// The reason that the mean is subtracted and not folded: zeros around the image stand for it. The bias that equals it
/// inside moves the logits by several percent.
#[test]
fn a_folded_mean_would_be_seen() {
    let folder = folder();
    let file = emitted(&LITES[0], &folder, "--normalize");
    let (_kept, wrong) = changed(&file, "folded.onnx", |model| {
        let graph = model.graph.as_mut().expect("a graph");
        let mean = tensor(graph, "input.mean");
        let means = numbers(mean);
        mean.raw_data = Some(vec![0; 12].into());
        let weights = numbers(tensor(graph, "conv_stem.weight"));
        let bias = tensor(graph, "conv_stem.bias");
        let biased = numbers(bias).into_iter().zip(weights.chunks(27));
        let biased = biased.map(|(bias, filter)| {
            let of_channels = filter.chunks(9).zip(&means);
            bias - of_channels
                .map(|(window, mean)| window.iter().sum::<f32>() * mean)
                .sum::<f32>()
        });
        let bytes: Vec<u8> = biased.flat_map(f32::to_le_bytes).collect();
        bias.raw_data = Some(bytes.into());
    });
    let expected = of_photographs("ort-cpu", LITES[0].file());
    let found = difference(&expected, &of_photographs("ort-cpu", &wrong));
    assert!((0.01..0.1).contains(&found), "{found:e}");
}

#[test]
fn the_records_say_what_is_left_to_do_and_what_is_done() {
    let folder = folder();
    let plain: Preprocessing = record(LITES[0].file(), PREPROCESSING_KEY);
    for (flags, layout, element, inside) in [
        ("--normalize", "NCHW", "f32", true),
        ("--input-format nhwc", "NHWC", "f32", false),
        ("--input-format uint8-nhwc", "NHWC", "u8", true),
    ] {
        let file = emitted(&LITES[0], &folder, flags);
        let found: Preprocessing = record(&file, PREPROCESSING_KEY);
        assert_eq!(
            (found.layout.as_str(), found.element.as_str()),
            (layout, element)
        );
        let normal = inside.then_some(plain.normal);
        assert_eq!(found.inside, normal, "{flags}");
        assert_eq!(found.normal == Normal::NONE, inside, "{flags}");
        assert_eq!(found.whole(), plain, "{flags}");
        let recipe: Recipe = record(&file, RECIPE_KEY);
        assert_eq!(recipe.normalize, normal, "{flags}");
    }
}

fn program_in(folder: &Path, command: &str) -> Run {
    Run::of(program().current_dir(folder).args(command.split(' ')))
}

/// What is known of colours is not known of other channels, and nothing of a custom architecture.
#[test]
fn nothing_is_normalised_by_numbers_that_are_not_known() {
    let folder = folder();
    let folder = folder.path();
    let own = program_in(folder, "inspect --variant lite0 --as-arch").expect(0);
    std::fs::write(folder.join("own.toml"), own.stdout).expect("a file");
    for (flags, expected) in [
        (
            "--variant b0 --in-channels 1 --normalize",
            "`--normalize`: expected a network that it is known how pictures are normalised for, found one of 1 input channels",
        ),
        (
            "--arch own.toml --input-format uint8-nhwc",
            "`--input-format uint8-nhwc`: expected a network that it is known how pictures are normalised for, found a custom architecture",
        ),
    ] {
        let command = format!("emit {flags} --size 64 --init constant -o refused.onnx");
        let refused = program_in(folder, &command).expect(2);
        assert!(refused.stderr.contains(expected), "{refused:#?}");
        assert!(!folder.join("refused.onnx").exists());
    }
}

/// The recipe's numbers are held against the graph, and the record of pictures against the recipe.
#[test]
fn false_records_of_the_input_are_named() {
    let folder = folder();
    let folder = folder.path();
    let command = "emit --variant lite0 --size 32 --input-format uint8-nhwc --init probe -o m.onnx";
    program_in(folder, command).expect(0);
    program_in(folder, "inspect m.onnx").expect(0);
    let bytes = std::fs::read(folder.join("m.onnx")).expect("a file");
    let model = ModelProto::decode(bytes.as_slice()).expect("a model");
    for (key, from, to, expected) in [
        (
            RECIPE_KEY,
            "127.0,127.0,127.0",
            "127.0,126.0,127.0",
            "has `normalize` mean [127.0, 126.0, 127.0], but the graph subtracts [127.0, 127.0, 127.0]",
        ),
        (
            RECIPE_KEY,
            "uint8-nhwc",
            "nhwc",
            "has `input_format` nhwc, but input `input` is of u8",
        ),
        (
            RECIPE_KEY,
            "uint8-nhwc",
            "nchw",
            "has `in_channels` 3, but input `input` has 32 channels",
        ),
        (
            PREPROCESSING_KEY,
            r#","inside":{"mean":[127.0,127.0,127.0],"std":[128.0,128.0,128.0]}"#,
            "",
            "has `inside` none, but its recipe has `normalize` mean [127.0, 127.0, 127.0]",
        ),
        (
            PREPROCESSING_KEY,
            r#""element":"u8""#,
            r#""element":"f32""#,
            "has `element` f32, but input `input` is of u8",
        ),
        (
            PREPROCESSING_KEY,
            "NHWC",
            "NCHW",
            "has `channels` RGB, but dimension 1 of input `input` is 32",
        ),
    ] {
        let mut changed = model.clone();
        let entries = changed.metadata_props.iter_mut();
        let mut entries = entries.filter(|entry| entry.key() == key);
        let entry = entries.next().expect("a record");
        let text = entry.value().replace(from, to);
        assert_ne!(text, entry.value(), "{from}");
        entry.value = Some(text);
        std::fs::write(folder.join("m.onnx"), changed.encode_to_vec()).expect("a file");
        let told = program_in(folder, "inspect m.onnx").expect(1);
        assert!(told.stderr.contains(expected), "{to}: {told:#?}");
        if key == PREPROCESSING_KEY {
            let command = format!("classify m.onnx {}", data("coffee.png").display());
            let refused = program_in(folder, &command).expect(2);
            let named = ["`element`", "`inside`", "expected input `input`"];
            let is_named = |piece: &&str| refused.stderr.contains(*piece);
            assert!(named.iter().any(is_named), "{to}: {refused:#?}");
        }
    }
}
