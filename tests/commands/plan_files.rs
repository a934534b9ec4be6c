//! The files that `plan` and `inspect` write: each in a place of its own, and none in place of another without `--force`.

use crate::plan::run;
use crate::verify_support::folder;
use std::fs;

#[test]
fn two_outputs_are_two_files() {
    let folder = folder();
    let folder = folder.path();
    std::os::unix::fs::symlink("x", folder.join("link")).expect("a link");
    let cases = [
        ("--svg x --html x", "`--svg x` and `--html x`"),
        ("--svg ./x --html x", "`--svg ./x` and `--html x`"),
        ("--emit -o x --svg x", "`-o x` and `--svg x`"),
        ("--emit -o x --html x", "`-o x` and `--html x`"),
        ("--svg link --html x", "`--svg link` and `--html x`"),
        ("--emit -o x --svg link", "`-o x` and `--svg link`"),
    ];
    for (outputs, named) in cases {
        for force in ["", " --force"] {
            let found = run(folder, &format!("plan --macs 1G {outputs}{force}")).expect(2);
            let said = format!("{named} are the same place, expected one for each output");
            assert!(found.stderr.contains(&said), "{outputs}: {}", found.stderr);
            assert_eq!(found.stdout, "");
            assert!(!folder.join("x").exists(), "{outputs}");
        }
    }
}

/// What is there stays, and nothing else is written either.
#[test]
fn files_are_replaced_with_force_alone() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("there"), "mine").expect("room");
    for command in [
        "plan --phi 1 --svg there",
        "plan --phi 1 --html there",
        "plan --phi 1 --svg other --html there",
        "plan --macs 1G --emit -o other --html there",
        "plan --macs 1G --emit -o there --html other",
        "inspect --variant b0 --svg there",
    ] {
        let found = run(folder, command).expect(2);
        assert!(found.stderr.contains("`there` exists"), "{}", found.stderr);
        assert!(found.stderr.contains("`--force` replaces it"));
        assert_eq!(found.stdout, "", "{command}");
        assert_eq!(fs::read(folder.join("there")).expect("a file"), b"mine");
        assert!(!folder.join("other").exists(), "{command}");
        run(folder, &format!("{command} --force")).expect(0);
        assert_ne!(fs::read(folder.join("there")).expect("a file"), b"mine");
        fs::write(folder.join("there"), "mine").expect("room");
        let _ = fs::remove_file(folder.join("other"));
    }
}

#[test]
fn files_beside_what_is_printed_have_names() {
    let folder = folder();
    let folder = folder.path();
    for (command, flag) in [
        ("plan --phi 1 --svg -", "--svg"),
        ("plan --phi 1 --html -", "--html"),
        ("inspect --variant b0 --svg -", "--svg"),
    ] {
        let found = run(folder, command).expect(2);
        let said = format!("`{flag}` writes beside what is printed, found `{flag} -`");
        assert!(found.stderr.contains(&said), "{}", found.stderr);
    }
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), 0);
}

#[test]
fn a_device_that_takes_nothing_is_named() {
    let folder = folder();
    let folder = folder.path();
    for output in ["--emit -o", "--svg", "--html"] {
        let found = run(folder, &format!("plan --macs 1G {output} /dev/full")).expect(2);
        assert!(
            found.stderr.contains("cannot write `/dev/full`"),
            "{output}: {}",
            found.stderr
        );
    }
}
