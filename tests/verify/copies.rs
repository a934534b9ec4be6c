//! Files that tract runs as copies: what is changed, that the report says so, and every command that runs files does it.

use crate::verify_support::{Run, emitted, folder, program, toy, verify};
use efficientnet_onnx::onnx::proto::ModelProto;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use tempfile::TempDir;

const BOTH: &[&str] = &["--json", "--runtime", "tract,ort-cpu"];

fn runtime<'a>(report: &'a Value, name: &str) -> &'a Value {
    let runtimes = report["runtimes"].as_array().expect("runtimes");
    let found = runtimes.iter().find(|runtime| runtime["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

#[test]
fn a_function_of_the_file_is_inlined_for_tract_and_the_report_says_so() {
    let folder = folder();
    // By itself tract has no `Negated`, and takes `Relu` of whatever domain for its own.
    for name in ["Negated", "Relu"] {
        let file = toy::write(&toy::with_negating_function(name), folder.path());
        let report = verify(&file, true, BOTH).expect(0).report();
        assert_eq!(report["verdict"], "agree", "{name}: {report:#}");
        assert_eq!(
            runtime(&report, "tract")["changes"],
            json!([{ "change": "functions_inlined", "count": 1 }])
        );
        assert_eq!(runtime(&report, "ort-cpu")["changes"], json!([]));
        let table = verify(&file, false, &["--runtime", "tract"])
            .expect(0)
            .stdout;
        let told = "tract: ran a copy of the file: 1 call of local functions inlined";
        assert!(table.contains(told), "{table}");
    }
}

#[test]
fn names_of_dimensions_in_between_are_cleared_for_tract_and_the_report_says_so() {
    let folder = folder();
    let mut model = toy::model();
    let named = [("pooled", 3), ("hidden", 3)]
        .map(|(name, extent)| toy::value(name, &[None, Some(extent)]));
    toy::graph_of(&mut model).value_info = named.to_vec();
    let file = toy::write(&model, folder.path());
    let before = fs::read(&file).expect("the file");
    let report = verify(&file, true, BOTH).expect(0).report();
    assert_eq!(report["verdict"], "agree", "{report:#}");
    assert_eq!(
        runtime(&report, "tract")["changes"],
        json!([{ "change": "dimensions_cleared", "count": 2 }])
    );
    assert_eq!(fs::read(&file).expect("the file"), before);
    // A file of our own has no such names, and runs itself.
    let own = verify(
        &emitted(&folder, &["--force"]),
        false,
        &["--json", "--runtime", "tract"],
    )
    .expect(0);
    assert_eq!(runtime(&own.report(), "tract")["changes"], json!([]));
}

/// `models--a--b/snapshots/1/m.onnx` and its data, links into the blobs of `models--a--BLOBS`, as Hugging Face's cache has them.
fn snapshot(folder: &TempDir, blobs: &str) -> PathBuf {
    let file = emitted(folder, &["--force", "--external-data"]);
    let at = |place: &str| folder.path().join(place);
    let snapshot = at("models--a--b/snapshots/1");
    fs::create_dir_all(&snapshot).expect("folders");
    fs::create_dir_all(at(&format!("models--a--{blobs}/blobs"))).expect("folders");
    for (blob, from) in [
        ("0a", file.clone()),
        ("0b", file.with_extension("onnx.data")),
    ] {
        let name = from.file_name().expect("a name");
        fs::rename(&from, at(&format!("models--a--{blobs}/blobs/{blob}"))).expect("moved");
        let target = format!("../../../models--a--{blobs}/blobs/{blob}");
        let _ = fs::remove_file(snapshot.join(name));
        symlink(target, snapshot.join(name)).expect("a link");
    }
    snapshot.join(file.file_name().expect("a name"))
}

#[test]
fn data_that_a_snapshot_of_the_hub_links_to_is_gathered_for_tract_and_the_report_says_so() {
    let folder = folder();
    let file = snapshot(&folder, "b");
    let report = verify(&file, true, BOTH).expect(0).report();
    assert_eq!(report["verdict"], "agree", "{report:#}");
    assert_eq!(
        runtime(&report, "tract")["changes"],
        json!([{ "change": "data_gathered", "count": 1 }])
    );
    assert_eq!(runtime(&report, "ort-cpu")["changes"], json!([]));
    let left = fs::read_dir(file.parent().expect("a folder")).expect("listed");
    assert_eq!(left.count(), 2, "only the two links");
    // A link to the contents of another model is none of the cache's.
    let run = verify(&snapshot(&folder, "c"), false, &["--runtime", "reference"]).expect(1);
    let reason = "external data `b0.onnx.data` is outside the model's folder";
    assert!(run.stdout.contains(reason), "{run:#?}");
}

/// A function, and names of dimensions in between.
fn both(folder: &TempDir) -> PathBuf {
    let mut model: ModelProto = toy::with_negating_function("Relu");
    toy::graph_of(&mut model).value_info = vec![toy::value("pooled", &[None, Some(3)])];
    toy::write(&model, folder.path())
}

fn changes() -> Value {
    json!([
        { "change": "functions_inlined", "count": 1 },
        { "change": "dimensions_cleared", "count": 1 }
    ])
}

#[test]
fn every_command_that_runs_files_runs_the_copy_and_says_so() {
    let folder = folder();
    let file = both(&folder);
    let path = file.to_str().expect("UTF-8");

    let pair = verify(&file, true, &[path, "--json"]).expect(0).report();
    let tract: Vec<&Value> = pair["runtimes"]
        .as_array()
        .expect("runtimes")
        .iter()
        .filter(|runtime| runtime["name"] == "tract")
        .collect();
    assert_eq!(tract.len(), 1, "{pair:#}");
    assert_eq!(tract[0]["changes"], changes());

    // Nothing is allowed, so that there is something to search.
    let strict = [
        "--bisect",
        "--json",
        "--runtime",
        "reference,tract",
        "--rtol",
        "0",
        "--atol",
        "1e-12",
    ];
    let bisect = verify(&file, false, &strict).report();
    for searched in bisect["bisect"].as_array().expect("searches") {
        assert_eq!(searched["error"], Value::Null, "{bisect:#}");
    }
    assert_eq!(runtime(&bisect, "tract")["changes"], changes());

    let test = verify(&file, false, &["--self-test", "--json"]).report();
    assert_eq!(
        test["copies"],
        json!([{ "runtime": "tract", "changes": changes() }])
    );
    assert!(
        test["control"]
            .as_array()
            .is_some_and(|control| control.iter().all(|one| one["agrees"] == true)),
        "{test:#}"
    );

    let mut bench = program();
    bench.args(["bench", path, "--runtime", "tract", "--runs", "1"]);
    let table = Run::of(&mut bench).expect(0).stdout;
    assert!(
        table.contains("tract: ran a copy of the file: 1 call of local functions inlined"),
        "{table}"
    );
    let bench = Run::of(bench.arg("--json")).expect(0).report();
    assert_eq!(bench["rows"][0]["changes"], changes(), "{bench:#}");
}
