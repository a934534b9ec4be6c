//! What models do to pixels before the network.

use super::{fixture, is_refused, layer, parse};
use crate::metadata::Normal;
use crate::weights::evidence::Part;
use crate::weights::keras::Normalization;

#[test]
fn steps_before_the_network_compose() {
    let weights = |mean: f64, variance: f64| {
        Some(Normalization {
            mean: [mean; 3],
            variance: [variance; 3],
        })
    };
    let flat = parse(&fixture("keras_3_flat.json"));
    let found = flat
        .normal(weights(0.5, 0.25))
        .expect("steps")
        .expect("a normal");
    assert_eq!(found, Normal::HALF);
    // (pixel / 127.5 − 1) / 255, less 0.5, through 0.25.
    let nested = parse(&fixture("keras_3_nested.json"));
    let found = nested
        .normal(weights(0.5, 0.0625))
        .expect("steps")
        .expect("a normal");
    for channel in 0..3 {
        let after = |pixel: f64| (pixel - found.mean[channel]) / found.std[channel];
        for pixel in [0.0, 17.0, 255.0] {
            let expected = ((pixel / 127.5 - 1.0) / 255.0 - 0.5) / 0.25;
            assert!((after(pixel) - expected).abs() < 1e-9, "{pixel}");
        }
    }
    assert!(flat.normal(None).unwrap_err().contains("`normalization`"));
    let mut negative = fixture("keras_3_flat.json");
    layer(&mut negative, "rescaling")["config"]["scale"] = (-1).into();
    assert!(parse(&negative).normal(weights(0.0, 1.0)).is_err());
    let mut own = fixture("keras_3_flat.json");
    layer(&mut own, "normalization")["config"]["mean"] =
        serde_json::json!([[[[0.485, 0.456, 0.406]]]]);
    let variance = serde_json::json!([0.229 * 0.229, 0.224 * 0.224, 0.225 * 0.225]);
    layer(&mut own, "normalization")["config"]["variance"] = variance;
    assert_eq!(parse(&own).normal(None), Ok(Some(Normal::IMAGENET)));
    for (name, class) in [
        ("rescaling", "Resizing"),
        ("normalization", "Lambda"),
        ("rescaling", "RandomCrop"),
    ] {
        let expected = format!("`{name}` is a `{class}`, expected `Rescaling` or `Normalization`");
        is_refused("keras_3_flat.json", Part::Body, &expected, |model| {
            layer(model, name)["class_name"] = class.into();
        });
    }
    is_refused(
        "keras_3_flat.json",
        Part::Body,
        "of channels alone",
        |model| {
            layer(model, "normalization")["config"]["axis"] = serde_json::json!([1, 2]);
        },
    );
}
