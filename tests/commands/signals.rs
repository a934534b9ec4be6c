//! Ctrl-C, SIGTERM and SIGHUP, once and twice, wherever the program is: it ends with 130 and leaves nothing.

use crate::folder::listing;
use std::fs;
use std::io::{PipeReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_efficientnet-onnx");
const LITE0: [&str; 5] = ["emit", "--variant", "lite0", "--size", "32"];
/// More than an end takes on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);

/// Folders of one run.
struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["out", "tmp"] {
            fs::create_dir(root.path().join(name)).expect("a folder");
        }
        Self { root }
    }

    fn out(&self) -> std::path::PathBuf {
        self.root.path().join("out")
    }

    /// The program with these arguments in its folder, with temporary files of its own.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .current_dir(self.out())
            .env("TMPDIR", self.root.path().join("tmp"))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn fifo(&self) {
        let made = Command::new("mkfifo").arg(self.out().join("fifo")).status();
        assert!(made.expect("mkfifo runs").success());
    }

    /// Everything in the two folders.
    fn left(&self) -> Vec<String> {
        let tmp = self.root.path().join("tmp");
        [listing(&self.out()), listing(&tmp)].concat()
    }
}

fn send(child: &Child, signal: &str) {
    let mut kill = Command::new("kill");
    kill.args([&format!("-{signal}"), &child.id().to_string()]);
    // One that has ended is no fault.
    let _ = kill.stderr(Stdio::null()).status().expect("kill runs");
}

fn end(mut child: Child) -> (ExitStatus, String) {
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().expect("an end");
            panic!("it did not end");
        }
        sleep(Duration::from_millis(5));
    };
    let mut said = String::new();
    let mut errors = child.stderr.take().expect("standard error");
    errors.read_to_string(&mut said).expect("text");
    (status, said)
}

/// Waits until a folder has something in it.
fn wait_for(folder: &Path) {
    let start = Instant::now();
    while listing(folder).is_empty() {
        assert!(start.elapsed() < PATIENCE, "nothing appeared");
        sleep(Duration::from_millis(2));
    }
}

/// Waits until signals are caught.
fn wait_until_ready(child: &Child) {
    let start = Instant::now();
    let status = format!("/proc/{}/status", child.id());
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // TERM is 15.
        if mask.is_some_and(|mask| mask >> 14 & 1 == 1) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "signals are not caught");
        sleep(Duration::from_millis(2));
    }
}

/// A pipe that takes no more bytes.
fn full_pipe() -> (PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    // What Linux gives a pipe.
    writer
        .write_all(&vec![b'x'; 1 << 16])
        .expect("room for 64 KiB");
    (reader, writer)
}

/// Where no code looks for an interruption: opening a pipe, a reader that does not read.
#[test]
#[cfg(target_os = "linux")]
fn one_signal_ends_what_waits_for_others() {
    for signal in ["INT", "TERM", "HUP"] {
        for stalled in [false, true] {
            let place = Place::new();
            let (_reader, writer) = full_pipe();
            let child = if stalled {
                let mut command = place.command(&[&LITE0[..], &["-o", "-"]].concat());
                command.stdout(writer).spawn()
            } else {
                place.fifo();
                place
                    .command(&[&LITE0[..], &["-o", "fifo"]].concat())
                    .spawn()
            };
            let child = child.expect("it starts");
            wait_until_ready(&child);
            sleep(Duration::from_millis(100));
            send(&child, signal);
            let (status, said) = end(child);
            assert_eq!(status.code(), Some(130), "{signal}, {stalled}: {said}");
            assert!(said.ends_with("error: interrupted\n"), "{said}");
            let expected = if stalled { &[][..] } else { &["fifo"] };
            assert_eq!(place.left(), expected);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn signals_that_are_ignored_at_the_start_stay_ignored() {
    let place = Place::new();
    place.fifo();
    let mut shell = Command::new("sh");
    let script = format!("trap '' HUP; exec {BINARY} {} -q -o fifo", LITE0.join(" "));
    shell.args(["-c", &script]).current_dir(place.out());
    let child = shell.stderr(Stdio::piped()).spawn().expect("a shell");
    wait_until_ready(&child);
    send(&child, "HUP");
    // More than the grace after which it would have ended.
    sleep(Duration::from_millis(1500));
    let mut bytes = Vec::new();
    let mut fifo = fs::File::open(place.out().join("fifo")).expect("a pipe");
    fifo.read_to_end(&mut bytes).expect("bytes");
    let (status, said) = end(child);
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(bytes.len() > 18_000_000);
}

/// A second signal comes before the work at hand has ended by itself.
/// While a graph is written, and while it is timed.
#[cfg(feature = "tract")]
#[test]
fn a_search_by_time_leaves_no_graph() {
    for wait in [0, 20, 400, 1500] {
        let place = Place::new();
        let line = ["plan", "--latency", "1000s", "--runtime", "tract"];
        let child = place.command(&line).spawn().expect("the program starts");
        wait_until_ready(&child);
        wait_for(&place.root.path().join("tmp"));
        sleep(Duration::from_millis(wait));
        send(&child, "INT");
        let (status, said) = end(child);
        assert_eq!(status.code(), Some(130), "{wait} ms: {said}");
        assert_eq!(said, "error: interrupted\n", "{wait} ms");
        assert_eq!(place.left(), Vec::<String>::new(), "{wait} ms");
    }
}

#[test]
fn two_signals_leave_no_folder() {
    for round in 0..8_u64 {
        let place = Place::new();
        let more = if round % 2 == 0 {
            &[][..]
        } else {
            &["--external-data"]
        };
        let emit = ["emit", "--variant", "b7", "-o", "m.onnx"];
        let child = place.command(&[&emit[..], more].concat()).spawn();
        let child = child.expect("it starts");
        wait_for(&place.out());
        sleep(Duration::from_millis(round * 7));
        let second = if round < 4 { "INT" } else { "TERM" };
        let (pid, between) = (child.id(), round as f64 / 2000.0);
        let script = format!("kill -INT {pid}; sleep {between}; kill -{second} {pid}");
        // The second may find that it has ended.
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).stderr(Stdio::null());
        shell.status().expect("a shell");
        let (status, said) = end(child);
        assert_eq!(status.code(), Some(130), "{said}");
        assert_eq!(place.left(), [""; 0], "round {round}");
    }
}

/// With too few descriptors for a worker's pipes, or for a listing of what is to be removed.
#[test]
#[cfg(feature = "tract")]
fn too_few_descriptors_leave_nothing() {
    let place = Place::new();
    let emit = [&LITE0[..], &["-q", "-o", "m.onnx"]].concat();
    let made = place.command(&emit).status().expect("it runs");
    assert!(made.success());
    for limit in 4..12 {
        for arguments in [
            "verify m.onnx -q --runtime tract",
            "emit -q --variant lite0 --external-data -o n.onnx",
        ] {
            let script = format!("ulimit -n {limit}; exec {BINARY} {arguments}");
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]).current_dir(place.out());
            shell.env("TMPDIR", place.root.path().join("tmp"));
            let output = shell.output().expect("a shell");
            let status = output.status.code();
            assert!(
                status.is_some_and(|status| status < 3),
                "{limit}: {output:?}"
            );
            for name in ["n.onnx", "n.onnx.data"] {
                let removed = fs::remove_file(place.out().join(name));
                assert_eq!(
                    removed.is_ok(),
                    status == Some(0) && arguments.starts_with("emit")
                );
            }
            assert_eq!(place.left(), ["m.onnx"], "{limit}: {arguments}");
        }
    }
}

/// A few signals at moments all over a run; `tests/hostile/signals` sends a thousand.
#[test]
#[cfg(feature = "tract")]
fn signals_at_any_moment_leave_complete_files_or_nothing() {
    let place = Place::new();
    let out = place.out();
    let emit = [&LITE0[..], &["-q", "-o", "lite0.onnx"]].concat();
    assert!(place.command(&emit).status().expect("it runs").success());
    let commands: [(&[&str], &[&str]); 4] = [
        (
            &["emit", "--variant", "b0", "--external-data", "-o", "m.onnx"],
            &["m.onnx", "m.onnx.data"],
        ),
        (
            &[
                "weights",
                "export",
                "--variant",
                "b0",
                "-o",
                "w.safetensors",
            ],
            &["w.safetensors"],
        ),
        (
            &[
                "verify",
                "lite0.onnx",
                "--runtime",
                "tract",
                "--html",
                "page.html",
            ],
            &["page.html"],
        ),
        (
            &[
                "verify",
                "lite0.onnx",
                "--runtime",
                "reference",
                "--test-data",
                "data",
            ],
            &["data"],
        ),
    ];
    for (number, (arguments, outputs)) in commands.iter().enumerate() {
        for round in 0..8 {
            let child = place.command(arguments).spawn().expect("it starts");
            wait_until_ready(&child);
            sleep(Duration::from_millis(round * 40 + number as u64 * 3));
            send(&child, ["INT", "TERM", "HUP"][number % 3]);
            if round % 2 == 1 {
                send(&child, "INT");
            }
            let (status, said) = end(child);
            assert!(
                matches!(status.code(), Some(0 | 130)),
                "{arguments:?}: {status}, {said}"
            );
            let mut left = place.left();
            left.retain(|name| name != "lite0.onnx");
            assert!(
                left.is_empty() || left == *outputs,
                "{arguments:?}: {left:?}"
            );
            for name in left {
                let path = out.join(name);
                let removed = if path.is_dir() {
                    fs::remove_dir_all(path)
                } else {
                    fs::remove_file(path)
                };
                removed.expect("an output");
            }
        }
    }
}
