//! The processes of `verify`: what they leave behind, and how they end.

use crate::verify_support::{Run, folder, ort_library, program, toy};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Every file below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

/// The program with nothing in its environment but a home: ONNX Runtime also keeps its telemetry off where
/// a variable such as `CI` tells of a build server, which would make these tests show nothing there.
fn at_home(home: &Path) -> Command {
    let mut command = program();
    command
        .env_clear()
        .env("PATH", "/nonexistent")
        .env("HOME", home)
        .env("XDG_CACHE_HOME", home.join(".cache"));
    command
}

#[test]
fn telemetry_is_off_in_every_run() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = at_home(home.path());
    command
        .arg("verify")
        .arg(&file)
        .arg("--json")
        .arg("--ort-lib")
        .arg(ort_library());
    // Even if the user's own environment says otherwise.
    command.env("ORT_DISABLE_TELEMETRY", "0");
    let run = Run::of(&mut command).expect(0);
    assert_eq!(run.report()["verdict"], "agree");
    assert_eq!(files(home.path()), Vec::<String>::new());
}

/// The control of the test above: the same worker without the variable does leave files, so that an empty folder
/// means something. Nothing is sent: the only way out is a proxy that is not there.
#[test]
fn without_the_variable_the_same_worker_leaves_files() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = at_home(home.path());
    command.arg("worker");
    for proxy in ["http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    let mut worker = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the worker starts");
    let mut input = worker.stdin.take().expect("a pipe");
    let case = serde_json::json!([{ "name": "input", "shape": [1, 3, 8, 8], "element": "f32" }]);
    let job = serde_json::json!({ "runtime": "ort-cpu", "library": ort_library(), "file": file, "cases": [case] });
    let job = serde_json::json!({ "run": job });
    writeln!(input, "{job}").expect("a job");
    input.write_all(&[0; 8 * 3 * 8 * 8]).expect("an image");
    let mut output = Vec::new();
    worker
        .stdout
        .take()
        .expect("a pipe")
        .read_to_end(&mut output)
        .expect("events");
    worker.wait().expect("an end");
    assert!(
        output.ends_with(b"\"done\"\n"),
        "{}",
        String::from_utf8_lossy(&output)
    );
    assert_ne!(files(home.path()), Vec::<String>::new());
}

/// `verify` of a file that takes minutes, and the process of its worker.
fn endless(arguments: &[&str]) -> (Child, u32, tempfile::TempDir) {
    let folder = folder();
    let file = toy::write(&toy::endless(), folder.path());
    let mut command = program();
    command
        .arg("verify")
        .arg(file)
        .args(["--runtime", "tract", "--timeout", "300"])
        .args(arguments);
    let child = command
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a start");
    let worker = worker_of(child.id());
    (child, worker, folder)
}

/// The first child of a process, once it has computed for half a second: it has said all that it says before its
/// result.
fn worker_of(parent: u32) -> u32 {
    let deadline = Instant::now() + Duration::from_mins(2);
    let worker = || {
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        let worker: u32 = children.ok()?.split_whitespace().next()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{worker}/stat")).ok()?;
        // The 14th field, counted from 1: hundredths of a second; the second one may hold spaces.
        let ticks: u64 = stat
            .rsplit(')')
            .next()?
            .split_whitespace()
            .nth(11)?
            .parse()
            .ok()?;
        (ticks >= 50).then_some(worker)
    };
    loop {
        if let Some(worker) = worker() {
            return worker;
        }
        assert!(
            Instant::now() < deadline,
            "there is no worker that computes"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

fn signal(name: &str, target: &str) {
    let status = Command::new("/bin/kill")
        .args(["-s", name, "--", target])
        .status();
    assert!(status.expect("a kill").success());
}

/// Waits until a process is gone or only waits to be reaped.
fn is_gone(process: u32) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    let running = || {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let state = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().next());
        state.is_some_and(|state| state != "Z")
    };
    while running() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn ctrl_c_is_130_and_leaves_no_worker() {
    // Sent to the program alone, and as a terminal does to its whole group.
    for group in [false, true] {
        let (mut child, worker, _folder) = endless(&[]);
        let target = child.id().to_string();
        signal("INT", &if group { format!("-{target}") } else { target });
        assert_eq!(child.wait().expect("an end").code(), Some(130));
        assert!(is_gone(worker));
    }
}

#[test]
fn a_worker_does_not_outlive_a_parent_that_is_killed() {
    let (mut child, worker, _folder) = endless(&[]);
    signal("KILL", &child.id().to_string());
    child.wait().expect("an end");
    assert!(is_gone(worker));
}

#[test]
fn a_worker_that_is_killed_is_that_runtimes_result() {
    let (child, worker, _folder) = endless(&["--json"]);
    signal("KILL", &worker.to_string());
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["runtimes"][0]["status"], "crashed");
    let message = report["runtimes"][0]["message"]
        .as_str()
        .expect("a message");
    assert!(
        message.contains("SIGKILL: out of memory, or killed from outside"),
        "{message}"
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = program();
    command
        .arg("verify")
        .arg(&file)
        .args(["--quiet", "--runtime", "tract"])
        .stdout(writer);
    let output = command.stderr(Stdio::piped()).output().expect("an end");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
