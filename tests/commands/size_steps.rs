//! Files whose pads hold only for multiples of 32 are run at no other size, by no command.

use crate::lite_support::change::{changed, set_metadata};
use crate::verify_support::{Run, folder, ort_library, program};
use efficientnet_onnx::metadata::PREPROCESSING_KEY;
use efficientnet_onnx::onnx::proto::{ModelProto, tensor_shape_proto, type_proto};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn run(folder: &Path, line: &str) -> Run {
    let mut command = program();
    command.args(line.split_whitespace()).current_dir(folder);
    if line.contains("ort-cpu") {
        command.arg("--ort-lib").arg(ort_library());
    }
    Run::of(&mut command)
}

/// A small network for sizes that `size` says.
fn emitted(folder: &TempDir, name: &str, size: &str, more: &str) -> PathBuf {
    let network = "--width 0.25 --depth 0.5 --init probe";
    run(
        folder.path(),
        &format!("emit {network} --size {size} {more} -o {name}"),
    )
    .expect(0);
    folder.path().join(name)
}

const REFUSED: &str =
    "its pads hold only where height and width are multiples of 32, found size 101x101";

fn refuses(folder: &TempDir, line: &str, message: &str) {
    let run = run(folder.path(), line).expect(2);
    assert!(run.stderr.contains(message), "{line}: {run:#?}");
    assert!(
        run.stderr
            .contains("hint: emit a file for that size with `--size HxW`"),
        "{line}: {run:#?}"
    );
    assert_eq!(run.stdout, "", "{line}");
}

#[test]
fn every_command_refuses_other_sizes() {
    let folder = folder();
    emitted(&folder, "d.onnx", "dynamic:32", "");
    emitted(&folder, "fixed.onnx", "101", "");
    let data = "verify fixed.onnx --runtime ort-cpu --test-data data";
    run(folder.path(), data).expect(0);
    for line in [
        "verify d.onnx --size 101",
        "verify d.onnx --size 64 --size 101 --json",
        "verify d.onnx --size 101 --bisect",
        "verify d.onnx --size 101 --self-test",
        "verify d.onnx --input data/test_data_set_0/input_0.pb",
        "verify d.onnx --test-data data",
        "verify d.onnx fixed.onnx",
        "verify fixed.onnx d.onnx",
        "verify fixed.onnx d.onnx --bisect",
        "bench d.onnx --size 101",
    ] {
        refuses(&folder, line, REFUSED);
    }
    for line in [
        "verify d.onnx --size 64x96 --runtime ort-cpu",
        "verify d.onnx --size 32 --runtime ort-cpu",
    ] {
        run(folder.path(), line).expect(0);
    }
    // Only one side is symbolic.
    emitted(&folder, "h.onnx", "dynamic:32x75", "");
    refuses(
        &folder,
        "verify h.onnx --size 75x75",
        "only where the height is a multiple of 32, found size 75x75",
    );
    run(
        folder.path(),
        "verify h.onnx --size 96x75 --runtime ort-cpu",
    )
    .expect(0);
}

/// Symmetric pads do not depend on the size.
#[test]
fn files_whose_pads_hold_everywhere_run_at_any_size() {
    let folder = folder();
    for padding in ["symmetric", "static:75"] {
        emitted(
            &folder,
            "d.onnx",
            "dynamic:32",
            &format!("--padding {padding} --force"),
        );
        run(folder.path(), "verify d.onnx --size 101 --runtime ort-cpu").expect(0);
    }
}

/// The record decides, whatever another tool made of the dimensions since.
#[test]
fn a_file_that_another_tool_has_fixed_to_another_size_is_refused() {
    let folder = folder();
    let dynamic = emitted(&folder, "d.onnx", "dynamic:32", "");
    let (kept, _) = changed(&dynamic, "d.onnx", |model| fix_size(model, 101));
    for line in ["verify d.onnx", "bench d.onnx"] {
        refuses(&kept, line, REFUSED);
    }
    let (kept, _) = changed(&dynamic, "d.onnx", |model| fix_size(model, 64));
    run(kept.path(), "verify d.onnx --runtime ort-cpu").expect(0);
}

fn fix_size(model: &mut ModelProto, size: i64) {
    let graph = model.graph.as_mut().expect("a graph");
    let Some(type_proto::Value::TensorType(tensor)) = graph.input[0]
        .r#type
        .as_mut()
        .and_then(|of| of.value.as_mut())
    else {
        panic!("the input is a tensor");
    };
    for dimension in &mut tensor.shape.as_mut().expect("a shape").dim[2..] {
        dimension.value = Some(tensor_shape_proto::dimension::Value::DimValue(size));
    }
}

#[test]
fn pictures_of_another_size_are_refused() {
    let folder = folder();
    let file = emitted(&folder, "d.onnx", "dynamic:32", "");
    let china = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data/china.jpg");
    let china = china.to_str().expect("UTF-8");
    run(folder.path(), &format!("classify d.onnx {china}")).expect(0);
    let (kept, _) = changed(&file, "d.onnx", |model| {
        let entry = model
            .metadata_props
            .iter()
            .find(|entry| entry.key() == PREPROCESSING_KEY);
        let text = entry
            .expect("a record")
            .value()
            .replace("\"size\":[224,224]", "\"size\":[101,101]");
        assert!(text.contains("101"), "{text}");
        set_metadata(model, PREPROCESSING_KEY, Some(&text));
    });
    let pictures = kept.path().join("pictures/3");
    std::fs::create_dir_all(&pictures).expect("a folder");
    std::fs::copy(china, pictures.join("china.jpg")).expect("a picture");
    for line in [
        format!("classify d.onnx {china}"),
        format!("verify d.onnx --input {china}"),
        "verify d.onnx --images pictures".to_owned(),
    ] {
        refuses(&kept, &line, REFUSED);
    }
}
