//! The answer to a budget: the largest point that keeps it, and its file.

use super::super::exit::{Failure, Status};
use super::super::progress::Line;
use super::super::worker::host;
use super::super::{converting, text, written};
use super::PlanArgs;
use super::table::point;
use super::words;
use efficientnet_onnx::architecture::Scaling;
use efficientnet_onnx::bench::{BenchError, LatencyError, LatencyGoal, Spread, largest_within};
use efficientnet_onnx::convert::{Conversion, ConvertError, Network, Seed, Weights, Wishes};
use efficientnet_onnx::emit::{Destination, EmitError, Emitted};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::onnx::ModelError;
use efficientnet_onnx::plan::{CostLimits, Fastest, Found, NoAnswer, Point, Subject};
use efficientnet_onnx::runtime::RuntimeName;
use std::time::Duration;

/// What to do where nothing fits.
const BELOW: &str = "scale below the baseline with `emit --width W --depth D --size S`";

/// What was found for a budget.
pub struct Answer {
    /// The search by formula.
    pub found: Found,
    /// The row of the answer.
    pub row: Point,
    /// The row of the next step, unless it is beyond any network.
    pub next: Option<Point>,
    /// The largest published model that fits.
    pub published: Option<Point>,
    /// What is limited.
    pub budget: CostLimits,
    /// What was timed, if time is limited.
    pub timed: Option<Timed>,
}

/// Times of graphs on this machine.
pub struct Timed {
    /// Most seconds.
    pub limit: f64,
    /// The runtime.
    pub runtime: RuntimeName,
    /// Threads of ONNX Runtime; of another runtime one.
    pub threads: u16,
    /// Every time, and what it came to.
    pub fastest: Fastest<Spread>,
}

impl Answer {
    /// The rows by formula.
    pub fn rows(&self) -> impl Iterator<Item = &Point> {
        std::iter::once(&self.row).chain(&self.next)
    }
}

impl PlanArgs {
    /// The largest φ that keeps the time too.
    pub(super) fn timed(
        &self,
        subject: &Subject,
        budget: CostLimits,
        limit: f64,
        runtime: RuntimeName,
    ) -> Result<Answer, Failure> {
        self.libraries.check(&[runtime])?;
        let host = host(self.libraries.places());
        let threads = if runtime.is_onnx_runtime() {
            self.threads
        } else {
            1
        };
        let goal = LatencyGoal {
            seconds: limit,
            runtime,
            threads,
            limit: Duration::from_mins(5),
        };
        let line = Line::new();
        let mut done = 0;
        let mut tell = |scaling: &Scaling| {
            let graphs = text::counted(done, "graph");
            line.say(format!(
                "{runtime} is timing {}; {graphs} done",
                point(scaling)
            ));
            done += 1;
        };
        let fastest = largest_within(&host, subject, &goal, &budget, &mut tell);
        line.finish();
        let fastest = fastest.map_err(|error| match error {
            NoAnswer::Baseline => too_large(subject, &budget),
            error => untimed(error, limit, runtime),
        })?;
        let found = Found {
            phi: fastest.phi,
            next: fastest.next,
            tried: fastest.samples.len(),
        };
        let published = fastest.published.map(|(variant, _)| variant);
        let published = published.map(|variant| subject.row(Scaling::published(variant)));
        Ok(Answer {
            published: published.transpose().map_err(Failure::bad_input)?,
            timed: Some(Timed {
                limit,
                runtime,
                threads,
                fastest,
            }),
            ..by_formula(subject, budget, found)?
        })
    }

    /// Emits the answer.
    pub(super) fn write(&self, subject: &Subject, answer: &Answer) -> Result<(), Failure> {
        let Some(path) = &self.output else {
            return Ok(());
        };
        let request = subject.at(answer.found.phi).map_err(Failure::bad_input)?;
        let wishes = Wishes {
            classes: Some(subject.classes),
            network: Some(Network::Blueprint(request.blueprint)),
            form: request.form,
            ..Wishes::default()
        };
        let conversion =
            Conversion::new(Weights::Seed(Seed::default()), wishes).map_err(converting::failure)?;
        let recipe = conversion
            .recipe(subject.note(conversion.request()))
            .map_err(converting::failure)?;
        let destination = Destination {
            replace: self.force,
            ..Destination::new_file(path.clone())
        };
        let emitted = conversion.write(&recipe, destination, &());
        let emitted = emitted.map_err(|error| match error {
            ConvertError::Emit(EmitError::Model(ModelError::Stream(error))) => {
                written::stream(&error, path)
            }
            ConvertError::Emit(EmitError::Output(error)) => written::output(&error),
            error => converting::failure(error),
        })?;
        if let Emitted::Staged(model) = emitted {
            let notes = model.commit().map_err(Failure::bad_input)?;
            for note in &notes {
                written::note(note, false);
            }
        }
        tell!("wrote `{}` with random weights", path.shown());
        Ok(())
    }
}

/// Why a search by time has no answer.
fn untimed(error: NoAnswer<LatencyError>, limit: f64, runtime: RuntimeName) -> Failure {
    match error {
        NoAnswer::Point(LatencyError::Bench(BenchError::Process(error))) => error.into(),
        NoAnswer::Point(error) => {
            let is_unavailable = matches!(
                &error,
                LatencyError::Failed {
                    is_unavailable: true,
                    ..
                }
            );
            let ran = matches!(&error, LatencyError::Failed { .. });
            let status = match (is_unavailable, ran) {
                (true, _) => Status::Unavailable,
                (false, true) => Status::Disagrees,
                (false, false) => Status::BadInput,
            };
            Failure {
                status,
                ..Failure::bad_input(error)
            }
        }
        NoAnswer::Slow(seconds) => Failure::bad_input(format!(
            "the baseline, φ = 0, does not fit: it takes {} of {} in {runtime}",
            text::time(seconds),
            text::time(limit)
        ))
        .hint(BELOW),
        error => Failure::bad_input(error),
    }
}

/// What limits of cost the baseline breaks.
fn too_large(subject: &Subject, budget: &CostLimits) -> Failure {
    let request = subject.at(0.0).ok();
    let cost = request.and_then(|request| subject.cost(&request).ok());
    let exceeded = cost.map(|cost| budget.exceeded(&cost)).unwrap_or_default();
    let exceeded: Vec<String> = exceeded.iter().map(words::excess).collect();
    Failure::bad_input(format!(
        "the baseline, φ = 0, does not fit: {}",
        exceeded.join(", ")
    ))
    .hint(BELOW)
}

/// The largest φ that keeps every limit of cost.
pub fn answer(subject: &Subject, budget: CostLimits) -> Result<Answer, Failure> {
    let found = budget.largest(subject).map_err(|error| match error {
        NoAnswer::Baseline => too_large(subject, &budget),
        error => Failure::bad_input(error),
    })?;
    let published = subject.published().map_err(Failure::bad_input)?;
    let fitting = published
        .into_iter()
        .filter(|row| budget.exceeded(&row.cost).is_empty());
    Ok(Answer {
        published: fitting.max_by_key(|row| row.cost.macs),
        ..by_formula(subject, budget, found)?
    })
}

/// The answer without a published model.
fn by_formula(subject: &Subject, budget: CostLimits, found: Found) -> Result<Answer, Failure> {
    let row = |phi| {
        let point = Scaling::formula(subject.family, phi, subject.compound)?;
        subject.row(point)
    };
    Ok(Answer {
        row: row(found.phi).map_err(Failure::bad_input)?,
        next: row(found.next).ok(),
        published: None,
        found,
        budget,
        timed: None,
    })
}
