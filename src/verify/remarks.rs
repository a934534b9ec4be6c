//! What is worth knowing of a file before any runtime runs it: outputs that are not compared, rows that depend on each
//! other, and inputs that keep one value.

use super::facts::FileFacts;
use super::layout::Rows;
use super::lineage::Does;
use super::note::VerifyNote;
use super::plan::{Case, Content};

/// The notes for a file and the cases that it is tried with.
pub fn of(facts: &FileFacts, cases: &[Case]) -> Vec<VerifyNote> {
    let contradictions = facts.contradictions.iter().cloned();
    let left_out = facts.left_out.iter().cloned();
    let mut notes: Vec<VerifyNote> = contradictions
        .map(VerifyNote::Contradicted)
        .chain(left_out.map(VerifyNote::LeftOut))
        .collect();
    let batched = cases.iter().any(|case| case.batch > 1);
    let mixed = facts.lineage.mixed.iter();
    let mixed = mixed.filter(|(_, site)| batched || site.trains());
    notes.extend(mixed.map(|(output, site)| VerifyNote::MixedRows {
        output: output.clone(),
        site: site.clone(),
    }));
    let made = cases.iter().any(|case| case.content != Content::Given);
    let of = |rows| {
        let inputs = facts.inputs.iter().enumerate();
        let inputs = inputs.filter(|(index, _)| facts.rows(*index) == rows);
        inputs
            .map(|(_, input)| input.name.clone())
            .collect::<Vec<_>>()
    };
    let (once, equal) = (of(Rows::None), of(Rows::Equal));
    if made && !once.is_empty() {
        notes.push(VerifyNote::OneValue(once));
    }
    if made && batched && !equal.is_empty() {
        notes.push(VerifyNote::EqualRows(equal));
    }
    notes
}

/// Why runtimes may disagree on a file that quantises what it has computed.
pub fn of_levels(facts: &FileFacts) -> Option<VerifyNote> {
    let mut sites = facts.lineage.mixed.values();
    let site = sites.find(|site| site.does == Does::QuantisesBatch)?;
    Some(VerifyNote::Levels(site.clone()))
}
