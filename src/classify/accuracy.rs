//! `verify --images`: how often each runtime names the right class of labelled pictures, and whether they agree.

use super::{Arguments, tell};
use crate::cli::exit::{Failure, Status};
use crate::cli::print;
use crate::cli::text::counted;
use efficientnet_onnx::classify::Classifier;
use efficientnet_onnx::network::ClassActivation;
use efficientnet_onnx::onnx::file::plain::Change;
use efficientnet_onnx::runtime::outcome::Trouble;
use efficientnet_onnx::runtime::refusal::Refusal;
use efficientnet_onnx::verify::ranks::{Agreement, largest};
use efficientnet_onnx::verify::session::{ToRun, Update, is_picture};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Version of the JSON form.
const SCHEMA: u32 = 1;
/// Pictures that are prepared at once: each takes a megabyte at 224 pixels.
const GROUP: usize = 64;
/// Pictures that are taken.
const MOST_PICTURES: usize = 1_000_000;
/// The name of the file of labels in a folder of pictures.
const LABELS_FILE: &str = "labels.csv";

#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    file: String,
    images: usize,
    runtimes: Vec<Score>,
}

#[derive(Debug, Serialize)]
struct Score {
    name: &'static str,
    version: Option<String>,
    /// Pictures whose most probable class is the right one.
    top1: Agreement,
    /// Pictures whose right class is among the five most probable.
    top5: Agreement,
    /// Pictures whose most probable class is the first runtime's.
    agreement: Agreement,
    /// How the copies that it ran differ from the file.
    changes: Vec<Change>,
    error: Option<String>,
    #[serde(skip)]
    first_choices: Vec<usize>,
    #[serde(skip)]
    unavailable: bool,
}

/// Runs every labelled picture in every runtime.
///
/// # Errors
/// If the file is not made for pictures, a label is not known, or a picture cannot be read.
pub fn verify(arguments: &Arguments, folder: &Path) -> Result<Status, Failure> {
    let file = &arguments.file;
    let (verifier, mut tell) = (arguments.request.verifier()?, tell(arguments.quiet));
    let model = Classifier::open(file)?;
    if model.activation() == ClassActivation::Sigmoid {
        let message = format!(
            "`{}` has a sigmoid, by which each class has its own probability, expected a softmax: `--images` counts how \
             often the most probable class of all is the right one",
            file.display()
        );
        return Err(Failure::bad_input(message)
            .hint("`classify --json` prints the probabilities of every picture"));
    }
    let in_folder = folder.join(LABELS_FILE);
    let pictures = match &arguments.labels_csv {
        Some(csv) => from_csv(csv, folder, &model)?,
        None if in_folder.exists() => from_csv(&in_folder, folder, &model)?,
        None => from_folders(folder, &model)?,
    };
    let mut report = Report {
        schema: SCHEMA,
        file: file.display().to_string(),
        images: pictures.len(),
        runtimes: Vec::new(),
    };
    for group in pictures.chunks(GROUP.next_multiple_of(model.batch())) {
        let mut inputs = Vec::new();
        for pictures in group.chunks(model.batch()) {
            let rows = pictures.iter().map(|(path, _)| model.load(path));
            inputs.push(vec![model.input(&rows.collect::<Result<Vec<_>, _>>()?)]);
        }
        let by_default = || Duration::from_secs(model.seconds(group.len()));
        let to_run = ToRun {
            file,
            subject: model.subject(),
            inputs: &inputs,
            leave_out: &model.leave_out(),
            limit: verifier.limit.unwrap_or_else(by_default),
        };
        let made = verifier.run_all(&to_run, &mut tell)?;
        if report.runtimes.is_empty() {
            made.notes.iter().for_each(|note| tell(Update::Note(note)));
            report.runtimes = made
                .runs
                .iter()
                .map(|run| Score::new(run.runtime.as_str()))
                .collect();
        }
        for (score, run) in report.runtimes.iter_mut().zip(&made.runs) {
            score.changes.clone_from(&run.changes);
            score.version = run.outcome.version.clone().or(score.version.take());
            let rows = run
                .outcome
                .cases
                .iter()
                .map(|case| model.probabilities(&case.outputs));
            match rows.collect::<Result<Vec<_>, _>>() {
                Ok(rows) => {
                    for (row, (_, class)) in rows.iter().flatten().zip(group) {
                        score.add(row, *class);
                    }
                }
                Err(error) => score.error = Some(error.to_string()),
            }
            if let Some(trouble) = &run.outcome.trouble {
                score.fail(trouble);
            }
        }
        if report.runtimes.iter().all(|score| score.error.is_some()) {
            break;
        }
    }
    report.compare();
    print::line(if arguments.json {
        serde_json::to_string_pretty(&report).map_err(Failure::bad_input)?
    } else {
        report.render()
    })?;
    Ok(report.status())
}

impl Score {
    fn new(name: &'static str) -> Self {
        let none = Agreement { rows: 0, of: 0 };
        Self {
            name,
            version: None,
            top1: none,
            top5: none,
            agreement: none,
            error: None,
            changes: Vec::new(),
            first_choices: Vec::new(),
            unavailable: false,
        }
    }

    fn add(&mut self, row: &[f64], class: usize) {
        let five = largest(row, 5);
        self.top1.of += 1;
        self.top5.of += 1;
        self.top1.rows += usize::from(five.first() == Some(&class));
        self.top5.rows += usize::from(five.contains(&class));
        self.first_choices.extend(five.first());
    }

    fn fail(&mut self, trouble: &Trouble) {
        self.unavailable |= matches!(trouble, Trouble::Unavailable { .. });
        self.error = Some(trouble.predicate());
    }
}

impl Report {
    /// Holds every runtime's choices against the first's.
    fn compare(&mut self) {
        let Some(base) = self.runtimes.iter().find(|score| score.error.is_none()) else {
            return;
        };
        let base = base.first_choices.clone();
        for score in &mut self.runtimes {
            let same = score
                .first_choices
                .iter()
                .zip(&base)
                .filter(|(one, other)| one == other);
            score.agreement = Agreement {
                rows: same.count(),
                of: base.len(),
            };
        }
    }

    fn status(&self) -> Status {
        let each = self.runtimes.iter().map(|score| match &score.error {
            Some(_) if score.unavailable => Status::Unavailable,
            Some(_) => Status::Disagrees,
            None if score.agreement.rows < score.agreement.of => Status::Disagrees,
            None => Status::Done,
        });
        let nothing = if self.runtimes.is_empty() {
            Status::Unavailable
        } else {
            Status::Done
        };
        each.fold(nothing, Status::and)
    }

    fn render(&self) -> String {
        let mut text = format!("{}: {}", self.file, counted(self.images as u64, "picture"));
        let share = |part: Agreement| {
            let percent = 100.0 * part.rows as f64 / part.of.max(1) as f64;
            format!("{}/{} ({percent:.2} %)", part.rows, part.of)
        };
        for score in &self.runtimes {
            let version = score.version.as_deref().unwrap_or("-");
            let _ = write!(
                text,
                "\n  {:<10} {version:<8} top-1 {}, top-5 {}, same first choice {}",
                score.name,
                share(score.top1),
                share(score.top5),
                share(score.agreement)
            );
            for change in &score.changes {
                let _ = write!(text, "\n    ran a copy of the file: {change}");
            }
            if let Some(error) = &score.error {
                let _ = write!(text, "\n    {}", Refusal::read(error).line);
            }
        }
        text
    }
}

/// A picture and its class.
type Labelled = (PathBuf, usize);

/// Lines of a path below `folder` and a class, by number or name; the first line may be a heading. A class's name may
/// have commas, with or without quotes.
fn from_csv(csv: &Path, folder: &Path, model: &Classifier) -> Result<Vec<Labelled>, Failure> {
    let bad = |reason: String| Failure::bad_input(format!("`{}`: {reason}", csv.display()));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(csv)
        .map_err(|error| bad(error.to_string()))?;
    let mut pictures = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| bad(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut fields = record.iter();
        let path = fields.next().unwrap_or_default();
        let class = fields.collect::<Vec<_>>().join(", ");
        if path.is_empty() && class.is_empty() {
            continue;
        }
        if path.is_empty() || class.is_empty() {
            return Err(bad(format!("line {line}: expected `picture,class`")));
        }
        let path = folder.join(path);
        match model.class_of(&class) {
            Some(class) => pictures.push((path, class)),
            None if line == 1 && !path.exists() => {}
            None => {
                return Err(bad(format!(
                    "line {line}: there is no class `{}`",
                    class.escape_debug()
                )));
            }
        }
    }
    if pictures.is_empty() {
        return Err(bad(
            "expected lines of `picture,class`, found none".to_owned()
        ));
    }
    Ok(pictures)
}

/// Pictures in one folder for each class, which is called by its number or name; or where there are as many folders as
/// classes, in the order of the folders' names.
fn from_folders(folder: &Path, model: &Classifier) -> Result<Vec<Labelled>, Failure> {
    let bad = |reason: String| Failure::bad_input(format!("`{}`: {reason}", folder.display()));
    let folders: Vec<PathBuf> = entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .collect();
    let in_order = folders.len() == model.classes();
    let mut pictures = Vec::new();
    for (place, of_class) in folders.iter().enumerate() {
        let name = of_class.file_name().unwrap_or_default().to_string_lossy();
        let class = model.class_of(&name).or(in_order.then_some(place)).ok_or_else(|| {
            bad(format!("there is no class `{}`", name.escape_debug()))
                .hint(format!("call folders by the class's number or name, or label the pictures in `{LABELS_FILE}`: `picture,class`"))
        })?;
        let files = entries(of_class)?
            .into_iter()
            .filter(|path| is_picture(path));
        pictures.extend(files.map(|path| (path, class)));
    }
    if pictures.is_empty() {
        return Err(bad(format!(
            "expected a folder of pictures for each class, or `{LABELS_FILE}`, found neither"
        )));
    }
    pictures.truncate(MOST_PICTURES);
    Ok(pictures)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::bad_input(format!("cannot read `{}`: {error}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests;
