//! Costs that the page computes, against those of the library, at thousands of points of every family.

use crate::chromium::Chromium;
use efficientnet_onnx::architecture::Family;
use efficientnet_onnx::network;
use efficientnet_onnx::plan::Subject;
use efficientnet_onnx::scaling::Compound;
use rayon::prelude::*;
use serde_json::{Value, json};

/// φ, α, β and γ in hundredths, as the sliders have them.
type Place = [u32; 4];

/// What the page and the library say of a point; none if the network is refused for its size.
type Row = Option<Vec<Value>>;

/// Bases whose powers lie where something is rounded, and places that are drawn from all over the sliders' ranges: most where networks are
/// of usual size, and some anywhere, where many are refused.
fn places() -> Vec<Place> {
    let mut places = Vec::new();
    for phi in [50, 100, 300] {
        for alpha in [100, 144, 150] {
            for beta in [100, 110, 125] {
                for gamma in [100, 115, 125] {
                    places.push([phi, alpha, beta, gamma]);
                }
            }
        }
    }
    let mut state = 1_u64;
    let mut draw = |low: u32, high: u32| {
        // The constants of Knuth's MMIX.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        low + u32::try_from(state >> 33).expect("31 bits") % (high - low + 1)
    };
    for _ in 0..150 {
        places.push([draw(0, 400), draw(100, 140), draw(100, 130), draw(100, 130)]);
    }
    for _ in 0..12 {
        places.push([draw(0, 800), draw(100, 200), draw(100, 150), draw(100, 150)]);
        places.push([
            draw(600, 800),
            draw(150, 200),
            draw(140, 150),
            draw(100, 150),
        ]);
    }
    places
}

fn base([phi, alpha, beta, gamma]: Place) -> (f64, Compound) {
    let value = |hundredths: u32| f64::from(hundredths) / 100.0;
    let compound = Compound {
        alpha: value(alpha),
        beta: value(beta),
        gamma: value(gamma),
    };
    (value(phi), compound)
}

fn of_library(family: &'static Family, classes: u64, place: Place) -> Row {
    let (phi, compound) = base(place);
    let subject = Subject {
        compound,
        classes,
        ..Subject::new(family)
    };
    let request = subject.at(phi).ok()?;
    request.canonical().ok()?;
    let architecture = request.architecture().expect("it was built");
    let parts = network::summary(&architecture, request.default_size(), &request.outputs)
        .expect("it was built");
    let part = |part: network::Row| {
        json!([
            part.part,
            part.operator,
            part.resolution[0],
            part.channels,
            part.repeats,
            part.counts.parameters,
            part.counts.macs
        ])
    };
    Some(parts.into_iter().map(part).collect())
}

fn of_page(browser: &Chromium, places: &[Place]) -> Vec<Row> {
    let points: Vec<[f64; 4]> = places
        .iter()
        .map(|place| {
            let (phi, Compound { alpha, beta, gamma }) = base(*place);
            [phi, alpha, beta, gamma]
        })
        .collect();
    let rows = browser.evaluate(&format!(
        "{}.map(([phi, alpha, beta, gamma]) => pointAt(DATA, phi, {{ alpha, beta, gamma }}).parts?.map((part) => \
         [part.name, part.operator, part.side, part.channels, part.repeats, part.parameters, part.macs]) ?? null)",
        json!(points)
    ));
    serde_json::from_value(rows).expect("rows")
}

#[test]
fn the_page_computes_exact_costs() {
    let browser = Chromium::start();
    let folder = tempfile::tempdir().expect("a folder");
    let places = places();
    let (mut compared, mut refused) = (0, 0);
    for family in Family::ALL {
        for classes in [1000, 10] {
            // Another number of classes changes one part: a few places show it.
            let places = if classes == 1000 {
                &places[..]
            } else {
                &places[..40]
            };
            let plan = format!("plan --family {} --classes {classes}", family.name);
            crate::open(&browser, folder.path(), &plan);
            let found = of_page(&browser, places);
            let expected: Vec<Row> = places
                .par_iter()
                .map(|place| of_library(family, classes, *place))
                .collect();
            for ((place, found), expected) in places.iter().zip(found).zip(expected) {
                assert_eq!(found, expected, "{} at {place:?}", family.name);
                match found {
                    Some(_) => compared += 1,
                    None => refused += 1,
                }
            }
        }
    }
    assert!(compared >= 2000, "{compared} points");
    assert!(refused >= 10, "{refused} points are refused");
}
