//! Models in formats that are recognised and not read: what each is, and the line that saves its network differently.

use std::path::Path;

/// What a TensorFlow Lite file has at its fifth byte (tensorflow `lite/schema/schema.fbs`, `file_identifier`).
const LITE: &[u8] = b"TFL3";
/// Words at the start of TensorFlow.js's `model.json` (tfjs-converter `converters/common.py`).
const BROWSER: [&[u8]; 4] = [
    b"\"layers-model\"",
    b"\"graph-model\"",
    b"\"modelTopology\"",
    b"\"weightsManifest\"",
];
/// The file that a Core ML package begins with (coremltools `models/utils.py`).
const PACKAGE: &str = "Manifest.json";
/// The file that a TensorFlow.js model begins with.
const BROWSER_FILE: &str = "model.json";

const OF_KERAS: &str = "save the Keras model that it was made of, `model.save(\"model.keras\")`";
const LITE_MODEL: &str =
    "it is a TensorFlow Lite model, which holds weights as its own operators take them";
const BROWSER_MODEL: &str = "it is a TensorFlow.js model";
const FROZEN: &str = "it is a frozen TensorFlow graph, which holds weights as constants without the layers that they are of";
const CORE_ML: &str = "it is a Core ML model, which holds weights as its own operators take them";

/// Names of files in a folder that hold a model of such a format.
pub const IN_FOLDERS: [&str; 2] = [PACKAGE, BROWSER_FILE];

/// What a file with that start, or a folder, is; none if it is not recognised.
pub(super) fn recognised(path: &Path, start: &[u8]) -> Option<String> {
    let ends = |ending: &str| {
        let own = path.extension();
        own.is_some_and(|own| own.eq_ignore_ascii_case(ending))
    };
    let has = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    if path.is_dir() {
        let is_browser = !path.join(PACKAGE).exists() && path.join(BROWSER_FILE).exists();
        let what = if is_browser { BROWSER_MODEL } else { CORE_ML };
        return Some(told(what));
    }
    let what = if start.get(4..8) == Some(LITE) {
        LITE_MODEL
    } else if start.first() == Some(&b'{') && BROWSER.into_iter().any(has) {
        BROWSER_MODEL
    } else if ends("mlmodel") && start.first() == Some(&0x08) {
        CORE_ML
    } else if is_graph(start) {
        FROZEN
    } else {
        return None;
    };
    Some(told(what))
}

fn told(what: &str) -> String {
    let saved = if what == CORE_ML {
        "save the model that it was made of: `torch.save(model.state_dict(), \"model.pth\")` or `model.save(\"model.keras\")`"
    } else {
        OF_KERAS
    };
    format!("{what}; {saved}")
}

/// Whether bytes start as a `GraphDef` does: a node with a name and an operator (tensorflow `framework/node_def.proto`).
fn is_graph(start: &[u8]) -> bool {
    let Some((&0x0a, rest)) = start.split_first() else {
        return false;
    };
    // The node's length takes up to five bytes.
    let length = rest.iter().take(5).position(|byte| *byte < 0x80);
    let node = length.and_then(|last| rest.get(last + 1..));
    let name = node.and_then(|node| text(node, 0x0a));
    let operator = name.and_then(|(_, rest)| text(rest, 0x12));
    operator.is_some_and(|(operator, _)| operator.first().is_some_and(u8::is_ascii_uppercase))
}

/// A short text after the key of its field, and what follows it.
fn text(bytes: &[u8], key: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::from(length))?;
    let is_text = found == key && length < 0x80 && !text.is_empty();
    (is_text && text.iter().all(u8::is_ascii_graphic)).then_some((text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_how_they_start() {
        for (name, start, expected) in [
            ("a.tflite", &b"\x1c\0\0\0TFL3\x14\0"[..], "TensorFlow Lite"),
            ("b", b"\x1c\0\0\0TFL3\x14\0", "TensorFlow Lite"),
            (
                "model.json",
                b"{\"format\": \"layers-model\",",
                "TensorFlow.js",
            ),
            ("model.json", b"{\"modelTopology\": {", "TensorFlow.js"),
            ("m.mlmodel", b"\x08\x04\x12\x10", "Core ML"),
            (
                "g.pb",
                b"\x0a\x1a\x0a\x05input\x12\x0bPlaceholder*",
                "frozen",
            ),
            (
                "g.pb",
                b"\x0a\xb2\x84\x01\x0a\x05input\x12\x05Const*",
                "frozen",
            ),
        ] {
            let found = recognised(Path::new(name), start);
            assert!(
                found.is_some_and(|found| found.contains(expected)),
                "{name}"
            );
        }
        for start in [
            &b""[..],
            b"{\"a\": 1}",
            b"\x0a",
            b"\x0a\x80\x80\x80\x80\x80\x01",
            b"\x0a\x05\x0a\x09input",
            b"\x08\x08\x12\x07pytorch",
        ] {
            assert_eq!(recognised(Path::new("a.pb"), start), None);
        }
    }
}
