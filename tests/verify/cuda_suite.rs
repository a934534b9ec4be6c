//! `golden/cuda/run` and `golden/cuda/pack` without a GPU: what is missing is said and nothing is written; over a
//! program that makes up its answers, the reports are rendered, continued and judged; pruning keeps one architecture.

use crate::verify_support::{
    Run, emitted, folder, ort_library, program, verify, virtual_environment,
};
use efficientnet_onnx::runtime::device::Device;
use efficientnet_onnx::runtime::placement::{PlacedNode, Placement, Source};
use efficientnet_onnx::verify::precision::PrecisionReport;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// One of the scripts, with the Python of the tests.
fn script(name: &str) -> Command {
    let mut command = Command::new(virtual_environment().join("bin/python"));
    command.arg(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("golden/cuda")
            .join(name),
    );
    command.env_remove("LD_LIBRARY_PATH");
    command
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn without_a_gpu_it_says_what_is_missing_and_writes_nothing() {
    let out = folder();
    let mut command = script("run");
    command.arg(env!("CARGO_BIN_EXE_efficientnet-onnx"));
    command.args(["--small", "--variants", "v2-xl", "--out"]);
    command.arg(out.path()).arg("--ort-lib").arg(ort_library());
    let run = Run::of(&mut command).expect(3);
    assert!(
        run.stderr.starts_with("error: ")
            && run.stderr.contains("`libonnxruntime_providers_cuda.so`"),
        "{run:#?}"
    );
    assert!(run.stderr.contains("\nhint: `pip install"), "{run:#?}");
    assert_eq!(names(out.path()), [""; 0]);
}

/// A program that answers as the real one would over a GPU called `synthetic`: its `verify` and `bench` are those of
/// the real program on the CPU, with what CUDA adds made up by the real types.
struct Synthetic {
    folder: TempDir,
}

const PROGRAM: &str = r#"#!PYTHON
import json, os, pathlib, shutil, signal, sys
here = pathlib.Path(__file__).parent
command, name = sys.argv[1], pathlib.Path(sys.argv[-1] if sys.argv[1] == "emit" else sys.argv[2]).stem if len(sys.argv) > 2 else ""
with open(here / "calls", "a") as calls:
    print(command, name, file=calls)
if command == "--version":
    print("synthetic 0.0.0")
elif command == "emit":
    shutil.copy(here / "b0.onnx", sys.argv[-1])
elif command == "verify":
    if (here / "cut-off").exists() and name == "b1":
        os.kill(os.getppid(), signal.SIGKILL)
        sys.exit(1)
    status, answer = json.loads((here / (name if (here / name).exists() else "any")).read_text())
    print(json.dumps(answer))
    sys.exit(status)
else:
    print((here / "bench").read_text())
"#;

impl Synthetic {
    fn new() -> Self {
        let folder = folder();
        let model = emitted(&folder, &["--size", "32"]);
        let report = verify(
            &model,
            true,
            &[
                "--runtime",
                "ort-cpu,reference",
                "--batch",
                "1,3,8",
                "--json",
            ],
        );
        let mut bench = program();
        bench.args([
            "bench",
            "--runtime",
            "ort-cpu",
            "--runs",
            "1",
            "--batch",
            "1,8",
        ]);
        bench
            .arg("--json")
            .arg(&model)
            .arg("--ort-lib")
            .arg(ort_library());
        let mut times = Run::of(&mut bench).expect(0).report();
        let rows = times["rows"].as_array_mut().expect("rows");
        for row in rows.iter_mut() {
            row["seconds"]["median"] = json!(0.5);
        }
        for mut row in rows.clone() {
            row["runtime"] = json!("ort-cuda");
            row["seconds"]["median"] = json!(0.125);
            rows.push(row);
        }
        let new = Self { folder };
        new.write("bench", &times.to_string());
        new.answer("any", 0, &with_cuda(report.expect(0).report(), "synthetic"));
        let python = virtual_environment().join("bin/python");
        let text = PROGRAM.replace("PYTHON", python.to_str().expect("UTF-8"));
        new.write("program", &text);
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(new.path("program"), mode).expect("a mode");
        new
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("read")
    }

    /// What `verify` answers of a variant.
    fn answer(&self, variant: &str, status: i32, report: &Value) {
        self.write(variant, &json!([status, report]).to_string());
    }

    fn answered(&self) -> Value {
        serde_json::from_str::<Value>(&self.read("any")).expect("JSON")[1].clone()
    }

    /// Runs the suite for `b0` and `b1`.
    fn suite(&self, arguments: &[&str]) -> Run {
        let mut command = script("run");
        command.arg(self.path("program")).args(arguments);
        command.args(["--variants", "b0,b1", "--out"]);
        Run::of(command.arg(self.path("out")))
    }

    fn report(&self) -> Value {
        serde_json::from_str(&self.read("out/report.json")).expect("JSON")
    }
}

/// The report with the reference's part turned into one of `ort-cuda`.
fn with_cuda(mut report: Value, device: &str) -> Value {
    let mut cuda = report["runtimes"][0].clone();
    cuda["name"] = json!("ort-cuda");
    cuda["max_abs"] = json!(0.001_25);
    cuda["smallest_factor"] = json!(0.25);
    let device = Device {
        device: Some(device.to_owned()),
        cudnn: Some("0.0.1".to_owned()),
        ..Device::default()
    };
    cuda["device"] = serde_json::to_value(device).expect("JSON");
    let all = |source| Placement::of(source, PROVIDER, vec![node("CUDA"), node("CUDA")]);
    cuda["placement"] = json!([all(Source::Partitioner), all(Source::Profile)]);
    let tf32 = PrecisionReport {
        run_seconds: Some(0.25),
        max_abs: Some(0.75),
        smallest_factor: Some(150.0),
        beyond_tolerance: 12,
    };
    cuda["tf32"] = serde_json::to_value(tf32).expect("JSON");
    report["base"] = json!("ort-cpu");
    report["runtimes"][1] = cuda;
    report
}

const PROVIDER: &str = "CUDAExecutionProvider";

fn node(provider: &str) -> PlacedNode {
    PlacedNode {
        provider: format!("{provider}ExecutionProvider"),
        node: "/blocks.0/conv".to_owned(),
        op: "Conv".to_owned(),
    }
}

#[test]
fn what_was_measured_is_in_the_report() {
    let synthetic = Synthetic::new();
    synthetic.suite(&[]).expect(0);
    let text = synthetic.read("out/report.md");
    for line in [
        "- Device: synthetic, cuDNN 0.0.1",
        "- Networks: 2 of 29, at native sizes; not yet measured: b2, b3,",
        "- No fp16 file was given, so nothing here is about fp16.",
        "| b0 | f32 | 32x32 | 1, 3, 8 | passed | 2 of 2 | 2 of 2 | 1.25e-03 | 0.250 | 7.50e-01 | 150.000 | 12 of 12 |",
        "| b1 | 8 | 500.00 ms | 125.00 ms | 4.00 |",
    ] {
        assert!(text.contains(line), "expected `{line}` in:\n{text}");
    }
    assert!(!text.contains("What went wrong"), "{text}");
    assert_eq!(
        synthetic.report()["files"][1]["verify"],
        synthetic.answered()
    );
    // An fp16 file is told by its element type: 10 in its declared input.
    let half = [0x3a, 10, 0x5a, 8, 0x12, 6, 0x0a, 4, 0x08, 10, 0x12, 0];
    fs::write(synthetic.path("half.onnx"), half).expect("written");
    let file = synthetic.path("half.onnx");
    synthetic.suite(&[file.to_str().expect("UTF-8")]).expect(0);
    let text = synthetic.read("out/report.md");
    assert!(text.contains("- fp16 files: half.onnx\n"), "{text}");
}

#[test]
fn a_run_that_was_cut_off_goes_on_with_what_is_missing() {
    let synthetic = Synthetic::new();
    synthetic.write("cut-off", "");
    assert_eq!(synthetic.suite(&[]).status, None);
    assert_eq!(
        synthetic.report()["files"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(synthetic.read("out/report.md").contains("| b0 | f32 |"));
    fs::remove_file(synthetic.path("cut-off")).expect("removed");
    synthetic.write("calls", "");
    synthetic.suite(&[]).expect(0);
    let calls = synthetic.read("calls");
    assert_eq!(calls, "--version \nemit b1\nverify b1\nbench b1\n");
    synthetic.write("calls", "");
    synthetic.suite(&["--again"]).expect(0);
    assert!(synthetic.read("calls").contains("verify b0"));
    let other = synthetic.suite(&["--small"]).expect(2);
    assert!(
        other
            .stderr
            .contains("of another sizes: `native`, now `small`")
    );
}

#[test]
fn the_status_is_that_of_the_worst() {
    let synthetic = Synthetic::new();
    let mut report = synthetic.answered();
    report["verdict"] = json!("unavailable");
    report["runtimes"][1]["status"] = json!("unavailable");
    report["runtimes"][1]["message"] = json!("not all nodes are there");
    let some = Placement::of(Source::Profile, PROVIDER, vec![node("CUDA"), node("CPU")]);
    report["runtimes"][1]["placement"] = json!([some]);
    synthetic.answer("b0", 3, &report);
    synthetic.suite(&[]).expect(3);
    let text = synthetic.read("out/report.md");
    for line in [
        "| unavailable | - | 1 of 2 |",
        "- b0, ort-cuda: not all nodes are there\n",
        "- b0, ort-cuda: node `/blocks.0/conv` (Conv) on CPUExecutionProvider, by the profile of the run\n",
    ] {
        assert!(text.contains(line), "expected `{line}` in:\n{text}");
    }
    synthetic.answer("b1", 1, &synthetic.answered());
    synthetic.suite(&["--again"]).expect(1);
    // A GPU that is gone, or another, ends the run and leaves the report as it is.
    report["runtimes"][1]["placement"] = json!([]);
    synthetic.answer("b1", 3, &report);
    fs::remove_file(synthetic.path("b0")).expect("removed");
    let run = synthetic.suite(&["--again"]).expect(3);
    assert!(run.stderr.contains("error: not all nodes"), "{run:#?}");
    let other = with_cuda(synthetic.answered(), "another");
    synthetic.answer("b1", 0, &other);
    let run = synthetic.suite(&[]).expect(2);
    assert!(run.stderr.contains("is of another device"), "{run:#?}");
    assert_eq!(
        synthetic.report()["files"].as_array().map(Vec::len),
        Some(1)
    );
}

/// A fat binary's entry: kind, version, header's size, payload's size, and the architecture at byte 28.
fn entry(arch: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 1, 0, 64, 0, 0, 0];
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.resize(28, 0);
    bytes.extend(arch.to_le_bytes());
    bytes.resize(64, 0);
    bytes.extend(payload);
    bytes
}

fn container(entries: &[u8], room: usize) -> Vec<u8> {
    let mut bytes = 0xBA55_ED50_u32.to_le_bytes().to_vec();
    bytes.extend([1, 0, 16, 0]);
    bytes.extend((entries.len() as u64).to_le_bytes());
    bytes.extend(entries);
    bytes.resize(16 + room, 0);
    bytes
}

/// An ELF file of three sections: none, `.nv_fatbin`, and the sections' names.
fn elf(code: &[u8]) -> Vec<u8> {
    let names = b"\0.nv_fatbin\0.names\0";
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(0x28, 0);
    bytes.extend((64 + code.len() + names.len()).to_le_bytes());
    bytes.resize(0x3A, 0);
    bytes.extend([64, 0, 3, 0, 2, 0]);
    bytes.extend(code);
    bytes.extend(names);
    for (name, offset, size) in [
        (0_u32, 0, 0),
        (1, 64, code.len()),
        (12, 64 + code.len(), names.len()),
    ] {
        let start = bytes.len();
        bytes.extend(name.to_le_bytes());
        bytes.resize(start + 24, 0);
        bytes.extend(offset.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes.resize(start + 64, 0);
    }
    bytes
}

#[test]
fn pruning_keeps_the_code_of_one_architecture_and_every_offset() {
    let folder = folder();
    let source = folder.path().join("capi");
    fs::create_dir(&source).expect("a folder");
    let first = [entry(75, &[7; 40]), entry(90, &[9; 24]), entry(90, &[8; 8])].concat();
    let lonely = entry(120, &[1; 16]);
    let code =
        |first: &[u8], room| [container(first, room), container(&lonely, lonely.len())].concat();
    let provider = "libonnxruntime_providers_cuda.so";
    let others = [
        "libonnxruntime.so.0.0.0",
        "libonnxruntime_providers_shared.so",
    ];
    fs::write(source.join(provider), elf(&code(&first, first.len()))).expect("written");
    for other in others {
        fs::write(source.join(other), other).expect("written");
    }
    fs::write(source.join("libonnxruntime_providers_tensorrt.so"), "").expect("written");
    let pack = |arguments: &[&str]| {
        let mut command = script("pack");
        Run::of(command.current_dir(folder.path()).args(arguments))
    };
    pack(&["capi", "packed"]).expect(0);
    let packed = folder.path().join("packed");
    assert_eq!(names(&packed), [others[0], provider, others[1]]);
    let kept = [entry(90, &[9; 24]), entry(90, &[8; 8])].concat();
    let found = fs::read(packed.join(provider)).expect("read");
    assert_eq!(found, elf(&code(&kept, first.len())));
    for other in others {
        assert_eq!(fs::read_to_string(packed.join(other)).expect("read"), other);
    }
    pack(&["capi", "packed.tar.xz", "--arch", "75"]).expect(0);
    let xz = fs::read(folder.path().join("packed.tar.xz")).expect("read");
    assert!(xz.starts_with(b"\xfd7zXZ\0"));
    let none = pack(&["capi", "none.tar.xz", "--arch", "80"]).expect(2);
    assert!(
        none.stderr
            .contains("for architecture 80, only for 75, 90, 120"),
        "{none:#?}"
    );
    assert!(!folder.path().join("none.tar.xz").exists());
    let cpu = pack(&["packed.tar.xz", "none"]).expect(2);
    assert!(
        cpu.stderr.contains("expected a wheel or a folder"),
        "{cpu:#?}"
    );
}
