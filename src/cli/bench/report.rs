//! What `bench` says: as JSON, of version [`SCHEMA`], and as a table.

use comfy_table::{Table, presets};
use efficientnet_onnx::onnx::check::Finding;
use efficientnet_onnx::onnx::file::plain::Change;
use efficientnet_onnx::runtime::RuntimeName;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// Version of the JSON form.
const SCHEMA: u32 = 1;

/// All rows.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: u32,
    file: String,
    against: Option<String>,
    /// Height and width that `--size` asked for.
    size: Option<[u64; 2]>,
    /// The rule that a file breaks; then nothing ran.
    pub problems: Vec<Problem>,
    rows: Vec<Row>,
}

/// A rule that a file breaks.
#[derive(Debug, Serialize)]
pub struct Problem {
    pub file: String,
    #[serde(flatten)]
    pub finding: Finding,
}

/// One runtime with so many threads and images at once.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    runtime: &'static str,
    pub version: Option<String>,
    threads: u16,
    batch: u64,
    /// Reading the file and preparing for the shapes.
    pub load_seconds: Option<f64>,
    /// The first run of all.
    pub first_seconds: Option<f64>,
    /// Runs that count, over all processes.
    pub runs: usize,
    /// Of one run, whatever the batch.
    pub seconds: Option<Spread>,
    /// The most memory of a process.
    pub peak_bytes: Option<u64>,
    /// Time of the other file over that of the file.
    pub ratio: Option<Ratio>,
    /// How the copy that ran differs from the file; nothing if the file itself ran.
    pub changes: Vec<Change>,
    /// Why there is no time.
    pub error: Option<String>,
    /// The same in one line.
    #[serde(skip)]
    pub summary: Option<String>,
    /// Whether that is because the runtime is not here.
    pub unavailable: bool,
}

/// The ratio, over pairs of processes that ran one after the other.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    pub pairs: usize,
    #[serde(flatten)]
    pub spread: Spread,
}

/// Median and quartiles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub lower_quartile: f64,
    pub upper_quartile: f64,
}

impl Spread {
    /// Of some numbers; between two of them, in proportion.
    pub fn of(numbers: &[f64]) -> Self {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |quarters: usize| {
            let (whole, part) = (
                quarters * sorted.len().saturating_sub(1) / 4,
                quarters * sorted.len().saturating_sub(1) % 4,
            );
            let low = sorted.get(whole).copied().unwrap_or(f64::NAN);
            let high = sorted.get(whole + 1).copied().unwrap_or(low);
            low + (high - low) * part as f64 / 4.0
        };
        Self {
            median: at(2),
            lower_quartile: at(1),
            upper_quartile: at(3),
        }
    }
}

impl Row {
    /// Nothing is known yet.
    pub fn new(runtime: RuntimeName, threads: u16, batch: u64) -> Self {
        Self {
            runtime: runtime.as_str(),
            version: None,
            threads,
            batch,
            load_seconds: None,
            first_seconds: None,
            runs: 0,
            seconds: None,
            peak_bytes: None,
            ratio: None,
            changes: Vec::new(),
            error: None,
            summary: None,
            unavailable: false,
        }
    }
}

impl Report {
    /// Of a file, and perhaps another.
    pub fn new(
        file: &Path,
        against: Option<&Path>,
        size: Option<[u64; 2]>,
        rows: Vec<Row>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            file: file.display().to_string(),
            against: against.map(|path| path.display().to_string()),
            size,
            problems: Vec::new(),
            rows,
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
                row.version.clone().unwrap_or_else(dash),
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
                        .map_or_else(dash, |Ratio { spread, .. }| {
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
                let _ = write!(text, "\n{}: {error}", row.runtime);
            }
        }
        let mut told = Vec::new();
        for row in &self.rows {
            for change in &row.changes {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_between_the_numbers() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(
            (spread.lower_quartile, spread.median, spread.upper_quartile),
            (1.75, 2.5, 3.25)
        );
        let one = Spread::of(&[7.0]);
        assert_eq!(
            (one.lower_quartile, one.median, one.upper_quartile),
            (7.0, 7.0, 7.0)
        );
    }
}
