//! A file as a list of steps: values numbered, functions inlined, every operator looked up before anything runs.

use super::describe::describe;
use super::inline;
use super::operators::{Operator, find};
use crate::files::foreign::Foreign;
use crate::files::read_input;
use crate::memory::{self, Reservation};
use crate::onnx::proto::{
    ModelProto, NodeProto, TensorProto, ValueInfoProto, type_proto::Value as TypeValue,
};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The greatest operator set that this interpreter is held against: that of ONNX 1.23.
const NEWEST_VERSION: i64 = 28;

/// protobuf's own limit of a message.
const LONGEST_FILE: u64 = (1 << 31) - 1;

/// A node with its place in the list of values.
pub struct Step {
    pub node: NodeProto,
    pub version: i64,
    pub operator: &'static Operator,
    /// Numbers of operands; none for one that is left out.
    pub operands: Vec<Option<usize>>,
    /// Numbers of results; none for one that is not wanted.
    pub results: Vec<Option<usize>>,
    /// Values that no later step and no output needs.
    pub last_read: Vec<usize>,
}

/// A file, ready to run.
pub struct Plan {
    /// Where external data lies.
    pub folder: PathBuf,
    pub steps: Vec<Step>,
    /// Names of values by number.
    pub names: Vec<String>,
    /// For each value, the initializer that it is.
    pub initializers: BTreeMap<usize, TensorProto>,
    /// What the caller may give: those that are initializers too have a default.
    pub inputs: Vec<(usize, ValueInfoProto)>,
    pub outputs: Vec<usize>,
    /// The memory of the file's bytes, which the initializers share.
    pub file: Option<Reservation>,
}

/// Reads the file at `path`, without the outputs of these names.
pub fn load(path: &Path, leave_out: &[String]) -> Result<Plan, String> {
    let cannot_read = |error| format!("cannot read `{}`: {error}", path.shown());
    let bytes = read_input(path, LONGEST_FILE).map_err(cannot_read)?;
    let reserved = memory::reserve(bytes.len() as u64, "the file");
    let reserved = reserved.map_err(|error| error.to_string())?;
    let bytes = prost::bytes::Bytes::from(bytes);
    let model =
        ModelProto::decode(bytes).map_err(|error| format!("it is not an ONNX model: {error}"))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut plan = plan(model, folder, leave_out)?;
    plan.file = Some(reserved);
    Ok(plan)
}

/// A model whose external data lies in `folder`. Nodes that only the outputs in `leave_out` need are not looked at.
pub fn plan(model: ModelProto, folder: PathBuf, leave_out: &[String]) -> Result<Plan, String> {
    let mut nodes = inline::inline(&model)?;
    let mut graph = model.graph.ok_or("it has no graph")?;
    if !leave_out.is_empty() {
        graph
            .output
            .retain(|output| !leave_out.iter().any(|name| name == output.name()));
        nodes = needed(nodes, &graph.output);
    }
    if !graph.sparse_initializer.is_empty() {
        return Err("sparse initializers are not supported".to_owned());
    }
    let found = operators(&nodes)?;
    let mut values = Values::default();
    let mut initializers = BTreeMap::new();
    for tensor in graph.initializer {
        let name = tensor.name.clone().unwrap_or_default();
        let number = values.define(&name)?;
        initializers.insert(number, tensor);
    }
    let mut inputs = Vec::new();
    for input in graph.input {
        let name = input.name.clone().unwrap_or_default();
        let number = match values.numbers.get(&name) {
            Some(&number) if initializers.contains_key(&number) => number,
            _ => values.define(&name)?,
        };
        inputs.push((number, input));
    }
    let mut steps = Vec::new();
    for ((node, version), operator) in nodes.into_iter().zip(found) {
        let mut operands = Vec::new();
        for name in &node.input {
            operands.push(match name.is_empty() {
                true => None,
                false => match values.numbers.get(name) {
                    Some(&number) => Some(number),
                    None => {
                        let node = describe(&node);
                        return Err(format!("{node}: there is no value `{name}` before it"));
                    }
                },
            });
        }
        let mut results = Vec::new();
        for name in &node.output {
            results.push(match name.is_empty() {
                true => None,
                false => {
                    let defined = values.define(name);
                    Some(defined.map_err(|fault| format!("{}: {fault}", describe(&node)))?)
                }
            });
        }
        steps.push(Step {
            node,
            version,
            operator,
            operands,
            results,
            last_read: Vec::new(),
        });
    }
    let mut outputs = Vec::new();
    for output in &graph.output {
        let name = output.name.as_deref().unwrap_or_default();
        match values.numbers.get(name) {
            Some(&number) => outputs.push(number),
            None => return Err(format!("there is no value `{name}`, an output")),
        }
    }
    mark_last_reads(&mut steps, values.names.len(), &outputs);
    Ok(Plan {
        folder,
        steps,
        names: values.names,
        initializers,
        inputs,
        outputs,
        file: None,
    })
}

/// The nodes that the outputs are computed from, in order.
fn needed(nodes: Vec<(NodeProto, i64)>, outputs: &[ValueInfoProto]) -> Vec<(NodeProto, i64)> {
    let mut wanted: BTreeSet<String> = outputs.iter().map(|output| output.name().into()).collect();
    let mut kept = Vec::new();
    for (node, version) in nodes.into_iter().rev() {
        if node.output.iter().any(|result| wanted.contains(result)) {
            wanted.extend(node.input.iter().filter(|name| !name.is_empty()).cloned());
            kept.push((node, version));
        }
    }
    kept.reverse();
    kept
}

#[derive(Default)]
struct Values {
    names: Vec<String>,
    numbers: BTreeMap<String, usize>,
}

impl Values {
    fn define(&mut self, name: &str) -> Result<usize, String> {
        let number = self.names.len();
        if self.numbers.insert(name.to_owned(), number).is_some() {
            return Err(format!("there are two values `{name}`"));
        }
        self.names.push(name.to_owned());
        Ok(number)
    }
}

/// The operator of each node, or one error that lists every operator that is lacking.
fn operators(nodes: &[(NodeProto, i64)]) -> Result<Vec<&'static Operator>, String> {
    let mut found = Vec::new();
    let mut lacking: BTreeMap<String, String> = BTreeMap::new();
    for (node, version) in nodes {
        if *version > NEWEST_VERSION {
            return Err(format!(
                "it uses operator set {version}; this interpreter knows up to {NEWEST_VERSION}"
            ));
        }
        let domain = node.domain.as_deref().unwrap_or_default();
        let op_type = node.op_type.as_deref().unwrap_or_default();
        let own = domain.is_empty() || domain == "ai.onnx";
        match find(op_type).filter(|_| own) {
            Some(operator) => found.push(operator),
            None => {
                let full = match own {
                    true => op_type.to_owned(),
                    false => format!("{domain}.{op_type}"),
                };
                lacking.entry(full).or_insert_with(|| describe(node));
            }
        }
    }
    if lacking.is_empty() {
        return match nodes.iter().find(|(_, version)| *version < 1) {
            None => Ok(found),
            Some((node, _)) => Err(format!(
                "{}: the file has no version of ONNX's own operator set",
                describe(node)
            )),
        };
    }
    let mut lines = Vec::new();
    for (operator, node) in lacking {
        lines.push(format!("`{operator}`, first in {node}"));
    }
    Err(format!(
        "the reference interpreter lacks: {}",
        lines.join("; ")
    ))
}

/// Also of results that nobody reads: they are last read where they are made.
fn mark_last_reads(steps: &mut [Step], value_count: usize, outputs: &[usize]) {
    let mut seen = vec![false; value_count];
    for &output in outputs {
        seen[output] = true;
    }
    for step in steps.iter_mut().rev() {
        for number in step.results.iter().chain(&step.operands).flatten() {
            if !seen[*number] {
                seen[*number] = true;
                step.last_read.push(*number);
            }
        }
    }
}

/// The element type and extents that a graph says an input has; none for an extent that has no fixed value.
pub fn declared(input: &ValueInfoProto) -> Option<(i32, Option<Vec<Option<i64>>>)> {
    use crate::onnx::proto::tensor_shape_proto::dimension::Value;
    let Some(TypeValue::TensorType(tensor)) = input.r#type.as_ref()?.value.as_ref() else {
        return None;
    };
    let shape = tensor.shape.as_ref().map(|shape| {
        let mut extents = Vec::new();
        for dimension in &shape.dim {
            extents.push(match dimension.value {
                // Paddle2ONNX writes −1 for a symbolic extent.
                Some(Value::DimValue(extent)) if extent >= 0 => Some(extent),
                _ => None,
            });
        }
        extents
    });
    Some((tensor.elem_type.unwrap_or(0), shape))
}
