//! Files that take channels last, bytes, or pixels that they normalise themselves: alone, and against files that do not.

use crate::verify_support::{Run, folder, program, verify};
use std::path::Path;

/// The verdict on a file and another in one runtime, and what was told.
fn pair(first: &Path, second: &Path, arguments: &[&str]) -> Run {
    let mut command = program();
    command.arg("verify").arg(first).arg(second);
    Run::of(
        command
            .args(["--json", "--runtime", "tract"])
            .args(arguments),
    )
}

/// Cases are made as the file takes them that takes less, and turned for the other: whatever the order.
#[test]
fn files_of_other_inputs_are_compared_on_the_same_pictures() {
    let folder = folder();
    let of = |name: &str, flags: &[&str]| {
        let path = folder.path().join(format!("{name}.onnx"));
        let mut command = program();
        command.args(["emit", "--variant", "b0", "--size", "dynamic:32", "--quiet"]);
        command.args(["--init", "probe"]).args(flags);
        Run::of(command.arg("-o").arg(&path)).expect(0);
        path
    };
    let plain = of("plain", &[]);
    let levels = of("levels", &["--normalize"]);
    let last = of("last", &["--input-format", "nhwc"]);
    let bytes = of("bytes", &["--input-format", "uint8-nhwc"]);
    let sizes = ["--size", "64x96", "--batch", "2"];
    for (first, second) in [
        (&plain, &last),
        (&last, &levels),
        (&levels, &plain),
        (&plain, &bytes),
        (&bytes, &last),
        (&bytes, &levels),
    ] {
        for noise in ["normal", "image"] {
            let arguments = [&sizes[..], &["--noise", noise]].concat();
            let found = pair(first, second, &arguments).expect(0).report();
            assert_eq!(found["verdict"], "agree", "{first:?} {second:?}: {found:#}");
        }
    }
    // Another network of the same inputs is another all the same.
    let other = of("other", &["--input-format", "uint8-nhwc", "--seed", "1"]);
    let found = pair(&plain, &other, &sizes).expect(1).report();
    assert_eq!(found["verdict"], "disagree");
    // Pictures that are normalised with other numbers are no longer the same.
    let half = folder.path().join("half.onnx");
    let mut command = program();
    command.args([
        "emit",
        "--like",
        "timm/tf_efficientnet_b0.ap_in1k",
        "--quiet",
    ]);
    command.args(["--size", "64", "--init", "probe", "--normalize", "-o"]);
    Run::of(command.arg(&half)).expect(0);
    let refused = pair(&plain, &half, &[]).expect(2);
    let expected = "pictures are normalised with mean [123.675, 116.28, 103.53";
    assert!(refused.stderr.contains(expected), "{refused:#?}");
}

/// Noise fills the range that an input has: of levels, a mistake in the mean would not show near 0.
#[test]
fn inputs_of_every_format_agree_in_every_runtime() {
    let folder = folder();
    for flags in [
        "--variant b0 --opset 13 --size dynamic --input-format uint8-nhwc",
        "--variant condconv-b0-4e --opset 28 --input-format nhwc --normalize --size dynamic:32",
        "--variant lite0 --opset 22 --input-format nhwc --in-channels 5 --bn keep",
    ] {
        let flags: Vec<&str> = flags.split(' ').collect();
        let path = folder.path().join("m.onnx");
        let mut command = program();
        command.args(["emit", "--quiet", "--init", "probe", "--force"]);
        if !flags.contains(&"--size") {
            command.args(["--size", "64"]);
        }
        Run::of(command.args(&flags).arg("-o").arg(&path)).expect(0);
        let sizes = ["--json", "--size", "64x96"];
        let sizes = if flags.contains(&"--size") {
            &sizes[..]
        } else {
            &sizes[..1]
        };
        let report = verify(&path, true, sizes).expect(0).report();
        assert_eq!(report["verdict"], "agree", "{flags:?}: {report:#}");
        assert_eq!(report["runtimes"].as_array().map(Vec::len), Some(3));
    }
}
