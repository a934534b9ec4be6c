//! The answer to a budget for a terminal: the formula's point, the next step and the published model side by side, and the commands
//! that emit them.

use super::super::text;
use super::answer::{Answer, Formula, Timed};
use super::table::{finish, label, pixels, plain, point};
use super::words::excess;
use efficientnet_onnx::bench::Spread;
use efficientnet_onnx::files::room::LARGE;
use efficientnet_onnx::plan::{Found, Point, Subject};
use efficientnet_onnx::scaling::Compound;
use efficientnet_onnx::tensor::Element;
use std::fmt::Write;

/// The answer.
pub fn answer(subject: &Subject, answer: &Answer) -> String {
    let sure = answer.timed.as_ref().map_or_else(String::new, times);
    let published = match &answer.published {
        Some(published) => format!(
            "the largest published model that fits is {}",
            label(published)
        ),
        None => "no published model fits".to_owned(),
    };
    let by_formula = match &answer.formula {
        Ok(formula) => largest(answer, formula),
        Err(excess) => format!("the baseline, φ = 0, does not fit: {excess}"),
    };
    format!(
        "{}\n{sure}{by_formula}; {published}\n\n{}",
        columns(subject, answer),
        commands(subject, answer),
    )
}

/// The answer of the formula, and why it is the largest.
fn largest(answer: &Answer, formula: &Formula) -> String {
    let Found { phi, next, tried } = formula.found;
    let looked = if answer.timed.is_some() {
        text::counted(tried as u64, "graph") + " emitted and timed"
    } else {
        text::counted(tried as u64, "point") + " looked at"
    };
    format!(
        "φ {phi} is the largest of the grid of 0.01 that fits ({looked}); φ {next} needs {}",
        needed(answer, formula)
    )
}

/// What the next step breaks.
fn needed(answer: &Answer, formula: &Formula) -> String {
    let Some(next) = &formula.next else {
        return "a network beyond every limit of size".to_owned();
    };
    let exceeded = answer.budget.exceeded(&next.cost);
    let mut exceeded: Vec<String> = exceeded.iter().map(excess).collect();
    if let Some(timed) = &answer.timed
        && let Some(time) = timed.fastest.next_time
    {
        let (found, limit) = (text::time(time.median), text::time(timed.limit));
        exceeded.push(format!("{found} of {limit}"));
    }
    exceeded.join(", ")
}

/// A column for each candidate, and one for what is allowed.
fn columns(subject: &Subject, answer: &Answer) -> String {
    let element = subject.element;
    let rows: Vec<&Point> = answer.rows().chain(&answer.published).collect();
    let mut header = vec![String::new()];
    if let Ok(formula) = &answer.formula {
        header.push(format!("formula {}", label(&formula.row)));
        let next = formula.next.as_ref();
        header.extend(next.map(|next| format!("next {}", label(next))));
    }
    let published = answer.published.as_ref();
    header.extend(published.map(|published| format!("published {}", label(published))));
    header.push("allowed".to_owned());
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut table = plain(&header);
    let mut line = |name: &str, value: &dyn Fn(&Point) -> String, allowed: Option<String>| {
        let mut cells = vec![name.to_owned()];
        cells.extend(rows.iter().map(|row| value(row)));
        cells.push(allowed.unwrap_or_default());
        table.add_row(cells);
    };
    let budget = answer.budget;
    line("width", &|row| format!("{:.3}", row.exact[0]), None);
    line("depth", &|row| format!("{:.3}", row.exact[1]), None);
    line("pixels", &pixels, None);
    line(
        "parameters",
        &|row| text::grouped(row.cost.parameters),
        budget.parameters.map(text::grouped),
    );
    line(
        "MACs",
        &|row| text::scaled(row.cost.macs),
        budget.macs.map(text::scaled),
    );
    line(
        &format!("peak {element}"),
        &|row| text::bytes(row.cost.peak_bytes()),
        budget.memory.map(text::bytes),
    );
    line(
        &format!("file {element}"),
        &|row| text::bytes(row.cost.file_bytes),
        budget.file.map(text::bytes),
    );
    if let Some(timed) = &answer.timed {
        let time = |row: &Point| timed.of(answer, row).map_or_else(String::new, spread);
        line("time", &time, Some(text::time(timed.limit)));
    }
    let top1 = |row: &Point| row.accuracy.map(|accuracy| format!("{:.1}", accuracy.top1));
    if rows.iter().any(|row| top1(row).is_some()) {
        line("top-1 %", &|row| top1(row).unwrap_or_default(), None);
    }
    finish(table, 1)
}

/// A median with its quartiles.
fn spread(time: Spread) -> String {
    let [low, median, high] =
        [time.lower_quartile, time.median, time.upper_quartile].map(text::time);
    format!("{median} [{low} to {high}]")
}

impl Timed {
    /// The time of a row of the answer.
    fn of(&self, answer: &Answer, row: &Point) -> Option<Spread> {
        let is = |other: &Point| other.scaling == row.scaling;
        match &answer.formula {
            Ok(formula) if is(&formula.row) => Some(self.fastest.time),
            Ok(formula) if formula.next.as_ref().is_some_and(is) => self.fastest.next_time,
            _ => self.fastest.published.map(|(_, time)| time),
        }
    }
}

/// What was timed, and how sure that makes the answer.
fn times(timed: &Timed) -> String {
    let mut table = plain(&[
        "timed",
        "MACs",
        "median",
        "lower quartile",
        "upper quartile",
    ]);
    let mut close = Vec::new();
    for sample in &timed.fastest.samples {
        let spread = sample.time;
        let name = point(&sample.scaling);
        table.add_row([
            name.clone(),
            text::scaled(sample.macs),
            text::time(spread.median),
            text::time(spread.lower_quartile),
            text::time(spread.upper_quartile),
        ]);
        if (spread.lower_quartile..=spread.upper_quartile).contains(&timed.limit) {
            close.push(name);
        }
    }
    let sure = if close.is_empty() {
        "no graph's quartiles enclose the limit".to_owned()
    } else {
        format!(
            "the limit lies within the quartiles of {}, so that another search may decide otherwise there",
            close.join(", ")
        )
    };
    format!(
        "{}\n{} emitted and timed in {} with {}, each in five processes of ten runs; {sure}\n",
        finish(table, 1),
        text::counted(timed.fastest.samples.len() as u64, "graph"),
        timed.runtime,
        text::counted(timed.threads.into(), "thread"),
    )
}

/// The commands that emit the answer and the published model.
fn commands(subject: &Subject, answer: &Answer) -> String {
    let classes = match subject.classes {
        1000 => String::new(),
        classes => format!(" --classes {classes}"),
    };
    let dtype = match subject.element {
        Element::F32 => String::new(),
        element => format!(" --dtype {element}"),
    };
    let Compound { alpha, beta, gamma } = subject.compound;
    let bases = if subject.compound == Compound::default() {
        String::new()
    } else {
        format!(" --alpha {alpha} --beta {beta} --gamma {gamma}")
    };
    let family = match subject.family.name {
        "v1" => String::new(),
        name => format!(" --family {name}"),
    };
    let mut commands = String::new();
    if let Ok(formula) = &answer.formula {
        let phi = formula.found.phi;
        let large = if formula.row.cost.file_bytes > LARGE {
            " --allow-large"
        } else {
            ""
        };
        // Writing into a string cannot fail, here and below.
        let _ = writeln!(
            commands,
            "    efficientnet-onnx emit{family} --phi {phi} --formula{bases}{classes}{dtype}{large} -o phi-{phi}.onnx"
        );
    }
    if let Some(published) = &answer.published {
        let name = label(published);
        let _ = writeln!(
            commands,
            "    efficientnet-onnx emit --variant {name}{classes}{dtype} -o {name}.onnx"
        );
    }
    commands
}
