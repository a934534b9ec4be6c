//! Skeletons: the graph of the whole file, with every weight at one place.

use efficientnet_onnx::onnx::check::check;
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::tensor::Element;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn emit(folder: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let path = folder.join(format!("{name}.onnx"));
    let output = emitted(&path, flags);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {told}");
    path
}

fn emitted(path: &Path, flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(["emit", "--quiet", "--force"])
        .args(flags)
        .arg("-o")
        .arg(path)
        .output()
        .expect("the program starts")
}

fn data(path: &Path) -> PathBuf {
    path.with_extension("onnx.data")
}

/// Offsets at which stored tensors begin; those of variances, which `running_var` names, apart.
fn places(file: &ModelFile) -> [BTreeSet<u64>; 2] {
    let mut places = [BTreeSet::new(), BTreeSet::new()];
    for tensor in &file.contents.initializers {
        if let Some(external) = tensor.external().expect("entries") {
            let is_variance = tensor.name.ends_with("running_var");
            places[usize::from(is_variance)].insert(external.offset);
        }
    }
    places
}

/// Elements of the file of external data from `offset` on.
fn elements(data: &[u8], element: Element, offset: u64, count: usize) -> Vec<f32> {
    let data = &data[usize::try_from(offset).expect("a small file")..];
    if element == Element::F32 {
        let (chunks, _) = data.as_chunks();
        return chunks
            .iter()
            .take(count)
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
    }
    let (chunks, _) = data.as_chunks();
    let chunks = chunks
        .iter()
        .take(count)
        .map(|bytes| u16::from_le_bytes(*bytes));
    chunks.map(half).collect()
}

/// The value of a half that is neither infinite nor NaN.
fn half(bits: u16) -> f32 {
    let exponent = i32::from(bits >> 10 & 31);
    assert!(exponent < 31, "not finite");
    let fraction = f32::from(bits & 1023);
    let value = match exponent {
        0 => fraction * 2_f32.powi(-24),
        _ => (1024.0 + fraction) * 2_f32.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -value } else { value }
}

#[test]
fn weights_begin_at_one_place_and_the_graph_is_that_of_the_whole_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for (variant, flags, element) in [
        ("b0", &["--size", "64"][..], Element::F32),
        (
            "lite0",
            &["--size", "dynamic:32", "--bn", "keep"],
            Element::F32,
        ),
        (
            "condconv-b0-4e",
            &["--size", "64", "--form", "align=64,head=matmul"],
            Element::F32,
        ),
        (
            "b0",
            &["--size", "64", "--bn", "keep", "--dtype", "f16"],
            Element::F16,
        ),
    ] {
        let flags = [&["--variant", variant], flags].concat();
        let whole = emit(
            folder.path(),
            "whole",
            &[&flags[..], &["--init", "constant"]].concat(),
        );
        let path = emit(
            folder.path(),
            "skeleton",
            &[&flags[..], &["--skeleton"]].concat(),
        );
        let [whole, file] =
            [whole, path.clone()].map(|path| ModelFile::open(&path).expect("a model"));
        assert_eq!(check(&file), [], "{flags:?}");
        assert!(file.shares_weights() && !whole.shares_weights());
        let (one, other) = (&file.contents, &whole.contents);
        assert_eq!((&one.nodes, &one.inputs), (&other.nodes, &other.inputs));
        assert_eq!(
            (&one.outputs, &one.value_info),
            (&other.outputs, &other.value_info)
        );
        assert!(file.metadata("efficientnet.checksums").is_none());
        let origin = file.metadata("efficientnet.origin").expect("a record");
        assert_eq!(origin, r#"{"kind":"skeleton","version":1,"seed":0}"#);
        assert_eq!(
            file.metadata("efficientnet.recipe"),
            whole.metadata("efficientnet.recipe")
        );
        // Constants stay in the model, and are true.
        let is_kept = flags.contains(&"keep");
        let size = if element == Element::F32 { 4 } else { 2 };
        let mut largest = [0, 0];
        for (tensor, own) in one.initializers.iter().zip(&other.initializers) {
            assert_eq!((&tensor.name, &tensor.dims), (&own.name, &own.dims));
            assert_eq!(tensor.data_type, own.data_type);
            let ends = ["relu6.min", "relu6.max", ".channels", ".sum"];
            let is_constant = ends.iter().any(|end| tensor.name.ends_with(end));
            let is_outside = tensor.external().expect("entries").is_some();
            assert_eq!(
                is_outside,
                !is_constant && tensor.element() == Some(element),
                "{}",
                tensor.name
            );
            if is_outside {
                let place = usize::from(tensor.name.ends_with("running_var"));
                let count = tensor.element_count().expect("a shape");
                largest[place] = largest[place].max(count * size);
            }
        }
        let [weights, variances] = places(&file);
        assert_eq!(weights, BTreeSet::from([0]));
        assert_eq!(variances.len(), usize::from(is_kept));
        let bytes = fs::read(data(&path)).expect("data");
        let end = variances
            .first()
            .map_or(largest[0], |offset| offset + largest[1]);
        assert_eq!(bytes.len() as u64, end, "{flags:?}");
        let drawn = elements(&bytes, element, 0, 10_000);
        let deviation = (drawn.iter().map(|one| one * one).sum::<f32>() / 1e4).sqrt();
        assert!((0.0195..0.0205).contains(&deviation), "{deviation}");
        if let Some(offset) = variances.first() {
            let drawn = elements(&bytes, element, *offset, 500);
            assert!(drawn.iter().all(|one| (0.5..=1.5).contains(one)));
            assert!(drawn.iter().any(|one| *one < 0.6) && drawn.iter().any(|one| *one > 1.4));
        }
    }
}

#[test]
fn a_seed_decides_every_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |name: &str, seed: &str| {
        let flags = [
            "--variant",
            "b0",
            "--size",
            "64",
            "--skeleton",
            "--seed",
            seed,
        ];
        let path = folder.path().join(name).join("m.onnx");
        fs::create_dir(path.parent().expect("a folder")).expect("a folder");
        assert!(emitted(&path, &flags).status.success());
        [path.clone(), data(&path)].map(|path| fs::read(path).expect("a file"))
    };
    let one = of("one", "7");
    assert!(one == of("two", "7"));
    assert!(one[1] != of("three", "8")[1]);
}

/// What a skeleton takes on disk counts, and not what its weights would.
#[test]
fn large_networks_have_small_skeletons() {
    let folder = tempfile::tempdir().expect("a folder");
    let twelve = ["--phi", "12", "--formula", "--size", "64", "--skeleton"];
    let path = emit(folder.path(), "twelve", &twelve);
    assert!(path.metadata().expect("a file").len() < 2_000_000);
    assert!(data(&path).metadata().expect("a file").len() < 30_000_000);
    // Weights of this size are refused unasked; a disk with less room is another reason, with the same amount.
    let path = folder.path().join("eighteen.onnx");
    let eighteen = ["--phi", "18", "--formula", "--size", "64"];
    let whole = emitted(&path, &eighteen);
    assert_eq!(whole.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&whole.stderr).contains("it takes 15.5 GB, "));
    let skeleton = emitted(&path, &[&eighteen[..], &["--skeleton"]].concat());
    assert_eq!(skeleton.status.code(), Some(0));
}
