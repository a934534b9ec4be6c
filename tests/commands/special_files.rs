//! Pipes, devices, sockets and folders in place of every file that is read: refused at once, by what they are.

use crate::hub_support::{config, weights};
use crate::verify_support::program;
use efficientnet_onnx::stored::write_npy;
use efficientnet_onnx::tensor::NamedTensor;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A file that a command reads: the path at which it lies, what reads it, the exit status where it is another kind of file,
/// and whether a folder is something else there.
struct Place {
    path: &'static str,
    arguments: &'static str,
    status: i32,
    may_be_folder: bool,
}

const fn place(path: &'static str, arguments: &'static str) -> Place {
    Place {
        path,
        arguments,
        status: 2,
        may_be_folder: false,
    }
}

/// A place at which a folder is read as one.
const fn or_folder(path: &'static str, arguments: &'static str) -> Place {
    Place {
        may_be_folder: true,
        ..place(path, arguments)
    }
}

/// A place of a model's external data.
const fn external(path: &'static str, arguments: &'static str) -> Place {
    Place {
        status: 1,
        ..place(path, arguments)
    }
}

const OUT: &str = "never.onnx";

const PLACES: [Place; 37] = [
    // Models.
    place("x.onnx", "check x.onnx"),
    place("x.onnx", "inspect x.onnx"),
    place("x.onnx", "verify x.onnx --runtime tract"),
    place("x.onnx", "verify m.onnx x.onnx --runtime tract"),
    place("x.onnx", "bench x.onnx --runtime tract"),
    place("x.onnx", "bench m.onnx --against x.onnx --runtime tract"),
    place("x.onnx", "classify x.onnx cat.png --runtime tract"),
    or_folder("x.onnx", "emit --weights x.onnx -o never.onnx"),
    // Their external data.
    external("split.onnx.data", "check split.onnx"),
    external("split.onnx.data", "verify split.onnx --runtime reference"),
    external(
        "split.onnx.data",
        "classify split.onnx cat.png --runtime tract",
    ),
    external("split.onnx.data", "bench split.onnx --runtime tract"),
    place("split.onnx.data", "emit --weights split.onnx -o never.onnx"),
    // Checkpoints. A folder may be one of Hugging Face's.
    or_folder("w", "emit --weights w -o never.onnx"),
    or_folder("w", "weights ls w"),
    or_folder("w", "weights export w -o never.onnx"),
    or_folder("tf/tiny.ckpt.index", "weights ls tf/tiny.ckpt.index"),
    or_folder(
        "tf/tiny.ckpt.index",
        "weights ls tf/tiny.ckpt.data-00000-of-00001",
    ),
    or_folder("tf/tiny.ckpt.index", "weights ls tf/tiny.ckpt"),
    or_folder("tf/tiny.ckpt.index", "weights ls tf"),
    place(
        "tf/tiny.ckpt.data-00000-of-00001",
        "weights ls tf/tiny.ckpt",
    ),
    or_folder("tf/checkpoint", "weights ls tf/checkpoint"),
    or_folder("tf/checkpoint", "weights ls tf"),
    or_folder("hf/config.json", "weights ls hf"),
    or_folder("hf/model.safetensors", "weights ls hf"),
    or_folder(
        "hf/config.json",
        "emit --weights hf/model.safetensors -o never.onnx",
    ),
    or_folder(
        "keras/config.json",
        "emit --weights keras/model.weights.h5 -o never.onnx",
    ),
    // Texts and tables.
    place(
        "labels.txt",
        "emit --variant lite0 --labels labels.txt -o never.onnx",
    ),
    place("arch.toml", "emit --arch arch.toml -o never.onnx"),
    place("arch.toml", "inspect --arch arch.toml"),
    place(
        "pictures/labels.csv",
        "verify m.onnx --images pictures --runtime tract",
    ),
    place(
        "x.csv",
        "verify m.onnx --images pictures --labels-csv x.csv --runtime tract",
    ),
    // Pictures.
    place("x.png", "classify m.onnx x.png --runtime tract"),
    place(
        "pictures/0/x.png",
        "verify m.onnx --images pictures --runtime tract",
    ),
    // Tensors.
    place("x.npy", "verify m.onnx --input x.npy --runtime tract"),
    place(
        "x.npz",
        "verify m.onnx --input in.npy --expect x.npz --runtime tract",
    ),
    place(
        "data/test_data_set_0/input_0.pb",
        "verify m.onnx --test-data data --runtime tract",
    ),
];

/// The beginning of what writes a small model.
const EMIT: [&str; 8] = [
    "emit",
    "--variant",
    "lite0",
    "--size",
    "32",
    "--init",
    "constant",
    "-o",
];

/// A folder with all that the commands read beside the file in question.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let done = |arguments: &[&str]| {
        let (output, _) = ended(program().current_dir(folder.path()).args(arguments));
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    done(&[&EMIT[..], &["m.onnx"]].concat());
    done(&[&EMIT[..], &["split.onnx", "--external-data"]].concat());
    fs::remove_file(at("split.onnx.data")).expect("data");
    for name in ["tf", "hf", "keras", "pictures/0", "data/test_data_set_0"] {
        fs::create_dir_all(at(name)).expect("a folder");
    }
    let tensorflow = fixtures.join("checkpoints/tensorflow");
    for entry in fs::read_dir(tensorflow).expect("fixtures").flatten() {
        fs::copy(entry.path(), at("tf").join(entry.file_name())).expect("a copy");
    }
    fs::write(
        at("tf/checkpoint"),
        "model_checkpoint_path: \"tiny.ckpt\"\n",
    )
    .expect("a file");
    weights(&at("hf/model.safetensors"));
    fs::write(at("hf/config.json"), config(&[])).expect("a file");
    let keras = fixtures.join("checkpoints/keras_3.weights.h5");
    fs::copy(keras, at("keras/model.weights.h5")).expect("a copy");
    fs::copy(fixtures.join("preprocessing/cat.png"), at("cat.png")).expect("a copy");
    write_npy(
        &at("in.npy"),
        &NamedTensor::single("input", vec![1, 3, 32, 32], &[0.5; 3072]),
    )
    .expect("a file");
    folder
}

/// Runs a command that must end within seconds.
fn ended(command: &mut Command) -> (Output, Duration) {
    const LIMIT: Duration = Duration::from_secs(20);
    let began = Instant::now();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    while child.try_wait().expect("a child").is_none() {
        if began.elapsed() > LIMIT {
            child.kill().expect("killed");
            break;
        }
        sleep(Duration::from_millis(5));
    }
    (child.wait_with_output().expect("output"), began.elapsed())
}

/// Places another kind of file at `path`; what must be kept while it is there.
fn put(kind: &str, path: &Path) -> Option<UnixListener> {
    match kind {
        "a pipe" => {
            let made = Command::new("mkfifo").arg(path).status();
            assert!(made.expect("mkfifo").success());
        }
        "a device" => symlink("/dev/zero", path).expect("a link"),
        "a folder" => fs::create_dir(path).expect("a folder"),
        "a socket" => return Some(UnixListener::bind(path).expect("a socket")),
        other => panic!("{other}"),
    }
    None
}

fn remove(path: &Path) {
    fs::remove_dir(path)
        .or_else(|_| fs::remove_file(path))
        .expect("removed");
}

#[test]
fn no_other_kind_of_file_is_opened_in_place_of_an_input() {
    let folder = prepared();
    let mut faults = Vec::new();
    for place in &PLACES {
        let path = folder.path().join(place.path);
        let aside = path.exists().then(|| folder.path().join("aside"));
        if let Some(aside) = &aside {
            fs::rename(&path, aside).expect("moved");
        }
        for kind in ["a pipe", "a device", "a folder", "a socket"] {
            if kind == "a folder" && place.may_be_folder {
                continue;
            }
            let kept = put(kind, &path);
            let (output, took) = ended(
                program()
                    .current_dir(folder.path())
                    .args(place.arguments.split(' ')),
            );
            drop(kept);
            remove(&path);
            let said = [&output.stdout[..], &output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            let expected = format!("{kind}, expected a regular file");
            // A link to a device may be refused for leading out of the folder.
            let leads_out = kind == "a device" && said.contains("outside");
            let is_named = leads_out || said.contains(&expected);
            if output.status.code() != Some(place.status) || !is_named {
                let status = output.status;
                faults.push(format!(
                    "{} is {kind}: {:?}: {status}, {took:?}: {said}",
                    place.path, place.arguments
                ));
            }
            assert!(!folder.path().join(OUT).exists(), "{:?}", place.arguments);
        }
        if let Some(aside) = aside {
            fs::rename(aside, path).expect("moved back");
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_other_kind_of_file_is_opened_where_the_environment_or_a_folder_names_one() {
    let folder = prepared();
    let path = folder.path().join("x");
    let named = path.to_str().expect("UTF-8");
    let hub: &[&str] = &["emit", "--weights", "hf:me/mine", "-o", OUT];
    let ort: &[&str] = &["verify", "m.onnx", "--runtime", "ort-cpu"];
    let ort_lib = [ort, &["--ort-lib", "x"]].concat();
    let home = ("HF_HOME", "cache");
    let nowhere = ("HF_ENDPOINT", "http://127.0.0.1:9");
    let mut cases = vec![
        (3, &ort_lib[..], vec![]),
        (3, ort, vec![("ORT_DYLIB_PATH", "x")]),
        (2, hub, vec![home, ("HF_TOKEN_PATH", named)]),
    ];
    if cfg!(feature = "hub") {
        cases.push((2, hub, vec![home, nowhere, ("SSL_CERT_FILE", named)]));
    }
    for kind in ["a pipe", "a device", "a socket"] {
        let kept = put(kind, &path);
        let said = format!("{kind}, expected a regular file");
        for (status, arguments, variables) in &cases {
            let mut command = program();
            command.current_dir(folder.path()).args(*arguments);
            let (output, took) = ended(command.envs(variables.iter().copied()));
            let found = [&output.stdout[..], &output.stderr].concat();
            let found = String::from_utf8_lossy(&found);
            assert!(
                output.status.code() == Some(*status) && found.contains(&said),
                "{kind}: {arguments:?}: {}, {took:?}: {found}",
                output.status
            );
        }
        drop(kept);
        remove(&path);
        // A description gives a licence, or none.
        let readme = folder.path().join("hf/README.md");
        let kept = put(kind, &readme);
        let (output, _) = ended(
            program()
                .current_dir(folder.path())
                .args(["weights", "ls", "hf"]),
        );
        assert_eq!(output.status.code(), Some(0), "{kind}: {output:?}");
        drop(kept);
        remove(&readme);
    }
}
