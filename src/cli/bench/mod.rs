//! `bench`: how long a file takes in each runtime, with how many threads and images, and how much memory.

mod report;

use super::exit::{Failure, Status};
use super::libraries::Libraries;
use super::print;
use super::text;
use super::worker::host;
use clap::Args;
use efficientnet_onnx::onnx::check::{Level, check};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::outcome::{Outcome, Timings, Trouble};
use efficientnet_onnx::runtime::process::{Mode, RunOptions};
use efficientnet_onnx::tensor::NamedTensor;
use efficientnet_onnx::verify::plan::{PlanError, Wanted, cases_of};
use efficientnet_onnx::verify::subject::Subject;
use efficientnet_onnx::verify::{noise, read};
use report::{Problem, Ratio, Report, Row, Spread};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Flags of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The file to time
    file: PathBuf,
    /// Another file: both run by turns, and the ratio of their times is given
    #[arg(long, value_name = "OTHER")]
    against: Option<PathBuf>,
    /// Runtimes to time [default: tract, and ort-cpu if its library is found]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    runtime: Vec<RuntimeName>,
    #[command(flatten)]
    libraries: Libraries,
    /// Threads of ONNX Runtime; the others use one
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [1], value_parser = clap::value_parser!(u16).range(1..))]
    threads: Vec<u16>,
    /// Images at once, where the file's batch is symbolic [default: 1, or as many as the file has]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..))]
    batch: Vec<u64>,
    /// Size of an image where the file's is symbolic, height first, or one for both [default: the file's own]
    #[arg(long, value_name = "HxW", value_parser = text::size)]
    size: Option<[u64; 2]>,
    /// Runs that count, in each of five processes; three before them do not
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Time limit of each process
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Print the result as JSON on standard output
    #[arg(long)]
    json: bool,
    /// No notes
    #[arg(long, short)]
    quiet: bool,
}

/// A file, its inputs, and its outputs that are not wanted.
type Timed<'a> = (&'a Path, Vec<NamedTensor>, Vec<String>);

/// Processes for each row, one after the other; with two files by turns.
const PROCESSES: usize = 5;

/// Times a file.
///
/// # Errors
///
/// If a file cannot be read or cannot be tried, and on Ctrl-C.
pub fn run(args: &BenchArgs) -> Result<Status, Failure> {
    args.libraries.check(&args.runtime)?;
    let opened = subject(&args.file, args.quiet)?;
    let other = args.against.as_deref();
    let other = other
        .map(|path| self::subject(path, args.quiet))
        .transpose()?;
    let (subject, other) = match (opened, other.transpose()) {
        (Ok(subject), Ok(other)) => (subject, other),
        (Err(broken), _) | (_, Err(broken)) => return broken_rule(args, broken),
    };
    for left_out in subject.left_out.iter().filter(|_| !args.quiet) {
        tell!("note: {left_out}, so it is not asked for");
    }
    let (mut rows, mut status) = (Vec::new(), Status::Done);
    for (runtime, named) in args.runtimes() {
        for wanted in args.wanted() {
            let (batch, inputs) = inputs(&args.file, &subject, &wanted)?;
            let of_other = match (&args.against, &other) {
                (Some(path), Some(subject)) => {
                    let inputs = self::inputs(path, subject, &wanted)?.1;
                    Some((path.as_path(), inputs, subject.leave_out()))
                }
                _ => None,
            };
            for &threads in args.threads.iter().take(if runtime.is_onnx_runtime() {
                usize::MAX
            } else {
                1
            }) {
                let threads = if runtime.is_onnx_runtime() {
                    threads
                } else {
                    1
                };
                let timed = (args.file.as_path(), inputs.clone(), subject.leave_out());
                let row = args.row(runtime, threads, batch, &timed, of_other.as_ref())?;
                if row.unavailable && !named {
                    if !args.quiet {
                        tell!(
                            "note: `{runtime}` was not timed: {}",
                            row.error.unwrap_or_default()
                        );
                    }
                    break;
                }
                if row.error.is_some() {
                    status = status.and(if row.unavailable {
                        Status::Unavailable
                    } else {
                        Status::Disagrees
                    });
                }
                rows.push(row);
            }
        }
    }
    if rows.is_empty() {
        status = status.and(Status::Unavailable);
    }
    let report = Report::new(&args.file, args.against.as_deref(), args.size, rows);
    print::line(if args.json {
        serde_json::to_string_pretty(&report).map_err(Failure::bad_input)?
    } else {
        report.render()
    })?;
    Ok(status)
}

impl BenchArgs {
    /// What each row is run with.
    fn wanted(&self) -> Vec<Wanted> {
        let of = |batches| Wanted {
            batches,
            sizes: self.size.into_iter().collect(),
            ..Wanted::default()
        };
        match self.batch.as_slice() {
            // What the file says.
            [] => vec![of(Vec::new())],
            asked => asked.iter().map(|&batch| of(vec![batch])).collect(),
        }
    }

    /// The runtimes, each once, and whether they were asked for.
    fn runtimes(&self) -> Vec<(RuntimeName, bool)> {
        if self.runtime.is_empty() {
            let by_default = [RuntimeName::Tract, RuntimeName::OrtCpu];
            let built = by_default.into_iter().filter(|runtime| runtime.is_built());
            return built
                .map(|runtime| {
                    (
                        runtime,
                        self.libraries.ort_lib.is_some() && runtime.is_onnx_runtime(),
                    )
                })
                .collect();
        }
        let mut runtimes = Vec::new();
        for &runtime in &self.runtime {
            if !runtimes.contains(&(runtime, true)) {
                runtimes.push((runtime, true));
            }
        }
        runtimes
    }

    /// Times one combination.
    fn row(
        &self,
        runtime: RuntimeName,
        threads: u16,
        batch: u64,
        file: &Timed<'_>,
        other: Option<&Timed<'_>>,
    ) -> Result<Row, Failure> {
        let mut row = Row::new(runtime, threads, batch);
        let (mut all, mut ratios) = (Vec::new(), Vec::new());
        for _ in 0..PROCESSES {
            let Some(mine) = self.process(file, runtime, threads, &mut row)? else {
                return Ok(row);
            };
            if let Some(other) = other {
                let mut scratch = row.clone();
                let Some(theirs) = self.process(other, runtime, threads, &mut scratch)? else {
                    row.error = scratch
                        .error
                        .map(|error| format!("`{}`: {error}", other.0.display()));
                    return Ok(row);
                };
                let medians =
                    [theirs, mine.clone()].map(|timings| Spread::of(&timings.run_seconds).median);
                ratios.push(medians[0] / medians[1]);
            }
            all.extend(mine.run_seconds);
        }
        row.runs = all.len();
        row.seconds = Some(Spread::of(&all));
        row.ratio = (!ratios.is_empty()).then(|| Ratio {
            pairs: ratios.len(),
            spread: Spread::of(&ratios),
        });
        Ok(row)
    }

    /// Times a file in a process of its own, and notes in `row` what the last one says of itself.
    fn process(
        &self,
        (file, inputs, leave_out): &Timed<'_>,
        runtime: RuntimeName,
        threads: u16,
        row: &mut Row,
    ) -> Result<Option<Timings>, Failure> {
        let options = RunOptions {
            threads: Some(threads.into()),
            mode: Mode::Time {
                runs: self.runs.into(),
            },
            leave_out: leave_out.clone(),
            ..RunOptions::new(runtime, *file)
        };
        let host = host(self.libraries.places());
        let limit = Duration::from_secs(self.timeout);
        let tried = host.run(&options, &[inputs.clone()], limit)?;
        let Outcome {
            version,
            load_seconds,
            timings,
            trouble,
            ..
        } = tried.outcome;
        row.version = version;
        row.changes = tried.changes;
        if let Some(trouble) = trouble {
            if matches!(trouble, Trouble::Refused { .. }) {
                row.summary = Some(trouble.summary());
            }
            (row.unavailable, row.error) = match trouble {
                Trouble::Unavailable { reason, .. } => (true, Some(reason)),
                Trouble::Crashed { message } => (false, Some(format!("crashed: {message}"))),
                Trouble::TimedOut { seconds } => {
                    (false, Some(format!("not done after {seconds} s")))
                }
                Trouble::Refused { message } | Trouble::Lacks { message } => (false, Some(message)),
            };
            return Ok(None);
        }
        if let Some(timings) = &timings {
            row.load_seconds = load_seconds.map(|load| load + timings.prepare_seconds);
            row.first_seconds = Some(timings.first_seconds);
            row.peak_bytes = row.peak_bytes.max(timings.peak_bytes);
        }
        Ok(timings)
    }
}

/// The rule that a file breaks, so that it is not run.
struct Broken {
    message: String,
    problem: Problem,
}

/// What a file declares, if it breaks no rule.
fn subject(path: &Path, quiet: bool) -> Result<Result<Subject, Broken>, Failure> {
    let model = ModelFile::open(path).map_err(Failure::bad_input)?;
    let finding = check(&model)
        .into_iter()
        .find(|finding| finding.level == Level::Error);
    Ok(match finding {
        Some(finding) => Err(Broken {
            message: format!(
                "`{}` breaks a rule, so it is not run: {finding}",
                path.display()
            ),
            problem: Problem {
                file: path.display().to_string(),
                finding,
            },
        }),
        None => {
            let untrained = read::untrained(&model);
            if !untrained.is_nothing() && !quiet {
                tell!("note: `{}` has {untrained}", path.display());
            }
            Ok(read::subject(&model).with_all_readable())
        }
    })
}

/// Says which rule is broken, as JSON too where that was asked for.
fn broken_rule(args: &BenchArgs, broken: Broken) -> Result<Status, Failure> {
    if args.json {
        let mut report = Report::new(&args.file, args.against.as_deref(), args.size, Vec::new());
        report.problems.push(broken.problem);
        print::line(serde_json::to_string_pretty(&report).map_err(Failure::bad_input)?)?;
    }
    Err(Failure {
        status: Status::Disagrees,
        message: broken.message,
        hint: Some("`check` lists everything that is wrong with it".to_owned()),
    })
}

/// Images at once, and seeded noise for the first size of the file.
fn inputs(
    path: &Path,
    subject: &Subject,
    wanted: &Wanted,
) -> Result<(u64, Vec<NamedTensor>), Failure> {
    let bad = |error| {
        let failure = Failure::bad_input(format!("`{}`: {error}", path.display()));
        match error {
            PlanError::SizeStep(_) => failure.hint(text::OTHER_SIZE),
            _ => failure,
        }
    };
    let cases = cases_of(subject, wanted).map_err(bad)?;
    let inputs = noise::inputs(subject, &cases[0], 0).map_err(bad)?;
    Ok((cases[0].batch, inputs))
}
