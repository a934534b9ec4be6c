//! The answer to a budget for a terminal: the formula's point, the next step and the published model side by side, and the commands
//! that emit them.

use super::super::text;
use super::answer::{Answer, Timed};
use super::table::{finish, label, pixels, plain, point};
use super::words::excess;
use efficientnet_onnx::bench::Spread;
use efficientnet_onnx::plan::{Point, Subject};
use efficientnet_onnx::scaling::Compound;
use efficientnet_onnx::tensor::Element;

/// The answer.
pub fn answer(subject: &Subject, answer: &Answer) -> String {
    let sure = answer.timed.as_ref().map_or_else(String::new, times);
    let looked = if answer.timed.is_some() {
        text::counted(answer.found.tried as u64, "graph") + " emitted and timed"
    } else {
        text::counted(answer.found.tried as u64, "point") + " looked at"
    };
    let published = match &answer.published {
        Some(published) => format!(
            "the largest published model that fits is {}",
            label(published)
        ),
        None => "no published model fits".to_owned(),
    };
    format!(
        "{}\n{sure}φ {} is the largest of the grid of 0.01 that fits ({looked}); φ {} needs {}; {published}\n\n{}",
        columns(subject, answer),
        answer.found.phi,
        answer.found.next,
        needed(answer),
        commands(subject, answer),
    )
}

/// What the next step breaks.
fn needed(answer: &Answer) -> String {
    let Some(next) = &answer.next else {
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
    header.push(format!("formula {}", label(&answer.row)));
    header.extend(
        answer
            .next
            .as_ref()
            .map(|next| format!("next {}", label(next))),
    );
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
    let top1 = |row: &Point| row.accuracy.map(|accuracy| accuracy.top1.to_string());
    if rows.iter().any(|row| top1(row).is_some()) {
        line("top-1", &|row| top1(row).unwrap_or_default(), None);
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
        if is(&answer.row) {
            Some(self.fastest.time)
        } else if answer.next.as_ref().is_some_and(is) {
            self.fastest.next_time
        } else {
            self.fastest.published.map(|(_, time)| time)
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
    let phi = answer.found.phi;
    let mut commands = format!(
        "    efficientnet-onnx emit{family} --phi {phi} --formula{bases}{classes}{dtype} -o phi-{phi}.onnx\n"
    );
    if let Some(published) = &answer.published {
        let name = label(published);
        let command =
            format!("    efficientnet-onnx emit --variant {name}{classes}{dtype} -o {name}.onnx\n");
        commands += &command;
    }
    commands
}
