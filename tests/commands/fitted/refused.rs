//! Files that are not a classifier, or not one of the network's, and flags that contradict one.

use super::{Array, CLASSIFIER, FEATURES, array, emit, folder, head, npz, refusal, words};
use crate::command_line::refused;
use efficientnet_onnx::stored::write_npy;
use efficientnet_onnx::tensor::Element;

#[test]
fn a_file_that_is_not_a_classifier_says_what_was_expected() {
    let folder = folder();
    let folder = folder.path();
    let [weight, bias] = CLASSIFIER;
    let double = Element::F64;
    let cases: &[(&[Array], &str, &str)] = &[
        (
            &[
                ("coef_", &[3, FEATURES], double),
                ("intercept_", &[3], double),
            ],
            "expected `weight` [classes, features] and `bias` [classes], found `coef_` [3, 320], `intercept_` [3]",
            "`np.savez(\"head.npz\", weight=model.coef_, bias=model.intercept_)`",
        ),
        (
            &[("weight", &[FEATURES, 3], double), bias],
            "found `weight` [320, 3], `bias` [3]",
            "the weight is transposed: save it with `np.savez(\"head.npz\", weight=W.T, bias=b)`",
        ),
        (
            &[
                ("weight", &[FEATURES, 3], double),
                ("bias", &[FEATURES], double),
            ],
            "expected `weight` [classes, 320] and `bias` [classes], found `weight` [320, 3], `bias` [320]",
            "the weight is transposed",
        ),
        (
            &[("weight", &[3, 1280], double), bias],
            "expected `weight` [classes, 320] and `bias` [classes], found `weight` [3, 1280], `bias` [3]",
            "fit it on features of this network, as `--outputs pooled` gives them",
        ),
        (
            &[weight, bias, ("scale", &[FEATURES], double)],
            "found `weight` [3, 320], `bias` [3], `scale` [320]",
            "save `weight` and `bias` alone",
        ),
        (
            &[weight],
            "found `weight` [3, 320]\n",
            "bias=np.zeros(len(W))",
        ),
        (&[weight, ("bias", &[2], double)], "`bias` [2]", "np.savez"),
        (
            &[weight, ("bias", &[1, 3], double)],
            "`bias` [1, 3]",
            "np.savez",
        ),
        (
            &[("weight", &[FEATURES], double), bias],
            "`weight` [320]",
            "np.savez",
        ),
        (
            &[("weight", &[3, FEATURES, 1], double), bias],
            "`weight` [3, 320, 1]",
            "np.savez",
        ),
        (
            &[("weight", &[0, FEATURES], double), ("bias", &[0], double)],
            "`weight` [0, 320]",
            "np.savez",
        ),
        (&[], "found no tensors", "np.savez"),
        (
            &[("weight", &[3, FEATURES], Element::I64), bias],
            "`weight` of `bad.npz`: expected f32 or f64, found i64",
            "`weight=weight.astype(\"float32\")`",
        ),
        (
            &[weight, ("bias", &[3], Element::Bool)],
            "`bias` of `bad.npz`: expected f32 or f64, found bool",
            "`bias=bias.astype(\"float32\")`",
        ),
    ];
    for (arrays, expected, hint) in cases {
        head(folder, "bad.npz", arrays);
        let message = refusal(folder, "--weights w --classifier bad.npz");
        assert!(message.contains(expected), "{expected}\n{message}");
        let (_, found) = message
            .split_once("hint: ")
            .unwrap_or_else(|| panic!("{message}"));
        assert!(found.contains(hint), "{hint}\n{message}");
    }
    for (name, bytes, expected) in [
        ("bad.txt", &b"1 2 3"[..], "is no file of tensors"),
        ("bad.npz", b"PK\x03\x04", "is not a readable npz file"),
        (
            "bad.npy",
            b"\x93NUMPY",
            "is not a readable npy file: it is cut off",
        ),
    ] {
        std::fs::write(folder.join(name), bytes).expect("a file");
        let message = refusal(folder, &format!("--weights w --classifier {name}"));
        assert!(message.contains(expected), "{message}");
    }
    // A header that claims 8 TiB.
    let header = format!(
        "{:117}\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1024, 1073741824), }"
    );
    let claim = [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes()].concat();
    std::fs::write(folder.join("bad.npy"), claim).expect("a file");
    let message = refusal(folder, "--weights w --classifier bad.npy");
    assert!(message.contains("needs 8388608 MiB of memory"), "{message}");
    assert!(
        message.contains("hint: allow more with `--memory-limit SIZE`"),
        "{message}"
    );
    let message = refusal(folder, "--weights w --classifier absent.npz");
    assert!(message.contains("cannot read `absent.npz`"), "{message}");
    write_npy(&folder.join("bad.npy"), &array(weight, |_| {})).expect("a file");
    let message = refusal(folder, "--weights w --classifier bad.npy");
    assert!(
        message.contains("found [3, 320] without a name"),
        "{message}"
    );
}

#[test]
fn numbers_that_no_weight_should_be_are_the_heads() {
    let folder = folder();
    let folder = folder.path();
    for (number, expected) in [
        (
            f64::NAN,
            "`weight of bad.npz`: 1 NaN and 0 infinite of 960 numbers",
        ),
        // Finite in f64.
        (
            1e39,
            "`weight of bad.npz`: 0 NaN and 1 infinite of 960 numbers",
        ),
    ] {
        let [weight, bias] = CLASSIFIER;
        let weight = array(weight, |data| data[7] = number);
        npz(&folder.join("bad.npz"), &[weight, array(bias, |_| {})]);
        let line = "--weights w --classifier bad.npz";
        let message = refusal(folder, line);
        assert!(message.contains(expected), "{message}");
        let message = emit(folder, &format!("{line} --allow-nan -o nan.onnx"));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn flags_that_contradict_the_head_are_refused_by_name() {
    let folder = folder();
    let folder = folder.path();
    for (flags, expected) in [
        (
            "--weights w --classes 4",
            "`--classes 4` does not match `head.npz`, which has 3",
        ),
        (
            "--weights w --outputs pooled,features_2",
            "`--classifier` is for outputs of classes, and `--outputs` has none",
        ),
        (
            "--weights w --reset-classifier 3",
            "'--reset-classifier <N>'",
        ),
        ("--variant b0", "--weights <PATH>"),
        ("--skeleton --variant b0", "'--skeleton'"),
        ("--init probe --variant b0", "'--init <RULE>'"),
        (
            "--weights w --seed 3",
            "`--seed` draws nothing beside `--weights`",
        ),
    ] {
        let message = refusal(folder, &format!("{flags} --classifier head.npz"));
        assert!(message.contains(expected), "{flags}: {message}");
    }
    std::fs::write(folder.join("two"), "a\nb\n").expect("a file");
    let message = refusal(folder, "--weights w --classifier head.npz --labels two");
    let expected = "`two`: expected 3 names, one for each class, found 2";
    assert!(message.contains(expected), "{message}");
    for flags in ["--skeleton", "--init probe"] {
        let line = format!("--variant b0 --reset-classifier 4 {flags}");
        assert!(refusal(folder, &line).contains("cannot be used with"));
    }
    let message = refusal(folder, "--weights w --reset-classifier 4 --outputs pooled");
    let expected = "`--reset-classifier` is for outputs of classes, and `--outputs` has none";
    assert!(message.contains(expected), "{message}");

    let message = refused(
        folder,
        &words("emit --weights w --classifier head.npz -o head.npz --force"),
    );
    assert!(message.contains("which is read"), "{message}");
}
