//! `classify` on real photographs with real weights: what is on them, and what happens if one cannot be read.

use crate::lite_support::change::{changed, set_metadata};
use crate::lite_support::{LITES, Lite, RUNTIMES, answers, data, same};
use crate::verify_support::{Run, folder, ort_library, program};
use std::path::{Path, PathBuf};

/// Allowed difference of probabilities, which are given to four digits. Resized pixels are Pillow's; the decoded ones of
/// a JPEG are not quite, since decoders round and spread colour differently.
fn allowed(picture: &str) -> f64 {
    if Path::new(picture)
        .extension()
        .is_some_and(|extension| extension == "jpg")
    {
        0.004
    } else {
        0.0001
    }
}

pub fn classify(model: &Path, pictures: &[PathBuf], arguments: &[&str]) -> Run {
    let mut command = program();
    command
        .arg("classify")
        .arg(model)
        .args(pictures)
        .args(arguments);
    if arguments.contains(&"ort-cpu") {
        command.arg("--ort-lib").arg(ort_library());
    }
    Run::of(&mut command)
}

/// The three most probable classes by timm, of pictures prepared by Pillow (tests/fixtures/lite/make.py).
type Expected = [(&'static str, &'static str, [(u64, f64); 3]); 3];
const EXPECTED: [Expected; 3] = [
    [
        (
            "chelsea.png",
            "tiger cat",
            [(282, 0.4042), (285, 0.3422), (281, 0.1735)],
        ),
        (
            "coffee.png",
            "espresso",
            [(967, 0.9570), (968, 0.0136), (925, 0.0069)],
        ),
        (
            "china.jpg",
            "palace",
            [(698, 0.3521), (442, 0.2042), (975, 0.0697)],
        ),
    ],
    [
        (
            "chelsea.png",
            "Egyptian cat",
            [(285, 0.4121), (282, 0.2455), (281, 0.1562)],
        ),
        (
            "coffee.png",
            "espresso",
            [(967, 0.5374), (968, 0.0404), (925, 0.0356)],
        ),
        (
            "china.jpg",
            "palace",
            [(698, 0.5539), (663, 0.1411), (442, 0.0381)],
        ),
    ],
    [
        (
            "chelsea.png",
            "Egyptian cat",
            [(285, 0.5921), (282, 0.1325), (281, 0.1034)],
        ),
        (
            "coffee.png",
            "espresso",
            [(967, 0.8881), (968, 0.0102), (925, 0.0099)],
        ),
        (
            "china.jpg",
            "palace",
            [(698, 0.3510), (442, 0.0769), (483, 0.0438)],
        ),
    ],
];

#[test]
fn real_photographs_are_named_in_every_runtime() {
    for (lite, expected) in LITES.iter().zip(&EXPECTED) {
        let pictures = expected.map(|(picture, ..)| data(picture));
        for runtime in RUNTIMES {
            let report = classify(
                lite.file(),
                &pictures,
                &["--json", "--top", "3", "--runtime", runtime],
            )
            .expect(0)
            .report();
            assert_eq!(report["pictures"].as_array().map(Vec::len), Some(3));
            for (index, (path, name, expected)) in expected.iter().enumerate() {
                let picture = &report["pictures"][index];
                assert!(
                    same(&answers(picture), expected, allowed(path)),
                    "{} {runtime}: {picture:#}",
                    lite.name
                );
                assert_eq!(picture["top"][0]["name"], *name);
            }
        }
    }
}

#[test]
fn the_result_is_a_table_or_json() {
    let lite = &LITES[0];
    let run = classify(lite.file(), &[data("coffee.png")], &["--runtime", "tract"]).expect(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(
        lines[0].ends_with("coffee.png") && lines.len() == 9,
        "{run:#?}"
    );
    assert!(
        lines[1].starts_with("   95.") && lines[1].ends_with(" %  espresso (967)"),
        "{run:#?}"
    );
    assert!(
        lines[6].contains("picture read and resized in ") && lines[6].contains(", run in "),
        "{run:#?}"
    );
    assert!(
        lines[8].starts_with("tract 0.") && lines[8].contains("lite0.onnx read in "),
        "{run:#?}"
    );
    assert_eq!(run.stderr, "");

    let report = classify(lite.file(), &[data("coffee.png")], &["--json"])
        .expect(0)
        .report();
    assert_eq!(
        (&report["schema"], &report["runtime"]),
        (&1.into(), &"tract".into())
    );
    assert!(
        report["file"]
            .as_str()
            .is_some_and(|file| file.ends_with("lite0.onnx"))
    );
    assert!(report["version"].is_string() && report["error"].is_null());
    let picture = &report["pictures"][0];
    assert!(
        picture["path"]
            .as_str()
            .is_some_and(|path| path.ends_with("coffee.png"))
            && picture["error"].is_null()
    );
    assert_eq!(picture["top"].as_array().map(Vec::len), Some(5));
    for seconds in [
        &report["load_seconds"],
        &report["prepare_seconds"],
        &picture["picture_seconds"],
        &picture["run_seconds"],
    ] {
        assert!(
            seconds.as_f64().is_some_and(|seconds| seconds > 0.0),
            "{report:#}"
        );
    }
}

#[test]
fn a_picture_that_cannot_be_read_does_not_stop_the_others() {
    let folder = folder();
    let cut_off = folder.path().join("cut-off.jpg");
    let whole = std::fs::read(data("china.jpg")).expect("a photograph");
    std::fs::write(&cut_off, &whole[..whole.len() / 2]).expect("a folder");
    let missing = folder.path().join("missing.png");
    let pictures = [cut_off, data("coffee.png"), missing, data("chelsea.png")];
    let run = classify(LITES[0].file(), &pictures, &["--json"]).expect(2);
    let report = run.report();
    assert!(
        report["pictures"][0]["error"]
            .as_str()
            .is_some_and(|error| error.contains("cut off")),
        "{report:#}"
    );
    assert!(
        report["pictures"][2]["error"]
            .as_str()
            .is_some_and(|error| error.contains("cannot read")),
        "{report:#}"
    );
    for (index, class) in [(0, None), (1, Some(967)), (2, None), (3, Some(282))] {
        assert_eq!(
            answers(&report["pictures"][index])
                .first()
                .map(|answer| answer.0),
            class
        );
    }
    assert_eq!(run.stderr.matches("error: ").count(), 2, "{run:#?}");
    let run = classify(LITES[0].file(), &pictures[..1], &[]).expect(2);
    assert_eq!(run.stdout, "");
}

#[test]
fn what_the_file_must_say_is_asked_for() {
    let file = LITES[0].file();
    let coffee = [data("coffee.png")];
    let key = "efficientnet.preprocessing";
    for (value, messages) in [
        (
            None,
            [
                "no metadata `efficientnet.preprocessing`",
                "hint: tell it with `--mean`, `--std`",
            ],
        ),
        (
            Some("{}"),
            [
                "metadata `efficientnet.preprocessing` cannot be read",
                "missing field",
            ],
        ),
    ] {
        let (_folder, path) = changed(file, "changed.onnx", |model| {
            set_metadata(model, key, value)
        });
        let run = classify(&path, &coffee, &[]).expect(2);
        assert!(
            messages.iter().all(|message| run.stderr.contains(message)),
            "{run:#?}"
        );
    }
    let (_folder, path) = changed(file, "changed.onnx", |model| {
        let entry = model
            .metadata_props
            .iter()
            .find(|entry| entry.key() == key)
            .expect("preprocessing");
        let larger = entry.value().replace("224", "225");
        set_metadata(model, key, Some(&larger));
    });
    let run = classify(&path, &coffee, &[]).expect(2);
    assert!(
        run.stderr
            .contains("expected input `input` to be f32 [batch, 3, 225, 225]"),
        "{run:#?}"
    );
    let run = classify(&coffee[0], &coffee, &[]).expect(2);
    assert!(
        run.stderr.contains("cannot be decoded as an ONNX model"),
        "{run:#?}"
    );
}

#[test]
fn a_files_own_names_are_used() {
    let names = |count: usize| {
        serde_json::to_string(
            &(0..count)
                .map(|class| format!("thing {class}"))
                .collect::<Vec<_>>(),
        )
    };
    let own = |count| {
        let names = names(count).expect("JSON");
        changed(LITES[0].file(), "own.onnx", |model| {
            set_metadata(model, "efficientnet.labels", Some(&names))
        })
    };
    let (_folder, path) = own(1000);
    let report = classify(&path, &[data("coffee.png")], &["--json"])
        .expect(0)
        .report();
    assert_eq!(report["pictures"][0]["top"][0]["name"], "thing 967");
    let (_folder, path) = own(999);
    let run = classify(&path, &[data("coffee.png")], &[]).expect(2);
    assert!(
        run.stderr
            .contains("expected 1000 names, one for each class, found 999"),
        "{run:#?}"
    );
}

#[test]
fn probabilities_and_fixed_batches_give_the_same_answers() {
    let lite: &Lite = &LITES[0];
    let pictures = ["coffee.png", "chelsea.png", "china.jpg"].map(data);
    let expected = classify(lite.file(), &pictures, &["--json"])
        .expect(0)
        .report();
    let folder = folder();
    let path = folder.path().join("other.onnx");
    for arguments in [["--outputs", "probabilities"], ["--batch", "2"]] {
        lite.emit(&path, &arguments);
        let report = classify(&path, &pictures, &["--json"]).expect(0).report();
        for index in 0..3 {
            let (found, expected) = (
                answers(&report["pictures"][index]),
                answers(&expected["pictures"][index]),
            );
            assert!(
                same(&found, &expected, 1e-5),
                "{arguments:?}: {found:?} {expected:?}"
            );
        }
    }
    lite.emit(&path, &["--outputs", "pooled"]);
    let run = classify(&path, &pictures, &[]).expect(2);
    assert!(
        run.stderr
            .contains("expected an output `logits` or `probabilities`"),
        "{run:#?}"
    );
}

#[test]
fn what_goes_wrong_in_a_runtime_is_told() {
    let coffee = [data("coffee.png")];
    let run = classify(
        LITES[0].file(),
        &coffee,
        &["--json", "--ort-lib", "/nonexistent/libonnxruntime.so"],
    )
    .expect(3);
    let report = run.report();
    assert!(
        report["error"]
            .as_str()
            .is_some_and(|error| error.starts_with("ort-cpu: ")),
        "{report:#}"
    );
    assert!(answers(&report["pictures"][0]).is_empty());
    assert!(run.stderr.contains("hint: "), "{run:#?}");

    let (_folder, path) = changed(LITES[0].file(), "backwards.onnx", |model| {
        model.graph.as_mut().expect("a graph").node.reverse();
    });
    let run = classify(&path, &coffee, &[]).expect(1);
    assert!(
        run.stderr
            .contains("breaks a rule, so it is not run: error[order]"),
        "{run:#?}"
    );

    let (_folder, path) = changed(LITES[0].file(), "nan.onnx", |model| {
        let graph = model.graph.as_mut().expect("a graph");
        let bias = graph
            .initializer
            .iter_mut()
            .find(|tensor| tensor.name() == "classifier.bias")
            .expect("a bias");
        let mut bytes = bias.raw_data().to_vec();
        bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        bias.raw_data = Some(bytes.into());
        // With its checksums it would be a damaged file.
        set_metadata(model, "efficientnet.checksums", None);
    });
    let run = classify(&path, &coffee, &[]).expect(1);
    assert!(
        run.stderr.contains("expected finite numbers, found NaN"),
        "{run:#?}"
    );
}

#[test]
fn bad_usage_is_status_2() {
    let file = LITES[0].file();
    let coffee = [data("coffee.png")];
    for (pictures, arguments) in [
        (&coffee[..0], &[][..]),
        (&coffee, &["--top", "0"]),
        (&coffee, &["--runtime", "cuda"]),
        (&coffee, &["--timeout", "0"]),
        (&coffee, &["--runtime", "tract", "--ort-lib", "x.so"]),
        (&coffee, &["--runtime", "ort-cpu", "--cuda-lib", "/"]),
        (&coffee, &["--cuda-lib", "/"]),
    ] {
        let run = classify(file, pictures, arguments).expect(2);
        assert!(
            run.stderr.starts_with("error: ") && run.stdout.is_empty(),
            "{run:#?}"
        );
    }
}
