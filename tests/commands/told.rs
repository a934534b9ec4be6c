//! `classify` with flags that tell how pictures are prepared, for files of other tools and in place of a record.

use crate::classify::classify;
use crate::lite_support::{LITES, data};
use crate::verify_support::Run;
use std::path::Path;

/// A file that PyTorch exported, without any record.
#[test]
fn a_file_of_another_tool_is_told_how_its_pictures_are_prepared() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let file = fixtures.join("third_party/timm_legacy.onnx");
    let picture = [fixtures.join("pictures/cmyk.jpg")];
    let refused = classify(&file, &picture, &["--mean", "0.5"]).expect(2);
    assert!(
        refused.stderr.contains("hint: tell it with `--std`\n"),
        "{refused:#?}"
    );
    let answer = |arguments: &[&str]| {
        let run = classify(&file, &picture, &[arguments, &["--json"]].concat()).expect(0);
        let resized = "until they cover 8/7 of the size, and cropped to their centre\n";
        assert!(run.stderr.contains(resized), "{run:#?}");
        let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        json["pictures"][0]["top"].clone()
    };
    let told = answer(&["--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"]);
    let probabilities = told.as_array().expect("classes").len();
    assert_eq!(probabilities, 5);
    let other = answer(&["--mean", "0", "--std", "1/255"]);
    assert_ne!(told, other);
    let sigmoid = answer(&["--mean", "0.5", "--std", "0.5", "--activation", "sigmoid"]);
    let softmax = answer(&["--mean", "0.5", "--std", "0.5"]);
    assert_ne!(sigmoid[0]["probability"], softmax[0]["probability"]);
    let refused = classify(
        &file,
        &picture,
        &["--mean", "0.5", "--std", "0.5", "--size", "64"],
    );
    let refused = refused.expect(2);
    assert!(
        refused.stderr.contains("[batch, 3, 64, 64]"),
        "{refused:#?}"
    );
}

/// What is told counts, and a note says where that is not what the file records.
#[test]
fn a_flag_counts_in_place_of_what_the_file_records() {
    let file = LITES[0].file();
    let coffee = [data("coffee.png")];
    let recorded = classify(file, &coffee, &["--json"]).expect(0);
    assert!(!recorded.stderr.contains("8/7"), "{recorded:#?}");
    let top = |run: &Run| {
        let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        json["pictures"][0]["top"].clone()
    };
    let same = classify(
        file,
        &coffee,
        &["--json", "--mean", "127/255", "--std", "128/255"],
    );
    let same = same.expect(0);
    assert_eq!(top(&same), top(&recorded));
    assert!(!same.stderr.contains("in place of"), "{same:#?}");
    let other = classify(
        file,
        &coffee,
        &["--json", "--mean", "0.2", "--std", "128/255"],
    );
    let other = other.expect(0);
    assert_ne!(top(&other), top(&recorded));
    let note = "`--mean` in place of what the file records";
    assert!(other.stderr.contains(note), "{other:#?}");
}
