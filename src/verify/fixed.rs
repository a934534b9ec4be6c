//! A symbolic batch of which only some values run: which, and the nodes that fix it.

use super::facts::{DeclaredExtent, FileFacts};
use super::lineage::{Does, FixedBatch, FixingNode, RowNode};
use super::plan::Case;
use super::report::{Check, RuntimeReport, RuntimeStatus};

/// Nodes that are listed.
const MOST_NODES: usize = 3;

/// What runs of a symbolic batch; none if there is no such batch, or a runtime runs every case.
pub fn find(facts: &FileFacts, cases: &[Case], runtimes: &[RuntimeReport]) -> Option<FixedBatch> {
    let primary = facts.primary();
    let batch = facts.axes(primary).batch?;
    let shape = facts.inputs.get(primary)?.shape.as_ref()?;
    if matches!(shape.get(batch)?, DeclaredExtent::Fixed(_)) {
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
        .map(|runtime| first_failing(runtime, cases, !facts.lineage.fixes_batch.is_empty()))
        .collect::<Option<_>>()?;
    let first = *failing.first()?;
    let refused = cases.get(first)?.batch;
    let mut ran: Vec<u64> = cases[..first].iter().map(|case| case.batch).collect();
    ran.dedup();
    // Another batch must have run, or a node must tell why this one does not.
    let fixes =
        |site: &&RowNode| matches!(site.does, Does::FixesBatch(extent) if extent != refused);
    let sites: Vec<RowNode> = facts
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
