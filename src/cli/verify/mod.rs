//! `verify`: runs a file in every runtime and says whether they agree.

mod bisect;
mod device;
mod failure;
mod feed;
mod html;
mod images;
mod profile;
mod range;
mod self_test;
mod table;
mod words;

pub use words::json;

use super::exit::{Failure, Status};
use super::libraries::Libraries;
use super::page::Page;
use super::worker::host;
use super::{picture, print, written};
use clap::Args;
use efficientnet_onnx::files::{Inputs, refuse_same};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::verify::note::VerifyNote;
use efficientnet_onnx::verify::report::{Report, Verdict};
use efficientnet_onnx::verify::session::{Update, Verifier};
use efficientnet_onnx::verify::tolerance::Limits;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs a file in every runtime that is here, and compares what they compute.
#[derive(Debug, Args)]
pub struct VerifyArgs {
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
    /// List how large each value is beside the ranges of f16 and bf16, and how far the outputs move where it is rounded;
    /// with `--images`, on up to 64 pictures of that folder.
    #[arg(long, conflicts_with_all = ["other", "bisect", "self_test", "html", "expect", "test_data", "labels_csv"])]
    range: bool,
    /// With `--range`, list every value [default: the worst 20].
    #[arg(long, requires = "range")]
    all: bool,
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
    /// Time limit of each runtime [default: 60, and 2 more for each GMAC over all images; at most 3600].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
    #[command(flatten)]
    pub feed: feed::FeedArgs,
    /// Take pictures, of `--images` too, as their pixels are stored, as Pillow and timm do [default: turned upright as their
    /// EXIF records say].
    #[arg(long)]
    pub ignore_exif: bool,
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
pub fn run(args: &VerifyArgs) -> Result<Status, Failure> {
    let (text, status) = if args.range {
        range::run(args)?
    } else if let Some(folder) = &args.images {
        images::run(args, folder)?
    } else if args.self_test {
        self_test::run(args)?
    } else if args.bisect {
        bisect::run(args)?
    } else {
        plain(args)?
    };
    print::text(&text)?;
    Ok(status)
}

/// Verifies, and no more; the text to print.
fn plain(args: &VerifyArgs) -> Result<(String, Status), Failure> {
    // A page that cannot be written is said before the runtimes take their time.
    let written = args.request.feed.test_data.iter();
    // Test data that is there is read.
    for (page, data) in args
        .html
        .iter()
        .zip(written.filter(|folder| !folder.exists()))
    {
        refuse_same(page, data).map_err(|error| written::output(&error))?;
    }
    let page = match &args.html {
        Some(path) => Some(Page::open(path, true, &args.inputs(), args.quiet)?),
        None => None,
    };
    let verifier = args.request.verifier()?;
    let (file, mut tell) = (&args.file, tell(args.quiet));
    let report = match &args.other {
        None => verifier.verify(file, &mut tell)?,
        Some(other) => verifier.verify_pair([file, other], &mut tell)?,
    };
    print_notes(&report, args.quiet);
    if let Some(page) = page {
        let profiles = match &args.other {
            None => verifier.profile(file, &report)?,
            Some(_) => Vec::new(),
        };
        page.write(html::page(&report, &profiles))?;
    }
    Ok((text(&report, args.json)?, status(&report)))
}

/// A report as it is printed.
fn text(report: &Report, json: bool) -> Result<String, Failure> {
    if !json {
        return Ok(table::render(report));
    }
    Ok(format!("{}\n", print::json(&words::json(report)?)?))
}

impl VerifyArgs {
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

/// Verifies a file that is called `shown` in the report, with defaults; prints the report's notes unless `quiet`.
///
/// # Errors
/// If the file cannot be read or decoded, or cannot be tried.
pub fn verify_path(file: &Path, shown: &str, quiet: bool) -> Result<Report, Failure> {
    let verifier = usual(shown)?;
    let report = verifier.verify(file, &mut tell(quiet))?;
    print_notes(&report, quiet);
    Ok(report)
}

/// A verifier with defaults for a file that is called `shown`.
pub fn usual(shown: &str) -> Result<Verifier, Failure> {
    Ok(Verifier {
        name: Some(shown.to_owned()),
        ..Request::default().verifier()?
    })
}

impl Request {
    /// The verifier that these flags ask for, in worker processes.
    fn verifier(&self) -> Result<Verifier, Failure> {
        self.libraries.check(&self.runtime)?;
        Ok(Verifier {
            runtimes: self.runtime.clone(),
            threads: self.threads.map(usize::from),
            limit: self.timeout.map(Duration::from_secs),
            source: self.feed.source()?,
            orientation: picture::orientation(self.ignore_exif),
            seed: self.seed,
            limits: Limits {
                rtol: self.rtol,
                atol: self.atol,
            },
            ..Verifier::new(host(self.libraries.places()))
        })
    }
}

/// Says on standard error what happens: progress on a terminal alone, and nothing if `quiet`.
pub fn tell(quiet: bool) -> impl FnMut(Update<'_>) {
    let live = !quiet && io::stderr().is_terminal();
    move |update| match update {
        Update::Note(note) if !quiet => tell!("note: {}", words::note(note)),
        Update::Note(_) => {}
        _ if !live => {}
        Update::Running { runtime, limit } => {
            tell!("running in {runtime}, for at most {} s", limit.as_secs());
        }
        Update::Rounding => tell!("running in reference with every value rounded"),
        Update::RunningPictures { runtime, group, of } => {
            tell!("running pictures in {runtime}: {group} of {of}");
        }
        Update::RoundingValues { done, of } => tell!("rounding values: {done} of {of} done"),
        Update::Searching { runtime, reference } => tell!("bisect: {runtime} against {reference}"),
        Update::Searched(level) => tell!("{}", bisect::line(level)),
        Update::Tried(trial) => tell!("{}", self_test::line(trial)),
    }
}

fn print_notes(report: &Report, quiet: bool) {
    print_note_list(&report.notes, quiet);
}

/// Prints notes unless `quiet`.
pub fn print_note_list(notes: &[VerifyNote], quiet: bool) {
    for note in notes.iter().filter(|_| !quiet) {
        tell!("note: {}", words::note(note));
    }
}

/// A report as people read it.
pub fn table(report: &Report) -> String {
    table::render(report)
}

/// The exit status of a report.
pub fn status(report: &Report) -> Status {
    status_of(report.verdict)
}

/// The exit status of a verdict.
fn status_of(verdict: Verdict) -> Status {
    match verdict {
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
