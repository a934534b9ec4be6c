//! `plan`: what points of compound scaling cost, and which one fits a budget.

mod answer;
mod axis;
mod data;
mod decision;
mod outputs;
mod page;
mod plot;
mod quantity;
mod table;
mod words;

use super::choice::one_of;
use super::exit::{Failure, Status};
use super::libraries::Libraries;
use super::{print, reading, text};
use answer::{Answer, answer};
use clap::{ArgGroup, Args};
use efficientnet_onnx::architecture::{Family, Scaling, Variant};
use efficientnet_onnx::form;
use efficientnet_onnx::plan::grid::{self, Base, Grid, GridError};
use efficientnet_onnx::plan::{CostLimits, Dimension, Point, Points, Subject, Sweep};
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::scaling::Compound;
use efficientnet_onnx::tensor::Element;
use std::path::PathBuf;

/// Flags of `plan`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("question").args(["phi", "variant", "search", "sweep"]).multiple(true)))]
#[command(group(ArgGroup::new("written").args(["output", "svg", "html"]).multiple(true)))]
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
    /// Depth base of the formula [default: 1.2]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    alpha: Option<f64>,
    /// Width base of the formula [default: 1.1]
    #[arg(long, value_name = "B", allow_negative_numbers = true)]
    beta: Option<f64>,
    /// Resolution base of the formula [default: 1.15]
    #[arg(long, value_name = "G", allow_negative_numbers = true)]
    gamma: Option<f64>,
    /// Classes of the network
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    classes: u64,
    /// Element type of weights and activations: what memory, file size and latency are of
    #[arg(long, value_name = "D", default_value = "f32", value_parser = one_of(form::elements(), |element| element.as_str()))]
    dtype: Element,
    /// Most multiply-adds of one image, such as 1G: the largest φ that fits is searched
    #[arg(long, value_name = "N", value_parser = quantity::count, allow_hyphen_values = true, help_heading = "Budget")]
    macs: Option<u64>,
    /// Most parameters, such as 10M
    #[arg(long, value_name = "N", value_parser = quantity::count, allow_hyphen_values = true, help_heading = "Budget")]
    params: Option<u64>,
    /// Most bytes of activations held at once, such as 64MiB
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes, allow_hyphen_values = true, help_heading = "Budget")]
    memory: Option<u64>,
    /// Most bytes of the file, such as 25MB
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes, allow_hyphen_values = true, help_heading = "Budget")]
    file_size: Option<u64>,
    /// Longest time of one image on this machine, such as 20ms; graphs are emitted and timed until the largest is found
    #[arg(long, value_name = "TIME", value_parser = quantity::seconds, allow_hyphen_values = true, requires = "runtime", help_heading = "Budget")]
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
    /// Scale one dimension alone: `depth=1,2,4`, `width=…` or `resolution=…`; may be repeated
    #[arg(long, value_name = "DIM=LIST", value_parser = sweep, help_heading = "Comparison")]
    sweep: Vec<Sweep>,
    /// The paper's grid search at φ = 1: every value of the bases `alpha`, `beta` and `gamma` (or of those that are named) whose
    /// α·β²·γ² is near the constraint
    #[arg(
        long,
        value_name = "BASES",
        num_args = 0..=1,
        default_missing_value = "alpha,beta,gamma",
        value_parser = bases,
        help_heading = "Comparison",
        conflicts_with_all = ["phi", "variant", "sweep", "macs", "params", "memory", "file_size", "latency", "emit", "dtype", "long"]
    )]
    search: Option<Bases>,
    /// What α·β²·γ² should be
    #[arg(long, value_name = "X", default_value_t = Grid::default().constraint, allow_negative_numbers = true, requires = "search", help_heading = "Comparison")]
    constraint: f64,
    /// How far from it a candidate may be
    #[arg(long, value_name = "X", default_value_t = Grid::default().tolerance, allow_negative_numbers = true, requires = "search", help_heading = "Comparison")]
    tolerance: f64,
    /// Step of each base
    #[arg(long, value_name = "X", default_value_t = Grid::default().step, allow_negative_numbers = true, requires = "search", help_heading = "Comparison")]
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
    /// Replace existing files
    #[arg(long, requires = "written", help_heading = "Output")]
    force: bool,
}

/// The bases of a grid search.
#[derive(Clone, Debug)]
struct Bases(Vec<Base>);

/// Prints rows, a search or an answer.
pub fn run(args: &PlanArgs) -> Result<Status, Failure> {
    let paper = Compound::default();
    let subject = Subject {
        family: args.family,
        compound: Compound {
            alpha: args.alpha.unwrap_or(paper.alpha),
            beta: args.beta.unwrap_or(paper.beta),
            gamma: args.gamma.unwrap_or(paper.gamma),
        },
        classes: args.classes,
        element: args.dtype,
        files: if args.long || args.json || args.csv {
            form::elements()
        } else {
            Vec::new()
        },
        note: reading::line,
    };
    if let Some(Bases(bases)) = &args.search {
        return args.grid(&subject, bases);
    }
    let budget = args.budget();
    args.refuse_outputs(&budget)?;
    let rows = args.rows(&subject)?;
    let answer = match args.latency.zip(args.runtime) {
        Some((limit, runtime)) => Some(args.timed(&subject, budget, limit, runtime)?),
        None if budget.is_unlimited() => None,
        None => Some(answer(&subject, budget)?),
    };
    args.draw(&subject, &rows, answer.as_ref())?;
    if let Some(answer) = answer.as_ref().filter(|_| args.emit) {
        args.write(&subject, answer)?;
    }
    if args.json {
        print::line(print::json(&data::json(&subject, &rows, answer.as_ref()))?)?;
    } else if args.csv {
        let rows: Vec<&Point> = rows
            .iter()
            .chain(answer.iter().flat_map(Answer::shown))
            .collect();
        print::text(&data::csv(&rows))?;
    } else {
        if !rows.is_empty() {
            print::text(&table::rows(&subject, &rows, args.long))?;
        }
        if let Some(answer) = &answer {
            print::text(&decision::answer(&subject, answer))?;
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
        let formula = |phi| {
            let point = Scaling::formula(subject.family, phi, subject.compound);
            point.map_err(Failure::bad_input)
        };
        for phi in self.phi.iter().flat_map(|phis| phis.0.iter().copied()) {
            points.push(formula(phi)?);
            if subject.compound == Compound::default() {
                points.extend(subject.family.variant_at(phi).map(Scaling::published));
            }
        }
        points.extend(self.variant.iter().copied().map(Scaling::published));
        if !is_asked && self.budget().is_unlimited() && self.latency.is_none() {
            for variant in subject.family.variants {
                if let Some(phi) = variant.phi {
                    points.push(formula(phi.into())?);
                }
                points.push(Scaling::published(variant));
            }
        }
        for sweep in &self.sweep {
            points.extend(sweep.points(subject).map_err(Failure::bad_input)?);
        }
        subject.rows(points).map_err(Failure::bad_input)
    }

    fn grid(&self, subject: &Subject, bases: &[Base]) -> Result<Status, Failure> {
        let given = [self.alpha, self.beta, self.gamma];
        let given = Base::ALL.into_iter().zip(given);
        for (base, _) in given.filter(|(_, value)| value.is_some()) {
            let name = base.name();
            let others = Base::ALL.into_iter().filter(|other| *other != base);
            let others = others.map(Base::name).collect::<Vec<_>>().join(",");
            if bases.contains(&base) {
                return Err(Failure::bad_input(format!(
                    "`--{name}` is given, but `{name}` is searched"
                ))
                .hint(format!(
                    "leave `--{name}` out, or search the other bases alone with `--search {others}`"
                )));
            }
        }
        let grid = Grid {
            bases: bases.to_vec(),
            constraint: self.constraint,
            tolerance: self.tolerance,
            step: self.step,
        };
        let found =
            grid::search(subject, &grid).map_err(|error| match error {
                GridError::Nothing { .. } => Failure::bad_input(error)
                    .hint("give a larger `--tolerance` or a smaller `--step`"),
                GridError::TooMany { .. } => Failure::bad_input(error)
                    .hint("give a smaller `--tolerance` or a larger `--step`"),
                error => Failure::bad_input(error),
            })?;
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

fn bases(text: &str) -> Result<Bases, String> {
    let mut bases = Vec::new();
    for name in text.split(',') {
        let base = Base::by_name(name).ok_or_else(|| {
            let known = Base::ALL.map(|base| format!("`{}`", base.name()));
            format!("expected {}, separated by commas", text::either(&known))
        })?;
        if bases.contains(&base) {
            return Err(format!("`{name}` stands there twice"));
        }
        bases.push(base);
    }
    Ok(Bases(bases))
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
