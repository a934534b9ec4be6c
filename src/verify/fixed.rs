//! A symbolic batch of which only some values run: which, and the nodes that fix it.

use super::plan::Case;
use super::report::{Check, RuntimeReport, RuntimeStatus};
use super::subject::{Extent, Subject};
use super::trace::{Does, Site};
use serde::Serialize;
use std::fmt;

/// Nodes that are listed.
const MOST_NODES: usize = 3;

/// The batches of a symbolic batch that run in no runtime, and those that do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FixedBatch {
    /// Batches that ran.
    pub ran: Vec<u64>,
    /// The first batch that no runtime ran, or that every one ran with outputs of another shape or in other rows.
    pub refused: u64,
    /// Nodes that fix the batch to another extent: the cause, where there is one.
    pub nodes: Vec<FixingNode>,
    /// Whether the runtimes agree on what ran; none if fewer than two ran it.
    pub agrees: Option<bool>,
    #[serde(skip)]
    sites: Vec<Site>,
}

/// A node that fixes the batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FixingNode {
    /// Its name, or that of its first result.
    pub node: String,
    /// The operator.
    pub op_type: String,
    /// The extent that it gives the batch.
    pub batch: u64,
}

impl fmt::Display for FixedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ran, refused, .. } = self;
        write!(
            f,
            "the batch is declared as symbolic, but batch {refused} does not run"
        )?;
        for (place, site) in self.sites.iter().enumerate() {
            write!(f, "{} {site}", if place == 0 { ":" } else { "," })?;
        }
        let ran: Vec<String> = ran.iter().map(u64::to_string).collect();
        if !ran.is_empty() {
            write!(f, "; batch {} ran", ran.join(", "))?;
        }
        match self.agrees {
            Some(true) => f.write_str(", and the runtimes agree on it"),
            Some(false) => f.write_str(", and the runtimes disagree on it"),
            None => Ok(()),
        }
    }
}

/// What runs of a symbolic batch; none if there is no such batch, or a runtime runs every case.
pub fn find(subject: &Subject, cases: &[Case], runtimes: &[RuntimeReport]) -> Option<FixedBatch> {
    let primary = subject.primary();
    let batch = subject.axes(primary).batch?;
    let shape = subject.inputs.get(primary)?.shape.as_ref()?;
    if matches!(shape.get(batch)?, Extent::Fixed(_)) {
        return None;
    }
    let mut tried: Vec<&RuntimeReport> = runtimes
        .iter()
        .filter(|runtime| runtime.status != RuntimeStatus::Unavailable)
        .collect();
    // One that runs nothing has another reason, unless none runs anything.
    if tried.iter().any(|runtime| runtime.cases_run > 0) {
        tried.retain(|runtime| runtime.cases_run > 0);
    }
    let failing: Vec<usize> = tried
        .iter()
        .map(|runtime| first_failing(runtime, cases, !subject.lineage.fixes_batch.is_empty()))
        .collect::<Option<_>>()?;
    let first = *failing.first()?;
    let refused = cases.get(first)?.batch;
    let mut ran: Vec<u64> = cases[..first].iter().map(|case| case.batch).collect();
    ran.dedup();
    // Another batch must have run, or a node must tell why this one does not.
    let fixes = |site: &&Site| matches!(site.does, Does::FixesBatch(extent) if extent != refused);
    let sites: Vec<Site> = subject
        .lineage
        .fixes_batch
        .iter()
        .filter(fixes)
        .take(MOST_NODES)
        .cloned()
        .collect();
    let same = failing.iter().all(|failing| *failing == first);
    if !same || ran.contains(&refused) || ran.is_empty() && sites.is_empty() {
        return None;
    }
    let nodes = sites.iter().filter_map(|site| match site.does {
        Does::FixesBatch(batch) => Some(FixingNode {
            node: site.node.clone(),
            op_type: site.op_type.clone(),
            batch,
        }),
        _ => None,
    });
    let is_clean = |runtime: &&RuntimeReport| {
        let mut failures = runtime.failures.iter();
        runtime.beyond_tolerance.unwrap_or(0) == 0 && failures.all(|failure| failure.case >= first)
    };
    let compared = tried.len() > 1 && !ran.is_empty();
    Some(FixedBatch {
        nodes: nodes.collect(),
        agrees: compared.then(|| tried.iter().all(is_clean)),
        ran,
        refused,
        sites,
    })
}

/// The first case that a runtime refused. Where `shapes` says that a node fixes the batch, also the first in which
/// outputs have another shape or are mixed up.
fn first_failing(runtime: &RuntimeReport, cases: &[Case], shapes: bool) -> Option<usize> {
    let refused = runtime.status == RuntimeStatus::Refused && runtime.cases_run < cases.len();
    let mut failures = runtime.failures.iter();
    let misshaped = failures.find(|failure| {
        shapes
            && matches!(failure.check, Check::Shape | Check::Rows)
            && cases[failure.case].batch > 1
    });
    let misshaped = misshaped.map(|failure| failure.case);
    let refused = refused.then_some(runtime.cases_run);
    match (refused, misshaped) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}
