//! An input is never an output: whatever path, link or spelling names it, the command stops with status 2 and every
//! file stays as it was.

use crate::hub_support::{README, config, weights};
use crate::verify_support::program;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const LITE0: [&str; 6] = ["--variant", "lite0", "--size", "32", "--init", "constant"];

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command: Command = program();
    command.current_dir(folder).args(arguments);
    command.output().expect("the program starts")
}

fn done(folder: &Path, arguments: &[&str]) {
    let output = run(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        stderr(&output)
    );
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every file below a folder with its bytes, what links lead to included.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap_or_default());
        }
    }
    found
}

/// Runs a command that would replace an input.
fn refused(folder: &Path, arguments: &[&str]) {
    let before = files(folder);
    let output = run(folder, arguments);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(
        message.contains("would replace `") && message.contains("`, which is read\nhint: "),
        "{arguments:?}: {message}"
    );
    assert!(
        files(folder) == before,
        "{arguments:?}: a file is not what it was"
    );
}

#[test]
fn a_checkpoint_stays_by_whatever_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::create_dir(folder.join("sub")).expect("a folder");
    let export = ["weights", "export", "-q", "-o", "w.safetensors"];
    done(folder, &[&export[..], &LITE0].concat());
    symlink("w.safetensors", folder.join("link.onnx")).expect("a link");
    symlink("link.onnx", folder.join("further.onnx")).expect("a link");
    symlink(".", folder.join("here")).expect("a link");
    fs::hard_link(folder.join("w.safetensors"), folder.join("hard.onnx")).expect("a link");
    let absolute = folder.join("w.safetensors").display().to_string();
    for output in [
        "w.safetensors",
        "./w.safetensors",
        "sub/../w.safetensors",
        "here/w.safetensors",
        "link.onnx",
        "further.onnx",
        "hard.onnx",
        &absolute,
    ] {
        for force in [&["--force"][..], &[]] {
            for named in ["w.safetensors", "link.onnx", "hard.onnx"] {
                let emit = ["emit", "--weights", named, "--output", output];
                refused(folder, &[&emit, force].concat());
            }
        }
    }
    // Its companion is an output too.
    fs::rename(folder.join("w.safetensors"), folder.join("m.onnx.data")).expect("renamed");
    let emit = ["emit", "--weights", "m.onnx.data", "--external-data"];
    refused(folder, &[&emit[..], &["--force", "-o", "m.onnx"]].concat());
    // And so is where standard output leads.
    let before = files(folder);
    let whole = folder.join("m.onnx.data");
    let mut appended = fs::OpenOptions::new();
    let appended = appended.append(true).open(&whole).expect("a file");
    let mut command = program();
    command.current_dir(folder).stdout(appended);
    command.args(["emit", "--weights", "m.onnx.data", "-o", "-"]);
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(files(folder) == before);
    // Beside it there is room.
    done(
        folder,
        &["emit", "-q", "--weights", "m.onnx.data", "-o", "m.onnx"],
    );
}

#[test]
fn a_model_and_its_data_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let keep = [
        "emit",
        "-q",
        "--bn",
        "keep",
        "--external-data",
        "-o",
        "k.onnx",
    ];
    done(folder, &[&keep[..], &LITE0].concat());
    let emit = ["emit", "--weights", "k.onnx", "--force", "-o"];
    let export = ["weights", "export", "k.onnx", "--force", "-o"];
    for output in ["k.onnx", "k.onnx.data"] {
        refused(folder, &[&emit[..], &[output]].concat());
        refused(folder, &[&export[..], &[output]].concat());
    }
    // Another model over the same data: what a replaced model leaves behind is removed only if nobody reads it.
    fs::copy(folder.join("k.onnx"), folder.join("twin.onnx")).expect("a copy");
    let data = fs::read(folder.join("k.onnx.data")).expect("the data");
    let emit = [
        "emit",
        "-q",
        "--weights",
        "twin.onnx",
        "--force",
        "-o",
        "k.onnx",
    ];
    done(folder, &emit);
    assert!(fs::read(folder.join("k.onnx.data")).expect("the data") == data);
    done(folder, &["check", "twin.onnx"]);
}

#[test]
fn what_is_read_beside_weights_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let arch = run(folder, &["inspect", "--variant", "lite0", "--as-arch"]);
    fs::write(folder.join("a.toml"), arch.stdout).expect("a file");
    fs::write(folder.join("l.txt"), "one\ntwo\n").expect("a file");
    let network = ["--arch", "a.toml", "--size", "32", "--init", "constant"];
    let classes = ["--classes", "2", "--labels", "l.txt"];
    for output in ["a.toml", "l.txt"] {
        let emit = ["emit", "--force", "-o", output];
        refused(folder, &[&emit[..], &network, &classes].concat());
    }
    let export = ["weights", "export", "--force", "-o", "a.toml"];
    refused(folder, &[&export[..], &network].concat());

    // Of a folder that is published, every file.
    let model = folder.join("model");
    fs::create_dir(&model).expect("a folder");
    fs::write(model.join("config.json"), config(&[])).expect("a file");
    fs::write(model.join("README.md"), README).expect("a file");
    weights(&model.join("model.safetensors"));
    for output in ["config.json", "README.md", "model.safetensors"] {
        let output = format!("model/{output}");
        refused(
            folder,
            &["emit", "--weights", "model", "--force", "-o", &output],
        );
    }
    // And beside a file that is named, what is published with it.
    let named = ["emit", "--weights", "model/model.safetensors"];
    let output = ["--force", "-o", "model/config.json"];
    refused(folder, &[&named[..], &output].concat());
}

#[test]
fn what_verify_reads_is_no_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let emit = ["emit", "-q", "--external-data", "-o", "m.onnx"];
    done(folder, &[&emit[..], &LITE0].concat());
    done(
        folder,
        &[&["emit", "-q", "-o", "n.onnx"][..], &LITE0].concat(),
    );
    let reference = ["--runtime", "reference", "--quiet"];
    let verify = ["verify", "m.onnx", "--test-data", "data", "--batch", "1"];
    done(folder, &[&verify[..], &reference].concat());
    let set = "data/test_data_set_0";
    let (input, expected) = (format!("{set}/input_0.pb"), format!("{set}/output_0.pb"));
    symlink("m.onnx", folder.join("page.html")).expect("a link");
    for (more, pages) in [
        (
            &["n.onnx"][..],
            &["m.onnx", "m.onnx.data", "n.onnx", "page.html"][..],
        ),
        (
            &["--input", &input, "--expect", &expected],
            &[&input, &expected],
        ),
        (&["--test-data", "data"], &[&input, &expected]),
    ] {
        for page in pages {
            let verify = ["verify", "m.onnx", "--html", page];
            refused(folder, &[&verify[..], more, &reference].concat());
        }
    }
}

#[test]
fn every_file_of_tensorflow_is_an_input() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints/tensorflow");
    let index = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let index = index
        .into_iter()
        .find(|path| path.extension().is_some_and(|ending| ending == "index"));
    let checkpoint = Checkpoint::open(&index.expect("an index")).map_err(|error| error.to_string());
    let checkpoint = checkpoint.expect("a checkpoint");
    let names: Vec<_> = checkpoint.files().filter_map(Path::file_name).collect();
    let is_data = |name: &&std::ffi::OsStr| name.to_string_lossy().contains(".data-");
    assert!(names.iter().any(is_data), "{names:?}");
    assert!(names.len() > 1, "{names:?}");
}
