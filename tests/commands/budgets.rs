//! `plan` with budgets: its answers, the files that it writes, and the commands that it shows.

use crate::plan::{json, run};
use crate::verify_support::folder;
use efficientnet_onnx::onnx::proto::ModelProto;
use prost::Message;
use std::fs;

#[test]
fn a_budget_gives_a_file_that_keeps_it() {
    let folder = folder();
    let folder = folder.path();
    let found = json(folder, "plan --macs 1G --params 10M --emit -o answer.onnx");
    let answer = &found["answer"];
    assert_eq!(answer["phi"], 1.03);
    assert_eq!(answer["published"]["name"], "efficientnet-b2");
    assert!(answer["next_row"]["macs"].as_u64().expect("a number") > 1_000_000_000);
    run(folder, "emit --phi 1.03 --formula -o by-hand.onnx").expect(0);
    let read = |name: &str| fs::read(folder.join(name)).expect("it was written");
    let (answered, by_hand) = (read("answer.onnx"), read("by-hand.onnx"));
    assert_eq!(answer["row"]["file_bytes"]["f32"], answered.len());
    let decoded = |bytes: &[u8]| ModelProto::decode(bytes).expect("a model").graph;
    assert_eq!(decoded(&answered), decoded(&by_hand));
    assert_eq!(answered.len(), by_hand.len());
    let text = run(folder, "plan --macs 1G").expect(0);
    let line = "    efficientnet-onnx emit --phi 1.03 --formula -o phi-1.03.onnx";
    assert!(
        text.stdout.lines().any(|found| found == line),
        "{}",
        text.stdout
    );
}

/// To the byte, in each element type; and a budget with `--dtype` is one of that type.
#[test]
fn a_file_is_as_large_as_foretold() {
    let folder = folder();
    let folder = folder.path();
    let rows = json(folder, "plan --family lite --phi 0.5,0.51 --classes 10");
    for dtype in ["f32", "f16", "bf16"] {
        let foretold = |row: usize| rows["rows"][row]["file_bytes"][dtype].as_u64();
        let limit = foretold(0).expect("a number");
        assert!(foretold(1) > Some(limit));
        let command = format!(
            "plan --family lite --classes 10 --file-size {limit} --dtype {dtype} --emit -o {dtype}.onnx"
        );
        let answer = json(folder, &command)["answer"].take();
        assert_eq!(answer["phi"], 0.5, "{dtype}");
        assert_eq!(answer["row"]["file_bytes"], rows["rows"][0]["file_bytes"]);
        let written = fs::metadata(folder.join(format!("{dtype}.onnx")));
        assert_eq!(written.expect("it was written").len(), limit, "{dtype}");
    }
    // Activations too are of that type.
    let elements = &rows["rows"][0]["peak_activation_elements"];
    let halves = 2 * elements.as_u64().expect("a number");
    let answer = json(
        folder,
        &format!("plan --family lite --memory {halves} --dtype f16"),
    );
    assert!(answer["answer"]["phi"].as_f64() >= Some(0.5), "{answer}");
    let less = run(folder, &format!("plan --family lite --memory {halves}")).expect(2);
    assert!(less.stderr.contains("of activations of"), "{}", less.stderr);
    let text = run(folder, "plan --phi 0 --long").expect(0).stdout;
    assert!(
        text.contains("φ 0: a file of 21.1 MB in f32, 10.6 MB in f16, 10.6 MB in bf16"),
        "{text}"
    );
}

/// Each command that an answer shows runs as it is, and gives what the answer says, with a file of exactly that size.
#[test]
fn commands_of_an_answer_give_what_it_says() {
    let folder = folder();
    let folder = folder.path();
    for (question, expected) in [
        ("plan --macs 400M", ["--phi 0 --formula", "--variant b0"]),
        (
            "plan --family lite --params 4M --classes 10 --dtype f16",
            [
                "--family lite --phi 0 --formula --classes 10 --dtype f16",
                "--variant lite0 --classes 10",
            ],
        ),
        (
            "plan --macs 500M --alpha 1.1 --beta 1.05 --gamma 1.2 --classes 5",
            [
                "--alpha 1.1 --beta 1.05 --gamma 1.2 --classes 5",
                "--variant b0 --classes 5",
            ],
        ),
        (
            "plan --family condconv --macs 420M --classes 2 --dtype bf16",
            ["--family condconv", "--variant condconv-b0-8e"],
        ),
    ] {
        let text = run(folder, question).expect(0).stdout;
        let answer = json(folder, question)["answer"].take();
        let dtype = question
            .split_once("--dtype ")
            .map_or("f32", |(_, dtype)| dtype);
        let commands = text
            .lines()
            .filter_map(|line| line.strip_prefix("    efficientnet-onnx "));
        let commands: Vec<&str> = commands.collect();
        assert_eq!(commands.len(), 2, "{text}");
        for ((command, part), row) in commands.into_iter().zip(expected).zip(["row", "published"]) {
            assert!(command.contains(part), "{command}");
            run(folder, &format!("{command} --quiet --force")).expect(0);
            let (_, file) = command.split_once("-o ").expect("a file");
            let written = fs::metadata(folder.join(file))
                .expect("it was written")
                .len();
            assert_eq!(answer[row]["file_bytes"][dtype], written, "{command}");
            let recipe = json(folder, &format!("inspect {file}"))["recipe"].take();
            for key in ["parameters", "macs", "resolution"] {
                assert_eq!(recipe[key], answer[row][key], "{command} {key}");
            }
        }
    }
}

#[test]
fn time_on_this_machine_is_a_budget() {
    let folder = folder();
    let found = json(
        folder.path(),
        "plan --family lite --latency 600s --runtime tract --params 4700000",
    );
    let answer = &found["answer"];
    // The other limit decides; the baseline and the answer are timed.
    assert_eq!(answer["timed"]["runtime"], "tract");
    let samples = answer["timed"]["samples"].as_array().expect("samples");
    assert!(samples.iter().any(|sample| sample["phi"] == answer["phi"]));
    assert!(
        samples
            .iter()
            .all(|sample| sample["seconds"]["median"].as_f64() > Some(0.0))
    );
    assert!(answer["row"]["parameters"].as_u64() <= Some(4_700_000));
    assert!(answer["next_row"]["parameters"].as_u64() > Some(4_700_000));
}

/// Nothing is searched for a file that cannot be written.
#[test]
fn a_file_that_is_there_is_refused_before_anything_is_timed() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("a.onnx"), "mine").expect("room");
    let found = run(
        folder,
        "plan --latency 1000s --runtime tract --emit -o a.onnx",
    )
    .expect(2);
    assert!(found.stderr.contains("`a.onnx`"), "{}", found.stderr);
    assert_eq!(fs::read(folder.join("a.onnx")).expect("it stays"), b"mine");
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), 1);
}

/// The runtime that cannot run an element type is named, and so is what it was given.
#[test]
fn time_in_an_element_type_needs_a_runtime_that_has_it() {
    let folder = folder();
    let folder = folder.path();
    let found = run(folder, "plan --latency 1s --runtime tract --dtype bf16").expect(1);
    let said = "`tract` did not run φ = 0: ";
    assert!(found.stderr.contains(said), "{}", found.stderr);
    // Without a terminal the times alone are printed.
    let question = "plan --family lite --latency 600s --runtime tract --params 4700000";
    let text = run(folder, question).expect(0);
    assert_eq!(text.stderr, "");
    let said = "emitted and timed in tract with 1 thread, each in five processes of ten runs";
    assert!(text.stdout.contains(said), "{}", text.stdout);
}

/// The baseline of a family may cost more than a published model does, or than those of another family.
#[test]
fn published_models_fit_where_the_baseline_does_not() {
    let folder = folder();
    let folder = folder.path();
    for (question, why, name) in [
        (
            "plan --family mobilenet-v2 --macs 200M",
            "MACs of 200.0 M",
            "mobilenet-v2-050",
        ),
        (
            "plan --family mobilenet-v2 --params 1.8M",
            "parameters of 1,800,000",
            "mobilenet-v2-035",
        ),
    ] {
        let found = json(folder, &format!("{question} --emit -o {name}.onnx"));
        let answer = &found["answer"];
        assert!(
            answer["phi"].is_null() && answer["row"].is_null(),
            "{answer}"
        );
        let published = &answer["published"];
        assert_eq!(published["name"], name);
        let written = fs::metadata(folder.join(format!("{name}.onnx")));
        let written = written.expect("it was written").len();
        assert_eq!(published["file_bytes"]["f32"], written);
        let inspected = json(folder, &format!("inspect {name}.onnx"));
        assert_eq!(inspected["recipe"]["macs"], published["macs"]);
        let text = run(folder, question).expect(0).stdout;
        assert!(
            text.contains("the baseline, φ = 0, does not fit: "),
            "{text}"
        );
        assert!(text.contains(why), "{text}");
        let line = format!("    efficientnet-onnx emit --variant {name} -o {name}.onnx");
        assert!(text.lines().any(|found| found == line), "{text}");
        assert!(!text.contains("--formula"), "{text}");
        let rows = run(folder, &format!("{question} --csv")).expect(0).stdout;
        assert_eq!(rows.lines().count(), 2, "{rows}");
    }
    let nothing = run(folder, "plan --family v2 --macs 400M --params 5M").expect(2);
    let said = "of other families lite0 (";
    assert!(nothing.stderr.contains(said), "{}", nothing.stderr);
}

/// Whatever is allowed, the answer is there at once: the time of counting grows with the blocks, not with their square.
#[test]
fn large_budgets_are_answered_in_seconds() {
    let folder = folder();
    let folder = folder.path();
    let start = std::time::Instant::now();
    for limit in ["--macs 1000T", "--params 100G", "--memory 100T"] {
        let text = run(folder, &format!("plan {limit}")).expect(0).stdout;
        assert!(text.contains("is the largest of the grid"), "{text}");
        // So large a file is written on demand alone.
        assert!(text.contains(" --formula --allow-large -o "), "{text}");
    }
    let small = run(folder, "plan --macs 1G").expect(0).stdout;
    assert!(!small.contains("--allow-large"), "{small}");
    let taken = start.elapsed();
    assert!(taken.as_secs() < 60, "{taken:?}");
}
