//! `classify`: names what is on pictures, with any file whose metadata says how it wants them.

mod failure;
mod maps;
mod report;
mod table;
mod told;

use super::exit::{Failure, Status};
use super::libraries::{self, Libraries};
use super::worker::host;
use super::{picture, print};
use clap::Args;
use efficientnet_onnx::classify::{
    Classification, Classifier, ClassifyFailure, ClassifyNote, ClassifyOptions,
};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::network::ClassActivation;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::hint::Hint;
use efficientnet_onnx::runtime::outcome::Trouble;
use efficientnet_onnx::runtime::process::Host;
use maps::MapArgs;
use report::{Report, Reports};
use std::path::PathBuf;
use std::time::Duration;
use told::ToldArgs;

/// Flags of `classify`.
#[derive(Debug, Args)]
#[command(
    override_usage = "efficientnet-onnx classify [OPTIONS] <FILE> <PICTURE>...\n       efficientnet-onnx classify [OPTIONS] --cam <OUT.png> <FILE>... -- <PICTURE>..."
)]
pub struct ClassifyArgs {
    /// The file to run: one that `emit` wrote, or any other, with flags that tell how pictures are prepared
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The pictures: JPEG or PNG
    #[arg(value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// What stands behind `--`.
    #[arg(last = true, value_name = "PICTURE", hide = true)]
    behind: Vec<PathBuf>,
    /// Take pictures as their pixels are stored, as Pillow and timm do [default: turned upright as their EXIF records say]
    #[arg(long)]
    ignore_exif: bool,
    #[command(flatten)]
    told: ToldArgs,
    #[command(flatten)]
    maps: MapArgs,
    /// The runtime: `tract`, `ort-cpu`, `ort-cuda` or `reference` [default: tract; ort-cpu with `--ort-lib`]
    #[arg(long, value_name = "NAME")]
    runtime: Option<RuntimeName>,
    #[command(flatten)]
    libraries: Libraries,
    /// Time limit of the runtime [default: 60, and 2 more for each GMAC over all pictures; at most 3600, or 4 a picture]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// How many classes to name for each picture [default: all that reach the file's thresholds; 5 where it has none]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    top: Option<u16>,
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
/// If a file cannot be read or is not made for pictures, on bad usage, and on Ctrl-C.
pub fn run(args: &ClassifyArgs) -> Result<Status, Failure> {
    let (files, pictures) = args.files_and_pictures()?;
    if args.json && args.maps.takes_stdout() {
        let message = "`--json` and `--cam -` both write to standard output";
        return Err(
            Failure::bad_input(message).hint("write the figure to a file, or leave `--json` out")
        );
    }
    let told = args.told.told();
    let files = files.iter().map(|file| Classifier::open_told(file, &told));
    let mut classifiers = files.collect::<Result<Vec<_>, _>>()?;
    for classifier in &mut classifiers {
        classifier.orientation = picture::orientation(args.ignore_exif);
    }
    let options = args.options()?;
    let drawing = args.maps.prepare(&classifiers, &pictures, args.quiet)?;
    let host = host(args.libraries.places());
    let (mut reports, mut all) = (Vec::new(), Vec::new());
    let mut status = Status::Done;
    for (index, classifier) in classifiers.iter().enumerate() {
        let map = drawing.as_ref().and_then(|drawing| drawing.class(index));
        let options = ClassifyOptions {
            map,
            ..options.clone()
        };
        let (report, found, one) = args.classify(classifier, &pictures, &options, &host)?;
        status = status.and(one);
        reports.push(report);
        all.push(found);
    }
    let mut figure = None;
    if let Some(drawing) = drawing {
        let found: Vec<_> = classifiers.iter().zip(&all).collect();
        let path = drawing.path();
        figure = drawing.finish(&found)?.then_some(path);
    }
    if args.json {
        print::line(Reports::new(reports, figure).json()?)?;
    } else if !args.maps.takes_stdout() {
        let texts: Vec<String> = reports.iter().filter_map(table::render).collect();
        if !texts.is_empty() {
            print::line(texts.join("\n\n"))?;
        }
    }
    Ok(status)
}

impl ClassifyArgs {
    /// The files to run, and the pictures: one file, then pictures; with `--cam` also several files, `--`, and pictures.
    fn files_and_pictures(&self) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
        let mut paths: Vec<PathBuf> = self.file.iter().chain(&self.pictures).cloned().collect();
        let mut behind = self.behind.clone();
        if !self.maps.is_asked_for() || paths.is_empty() || behind.is_empty() {
            paths.append(&mut behind);
            behind = paths.split_off(paths.len().min(1));
        }
        if behind.is_empty() {
            let found = paths.first().map_or("neither".to_owned(), |file| {
                format!("only `{}`", file.shown())
            });
            let message = format!("expected a file and the pictures to classify, found {found}");
            return Err(Failure::bad_input(message));
        }
        Ok((paths, behind))
    }

    /// Classifies all pictures with one file, and says on standard error what happens.
    fn classify(
        &self,
        classifier: &Classifier,
        pictures: &[PathBuf],
        options: &ClassifyOptions,
        host: &Host,
    ) -> Result<(Report, Classification, Status), Failure> {
        if !self.quiet {
            tell_of(classifier);
        }
        let mut tell = |note: ClassifyNote<'_>| match note {
            ClassifyNote::Unloadable(error) => print::error(&Failure::from(error)),
            _ if self.quiet => {}
            ClassifyNote::PassedOver(passed_over) => tell!("note: {passed_over}"),
            ClassifyNote::Changed(change) => {
                tell!("note: {} ran a copy of the file: {change}", options.runtime);
            }
        };
        let found = classifier.classify(pictures, options, host, &mut tell)?;
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
        let mut report = Report::new(classifier.path(), options.runtime, activation, &found);
        let thresholds = classifier.thresholds();
        report.thresholds = thresholds.map(|thresholds| thresholds.numbers().to_vec());
        report.error = error;
        let untrained = classifier.untrained();
        if !untrained.is_nothing() {
            report.untrained = Some(untrained.to_string());
        }
        Ok((report, found, status))
    }

    fn options(&self) -> Result<ClassifyOptions, Failure> {
        self.libraries.check(self.runtime.as_slice())?;
        let default = ClassifyOptions::default();
        let by_default = match self.libraries.ort_lib {
            Some(_) => RuntimeName::OrtCpu,
            None => default.runtime,
        };
        Ok(ClassifyOptions {
            runtime: self.runtime.unwrap_or(by_default),
            top: self.top.map(usize::from),
            map: None,
            limit: self.timeout.map(Duration::from_secs),
        })
    }
}

/// What to know of a file before its answers are believed.
fn tell_of(classifier: &Classifier) {
    for found in &classifier.facts().contradictions {
        tell!("note: `{}`: {found}", classifier.path().shown());
    }
    if let Some(note) = told::note(classifier) {
        tell!("note: `{}`: {note}", classifier.path().shown());
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
