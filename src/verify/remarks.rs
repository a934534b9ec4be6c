//! What is worth knowing of a file before any runtime runs it: outputs that are not compared, rows that depend on each
//! other, and inputs that keep one value.

use super::layout::Rows;
use super::lineage::Does;
use super::note::Note;
use super::plan::{Case, Content};
use super::subject::Subject;

/// The notes for a file and the cases that it is tried with.
pub fn of(subject: &Subject, cases: &[Case]) -> Vec<Note> {
    let left_out = subject.left_out.iter().cloned();
    let mut notes: Vec<Note> = left_out.map(Note::LeftOut).collect();
    let batched = cases.iter().any(|case| case.batch > 1);
    let mixed = subject.lineage.mixed.iter();
    let mixed = mixed.filter(|(_, site)| batched || site.trains());
    notes.extend(mixed.map(|(output, site)| Note::MixedRows {
        output: output.clone(),
        site: site.clone(),
    }));
    let made = cases.iter().any(|case| case.content != Content::Given);
    let of = |rows| {
        let inputs = subject.inputs.iter().enumerate();
        let inputs = inputs.filter(|(index, _)| subject.rows(*index) == rows);
        inputs
            .map(|(_, input)| input.name.clone())
            .collect::<Vec<_>>()
    };
    let (once, equal) = (of(Rows::None), of(Rows::Equal));
    if made && !once.is_empty() {
        notes.push(Note::OneValue(once));
    }
    if made && batched && !equal.is_empty() {
        notes.push(Note::EqualRows(equal));
    }
    notes
}

/// Why runtimes may disagree on a file that quantises what it has computed.
pub fn of_levels(subject: &Subject) -> Option<Note> {
    let mut sites = subject.lineage.mixed.values();
    let site = sites.find(|site| site.does == Does::QuantisesBatch)?;
    Some(Note::Levels(site.clone()))
}
