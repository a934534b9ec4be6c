//! Two files: `verify A B`, which should compute the same, and `bench A --against B`, with ONNX Runtime.

use crate::verify_support::{Run, emitted, folder, ort_library, program, toy};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::proto::TensorProto;
use efficientnet_onnx::verify::tensors::pair_tensors;
use prost::Message;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A second file beside the first.
fn another(folder: &TempDir, name: &str, arguments: &[&str]) -> PathBuf {
    let made = emitted(folder, arguments);
    let path = folder.path().join(name);
    std::fs::rename(made, &path).expect("renamed");
    path
}

fn pair(first: &Path, second: &Path, arguments: &[&str]) -> Run {
    let mut command = program();
    command.arg("verify").args([first, second]).args(arguments);
    command.arg("--ort-lib").arg(ort_library());
    Run::of(&mut command)
}

const PROBE: [&str; 2] = ["--init", "probe"];

#[test]
fn the_same_network_in_two_spellings_agrees_and_its_tensors_are_paired() {
    let folder = folder();
    let kept = another(&folder, "kept.onnx", &["--init", "probe", "--bn", "keep"]);
    let plain = emitted(&folder, &PROBE);
    let report = pair(&plain, &kept, &["--json", "--runtime", "ort-cpu"])
        .expect(0)
        .report();
    assert_eq!(report["verdict"], "agree");
    assert_eq!(
        report["base"],
        format!("ort-cpu of {}", plain.display()).as_str()
    );
    let ran = report["runtimes"].as_array().expect("runtimes");
    assert_eq!(ran.len(), 2);
    assert_eq!(ran[1]["file"], kept.display().to_string().as_str());
    assert!(ran[1]["smallest_factor"].as_f64().expect("a factor") < 0.1);
    let tensors = &report["pair"]["tensors"];
    // Every batch norm has four tensors and becomes one bias; the weights before it change.
    let count = |key: &str| tensors[key].as_array().map(Vec::len);
    assert_eq!(count("only_first"), Some(49));
    assert_eq!(count("only_second"), Some(196));
    assert_eq!(count("different"), Some(49));
}

#[test]
fn other_weights_disagree_and_the_table_names_both_files() {
    let folder = folder();
    let other = another(&folder, "other.onnx", &["--init", "probe", "--seed", "1"]);
    let first = emitted(&folder, &PROBE);
    let page = folder.path().join("pair.html");
    let shown = page.to_str().expect("UTF-8");
    let run = pair(&first, &other, &["--runtime", "ort-cpu", "--html", shown]).expect(1);
    for part in ["b0.onnx and ", "other.onnx: they disagree", "disagrees in"] {
        assert!(run.stdout.contains(part), "`{part}` in {}", run.stdout);
    }
    let page = std::fs::read_to_string(&page).expect("a page");
    for (file, result) in [(&first, "base"), (&other, "disagrees")] {
        let row = format!("<tr><td>ort-cpu of {}</td>", file.display());
        let row = page
            .lines()
            .find(|line| line.starts_with(&row))
            .expect("a row");
        assert!(row.contains(&format!(">{result}</span>")), "{row}");
    }
    let written = folder.path().join("data");
    let written = written.to_str().expect("UTF-8");
    let refused = pair(
        &first,
        &other,
        &["--runtime", "ort-cpu", "--test-data", written],
    )
    .expect(2);
    assert!(
        refused.stderr.contains("do not apply"),
        "{}",
        refused.stderr
    );
}

#[test]
fn files_that_take_no_common_input_are_bad_usage() {
    let folder = folder();
    let other = another(&folder, "other.onnx", &["--size", "32"]);
    let first = emitted(&folder, &[]);
    let run = pair(&first, &other, &["--runtime", "ort-cpu"]).expect(2);
    assert!(run.stderr.contains("[batch, 3, 64, 64]"), "{}", run.stderr);
    assert!(run.stderr.contains("[batch, 3, 32, 32]"), "{}", run.stderr);
    assert!(run.stderr.contains("hint:"), "{}", run.stderr);
}

/// A file with these constant tensors of f32, and one of i64.
fn constants(path: &Path, tensors: &[(&str, &[i64], &[f32])]) -> Arc<ModelFile> {
    let mut model = toy::model();
    let integers = TensorProto {
        name: Some("axes".into()),
        dims: vec![1],
        data_type: Some(7),
        int64_data: vec![2],
        ..TensorProto::default()
    };
    let tensors = tensors
        .iter()
        .map(|(name, dims, values)| toy::tensor(name, dims, values.iter().copied()));
    toy::graph_of(&mut model).initializer = tensors.chain([integers]).collect();
    std::fs::write(path, model.encode_to_vec()).expect("written");
    Arc::new(ModelFile::open(path).expect("a model"))
}

#[test]
fn tensors_are_held_against_each_other_to_the_last_element_and_bit() {
    // More than are compared at a time.
    let before = vec![0.5; 70_000];
    let mut after = before.clone();
    (after[69_998], after[69_999]) = (0.75, 0.5 + f32::EPSILON);
    let folder = folder();
    let first = constants(
        &folder.path().join("first.onnx"),
        &[
            ("same", &[2], &[1.0, 2.0]),
            ("large", &[70_000], &before),
            ("sign", &[2], &[0.0, 4.0]),
            ("shape", &[2, 1], &[1.0, 2.0]),
            ("one", &[1], &[1.0]),
        ],
    );
    let second = constants(
        &folder.path().join("second.onnx"),
        &[
            ("two", &[1], &[1.0]),
            ("shape", &[1, 2], &[1.0, 2.0]),
            ("sign", &[2], &[-0.0, 3.0]),
            ("large", &[70_000], &after),
            ("same", &[2], &[1.0, 2.0]),
        ],
    );
    let pairs = pair_tensors(&first, &second).expect("pairs");
    assert_eq!((pairs.identical, pairs.not_read), (1, 1));
    assert_eq!(
        (pairs.only_first, pairs.only_second),
        (vec!["one".to_owned()], vec!["two".to_owned()])
    );
    assert!(pairs.other_type.len() == 1 && pairs.other_type[0].starts_with("shape: "));
    let found: Vec<_> = pairs
        .different
        .iter()
        .map(|found| {
            (
                found.name.as_str(),
                found.max_abs,
                found.max_relative,
                found.elements,
            )
        })
        .collect();
    // Of `large` the largest element of the first is 0.5, of `sign` 4.
    let expected = [
        ("large", Some(0.25), Some(0.5), 2),
        ("sign", Some(1.0), Some(0.25), 2),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_rules_that_the_second_file_breaks_are_named() {
    let folder = folder();
    let sound = toy::write(&toy::model(), folder.path());
    let mut model = toy::model();
    toy::graph_of(&mut model).node.swap(0, 1);
    let broken = folder.path().join("broken.onnx");
    std::fs::rename(&sound, folder.path().join("sound.onnx")).expect("renamed");
    std::fs::rename(toy::write(&model, folder.path()), &broken).expect("renamed");
    let sound = folder.path().join("sound.onnx");
    for (files, name) in [([&sound, &broken], "broken"), ([&broken, &sound], "broken")] {
        let report = pair(files[0], files[1], &["--json", "--runtime", "ort-cpu"])
            .expect(1)
            .report();
        let problems = report["problems"].as_array().expect("problems");
        assert_eq!((problems.len(), &problems[0]["code"]), (1, &"order".into()));
        assert!(
            problems[0]["message"].to_string().contains(name),
            "{problems:?}"
        );
    }
    let bench = bench(&broken, &["--runtime", "ort-cpu"]).expect(1);
    assert!(
        bench.stderr.contains("breaks a rule, so it is not run"),
        "{bench:#?}"
    );
}

fn bench(file: &Path, arguments: &[&str]) -> Run {
    let mut command = program();
    command
        .arg("bench")
        .arg(file)
        .args(["--json", "--runs", "2", "--ort-lib"])
        .arg(ort_library());
    Run::of(command.args(arguments))
}

#[test]
fn bench_times_every_combination_and_pairs() {
    let folder = folder();
    let file: PathBuf = toy::write(&toy::model(), folder.path());
    let arguments = [
        "--runtime",
        "ort-cpu",
        "--threads",
        "1,2",
        "--batch",
        "1,3",
        "--against",
        file.to_str().expect("UTF-8"),
    ];
    let report = bench(&file, &arguments).expect(0).report();
    let rows = report["rows"].as_array().expect("rows");
    assert_eq!((report["schema"].as_u64(), rows.len()), (Some(1), 4));
    for row in rows {
        let seconds = |key: &str| row["seconds"][key].as_f64().expect("a time");
        assert!(
            0.0 < seconds("lower_quartile") && seconds("lower_quartile") <= seconds("median"),
            "{row:#}"
        );
        assert!(seconds("median") <= seconds("upper_quartile"), "{row:#}");
        assert_eq!(
            (row["runs"].as_u64(), row["ratio"]["pairs"].as_u64()),
            (Some(10), Some(5))
        );
        // A process with ONNX Runtime in it takes more than 4 MB, and this one less than 4 GB.
        let peak = row["peak_bytes"].as_u64();
        assert!(
            !cfg!(target_os = "linux")
                || peak.is_some_and(|peak| (4 << 20..4 << 30).contains(&peak)),
            "{row:#}"
        );
    }
    // The other is the slower one: a hundred layers beside three.
    let other = emitted(&folder, &[]);
    let against = [
        "--runtime",
        "ort-cpu",
        "--against",
        other.to_str().expect("UTF-8"),
    ];
    let report = bench(&file, &against).expect(0).report();
    let ratio = report["rows"][0]["ratio"]["median"]
        .as_f64()
        .expect("a ratio");
    assert!(ratio > 3.0, "{ratio}");
    let fixed = emitted(&folder, &["--batch", "2", "--force"]);
    let run = bench(&fixed, &["--runtime", "ort-cpu", "--batch", "3"]).expect(2);
    assert!(
        run.stderr
            .contains("batch 3 is asked for, but the file has 2"),
        "{run:#?}"
    );
    let unavailable = bench(&file, &["--runtime", "ort-cuda"]);
    assert!(
        matches!(unavailable.status, Some(1 | 3)),
        "{unavailable:#?}"
    );
}

#[test]
fn bench_takes_a_size_where_the_file_leaves_it_open() {
    let folder = folder();
    let file = emitted(&folder, &["--size", "dynamic:32"]);
    let arguments = ["--runtime", "ort-cpu", "--size", "32x64"];
    let report = bench(&file, &arguments).expect(0).report();
    assert_eq!(report["size"], serde_json::json!([32, 64]));
    let fixed = toy::write(&toy::model(), folder.path());
    let refused = bench(&fixed, &arguments).expect(2);
    assert!(
        refused
            .stderr
            .contains("size 32x64 is asked for, but the file has 8x8"),
        "{refused:#?}"
    );
}

#[test]
fn bench_refuses_libraries_that_it_would_not_use() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    for (arguments, message) in [
        (
            &["--runtime", "reference"][..],
            "`--ort-lib` is given, but `--runtime` names neither `ort-cpu` nor `ort-cuda`",
        ),
        (
            &["--cuda-lib", "."],
            "`--cuda-lib` is given, but `--runtime` does not name `ort-cuda`",
        ),
    ] {
        let refused = bench(&file, arguments).expect(2);
        assert!(refused.stderr.contains(message), "{refused:#?}");
    }
}

/// The most threads that a process of `bench` has at a time.
#[cfg(target_os = "linux")]
fn most_threads(file: &Path, threads: &str) -> usize {
    let mut command = program();
    command.arg("bench").arg(file).args([
        "--runtime",
        "ort-cpu",
        "--threads",
        threads,
        "--ort-lib",
    ]);
    let mut bench = command
        .arg(ort_library())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let children = format!("/proc/{0}/task/{0}/children", bench.id());
    let mut most = 0;
    while bench.try_wait().expect("it can be waited for").is_none() {
        for child in std::fs::read_to_string(&children)
            .unwrap_or_default()
            .split_whitespace()
        {
            let tasks = std::fs::read_dir(format!("/proc/{child}/task"));
            most = most.max(tasks.map_or(0, Iterator::count));
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    most
}

#[cfg(target_os = "linux")]
#[test]
fn bench_runs_with_as_many_threads_as_it_says() {
    let folder = folder();
    let file = emitted(&folder, &[]);
    let [one, nine] = ["1", "9"].map(|threads| most_threads(&file, threads));
    assert!(one < 9 && nine >= 9, "{one} {nine}");
}
