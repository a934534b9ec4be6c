//! Commands where the system refuses threads and processes, as `ulimit -u` makes it do. The limit counts all of a user's and
//! does not bind root, so root's tests run as nobody.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

/// Ids of the user nobody.
const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];
/// Threads that are allowed: from the first alone to about as many as a command starts on two processors.
const LIMITS: [u32; 5] = [1, 2, 3, 4, 5];

/// Runs a program in `folder` with a limit of threads and processes.
fn run(folder: &Path, limit: u32, program: &str, arguments: &[&str]) -> Output {
    let this = fs::metadata("/proc/self").expect("this process");
    let is_root = this.uid() == 0;
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(NOBODY).arg("prlimit");
        command
    } else {
        Command::new("prlimit")
    };
    let limit = format!("--nproc={limit}:{limit}");
    let output = command
        .args([&limit, program])
        .args(arguments)
        .current_dir(folder)
        .output();
    output.expect("`prlimit` and `setpriv` of util-linux")
}

/// A folder in which everyone can write, with the program, a model, weights and what to read and write.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    fs::set_permissions(path, Permissions::from_mode(0o777)).expect("permissions");
    fs::copy(
        env!("CARGO_BIN_EXE_efficientnet-onnx"),
        path.join("program"),
    )
    .expect("a copy");
    for line in [
        "emit --variant lite0 --size 32 -o m.onnx",
        "weights export --variant lite0 --init probe -o w.safetensors",
        "emit --size 32 --weights w.safetensors -o w.onnx",
    ] {
        crate::command_line::done(path, &line.split(' ').collect::<Vec<_>>());
    }
    folder
}

#[test]
fn a_refused_thread_is_a_result_or_is_done_without() {
    let folder = folder();
    let folder = folder.path();
    let fork = run(folder, 1, "sh", &["-c", "(exit 0)"]);
    assert!(!fork.status.success(), "nothing is refused: {fork:?}");
    for limit in LIMITS {
        let run = |line: &str| {
            let arguments: Vec<&str> = line.split(' ').collect();
            let output = run(folder, limit, "./program", &arguments);
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            assert!(!text.contains("panicked"), "{limit}: {line}: {text}");
            (output.status.code(), text)
        };
        // What can be done without threads is done, with the same bytes.
        for (line, same) in [
            ("emit --variant lite0 --size 32 -o out", "m.onnx"),
            ("emit --size 32 --weights w.safetensors -o out", "w.onnx"),
            (
                "weights export --variant lite0 --init probe -o out",
                "w.safetensors",
            ),
        ] {
            let (status, text) = run(line);
            assert_eq!(status, Some(0), "{limit}: {line}: {text}");
            let [found, expected] = ["out", same].map(|name| fs::read(folder.join(name)));
            assert!(
                found.expect("a file") == expected.expect("a file"),
                "{line}"
            );
            fs::remove_file(folder.join("out")).expect("removed");
        }
        for line in ["check m.onnx", "inspect m.onnx", "weights ls w.safetensors"] {
            let (status, text) = run(line);
            assert_eq!(status, Some(0), "{limit}: {line}: {text}");
        }
        // A runtime needs a process, and that needs threads.
        let (status, text) = run("verify m.onnx --runtime reference");
        let refused = text.contains("the worker cannot be started") || text.contains("crashed");
        let fits = status == Some(0) || status == Some(1) && refused;
        assert!(fits, "{limit}: {status:?}: {text}");
    }
}
