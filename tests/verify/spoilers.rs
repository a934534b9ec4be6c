//! Files that end the process of one runtime: the report says how, and holds what the others computed as if that
//! runtime had not been there.

use crate::verify_support::{Run, folder, ort_library, program, spoilers, toy};
use efficientnet_onnx::onnx::proto::ModelProto;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const ALL: [&str; 3] = ["reference", "tract", "ort-cpu"];

/// `verify --json` of a file in some runtimes, each within `mebibytes` of address space, if that is limited.
fn verify(file: &Path, runtimes: &[&str], mebibytes: Option<u64>) -> Run {
    let program = program();
    let mut command = Command::new("/bin/sh");
    let limit = mebibytes.map_or_else(|| "unlimited".to_owned(), |size| (size << 10).to_string());
    command
        .args(["-c", &format!("ulimit -v {limit} && exec \"$@\""), "sh"])
        .arg(program.get_program())
        .arg("verify")
        .arg(file)
        // Each further thread reserves address space for its stack and its arena.
        .args(["--json", "--batch", "1", "--threads", "1", "--runtime"])
        .arg(runtimes.join(","))
        .env("MALLOC_ARENA_MAX", "1");
    if runtimes.contains(&"ort-cpu") {
        command.arg("--ort-lib").arg(ort_library());
    }
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Run::of(&mut command)
}

/// What is reported of a runtime, without times, which differ from run to run.
fn entry(report: &Value, name: &str) -> Value {
    let runtimes = report["runtimes"].as_array().expect("runtimes");
    let found = runtimes.iter().find(|runtime| runtime["name"] == name);
    let mut entry = found
        .unwrap_or_else(|| panic!("no {name} in {report:#}"))
        .clone();
    for time in ["load_seconds", "run_seconds"] {
        entry[time] = Value::Null;
    }
    entry
}

/// Runs a file that ends the process of one runtime, and returns what is reported of it; of the others the same is
/// reported as without it.
///
/// A limit must leave ONNX Runtime 100 MiB and four times what its largest tensor takes: its arena asks for regions of
/// doubled size, and when one is refused for so much of the rest that other requests may fail. So with less room it
/// runs, or does not, by chance of the limit.
fn spoiled(model: &ModelProto, dying: &str, mebibytes: Option<u64>) -> Value {
    let folder = folder();
    let file = toy::write(model, folder.path());
    let report = verify(&file, &ALL, mebibytes).expect(1).report();
    assert_eq!(report["verdict"], "disagree", "{report:#}");
    let others: Vec<&str> = ALL.into_iter().filter(|&name| name != dying).collect();
    let control = verify(&file, &others, mebibytes).report();
    for other in others {
        assert_eq!(entry(&report, other), entry(&control, other));
    }
    assert_eq!(report["cases"], control["cases"]);
    report
}

/// That a runtime's outputs agree with those of the reference.
fn assert_agrees(report: &Value, name: &str) {
    assert_eq!(report["base"], "reference", "{report:#}");
    assert_eq!(entry(report, "reference")["status"], "passed", "{report:#}");
    let entry = entry(report, name);
    assert_eq!(
        (&entry["status"], &entry["failures"]),
        (&json!("passed"), &json!([])),
        "{entry:#}"
    );
    let largest = entry["max_abs"].as_f64().expect("a largest difference");
    assert!(largest < 1e-5, "{entry:#}");
}

fn assert_ended(report: &Value, name: &str, status: &str, message: &str) {
    let entry = entry(report, name);
    assert_eq!(
        (&entry["status"], &entry["message"]),
        (&json!(status), &json!(message)),
        "{entry:#}"
    );
}

#[test]
fn tract_overflows_its_stack_and_the_others_agree() {
    let report = spoiled(&spoilers::endless_simplification(), "tract", None);
    let message = "it overflowed its stack: it was ended by signal 6 (SIGABRT: it gave up)";
    assert_ended(&report, "tract", "crashed", message);
    assert_agrees(&report, "ort-cpu");
}

// Other processors have a result for this division, and go on.
#[cfg(target_arch = "x86_64")]
#[test]
fn onnx_runtime_traps_and_the_others_agree() {
    let report = spoiled(&spoilers::trapping_division(), "ort-cpu", None);
    let message = "it was ended by signal 8 (SIGFPE: an integer division that has no result)";
    assert_ended(&report, "ort-cpu", "crashed", message);
    assert_agrees(&report, "tract");
}

#[test]
fn tract_runs_out_of_memory_and_the_others_say_what_they_do_without() {
    let report = spoiled(&spoilers::tall_picture(), "tract", Some(760));
    let message = "it ran out of memory when it asked for 805306368 bytes (a smaller batch or size needs less): \
        it was ended by signal 6 (SIGABRT: it gave up)";
    assert_ended(&report, "tract", "crashed", message);
    assert_eq!(entry(&report, "ort-cpu")["status"], "passed", "{report:#}");
    let message = "loading the file: the reference interpreter lacks: `Resize`, first in node `tall` (`Resize`)";
    assert_ended(&report, "reference", "refused", message);
}

#[test]
fn tract_panics_for_want_of_memory_and_the_others_agree() {
    let report = spoiled(&spoilers::wide_dimensions(), "tract", Some(800));
    let entry = entry(&report, "tract");
    assert_eq!(entry["status"], "crashed");
    let message = entry["message"].as_str().expect("a message");
    // In between is where tract's source was when it was compiled.
    let refused = message.starts_with("panicked at ")
        && message.contains("failed to allocate Layout { size: 536870912, ");
    assert!(refused, "{message}");
    assert_agrees(&report, "ort-cpu");
}

#[test]
fn what_is_too_large_for_every_runtime_is_said_by_each() {
    let folder = folder();
    let file = toy::write(&spoilers::endless_row(), folder.path());
    let report = verify(&file, &ALL, Some(1024)).expect(1).report();
    let refused = entry(&report, "reference");
    assert_eq!(
        (&refused["status"], &refused["node"]),
        (&json!("refused"), &json!("long")),
        "{refused:#}"
    );
    let message = refused["message"].as_str().expect("a message");
    let begins = "running the file: node `long` (`Pad`): a tensor of shape [805306371] needs 12289 MiB of memory: \
        the memory limit is 511 MiB, and ";
    assert!(message.starts_with(begins), "{message}");
    let hint = refused["hint"].as_str().expect("a hint");
    assert!(hint.contains("`--memory-limit"), "{hint}");
    let message = "it ran out of memory when it asked for 3221225484 bytes (a smaller batch or size needs less): \
        it was ended by signal 6 (SIGABRT: it gave up)";
    assert_ended(&report, "tract", "crashed", message);
    let entry = entry(&report, "ort-cpu");
    assert_eq!(entry["status"], "refused");
    let message = entry["message"].as_str().expect("a message");
    assert!(
        message.contains("Failed to allocate memory for requested buffer of size 3221225"),
        "{message}"
    );
}
