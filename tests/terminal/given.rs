//! What a user gives beside models and checkpoints: arguments, names of files, lists, variables.

use crate::verify_support::toy::{model, write};
use crate::verify_support::{Run, program};
use crate::{Faults, HOSTILE, texts};
use serde_json::json;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

pub fn run(faults: &mut Faults, place: &str, folder: &Path, command: &str, more: &[&str]) {
    let arguments: Vec<&str> = command.split(' ').chain(more.iter().copied()).collect();
    faults.run(place, folder, &arguments);
}

const VALUES: [&str; 33] = [
    "",
    "--",
    "emit --variant",
    "emit --family",
    "emit --like",
    "emit --phi",
    "emit --size",
    "emit --batch",
    "emit --padding",
    "emit --bn-epsilon",
    "emit --classes",
    "emit --outputs",
    "emit --activation",
    "emit --opset",
    "emit --dtype",
    "emit --blocks",
    "emit --init",
    "emit --seed",
    "emit --weights hf:a/b -o",
    "emit --variant b0 -o x.onnx --labels",
    "emit --variant b0 -o x.onnx --weights",
    "emit --arch",
    "verify --runtime",
    "verify --size",
    "verify --timeout",
    "verify --rtol",
    "verify --batches",
    "check --target",
    "bench --threads",
    "classify --runtime",
    "inspect --like",
    "weights export --names",
    "doctor --ort-lib",
];

#[test]
fn no_argument_reaches_a_terminal_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut faults = Faults::default();
    for text in texts() {
        for command in VALUES {
            let before: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
            faults.run(command, folder.path(), &[&before[..], &[&text]].concat());
        }
        let hub = format!("hf:{text}/b@{text}");
        run(
            &mut faults,
            "address",
            folder.path(),
            "emit -o x.onnx --weights",
            &[&hub],
        );
    }
    faults.assert_none();
}

#[cfg(unix)]
#[test]
fn no_name_of_a_file_reaches_a_terminal_as_it_is() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mut faults = Faults::default();
    let name = HOSTILE.replace('/', "");
    let not_text = OsStr::from_bytes(b"\xff\x1b[31m\nforged: agrees");
    let file = write(&model(), folder);
    fs::copy(&file, folder.join(&name)).expect("a file");
    fs::copy(&file, folder.join(not_text)).expect("a file");
    fs::write(folder.join(format!("no{name}")), b"no model\x1b").expect("a file");
    fs::create_dir(folder.join(format!("in{name}"))).expect("a folder");
    let others = [
        name.clone(),
        format!("no{name}"),
        format!("in{name}"),
        format!("absent{name}"),
        format!("absent{name}/x"),
    ];
    for command in [
        "check",
        "check --json",
        "inspect",
        "verify --runtime tract,reference",
        "verify --runtime tract --json",
        "verify --runtime tract toy.onnx",
        "verify --runtime tract --html page.html",
        "verify --runtime tract toy.onnx --html",
        "verify --runtime tract toy.onnx --test-data",
        "verify --runtime tract toy.onnx --expect",
        "verify --runtime tract toy.onnx --input",
        "verify --runtime tract toy.onnx --images",
        "verify --runtime tract,reference --bisect --rtol 0 --atol 0",
        "verify --runtime tract,reference --self-test",
        "bench --runtime tract --runs 1",
        "bench --runtime tract --runs 1 --json",
        "bench --runtime tract --runs 1 toy.onnx --against",
        "classify",
        "weights ls",
        "weights export toy.onnx -o",
        "weights export -o x.safetensors",
        "emit --variant lite0 --size 32 -o",
        "emit --variant lite0 --size 32 -o out.onnx --weights",
        "emit --variant lite0 --size 32 -o out.onnx --labels",
        "emit -o out.onnx --arch",
        "doctor --ort-lib",
        "verify toy.onnx --ort-lib",
    ] {
        for other in &others {
            run(&mut faults, "name of a file", folder, command, &[other]);
        }
        let arguments: Vec<&OsStr> = command
            .split(' ')
            .map(OsStr::new)
            .chain([not_text])
            .collect();
        faults.run_with("name that is no text", folder, &arguments, &[]);
    }
    faults.assert_none();
}

#[test]
fn no_text_of_a_list_or_a_description_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mut faults = Faults::default();
    let labels = "emit --variant lite0 --size 32 --classes 2 --init constant --force -o labelled.onnx --labels names";
    for text in texts() {
        let quoted = serde_json::to_string(&text).expect("JSON");
        for list in [
            format!("a\n{text}"),
            format!("[{quoted}, 1]"),
            format!("{{{quoted}: \"a\"}}"),
            format!("{{\"0\": {quoted}, \"1\": [1, {quoted}]}}"),
            format!("[{text}"),
        ] {
            fs::write(folder.join("names"), list).expect("a file");
            run(&mut faults, "labels", folder, labels, &[]);
        }
        let plain = Run::of(program().current_dir(folder).args([
            "inspect",
            "--variant",
            "lite0",
            "--as-arch",
        ]))
        .expect(0)
        .stdout;
        for key in plain
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .map(|(key, _)| key.to_owned())
        {
            let replaced = |line: &str, change: &str| match line.split_once(" = ") {
                Some((name, _)) if name == key => change.to_owned(),
                _ => line.to_owned(),
            };
            for change in [
                format!("{key} = {quoted}"),
                format!("{key} = {text}"),
                format!("{quoted} = 1"),
            ] {
                let file: Vec<String> = plain.lines().map(|line| replaced(line, &change)).collect();
                fs::write(folder.join("arch.toml"), file.join("\n")).expect("a file");
                run(
                    &mut faults,
                    "architecture",
                    folder,
                    "inspect --arch arch.toml",
                    &[],
                );
            }
        }
    }
    faults.assert_none();
}

#[test]
fn no_text_of_a_published_folder_does() {
    let mut faults = Faults::default();
    let config = json!({
        "architecture": "tf_efficientnet_lite0", "num_classes": 3, "num_features": 1280, "global_pool": "avg",
        "label_names": ["n01", "n02", "n03"], "label_descriptions": {"n01": "a", "n03": "b"},
        "model_args": {"a": 1},
        "pretrained_cfg": {
            "tag": "in1k", "input_size": [3, 224, 224], "fixed_input_size": false, "interpolation": "bicubic",
            "crop_pct": 0.875, "crop_mode": "center", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
            "num_classes": 3, "first_conv": "conv_stem", "classifier": "classifier", "license": "mit"
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let export = "weights export --variant lite0 --classes 3 --init constant -o model.safetensors";
    Run::of(program().current_dir(folder).args(export.split(' '))).expect(0);
    for text in texts() {
        let mut all = Vec::new();
        let mut change = |pointer: &str| {
            let mut changed = config.clone();
            *changed.pointer_mut(pointer).expect("a value") = json!(text);
            all.push(changed.to_string());
        };
        for key in config.as_object().expect("an object").keys() {
            change(&format!("/{key}"));
        }
        for key in config["pretrained_cfg"]
            .as_object()
            .expect("an object")
            .keys()
        {
            change(&format!("/pretrained_cfg/{key}"));
        }
        for pointer in ["/label_names/0", "/label_descriptions/n01", "/model_args/a"] {
            change(pointer);
        }
        let mut more = config.clone();
        more["model_args"][&text] = json!(1);
        more[&text] = json!(1);
        all.extend([more.to_string(), text.clone(), format!("{{\"a\": {text}")]);
        for config in all {
            fs::write(folder.join("config.json"), config).expect("a file");
            run(
                &mut faults,
                "config.json",
                folder,
                "emit --size 32 --force -o out.onnx --weights .",
                &[],
            );
        }
        fs::write(folder.join("config.json"), config.to_string()).expect("a file");
        fs::write(
            folder.join("README.md"),
            format!("---\nlicense: {text}\n---\n"),
        )
        .expect("a file");
        run(
            &mut faults,
            "card",
            folder,
            "emit --size 32 --force -o out.onnx --weights .",
            &[],
        );
        run(
            &mut faults,
            "card, inspected",
            folder,
            "inspect out.onnx",
            &[],
        );
    }
    faults.assert_none();
}

#[test]
fn no_variable_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut faults = Faults::default();
    write(&model(), folder.path());
    for text in &texts() {
        for variable in [
            "ORT_DYLIB_PATH",
            "VIRTUAL_ENV",
            "HF_ENDPOINT",
            "HF_HOME",
            "HF_TOKEN",
            "PATH",
            "NVIDIA_TF32_OVERRIDE",
            "TMPDIR",
            "HF_HUB_CACHE",
            "SSL_CERT_FILE",
        ] {
            for command in [
                "doctor",
                "doctor --json",
                "verify toy.onnx",
                "verify --runtime ort-cpu toy.onnx",
                "emit -o x.onnx --weights hf:a/b",
            ] {
                let arguments: Vec<&OsStr> = command.split(' ').map(OsStr::new).collect();
                // No name is looked up on the network.
                let variables = [
                    (
                        "HF_HUB_OFFLINE",
                        if variable == "HF_ENDPOINT" { "0" } else { "1" },
                    ),
                    (variable, text),
                ];
                faults.run_with(variable, folder.path(), &arguments, &variables);
            }
        }
    }
    faults.assert_none();
}
