//! Files get their names together or not at all, whoever else writes them at the same time.

use crate::command_line::{done, refused, run};
use crate::folder::listing;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_efficientnet-onnx");
const LITE0: [&str; 5] = ["emit", "--variant", "lite0", "--size", "32"];
const PAIR: [&str; 3] = ["--external-data", "-o", "m.onnx"];

fn emit<'a>(more: &[&[&'a str]]) -> Vec<&'a str> {
    [&[&LITE0[..]], more].concat().concat()
}

fn start(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(folder);
    command.stderr(Stdio::null()).spawn().expect("it starts")
}

/// Whether every weight is the one that the model was written with; the checksums in it tell.
fn is_whole(folder: &Path) -> bool {
    run(folder, &["check", "m.onnx"]).0 == Some(0)
}

#[test]
fn writers_of_one_pair_leave_one_of_theirs() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for _ in 0..5 {
        let writers = ["1", "2", "3", "4", "5", "6"].map(|seed| {
            let force = ["--force", "--seed", seed];
            start(folder, &emit(&[&PAIR, &force]))
        });
        for mut writer in writers {
            assert!(writer.wait().expect("an end").success());
        }
        assert_eq!(listing(folder), ["m.onnx", "m.onnx.data"]);
        assert!(is_whole(folder), "a mixed pair");
    }
}

/// Killed anywhere; `tests/hostile/commits` does so in the middle of commits.
#[test]
fn after_a_kill_the_next_run_leaves_the_old_pair_or_the_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    done(folder, &emit(&[&PAIR]));
    for round in 0..8 {
        let writers = ["1", "2", "3"].map(|seed| {
            let force = ["--force", "--seed", seed];
            start(folder, &emit(&[&PAIR, &force]))
        });
        sleep(Duration::from_millis(40 + 30 * round));
        for mut writer in writers {
            writer.kill().expect("a kill");
            writer.wait().expect("an end");
        }
        done(folder, &emit(&[&["--force", "-o", "other.onnx"]]));
        assert_eq!(listing(folder), ["m.onnx", "m.onnx.data", "other.onnx"]);
        assert!(is_whole(folder), "a mixed pair");
    }
}

#[test]
fn a_file_that_appears_while_another_is_written_stays() {
    for (more, name) in [
        (&[][..], "m.onnx"),
        (&["--external-data"], "m.onnx"),
        (&["--external-data"], "m.onnx.data"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let child = Command::new(BINARY)
            .args([&["emit", "--variant", "b7", "-o", "m.onnx"], more].concat())
            .current_dir(folder)
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let begin = Instant::now();
        while listing(folder).is_empty() {
            assert!(begin.elapsed() < Duration::from_mins(1), "nothing appeared");
            sleep(Duration::from_millis(2));
        }
        // Past the look at what is there before it writes.
        sleep(Duration::from_millis(50));
        fs::write(folder.join(name), "another's").expect("a file");
        let output = child.wait_with_output().expect("an end");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{more:?}, {name}: {said}");
        assert!(said.contains(&format!("`{name}` exists")), "{said}");
        assert_eq!(listing(folder), [name]);
        assert_eq!(fs::read(folder.join(name)).expect("a file"), b"another's");
    }
}

#[test]
fn a_folder_in_the_place_of_data_costs_no_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    done(folder, &emit(&[&["-o", "m.onnx"]]));
    let model = fs::read(folder.join("m.onnx")).expect("a model");
    fs::create_dir(folder.join("m.onnx.data")).expect("a folder");
    let said = refused(folder, &emit(&[&PAIR, &["--force", "--seed", "1"]]));
    assert!(
        said.contains("`m.onnx.data` is a folder, expected the name of a file"),
        "{said}"
    );
    assert!(fs::read(folder.join("m.onnx")).expect("a model") == model);
    assert_eq!(listing(folder), ["m.onnx", "m.onnx.data"]);
}

/// Only data that a model was written with goes with it, not what it names.
#[test]
fn data_that_a_replaced_model_only_names_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    done(folder, &emit(&[&PAIR]));
    let data = folder.join("m.onnx.data");
    let mut bytes = fs::read(&data).expect("the data");
    *bytes.last_mut().expect("bytes") ^= 1;
    fs::write(&data, &bytes).expect("the data");
    let said = done(folder, &emit(&[&["--force", "-o", "m.onnx"]]));
    assert!(said.contains("note: `m.onnx.data` stays: "), "{said}");
    assert!(fs::read(&data).expect("the data") == bytes);
}

/// Without the lock a pair is written all the same, with a note.
#[test]
fn a_folder_that_another_program_locks_is_waited_for_and_written_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let lock = fs::File::open(folder).expect("a folder");
    lock.lock().expect("a lock");
    let said = done(folder, &emit(&[&PAIR]));
    assert!(
        said.contains("note: `.` cannot be locked (another process has held its lock for 10 s): "),
        "{said}"
    );
    assert_eq!(listing(folder), ["m.onnx", "m.onnx.data"]);
    // One rename needs no lock.
    let said = done(folder, &emit(&[&["-o", "n.onnx"]]));
    assert!(!said.contains("note: "), "{said}");
}

/// A page takes the place of no test data, by whatever link it is read, and of no folder that is to be written.
#[test]
fn a_page_replaces_no_test_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    done(folder, &emit(&[&PAIR]));
    let reference = ["--runtime", "reference", "--quiet", "--batch", "1"];
    let verify = ["verify", "m.onnx", "--test-data", "data"];
    let both = [&verify[..], &reference, &["--html", "./data"]].concat();
    let said = refused(folder, &both);
    assert!(
        said.contains(
            "`./data` and `data` are the same place, expected one for each output\nhint: give"
        ),
        "{said}"
    );
    assert_eq!(listing(folder), ["m.onnx", "m.onnx.data"]);
    done(folder, &[&verify[..], &reference].concat());
    // A set elsewhere, to which a link leads.
    fs::rename(folder.join("data/test_data_set_0"), folder.join("set")).expect("renamed");
    symlink("../set", folder.join("data/test_data_set_0")).expect("a link");
    let before = fs::read(folder.join("set/input_0.pb")).expect("a tensor");
    let reference = ["--runtime", "reference", "--quiet"];
    let said = refused(
        folder,
        &[&verify[..], &reference, &["--html", "set/input_0.pb"]].concat(),
    );
    assert!(said.contains("would replace `"), "{said}");
    assert!(fs::read(folder.join("set/input_0.pb")).expect("a tensor") == before);
}
