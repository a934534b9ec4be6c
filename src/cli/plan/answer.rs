//! The answer to a budget: the largest point that keeps it, and its file.

use super::super::exit::{Failure, Status};
use super::super::worker::host;
use super::super::{converting, text, written};
use super::PlanArgs;
use super::words;
use efficientnet_onnx::architecture::Scaling;
use efficientnet_onnx::bench::{BenchError, LatencyError, LatencyGoal, Spread, largest_within};
use efficientnet_onnx::convert::{Conversion, Network, Seed, Weights, Wishes};
use efficientnet_onnx::emit::{Destination, Emitted};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::form::Form;
use efficientnet_onnx::plan::{Cost, CostLimits, Found, NoAnswer, Point, Sample, Subject};
use efficientnet_onnx::request::Request;
use efficientnet_onnx::runtime::RuntimeName;
use std::time::Duration;

/// What was found for a budget.
pub struct Answer {
    /// The search by formula.
    pub found: Found,
    /// The row of the answer, and of the next step.
    pub rows: [Point; 2],
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
    /// Each graph that was timed, in order.
    pub samples: Vec<Sample<Spread>>,
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
        let goal = LatencyGoal {
            seconds: limit,
            runtime,
            threads: self.threads,
            form: Form::default(),
            limit: Duration::from_mins(5),
        };
        let fits = |cost: &Cost| budget.exceeded(cost).is_empty();
        let mut tell = |request: &Request, spread: &Spread| {
            tell!(
                "{}: {} in {runtime} [{} to {}]",
                request.blueprint.name(),
                text::time(spread.median),
                text::time(spread.lower_quartile),
                text::time(spread.upper_quartile)
            );
        };
        let fastest = largest_within(&host, subject, &goal, fits, &mut tell);
        let fastest = fastest.map_err(|error| match error {
            NoAnswer::Point(LatencyError::Bench(BenchError::Process(error))) => error.into(),
            NoAnswer::Point(error) => {
                let is_unavailable = matches!(&error, LatencyError::Failed { is_unavailable: true, .. });
                Failure {
                    status: if is_unavailable { Status::Unavailable } else { Status::Disagrees },
                    ..Failure::bad_input(error)
                }
            }
            NoAnswer::Baseline => Failure::bad_input(format!(
                "the baseline, φ = 0, does not fit: it takes longer than {} in {runtime}, or breaks another limit",
                text::time(limit)
            ))
            .hint("scale below the baseline with `emit --width W --depth D --size S`"),
            error @ NoAnswer::Bases(..) => Failure::bad_input(error),
        })?;
        let found = Found {
            phi: fastest.phi,
            next: fastest.next,
            tried: fastest.samples.len(),
        };
        let timed = Timed {
            limit,
            runtime,
            samples: fastest.samples,
        };
        complete(subject, budget, found, Some(timed))
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
            ..Wishes::default()
        };
        let conversion =
            Conversion::new(Weights::Seed(Seed::default()), wishes).map_err(converting::failure)?;
        let recipe = conversion.recipe(None).map_err(converting::failure)?;
        let destination = Destination {
            replace: self.force,
            ..Destination::new_file(path.clone())
        };
        let emitted = conversion
            .write(&recipe, destination, &())
            .map_err(converting::failure)?;
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

/// The largest φ that keeps every limit of cost.
pub fn answer(subject: &Subject, budget: CostLimits) -> Result<Answer, Failure> {
    let found = budget.largest(subject).map_err(|error| match error {
        NoAnswer::Baseline => {
            let cost = subject
                .at(0.0)
                .ok()
                .and_then(|request: Request| Cost::of(&request).ok());
            let exceeded = cost.map(|cost| budget.exceeded(&cost)).unwrap_or_default();
            let exceeded: Vec<String> = exceeded.iter().map(words::excess).collect();
            Failure::bad_input(format!(
                "the baseline, φ = 0, does not fit: {}",
                exceeded.join(", ")
            ))
            .hint("scale below the baseline with `emit --width W --depth D --size S`")
        }
        error => Failure::bad_input(error),
    })?;
    complete(subject, budget, found, None)
}

/// The points of an answer.
fn complete(
    subject: &Subject,
    budget: CostLimits,
    found: Found,
    timed: Option<Timed>,
) -> Result<Answer, Failure> {
    let row = |phi| {
        let request = Scaling::formula(subject.family, phi, subject.compound);
        let row = request.map_err(Failure::bad_input)?;
        subject.row(row).map_err(Failure::bad_input)
    };
    let published = subject.published().map_err(Failure::bad_input)?;
    let fitting = published
        .into_iter()
        .filter(|row| budget.exceeded(&row.cost).is_empty());
    Ok(Answer {
        rows: [row(found.phi)?, row(found.next)?],
        published: fitting.max_by_key(|row| row.cost.macs),
        found,
        budget,
        timed,
    })
}
