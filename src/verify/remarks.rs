//! What is worth knowing of a file before any runtime runs it: outputs that are not compared, rows that depend on each
//! other, and inputs that keep one value.

use super::layout::Rows;
use super::plan::{Case, Content};
use super::subject::{LeftOut, Subject, Why};
use super::trace::Does;

/// What to do about a model that was exported while it was trained.
const EVALUATION: &str = "export the model in evaluation mode (`model.eval()` in PyTorch)";

/// How the output could be compared, where there is a way.
pub fn advice(output: &LeftOut) -> String {
    match &output.why {
        Why::Random(site) if site.does == Does::DropsOut => format!("; {EVALUATION}"),
        _ => String::new(),
    }
}

/// The notes for a file and the cases that it is tried with.
pub fn of(subject: &Subject, cases: &[Case]) -> Vec<String> {
    let mut notes = Vec::new();
    for output in &subject.left_out {
        let advice = advice(output);
        notes.push(format!("{output}, so it is not compared{advice}"));
    }
    let batched = cases.iter().any(|case| case.batch > 1);
    for (output, site) in &subject.lineage.mixed {
        let trains = site.op_type == "BatchNormalization";
        if !batched && !trains {
            continue;
        }
        let advice = if trains {
            format!("; {EVALUATION}")
        } else {
            String::new()
        };
        notes.push(format!(
            "rows of output `{}` depend on each other: {site}; they are compared between runtimes and not with the \
             image alone{advice}",
            output.escape_debug()
        ));
    }
    let made = cases.iter().any(|case| case.content != Content::Given);
    let of = |rows| {
        let inputs = subject.inputs.iter().enumerate();
        let names = inputs.filter(|(index, _)| subject.rows(*index) == rows);
        let names = names.map(|(_, input)| format!("`{}`", input.name.escape_debug()));
        names.collect::<Vec<_>>().join(", ")
    };
    let (once, equal) = (of(Rows::None), of(Rows::Equal));
    if made && !once.is_empty() {
        notes.push(format!(
            "inputs without a batch dimension have one value in every case: {once}"
        ));
    }
    if made && batched && !equal.is_empty() {
        notes.push(format!(
            "inputs whose first dimension is not the batch by its name have equal rows: {equal}"
        ));
    }
    notes
}

/// Why runtimes may disagree on a file that quantises what it has computed.
pub fn of_levels(subject: &Subject) -> Option<String> {
    let mut sites = subject.lineage.mixed.values();
    let site = sites.find(|site| site.does == Does::QuantisesBatch)?;
    Some(format!(
        "{site}: a value halfway between two levels is rounded to either, so that runtimes which agree to the last \
         bits before it may differ by a level after it"
    ))
}
