//! What a command says: sizes before they are written, terminals that are no files, names as people write and read
//! them, and no word about what only this program knows.

use crate::verify_support::{Run, emitted, folder, ort_library, program, virtual_environment};
use efficientnet_onnx::onnx::file::ModelFile;
use std::fs;
use std::path::Path;
use std::process::Command;

const LITE0: [&str; 6] = ["--variant", "lite0", "--size", "32", "--init", "constant"];

fn run(folder: &Path, arguments: &[&str]) -> Run {
    Run::of(program().current_dir(folder).args(arguments))
}

/// Nothing is in the folder.
fn assert_empty(folder: &Path) {
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), 0);
}

#[test]
fn more_than_8_gb_are_not_written_unasked() {
    let folder = folder();
    let folder = folder.path();
    for (arguments, expected) in [
        (
            &["emit", "--phi", "20", "-o", "x.onnx"][..],
            "error: the model was not written: it takes 32.7 GB, more than the 8 GB that are written unasked\nhint: `--allow-large` ",
        ),
        (
            &[
                "emit",
                "--phi",
                "20",
                "--size",
                "64",
                "--external-data",
                "-o",
                "x.onnx",
            ],
            "it takes 32.7 GB, more than",
        ),
        (
            &["emit", "--phi", "20", "-o", "-"],
            "needs external data, which a stream or device cannot have\nhint: write to a file",
        ),
        (
            &["weights", "export", "--phi", "20", "-o", "x.safetensors"],
            "error: the weights were not written: it takes 32.8 GB, more than the 8 GB that are written unasked\nhint: `--allow-large` ",
        ),
        (
            &["weights", "export", "--phi", "20", "-o", "-"],
            "it takes 32.8 GB",
        ),
        (
            &["weights", "export", "--phi", "20", "-o", "/dev/full"],
            "it takes 32.8 GB",
        ),
    ] {
        let run = run(folder, arguments);
        // The disk of whoever runs this may have less.
        let said = run.stderr.contains(expected)
            || run
                .stderr
                .contains("GB are free in the folder\nhint: `--allow-large` ");
        assert!(
            run.status == Some(2) && said && run.stdout.is_empty(),
            "{arguments:?}: {run:#?}"
        );
        assert_empty(folder);
    }
    let allowed = [
        "weights",
        "export",
        "--phi",
        "20",
        "--allow-large",
        "-o",
        "/dev/full",
    ];
    let allowed = run(folder, &allowed).expect(2);
    assert!(
        allowed.stderr.contains("cannot write `/dev/full`"),
        "{allowed:#?}"
    );
}

#[test]
fn a_large_size_is_said_first() {
    let folder = folder();
    let large = [
        "emit",
        "--variant",
        "l2",
        "--init",
        "constant",
        "-o",
        "/dev/null",
    ];
    let said = run(folder.path(), &large).expect(0).stderr;
    let announced = said.find("writing 1.9 GB of weights to `/dev/null`\n");
    assert!(
        announced < said.find("wrote `/dev/null`") && announced.is_some(),
        "{said}"
    );
    let small = [&["emit", "-o", "/dev/null"][..], &LITE0].concat();
    let said = run(folder.path(), &small).expect(0).stderr;
    assert!(!said.contains("writing"), "{said}");
}

/// Runs the program on a terminal of its own, whose output comes back.
fn on_a_terminal(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(virtual_environment().join("bin/python"));
    let script =
        "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    command.args(["-c", script]).arg(program().get_program());
    Run::of(command.args(arguments).current_dir(folder))
}

#[test]
fn bytes_do_not_go_to_a_terminal() {
    let folder = folder();
    for (command, output) in [
        (&["emit"][..], "-"),
        (&["emit"], "/dev/stdout"),
        (&["emit"], "/dev/tty"),
        (&["weights", "export"], "-"),
        (&["weights", "export"], "/dev/stdout"),
    ] {
        let arguments = [command, &["-q", "-o", output], &LITE0].concat();
        let run = on_a_terminal(folder.path(), &arguments);
        let expected =
            format!("error: `{output}` is a terminal, expected a file or a pipe\r\nhint: ");
        assert!(
            run.status == Some(2) && run.stdout.starts_with(&expected),
            "{arguments:?}: {}",
            &run.stdout[..run.stdout.len().min(400)]
        );
        assert!(run.stdout.len() < 400);
    }
    // Into a pipe it does.
    let arguments = [&["emit", "-q", "-o", "-"][..], &LITE0].concat();
    let output = program()
        .args(arguments)
        .output()
        .expect("the program starts");
    assert!(output.status.success() && output.stdout.len() > 18_000_000);
}

#[test]
fn names_are_taken_as_people_write_them() {
    let folder = folder();
    for name in [
        "lite0",
        "LITE0",
        "efficientnet-lite0",
        "efficientnet_lite0",
        "EfficientNet-Lite0",
        "EfficientNetLite0",
    ] {
        let arguments = ["inspect", "--variant", name];
        let shown = run(folder.path(), &arguments).expect(0).stdout;
        assert!(shown.contains("efficientnet-lite0: width 1"), "{shown}");
    }
    for name in ["v2_s", "condconv_b0_4e", "EdgeTPU-S", "efficientnetv2-s"] {
        run(folder.path(), &["inspect", "--variant", name]).expect(0);
    }
    let wrong = run(folder.path(), &["inspect", "--variant", "efficientnet-b9"]).expect(2);
    assert!(
        wrong.stderr.contains("'efficientnet-b9'") && wrong.stderr.contains("b0, b1"),
        "{wrong:#?}"
    );
}

#[test]
fn names_are_shown_as_people_read_them() {
    let folder = folder();
    let scaled = [
        "--phi",
        "0.4",
        "--formula",
        "--size",
        "32",
        "--init",
        "constant",
    ];
    let emit = [&["emit", "-q", "--output", "x.onnx"][..], &scaled].concat();
    run(folder.path(), &emit).expect(0);
    let file = ModelFile::open(&folder.path().join("x.onnx")).expect("a model");
    assert_eq!(file.contents.graph_name, "efficientnet-v1-w1.0389-d1.0757");
    let shown = run(folder.path(), &["inspect", "x.onnx"]).expect(0).stdout;
    assert!(
        shown
            .starts_with("network   efficientnet-v1-w1.0389-d1.0757: width 1.0389, depth 1.0757\n"),
        "{shown}"
    );
    // The record has every digit.
    let recipe = file.metadata("efficientnet.recipe").expect("a recipe");
    let recipe: serde_json::Value = serde_json::from_str(recipe).expect("JSON");
    let width = recipe["width"].as_f64().expect("a number");
    assert!(width != 1.0389 && (width - 1.0389).abs() < 1e-4, "{width}");
}

#[test]
fn flags_and_paths_that_do_not_fit_are_told_in_one_sentence() {
    let folder = folder();
    let path = emitted(&folder, &["--init", "constant"]);
    let folder = folder.path();
    let model = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("UTF-8");
    fs::write(folder.join("file"), "").expect("a file");
    let emit = |output| [&["emit", "-q", "-o", output][..], &LITE0].concat();
    for (arguments, expected) in [
        (
            vec!["inspect", model, "--variant", "b1"],
            "is shown as it is, so no flag chooses another network\nhint: ",
        ),
        (
            vec!["inspect", model, "--size", "64"],
            "is shown as it is, so no flag chooses another network\nhint: ",
        ),
        (
            vec!["inspect", model, "--classes", "7"],
            "is shown as it is, so no flag",
        ),
        (
            emit("models/"),
            "error: `models/` names a folder that is not there, expected the name of a file\n",
        ),
        (
            emit("file/"),
            "`file/` names a folder that is not there, expected the name of a file",
        ),
        (
            emit("file/x.onnx"),
            "`file/x.onnx` cannot be written: there is no folder `file`",
        ),
        (
            vec!["verify", model, "--html", "pages/"],
            "`pages/` names a folder that is not there",
        ),
        (
            vec!["verify", model, "--test-data", "absent/data"],
            "cannot write `absent/data`: there is no folder `absent`",
        ),
        (
            vec!["emit", "--variant", "b0", "-o", "x", "--size", "224x"],
            "expected a size such as 224 or 192x256, height first, found `224x`",
        ),
        (
            vec!["emit", "--variant", "b0", "-o", "x", "--size", "x224"],
            "height first, found `x224`",
        ),
    ] {
        let run = run(folder, &arguments).expect(2);
        assert!(run.stderr.contains(expected), "{arguments:?}: {run:#?}");
        assert!(run.stderr.lines().count() <= 4, "{arguments:?}: {run:#?}");
    }
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), 2);
}

#[test]
fn the_program_has_one_version_and_its_flags_their_defaults() {
    let version = Run::of(program().arg("--version")).expect(0).stdout;
    assert_eq!(
        version,
        format!("efficientnet-onnx {}\n", env!("CARGO_PKG_VERSION"))
    );
    for command in [
        "emit", "inspect", "verify", "weights", "check", "bench", "classify", "doctor",
    ] {
        let of_command = Run::of(program().args([command, "--version"]));
        assert_eq!(of_command.status, Some(2), "{of_command:#?}");
    }
    let help = Run::of(program().args(["emit", "--help"])).expect(0).stdout;
    assert!(help.contains("-o, --output <FILE>"), "{help}");
    let explicit = [
        "emit",
        "--opset",
        "17",
        "--dtype",
        "f32",
        "-q",
        "-o",
        "/dev/null",
    ];
    Run::of(program().args(explicit).args(LITE0)).expect(0);
}

#[test]
fn a_library_of_onnx_runtime_that_was_named_and_is_none_says_what_named_it() {
    let folder = folder();
    let path = emitted(&folder, &["--init", "constant"]);
    let model = path.to_str().expect("UTF-8");
    for (set, value, origin, expected) in [
        (
            false,
            "/nonexistent",
            "`ORT_DYLIB_PATH`",
            "`/nonexistent` cannot be loaded: there is no such file",
        ),
        (
            false,
            "/usr",
            "`ORT_DYLIB_PATH`",
            "`/usr` cannot be loaded: the folder has no library",
        ),
        (
            true,
            "/nonexistent",
            "`--ort-lib`",
            "`/nonexistent` cannot be loaded: there is no such file",
        ),
    ] {
        let ask = |command: &[&str], status| {
            let mut program = program();
            program.args(command);
            if set {
                program.args(["--ort-lib", value]);
            } else {
                program.env("ORT_DYLIB_PATH", value);
            }
            Run::of(&mut program).expect(status)
        };
        let verify = ask(&["verify", model, "--runtime", "ort-cpu"], 3);
        assert!(
            verify.stdout.contains(expected) && verify.stdout.contains(origin),
            "{verify:#?}"
        );
        assert!(!verify.stdout.contains("pip install"), "{verify:#?}");
        let doctor = ask(&["doctor"], 0).stdout;
        assert!(
            doctor.contains(expected) && doctor.contains(&format!("from {origin}\n")),
            "{doctor}"
        );
        assert!(
            !doctor.contains("pip install") && !doctor.contains("providers:"),
            "{doctor}"
        );
        assert!(doctor.contains("names cannot be used"), "{doctor}");
    }
    // The library's folder, and that of the whole package, will do.
    let library = ort_library();
    let capi = library.parent().expect("a folder");
    for named in [
        capi,
        capi.parent().expect("a folder"),
        capi.parent().and_then(Path::parent).expect("a folder"),
    ] {
        let run = Run::of(
            program()
                .args([
                    "verify",
                    model,
                    "--runtime",
                    "ort-cpu",
                    "--json",
                    "--ort-lib",
                ])
                .arg(named),
        )
        .expect(0);
        let found = &run.report()["runtimes"][0]["library"];
        assert_eq!(found, &library.display().to_string());
    }
}
