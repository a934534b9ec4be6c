//! The layout, kept: who may know whom, where foreign vocabulary lives, how long files get.

mod circles;
mod dependencies;
mod document;
mod foreign;
mod library;
mod opened;
mod paths;
mod proto;

use std::fs;
use std::path::{Path, PathBuf};

/// Top-level modules, and exactly the modules that each knows. `onnx`, `form` and `runtime` know nothing of EfficientNet.
const MAY_KNOW: [(&str, &[&str]); 29] = [
    ("memory", &[]),
    ("tensor", &["files", "memory"]),
    ("scaling", &[]),
    // Of `onnx` only the messages of `onnx::proto` in the reference, and `onnx::file` in `process`: see
    // `runtimes_share_nothing_with_what_writes_files`.
    ("runtime", &["files", "memory", "onnx", "tensor"]),
    ("graph", &["files", "tensor"]),
    ("onnx", &["files", "graph", "memory", "tensor"]),
    ("form", &["files", "graph", "onnx", "tensor"]),
    (
        "weights",
        &[
            "architecture",
            "files",
            "graph",
            "memory",
            "metadata",
            "numpy",
            "onnx",
            "tensor",
        ],
    ),
    ("architecture", &["files", "graph", "scaling"]),
    ("network", &["architecture", "files", "graph", "tensor"]),
    (
        "request",
        &[
            "architecture",
            "form",
            "graph",
            "network",
            "onnx",
            "scaling",
            "tensor",
        ],
    ),
    (
        "metadata",
        &[
            "architecture",
            "files",
            "form",
            "graph",
            "network",
            "onnx",
            "request",
            "scaling",
            "tensor",
        ],
    ),
    (
        "recognise",
        &[
            "architecture",
            "files",
            "graph",
            "network",
            "request",
            "tensor",
            "weights",
        ],
    ),
    ("internals", &["onnx", "tensor", "verify", "weights"]),
    (
        "stored",
        &["files", "memory", "numpy", "onnx", "tensor", "weights"],
    ),
    ("numpy", &["files", "memory", "tensor"]),
    ("labels", &["files"]),
    ("hub", &["files", "labels", "tensor"]),
    ("picture", &["files", "memory", "metadata", "tensor"]),
    (
        "like",
        &[
            "architecture",
            "files",
            "graph",
            "metadata",
            "request",
            "weights",
        ],
    ),
    ("files", &["memory"]),
    ("emit", &["files", "onnx", "request", "tensor", "weights"]),
    (
        "convert",
        &[
            "architecture",
            "emit",
            "files",
            "form",
            "graph",
            "hub",
            "labels",
            "like",
            "metadata",
            "network",
            "onnx",
            "recognise",
            "request",
            "stored",
            "tensor",
            "verify",
            "weights",
        ],
    ),
    (
        "verify",
        &[
            "files", "memory", "metadata", "onnx", "picture", "request", "runtime", "stored",
            "tensor", "weights",
        ],
    ),
    ("doctor", &["runtime"]),
    (
        "classify",
        &[
            "memory", "files", "labels", "metadata", "network", "onnx", "picture", "runtime",
            "tensor", "verify",
        ],
    ),
    (
        "bench",
        &[
            "architecture",
            "emit",
            "files",
            "metadata",
            "onnx",
            "plan",
            "request",
            "runtime",
            "tensor",
            "verify",
            "weights",
        ],
    ),
    (
        "plan",
        &[
            "architecture",
            "files",
            "form",
            "graph",
            "metadata",
            "network",
            "onnx",
            "request",
            "scaling",
            "tensor",
            "weights",
        ],
    ),
    (
        "cli",
        &[
            "architecture",
            "bench",
            "classify",
            "convert",
            "doctor",
            "emit",
            "files",
            "form",
            "graph",
            "hub",
            "labels",
            "like",
            "memory",
            "metadata",
            "network",
            "onnx",
            "picture",
            "plan",
            "recognise",
            "request",
            "runtime",
            "scaling",
            "stored",
            "tensor",
            "verify",
            "weights",
        ],
    ),
];

/// Crates with one home each. Where the module has its crate's name, the home is the folder above, so that the module can be
/// named there.
const HOMES: [(&str, &str); 16] = [
    ("tract_onnx::", "src/runtime/tract"),
    ("ort::", "src/runtime/"),
    ("pytorch_reader::", "src/weights/pytorch"),
    ("safetensors::", "src/weights/safetensors"),
    ("crc32c::", "src/tensor/checksum"),
    ("crc32c::", "src/weights/tensorflow"),
    ("crc32fast::", "src/weights/pytorch"),
    ("toml::", "src/architecture/design"),
    ("prost::", "src/onnx/"),
    ("prost::", "src/runtime/reference/"),
    ("clap::", "src/cli/"),
    ("csv::", "src/classify/"),
    ("ureq::", "src/hub/client"),
    ("image::", "src/picture"),
    ("noto_sans_mono_bitmap::", "src/picture/figure/lettering"),
    ("object::", "src/runtime/cuda/elf"),
];

const LONGEST_FILE: usize = 400;

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            found.push((path, text));
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A runtime that shared rules with the writer would agree with its mistakes. What runs them prepares the copy that tract
/// needs.
#[test]
fn runtimes_share_nothing_with_what_writes_files() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for (path, text) in sources(&root().join("src/runtime")) {
        for (index, mention) in text.match_indices("onnx::") {
            let before = text[..index].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            seen += 1;
            let rest = &text[index + mention.len()..];
            let allowed = [("reference", "proto"), ("process", "file::")];
            let fits = allowed.iter().any(|(folder, part)| {
                path.starts_with(root().join("src/runtime").join(folder)) && rest.starts_with(part)
            });
            if !fits {
                faults.push(format!(
                    "{}: expected only `onnx::proto` in the reference and `onnx::file` in `process`",
                    path.display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(seen > 0, "the reference decodes files with `onnx::proto`");
}

#[test]
fn crates_have_one_home() {
    let mut faults = Vec::new();
    for (path, text) in sources(&root().join("src")) {
        let relative = path
            .strip_prefix(root())
            .expect("below the root")
            .display()
            .to_string();
        for (name, home) in HOMES {
            let used = text.match_indices(name).any(|(index, _)| {
                let before = text[..index].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            });
            let at_home = HOMES
                .iter()
                .any(|(other, home)| *other == name && relative.starts_with(home));
            if used && !at_home {
                faults.push(format!("{relative}: `{name}` belongs to {home}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_say_what_they_own_and_stay_short() {
    let mut faults = Vec::new();
    let folders = ["src", "tests", "benches", "examples"].map(|name| root().join(name));
    for (path, text) in folders
        .iter()
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| sources(folder))
    {
        let generated = path.ends_with("onnx/proto.rs");
        if !text.starts_with("//!") {
            faults.push(format!("{}: expected `//!` at its start", path.display()));
        }
        let lines = text.lines().count();
        if lines > LONGEST_FILE && !generated {
            faults.push(format!(
                "{}: {lines} lines, expected at most {LONGEST_FILE}",
                path.display()
            ));
        }
        for word in ["utils", "helpers", "common", "manager"] {
            if path.file_stem().is_some_and(|stem| stem == word) {
                faults.push(format!("{}: `{word}` says nothing", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Opset and IR versions are compared in `onnx::opset` alone.
#[test]
fn only_opset_compares_versions() {
    let mut faults = Vec::new();
    for (path, text) in sources(&root().join("src")) {
        if path.ends_with("onnx/opset.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let compares = [
                "opset <",
                "opset >",
                "opset ==",
                "ir_version <",
                "ir_version >",
                "version() <",
                "version() >",
            ];
            if compares.iter().any(|pattern| line.contains(pattern)) {
                faults.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A file that no module declares is never compiled, and its tests never run.
#[test]
fn every_file_is_a_module() {
    let src = root().join("src");
    let mut faults = Vec::new();
    for (path, _) in sources(&src) {
        if ["lib.rs", "main.rs"]
            .iter()
            .any(|top| path == src.join(top))
        {
            continue;
        }
        let folder = path.parent().expect("below src");
        let (name, above) = if path.ends_with("mod.rs") {
            (folder.file_name(), folder.parent().expect("below src"))
        } else {
            (path.file_stem(), folder)
        };
        let name = name.and_then(|name| name.to_str()).expect("UTF-8");
        let parents = ["mod.rs", "lib.rs", "main.rs"].map(|file| above.join(file));
        let mut parents = parents.into_iter().chain([above.with_extension("rs")]);
        let declares = |parent: PathBuf| {
            let text = fs::read_to_string(parent).unwrap_or_default();
            text.contains(&format!("mod {name};"))
        };
        if !parents.any(declares) {
            faults.push(format!("{}: no module declares it", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
