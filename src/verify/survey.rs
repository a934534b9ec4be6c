//! What a file is made of and what it costs, without running it.

use super::plan::Case;
use super::read::{facts, first_case};
use crate::onnx::check::{Finding, impossible};
use crate::onnx::cost;
use crate::onnx::file::ModelFile;
use crate::onnx::proto::NodeProto;
use std::collections::BTreeMap;

/// What a file is made of, and what the first inputs that it would be tried with cost.
#[derive(Clone, Debug)]
pub struct Survey {
    /// How many nodes have each operator, the most frequent first; operators of other domains as `domain.Operator`.
    pub operators: Vec<(String, u64)>,
    /// Elements of constants that training would change ([`cost::parameters`]); a lower bound where `uncounted_parameters` has a name.
    pub parameters: u64,
    /// Constants whose elements are not counted.
    pub uncounted_parameters: Vec<String>,
    /// Batch and size that the costs are of; none where no inputs can be made up.
    pub case: Option<Case>,
    /// Shapes of the inputs in that case, by name.
    pub inputs: Vec<(String, Vec<u64>)>,
    /// Why no costs are counted: the graph cannot run, no inputs can be made up, or a function cannot be inlined.
    pub not_counted: Option<String>,
    /// Multiply-adds of one image; a lower bound where `uncounted` has a node.
    pub macs: u64,
    /// Nodes whose multiply-adds are not known.
    pub uncounted: Vec<String>,
    /// The most elements of activations that are held at once for the whole batch ([`cost::Count::peak_activations`]).
    pub peak_activations: Option<u64>,
    /// Nodes that give activations of unknown size; none of them where `peak_activations` is known.
    pub unsized_nodes: Vec<String>,
}

/// Surveys a file.
#[must_use]
pub fn survey(file: &ModelFile) -> Survey {
    let contents = &file.contents;
    let parameters = cost::parameters(file);
    let mut survey = Survey {
        operators: operators(&contents.nodes),
        parameters: parameters.count,
        uncounted_parameters: parameters.uncounted,
        case: None,
        inputs: Vec::new(),
        not_counted: None,
        macs: 0,
        uncounted: Vec::new(),
        peak_activations: None,
        unsized_nodes: Vec::new(),
    };
    if let Err(reason) = survey.costs(file) {
        survey.uncounted = contents.nodes.iter().map(cost::label).collect();
        survey.not_counted = Some(reason);
    }
    survey
}

impl Survey {
    /// Counts what the first inputs cost; why it cannot, if so.
    fn costs(&mut self, file: &ModelFile) -> Result<(), String> {
        if let Some(Finding { node, message, .. }) = impossible(file) {
            let place = node.map_or_else(String::new, |node| format!("in node `{node}`: "));
            return Err(format!("the graph cannot run: {place}{message}"));
        }
        let (case, shapes) = first_case(&facts(file)).map_err(|error| error.to_string())?;
        let count = cost::count(file, &shapes).map_err(|error| error.to_string())?;
        self.macs = count.macs / case.batch.max(1);
        self.uncounted = count.uncounted;
        self.peak_activations = count.peak_activations;
        self.unsized_nodes = count.unsized_nodes;
        self.case = Some(case);
        self.inputs = shapes;
        Ok(())
    }
}

fn operators(nodes: &[NodeProto]) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for node in nodes {
        let name = match node.domain() {
            "" | "ai.onnx" => node.op_type().to_owned(),
            domain => format!("{domain}.{}", node.op_type()),
        };
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
