//! A flipped bit in a weight, in every command that uses the file: its name is said, and nothing runs or is written.

use crate::folder::listing;
use crate::verify_support::{Run, emitted, folder, program};
use efficientnet_onnx::onnx::file::{Data, ModelFile};
use efficientnet_onnx::onnx::proto::ModelProto;
use efficientnet_onnx::tensor::SourceError;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use prost::Message;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Changes one bit of a weight in the middle of the file.
fn flip(path: &Path, name: &str) {
    let file = ModelFile::open(path).expect("a model");
    let initializer = file.initializer(name).expect("an initializer");
    let Data::Raw(range) = &initializer.data else {
        panic!("{:?}", initializer.data);
    };
    let at = usize::try_from(range.start + 2).expect("small");
    let mut bytes = fs::read(path).expect("a file");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("a file");
}

#[test]
fn every_command_names_a_damaged_weight_and_goes_no_further() {
    let folder = folder();
    let path = emitted(&folder, &["--init", "probe", "--bn", "keep"]);
    let other = path.with_file_name("other.onnx");
    fs::copy(&path, &other).expect("a copy");
    let name = "blocks.2.1.conv_dw.weight";
    flip(&path, name);
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures");
    let picture = fs::read_dir(picture)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| {
            path.extension()
                .is_some_and(|ending| ending == "png" || ending == "jpg")
        })
        .expect("a picture");
    let picture = picture.to_str().expect("UTF-8");
    let model = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("UTF-8");
    let before = listing(folder.path());
    for (status, arguments) in [
        (1, &["check", model][..]),
        (1, &["check", "--json", model]),
        (1, &["verify", model]),
        (1, &["verify", "--json", model]),
        (1, &["verify", "other.onnx", model]),
        (1, &["verify", "--self-test", model]),
        (1, &["verify", "--bisect", model]),
        (1, &["verify", "--html", "page.html", model]),
        (1, &["classify", model, picture]),
        (1, &["bench", model]),
        (1, &["bench", "other.onnx", "--against", model]),
        (2, &["emit", "--weights", model, "-o", "new.onnx"]),
        (2, &["weights", "export", model, "-o", "new.safetensors"]),
    ] {
        let run = Run::of(program().current_dir(folder.path()).args(arguments));
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.status, Some(status), "{arguments:?}: {said}");
        assert!(
            said.contains(&format!("`{name}` has other bytes")),
            "{arguments:?}: {said}"
        );
        let mut after = listing(folder.path());
        after.retain(|name| name != "page.html");
        assert_eq!(after, before, "{arguments:?}");
    }
    let json = Run::of(
        program()
            .current_dir(folder.path())
            .args(["check", "--json", model]),
    );
    let report: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(report["errors"], 1);
    assert_eq!(report["findings"][0]["code"], "checksum");
}

#[test]
fn a_damaged_file_is_no_checkpoint() {
    let folder = folder();
    let path = emitted(&folder, &["--init", "probe", "--bn", "keep"]);
    let name = "bn1.running_var";
    assert!(Checkpoint::open(&path).is_ok());
    flip(&path, name);
    match Checkpoint::open(&path).map(|_| ()) {
        Err(error @ SourceError::Damaged { .. }) => {
            let message = error.to_string();
            assert!(
                message.contains(&format!("`{name}` has other bytes")),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    // What another program has rewritten is one, with a remark.
    let bytes = fs::read(&path).expect("a file");
    let mut model = ModelProto::decode(bytes.as_slice()).expect("a model");
    model.producer_name = Some("another".into());
    fs::write(&path, model.encode_to_vec()).expect("a file");
    let opened = Checkpoint::open(&path).map_err(|error| error.to_string());
    let opened = opened.expect("a checkpoint");
    let rewritten = opened.rewritten().expect("a remark");
    assert!(rewritten.contains(&format!("`{name}`")), "{rewritten}");
    let mut emit = program();
    emit.current_dir(folder.path());
    let emit = emit.args(["emit", "--weights", "b0.onnx", "-o", "new.onnx"]);
    let said = Run::of(emit).expect(0).stderr;
    assert!(said.contains(rewritten), "{said}");
}
