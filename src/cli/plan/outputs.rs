//! The files of `plan`: each is refused before anything is searched, or written when all is known.

use super::super::exit::Failure;
use super::super::page::{Page, refuse_stdout};
use super::super::written;
use super::answer::Answer;
use super::{PlanArgs, page, plot};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::files::{Inputs, OutputError, OutputFile, refuse_same};
use efficientnet_onnx::plan::{CostLimits, Point, Subject};
use std::path::Path;

impl PlanArgs {
    /// Every file that is written, with its flag.
    fn outputs(&self) -> Vec<(&'static str, &Path)> {
        let outputs = [
            ("-o", &self.output),
            ("--svg", &self.svg),
            ("--html", &self.html),
        ];
        let given = outputs.into_iter();
        given
            .filter_map(|(flag, path)| Some((flag, path.as_deref()?)))
            .collect()
    }

    /// Refuses `--emit` without an answer, and files that cannot be written.
    pub(super) fn refuse_outputs(&self, budget: &CostLimits) -> Result<(), Failure> {
        if self.emit && budget.is_unlimited() && self.latency.is_none() {
            return Err(Failure::bad_input("`--emit` needs a budget, whose answer it writes")
                .hint("give `--macs`, `--params`, `--memory` or `--file-size`; `emit --phi X --formula` writes a point"));
        }
        let outputs = self.outputs();
        for (index, (flag, path)) in outputs.iter().enumerate() {
            match *flag {
                "-o" if path.as_os_str() == "-" => {
                    let found = "`--emit` writes beside what is printed, found `-o -`";
                    return Err(Failure::bad_input(found).hint("write to a file with `-o FILE`"));
                }
                flag => refuse_stdout(flag, path)?,
            }
            for (other_flag, other) in &outputs[..index] {
                refuse_same(other, path).map_err(|error| match error {
                    OutputError::Same { .. } => Failure::bad_input(format!(
                        "`{other_flag} {}` and `{flag} {}` are the same place, expected one for each output",
                        other.shown(),
                        path.shown()
                    ))
                    .hint("give the output another name"),
                    error => written::output(&error),
                })?;
            }
        }
        for (_, path) in outputs {
            let opened = OutputFile::open(path, self.force, &Inputs::default());
            opened.map(drop).map_err(|error| written::output(&error))?;
        }
        Ok(())
    }

    /// Writes the plots and the page of all rows.
    pub(super) fn draw(
        &self,
        subject: &Subject,
        rows: &[Point],
        answer: Option<&Answer>,
    ) -> Result<(), Failure> {
        let more = answer
            .iter()
            .flat_map(|answer| answer.rows().chain(&answer.published));
        let all: Vec<Point> = rows.iter().chain(more).cloned().collect();
        let inputs = Inputs::default();
        if let Some(path) = &self.svg {
            Page::open(path, self.force, &inputs, false)?.write(plot::svg(&all))?;
        }
        if let Some(path) = &self.html {
            let formula = answer.and_then(|answer| answer.formula.as_ref().ok());
            let phi = formula.map_or(1.0, |formula| formula.found.phi);
            let page = page::page(subject, &all, phi).map_err(Failure::bad_input)?;
            Page::open(path, self.force, &inputs, false)?.write(&page)?;
        }
        Ok(())
    }
}
