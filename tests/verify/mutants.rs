//! Each kind of mutation changes what it says in a file that `emit` wrote, and nothing else.

use crate::verify_support::{emitted, folder};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::proto::{AttributeProto, GraphProto, ModelProto, TensorProto};
use efficientnet_onnx::verify::mutate::{Kind, Original};
use prost::Message;
use std::fmt::Write;
use std::path::Path;

fn decode(path: &Path) -> ModelProto {
    ModelProto::decode(std::fs::read(path).expect("a file").as_slice()).expect("a model")
}

fn value(attribute: &AttributeProto) -> String {
    match attribute.name() {
        "epsilon" | "alpha" => format!("{}", attribute.f()),
        "auto_pad" => String::from_utf8_lossy(attribute.s()).into_owned(),
        _ if attribute.i.is_some() => attribute.i().to_string(),
        _ => format!("{:?}", attribute.ints),
    }
}

/// What differs, one line each: nodes by name, tensors with how many elements differ.
fn differences(before: &GraphProto, after: &GraphProto) -> Vec<String> {
    let mut found = Vec::new();
    assert_eq!(before.node.len(), after.node.len());
    for (one, two) in before.node.iter().zip(&after.node) {
        let name = one.name();
        assert_eq!((name, &one.output), (two.name(), &two.output));
        if one.op_type() != two.op_type() {
            found.push(format!("{name}: {} is {}", one.op_type(), two.op_type()));
        }
        if one.input != two.input {
            found.push(format!("{name}: inputs {}", two.input.join(" ")));
        }
        for attribute in &two.attribute {
            let old = one
                .attribute
                .iter()
                .find(|old| old.name() == attribute.name());
            if old != Some(attribute) {
                let old = old.map_or_else(|| "none".to_owned(), value);
                found.push(format!(
                    "{name}: {} {old} is {}",
                    attribute.name(),
                    value(attribute)
                ));
            }
        }
    }
    for tensor in &after.initializer {
        match before
            .initializer
            .iter()
            .find(|old| old.name() == tensor.name())
        {
            None => found.push(format!("{} added", tensor.name())),
            Some(old) if old != tensor => found.push(changed(old, tensor)),
            Some(_) => {}
        }
    }
    if before.value_info != after.value_info {
        found.push(format!("{} declared types", after.value_info.len()));
    }
    assert_eq!(
        (&before.input, &before.output),
        (&after.input, &after.output)
    );
    found
}

fn changed(old: &TensorProto, new: &TensorProto) -> String {
    assert_eq!((&old.dims, old.data_type), (&new.dims, new.data_type));
    let (old_bytes, new_bytes) = (old.raw_data(), new.raw_data());
    assert_eq!(old_bytes.len(), new_bytes.len());
    let differ = old_bytes
        .as_chunks::<4>()
        .0
        .iter()
        .zip(new_bytes.as_chunks::<4>().0)
        .filter(|(old, new)| old != new);
    format!(
        "{} differs in {} of {}",
        old.name(),
        differ.count(),
        old_bytes.len() / 4
    )
}

/// A line for each kind that has a site: how many, the middle one, and what differs there.
fn describe(file: &Path) -> String {
    let opened = ModelFile::open(file).expect("a model");
    let original = Original::read(&opened).expect("the whole model");
    let before = decode(file).graph.expect("a graph");
    let mut text = String::new();
    for &kind in Kind::ALL {
        let sites = original.sites(kind);
        let Some(site) = sites.get(sites.len() / 2) else {
            continue;
        };
        let copy = original.write(site).expect("a mutant");
        let after = decode(&copy.path()).graph.expect("a graph");
        let mut found = differences(&before, &after);
        let more = found.len().saturating_sub(4);
        found.truncate(4);
        let more = if more > 0 {
            format!("; {more} more")
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "{kind} ({} sites): {}{more}",
            sites.len(),
            found.join("; ")
        );
    }
    text
}

fn expect(file: &Path, golden: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/mutants")
        .join(golden);
    let found = describe(file);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, &found).expect("a file");
    }
    assert_eq!(
        found,
        std::fs::read_to_string(&path).expect("a file"),
        "accept with BLESS=1"
    );
}

#[test]
fn a_swish_network_is_changed_as_said() {
    let folder = folder();
    let file = emitted(
        &folder,
        &[
            "--bn",
            "keep",
            "--init",
            "probe",
            "--outputs",
            "logits,probabilities",
        ],
    );
    expect(&file, "b0.txt");
}

#[test]
fn a_lite_network_is_changed_as_said() {
    let folder = folder();
    let file = folder.path().join("lite0.onnx");
    let arguments = [
        "emit",
        "--variant",
        "lite0",
        "--size",
        "dynamic:32",
        "--bn",
        "keep",
        "--init",
        "probe",
        "--quiet",
        "-o",
    ];
    crate::verify_support::Run::of(crate::verify_support::program().args(arguments).arg(&file))
        .expect(0);
    expect(&file, "lite0.txt");
}

/// Swish as one operator, and pools whose axes are an operand.
#[test]
fn other_spellings_are_changed_as_said() {
    let folder = folder();
    let form = "swish=swish-op,pool=reduce-mean,head=matmul";
    let file = emitted(
        &folder,
        &["--opset", "24", "--form", form, "--init", "probe"],
    );
    expect(&file, "b0-spelled.txt");
    let opened = ModelFile::open(&file).expect("a model");
    let original = Original::read(&opened).expect("the whole model");
    let site = original.sites(Kind::SqueezeOneAxis).remove(0);
    let copy = original.write(&site).expect("a mutant");
    let graph = decode(&copy.path()).graph.expect("a graph");
    let axes = graph.initializer.last().expect("the axes");
    assert_eq!(
        (axes.name(), &axes.dims[..]),
        ("pool.axes.mutated", &[1][..])
    );
    assert_eq!(axes.raw_data(), 2_i64.to_le_bytes());
}

/// The weights that the mean and the deviation have gone past are the first convolution's still.
#[test]
fn the_first_convolution_is_found_behind_what_prepares_its_input() {
    let folder = folder();
    for (flags, sites) in [
        (&["--input-format", "nchw"][..], 1),
        (&["--normalize"], 1),
        (&["--input-format", "uint8-nhwc"], 1),
        (&["--in-channels", "4", "--input-format", "nhwc"], 0),
    ] {
        let file = emitted(&folder, &[&["--init", "probe", "--force"], flags].concat());
        let opened = ModelFile::open(&file).expect("a model");
        let original = Original::read(&opened).expect("the whole model");
        let found = original.sites(Kind::InputReversed);
        assert_eq!(found.len(), sites, "{flags:?}");
        assert!(found.iter().all(|one| one.site == "conv_stem"), "{flags:?}");
    }
}

#[test]
fn a_tensor_in_another_file_is_changed_in_the_model_and_the_rest_stays_there() {
    let folder = folder();
    let inside = emitted(&folder, &["--bn", "keep", "--init", "probe"]);
    let expected = describe(&inside);
    let other = crate::verify_support::folder();
    let file = emitted(
        &other,
        &["--bn", "keep", "--init", "probe", "--external-data"],
    );
    let opened = ModelFile::open(&file).expect("a model");
    let original = Original::read(&opened).expect("the whole model");
    let site = original.sites(Kind::WeightScaled).remove(0);
    let copy = original.write(&site).expect("a mutant");
    let after = decode(&copy.path()).graph.expect("a graph");
    let inlined: Vec<_> = after
        .initializer
        .iter()
        .filter(|tensor| tensor.raw_data.is_some())
        .collect();
    assert_eq!(inlined.len(), 1);
    let stem = decode(&inside)
        .graph
        .expect("a graph")
        .initializer
        .remove(0);
    assert_eq!(
        changed(&stem, inlined[0]),
        "conv_stem.weight differs in 864 of 864"
    );
    let copied = ModelFile::open(&copy.path()).expect("a model");
    for initializer in &copied.contents.initializers {
        if let Some(external) = initializer.external().expect("entries") {
            external
                .open(copied.folder())
                .expect("data beside the copy");
        }
    }
    let path = copy.path();
    drop(copy);
    assert!(!path.parent().expect("a folder").exists());
    assert!(expected.contains("weight-scaled"));
}
