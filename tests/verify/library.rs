//! Where `verify` finds ONNX Runtime, and what happens where it is missing, too old or broken.

use crate::verify_support::{Run, folder, ort_library, program, toy, virtual_environment};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const PIP: &str = "pip install 'onnxruntime>=1.24'";

struct Bench {
    folder: TempDir,
    file: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = folder();
        let file = toy::write(&toy::model(), folder.path());
        Self { folder, file }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, contents).expect("a file");
        path
    }

    /// A shared library with this source. The tests need a C compiler anyway: tract is built with one.
    fn library(&self, name: &str, source: &str) -> PathBuf {
        let source = self.write(&format!("{name}.c"), source);
        let library = self.path(name);
        let mut command = Command::new("cc");
        command
            .args(["-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(source);
        assert!(command.status().expect("a C compiler").success());
        library
    }

    fn verify(&self) -> Command {
        let mut command = program();
        command.arg("verify").arg(&self.file).arg("--json");
        command
    }
}

fn ort_of(run: &Run) -> serde_json::Value {
    let report = run.report();
    let runtimes = report["runtimes"].as_array().expect("runtimes");
    let ort = runtimes.iter().find(|runtime| runtime["name"] == "ort-cpu");
    ort.unwrap_or_else(|| panic!("no ort-cpu in {report:#}"))
        .clone()
}

/// A library of ONNX Runtime's interface that answers with `version` and has nothing else.
fn fake(version: &str) -> String {
    format!(
        "static const char *version(void) {{ return \"{version}\"; }}
         static const void *api(unsigned number) {{ return 0; }}
         static const void *base[] = {{ api, version }};
         const void *OrtGetApiBase(void) {{ return base; }}"
    )
}

#[test]
fn a_library_that_was_asked_for_and_cannot_be_used_is_unavailable() {
    let bench = Bench::new();
    let text = bench.write("text.so", "This is no library.");
    let old = bench.library("old.so", &fake("1.17.3"));
    let hollow = bench.library("hollow.so", &fake("1.30.0"));
    let null = bench.library("null.so", "const void *OrtGetApiBase(void) { return 0; }");
    let abort = "#include <stdlib.h>\n__attribute__((constructor)) void start(void) { abort(); }";
    let abort = bench.library("abort.so", abort);
    let other = bench.library("other.so", "int other(void) { return 7; }");
    for (library, part) in [
        (bench.path("missing.so"), "there is no such file"),
        (bench.folder.path().to_owned(), "the folder has no library"),
        (text, "cannot be loaded"),
        (other, "is not ONNX Runtime"),
        (PathBuf::from("libc.so.6"), "cannot be loaded"),
        (old, "is ONNX Runtime 1.17.3, expected 1.24 or newer"),
        (hollow, "crashed"),
        (null, "crashed"),
        (abort, "signal 6"),
    ] {
        let flag = Run::of(bench.verify().arg("--ort-lib").arg(&library)).expect(3);
        let variable = Run::of(bench.verify().env("ORT_DYLIB_PATH", &library)).expect(3);
        for (run, origin) in [(flag, "`--ort-lib`"), (variable, "`ORT_DYLIB_PATH`")] {
            let ort = ort_of(&run);
            assert_eq!(
                (&ort["name"], &ort["status"]),
                (&"ort-cpu".into(), &"unavailable".into())
            );
            let message = ort["message"].as_str().expect("a message");
            assert!(
                message.contains(part) && message.contains(origin),
                "{message}"
            );
            // What was named is wrong: to install another changes nothing.
            let hint = ort["hint"].as_str().expect("a hint");
            assert!(hint.contains(origin) && !hint.contains(PIP), "{hint}");
            assert_eq!(run.report()["verdict"], "unavailable");
            for other in 0..2 {
                let others = &run.report()["runtimes"][other]["status"];
                assert_eq!(others, "passed", "the reference and tract still report");
            }
        }
    }
}

#[test]
fn a_library_that_is_found_nowhere_is_a_note_unless_it_was_named() {
    let bench = Bench::new();
    let run = Run::of(&mut bench.verify()).expect(0);
    let ran = run.report()["runtimes"].as_array().map(Vec::len);
    assert_eq!(ran, Some(2), "the reference and tract, which agree");
    assert!(
        run.stderr
            .contains("no usable ONNX Runtime library was found")
            && run.stderr.contains(PIP)
    );
    assert_eq!(Run::of(bench.verify().arg("--quiet")).expect(0).stderr, "");

    let named = Run::of(bench.verify().args(["--runtime", "tract,ort-cpu"])).expect(3);
    assert_eq!(named.report()["verdict"], "unavailable");
    assert!(
        ort_of(&named)["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains(PIP))
    );
}

#[test]
fn a_broken_library_that_was_only_found_is_passed_over_with_a_note() {
    let bench = Bench::new();
    let library = "lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime.so.1.30.0";
    bench.write(library, "This is no library.");
    let run = Run::of(bench.verify().env("VIRTUAL_ENV", bench.folder.path())).expect(0);
    let ran = run.report()["runtimes"].as_array().map(Vec::len);
    assert_eq!(ran, Some(2), "the reference and tract, which agree");
    assert!(
        run.stderr.contains("passed over") && run.stderr.contains(library),
        "{}",
        run.stderr
    );

    let mut named = bench.verify();
    named
        .env("VIRTUAL_ENV", bench.folder.path())
        .args(["--runtime", "tract,ort-cpu"]);
    Run::of(&mut named).expect(3);

    // With the package in `python3`, the next place is looked at.
    let mut next = bench.verify();
    next.env("VIRTUAL_ENV", bench.folder.path())
        .env("PATH", python3(&bench));
    let run = Run::of(&mut next).expect(0);
    assert!(run.stderr.contains("passed over"), "{}", run.stderr);
    assert_eq!(run.report()["verdict"], "agree");
    assert_eq!(ort_of(&run)["library"], ort_library().display().to_string());
}

#[test]
fn a_library_is_found_in_the_active_environment_and_in_python3() {
    let bench = Bench::new();
    for (variable, value) in [
        ("VIRTUAL_ENV", virtual_environment()),
        ("PATH", python3(&bench)),
    ] {
        let run = Run::of(bench.verify().env(variable, &value)).expect(0);
        assert_eq!(run.report()["verdict"], "agree", "{variable}");
        assert_eq!(ort_of(&run)["library"], ort_library().display().to_string());
    }
}

#[test]
fn the_current_folder_is_no_place_to_find_a_library() {
    let bench = Bench::new();
    bench.write("here/onnxruntime/__init__.py", "");
    bench.write(
        "here/onnxruntime/capi/libonnxruntime.so.1.30.0",
        "This is no library.",
    );
    let mut command = bench.verify();
    command
        .env("PATH", python3(&bench))
        .current_dir(bench.path("here"));
    let run = Run::of(&mut command).expect(0);
    assert_eq!(ort_of(&run)["library"], ort_library().display().to_string());
    assert!(!run.stderr.contains("passed over"), "{}", run.stderr);
}

#[test]
fn a_relative_path_is_relative_to_the_current_folder() {
    let bench = Bench::new();
    std::os::unix::fs::symlink(ort_library(), bench.path("ort.so")).expect("a link");
    let mut command = bench.verify();
    command
        .args(["--ort-lib", "ort.so"])
        .current_dir(bench.folder.path());
    let run = Run::of(&mut command).expect(0);
    assert_eq!(run.report()["verdict"], "agree");
    // The version is in the name of the file that the link leads to.
    let version = ort_of(&run)["version"]
        .as_str()
        .expect("a version")
        .to_owned();
    assert!(ort_library().display().to_string().ends_with(&version) && version.starts_with("1."));
}

/// A folder whose `python3` is the one of the tests' virtual environment.
fn python3(bench: &Bench) -> PathBuf {
    let python = virtual_environment().join("bin/python");
    let script = format!("#!/bin/sh\nexec '{}' \"$@\"\n", python.display());
    let path = bench.write("bin/python3", &script);
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("permissions");
    path.parent().map(Path::to_owned).expect("a parent")
}
