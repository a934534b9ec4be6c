//! The largest network that keeps a time on this machine: graphs of points are emitted and timed until it is found.

use super::{BenchError, BenchOptions, Chosen, Spread, bench};
use crate::architecture::Scaling;
use crate::emit::{Destination, EmitError, Emitted, Observer, Tensors, emit};
use crate::files::TemporaryFolder;
use crate::files::foreign::Foreign;
use crate::plan::{CostLimits, Fastest, NoAnswer, Subject, Time, fastest, point_name};
use crate::request::{Request, RequestError};
use crate::runtime::process::{Host, ProcessError};
use crate::runtime::{RuntimeName, outcome::Trouble};
use crate::tensor::Progress;
use crate::weights::Expected;
use crate::weights::init::{Rule, SeededWeights};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What is timed, and how long it may take.
#[derive(Clone, Debug)]
pub struct LatencyGoal {
    /// Most seconds of one image: the median of all runs is compared.
    pub seconds: f64,
    /// The runtime.
    pub runtime: RuntimeName,
    /// Threads of ONNX Runtime.
    pub threads: u16,
    /// Time limit of each process.
    pub limit: Duration,
}

/// Why a time was not found.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// A graph could not be made.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A graph could not be written.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// Graphs have no place.
    #[error("no temporary folder for the graphs that are timed")]
    Folder(#[source] std::io::Error),
    /// A graph was not timed.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The runtime did not run a graph.
    #[error("`{runtime}` did not run {point}: {said}", point = point.shown(), said = said.shown())]
    Failed {
        /// The runtime.
        runtime: RuntimeName,
        /// The network.
        point: String,
        /// What it said.
        said: String,
        /// Whether it cannot be used here.
        is_unavailable: bool,
    },
}

impl Time for Spread {
    fn seconds(&self) -> f64 {
        self.median
    }
}

/// The largest φ on a grid of 0.01 whose graph takes at most the goal's time and keeps `limits`, and the largest published model.
/// Graphs have batch 1, random weights and the subject's element type. `tell` hears of each point before its graph is emitted.
///
/// # Errors
/// If the baseline takes longer, a base is below 1, or a graph cannot be made or timed.
pub fn largest_within(
    host: &Host,
    subject: &Subject,
    goal: &LatencyGoal,
    limits: &CostLimits,
    tell: &mut dyn FnMut(&Scaling),
) -> Result<Fastest<Spread>, NoAnswer<LatencyError>> {
    fastest(subject, limits, goal.seconds, |request| {
        if let Some(scaling) = request.blueprint.scaling() {
            tell(scaling);
        }
        let folder = TemporaryFolder::new().map_err(LatencyError::Folder)?;
        let path = folder.path().join("point.onnx");
        let mut request = request.clone();
        request.batch = Some(1);
        write(host, &request, &path)?;
        time(host, goal, &request, &path)
    })
}

/// What ends the writing of a graph: Ctrl-C.
struct Watching<'a>(&'a Host);

impl Progress for Watching<'_> {
    fn advance(&self, _bytes: u64) {}

    fn cancelled(&self) -> bool {
        self.0.interrupted.load(Ordering::SeqCst)
    }
}

impl Observer for Watching<'_> {}

fn write(host: &Host, request: &Request, path: &Path) -> Result<(), LatencyError> {
    let parameters = request.parameters()?;
    let expected = Expected::as_named(&parameters);
    let weights = SeededWeights::new(parameters, Rule::Official, 0);
    let tensors = Tensors {
        source: &weights,
        expected: &expected,
    };
    let destination = Destination::new_file(path.to_owned());
    let watching = Watching(host);
    let emitted = emit(request, &tensors, destination, &watching, || Ok(Vec::new()));
    match emitted {
        Err(_) if watching.cancelled() => Err(BenchError::from(ProcessError::Interrupted).into()),
        Ok(Emitted::Staged(model)) => Ok(model.commit().map(drop)?),
        emitted => Ok(emitted.map(drop)?),
    }
}

fn time(
    host: &Host,
    goal: &LatencyGoal,
    request: &Request,
    path: &Path,
) -> Result<Spread, LatencyError> {
    let options = BenchOptions {
        runtimes: vec![Chosen {
            name: goal.runtime,
            asked: true,
        }],
        threads: vec![goal.threads],
        limit: goal.limit,
        ..BenchOptions::default()
    };
    let rows = bench(host, path, None, &options, &mut |_| ())?;
    let row = rows.into_iter().next();
    let failed = |said: String, is_unavailable| LatencyError::Failed {
        runtime: goal.runtime,
        point: point_name(request),
        said,
        is_unavailable,
    };
    let Some(row) = row else {
        return Err(failed("it was not timed".to_owned(), true));
    };
    let is_unavailable = row.is_unavailable();
    match (row.seconds, row.failure) {
        (Some(spread), None) => Ok(spread),
        (_, failure) => {
            let said =
                failure.map(|failure| Trouble::predicate(&failure.trouble).trim().to_owned());
            Err(failed(said.unwrap_or_default(), is_unavailable))
        }
    }
}
