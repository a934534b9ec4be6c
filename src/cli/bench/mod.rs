//! `bench`: how long a file takes in each runtime, with how many threads and images, and how much memory.

mod report;

use super::exit::{Failure, Status};
use super::libraries::Libraries;
use super::print;
use super::text;
use super::worker::host;
use clap::Args;
use efficientnet_onnx::bench::{BenchError, BenchNote, BenchOptions, BenchRow, Chosen, bench};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::onnx::check::Broken;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::verify::plan::PlanError;
use report::{Problem, Report};
use std::path::PathBuf;
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

/// Times a file.
///
/// # Errors
///
/// If a file cannot be read or cannot be tried, and on Ctrl-C.
pub fn run(args: &BenchArgs) -> Result<Status, Failure> {
    args.libraries.check(&args.runtime)?;
    let host = host(args.libraries.places());
    let against = args.against.as_deref();
    let mut note = |note: BenchNote| {
        if !args.quiet {
            tell!("note: {}", words(&note));
        }
    };
    let rows = match bench(&host, &args.file, against, &args.options(), &mut note) {
        Ok(rows) => rows,
        Err(error) => return Err(args.failure(error)),
    };
    let mut status = rows.iter().map(row_status).fold(Status::Done, Status::and);
    if rows.is_empty() {
        status = status.and(Status::Unavailable);
    }
    args.print(&args.report(&rows))?;
    Ok(status)
}

impl BenchArgs {
    fn options(&self) -> BenchOptions {
        BenchOptions {
            runtimes: self.runtimes(),
            threads: self.threads.clone(),
            batches: self.batch.clone(),
            size: self.size,
            runs: self.runs,
            limit: Duration::from_secs(self.timeout),
        }
    }

    /// The runtimes, each once. One that is named, or whose library is, must work.
    fn runtimes(&self) -> Vec<Chosen> {
        if self.runtime.is_empty() {
            let mut by_default = BenchOptions::default().runtimes;
            for chosen in &mut by_default {
                chosen.asked = self.libraries.ort_lib.is_some() && chosen.name.is_onnx_runtime();
            }
            return by_default;
        }
        let mut runtimes = Vec::new();
        for &name in &self.runtime {
            let chosen = Chosen { name, asked: true };
            if !runtimes.contains(&chosen) {
                runtimes.push(chosen);
            }
        }
        runtimes
    }

    fn report<'a>(&'a self, rows: &'a [BenchRow]) -> Report<'a> {
        Report::new(&self.file, self.against.as_deref(), self.size, rows)
    }

    fn print(&self, report: &Report) -> Result<(), Failure> {
        print::line(if self.json {
            print::json(report)?
        } else {
            report.render()
        })
    }

    /// Says why nothing was timed; which rule is broken is said as JSON too where that was asked for.
    fn failure(&self, error: BenchError) -> Failure {
        let message = error.to_string();
        match error {
            BenchError::Process(error) => error.into(),
            BenchError::Broken(Broken { path, errors }) => {
                if self.json {
                    let mut report = self.report(&[]);
                    report
                        .problems
                        .extend(errors.into_iter().next().map(|finding| Problem {
                            file: path.to_string_lossy().into_owned(),
                            finding,
                        }));
                    if let Err(failure) = self.print(&report) {
                        return failure;
                    }
                }
                Failure {
                    status: Status::Disagrees,
                    message,
                    hint: Some("`check` lists everything that is wrong with it".to_owned()),
                }
            }
            BenchError::Inputs {
                source: PlanError::SizeStep(_),
                ..
            } => Failure::bad_input(message).hint(text::OTHER_SIZE),
            BenchError::File(_) | BenchError::Inputs { .. } => Failure::bad_input(message),
        }
    }
}

fn row_status(row: &BenchRow) -> Status {
    match row.failure {
        None => Status::Done,
        Some(_) if row.is_unavailable() => Status::Unavailable,
        Some(_) => Status::Disagrees,
    }
}

fn words(note: &BenchNote) -> String {
    match note {
        BenchNote::Untrained { file, untrained } => {
            format!("`{}` has {untrained}", file.shown())
        }
        BenchNote::Contradicted { file, found } => {
            format!("`{}`: {found}, so it is not used", file.shown())
        }
        BenchNote::LeftOut(left_out) => format!("{left_out}, so it is not asked for"),
        BenchNote::NotTimed { runtime, trouble } => {
            format!(
                "`{runtime}` was not timed: {}",
                trouble.predicate().trim().shown()
            )
        }
    }
}
