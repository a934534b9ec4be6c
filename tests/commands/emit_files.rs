//! Where `emit` puts its file: links, devices and pipes, existing files, full disks, Ctrl-C, 2 GiB; and that
//! nothing incomplete ever has a name.

use crate::folder::listing;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_efficientnet-onnx");

fn command(folder: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["emit", "--quiet"]).current_dir(folder);
    command
}

fn emit(arguments: &[&str], folder: &Path) -> Output {
    command(folder)
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn read(folder: &TempDir, name: &str) -> Vec<u8> {
    fs::read(folder.path().join(name)).expect("a file")
}

const LITE0: [&str; 4] = ["--variant", "lite0", "--size", "32"];

fn lite0<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [LITE0.as_slice(), more].concat()
}

#[test]
fn an_existing_file_stays_without_force() {
    let folder = folder();
    fs::write(folder.path().join("x.onnx"), "mine").expect("a file");
    let output = emit(&lite0(&["-o", "x.onnx"]), folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: `x.onnx` exists\nhint: `--force` replaces it\n"
    );
    assert_eq!(read(&folder, "x.onnx"), b"mine");
    let output = emit(&lite0(&["--force", "-o", "x.onnx"]), folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(read(&folder, "x.onnx").len() > 18_000_000);
    assert_eq!(listing(folder.path()), ["x.onnx"]);
}

#[test]
fn existing_external_data_stays_without_force() {
    let folder = folder();
    fs::write(folder.path().join("x.onnx.data"), "mine").expect("a file");
    let output = emit(&lite0(&["--external-data", "-o", "x.onnx"]), folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("x.onnx.data` exists"),
        "{}",
        stderr(&output)
    );
    assert_eq!(read(&folder, "x.onnx.data"), b"mine");
    assert_eq!(listing(folder.path()), ["x.onnx.data"]);
}

#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let folder = folder();
    fs::create_dir(folder.path().join("models")).expect("a folder");
    symlink("models/real.onnx", folder.path().join("x.onnx")).expect("a link");
    for force in [[].as_slice(), &["--force"]] {
        let output = emit(
            &[lite0(&["-o", "x.onnx"]), force.to_vec()].concat(),
            folder.path(),
        );
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(folder.path().join("x.onnx").is_symlink());
        assert_eq!(listing(&folder.path().join("models")), ["real.onnx"]);
    }
    // A model does not find its data under the name of a link in another folder.
    let pair = ["-o", "x.onnx", "--external-data", "--force"];
    let output = emit(&lite0(&pair), folder.path());
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    let reason = "the output is a link to `models/real.onnx`: under the link's name a model does not find the data";
    assert!(said.contains(reason), "{said}");
    assert!(said.contains("hint: name the target itself"), "{said}");
    assert_eq!(listing(&folder.path().join("models")), ["real.onnx"]);
    symlink("b.onnx", folder.path().join("a.onnx")).expect("a link");
    symlink("a.onnx", folder.path().join("b.onnx")).expect("a link");
    let output = emit(&lite0(&["-o", "a.onnx"]), folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("symbolic links"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn streams_get_the_bytes_of_the_file() {
    let folder = folder();
    assert_eq!(
        emit(&lite0(&["-o", "x.onnx"]), folder.path()).status.code(),
        Some(0)
    );
    let file = read(&folder, "x.onnx");
    let output = emit(&lite0(&["-o", "-"]), folder.path());
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stdout == file,
        "standard output differs from the file"
    );

    let fifo = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .expect("mkfifo runs")
            .success()
    );
    let child = command(folder.path())
        .args(lite0(&["-o", "pipe"]))
        .spawn()
        .expect("it starts");
    let mut bytes = Vec::new();
    fs::File::open(&fifo)
        .expect("a pipe")
        .read_to_end(&mut bytes)
        .expect("bytes");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(bytes == file, "the pipe's bytes differ from the file");
    assert_eq!(listing(folder.path()), ["pipe", "x.onnx"]);

    assert_eq!(
        emit(&lite0(&["-o", "/dev/null"]), folder.path())
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let folder = folder();
    let mut child = command(folder.path())
        .args(lite0(&["-o", "-"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut start = [0; 16];
    child
        .stdout
        .take()
        .expect("a pipe")
        .read_exact(&mut start)
        .expect("bytes");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(
        (output.status.code(), stderr(&output).as_str()),
        (Some(0), "")
    );
}

#[test]
fn a_full_device_and_a_full_disk_leave_nothing() {
    let folder = folder();
    let output = emit(&lite0(&["-o", "/dev/full"]), folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).starts_with("error: cannot write `/dev/full`: "),
        "{}",
        stderr(&output)
    );

    // A limit of 4 MiB on any file fails a write in the middle, as a full disk does; whether the signal is ignored or not.
    for (more, first) in [("", ""), ("--external-data", ""), ("", "trap '' XFSZ; ")] {
        let script = format!(
            "{first}ulimit -f 4096; exec {BINARY} emit --quiet --variant lite0 -o x.onnx {more}"
        );
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(folder.path())
            .output();
        let output = output.expect("a shell");
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(
            stderr(&output).starts_with("error: cannot write `x.onnx`: "),
            "{}",
            stderr(&output)
        );
        assert_eq!(listing(folder.path()), [""; 0]);
    }
}

#[test]
fn data_of_a_replaced_model_goes_with_it() {
    let folder = folder();
    let folder = folder.path();
    let done = |arguments: &[&str]| {
        let output = emit(&lite0(arguments), folder);
        assert!(output.status.success(), "{}", stderr(&output));
    };
    done(&["--external-data", "-o", "m.onnx"]);
    assert_eq!(listing(folder), ["m.onnx", "m.onnx.data"]);
    done(&["--force", "-o", "m.onnx"]);
    assert_eq!(listing(folder), ["m.onnx"]);
    // A file that the old model knows nothing of is not ours.
    std::fs::write(folder.join("m.onnx.data"), "mine").expect("a file");
    done(&["--force", "-o", "m.onnx"]);
    assert_eq!(listing(folder), ["m.onnx", "m.onnx.data"]);
}

#[test]
fn folders_are_not_files() {
    let folder = folder();
    for (path, message) in [
        (".", "`.` is a folder, expected the name of a file"),
        (
            "no/such/x.onnx",
            "`no/such/x.onnx` cannot be written: there is no folder `no/such`",
        ),
    ] {
        let output = emit(&lite0(&["-o", path]), folder.path());
        assert_eq!(output.status.code(), Some(2), "{path}");
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    assert_eq!(listing(folder.path()), [""; 0]);
}

fn wait_for_a_temporary_folder(folder: &Path, child: &mut Child) {
    let start = Instant::now();
    while listing(folder).is_empty() {
        assert!(
            child.try_wait().expect("a child").is_none(),
            "it ended too early"
        );
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "no temporary folder appeared"
        );
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn ctrl_c_in_the_middle_leaves_nothing() {
    let folder = folder();
    for more in [[].as_slice(), &["--external-data"]] {
        let mut child = command(folder.path())
            .args(["--variant", "l2", "-o", "l2.onnx"])
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        wait_for_a_temporary_folder(folder.path(), &mut child);
        let pid = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .expect("kill runs")
                .success()
        );
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(130));
        assert_eq!(stderr(&output), "error: interrupted\n");
        assert_eq!(listing(folder.path()), [""; 0]);
    }
}

/// Peak resident memory in bytes of a command, as the kernel keeps it.
fn peak_memory(mut child: Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("a child").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) * 1024);
        sleep(Duration::from_millis(2));
    }
    assert!(child.wait().expect("a status").success());
    peak
}

/// Past 2 GiB weights go beside the model by themselves, and memory stays at 64 MiB and twice the largest
/// tensor, here the classifier's or the head's kernel of `1104 · 4416 · 4` bytes.
#[test]
#[cfg(target_os = "linux")]
fn past_2_gib_in_little_memory() {
    let folder = folder();
    let child = command(folder.path())
        .args([
            "--phi", "13", "--size", "64", "--init", "constant", "-o", "x.onnx",
        ])
        .spawn()
        .expect("it starts");
    let peak = peak_memory(child);
    assert_eq!(listing(folder.path()), ["x.onnx", "x.onnx.data"]);
    let size = |name: &str| {
        fs::metadata(folder.path().join(name))
            .expect("a file")
            .len()
    };
    assert!(
        size("x.onnx.data") > 4 * 609_284_402,
        "{}",
        size("x.onnx.data")
    );
    assert!(size("x.onnx") < 2 << 20, "{}", size("x.onnx"));
    let largest = 1104 * 4416 * 4;
    assert!(
        (10 << 20..(64 << 20) + 2 * largest).contains(&peak),
        "{peak} bytes"
    );
}
