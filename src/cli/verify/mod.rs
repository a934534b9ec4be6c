//! `verify`: runs a file in every runtime and says whether they agree.

mod attempts;
mod bisect;
mod device;
mod feed;
mod html;
mod images;
mod lab;
mod pair;
mod profile;
mod self_test;
mod table;
mod words;

pub use words::json;

use super::exit::{Failure, Status};
use super::libraries::Libraries;
use super::{print, written};
use attempts::Wanted;
use clap::Args;
use efficientnet_onnx::files::{Inputs, Output};
use efficientnet_onnx::onnx::check::{self, Finding, OpenError};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::verify::note::Note;
use efficientnet_onnx::verify::report::{Problem, Report, Verdict};
use efficientnet_onnx::verify::subject::Subject;
use efficientnet_onnx::verify::tolerance::Limits;
use efficientnet_onnx::verify::{
    ReferenceRun, Settings, disagreeing, judge_against, plan, read, reference_of, rejected,
    tell_rounding,
};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs a file in every runtime that is here, and compares what they compute.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The file to verify.
    file: PathBuf,
    /// A second file, which should compute the same: each runtime runs it, and is compared with the first file.
    other: Option<PathBuf>,
    #[command(flatten)]
    request: Request,
    /// Where outputs differ, find the first node that does: for each runtime, or between two files.
    #[arg(long, conflicts_with_all = ["expect", "self_test", "html", "images"])]
    bisect: bool,
    /// Put mistakes into copies of the file, one at a time, and show that each runtime's outputs reveal them.
    #[arg(long, conflicts_with_all = ["other", "expect", "test_data", "html", "images"])]
    self_test: bool,
    /// Also write the result as a page for browsers, in place of a file that is there.
    #[arg(long, value_name = "FILE", conflicts_with = "images")]
    html: Option<PathBuf>,
    /// Instead say how often each runtime names the right class of the pictures in this folder: one folder for each
    /// class, or `labels.csv` in it, with lines `picture,class`.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["other", "input", "expect", "test_data", "noise", "batch", "size"])]
    images: Option<PathBuf>,
    /// The classes of the pictures, in place of folders and `labels.csv`.
    #[arg(long, value_name = "FILE", requires = "images")]
    labels_csv: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Print no notes and no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// How a file is to be verified.
#[derive(Clone, Debug, Default, Args)]
pub struct Request {
    /// Runtimes to run, all of them: `reference`, `tract`, `ort-cpu`, `ort-cuda` [default: tract, ort-cpu if its
    /// library is found, and reference up to 2 GMACs an image].
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub runtime: Vec<RuntimeName>,
    #[command(flatten)]
    pub libraries: Libraries,
    /// Time limit of each runtime [default: 60, and 2 more for each GMAC over all images].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
    #[command(flatten)]
    pub feed: feed::FeedArgs,
    /// Seed of the noise that the file is run with.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Allowed difference, relative to the element [default: 1e-4; 1e-3 in CUDA; more for half precision].
    #[arg(long, value_name = "X", value_parser = tolerance)]
    pub rtol: Option<f64>,
    /// Allowed difference, relative to the largest element [default: 5e-5; 1e-4 in CUDA; more for half precision].
    #[arg(long, value_name = "X", value_parser = tolerance)]
    pub atol: Option<f64>,
    /// Threads of ONNX Runtime; tract uses one [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// Runs `verify`.
pub fn main(arguments: &Arguments) -> Result<Status, Failure> {
    if let Some(folder) = &arguments.images {
        return images::verify(arguments, folder);
    }
    let (text, status) = if arguments.self_test {
        self_test::run(arguments)?
    } else if arguments.bisect {
        bisect::run(arguments)?
    } else {
        plain(arguments)?
    };
    print::text(&text)?;
    Ok(status)
}

/// Verifies, and no more; the text to print.
fn plain(arguments: &Arguments) -> Result<(String, Status), Failure> {
    let shown = arguments.file.display().to_string();
    // A page that cannot be written is said before the runtimes take their time.
    let page = match &arguments.html {
        Some(path) => Some(Page::open(path, &arguments.inputs())?),
        None => None,
    };
    let report = match &arguments.other {
        None => verify_path(&arguments.file, &shown, &arguments.request, arguments.quiet)?,
        Some(other) => pair::verify(&arguments.file, other, &arguments.request, arguments.quiet)?,
    };
    if let Some(page) = page {
        let profiles = match &arguments.other {
            None => profile::profiles(&arguments.file, &arguments.request, &report)?,
            Some(_) => Vec::new(),
        };
        page.write(&html::page(&report, &profiles))?;
    }
    Ok((text(&report, arguments.json)?, status(&report)))
}

/// A report as it is printed.
fn text(report: &Report, json: bool) -> Result<String, Failure> {
    if !json {
        return Ok(table::render(report));
    }
    Ok(format!("{:#}\n", words::json(report)?))
}

impl Arguments {
    /// Every file that is read.
    fn inputs(&self) -> Inputs {
        let request = &self.request;
        let mut inputs = Inputs::none();
        for model in [&self.file].into_iter().chain(&self.other) {
            inputs.add(model);
            // What is no model is said later.
            let data = ModelFile::open(model).map(|model| model.data_files());
            data.iter().flatten().for_each(|path| inputs.add(path));
        }
        let feed = &request.feed;
        let given = feed.input.iter().chain(&feed.expect);
        let given = given
            .chain(&feed.test_data)
            .chain(&request.libraries.ort_lib);
        given.for_each(|path| inputs.add(path));
        inputs
    }
}

/// Where `--html` goes: a page that is there stays whole until the new one is complete.
struct Page<'a> {
    path: &'a Path,
    output: Output,
}

impl<'a> Page<'a> {
    fn open(path: &'a Path, inputs: &Inputs) -> Result<Self, Failure> {
        let output = Output::open(path, true, inputs).map_err(|error| written::output(&error))?;
        Ok(Self { path, output })
    }

    fn write(self, text: &str) -> Result<(), Failure> {
        let failed =
            |error| Failure::bad_input(format!("cannot write `{}`: {error}", self.path.display()));
        match self.output {
            Output::Stream(mut device) => device.write_all(text.as_bytes()).map_err(failed),
            Output::Staged(staged) => {
                let bad = |error| written::output(&error);
                let mut file = staged.create(None).map_err(bad)?;
                file.write_all(text.as_bytes()).map_err(failed)?;
                staged.commit(None).map_err(bad)
            }
        }
    }
}

/// Verifies a file that is called `shown` in the report; prints the report's notes unless `quiet`.
///
/// # Errors
/// If the file cannot be read or decoded, or cannot be tried.
pub fn verify_path(
    file: &Path,
    shown: &str,
    request: &Request,
    quiet: bool,
) -> Result<Report, Failure> {
    let settings = settings(request, shown);
    let opened = match open(file)? {
        Ok(opened) => opened,
        Err(problems) => return Ok(rejected(&settings, problems)),
    };
    let subject = read::subject(&opened.model);
    let feed = request
        .feed
        .prepare(&opened.model, &subject, request.seed, shown)?;
    let run = Wanted {
        file,
        subject: &subject,
        inputs: &feed.inputs,
        leave_out: &subject.leave_out(),
        limit: limit(request, &subject, &feed.cases),
        progress: progress(quiet),
    };
    let made = attempts::make(&run, request)?;
    let given = feed.expected.as_ref().map(|cases| ReferenceRun {
        name: "stored outputs",
        runtime: None,
        place: None,
        cases,
    });
    let base = given.or_else(|| reference_of(&made.runs));
    let mut report = judge_against(&settings, &subject, &feed.cases, base, &made.runs);
    let by_reference = base.filter(|base| base.runtime == Some(RuntimeName::Reference));
    if let Some(base) = by_reference
        && disagreeing(&report).is_some()
    {
        let rounded = attempts::make_rounded(&run, request)?;
        tell_rounding(&mut report, &subject, base.cases, &rounded.cases);
    }
    let complete = base.filter(|base| base.cases.len() == feed.cases.len());
    let written = feed.write(complete.map(|base| base.cases))?;
    report.notes.extend(written);
    report.notes.splice(0..0, opened.warnings);
    report.notes.extend(made.notes);
    print_notes(&report, quiet);
    Ok(report)
}

/// A file whose rules hold.
struct Opened {
    model: ModelFile,
    /// What is worth a note.
    warnings: Option<Note>,
}

/// Reads and checks a file; the rules that it breaks, if it breaks any.
fn open(file: &Path) -> Result<Result<Opened, Vec<Problem>>, Failure> {
    match check::open(file) {
        Ok(sound) => Ok(Ok(Opened {
            model: sound.file,
            warnings: warnings_note(&sound.warnings),
        })),
        Err(OpenError::Broken(broken)) => Ok(Err(broken.errors.into_iter().map(problem).collect())),
        Err(error) => Err(Failure::bad_input(error)),
    }
}

fn settings(request: &Request, shown: &str) -> Settings {
    Settings {
        file: shown.to_owned(),
        seed: request.seed,
        limits: Limits {
            rtol: request.rtol,
            atol: request.atol,
        },
    }
}

fn limit(request: &Request, subject: &Subject, cases: &[plan::Case]) -> Duration {
    let seconds = request
        .timeout
        .unwrap_or_else(|| plan::default_seconds(subject, cases));
    Duration::from_secs(seconds)
}

fn progress(quiet: bool) -> bool {
    !quiet && io::stderr().is_terminal()
}

fn print_notes(report: &Report, quiet: bool) {
    for note in report.notes.iter().filter(|_| !quiet) {
        tell!("note: {}", words::note(note));
    }
}

/// A report as people read it.
pub fn table(report: &Report) -> String {
    table::render(report)
}

fn problem(finding: Finding) -> Problem {
    Problem {
        code: finding.code,
        node: finding.node,
        message: finding.message,
    }
}

/// A file of another program can have hundreds of warnings; how many, and which, is enough here.
fn warnings_note(warnings: &[Finding]) -> Option<Note> {
    let mut counts = BTreeMap::new();
    for warning in warnings {
        *counts.entry(warning.code).or_default() += 1;
    }
    (!counts.is_empty()).then_some(Note::Warnings(counts))
}

/// The exit status of a report.
pub fn status(report: &Report) -> Status {
    match report.verdict {
        Verdict::Agree | Verdict::RanNotCompared => Status::Done,
        Verdict::Disagree => Status::Disagrees,
        Verdict::Unavailable => Status::Unavailable,
    }
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err("expected a number that is at least 0".to_owned()),
    }
}
