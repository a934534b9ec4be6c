//! The program's own flags against timm: an exported checkpoint, emitted again in every form.

use super::reference::{Golden, difference};
use super::{NOISE, TOLERANCE, VISIBLE, runtimes};
use efficientnet_onnx::runtime::RuntimeName;
use std::path::Path;
use std::process::Command;

/// Flags of `emit`, an input size, and the row of the golden file that they must give.
#[rustfmt::skip]
const FORMS: [(&[&str], usize, &str); 9] = [
    (&[], 0, "input_0"),
    (&["--bn", "keep"], 0, "input_0"),
    (&["--batch", "1"], 0, "input_0"),
    (&["--size", "dynamic:32"], 0, "input_0"),
    (&["--external-data"], 0, "input_0"),
    (&[], 1, "input_0"),
    (&["--padding", "symmetric"], 0, "symmetric_padding"),
    (&["--padding", "symmetric", "--bn", "keep"], 1, "symmetric_padding"),
    (&["--bn-epsilon", "2e-3"], 0, "epsilon_2e-3"),
];

#[test]
fn flags_of_b0() {
    flags_give_their_logits("b0");
}

#[test]
fn flags_of_lite0() {
    flags_give_their_logits("lite0");
}

/// The checkpoint says itself that padding is SAME and epsilon 1e-3; a flag is stronger.
fn flags_give_their_logits(variant: &str) {
    let golden = Golden::read(variant);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let checkpoint = folder.path().join("probe.safetensors");
    run(
        "weights export",
        &["--variant", variant, "--init", "probe", "--seed", "0"],
        &checkpoint,
    );
    let checkpoint = checkpoint.to_str().expect("UTF-8");
    for (index, (flags, size, row)) in FORMS.into_iter().enumerate() {
        let size = golden.sizes[size];
        let pixels = size.to_string();
        let mut arguments = vec!["--variant", variant, "--weights", checkpoint];
        if !flags.contains(&"--size") {
            arguments.extend(["--size", &pixels]);
        }
        arguments.extend(flags);
        let model = folder.path().join(format!("{index}.onnx"));
        run("emit", &arguments, &model);
        for runtime in [RuntimeName::Tract, RuntimeName::OrtCpu] {
            let found = runtimes::logits(&mut *runtimes::load(runtime, &model), size, 0);
            let apart = difference(&found, golden.row(size, row));
            assert!(
                apart <= NOISE,
                "{variant}@{size} {flags:?} in {runtime}: {apart} from `{row}`"
            );
            let moved = difference(&found, golden.right(size, 0));
            assert_eq!(
                moved > VISIBLE,
                row != "input_0",
                "{variant}@{size} {flags:?}: {moved}"
            );
        }
    }
    let model = folder.path().join("epsilon.onnx");
    let (size, flags) = (golden.sizes[0], ["--bn-epsilon", "1e-5"]);
    run(
        "emit",
        &[&["--variant", variant, "--weights", checkpoint][..], &flags].concat(),
        &model,
    );
    let found = runtimes::logits(&mut *runtimes::load(RuntimeName::OrtCpu, &model), size, 0);
    assert!(
        difference(&found, golden.right(size, 0)) > VISIBLE,
        "{variant}"
    );
    assert!(
        difference(&found, golden.row(size, "epsilon_1e-5")) <= TOLERANCE,
        "{variant}"
    );
}

fn run(command: &str, arguments: &[&str], output: &Path) {
    let run = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(command.split(' '))
        .args(arguments)
        .args(["--quiet", "-o"])
        .arg(output)
        .output()
        .expect("the program starts");
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{command} {arguments:?}: {errors}");
}
