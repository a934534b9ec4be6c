//! What `bench` prints: as JSON, of version [`SCHEMA`], and as a table.

use crate::cli::memory;
use comfy_table::{Table, presets};
use efficientnet_onnx::bench::{BenchRow, Ratio, Spread};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::onnx::check::Finding;
use efficientnet_onnx::onnx::file::plain::Change;
use efficientnet_onnx::runtime::outcome::Trouble;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// Version of the JSON form.
const SCHEMA: u32 = 1;

/// All rows.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    schema: u32,
    file: String,
    against: Option<String>,
    /// Height and width that `--size` asked for.
    size: Option<[u64; 2]>,
    /// The rule that a file breaks; then nothing ran.
    pub problems: Vec<Problem>,
    rows: Vec<Row<'a>>,
}

/// A rule that a file breaks.
#[derive(Debug, Serialize)]
pub struct Problem {
    pub file: String,
    #[serde(flatten)]
    pub finding: Finding,
}

/// One runtime with so many threads and images at once.
#[derive(Debug, Serialize)]
struct Row<'a> {
    runtime: &'static str,
    version: Option<&'a str>,
    threads: u16,
    batch: u64,
    load_seconds: Option<f64>,
    first_seconds: Option<f64>,
    runs: usize,
    seconds: Option<Spread>,
    peak_bytes: Option<u64>,
    ratio: Option<RatioRow>,
    changes: &'a [Change],
    /// Why the file was not timed.
    error: Option<String>,
    /// The same in one line.
    #[serde(skip)]
    summary: Option<String>,
    /// Whether that is because the runtime is not here.
    unavailable: bool,
}

#[derive(Debug, Serialize)]
struct RatioRow {
    pairs: usize,
    #[serde(flatten)]
    spread: Spread,
}

impl<'a> Row<'a> {
    /// `against` is the other file, by which a failure may be.
    fn new(row: &'a BenchRow, against: Option<&Path>) -> Self {
        let failure = row.failure.as_ref();
        let other = against.filter(|_| failure.is_some_and(|failure| failure.of_other));
        let error = failure.map(|failure| {
            let said = failure.trouble.predicate();
            let said = match failure.trouble {
                Trouble::NoMemory { .. } => format!("{said}; {}", memory::HINT),
                _ => said,
            };
            match other {
                Some(other) => format!("`{}`: {said}", other.to_string_lossy()),
                None => said,
            }
        });
        let refused = failure.filter(|failure| matches!(failure.trouble, Trouble::Refused { .. }));
        let refused = refused.filter(|failure| !failure.of_other);
        Self {
            runtime: row.runtime.as_str(),
            version: row.version.as_deref(),
            threads: row.threads,
            batch: row.batch,
            load_seconds: row.load_seconds,
            first_seconds: row.first_seconds,
            runs: row.runs,
            seconds: row.seconds,
            peak_bytes: row.peak_bytes,
            ratio: row
                .ratio
                .map(|Ratio { pairs, spread }| RatioRow { pairs, spread }),
            changes: &row.changes,
            error,
            summary: refused.map(|failure| failure.trouble.summary()),
            unavailable: row.is_unavailable(),
        }
    }
}

impl<'a> Report<'a> {
    /// Of a file, and perhaps another.
    pub fn new(
        file: &Path,
        against: Option<&Path>,
        size: Option<[u64; 2]>,
        rows: &'a [BenchRow],
    ) -> Self {
        Self {
            schema: SCHEMA,
            file: file.to_string_lossy().into_owned(),
            against: against.map(|path| path.to_string_lossy().into_owned()),
            size,
            problems: Vec::new(),
            rows: rows.iter().map(|row| Row::new(row, against)).collect(),
        }
    }

    /// As people read it.
    pub fn render(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        let mut header = vec![
            "runtime",
            "version",
            "threads",
            "batch",
            "load",
            "first",
            "median",
            "quartiles",
            "peak memory",
        ];
        if self.against.is_some() {
            header.push("other / this");
        }
        table.set_header(header);
        for row in &self.rows {
            let dash = || "-".to_owned();
            let time = |seconds: f64| format!("{:.2} ms", seconds * 1e3);
            let quartiles = |spread: Spread| {
                format!(
                    "{:.2}..{:.2} ms",
                    spread.lower_quartile * 1e3,
                    spread.upper_quartile * 1e3
                )
            };
            let mut cells = vec![
                row.runtime.to_owned(),
                row.version
                    .map_or_else(dash, |version| version.shown().to_string()),
                row.threads.to_string(),
                row.batch.to_string(),
                row.load_seconds.map_or_else(dash, time),
                row.first_seconds.map_or_else(dash, time),
                row.seconds.map_or_else(dash, |spread| time(spread.median)),
                row.seconds.map_or_else(dash, quartiles),
                row.peak_bytes.map_or_else(dash, crate::cli::text::bytes),
            ];
            if self.against.is_some() {
                cells.push(
                    row.ratio
                        .as_ref()
                        .map_or_else(dash, |RatioRow { spread, .. }| {
                            format!(
                                "{:.3} ({:.3}..{:.3})",
                                spread.median, spread.lower_quartile, spread.upper_quartile
                            )
                        }),
                );
            }
            table.add_row(cells);
        }
        let mut text = table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect::<Vec<_>>()
            .join("\n");
        for row in &self.rows {
            if let Some(error) = row.summary.as_ref().or(row.error.as_ref()) {
                let _ = write!(text, "\n{}: {}", row.runtime, error.trim().shown());
            }
        }
        let mut told = Vec::new();
        for row in &self.rows {
            for change in row.changes {
                let line = format!("{}: ran a copy of the file: {change}", row.runtime);
                if !told.contains(&line) {
                    let _ = write!(text, "\n{line}");
                    told.push(line);
                }
            }
        }
        text
    }
}
