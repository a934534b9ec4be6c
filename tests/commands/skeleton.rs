//! What commands do with a skeleton: those that need weights refuse it by name.

use crate::verify_support::{Run, folder, program};
use std::path::Path;

fn run(folder: &Path, line: &str) -> Run {
    Run::of(program().args(line.split_whitespace()).current_dir(folder))
}

const NETWORK: &str = "--width 0.25 --depth 0.5 --size 64 --skeleton";
const SAID: &str = "no weights (skeleton, seed 3)";

#[test]
fn commands_that_need_weights_refuse_a_skeleton() {
    let folder = folder();
    let path = folder.path();
    for bn in ["fold", "keep"] {
        run(path, &format!("emit {NETWORK} --bn {bn} -o m.onnx --force")).expect(0);
        for line in [
            "emit --weights m.onnx -o n.onnx",
            "weights ls m.onnx",
            "weights export m.onnx -o n.safetensors",
        ] {
            let told = run(path, line).expect(2).stderr;
            let expected = "error: `m.onnx` is a skeleton: it has no weights of its own\n";
            assert_eq!(told, expected, "{line}");
        }
    }
    assert!(!path.join("n.onnx").exists() && !path.join("n.safetensors").exists());
}

#[test]
fn commands_that_do_not_say_what_it_is() {
    let folder = folder();
    let path = folder.path();
    let told = run(path, &format!("emit {NETWORK} --seed 3 -o m.onnx"))
        .expect(0)
        .stderr;
    assert_eq!(told.matches(SAID).count(), 1, "{told}");
    let shown = run(path, "inspect m.onnx").expect(0).stdout;
    assert!(shown.contains(&format!("weights   {SAID}\n")), "{shown}");
    let shown = run(path, "inspect m.onnx --json").expect(0).report();
    assert_eq!(shown["file"]["origin"]["kind"], "skeleton");
    let note = format!("note: `m.onnx` has {SAID}\n");
    let told = run(path, "bench m.onnx --runtime tract --runs 1")
        .expect(0)
        .stderr;
    assert_eq!(told, note);
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data/china.jpg");
    let line = format!("classify m.onnx {} --json", picture.display());
    let named = run(path, &line).expect(0);
    assert_eq!(
        (named.stderr.as_str(), named.report()["untrained"].as_str()),
        (&*note, Some(SAID))
    );
    assert_eq!(
        run(path, "check m.onnx").expect(0).stdout,
        "m.onnx: nothing is wrong\n"
    );
    let line = format!("emit {NETWORK} --verify -o verified.onnx");
    let shown = run(path, &line).expect(0).stdout;
    assert!(shown.contains("ran, not compared"), "{shown}");
}

#[test]
fn what_a_skeleton_cannot_be_is_refused() {
    let folder = folder();
    let path = folder.path();
    for (flags, expected) in [
        (
            "--init probe -o m.onnx",
            "'--skeleton' cannot be used with '--init <RULE>'",
        ),
        (
            "--weights w -o m.onnx",
            "'--skeleton' cannot be used with '--weights <PATH>'",
        ),
        (
            "--form threshold=64 -o m.onnx",
            "every weight of a skeleton begins at one place of its external data, so that no threshold applies",
        ),
        (
            "-o -",
            "needs external data, which a stream or device cannot have",
        ),
    ] {
        let told = run(path, &format!("emit {NETWORK} {flags}"))
            .expect(2)
            .stderr;
        assert!(told.contains(expected), "{told}");
    }
    let left = path.read_dir().expect("a folder").count();
    assert_eq!(left, 0);
}
