//! `classify`: names what is on pictures, with any file whose metadata says how it wants them.

mod failure;
mod report;
mod table;

use super::exit::{Failure, Status};
use super::libraries::Libraries;
use super::worker::host;
use super::{interrupt, print};
use clap::Args;
use efficientnet_onnx::classify::Classifier;
use efficientnet_onnx::network::ClassActivation;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::outcome::Trouble;
use efficientnet_onnx::runtime::process::{Host, RunOptions};
use report::{PictureReport, Report};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Elements of prepared pictures that are kept at once: 256 MiB. Each such group loads the file again.
const GROUP_ELEMENTS: usize = 64 << 20;

/// Flags of `classify`.
#[derive(Debug, Args)]
pub struct ClassifyArgs {
    /// The file to run: one that `emit` wrote, or any whose metadata says how pictures are prepared
    file: PathBuf,
    /// The pictures: JPEG or PNG
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// The runtime: `tract`, `ort-cpu`, `ort-cuda` or `reference` [default: tract; ort-cpu with `--ort-lib`]
    #[arg(long, value_name = "NAME")]
    runtime: Option<RuntimeName>,
    #[command(flatten)]
    libraries: Libraries,
    /// Time limit of the runtime [default: 60, and 2 more for each GMAC over all pictures]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// How many classes to name for each picture
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Print the result as JSON on standard output
    #[arg(long)]
    json: bool,
    /// No notes
    #[arg(long, short)]
    quiet: bool,
}

/// Classifies every picture that can be read; one that cannot is reported, and the others still are.
///
/// # Errors
///
/// If the file cannot be read or is not made for pictures, on bad usage, and on Ctrl-C.
pub fn run(args: &ClassifyArgs) -> Result<Status, Failure> {
    let classifier = Classifier::open(&args.file)?;
    let runtime = args.runtime()?;
    let mut report = Report::new(&args.file, runtime, classifier.activation());
    if !classifier.untrained().is_nothing() {
        if !args.quiet {
            tell!(
                "note: `{}` has {}",
                args.file.display(),
                classifier.untrained()
            );
        }
        report.untrained = Some(classifier.untrained().to_string());
    }
    if classifier.activation() == ClassActivation::Sigmoid
        && classifier.classes() > 1
        && !args.quiet
    {
        tell!(
            "note: each class has its own probability (sigmoid): a picture may be of several, or of none"
        );
    }
    let seconds = args
        .timeout
        .unwrap_or_else(|| classifier.seconds(args.pictures.len()));
    let leave_out = classifier.leave_out();
    let mut job = Job {
        classifier,
        options: RunOptions {
            leave_out,
            ..RunOptions::new(runtime, &args.file)
        },
        host: host(args.libraries.places()),
        limit: Duration::from_secs(seconds),
        top: usize::from(args.top),
        quiet: args.quiet,
        report,
    };
    let mut status = Status::Done;
    let per_group = (GROUP_ELEMENTS / job.classifier.row_elements()).max(1);
    for pictures in args.pictures.chunks(per_group) {
        let (rows, loaded) = job.load(pictures)?;
        status = status.and(loaded);
        if !rows.is_empty() {
            status = status.and(job.run(rows)?);
        }
        if job.report.error.is_some() {
            break;
        }
    }
    if args.json {
        print::line(serde_json::to_string_pretty(&job.report).map_err(Failure::bad_input)?)?;
    } else if let Some(text) = table::render(&job.report) {
        print::line(text)?;
    }
    Ok(status)
}

impl ClassifyArgs {
    fn runtime(&self) -> Result<RuntimeName, Failure> {
        self.libraries.check(self.runtime.as_slice())?;
        let by_default = || match self.libraries.ort_lib {
            Some(_) => RuntimeName::OrtCpu,
            // The fastest that is built; without tract and ONNX Runtime that is the reference.
            None => [RuntimeName::Tract, RuntimeName::OrtCpu]
                .into_iter()
                .find(|runtime| runtime.is_built())
                .unwrap_or(RuntimeName::Reference),
        };
        Ok(self.runtime.unwrap_or_else(by_default))
    }
}

/// What every group of pictures needs, and what came of them.
struct Job {
    classifier: Classifier,
    options: RunOptions,
    host: Host,
    limit: Duration,
    top: usize,
    quiet: bool,
    report: Report,
}

/// A prepared picture with its index in the report.
type Row = (usize, Vec<f32>);

impl Job {
    /// Prepares pictures; what is wrong with one is printed and reported.
    fn load(&mut self, pictures: &[PathBuf]) -> Result<(Vec<Row>, Status), Failure> {
        let (mut rows, mut status) = (Vec::new(), Status::Done);
        for path in pictures {
            if interrupt::requested() {
                return Err(Failure {
                    status: Status::Interrupted,
                    message: "interrupted".to_owned(),
                    hint: None,
                });
            }
            let start = Instant::now();
            let loaded = self.classifier.load(path);
            let mut reported = PictureReport::new(path, start.elapsed().as_secs_f64());
            match loaded {
                Ok(row) => rows.push((self.report.pictures.len(), row)),
                Err(error) => {
                    let failure = Failure::from(error);
                    tell!("{failure}");
                    status = status.and(failure.status);
                    reported.error = Some(failure.message);
                }
            }
            self.report.pictures.push(reported);
        }
        Ok((rows, status))
    }

    /// Runs prepared pictures and reports what is on them. What the runtime does wrong is printed and reported.
    fn run(&mut self, rows: Vec<Row>) -> Result<Status, Failure> {
        let (mut cases, mut members) = (Vec::new(), Vec::new());
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let (indices, pictures): (Vec<usize>, Vec<Vec<f32>>) =
                rows.by_ref().take(self.classifier.batch()).unzip();
            cases.push(vec![self.classifier.input(&pictures)]);
            members.push(indices);
        }
        let tried = self.host.run(&self.options, &cases, self.limit)?;
        if !self.quiet {
            for passed_over in &tried.passed_over {
                tell!("note: {passed_over}");
            }
        }
        for change in &tried.changes {
            if !self.quiet && !self.report.changes.contains(change) {
                tell!(
                    "note: {} ran a copy of the file: {change}",
                    self.options.runtime
                );
            }
        }
        self.report.changes = tried.changes;
        let outcome = tried.outcome;
        self.report.version = outcome.version.or(self.report.version.take());
        add(&mut self.report.load_seconds, outcome.load_seconds);
        for (case, indices) in outcome.cases.iter().zip(members) {
            add(&mut self.report.prepare_seconds, Some(case.prepare_seconds));
            match self.classifier.probabilities(&case.outputs) {
                Ok(rows) => {
                    for (index, row) in indices.into_iter().zip(rows) {
                        let picture = &mut self.report.pictures[index];
                        picture.run_seconds = Some(case.run_seconds);
                        picture.top = self.classifier.top(&row, self.top);
                    }
                }
                Err(error) => return Ok(self.report.fail(error.into())),
            }
        }
        match outcome.trouble {
            Some(trouble) => {
                let runtime = self.options.runtime;
                let full = match &trouble {
                    Trouble::Refused { message } => Some(format!("{runtime}: {message}")),
                    _ => None,
                };
                let status = self.report.fail(failure(runtime, trouble));
                self.report.error = full.or(self.report.error.take());
                Ok(status)
            }
            None => Ok(Status::Done),
        }
    }
}

fn add(total: &mut Option<f64>, seconds: Option<f64>) {
    if let Some(seconds) = seconds {
        *total = Some(total.unwrap_or_default() + seconds);
    }
}

fn failure(runtime: RuntimeName, trouble: Trouble) -> Failure {
    let summary = trouble.summary();
    let (status, message, hint) = match trouble {
        Trouble::Unavailable { reason, hint } => (Status::Unavailable, reason, hint),
        Trouble::Refused { .. } | Trouble::Lacks { .. } => (Status::Disagrees, summary, None),
        Trouble::Crashed { message } => (Status::Disagrees, format!("crashed: {message}"), None),
        Trouble::TimedOut { seconds } => {
            let hint = Some("allow more with `--timeout`".to_owned());
            (
                Status::Disagrees,
                format!("not done after {seconds} s"),
                hint,
            )
        }
    };
    Failure {
        status,
        message: format!("{runtime}: {message}"),
        hint,
    }
}
