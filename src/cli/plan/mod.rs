//! `plan`: what points of compound scaling cost, and which one fits a budget.

mod answer;
mod axis;
mod data;
mod page;
mod plot;
mod quantity;
mod table;
mod words;

use super::choice::one_of;
use super::exit::{Failure, Status};
use super::libraries::Libraries;
use super::page::Page;
use super::{print, text};
use answer::{Answer, answer};
use clap::{ArgGroup, Args};
use efficientnet_onnx::architecture::{Family, Scaling, Variant};
use efficientnet_onnx::files::Inputs;
use efficientnet_onnx::plan::grid::{self, Grid};
use efficientnet_onnx::plan::{CostLimits, Dimension, Point, Points, Subject, Sweep};
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::scaling::Compound;
use std::path::PathBuf;

/// Flags of `plan`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("question").args(["phi", "variant", "search", "sweep"]).multiple(true)))]
pub struct PlanArgs {
    /// Values of φ, by formula and as published: a list and ranges, such as `0,1,2.5` or `0..8:0.5`
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    phi: Option<Points>,
    /// Published models, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = one_of(Variant::all(), |variant| variant.name).or(Variant::find))]
    variant: Vec<&'static Variant>,
    /// Baseline that is scaled
    #[arg(long, value_name = "F", default_value = "v1", value_parser = one_of(Family::ALL, |family| family.name))]
    family: &'static Family,
    /// Depth base of the formula
    #[arg(long, value_name = "A", default_value_t = Compound::default().alpha)]
    alpha: f64,
    /// Width base of the formula
    #[arg(long, value_name = "B", default_value_t = Compound::default().beta)]
    beta: f64,
    /// Resolution base of the formula
    #[arg(long, value_name = "G", default_value_t = Compound::default().gamma)]
    gamma: f64,
    /// Classes of the network
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    classes: u64,
    /// Most multiply-adds of one image, such as 1G: the largest φ that fits is searched
    #[arg(long, value_name = "N", value_parser = quantity::count, help_heading = "Budget")]
    macs: Option<u64>,
    /// Most parameters, such as 10M
    #[arg(long, value_name = "N", value_parser = quantity::count, help_heading = "Budget")]
    params: Option<u64>,
    /// Most bytes of activations held at once in f32, such as 64MiB
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes, help_heading = "Budget")]
    memory: Option<u64>,
    /// Most bytes of the file in f32, such as 25MB
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes, help_heading = "Budget")]
    file_size: Option<u64>,
    /// Longest time of one image on this machine, such as 20ms; graphs are emitted and timed until the largest is found
    #[arg(long, value_name = "TIME", value_parser = quantity::seconds, requires = "runtime", help_heading = "Budget")]
    latency: Option<f64>,
    /// Runtime that is timed: `tract`, `ort-cpu`, `ort-cuda`, `reference`
    #[arg(
        long,
        value_name = "NAME",
        requires = "latency",
        help_heading = "Budget"
    )]
    runtime: Option<RuntimeName>,
    /// Threads of ONNX Runtime
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..), requires = "latency", help_heading = "Budget")]
    threads: u16,
    #[command(flatten)]
    libraries: Libraries,
    /// Also emit the answer with random weights into `-o FILE`
    #[arg(long, requires = "output", help_heading = "Budget")]
    emit: bool,
    /// File of `--emit`
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FILE",
        requires = "emit",
        help_heading = "Budget"
    )]
    output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long, requires = "emit", help_heading = "Budget")]
    force: bool,
    /// Scale one dimension alone: `depth=1,2,4`, `width=…` or `resolution=…`; may be repeated
    #[arg(long, value_name = "DIM=LIST", value_parser = sweep, help_heading = "Comparison")]
    sweep: Vec<Sweep>,
    /// The paper's grid search at φ = 1: every α, β, γ whose α·β²·γ² is near the constraint
    #[arg(long, help_heading = "Comparison", conflicts_with_all = ["phi", "variant", "sweep", "macs", "params", "memory", "file_size"])]
    search: bool,
    /// What α·β²·γ² should be
    #[arg(long, value_name = "X", default_value_t = Grid::default().constraint, requires = "search", help_heading = "Comparison")]
    constraint: f64,
    /// How far from it a candidate may be
    #[arg(long, value_name = "X", default_value_t = Grid::default().tolerance, requires = "search", help_heading = "Comparison")]
    tolerance: f64,
    /// Step of each base
    #[arg(long, value_name = "X", default_value_t = Grid::default().step, requires = "search", help_heading = "Comparison")]
    step: f64,
    /// Also print channels and repeats of every stage
    #[arg(long, help_heading = "Output")]
    long: bool,
    /// Print as JSON
    #[arg(long, help_heading = "Output", conflicts_with = "csv")]
    json: bool,
    /// Print as comma-separated values
    #[arg(long, help_heading = "Output")]
    csv: bool,
    /// Also draw the rows: cost against φ, parameters and accuracy against cost, shares of stages
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Output",
        conflicts_with = "search"
    )]
    svg: Option<PathBuf>,
    /// Also write a page with the plots, a table that sorts, and sliders for φ, α, β and γ
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Output",
        conflicts_with = "search"
    )]
    html: Option<PathBuf>,
}

/// Prints rows, a search or an answer.
pub fn run(args: &PlanArgs) -> Result<Status, Failure> {
    let subject = Subject {
        family: args.family,
        compound: Compound {
            alpha: args.alpha,
            beta: args.beta,
            gamma: args.gamma,
        },
        classes: args.classes,
    };
    if args.search {
        return args.grid(&subject);
    }
    let budget = args.budget();
    let rows = args.rows(&subject)?;
    let answer = match args.latency.zip(args.runtime) {
        Some((limit, runtime)) => Some(args.timed(&subject, budget, limit, runtime)?),
        None if budget.is_unlimited() => None,
        None => Some(answer(&subject, budget)?),
    };
    if args.emit && answer.is_none() {
        return Err(Failure::bad_input("`--emit` needs a budget, whose answer it writes")
            .hint("give `--macs`, `--params`, `--memory` or `--file-size`; `emit --phi X --formula` writes a point"));
    }
    args.draw(&subject, &rows, answer.as_ref())?;
    if let Some(answer) = answer.as_ref().filter(|_| args.emit) {
        args.write(&subject, answer)?;
    }
    if args.json {
        print::line(print::json(&data::json(&subject, &rows, answer.as_ref()))?)?;
    } else if args.csv {
        let answer = answer.iter().flat_map(|answer| &answer.rows);
        let rows: Vec<&Point> = rows.iter().chain(answer).collect();
        print::text(&data::csv(&rows))?;
    } else {
        if !rows.is_empty() {
            print::text(&table::rows(&subject, &rows, args.long))?;
        }
        if let Some(answer) = &answer {
            print::text(&table::answer(&subject, answer))?;
        }
    }
    Ok(Status::Done)
}

impl PlanArgs {
    fn budget(&self) -> CostLimits {
        CostLimits {
            macs: self.macs,
            parameters: self.params,
            memory: self.memory,
            file: self.file_size,
        }
    }

    /// The rows that are asked for; without any question, the family's published models and the formula beside them.
    fn rows(&self, subject: &Subject) -> Result<Vec<Point>, Failure> {
        let mut points = Vec::new();
        let is_asked = self.phi.is_some() || !self.variant.is_empty() || !self.sweep.is_empty();
        let usual = || {
            let phis = subject
                .family
                .variants
                .iter()
                .filter_map(|variant| variant.phi);
            Points(phis.map(f64::from).collect())
        };
        let phis = match &self.phi {
            Some(phis) => phis.clone(),
            None if is_asked || !self.budget().is_unlimited() => Points(Vec::new()),
            None => usual(),
        };
        for phi in phis.0 {
            let formula = Scaling::formula(subject.family, phi, subject.compound);
            points.push(formula.map_err(Failure::bad_input)?);
            if subject.compound == Compound::default() {
                points.extend(subject.family.variant_at(phi).map(Scaling::published));
            }
        }
        let has_no_phi = subject.family.variants.iter().all(|row| row.phi.is_none());
        if has_no_phi && !is_asked && self.budget().is_unlimited() {
            points.extend(subject.family.variants.iter().map(Scaling::published));
        }
        points.extend(self.variant.iter().copied().map(Scaling::published));
        for sweep in &self.sweep {
            points.extend(sweep.points(subject).map_err(Failure::bad_input)?);
        }
        let rows = points.into_iter().map(|point| subject.row(point));
        rows.collect::<Result<_, _>>().map_err(Failure::bad_input)
    }

    /// Writes the plots and the page of all rows.
    fn draw(
        &self,
        subject: &Subject,
        rows: &[Point],
        answer: Option<&Answer>,
    ) -> Result<(), Failure> {
        let more = answer
            .iter()
            .flat_map(|answer| answer.rows.iter().chain(&answer.published));
        let all: Vec<Point> = rows.iter().chain(more).cloned().collect();
        let inputs = Inputs::default();
        if let Some(path) = &self.svg {
            Page::open(path, &inputs, false)?.write(&plot::svg(&all))?;
        }
        if let Some(path) = &self.html {
            let phi = answer.map_or(1.0, |answer| answer.found.phi);
            let page = page::page(subject, &all, phi).map_err(Failure::bad_input)?;
            Page::open(path, &inputs, false)?.write(&page)?;
        }
        Ok(())
    }

    fn grid(&self, subject: &Subject) -> Result<Status, Failure> {
        let grid = Grid {
            constraint: self.constraint,
            tolerance: self.tolerance,
            step: self.step,
        };
        let found = grid::search(subject, &grid).map_err(Failure::bad_input)?;
        if self.json {
            print::line(print::json(&data::grid_json(&grid, &found))?)?;
        } else if self.csv {
            print::text(&data::grid_csv(&found))?;
        } else {
            print::text(&table::grid(&found))?;
        }
        Ok(Status::Done)
    }
}

fn sweep(text: &str) -> Result<Sweep, String> {
    let expected = || {
        let known = Dimension::ALL.map(|dimension| format!("`{}=…`", dimension.name()));
        format!(
            "expected {} with numbers, such as `depth=1,2,4`",
            text::either(&known)
        )
    };
    let (name, list) = text.split_once('=').ok_or_else(expected)?;
    let dimension = Dimension::by_name(name).ok_or_else(expected)?;
    let points: Points = list.parse().map_err(|error| format!("{error}"))?;
    Ok(Sweep {
        dimension,
        multipliers: points.0,
    })
}
