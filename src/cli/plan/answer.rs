//! The answer to a budget: the largest point that keeps it, and its file.

use super::super::exit::{Failure, Status};
use super::super::progress::Line;
use super::super::worker::host;
use super::super::{converting, text, written};
use super::PlanArgs;
use super::table::point;
use super::words;
use efficientnet_onnx::architecture::{Family, Scaling};
use efficientnet_onnx::bench::{BenchError, LatencyError, LatencyGoal, Spread, largest_within};
use efficientnet_onnx::convert::{Conversion, ConvertError, Network, Seed, Weights, Wishes};
use efficientnet_onnx::emit::{Destination, EmitError, Emitted};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::onnx::ModelError;
use efficientnet_onnx::plan::{CostLimits, Fastest, Found, NoAnswer, Point, Subject};
use efficientnet_onnx::runtime::RuntimeName;
use std::cmp::Reverse;
use std::time::Duration;

/// What to do where nothing fits.
const BELOW: &str = "scale below the baseline with `emit --width W --depth D --size S`";

/// What was found for a budget.
pub struct Answer {
    /// What the formula gives, or what limits its baseline breaks; then a published model fits.
    pub formula: Result<Formula, String>,
    /// The largest published model that fits.
    pub published: Option<Point>,
    /// What is limited.
    pub budget: CostLimits,
    /// What was timed, if time is limited.
    pub timed: Option<Timed>,
}

/// The largest point by formula.
pub struct Formula {
    /// The search.
    pub found: Found,
    /// The row of the answer.
    pub row: Point,
    /// The row of the next step, unless it is beyond any network.
    pub next: Option<Point>,
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
        let formula = self.formula.iter();
        formula.flat_map(|formula| std::iter::once(&formula.row).chain(&formula.next))
    }

    /// The rows by formula, or the published model that fits where none of those does.
    pub fn shown(&self) -> impl Iterator<Item = &Point> {
        let published = self.published.iter();
        self.rows()
            .chain(published.filter(|_| self.formula.is_err()))
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
            NoAnswer::Baseline => too_large(&excess(subject, &budget)).hint(BELOW),
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
            formula: Ok(by_formula(subject, found)?),
            budget,
        })
    }

    /// Emits the answer.
    pub(super) fn write(&self, subject: &Subject, answer: &Answer) -> Result<(), Failure> {
        let Some(path) = &self.output else {
            return Ok(());
        };
        let point = match (&answer.formula, &answer.published) {
            (Ok(formula), _) => &formula.row,
            (Err(_), Some(published)) => published,
            (Err(_), None) => return Ok(()),
        };
        let request = subject.request(point.scaling.clone());
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
fn excess(subject: &Subject, budget: &CostLimits) -> String {
    let request = subject.at(0.0).ok();
    let cost = request.and_then(|request| subject.cost(&request).ok());
    let exceeded = cost.map(|cost| budget.exceeded(&cost)).unwrap_or_default();
    let exceeded: Vec<String> = exceeded.iter().map(words::excess).collect();
    exceeded.join(", ")
}

fn too_large(excess: &str) -> Failure {
    Failure::bad_input(format!("the baseline, φ = 0, does not fit: {excess}"))
}

/// The largest φ that keeps every limit of cost, and the largest published model; one of them may be missing.
pub fn answer(subject: &Subject, budget: CostLimits) -> Result<Answer, Failure> {
    let formula = match budget.largest(subject) {
        Ok(found) => Ok(by_formula(subject, found)?),
        Err(NoAnswer::Baseline) => Err(excess(subject, &budget)),
        Err(error) => return Err(Failure::bad_input(error)),
    };
    let published = fitting(subject, &budget)?.pop();
    match formula {
        Err(excess) if published.is_none() => {
            let failure = too_large(&excess);
            let elsewhere = elsewhere(subject, &budget)?;
            Err(if elsewhere.is_empty() {
                failure.hint(BELOW)
            } else {
                failure.hint(format!(
                    "of other families {elsewhere} fit: `emit --variant NAME -o FILE` writes one"
                ))
            })
        }
        formula => Ok(Answer {
            formula,
            published,
            budget,
            timed: None,
        }),
    }
}

/// The family's published models that keep every limit, the one with the most multiply-adds last.
fn fitting(subject: &Subject, budget: &CostLimits) -> Result<Vec<Point>, Failure> {
    let published = subject.published().map_err(Failure::bad_input)?;
    let mut fitting: Vec<Point> = published
        .into_iter()
        .filter(|row| budget.exceeded(&row.cost).is_empty())
        .collect();
    fitting.sort_by_key(|row| row.cost.macs);
    Ok(fitting)
}

/// Published models of other families that keep every limit, the ones with the most multiply-adds first.
fn elsewhere(subject: &Subject, budget: &CostLimits) -> Result<String, Failure> {
    /// Models that are named.
    const MOST: usize = 3;
    let mut found = Vec::new();
    let others = Family::ALL.into_iter();
    for family in others.filter(|family| family.name != subject.family.name) {
        let subject = Subject {
            family,
            ..subject.clone()
        };
        found.extend(fitting(&subject, budget)?);
    }
    found.sort_by_key(|row| Reverse(row.cost.macs));
    let named = found.iter().take(MOST).map(|row| {
        let macs = text::scaled(row.cost.macs);
        format!("{} ({macs} MACs)", point(&row.scaling))
    });
    Ok(named.collect::<Vec<_>>().join(", "))
}

fn by_formula(subject: &Subject, found: Found) -> Result<Formula, Failure> {
    let row = |phi| {
        let point = Scaling::formula(subject.family, phi, subject.compound)?;
        subject.row(point)
    };
    Ok(Formula {
        row: row(found.phi).map_err(Failure::bad_input)?,
        next: row(found.next).ok(),
        found,
    })
}
