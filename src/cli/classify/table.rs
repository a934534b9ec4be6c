//! The result for people.

use super::report::{PictureReport, Report};
use crate::cli::text::time;
use efficientnet_onnx::classify::RankedClass;
use efficientnet_onnx::files::foreign::Foreign;
use std::fmt::Write;

/// The whole text, without a last line feed; none if no picture was classified.
pub fn render(report: &Report) -> Option<String> {
    let mut text = String::new();
    let classified: Vec<&PictureReport> = report
        .pictures
        .iter()
        .filter(|picture| picture.run_seconds.is_some())
        .collect();
    for picture in &classified {
        let _ = writeln!(text, "{}", picture.path.shown());
        for ranked in &picture.top {
            let _ = writeln!(
                text,
                "{:>8.2} %  {}{}",
                ranked.probability * 100.0,
                name(ranked),
                threshold(ranked)
            );
        }
        if picture.top.is_empty() {
            let _ = writeln!(text, "  no class reaches its threshold");
        }
        if let Some(cam) = &picture.cam {
            let [column, row] = cam.peak;
            let [height, width] = cam.size;
            let _ = writeln!(
                text,
                "  heat map of {}, largest at column {column}, row {row} of {height}x{width}",
                name(&cam.class)
            );
        }
        let _ = writeln!(
            text,
            "  picture read and resized in {}, run in {}\n",
            time(picture.picture_seconds),
            time(picture.run_seconds.unwrap_or_default()),
        );
    }
    if classified.is_empty() {
        return None;
    }
    let _ = write!(
        text,
        "{} {}: {} read in {}, made ready in {}",
        report.runtime,
        report.version.as_deref().unwrap_or_default().shown(),
        report.file.shown(),
        time(report.load_seconds.unwrap_or_default()),
        time(report.prepare_seconds.unwrap_or_default()),
    );
    Some(text)
}

fn name(ranked: &RankedClass) -> String {
    match &ranked.name {
        Some(name) => format!("{} ({})", name.shown(), ranked.class),
        None => format!("class {}", ranked.class),
    }
}

/// Whether a class reaches its threshold, if it has one.
fn threshold(ranked: &RankedClass) -> String {
    let verb = if ranked.is_reached() {
        "reaches"
    } else {
        "misses"
    };
    let threshold = ranked.threshold.map(|threshold| threshold * 100.0);
    threshold.map_or(String::new(), |percent| format!(", {verb} {percent:.2} %"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use efficientnet_onnx::classify::{Classification, ClassifiedPicture};
    use efficientnet_onnx::network::ClassActivation;
    use efficientnet_onnx::runtime::RuntimeName;
    use std::path::Path;

    fn picture(path: &str, run_seconds: Option<f64>, top: Vec<RankedClass>) -> ClassifiedPicture {
        ClassifiedPicture {
            path: path.into(),
            top,
            map: None,
            load_seconds: 0.01,
            run_seconds,
            turned: false,
            error: None,
        }
    }

    #[test]
    fn a_table_names_classes_and_times() {
        let top = vec![
            RankedClass {
                class: 967,
                name: Some("espresso".into()),
                probability: 0.951_23,
                threshold: None,
            },
            RankedClass {
                class: 3,
                name: None,
                probability: 0.01,
                threshold: None,
            },
        ];
        let found = Classification {
            version: Some("1.2".into()),
            load_seconds: Some(0.1),
            prepare_seconds: Some(2.0),
            pictures: vec![
                picture("a\u{1b}[31m.jpg", Some(0.02), top),
                picture("bad.jpg", None, Vec::new()),
            ],
            ..Classification::default()
        };
        let mut report = Report::new(
            Path::new("lite0.onnx"),
            RuntimeName::Tract,
            ClassActivation::Softmax,
            &found,
        );
        let expected = "a\\u{1b}[31m.jpg
   95.12 %  espresso (967)
    1.00 %  class 3
  picture read and resized in 10.0 ms, run in 20.0 ms

tract 1.2: lite0.onnx read in 100.0 ms, made ready in 2.00 s";
        assert_eq!(render(&report).as_deref(), Some(expected));
        report.pictures.remove(0);
        assert_eq!(render(&report), None);
    }
}
