//! `doctor`: says what is here and what is missing, and never fails for want of it.

use crate::verify_support::{Run, folder, ort_library, program, virtual_environment};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn doctor(change: impl Fn(&mut Command)) -> Run {
    let mut command = program();
    command.arg("doctor").env_remove("LD_LIBRARY_PATH");
    change(&mut command);
    Run::of(&mut command)
}

fn json(change: impl Fn(&mut Command)) -> Value {
    let run = doctor(|command| {
        command.arg("--json");
        change(command);
    });
    let report = run.expect(0).report();
    assert_eq!(report["schema"], 1);
    report
}

fn runtime<'a>(report: &'a Value, name: &str) -> &'a Value {
    let runtimes = report["runtimes"].as_array().expect("runtimes");
    let found = runtimes.iter().find(|runtime| runtime["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

fn gpu_library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data/libonnxruntime.so.1.31.1")
}

fn parts(runtime: &Value) -> Vec<&str> {
    let missing = runtime["missing"].as_array().expect("a list");
    for lack in missing {
        assert!(
            lack["reason"].is_string() && lack["hint"].is_string(),
            "{lack}"
        );
    }
    let parts = missing.iter().map(|lack| lack["part"].as_str());
    parts.map(Option::unwrap_or_default).collect()
}

#[test]
fn with_nothing_installed_it_says_what_to_install() {
    let report = json(|_| {});
    assert_eq!(
        report["processor"]["architecture"],
        std::env::consts::ARCH,
        "{report:#}"
    );
    #[cfg(target_arch = "x86_64")]
    for (name, here) in [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ] {
        let features = report["processor"]["features"].as_array().expect("a list");
        assert_eq!(features.iter().any(|found| found == name), here, "{name}");
    }
    for name in ["ort-cpu", "ort-cuda"] {
        let runtime = runtime(&report, name);
        assert_eq!(
            (&runtime["built"], &runtime["usable"]),
            (&true.into(), &false.into())
        );
        let hint = runtime["missing"][0]["hint"].as_str().expect("a hint");
        assert!(hint.contains("pip install"), "{hint}");
    }
    assert_eq!(report["libraries"], Value::Array(vec![]));
    let text = doctor(|_| {}).expect(0).stdout;
    assert!(
        text.contains("looked for libraries in: --ort-lib (not set)"),
        "{text}"
    );
    let places = [("VIRTUAL_ENV", Value::Null), ("python3", "python3".into())];
    for (name, value) in places {
        let searched = report["searched"].as_array().expect("places");
        assert!(
            searched
                .iter()
                .any(|place| place["name"] == name && place["value"] == value)
        );
    }
}

#[test]
fn a_library_without_cuda_is_found_and_lacks_the_provider() {
    let report = json(|command| {
        command.env("VIRTUAL_ENV", virtual_environment());
    });
    let cpu = runtime(&report, "ort-cpu");
    assert_eq!(cpu["usable"], true);
    assert_eq!(cpu["library"], ort_library().display().to_string());
    assert_eq!(
        report["libraries"][0]["origin"],
        "the active virtual environment"
    );
    assert_eq!(
        report["libraries"][0]["providers"],
        serde_json::json!(["cpu"])
    );
    let cuda = runtime(&report, "ort-cuda");
    assert_eq!(cuda["usable"], false);
    assert!(parts(cuda).starts_with(&["provider"]), "{cuda:#}");
}

#[test]
fn a_library_with_cuda_is_told_part_by_part() {
    let report = json(|command| {
        command.arg("--ort-lib").arg(gpu_library());
    });
    let cuda = runtime(&report, "ort-cuda");
    assert_eq!(
        (&cuda["usable"], &cuda["version"]),
        (&false.into(), &"1.31.1".into())
    );
    assert_eq!(parts(cuda), ["library", "driver", "cudnn"]);
    let library = &report["libraries"][0];
    assert_eq!(library["providers"], serde_json::json!(["cpu", "cuda"]));
    assert_eq!(library["cuda"]["libraries"][3]["name"], "libcudart.so.13");
    assert_eq!(runtime(&report, "ort-cpu")["usable"], true);
}

#[test]
fn over_the_stub_only_cudnn_is_missing() {
    let stub = folder();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut build = Command::new(root.join("tests/stub_cuda/build"));
    build.arg(stub.path()).arg(root.join("tests/.data"));
    assert!(build.status().expect("bash").success());
    let with_stub = |command: &mut Command| {
        command.arg("--ort-lib").arg(gpu_library());
        command.arg("--cuda-lib").arg(stub.path());
    };
    let report = json(with_stub);
    let cuda = runtime(&report, "ort-cuda");
    assert_eq!(parts(cuda), ["cudnn"]);
    assert_eq!(cuda["usable"], true);
    let found = &report["libraries"][0]["cuda"];
    assert_eq!(found["device"]["device"], "stub device");
    let path = found["libraries"][3]["path"].as_str().expect("a path");
    assert!(
        path.starts_with(&stub.path().display().to_string()),
        "{path}"
    );
    let text = doctor(with_stub).expect(0).stdout;
    assert!(
        text.contains("partly") && text.contains("device: stub device"),
        "{text}"
    );
}

#[test]
fn a_library_that_crashes_or_is_none_ends_only_its_own_process() {
    let folder = folder();
    let source = folder.path().join("abort.c");
    let code = "#include <stdlib.h>\n__attribute__((constructor)) void start(void) { abort(); }";
    std::fs::write(&source, code).expect("a file");
    let abort = folder.path().join("abort.so");
    let mut compile = Command::new("cc");
    compile
        .args(["-shared", "-fPIC", "-o"])
        .arg(&abort)
        .arg(&source);
    assert!(compile.status().expect("a C compiler").success());
    for (library, part) in [
        (abort, "signal: 6"),
        (source, "cannot be loaded"),
        (folder.path().join("missing.so"), "there is no such file"),
    ] {
        let report = json(|command| {
            command.env("ORT_DYLIB_PATH", &library);
        });
        let error = report["libraries"][0]["error"].as_str().expect("an error");
        assert!(error.contains(part), "{error}");
        let cpu = runtime(&report, "ort-cpu");
        assert_eq!(cpu["usable"], false);
        let missing = &cpu["missing"][0];
        assert_eq!(
            missing["reason"],
            "the library that `ORT_DYLIB_PATH` names cannot be used"
        );
        let hint = missing["hint"].as_str().expect("a hint");
        assert!(hint.contains("set `ORT_DYLIB_PATH`"), "{hint}");
        assert_eq!(report["libraries"][0]["providers"], Value::Array(vec![]));
        assert_eq!(runtime(&report, "reference")["name"], "reference");
    }
}

#[test]
fn telemetry_is_off() {
    let home = folder();
    let run = doctor(|command| {
        command.arg("--ort-lib").arg(ort_library());
        command.env_clear().env("HOME", home.path());
        command.env("XDG_CACHE_HOME", home.path().join(".cache"));
    });
    run.expect(0);
    let left = std::fs::read_dir(home.path()).expect("a folder").count();
    assert_eq!(left, 0, "files in the home folder");
}

#[test]
fn other_arguments_are_bad_usage() {
    doctor(|command| {
        command.arg("--runtime");
    })
    .expect(2);
}
