//! Texts of labelled pictures and of stored tensors.

use crate::given::run;
use crate::verify_support::toy::{model, write};
use crate::verify_support::{Run, program};
use crate::{Faults, HOSTILE, texts};
use std::fs;

#[test]
fn no_text_of_pictures_and_tensors_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mut faults = Faults::default();
    write(&model(), folder);
    let emit =
        "emit --like timm/tf_efficientnet_lite0 --size 32 --classes 2 --init constant -o b.onnx";
    Run::of(program().current_dir(folder).args(emit.split(' '))).expect(0);
    fs::create_dir(folder.join("pictures")).expect("a folder");
    let name = HOSTILE.replace('/', "");
    fs::create_dir(folder.join("classes")).expect("a folder");
    fs::create_dir(folder.join("classes").join(&name)).expect("a folder");
    let picture = format!(
        "{}/tests/fixtures/preprocessing/cat.png",
        env!("CARGO_MANIFEST_DIR")
    );
    for place in [
        folder.join("pictures").join(format!("{name}.png")),
        folder.join("classes").join(&name).join("a.png"),
    ] {
        fs::copy(&picture, place).expect("a picture");
    }
    fs::write(
        folder.join("pictures").join(format!("bad{name}.png")),
        b"\x89PNG\r\n\x1a\n\x1b[31m",
    )
    .expect("a file");
    for text in texts() {
        for labels in [
            format!("{text},0"),
            format!("a.png,{text}"),
            format!("{text}\n"),
            format!("\"{text}\",\"{text}\""),
            format!("{name}.png,0\nbad{name}.png,1\n"),
        ] {
            fs::write(folder.join("labels.csv"), &labels).expect("a file");
            fs::write(folder.join("pictures/labels.csv"), &labels).expect("a file");
            run(
                &mut faults,
                "labels.csv",
                folder,
                "verify --runtime tract --images pictures --labels-csv labels.csv b.onnx",
                &[],
            );
            run(
                &mut faults,
                "labels.csv",
                folder,
                "verify --runtime tract --images pictures b.onnx",
                &[],
            );
        }
        run(
            &mut faults,
            "classes",
            folder,
            "verify --runtime tract --images classes b.onnx",
            &[],
        );
        for (place, bytes) in [
            (
                "npy",
                npy(&format!(
                    "{{'descr': '{text}', 'fortran_order': False, 'shape': (1,), }}"
                )),
            ),
            (
                "npy's key",
                npy(&format!(
                    "{{'{text}': '<f4', 'fortran_order': False, 'shape': (1,), }}"
                )),
            ),
            (
                "npy's rank",
                npy(&format!(
                    "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}",
                    "1,".repeat(20_000)
                )),
            ),
            ("no npy", text.clone().into_bytes()),
        ] {
            fs::write(folder.join("x.npy"), bytes).expect("a file");
            run(
                &mut faults,
                place,
                folder,
                "verify --runtime tract toy.onnx --input x.npy",
                &[],
            );
            run(
                &mut faults,
                place,
                folder,
                "verify --runtime tract toy.onnx --expect x.npy",
                &[],
            );
        }
        let quoted = serde_json::to_string(&text).expect("JSON");
        let header =
            format!("{{{quoted}:{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}}}");
        let length = (header.len() as u64).to_le_bytes();
        fs::write(
            folder.join("x.safetensors"),
            [&length[..], header.as_bytes(), &[0; 4]].concat(),
        )
        .expect("a file");
        run(
            &mut faults,
            "names of tensors",
            folder,
            "verify --runtime tract toy.onnx --input x.safetensors",
            &[],
        );
        run(
            &mut faults,
            "names of tensors",
            folder,
            "verify --runtime tract toy.onnx --expect x.safetensors",
            &[],
        );
    }
    for name in [
        format!("{name}.png"),
        format!("bad{name}.png"),
        format!("absent{name}.png"),
    ] {
        let place = folder.join("pictures").join(name);
        for command in [
            "classify --runtime tract b.onnx",
            "classify --runtime tract --json b.onnx",
            "verify --runtime tract b.onnx --input",
        ] {
            run(
                &mut faults,
                "picture",
                folder,
                command,
                &[place.to_str().expect("UTF-8")],
            );
        }
    }
    faults.assert_none();
}

fn npy(header: &str) -> Vec<u8> {
    let header = format!("{header}\n");
    let length = u16::try_from(header.len())
        .map_or(u16::MAX, |length| length)
        .to_le_bytes();
    [
        b"\x93NUMPY\x01\x00".as_slice(),
        &length,
        header.as_bytes(),
        &[0; 4],
    ]
    .concat()
}
