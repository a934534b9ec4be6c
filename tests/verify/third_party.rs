//! Files of other tools, damaged files and files that harm whoever runs them: what `check` and `verify` make of each.
//!
//! The files and how they were made are in `fixtures/third_party`. What a runtime makes of a file is its result, so
//! that the others' are there whatever it does.

use crate::verify_support::{Run, ort_library, program, verify};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/third_party");
    folder.join(name)
}

fn check(file: &Path, arguments: &[&str]) -> Run {
    Run::of(program().arg("check").arg(file).args(arguments))
}

/// The report of ONNX Runtime and what it says of itself; no other runtime's error may hide it.
fn in_ort(run: &Run) -> serde_json::Value {
    let report = run.report();
    let runtimes = report["runtimes"].as_array().expect("runtimes").clone();
    for runtime in &runtimes {
        let said = runtime["message"].is_string();
        let passed = ["passed", "disagrees", "failed_checks"]
            .map(Into::into)
            .contains(&runtime["status"]);
        assert!(passed || said, "{runtime:#}");
    }
    let ort = runtimes
        .into_iter()
        .find(|runtime| runtime["name"] == "ort-cpu");
    ort.unwrap_or_else(|| panic!("no ort-cpu: {report:#}"))
}

const ALL: &[&str] = &["--json", "--timeout", "60"];

#[test]
fn files_of_other_tools_pass_the_check_and_run() {
    for name in [
        "timm_dynamo.onnx",
        "timm_legacy.onnx",
        "timm_half.onnx",
        "onnxsim.onnx",
        "opset28.onnx",
        "swish24.onnx",
    ] {
        let file = fixture(name);
        let checked = check(&file, &[]).expect(0);
        // Every operator is one that ONNX defines in the file's opset.
        assert!(!checked.stdout.contains("opset-unknown"), "{checked:#?}");
        assert!(!checked.stdout.contains("operator `"), "{checked:#?}");
        let counted = [": nothing is wrong", ": 0 errors, "].map(|end| format!("{name}{end}"));
        assert!(
            counted.iter().any(|end| checked.stdout.contains(end)),
            "{checked:#?}"
        );
        let run = verify(&file, true, ALL);
        assert_eq!(in_ort(&run)["status"], "passed", "{name}: {run:#?}");
        // Another runtime may not take the file; then that is what it says, and status 1.
        let agrees = run.report()["verdict"] != "disagree";
        assert_eq!(run.status, Some(i32::from(!agrees)), "{run:#?}");
    }
}

#[test]
fn inputs_of_every_type_are_made() {
    for name in [
        "input_f16.onnx",
        "input_f64.onnx",
        "input_i64.onnx",
        "input_u8.onnx",
    ] {
        let run = verify(&fixture(name), true, ALL);
        assert_eq!(in_ort(&run)["status"], "passed", "{name}: {run:#?}");
    }
}

/// ONNX Runtime writes layouts for the kind of CPU that it ran on: on another they may be refused, or be wrong.
#[test]
fn an_optimised_file_of_onnx_runtime_is_warned_of_and_run() {
    let file = fixture("ort_optimised.onnx");
    let checked = check(&file, &["--target", "onnxruntime"]).expect(0);
    assert!(
        checked.stdout.contains("warning[target-caution]"),
        "{checked:#?}"
    );
    let checked = check(&file, &["--target", "tract,opencv"]).expect(1);
    assert!(
        checked.stdout.contains("tract ignores domains"),
        "{checked:#?}"
    );
    assert!(
        checked
            .stdout
            .contains("opencv does not have operators of other domains"),
        "{checked:#?}"
    );
    let run = verify(&file, true, ALL);
    in_ort(&run);
    assert!(matches!(run.status, Some(0 | 1)), "{run:#?}");
}

#[test]
fn what_breaks_a_rule_is_not_run() {
    for (name, code, message) in [
        (
            "outside.onnx",
            "external",
            "external data `../../../Cargo.toml` is outside the model's folder",
        ),
        (
            "order.onnx",
            "order",
            "it uses `y`, which is made later or by itself",
        ),
    ] {
        let checked = check(&fixture(name), &["--json"]).expect(1);
        let report = checked.report();
        let error = report["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .find(|finding| finding["level"] == "error");
        let error = error.expect("an error");
        assert_eq!(
            (error["code"].as_str(), report["errors"].as_u64()),
            (Some(code), Some(1)),
            "{report:#}"
        );
        assert!(
            error["message"].as_str().expect("text").contains(message),
            "{report:#}"
        );
        assert_eq!(
            error.get("node").is_some_and(serde_json::Value::is_string),
            code == "order"
        );
        let run = verify(&fixture(name), true, ALL).expect(1);
        assert_eq!(run.report()["runtimes"], serde_json::json!([]));
        assert_eq!(run.report()["problems"][0]["code"], code);
    }
}

#[test]
fn what_is_no_model_is_bad_input() {
    let folder = crate::verify_support::folder();
    let noise = folder.path().join("noise.onnx");
    let mut file = std::fs::File::create(&noise).expect("a file");
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut piece = vec![0; 1 << 20];
    for _ in 0..100 {
        for bytes in piece.chunks_exact_mut(8) {
            // Xorshift.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&piece).expect("written");
    }
    for (path, message) in [
        (fixture("broken.onnx"), "it may be truncated"),
        (fixture("empty.onnx"), "it is empty"),
        (noise, "cannot be decoded as an ONNX model"),
        (fixture("nothing.onnx"), "cannot read"),
    ] {
        for run in [check(&path, &[]), verify(&path, true, ALL)] {
            let run = run.expect(2);
            assert!(run.stderr.contains(message), "{run:#?}");
            assert_eq!(run.stdout, "");
        }
    }
}

#[test]
fn what_toolchains_do_not_load_is_an_error_only_if_they_are_asked_for() {
    let file = fixture("timm_legacy.onnx");
    check(&file, &[]).expect(0);
    check(&file, &["--target", "rten,openvino"]).expect(0);
    // Of all, each is told; only those that are named count.
    let all = check(&file, &["--target", "all", "--json"])
        .expect(0)
        .report();
    assert_eq!(all["errors"], 0, "{all:#}");
    let targets = all["targets"].as_array().expect("targets").clone();
    let one = |target: &str| {
        let found = targets.iter().find(|one| one["target"] == target);
        found.unwrap_or_else(|| panic!("no {target}: {all:#}"))
    };
    for (target, passes) in [("coreml", false), ("tract", true), ("onnxruntime", true)] {
        assert_eq!(
            (&one(target)["passes"], &one(target)["named"]),
            (&passes.into(), &false.into())
        );
    }
    assert_eq!(one("coreml")["findings"][0]["code"], "target-refuses");
    let listed = check(&file, &["--target", "all"]).expect(0).stdout;
    for line in [
        "✗ coreml\n    error[target-refuses]: coreml reads no ONNX",
        "✓ tract\n✓ tvm\n",
    ] {
        assert!(listed.contains(line), "{listed}");
    }
    let named = check(&file, &["--target", "all,coreml", "--json"])
        .expect(1)
        .report();
    assert_eq!(named["errors"], 1, "{named:#}");
    let findings = named["findings"].as_array().expect("findings");
    let refuses = |finding: &&serde_json::Value| finding["code"] == "target-refuses";
    assert_eq!(findings.iter().filter(refuses).count(), 1);
    let half = check(&fixture("timm_half.onnx"), &["--target", "tract"]).expect(1);
    assert!(
        half.stdout
            .contains("error[target-refuses]: in node `/classifier/Gemm`: tract"),
        "{half:#?}"
    );
    let unknown = check(&file, &["--target", "caffe2"]).expect(2);
    assert!(
        unknown.stderr.contains("nothing is known of `caffe2`"),
        "{unknown:#?}"
    );
}

/// A loop of 2^60 rounds, a value of 4 TiB, and a value that doubles until memory ends: within a limit on memory, every
/// runtime ends in its own way, and each is reported.
#[cfg(target_os = "linux")]
#[test]
fn files_that_harm_runtimes_are_results_of_each() {
    for (name, seconds) in [
        ("hostile_loop.onnx", "3"),
        ("hostile_memory.onnx", "60"),
        ("hostile_growth.onnx", "20"),
    ] {
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -v 4000000 && exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_efficientnet-onnx"))
            .arg("verify")
            .arg(fixture(name))
            .args(["--json", "--timeout", seconds, "--ort-lib"])
            .arg(ort_library());
        let run = Run::of(&mut command).expect(1);
        let ort = in_ort(&run);
        let failed = ["refused", "crashed", "timed_out"].map(Into::into);
        assert!(failed.contains(&ort["status"]), "{name}: {ort:#}");
        if name == "hostile_loop.onnx" {
            assert_eq!(ort["status"], "timed_out");
        }
        assert_eq!(run.report()["verdict"], "disagree");
    }
}

#[test]
fn missing_external_data_is_one_finding_that_names_the_file_and_counts_its_tensors() {
    let folder = crate::verify_support::folder();
    let file = crate::verify_support::emitted(&folder, &["--external-data"]);
    let data = folder.path().join("b0.onnx.data");
    let whole = std::fs::read(&data).expect("the data");
    for (content, reason) in [
        (None, "cannot read external data `b0.onnx.data`"),
        (Some(&whole[..5000]), "has only 5000 bytes; "),
    ] {
        std::fs::remove_file(&data).expect("removed");
        if let Some(content) = content {
            std::fs::write(&data, content).expect("written");
        } else {
            std::fs::write(data.with_extension("kept"), b"").expect("written");
        }
        let report = check(&file, &["--json"]).expect(1).report();
        let findings = report["findings"].as_array().expect("findings");
        assert_eq!(findings.len(), 1, "{report:#}");
        let message = findings[0]["message"].as_str().expect("a text");
        assert!(message.contains(reason), "{message}");
        assert!(
            message.contains("initializers need it, the first is `"),
            "{message}"
        );
        let counted: usize = message
            .split(' ')
            .find_map(|word| {
                word.parse()
                    .ok()
                    .filter(|count| (100..1000).contains(count))
            })
            .unwrap_or_else(|| panic!("{message}"));
        assert!((150..=164).contains(&counted), "{message}");
        if content.is_none() {
            std::fs::write(&data, &whole).expect("written");
        }
    }
}

#[test]
fn bench_of_a_file_that_breaks_a_rule_prints_json_that_says_so() {
    let (good, bad) = (fixture("timm_legacy.onnx"), fixture("order.onnx"));
    let against = ["--against", bad.to_str().expect("UTF-8")];
    for (file, arguments) in [(&bad, &[][..]), (&good, &against[..])] {
        let mut bench = program();
        bench.arg("bench").arg(file).args(arguments).arg("--json");
        let run = Run::of(&mut bench).expect(1);
        let report = run.report();
        assert_eq!(report["rows"], serde_json::json!([]));
        let problem = &report["problems"][0];
        assert_eq!(
            (&problem["code"], &problem["level"]),
            (&"order".into(), &"error".into())
        );
        assert!(
            problem["file"]
                .as_str()
                .is_some_and(|name| name.ends_with("order.onnx"))
        );
        assert!(
            run.stderr.contains("breaks a rule, so it is not run"),
            "{run:#?}"
        );
    }
}
