//! `verify --self-test` catches every mistake in networks whose weights can show it, and says where they can't.

use crate::lite_support::LITES;
use crate::verify_support::{Run, emitted, folder, program, verify};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

fn self_test(file: &Path, arguments: &[&str], status: i32) -> Value {
    verify(
        file,
        true,
        &[&["--self-test", "--json"], arguments].concat(),
    )
    .expect(status)
    .report()
}

/// All kinds are caught but those that have no site.
fn expect_caught(result: &Value, trials: usize, without: &[&str]) {
    assert_eq!(result["passed"], true, "{result:#}");
    assert_eq!(result["base"], "reference");
    assert_eq!(result["not_applicable"], Value::from(without.to_vec()));
    let found = result["trials"].as_array().expect("a list");
    assert_eq!(found.len(), trials);
    for trial in found {
        assert_eq!(trial["verdict"], "caught", "{trial:#}");
        for seen in trial["runtimes"].as_array().expect("a list") {
            // Not a number where a variance is negative.
            let factor = seen["smallest_factor"].as_f64().unwrap_or(f64::INFINITY);
            assert!(seen["agrees"] == false && factor > 1.0, "{trial:#}");
        }
    }
    for seen in result["control"].as_array().expect("a list") {
        assert!(
            seen["agrees"] == true && seen["smallest_factor"].as_f64() < Some(0.5),
            "{seen:#}"
        );
    }
}

#[test]
fn probe_weights_show_every_mistake() {
    let folder = folder();
    let file = emitted(&folder, &["--bn", "keep", "--init", "probe"]);
    let without = [
        "clip-lower",
        "clip-without-maximum",
        "clip-without-minimum",
        "softmax-axis",
    ];
    expect_caught(&self_test(&file, &[], 0), 37, &without);
}

/// The paper's other networks have neither swish nor gates.
#[test]
fn probe_weights_of_other_families_show_every_mistake() {
    let folder = folder();
    let gates = [
        "activation-relu",
        "sigmoid-hard",
        "sigmoid-tanh",
        "gate-dropped",
        "gate-elsewhere",
        "squeeze-one-axis",
        "softmax-axis",
    ];
    let residuals = [
        "residual-dropped",
        "branch-dropped",
        "residual-doubled",
        "residual-earlier",
    ];
    let own: [(&str, usize, &[&str]); 3] = [
        ("mobilenet-v1", 29, &residuals),
        ("mobilenet-v2", 33, &[]),
        (
            "resnet-50",
            28,
            &[
                "depthwise-rotated",
                "residual-earlier",
                "clip-lower",
                "clip-without-maximum",
                "clip-without-minimum",
            ],
        ),
    ];
    for (variant, trials, lacks) in own {
        let file = folder.path().join(format!("{variant}.onnx"));
        let emit = ["emit", "--variant", variant, "--size", "64", "--bn", "keep"];
        let flags = ["--init", "probe", "--quiet", "-o"];
        Run::of(program().args(emit).args(flags).arg(&file)).expect(0);
        let result = self_test(&file, &["--runtime", "reference,ort-cpu"], 0);
        let found = result["not_applicable"].as_array().expect("a list");
        let found: BTreeSet<&str> = found.iter().filter_map(Value::as_str).collect();
        let without = [&["pads-moved"], &gates[..], lacks].concat();
        assert_eq!(found, without.into_iter().collect(), "{variant}");
        let without: Vec<&str> = result["not_applicable"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        expect_caught(&result, trials, &without);
    }
}

#[test]
fn real_weights_show_every_mistake() {
    let folder = folder();
    let file = folder.path().join("lite0.onnx");
    LITES[0].emit(&file, &["--size", "64", "--bn", "keep"]);
    let without = [
        "activation-relu",
        "sigmoid-hard",
        "sigmoid-tanh",
        "gate-dropped",
        "gate-elsewhere",
        "squeeze-one-axis",
        "softmax-axis",
    ];
    expect_caught(&self_test(&file, &[], 0), 34, &without);
}

#[test]
fn what_weights_of_the_beginning_hide_is_not_visible() {
    let folder = folder();
    let file = folder.path().join("small.onnx");
    let network = [
        "--width", "0.2", "--depth", "0.5", "--size", "32", "--bn", "keep",
    ];
    Run::of(
        program()
            .arg("emit")
            .args(network)
            .args(["--quiet", "-o"])
            .arg(&file),
    )
    .expect(0);
    let result = self_test(&file, &["--runtime", "reference,ort-cpu"], 1);
    assert_eq!(result["passed"], false);
    let of = |kind: &str| {
        let trials = result["trials"].as_array().expect("a list");
        let trial = trials.iter().find(|trial| trial["kind"] == kind);
        trial.unwrap_or_else(|| panic!("no {kind}"))["verdict"].clone()
    };
    // Before training all biases and means are zero, and all scales and variances one.
    for kind in [
        "bias-dropped",
        "bias-rotated",
        "mean-dropped",
        "batch-norm-rotated",
        "batch-norms-swapped",
    ] {
        assert_eq!(of(kind), "not_visible", "{kind}");
    }
    assert_eq!(of("input-reversed"), "caught");
}
