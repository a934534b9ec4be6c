//! `--padding static:S`: pads of efficientnet_pytorch, which are those of the model's own size at every size.

use crate::lite_support::change::{changed, set_metadata};
use crate::verify_support::{Run, folder, program, verify};
use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::graph::{Op, Padding};
use efficientnet_onnx::metadata::{RECIPE_KEY, Recipe};
use efficientnet_onnx::network::{self, Interface};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::request::{Blueprint, Extent, Request};
use serde_json::{Value, json};
use std::path::Path;

fn request(name: &str, padding: Padding, size: [u64; 2]) -> Request {
    let variant = Variant::by_name(name).expect("a published variant");
    let mut request = Request::new(Blueprint::published(variant));
    request.options.padding = padding;
    request.size = size.map(Extent::Fixed);
    request
}

/// Pads before and after, along height and along width, of every convolution of stride 2.
fn strided_pads(request: &Request) -> Vec<[[u64; 2]; 2]> {
    let architecture = request.architecture().expect("below the limits");
    let interface = Interface::single(request.default_size());
    let graph = network::build(&architecture, &interface).expect("a size that is large enough");
    let pads = |node: &efficientnet_onnx::graph::Node| match &node.op {
        Op::Conv(conv) if conv.stride == [2, 2] => {
            let shape = &graph.value(node.inputs[0]).shape;
            Some([0, 1].map(|axis| {
                conv.window()
                    .pads(&shape[2 + axis], axis)
                    .expect("constant pads")
            }))
        }
        _ => None,
    };
    graph.nodes.iter().filter_map(pads).collect()
}

/// Read from `static_padding` of the strided convolutions of `EfficientNet.from_name` (efficientnet_pytorch 0.7.1 and
/// efficientnet_lite_pytorch 0.1.0).
const LIBRARY: [(&str, [[u64; 2]; 5]); 12] = [
    ("b0", [[0, 1], [0, 1], [1, 2], [0, 1], [1, 2]]),
    ("b1", [[0, 1], [0, 1], [1, 2], [0, 1], [2, 2]]),
    ("b2", [[0, 1], [0, 1], [2, 2], [1, 1], [2, 2]]),
    ("b3", [[0, 1], [0, 1], [2, 2], [0, 1], [2, 2]]),
    ("b4", [[0, 1], [0, 1], [2, 2], [0, 1], [1, 2]]),
    ("b5", [[0, 1], [0, 1], [1, 2], [1, 1], [2, 2]]),
    ("b6", [[0, 1], [0, 1], [1, 2], [0, 1], [2, 2]]),
    ("b7", [[0, 1], [0, 1], [1, 2], [1, 1], [1, 2]]),
    ("b8", [[0, 1], [0, 1], [1, 2], [0, 1], [1, 2]]),
    ("lite2", [[0, 1], [0, 1], [2, 2], [1, 1], [2, 2]]),
    ("lite3", [[0, 1], [0, 1], [1, 2], [1, 1], [1, 2]]),
    ("lite4", [[0, 1], [0, 1], [2, 2], [0, 1], [2, 2]]),
];

#[test]
fn pads_are_the_librarys_at_every_size() {
    for (name, expected) in LIBRARY {
        let native = Variant::by_name(name).expect("published").resolution;
        for size in [[native; 2], [225; 2], [97, 256]] {
            let request = request(name, Padding::Static([native; 2]), size);
            let found = strided_pads(&request);
            assert_eq!(found, expected.map(|pads| [pads; 2]), "{name} at {size:?}");
        }
    }
    // Height and width have their own.
    let request = request("b0", Padding::Static([225, 224]), [64; 2]);
    assert_eq!(strided_pads(&request)[0], [[1, 1], [0, 1]]);
}

/// The final graph with its types says all about pads and sizes.
fn graph(request: &Request) -> String {
    format!("{:?}", request.graph().expect("a graph"))
}

#[test]
fn at_its_own_size_the_graph_is_that_of_same_padding() {
    for name in ["b0", "b1", "b3", "b4", "lite3", "l2"] {
        let native = [Variant::by_name(name).expect("published").resolution; 2];
        let [own, same] = [Padding::Static(native), Padding::Same]
            .map(|padding| graph(&request(name, padding, native)));
        assert_eq!(own, same, "{name}");
    }
    let [own, same] = [Padding::Static([224; 2]), Padding::Same]
        .map(|padding| graph(&request("b0", padding, [225; 2])));
    assert_ne!(own, same);
}

fn run(folder: &Path, line: &str) -> Run {
    Run::of(program().args(line.split_whitespace()).current_dir(folder))
}

fn recipe(path: &Path) -> Recipe {
    let file = ModelFile::open(path).expect("a model");
    serde_json::from_str(file.metadata(RECIPE_KEY).expect("a recipe")).expect("a recipe")
}

#[test]
fn names_of_efficientnet_pytorch_and_its_models_imply_it() {
    let folder = folder();
    let folder = folder.path();
    let done = |line: &str| run(folder, line).expect(0).stderr;
    done(
        "weights export --like lukemelas/efficientnet-b1 --init probe --classes 3 --names lukemelas -o told.safetensors",
    );
    let bare = bare(&folder.join("told.safetensors"));
    std::fs::write(folder.join("bare.safetensors"), bare).expect("a file");
    let note = "padding static:240: the pads are those of size 240x240 at every size";
    for (line, padding, noted) in [
        ("--weights bare.safetensors --size 65", "static:240", true),
        ("--weights told.safetensors --size 65", "static:240", true),
        (
            "--weights bare.safetensors --variant b1",
            "static:240",
            false,
        ),
        (
            "--weights bare.safetensors --padding static:65 --size 97",
            "static:65",
            false,
        ),
        (
            "--weights bare.safetensors --padding same --size 65",
            "same",
            false,
        ),
        (
            "--like lukemelas/efficientnet-b1 --size dynamic:32",
            "static:240",
            true,
        ),
        ("--like lukemelas/efficientnet-b1", "static:240", false),
        (
            "--like lukemelas/efficientnet-lite0 --size 65x96 --padding static:65x96",
            "static:65x96",
            false,
        ),
    ] {
        let said = done(&format!("emit {line} -o m.onnx --force"));
        assert_eq!(said.contains(note), noted, "{line}: {said}");
        assert_eq!(recipe(&folder.join("m.onnx")).padding, padding, "{line}");
    }
    let shown = run(folder, "inspect --like lukemelas/efficientnet-b3")
        .expect(0)
        .stdout;
    assert!(shown.contains("padding static:300"), "{shown}");
    let file = run(folder, "inspect --like lukemelas/efficientnet-b3 --as-arch").expect(0);
    assert!(
        file.stdout.contains("padding = \"static:300\""),
        "{file:#?}"
    );
    std::fs::write(folder.join("b3.toml"), &file.stdout).expect("a file");
    done("emit --arch b3.toml --size 65 -o m.onnx --force");
    assert_eq!(recipe(&folder.join("m.onnx")).padding, "static:300");
}

/// The tensors of a safetensors file without what it says of itself.
fn bare(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("a file");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    safetensors::serialize(file.tensors(), None).expect("tensors")
}

#[test]
fn a_network_that_no_library_publishes_leaves_it_open() {
    let folder = folder();
    let folder = folder.path();
    let network = "--width 0.5 --depth 0.5";
    run(
        folder,
        &format!("weights export {network} --names lukemelas -o told.safetensors"),
    )
    .expect(0);
    let bare = bare(&folder.join("told.safetensors"));
    std::fs::write(folder.join("bare.safetensors"), bare).expect("a file");
    let refused = run(
        folder,
        &format!("emit {network} --weights bare.safetensors -o m.onnx"),
    )
    .expect(2);
    let expected = "the checkpoint has lukemelas names, which do not tell its padding\nhint: use `--padding static:S`";
    assert!(refused.stderr.contains(expected), "{refused:#?}");
    for wrong in [
        "static",
        "static:",
        "static:0",
        "static:x",
        "static:+5",
        "static:1x2x3",
        "static:9999999",
        "SAME",
    ] {
        let refused = run(
            folder,
            &format!("emit --variant b0 --padding {wrong} -o m.onnx"),
        )
        .expect(2);
        assert!(refused.stderr.contains("`static:224`"), "{refused:#?}");
    }
    assert!(!folder.join("m.onnx").exists());
    // Nothing is left of a window in an image that is too small for these pads.
    let small = run(
        folder,
        "emit --variant b0 --padding static:224 --size 1 -o m.onnx",
    )
    .expect(2);
    assert!(small.stderr.contains("does not fit"), "{small:#?}");
}

/// Earlier versions recorded `same` of a model of efficientnet_pytorch.
#[test]
fn a_record_of_an_earlier_version_stands_for_the_librarys_pads() {
    let folder = folder();
    let path = folder.path();
    run(
        path,
        "emit --like lukemelas/efficientnet-b1 --bn keep -o new.onnx",
    )
    .expect(0);
    let (_kept, old) = changed(&path.join("new.onnx"), "old.onnx", |model| {
        let recipe = model
            .metadata_props
            .iter()
            .find(|entry| entry.key() == RECIPE_KEY);
        let recipe = recipe
            .expect("a recipe")
            .value()
            .replace("static:240", "same");
        set_metadata(model, RECIPE_KEY, Some(&recipe));
    });
    let old = old.to_str().expect("UTF-8");
    let inspected = run(path, &format!("inspect {old}")).expect(0).stdout;
    assert!(inspected.contains("padding same"), "{inspected}");
    for line in ["", "--like lukemelas/efficientnet-b1"] {
        run(
            path,
            &format!("emit --weights {old} {line} --size 65 -o m.onnx --force"),
        )
        .expect(0);
        assert_eq!(recipe(&path.join("m.onnx")).padding, "static:240", "{line}");
    }
    // Of another size it says what it says.
    run(path, "emit --variant b1 --size 65 --bn keep -o same.onnx").expect(0);
    let refused = run(
        path,
        "emit --weights same.onnx --like lukemelas/efficientnet-b1 -o m.onnx --force",
    )
    .expect(2);
    assert!(
        refused.stderr.contains("metadata say padding same and epsilon 1e-3, but `lukemelas/efficientnet-b1` has padding static:240"),
        "{refused:#?}"
    );
}

/// With static pads a file for symbolic sizes holds at every size: it computes what the file of that size does.
#[test]
fn symbolic_sizes_are_right_at_any_size() {
    let folder = folder();
    let path = folder.path();
    let network = "--width 0.25 --depth 0.5 --classes 5 --init probe";
    let emit = |size: &str, padding: &str, name: &str| {
        run(
            path,
            &format!("emit {network} --size {size} --padding {padding} -o {name}"),
        )
        .expect(0);
    };
    emit("dynamic:32", "static:75", "any.onnx");
    for size in ["64", "101", "65x90"] {
        emit(size, "static:75", &format!("{size}.onnx"));
        let other = path.join(format!("{size}.onnx"));
        let other = other.to_str().expect("UTF-8");
        let arguments = [other, "--json", "--runtime", "tract,ort-cpu"];
        let report = verify(&path.join("any.onnx"), true, &arguments)
            .expect(0)
            .report();
        assert_eq!(report["verdict"], "agree", "{size}: {report:#}");
    }
    // The pads matter.
    emit("101", "same", "same.onnx");
    let other = path.join("same.onnx");
    let arguments = [
        other.to_str().expect("UTF-8"),
        "--json",
        "--runtime",
        "ort-cpu",
    ];
    let report = verify(&path.join("any.onnx"), true, &arguments)
        .expect(1)
        .report();
    assert_eq!(report["verdict"], "disagree");
    let report = verify(&path.join("any.onnx"), true, &["--size", "97x33", "--json"])
        .expect(0)
        .report();
    let sizes: Vec<[&Value; 2]> = report["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .map(|case| [&case["height"], &case["width"]])
        .collect();
    assert!(
        sizes.iter().all(|size| *size == [&json!(97), &json!(33)]),
        "{sizes:?}"
    );
}
