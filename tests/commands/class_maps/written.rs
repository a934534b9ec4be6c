//! What `classify --cam` refuses, and that a figure is whole or what was there before.

use super::{OUTPUTS, classify, files, pixels};
use crate::lite_support::change::{changed, set_metadata};
use crate::lite_support::{LITES, data};
use crate::verify_support::{Run, folder, program};
use std::fs;
use std::path::Path;

#[test]
fn what_cannot_be_drawn_is_refused_before_anything_runs() {
    let folder = folder();
    let figure = folder.path().join("figure.png");
    let coffee = data("coffee.png");
    let cam = ["--cam", figure.to_str().expect("UTF-8")];
    let file = files()[0].as_path();
    let both = [file, coffee.as_path()];
    let (_changed, other) = changed(file, "other.onnx", |model| {
        let graph = model.graph.as_mut().expect("a graph");
        graph.output.retain(|output| output.name() == "logits");
        let mut logits = graph.output[0].clone();
        logits.name = Some("cam".to_owned());
        graph.node.retain(|node| node.output != ["cam"]);
        graph.node.push(efficientnet_onnx::onnx::proto::NodeProto {
            op_type: Some("Sigmoid".to_owned()),
            input: vec!["logits".to_owned()],
            output: vec!["cam".to_owned()],
            ..Default::default()
        });
        graph.output.push(logits);
    });
    let (_changed, twice) = changed(file, "twice.onnx", |model| {
        let name = |class| format!("thing {}", class % 997);
        let names: Vec<String> = (0..1000).map(name).collect();
        let names = serde_json::to_string(&names).expect("JSON");
        set_metadata(model, "efficientnet.labels", Some(&names));
    });
    for (paths, flags, message) in [
        (
            [LITES[0].file(), &coffee],
            &[][..],
            "has no class activation maps: expected an output `cam`, found `logits`",
        ),
        (
            [&other, &coffee],
            &[],
            "expected output `cam` to be [batch, 1000, height, width], found [batch, 1000]",
        ),
        (
            both,
            &["--class", "expresso"],
            "has no class `expresso`, expected a number from 0 to 999 or a name; the nearest names are `espresso`, ",
        ),
        (
            both,
            &["--class", "1000"],
            "has no class `1000`, expected a number from 0 to 999",
        ),
        (both, &["--class=-1"], "has no class `-1`"),
        (both, &["--class", "cat"], "`tiger cat`"),
        (
            [&twice, &coffee],
            &["--class", "Thing 2"],
            "has several classes `Thing 2`, with the numbers 2, 999: give one of them",
        ),
    ] {
        let run = classify(paths, &[&cam, flags].concat()).expect(2);
        assert!(run.stderr.contains(message), "{message}: {run:#?}");
        assert!(run.stdout.is_empty() && !figure.exists());
    }
    let run = classify(both, &["--class", "espresso"]).expect(2);
    assert!(run.stderr.contains("--cam"), "{run:#?}");
    let run = classify(both, &["--force"]).expect(2);
    assert!(run.stderr.contains("--cam"), "{run:#?}");
    let run = classify([file], &cam).expect(2);
    assert!(
        run.stderr
            .contains("expected a file and the pictures to classify, found only `"),
        "{run:#?}"
    );
}

#[test]
fn the_figure_is_whole_or_what_was_there() {
    let folder = folder();
    let own = |name: &str| folder.path().join(name);
    let (figure, missing, coffee) = (own("figure.png"), own("missing.png"), own("coffee.png"));
    fs::copy(data("coffee.png"), &coffee).expect("a photograph");
    let file = files()[0].as_path();
    let cam = ["--cam", figure.to_str().expect("UTF-8")];
    let forced = [&cam[..], &["--force"]].concat();
    // One that is there is replaced on demand alone; no input is.
    fs::write(&figure, "an older one").expect("a file");
    let run = classify([file, &coffee], &cam).expect(2);
    assert!(
        run.stderr.contains("hint: `--force` replaces it"),
        "{run:#?}"
    );
    assert_eq!(fs::read(&figure).expect("a file"), b"an older one");
    // No picture is read: what was there stays.
    let run = classify([file, &missing], &forced).expect(2);
    assert!(
        run.stderr.contains("figure.png` is not written: "),
        "{run:#?}"
    );
    assert_eq!(fs::read(&figure).expect("a file"), b"an older one");
    let before = fs::read(&coffee).expect("a photograph");
    let flags = ["--force", "--cam", coffee.to_str().expect("UTF-8")];
    let run = classify([file, &coffee], &flags).expect(2);
    assert!(
        run.stderr.contains("give the output another name"),
        "{run:#?}"
    );
    assert_eq!(fs::read(&coffee).expect("a photograph"), before);
    // A runtime that fails.
    let flags = [
        &forced[..],
        &["--json", "--ort-lib", "/nonexistent/libonnxruntime.so"],
    ]
    .concat();
    let run = classify([file, &coffee], &flags).expect(3);
    assert!(run.report()["figure"].is_null(), "{run:#?}");
    assert_eq!(fs::read(&figure).expect("a file"), b"an older one");
    // One picture that cannot be read does not stop the others.
    let run = classify([file, &missing, &coffee], &forced).expect(2);
    assert!(
        run.stdout
            .contains("  heat map of espresso (967), largest at column "),
        "{run:#?}"
    );
    let drawn = pixels(&figure);
    assert_eq!(drawn.width(), 2 * 272 + 16);
    assert!(drawn.height() < 512);
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 2, "{left:?}");
    // The same figure gives the same bytes, in a pipe too.
    let whole = fs::read(&figure).expect("a file");
    let mut command = program();
    command
        .args(["classify", "--cam", "-"])
        .args([file, &coffee]);
    let piped = command.output().expect("the program runs");
    assert!(piped.status.success() && piped.stdout == whole);
}

#[test]
fn several_files_are_named_before_two_dashes() {
    let coffee = data("coffee.png");
    let [zero, one, ..] = files();
    let dashes = Path::new("--");
    // Without a figure, the dashes only end the flags.
    let run = classify([zero, dashes, &coffee], &["--json"]).expect(0);
    assert!(run.report()["figure"].is_null() && run.report()["pictures"][0]["cam"].is_null());
    classify([dashes, zero, &coffee], &[]).expect(0);
    let run = classify([zero.as_path(), one, dashes, &coffee], &[]).expect(2);
    assert!(run.stderr.contains("cannot decode the picture"), "{run:#?}");
    let folder = folder();
    let figure = folder.path().join("figure.png");
    let cam = ["--cam", figure.to_str().expect("UTF-8")];
    let run = classify([zero.as_path(), one, dashes, &coffee], &cam).expect(0);
    assert_eq!(
        run.stdout.matches("heat map of espresso (967)").count(),
        2,
        "{run:#?}"
    );
    assert_eq!(pixels(&figure).width(), 3 * 272 + 16);
}

/// A file of untrained weights is drawn, and says so.
#[test]
fn untrained_weights_are_told() {
    let folder = folder();
    let path = folder.path().join("random.onnx");
    let mut command = program();
    command.args(["emit", "--variant", "lite0", "--size", "64", "--quiet"]);
    Run::of(command.args(OUTPUTS).arg("-o").arg(&path)).expect(0);
    let figure = folder.path().join("figure.png");
    let cam = ["--cam", figure.to_str().expect("UTF-8")];
    let run = classify([path.as_path(), &data("coffee.png")], &cam).expect(0);
    assert!(
        run.stderr
            .contains("has random weights (official init, seed 0)"),
        "{run:#?}"
    );
    // A third line above the column says so, too.
    let high = pixels(&figure).height();
    let trained = [files()[0].as_path(), &data("coffee.png")];
    classify(trained, &[&cam[..], &["--force"]].concat()).expect(0);
    assert_eq!(high, pixels(&figure).height() + 20);
}

/// A figure that does not fit the memory is refused, and nothing is written.
#[test]
fn the_memory_limit_holds() {
    let folder = folder();
    let [path, figure] = ["small.onnx", "figure.png"].map(|name| folder.path().join(name));
    let mut command = program();
    command.args(["emit", "--variant", "lite0", "--size", "32", "--quiet"]);
    Run::of(command.args(OUTPUTS).arg("-o").arg(&path)).expect(0);
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures/cmyk.jpg");
    let pictures = || std::iter::repeat_n(picture.as_path(), 250);
    let cam = ["--quiet", "--cam", figure.to_str().expect("UTF-8")];
    let limit = ["--memory-limit", "128MiB"];
    let paths = [path.as_path()].into_iter().chain(pictures());
    let run = classify(paths, &[&cam[..], &limit].concat()).expect(2);
    assert!(
        run.stderr.contains("a figure of 560x") && run.stderr.contains("hint: allow more with"),
        "{run:#?}"
    );
    assert!(!figure.exists() && run.stdout.is_empty());
    // With one picture it fits.
    classify([path.as_path(), &picture], &[&cam[..], &limit].concat()).expect(0);
    assert!(figure.exists());
}
