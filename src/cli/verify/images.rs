//! `verify --images`: how often each runtime names the right class of labelled pictures, and whether they agree.

use super::{VerifyArgs, status_of, tell};
use crate::cli::exit::{Failure, Status};
use crate::cli::print;
use crate::cli::text::counted;
use efficientnet_onnx::classify::{
    Accuracy, AccuracyError, Classifier, LABELS_FILE, LabelledError,
};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::runtime::refusal::RefusalText;
use efficientnet_onnx::verify::ranks::Agreement;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// Version of the JSON form.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    #[serde(flatten)]
    accuracy: &'a Accuracy,
}

/// Runs every labelled picture in every runtime; the text to print.
///
/// # Errors
/// If the file is not made for pictures, a label is not known, or a picture cannot be read.
pub fn run(args: &VerifyArgs, folder: &Path) -> Result<(String, Status), Failure> {
    let (file, verifier) = (&args.file, args.request.verifier()?);
    let mut classifier = Classifier::open(file)?;
    classifier.orientation = verifier.orientation;
    classifier.check_softmax(file)?;
    let pictures = match &args.labels_csv {
        Some(labels) => classifier.labelled_by_file(labels, folder)?,
        None => classifier.labelled(folder)?,
    };
    let mut tell = tell(args.quiet);
    let accuracy = classifier.accuracy(file, &pictures, &verifier, &mut tell)?;
    let text = if args.json {
        let output = Output {
            schema: SCHEMA,
            accuracy: &accuracy,
        };
        print::json(&output)?
    } else {
        render(&accuracy)
    };
    Ok((format!("{text}\n"), status_of(accuracy.verdict())))
}

impl From<LabelledError> for Failure {
    fn from(error: LabelledError) -> Self {
        let failure = Self::bad_input(&error);
        match error {
            LabelledError::ClassOfFolder { .. } => failure.hint(format!(
                "call folders by the class's number or name, or label the pictures in `{LABELS_FILE}`: `picture,class`"
            )),
            LabelledError::Outside { path, .. } => failure.hint(format!(
                "`--labels-csv {}` takes the pictures that the list names, wherever they are",
                path.shown()
            )),
            _ => failure,
        }
    }
}

impl From<AccuracyError> for Failure {
    fn from(error: AccuracyError) -> Self {
        match error {
            AccuracyError::Sigmoid(_) => Self::bad_input(format!(
                "{error}: `--images` counts how often the most probable class of all is the right one"
            ))
            .hint("`classify --json` prints the probabilities of every picture"),
            AccuracyError::Picture(error) => error.into(),
            AccuracyError::Memory(error) => Self::bad_input(error),
            AccuracyError::Session(error) => (*error).into(),
        }
    }
}

/// The scores in lines.
fn render(accuracy: &Accuracy) -> String {
    let mut text = format!(
        "{}: {}",
        accuracy.file.shown(),
        counted(accuracy.images as u64, "picture")
    );
    let share = |part: Agreement| {
        let percent = 100.0 * part.rows as f64 / part.of.max(1) as f64;
        format!("{}/{} ({percent:.2} %)", part.rows, part.of)
    };
    for score in &accuracy.runtimes {
        let version = score.version.as_deref().unwrap_or("-");
        let _ = write!(
            text,
            "\n  {:<10} {:<8} top-1 {}, top-5 {}, same first choice {}",
            score.name,
            version.shown().to_string(),
            share(score.top1),
            share(score.top5),
            share(score.agreement)
        );
        for change in &score.changes {
            let _ = write!(text, "\n    ran a copy of the file: {change}");
        }
        if let Some(error) = &score.error {
            let _ = write!(text, "\n    {}", RefusalText::read(error).line.shown());
        }
    }
    text
}
