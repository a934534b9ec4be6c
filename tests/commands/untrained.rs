//! A file without trained weights says so when it is written, inspected, classified with and timed.

use crate::verify_support::{Run, folder, program};
use std::path::Path;

fn run(folder: &Path, line: &str) -> Run {
    Run::of(program().args(line.split_whitespace()).current_dir(folder))
}

/// What a command prints to standard error.
fn said(folder: &Path, line: &str) -> String {
    run(folder, line).expect(0).stderr
}

const NETWORK: &str = "--width 0.25 --depth 0.5 --size 64";

fn china() -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data/china.jpg");
    data.display().to_string()
}

#[test]
fn every_command_says_so() {
    let folder = folder();
    let path = folder.path();
    for (init, expected) in [
        ("", "random weights (official init, seed 0)"),
        (
            "--init probe --seed 3",
            "random weights (probe init, seed 3)",
        ),
        ("--init constant", "constant weights (constant init)"),
    ] {
        let emit = said(path, &format!("emit {NETWORK} {init} -o m.onnx --force"));
        assert_eq!(emit.matches(expected).count(), 1, "{emit}");
        let export = said(
            path,
            &format!("weights export {NETWORK} {init} -o w.safetensors --force"),
        );
        assert_eq!(export.matches(expected).count(), 1, "{export}");
        let shown = run(path, "inspect m.onnx").expect(0).stdout;
        assert!(
            shown.contains(&format!("weights   {expected}\n")),
            "{shown}"
        );
        let note = format!("note: `m.onnx` has {expected}\n");
        assert_eq!(said(path, "bench m.onnx --runtime tract --runs 1"), note);
        let classify = run(path, &format!("classify m.onnx {} --json", china())).expect(0);
        assert_eq!(classify.stderr, note);
        assert_eq!(classify.report()["untrained"], expected);
    }
    for line in [
        format!("emit {NETWORK} -o m.onnx --force --quiet"),
        format!("classify m.onnx {} --quiet", china()),
        "bench m.onnx --runtime tract --runs 1 --quiet".to_owned(),
    ] {
        assert_eq!(said(path, &line), "", "{line}");
    }
}

/// The way through a checkpoint trains nothing.
#[test]
fn a_checkpoint_of_random_weights_gives_a_file_that_says_so() {
    let folder = folder();
    let path = folder.path();
    said(
        path,
        &format!("emit {NETWORK} --init probe --seed 5 --bn keep -o kept.onnx"),
    );
    said(
        path,
        &format!("weights export {NETWORK} --init probe --seed 5 -o seed.safetensors"),
    );
    said(path, "weights export kept.onnx -o kept.safetensors");
    let expected = "random weights (probe init, seed 5)";
    for weights in ["kept.onnx", "seed.safetensors", "kept.safetensors"] {
        let emit = said(
            path,
            &format!("emit --weights {weights} --bn keep -o m.onnx --force"),
        );
        assert!(emit.contains(&format!("{expected}\n")), "{weights}: {emit}");
        let again = said(path, "emit --weights m.onnx -o again.onnx --force");
        assert!(
            again.contains(&format!("{expected}\n")),
            "{weights}: {again}"
        );
        let shown = run(path, "inspect again.onnx").expect(0).stdout;
        assert!(shown.contains(&format!("); {expected}\n")), "{shown}");
        let classify = said(path, &format!("classify again.onnx {}", china()));
        assert!(classify.contains(expected), "{classify}");
    }
}

#[test]
fn a_fresh_classifier_is_random() {
    let folder = folder();
    let path = folder.path();
    said(path, &format!("weights export {NETWORK} -o w.safetensors"));
    // As if it were trained: nothing is recorded.
    let bytes = std::fs::read(path.join("w.safetensors")).expect("a file");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let bare = safetensors::serialize(file.tensors(), None).expect("tensors");
    std::fs::write(path.join("bare.safetensors"), bare).expect("a file");
    let network = "--width 0.25 --depth 0.5 --size 64 --padding same --bn-epsilon 1e-3";
    let weights = format!("emit {network} --weights bare.safetensors");
    said(path, &format!("{weights} -o trained.onnx"));
    let bench = "bench --runtime tract --runs 1";
    assert_eq!(said(path, &format!("{bench} trained.onnx")), "");
    assert_eq!(
        said(path, &format!("classify trained.onnx {}", china())),
        ""
    );
    let reset = said(
        path,
        &format!("{weights} --reset-classifier 3 --seed 4 --bn keep -o reset.onnx"),
    );
    assert!(
        reset.contains("an untrained classifier of 3 classes, drawn from seed 4"),
        "{reset}"
    );
    assert!(!reset.contains("random"), "{reset}");
    let again = said(path, "emit --weights reset.onnx -o again.onnx");
    let expected = "random classifier (official init, seed 4)";
    assert!(again.contains(expected), "{again}");
    for name in ["reset.onnx", "again.onnx"] {
        let note = format!("note: `{name}` has {expected}\n");
        assert_eq!(said(path, &format!("{bench} {name}")), note);
        assert_eq!(said(path, &format!("classify {name} {}", china())), note);
        let shown = run(path, &format!("inspect {name}")).expect(0).stdout;
        assert!(shown.contains(&format!("; {expected}\n")), "{shown}");
    }
}

#[test]
fn a_librarys_model_without_weights_is_a_warning() {
    let folder = folder();
    let path = folder.path();
    let line = "emit --like timm/tf_efficientnet_b0.ns_jft_in1k --size 64 -o m.onnx --force";
    let warned = said(path, line);
    let expected = "warning: random weights (official init, seed 0), not the trained weights of \
                    `timm/tf_efficientnet_b0.ns_jft_in1k`: `--like` chooses a network and no weights\n\
                    hint: give trained weights with `--weights PATH`, or fetch them with \
                    `--weights hf:timm/tf_efficientnet_b0.ns_jft_in1k`; `--init official` leaves this warning out\n";
    assert!(warned.starts_with(expected), "{warned}");
    for (line, is_warned) in [
        (format!("{line} --init official"), false),
        (format!("{line} --seed 1"), false),
        (
            "emit --like keras/EfficientNetB0 --size 64 -o m.onnx --force".to_owned(),
            true,
        ),
        (
            "weights export --like lukemelas/efficientnet-b0 -o w.safetensors".to_owned(),
            true,
        ),
        (
            "emit --like lukemelas/efficientnet-b0 --weights w.safetensors -o m.onnx --force"
                .to_owned(),
            false,
        ),
    ] {
        let said = said(path, &line);
        assert_eq!(
            said.contains("warning: random weights"),
            is_warned,
            "{said}"
        );
        assert!(
            said.contains("random weights (official init, seed"),
            "{said}"
        );
        assert!(
            !said.contains("hf:keras") && !said.contains("hf:lukemelas"),
            "{said}"
        );
    }
}
