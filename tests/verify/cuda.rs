//! `ort-cuda` without a GPU: what is missing is named, and over a stub of CUDA the real provider places every node.

use crate::verify_support::{Run, emitted, folder, ort_library, program, toy};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// What `tests/run` fetches, among others the libraries of the package `onnxruntime-gpu`.
fn data() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data");
    let library = path.join("libonnxruntime_providers_cuda.so");
    assert!(
        library.exists(),
        "`{}` is not there: run `tests/run --set-up-only`",
        library.display()
    );
    path
}

fn gpu_library() -> PathBuf {
    data().join("libonnxruntime.so.1.31.1")
}

/// The folder of the stub, built once for each test program.
fn stub() -> &'static Path {
    static STUB: OnceLock<PathBuf> = OnceLock::new();
    STUB.get_or_init(|| {
        let folder = crate::kept::folder("stub");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stub_cuda/build");
        let mut command = Command::new(script);
        command.arg(&folder).arg(data());
        assert!(command.status().expect("bash").success());
        folder
    })
}

/// `verify FILE --runtime ort-cpu,ort-cuda --json`, in an environment in which no CUDA is found but the stub if `over_stub`.
fn verify(file: &Path, library: &Path, over_stub: bool, change: impl Fn(&mut Command)) -> Run {
    let mut command = program();
    command.arg("verify").arg(file);
    command.args(["--runtime", "ort-cpu,ort-cuda", "--json", "--ort-lib"]);
    command.arg(library).env_remove("LD_LIBRARY_PATH");
    if over_stub {
        command.arg("--cuda-lib").arg(stub());
    }
    change(&mut command);
    Run::of(&mut command)
}

fn cuda_of(run: &Run) -> Value {
    let report = run.report();
    assert_eq!(report["runtimes"][0]["status"], "passed", "{report:#}");
    assert_eq!(report["runtimes"][1]["name"], "ort-cuda");
    report["runtimes"][1].clone()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no `{key}` in {value:#}"))
}

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "expected `{part}` in: {text}");
    }
}

fn toy_file(folder: &TempDir, middle: &str) -> PathBuf {
    let middle = toy::node(middle, &["pooled"], "hidden");
    toy::write(&toy::with_middle(middle), folder.path())
}

#[test]
fn without_a_provider_library_the_message_names_it() {
    let folder = folder();
    let file = toy_file(&folder, "Relu");
    let run = verify(&file, &ort_library(), false, |_| {}).expect(3);
    let cuda = cuda_of(&run);
    assert_eq!(cuda["status"], "unavailable");
    assert_eq!(run.report()["verdict"], "unavailable");
    let message = text(&cuda, "message");
    assert_contains(message, &["`libonnxruntime_providers_cuda.so` is not in"]);
    assert_contains(
        text(&cuda, "hint"),
        &["pip install 'onnxruntime-gpu[cuda,cudnn]'"],
    );
}

#[test]
fn without_cuda_each_missing_library_and_the_driver_are_named() {
    let folder = folder();
    let file = toy_file(&folder, "Relu");
    let run = verify(&file, &gpu_library(), false, |_| {}).expect(3);
    let cuda = cuda_of(&run);
    assert_eq!(
        (&cuda["status"], &cuda["version"]),
        (&"unavailable".into(), &"1.31.1".into())
    );
    let message = text(&cuda, "message");
    for library in [
        "cublasLt.so.13",
        "cublas.so.13",
        "curand.so.10",
        "cudart.so.13",
    ] {
        assert_contains(
            message,
            &[
                "these CUDA libraries are not found: ",
                &format!("`lib{library}`"),
            ],
        );
    }
    assert_contains(
        message,
        &["NVIDIA's driver is not here: libcuda.so.1", "cuDNN"],
    );
    assert!(!message.contains("provider"), "{message}");
    assert_contains(
        text(&cuda, "hint"),
        &["`--cuda-lib`", "install NVIDIA's driver"],
    );
}

#[test]
fn without_a_device_the_driver_is_quoted() {
    let folder = folder();
    let file = toy_file(&folder, "Relu");
    let run = verify(&file, &gpu_library(), true, |command| {
        command.env("STUB_CUDA_NO_DEVICE", "1");
    });
    let run = run.expect(3);
    let cuda = cuda_of(&run);
    assert_contains(
        text(&cuda, "message"),
        &["no CUDA device", "CUDA_ERROR_NO_DEVICE"],
    );
    assert_contains(text(&cuda, "hint"), &["nvidia-smi"]);
    assert_eq!(cuda["device"]["driver_cuda"], "13.0");
    assert_eq!(cuda["device"]["device"], Value::Null);
}

#[test]
fn over_the_stub_both_sources_say_all_nodes_and_the_results_never_pass() {
    let folder = folder();
    let file = toy_file(&folder, "Relu");
    let run = verify(&file, &gpu_library(), true, |command| {
        command.env("NVIDIA_TF32_OVERRIDE", "0");
    });
    let run = run.expect(1);
    let cuda = cuda_of(&run);
    for (index, source) in ["partitioner", "profile"].into_iter().enumerate() {
        let placement = &cuda["placement"][index];
        assert_eq!(placement["source"], source);
        assert_eq!(placement["provider"], "CUDAExecutionProvider");
        assert_eq!(placement["nodes"], 3, "{placement}");
        assert_eq!(placement["nodes_on_provider"], 3);
        assert_eq!(placement["elsewhere"], Value::Array(vec![]));
    }
    let device = &cuda["device"];
    assert_eq!(device["device"], "stub device");
    assert_eq!(device["compute_capability"], "9.0");
    assert_eq!(
        (&device["cuda"], &device["cudnn"]),
        (&"13.0".into(), &Value::Null)
    );
    assert_eq!(device["tf32_override"], "0");
    assert_eq!(cuda["status"], "failed_checks");
    assert_eq!(run.report()["verdict"], "disagree");
    // Measured, and as little a number as the verdict's.
    assert_eq!(cuda["tf32"]["max_abs"], Value::Null);
}

#[test]
fn a_node_without_a_cuda_kernel_is_listed_and_nothing_ran() {
    let folder = folder();
    let file = toy_file(&folder, "Tan");
    let run = verify(&file, &gpu_library(), true, |_| {}).expect(3);
    let cuda = cuda_of(&run);
    assert_eq!(cuda["status"], "unavailable");
    let placement = &cuda["placement"][0];
    assert_eq!(placement["source"], "partitioner_without_ban");
    assert_eq!(
        (&placement["nodes"], &placement["nodes_on_provider"]),
        (&3.into(), &2.into())
    );
    assert_eq!(placement["elsewhere"][0]["node"], "hidden");
    assert_eq!(placement["elsewhere"][0]["op"], "Tan");
    assert_eq!(
        placement["elsewhere"][0]["provider"],
        "CPUExecutionProvider"
    );
    assert_contains(
        text(&cuda, "message"),
        &["2 of 3 nodes on CUDA; elsewhere: `hidden` (Tan, CPU)"],
    );
    assert_eq!(
        cuda["run_seconds"],
        Value::Null,
        "the session without the ban was run"
    );
}

#[test]
fn all_of_a_network_is_placed_on_cuda_and_its_convolutions_need_cudnn() {
    let folder = folder();
    let file = emitted(&folder, &["--init", "probe"]);
    let run = verify(&file, &gpu_library(), true, |_| {}).expect(3);
    let cuda = cuda_of(&run);
    let placement = &cuda["placement"][0];
    assert_eq!(placement["source"], "partitioner");
    assert_eq!(placement["nodes"], 238, "{placement}");
    assert_eq!(placement["nodes_on_provider"], 238);
    assert_eq!(cuda["status"], "unavailable");
    assert_contains(text(&cuda, "message"), &["cuDNN 9", "libcudnn.so"]);
    assert_eq!(cuda["run_seconds"], Value::Null);
}

#[test]
fn people_read_the_placement_too() {
    let folder = folder();
    let file = toy_file(&folder, "Tan");
    let mut command = program();
    command.arg("verify").arg(&file);
    command
        .args(["--runtime", "ort-cuda", "--ort-lib"])
        .arg(gpu_library());
    command.arg("--cuda-lib").arg(stub());
    let run = Run::of(&mut command).expect(3);
    assert_contains(
        &run.stdout,
        &[
            "2 of 3 nodes on CUDA, by",
            "elsewhere: `hidden` (Tan) on CPUExecutionProvider",
        ],
    );
}

#[test]
fn folders_for_cuda_without_cuda_are_bad_usage() {
    let folder = folder();
    let file = toy_file(&folder, "Relu");
    for runtime in [&["--runtime", "ort-cpu"][..], &[]] {
        let mut command = program();
        command.arg("verify").arg(&file).args(runtime);
        let run = Run::of(command.args(["--cuda-lib", "somewhere"])).expect(2);
        assert_contains(&run.stderr, &["`--cuda-lib`", "hint: add `ort-cuda`"]);
    }
}
