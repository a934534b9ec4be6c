//! Commits that fail or are killed at any step, and what the next run makes of it.

use super::parts::{NEW, OLD, PLACED, REPLACED};
use super::temporary::TemporaryFolder;
use super::*;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const DATA: &str = "m.data";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
}

/// A model and its data, both of which hold `text`.
fn pair(folder: &Path, text: &str) {
    write(&folder.join("m"), text);
    write(&folder.join(DATA), text);
}

/// Every file of a folder with what it holds, what lies in temporary folders included.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = if path.is_dir() {
            format!("{:?}", contents(&path))
        } else {
            fs::read_to_string(&path).expect("text")
        };
        found.push((name.into_owned(), text));
    }
    found.sort();
    found
}

fn is_pair(folder: &Path, text: &str) -> bool {
    contents(folder) == [("m", text), (DATA, text)].map(|(name, text)| (name.into(), text.into()))
}

fn open(folder: &Path, replace: bool) -> Result<Staged, OutputError> {
    match OutputFile::open(&folder.join("m"), replace, &Inputs::none())? {
        OutputFile::Staged(staged) => Ok(staged),
        OutputFile::Stream(_) => panic!("it is a file"),
    }
}

/// A pair that waits.
fn staged(folder: &Path, replace: bool, text: &str) -> Staged {
    let staged = open(folder, replace).expect("a folder");
    for name in [None, Some(DATA)] {
        let mut file = staged.create(name).expect("a file");
        file.write_all(text.as_bytes()).expect("bytes");
    }
    staged
}

#[test]
fn a_pair_is_placed_and_replaced_whole() {
    let folder = folder();
    let folder = folder.path();
    for (replace, text) in [(false, "one"), (true, "two")] {
        let notes = staged(folder, replace, text).commit(Some(DATA), None);
        assert_eq!(notes.expect("a commit"), []);
        assert!(is_pair(folder, text), "{:?}", contents(folder));
    }
}

/// Whichever file does not get its name, the old pair has its names again.
#[test]
fn a_step_that_fails_undoes_the_others() {
    for missing in ["m", DATA] {
        let folder = folder();
        let folder = folder.path();
        pair(folder, "old");
        let waiting = staged(folder, true, "new");
        fs::remove_file(waiting.path().with_file_name(missing)).expect("a file");
        let error = waiting.commit(Some(DATA), None).expect_err("it fails");
        assert!(matches!(&error, OutputError::Io { path, .. } if *path == folder.join(missing)));
        assert!(is_pair(folder, "old"), "{:?}", contents(folder));
    }
}

#[test]
fn a_folder_or_a_pipe_in_the_place_of_data_is_refused_before_anything_is_moved() {
    for kind in ["mkdir", "mkfifo"] {
        let folder = folder();
        let folder = folder.path();
        write(&folder.join("m"), "old");
        let made = std::process::Command::new(kind)
            .arg(folder.join(DATA))
            .status();
        assert!(made.expect("it runs").success());
        // It may appear before the data is written, or meanwhile.
        let waiting = open(folder, true).expect("a folder");
        assert!(waiting.companion(".data").is_err(), "{kind}");
        drop(waiting);
        let error = staged(folder, true, "new").commit(Some(DATA), None);
        let error = error.expect_err("refused").to_string();
        assert!(error.contains("m.data` is a "), "{error}");
        assert_eq!(fs::read(folder.join("m")).expect("a file"), b"old");
        assert_eq!(fs::read_dir(folder).expect("a folder").count(), 2);
    }
}

/// Both files and folders that appear while a pair is written stay, and none of the pair is left.
#[test]
fn what_appears_meanwhile_is_replaced_by_nothing() {
    for name in ["m", DATA] {
        let folder = folder();
        let folder = folder.path();
        let waiting = staged(folder, false, "new");
        write(&folder.join(name), "another's");
        let error = waiting.commit(Some(DATA), None).expect_err("refused");
        assert!(matches!(&error, OutputError::Exists(path) if *path == folder.join(name)));
        assert_eq!(
            contents(folder),
            [(name.to_owned(), "another's".to_owned())]
        );
    }
    let folder = folder();
    let waiting = staged(folder.path(), false, "new");
    write(&folder.path().join("m"), "another's");
    let error = waiting.commit(None, None).expect_err("refused");
    assert!(matches!(error, OutputError::Exists(_)), "{error}");
    assert_eq!(
        contents(folder.path()),
        [("m".to_owned(), "another's".to_owned())]
    );
}

/// The folder of a process that was killed when it had done `steps` steps of a commit over `old` files.
fn killed(folder: &Path, steps: usize, links: bool) -> PathBuf {
    let mut left = TemporaryFolder::within(folder).expect("a folder");
    left.keep();
    let root = left.root().to_owned();
    let aside = |name: &str| {
        let old = root.join(OLD).join(name);
        if let Err(error) = fs::rename(folder.join(name), old) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    };
    let place = |name: &str| fs::rename(root.join(NEW).join(name), folder.join(name));
    pair(left.path(), "unfinished");
    for part in [OLD, PLACED] {
        fs::create_dir(root.join(part)).expect("a folder");
    }
    for step in 0..steps {
        match step {
            0 => aside("m"),
            1 => aside(DATA),
            2 if links => {
                fs::hard_link(root.join(NEW).join(DATA), root.join(PLACED).join(DATA))
                    .expect("a link");
            }
            3 => place(DATA).expect("a file"),
            4 => fs::rename(root.join(OLD), root.join(REPLACED)).expect("a folder"),
            5 => place("m").expect("a file"),
            _ => {}
        }
    }
    root
}

#[test]
fn an_old_pair_has_its_names_again_after_a_kill_at_any_step() {
    for steps in 0..=5 {
        let folder = folder();
        let folder = folder.path();
        pair(folder, "old");
        killed(folder, steps, true);
        let notes = open(folder, true).expect("a folder").notes().to_vec();
        assert!(is_pair(folder, "old"), "{steps}: {:?}", contents(folder));
        let expected = (steps > 0).then(|| OutputNote::PutBack(folder.join("m")));
        assert_eq!(notes, Vec::from_iter(expected), "{steps}");
        // With it there, a run that replaces nothing is refused.
        killed(folder, steps, true);
        assert!(matches!(open(folder, false), Err(OutputError::Exists(_))) || steps == 0);
    }
}

#[test]
fn a_new_pair_that_was_not_complete_leaves_nothing() {
    for steps in 0..=5 {
        let folder = folder();
        killed(folder.path(), steps, true);
        drop(open(folder.path(), false).expect("nothing is there"));
        assert_eq!(contents(folder.path()), [], "{steps}");
    }
}

#[test]
fn a_commit_that_is_complete_leaves_the_new_pair() {
    let folder = folder();
    let folder = folder.path();
    for text in ["old", "older"] {
        pair(folder, text);
        killed(folder, 6, text == "old");
        assert_eq!(open(folder, true).expect("a folder").notes(), []);
        assert!(is_pair(folder, "unfinished"), "{:?}", contents(folder));
    }
}

/// Old files whose names are taken are kept: by data that is not shown to be of the killed process, or by another's model.
#[test]
fn what_cannot_be_put_back_is_kept_and_named() {
    for (steps, links) in [(4, false), (5, false), (3, true), (5, true)] {
        let folder = folder();
        let folder = folder.path();
        pair(folder, "old");
        let left = killed(folder, steps, links).join(OLD);
        if links {
            write(&folder.join("m"), "another's");
        }
        drop(open(folder, true).expect("a folder"));
        let before = contents(folder);
        for _ in 0..2 {
            let notes = open(folder, true).expect("a folder").notes().to_vec();
            let [
                OutputNote::Kept {
                    folder: kept,
                    names,
                },
            ] = &notes[..]
            else {
                panic!("{notes:?}");
            };
            assert_eq!((kept, names.len()), (&left, 2));
            assert_eq!(contents(folder), before);
            assert_eq!(contents(&left).len(), 2);
        }
    }
}

#[test]
fn folders_that_are_used_or_are_no_ones_of_ours_stay() {
    let folder = folder();
    let folder = folder.path();
    let used = staged(folder, false, "new");
    let own = folder.join(".efficientnet-onnx-backup");
    fs::create_dir(&own).expect("a folder");
    write(&own.join("notes"), "mine");
    let elsewhere = folder.join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    write(&elsewhere.join("precious"), "mine");
    symlink(&elsewhere, folder.join(".efficientnet-onnx-link00")).expect("a link");
    let linked = folder.join(".efficientnet-onnx-within");
    fs::create_dir(&linked).expect("a folder");
    symlink(&elsewhere, linked.join(OLD)).expect("a link");
    let before = contents(folder);
    drop(open(folder, true).expect("a folder"));
    assert_eq!(contents(folder), before);
    used.commit(Some(DATA), None).expect("a commit");
    assert_eq!(contents(folder).len(), before.len() + 1);
}

/// Data goes with its model only if both are as they were.
#[test]
fn data_of_a_replaced_model_goes_if_nothing_has_changed() {
    for changed in [false, true] {
        let folder = folder();
        let folder = folder.path();
        pair(folder, "old");
        let superseded = Superseded::of(&folder.join("m"), &folder.join(DATA));
        let waiting = staged(folder, true, "new");
        if changed {
            write(&folder.join("again"), "another's");
            fs::rename(folder.join("again"), folder.join(DATA)).expect("renamed");
        }
        waiting.commit(None, superseded).expect("a commit");
        assert_eq!(folder.join(DATA).exists(), changed);
        assert_eq!(fs::read(folder.join("m")).expect("a file"), b"new");
    }
}
