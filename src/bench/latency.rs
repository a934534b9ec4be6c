//! The largest network that keeps a time on this machine: graphs of points are emitted and timed until it is found.

use super::{BenchError, BenchOptions, Chosen, Spread, bench};
use crate::emit::{Destination, EmitError, Emitted, Tensors, emit};
use crate::files::foreign::Foreign;
use crate::form::Form;
use crate::plan::{Cost, Fastest, NoAnswer, Subject, Time, fastest};
use crate::request::{Request, RequestError};
use crate::runtime::process::Host;
use crate::runtime::{RuntimeName, outcome::Trouble};
use crate::weights::Expected;
use crate::weights::init::{Rule, SeededWeights};
use std::path::Path;
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
    /// How graphs are spelled.
    pub form: Form,
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
    #[error("`{runtime}` did not run the graph of φ = {phi}: {said}", said = said.shown())]
    Failed {
        /// The runtime.
        runtime: RuntimeName,
        /// The φ.
        phi: f64,
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

/// The largest φ on a grid of 0.01 whose graph takes at most the goal's time, and whose cost `fits`. Graphs have batch 1 and random
/// weights. `tell` hears of each point when it has been timed.
///
/// # Errors
/// If the baseline takes longer, a base is below 1, or a graph cannot be made or timed.
pub fn largest_within(
    host: &Host,
    subject: &Subject,
    goal: &LatencyGoal,
    fits: impl FnMut(&Cost) -> bool,
    tell: &mut dyn FnMut(&Request, &Spread),
) -> Result<Fastest<Spread>, NoAnswer<LatencyError>> {
    fastest(subject, goal.seconds, fits, |request| {
        let folder = tempfile::tempdir().map_err(LatencyError::Folder)?;
        let path = folder.path().join("point.onnx");
        let mut request = request.clone();
        request.batch = Some(1);
        request.form = goal.form.clone();
        write(&request, &path)?;
        let spread = time(host, goal, &request, &path)?;
        tell(&request, &spread);
        Ok(spread)
    })
}

fn write(request: &Request, path: &Path) -> Result<(), LatencyError> {
    let parameters = request.parameters()?;
    let expected = Expected::as_named(&parameters);
    let weights = SeededWeights::new(parameters, Rule::Official, 0);
    let tensors = Tensors {
        source: &weights,
        expected: &expected,
    };
    let destination = Destination::new_file(path.to_owned());
    if let Emitted::Staged(model) = emit(request, &tensors, destination, &(), || Ok(Vec::new()))? {
        model.commit()?;
    }
    Ok(())
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
        phi: phi(request),
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

fn phi(request: &Request) -> f64 {
    use crate::architecture::Reading;
    match request.blueprint.scaling().map(|scaling| &scaling.reading) {
        Some(Reading::Formula { phi, .. }) => *phi,
        _ => 0.0,
    }
}
