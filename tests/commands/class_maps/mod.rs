//! `classify --cam` on real photographs with real weights: where the networks see what is on them, in every form.

mod written;

use crate::lite_support::{LITES, Lite, RUNTIMES, data};
use crate::verify_support::{Run, folder, ort_library, program};
use image::RgbImage;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const OUTPUTS: [&str; 2] = ["--outputs", "logits,cam"];

/// Photographs, what each network should see in them, and the box around it: left, top, right and bottom, as parts of the
/// picture that the network sees. By eye, and generous.
const SEEN: [(&str, &[&str], [f64; 4]); 3] = [
    (
        "chelsea.png",
        &["tiger cat", "Egyptian cat", "tabby"],
        [0.04, 0.25, 0.96, 0.95],
    ),
    ("coffee.png", &["espresso"], [0.12, 0.0, 0.84, 0.78]),
    ("china.jpg", &["palace"], [0.0, 0.1, 0.62, 0.95]),
];

/// Files with maps: Lite0 to Lite2, and Lite0 at 448 pixels.
fn files() -> &'static [PathBuf; 4] {
    static FILES: OnceLock<[PathBuf; 4]> = OnceLock::new();
    FILES.get_or_init(|| {
        let emitted = |lite: &Lite, name: &str, arguments: &[&str]| {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            lite.emit(&path, &[&OUTPUTS, arguments].concat());
            path
        };
        [
            emitted(&LITES[0], "maps0.onnx", &[]),
            emitted(&LITES[1], "maps1.onnx", &[]),
            emitted(&LITES[2], "maps2.onnx", &[]),
            emitted(&LITES[0], "maps448.onnx", &["--size", "448"]),
        ]
    })
}

fn classify<'a>(arguments: impl IntoIterator<Item = &'a Path>, flags: &[&str]) -> Run {
    let mut command = program();
    command.arg("classify").args(flags).args(arguments);
    Run::of(&mut command)
}

/// Classifies one picture with one file, draws the figure, and gives the report and the figure.
fn drawn(file: &Path, picture: &Path, flags: &[&str]) -> (Value, RgbImage) {
    let folder = folder();
    let figure = folder.path().join("figure.png");
    let cam = ["--json", "--cam", figure.to_str().expect("UTF-8")];
    let report = classify([file, picture], &[&cam, flags].concat())
        .expect(0)
        .report();
    assert_eq!(report["figure"], *figure.to_string_lossy());
    (report, pixels(&figure))
}

fn pixels(figure: &Path) -> RgbImage {
    image::open(figure).expect("a PNG").into_rgb8()
}

/// The largest place of a map, as parts of the picture that the network sees.
fn peak(cam: &Value) -> [f64; 2] {
    let number = |value: &Value| value.as_f64().expect("a number");
    let [height, width] = [0, 1].map(|axis| number(&cam["size"][axis]));
    [
        number(&cam["peak"][0]) / width,
        number(&cam["peak"][1]) / height,
    ]
}

#[test]
fn maps_lie_on_what_is_named() {
    let pictures = SEEN.map(|(picture, ..)| data(picture));
    let folder = folder();
    let figure = folder.path().join("figure.png");
    let paths = files().iter().map(PathBuf::as_path);
    let separator = [Path::new("--")];
    let paths = paths
        .chain(separator)
        .chain(pictures.iter().map(PathBuf::as_path));
    let flags = ["--json", "--cam", figure.to_str().expect("UTF-8")];
    let report = classify(paths, &flags).expect(0).report();
    assert_eq!(report["figure"], *figure.to_string_lossy());
    for (index, file) in files().iter().enumerate() {
        let report = &report["files"][index];
        assert_eq!(report["file"], *file.to_string_lossy());
        for (index, (picture, names, [left, top, right, bottom])) in SEEN.iter().enumerate() {
            let found = &report["pictures"][index];
            let cam = &found["cam"];
            for key in ["class", "name", "probability"] {
                assert_eq!(cam[key], found["top"][0][key]);
            }
            let name = cam["name"].as_str().expect("a name");
            assert!(names.contains(&name), "{picture}: {name}");
            let [x, y] = peak(cam);
            assert!(
                (left..=right).contains(&&x) && (top..=bottom).contains(&&y),
                "{} {picture}: {cam}",
                file.display()
            );
        }
    }
    // Five columns of 256 pixels with their gaps, the first with the pictures; three rows.
    let pixels = pixels(&figure);
    assert_eq!(pixels.width(), 5 * 272 + 16);
    assert!(
        pixels.height() > 3 * 256 && pixels.height() < 1200,
        "{}",
        pixels.height()
    );
}

/// Two photographs in one picture: each class's map lies on its own.
#[test]
fn a_class_that_is_asked_for_is_found_where_it_is() {
    let folder = folder();
    let both = folder.path().join("both.png");
    let mut canvas = RgbImage::from_pixel(600, 600, image::Rgb([124; 3]));
    for (place, name) in [(0, "chelsea.png"), (300, "coffee.png")] {
        let photograph = image::open(data(name)).expect("a photograph").into_rgb8();
        let left = (photograph.width() - 300) / 2;
        let part = image::imageops::crop_imm(&photograph, left, 0, 300, 300).to_image();
        image::imageops::replace(&mut canvas, &part, place, 150);
    }
    canvas.save(&both).expect("a picture");
    for file in files() {
        for (class, halves) in [
            ("Tiger cat", 0.0..0.5),
            ("espresso", 0.5..1.0),
            ("967", 0.5..1.0),
        ] {
            let (report, _) = drawn(file, &both, &["--class", class]);
            let cam = &report["pictures"][0]["cam"];
            let name = if class == "967" { "espresso" } else { class };
            let found = cam["name"].as_str().expect("a name");
            assert!(found.eq_ignore_ascii_case(name), "{cam}");
            let [x, y] = peak(cam);
            assert!(
                halves.contains(&x) && (0.2..0.8).contains(&y),
                "{} {class}: {cam}",
                file.display()
            );
        }
    }
}

/// The same map whatever form, batch and runtime it comes from.
#[test]
fn every_form_and_runtime_draws_the_same_map() {
    let coffee = data("coffee.png");
    let (expected, figure) = drawn(&files()[0], &coffee, &[]);
    let expected = &expected["pictures"][0]["cam"];
    let is_same = |cam: &Value, allowed: f64| {
        let near = |axis: usize| {
            let [one, other] = [cam, expected].map(|cam| cam["range"][axis].as_f64());
            let (one, other) = (one.expect("a number"), other.expect("a number"));
            (one - other).abs() <= allowed * 35.0
        };
        let probability = |cam: &Value| cam["probability"].as_f64().expect("a number");
        cam["peak"] == expected["peak"]
            && cam["class"] == 967
            && cam["map"] == serde_json::json!([7, 7])
            && (probability(cam) - probability(expected)).abs() <= allowed
            && near(0)
            && near(1)
    };
    for runtime in RUNTIMES {
        let library = ort_library();
        let library = ["--ort-lib", library.to_str().expect("UTF-8")];
        let library = if runtime == "ort-cpu" {
            &library[..]
        } else {
            &[]
        };
        let flags = [&["--runtime", runtime], library].concat();
        let (report, _) = drawn(&files()[0], &coffee, &flags);
        assert!(
            is_same(&report["pictures"][0]["cam"], 1e-4),
            "{runtime}: {report:#}"
        );
    }
    let folder = folder();
    let path = folder.path().join("other.onnx");
    for (arguments, allowed) in [
        (&["--normalize"][..], 1e-4),
        (&["--input-format", "nhwc"], 1e-4),
        (&["--input-format", "uint8-nhwc"], 1e-4),
        (&["--opset", "21", "--size", "dynamic:32"], 1e-4),
        (&["--batch", "3"], 1e-4),
        (&["--dtype", "f16"], 0.02),
        (&["--outputs", "cam,probabilities"], 1e-4),
    ] {
        let outputs = if arguments[0] == "--outputs" {
            &[]
        } else {
            &OUTPUTS[..]
        };
        LITES[0].emit(&path, &[outputs, arguments].concat());
        let (report, drawn) = drawn(&path, &coffee, &[]);
        assert!(
            is_same(&report["pictures"][0]["cam"], allowed),
            "{arguments:?}: {report:#}"
        );
        // The picture as the network sees it.
        let at = |figure: &RgbImage| figure.get_pixel(100, 150).0;
        assert_eq!(at(&drawn), at(&figure), "{arguments:?}");
    }
}

/// Rows of a batch, and files, are not mixed up.
#[test]
fn each_picture_of_a_batch_has_its_own_map() {
    let folder = folder();
    let path = folder.path().join("batch.onnx");
    LITES[0].emit(&path, &[&OUTPUTS[..], &["--batch", "2"]].concat());
    let pictures = ["coffee.png", "chelsea.png", "china.jpg"].map(data);
    let paths = || pictures.iter().map(PathBuf::as_path);
    let figure = folder.path().join("figure.png");
    let flags = [
        "--json",
        "--force",
        "--cam",
        figure.to_str().expect("UTF-8"),
    ];
    let maps = |file: &Path| {
        let report = classify([file].into_iter().chain(paths()), &flags)
            .expect(0)
            .report();
        [0, 1, 2].map(|index| report["pictures"][index]["cam"].clone())
    };
    for (found, expected) in maps(&path).iter().zip(maps(&files()[0])) {
        assert_eq!(
            (&found["class"], &found["peak"]),
            (&expected["class"], &expected["peak"])
        );
        let apart = [0, 1].map(|axis| {
            let [one, other] = [found, &expected].map(|cam| cam["range"][axis].as_f64());
            (one.expect("a number") - other.expect("a number")).abs()
        });
        assert!(
            apart.iter().all(|apart| *apart < 1e-3),
            "{found} {expected}"
        );
    }
}
