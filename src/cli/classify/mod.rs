//! `classify`: names what is on pictures, with any file whose metadata says how it wants them.

mod failure;
mod report;
mod table;

use super::exit::{Failure, Status};
use super::libraries::{self, Libraries};
use super::print;
use super::worker::host;
use clap::Args;
use efficientnet_onnx::classify::{Classifier, ClassifyFailure, ClassifyNote, ClassifyOptions};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::network::ClassActivation;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::hint::Hint;
use efficientnet_onnx::runtime::outcome::Trouble;
use report::Report;
use std::path::PathBuf;
use std::time::Duration;

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
    /// Time limit of the runtime [default: 60, and 2 more for each GMAC over all pictures; at most 3600, or 4 a picture]
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
    let options = args.options()?;
    if !args.quiet {
        tell_of(&classifier);
    }
    let mut tell = |note: ClassifyNote<'_>| match note {
        ClassifyNote::Unloadable(error) => print::error(&Failure::from(error)),
        _ if args.quiet => {}
        ClassifyNote::PassedOver(passed_over) => tell!("note: {passed_over}"),
        ClassifyNote::Changed(change) => {
            tell!("note: {} ran a copy of the file: {change}", options.runtime);
        }
    };
    let host = host(args.libraries.places());
    let found = classifier.classify(&args.pictures, &options, &host, &mut tell)?;
    let mut status = Status::Done;
    if found.pictures.iter().any(|picture| picture.error.is_some()) {
        status = Status::BadInput;
    }
    let error = found.failure.as_ref().map(|failure| {
        let (error, failure) = words(options.runtime, failure);
        print::error(&failure);
        status = status.and(failure.status);
        error
    });
    let activation = classifier.activation();
    let mut report = Report::new(&args.file, options.runtime, activation, found);
    report.error = error;
    let untrained = classifier.untrained();
    if !untrained.is_nothing() {
        report.untrained = Some(untrained.to_string());
    }
    if args.json {
        print::line(print::json(&report)?)?;
    } else if let Some(text) = table::render(&report) {
        print::line(text)?;
    }
    Ok(status)
}

impl ClassifyArgs {
    fn options(&self) -> Result<ClassifyOptions, Failure> {
        self.libraries.check(self.runtime.as_slice())?;
        let default = ClassifyOptions::default();
        let by_default = match self.libraries.ort_lib {
            Some(_) => RuntimeName::OrtCpu,
            None => default.runtime,
        };
        Ok(ClassifyOptions {
            runtime: self.runtime.unwrap_or(by_default),
            top: usize::from(self.top),
            limit: self.timeout.map(Duration::from_secs),
        })
    }
}

/// What to know of a file before its answers are believed.
fn tell_of(classifier: &Classifier) {
    for found in &classifier.facts().contradictions {
        tell!("note: `{}`: {found}", classifier.path().shown());
    }
    let untrained = classifier.untrained();
    if !untrained.is_nothing() {
        tell!("note: `{}` has {untrained}", classifier.path().shown());
    }
    if classifier.activation() == ClassActivation::Sigmoid && classifier.classes() > 1 {
        tell!(
            "note: each class has its own probability (sigmoid): a picture may be of several, or of none"
        );
    }
}

/// Why not all pictures were classified, for the report, and in short with what to do about it.
fn words(runtime: RuntimeName, failure: &ClassifyFailure) -> (String, Failure) {
    let trouble = match failure {
        ClassifyFailure::Outputs(error) => {
            let failure = Failure {
                status: Status::Disagrees,
                ..Failure::bad_input(error)
            };
            return (failure.message.clone(), failure);
        }
        ClassifyFailure::Trouble(trouble) => trouble,
    };
    let short = match trouble {
        Trouble::Refused { .. } | Trouble::NoMemory { .. } => trouble.summary(),
        _ => trouble.predicate(),
    };
    let (status, hint) = match trouble {
        Trouble::Unavailable { hints, .. } => (Status::Unavailable, libraries::hints(hints)),
        Trouble::NoMemory { .. } => (Status::Disagrees, Some(libraries::hint(&Hint::MemoryLimit))),
        Trouble::TimedOut { .. } => (
            Status::Disagrees,
            Some("allow more with `--timeout`".to_owned()),
        ),
        _ => (Status::Disagrees, None),
    };
    let failure = Failure {
        status,
        message: format!("{runtime}: {}", short.trim().shown()),
        hint,
    };
    (format!("{runtime}: {}", trouble.predicate()), failure)
}
