//! Functions of a model, put in the place of the nodes that call them.
//!
//! Source: ONNX's `docs/IR.md`, Functions. A body sees nothing but its own values, so that all of them, those of the graphs
//! within its nodes too, are renamed together: a name that no value of the file begins with is put before each.

use super::super::budget::{Budget, Kind};
use super::super::wire::{Payload, malformed};
use super::super::{Contents, ModelFile};
use super::{PlainError, dimensions, fault_of, wire_of};
use crate::onnx::ops::definitions::is_same;
use crate::onnx::proto::{
    AttributeProto, FunctionProto, GraphProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto,
};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that inlining may add: as many as a file may have besides tensors.
const MOST_BYTES: usize = super::super::DECODED_LIMIT;
/// Nodes that inlining may make. Bodies that call each other double them with every level.
const MOST_NODES: usize = 1 << 20;
/// Functions may not be recursive; no file needs as many levels.
const DEEPEST: usize = 32;

/// Reads the functions of a file.
pub(super) fn read(file: &ModelFile) -> Result<Vec<FunctionProto>, PlainError> {
    let failed = |fault| fault_of(file, fault);
    let (mut wire, mut budget) = (wire_of(file)?, Budget::new());
    let mut functions = Vec::new();
    while let Some((number, payload)) = wire.field(file.length).map_err(failed)? {
        let (25, Payload::Bytes(range)) = (number, payload) else {
            continue;
        };
        let bytes = wire.read(&range).map_err(failed)?;
        budget
            .take_message(Kind::Function, &bytes)
            .map_err(failed)?;
        let function = FunctionProto::decode(bytes.as_slice())
            .map_err(|error| failed(malformed(range.start, error)))?;
        functions.push(function);
    }
    Ok(functions)
}

/// Domain, name and overload.
type Key<'a> = (&'a str, &'a str, &'a str);

/// Puts functions in the place of calls.
pub(super) struct Inliner<'a> {
    functions: BTreeMap<Key<'a>, &'a FunctionProto>,
    /// Versions of the domains that the model imports.
    versions: BTreeMap<&'a str, i64>,
    /// Names of values and nodes of the file, and the beginnings of new ones.
    taken: BTreeSet<String>,
    /// Domains that only functions import.
    pub(super) imports: Vec<OperatorSetIdProto>,
    /// Calls in the file's own nodes that were inlined, and calls in functions.
    pub(super) calls: u64,
    bytes: usize,
    made: usize,
}

impl<'a> Inliner<'a> {
    pub(super) fn new(contents: &'a Contents, functions: &'a [FunctionProto]) -> Self {
        let mut taken = BTreeSet::new();
        if !functions.is_empty() {
            let values = contents.inputs.iter().map(ValueInfoProto::name);
            let constants = contents.initializers.iter().map(|one| one.name.as_str());
            let sparse = contents.sparse_initializers.iter().map(String::as_str);
            taken.extend(values.chain(constants).chain(sparse).map(str::to_owned));
            contents
                .nodes
                .iter()
                .for_each(|node| take(node, &mut taken));
        }
        let imports = contents.opset_import.iter();
        Self {
            functions: functions
                .iter()
                .map(|function| {
                    let key = (
                        canonical(function.domain()),
                        function.name(),
                        function.overload(),
                    );
                    (key, function)
                })
                .collect(),
            versions: imports
                .map(|import| (canonical(import.domain()), import.version()))
                .collect(),
            taken,
            imports: Vec::new(),
            calls: 0,
            bytes: 0,
            made: 0,
        }
    }

    /// What takes a node's place; none if it stays.
    pub(super) fn expand(
        &mut self,
        node: &NodeProto,
    ) -> Result<Option<Vec<NodeProto>>, PlainError> {
        if self.functions.is_empty() || !self.has_calls(node) {
            return Ok(None);
        }
        let mut found = Vec::new();
        self.expand_into(node.clone(), 0, &mut found)?;
        Ok(Some(found))
    }

    fn called(&self, node: &NodeProto) -> Option<&'a FunctionProto> {
        let key = (canonical(node.domain()), node.op_type(), node.overload());
        self.functions.get(&key).copied()
    }

    fn has_calls(&self, node: &NodeProto) -> bool {
        self.called(node).is_some()
            || dimensions::graphs(node)
                .any(|graph| graph.node.iter().any(|node| self.has_calls(node)))
    }

    fn expand_into(
        &mut self,
        mut node: NodeProto,
        depth: usize,
        found: &mut Vec<NodeProto>,
    ) -> Result<(), PlainError> {
        let Some(function) = self.called(&node) else {
            for attribute in &mut node.attribute {
                for graph in attribute
                    .g
                    .iter_mut()
                    .map(AsMut::as_mut)
                    .chain(&mut attribute.graphs)
                {
                    let mut nodes = Vec::new();
                    for inner in std::mem::take(&mut graph.node) {
                        self.expand_into(inner, depth, &mut nodes)?;
                    }
                    graph.node = nodes;
                }
            }
            found.push(node);
            return Ok(());
        };
        let fail = |reason: String| PlainError::Function {
            function: function.name().to_owned(),
            reason,
        };
        if depth >= DEEPEST {
            let reason = format!("its calls are nested deeper than {DEEPEST}, or it calls itself");
            return Err(fail(reason));
        }
        self.calls += 1;
        self.import(function)?;
        let prefix = self.prefix(&node);
        let mut names = bind(function, &node, found).map_err(fail)?;
        for inner in &function.node {
            let mut inner = inner.clone();
            rename(&mut inner, &prefix, &mut names);
            set_attributes(&mut inner, function, &node);
            self.bytes += inner.encoded_len();
            self.made += 1;
            if self.bytes > MOST_BYTES || self.made > MOST_NODES {
                let reason = format!(
                    "the calls of the file come to more than {MOST_NODES} nodes or {MOST_BYTES} bytes"
                );
                return Err(fail(reason));
            }
            self.expand_into(inner, depth + 1, found)?;
        }
        Ok(())
    }

    /// Holds the versions that a function counts on against the model's; adds those of domains that the model lacks.
    fn import(&mut self, function: &'a FunctionProto) -> Result<(), PlainError> {
        for import in &function.opset_import {
            let (domain, version) = (canonical(import.domain()), import.version());
            let known = *self.versions.entry(domain).or_insert_with(|| {
                self.imports.push(import.clone());
                version
            });
            if known == version {
                continue;
            }
            let differs = |node: &&NodeProto| {
                let own = domain.is_empty();
                canonical(node.domain()) == domain
                    && self.called(node).is_none()
                    && !(own && is_same(node.op_type(), known, version))
            };
            if let Some(node) = all_nodes(&function.node).into_iter().find(differs) {
                let reason = format!(
                    "its `{}` is that of version {version} of domain `{domain}`, and the model has version {known}",
                    node.op_type()
                );
                return Err(PlainError::Function {
                    function: function.name().to_owned(),
                    reason,
                });
            }
        }
        Ok(())
    }

    /// A beginning that no name of the file has, nor any that was made before.
    fn prefix(&mut self, node: &NodeProto) -> String {
        let output = node.output.iter().find(|output| !output.is_empty());
        let base = match node.name() {
            "" => output.map_or("call", String::as_str),
            name => name,
        };
        let is_taken = |prefix: &String| {
            let next = self.taken.range::<String, _>(prefix..).next();
            next.is_some_and(|next| next.starts_with(prefix.as_str()))
        };
        let numbered = (1..).map(|number| format!("{base}#{number}/"));
        let prefix = std::iter::once(format!("{base}/"))
            .chain(numbered)
            .find(|prefix| !is_taken(prefix))
            .unwrap_or_default();
        self.taken.insert(prefix.clone());
        prefix
    }
}

/// ONNX's own domain has two names.
fn canonical(domain: &str) -> &str {
    if domain == "ai.onnx" { "" } else { domain }
}

/// Adds the names of a node and of its values, those of graphs within it too.
fn take(node: &NodeProto, taken: &mut BTreeSet<String>) {
    taken.extend(node.output.iter().cloned());
    taken.insert(node.name().to_owned());
    for graph in dimensions::graphs(node) {
        let inputs = graph.input.iter().map(ValueInfoProto::name);
        let constants = graph.initializer.iter().map(TensorProto::name);
        taken.extend(inputs.chain(constants).map(str::to_owned));
        graph.node.iter().for_each(|node| take(node, taken));
    }
}

/// Nodes and those of graphs within them.
fn all_nodes(nodes: &[NodeProto]) -> Vec<&NodeProto> {
    let mut found = Vec::new();
    for node in nodes {
        found.push(node);
        for graph in dimensions::graphs(node) {
            found.extend(all_nodes(&graph.node));
        }
    }
    found
}

/// What the body's operands and results are called outside. A result that is an operand is copied.
fn bind(
    function: &FunctionProto,
    node: &NodeProto,
    found: &mut Vec<NodeProto>,
) -> Result<BTreeMap<String, String>, String> {
    for (what, given, declared) in [
        ("operands", node.input.len(), function.input.len()),
        ("results", node.output.len(), function.output.len()),
    ] {
        if given > declared {
            return Err(format!(
                "node `{}` has {given} {what}, expected at most {declared}",
                node.name()
            ));
        }
    }
    let mut names = BTreeMap::new();
    for (index, formal) in function.input.iter().enumerate() {
        let actual = node.input.get(index).cloned().unwrap_or_default();
        names.insert(formal.clone(), actual);
    }
    for (formal, actual) in function.output.iter().zip(&node.output) {
        if actual.is_empty() {
            continue;
        }
        if let Some(passed) = names.get(formal) {
            found.push(NodeProto {
                op_type: Some("Identity".to_owned()),
                name: Some(actual.clone()),
                input: vec![passed.clone()],
                output: vec![actual.clone()],
                ..NodeProto::default()
            });
        } else {
            names.insert(formal.clone(), actual.clone());
        }
    }
    Ok(names)
}

/// Gives a node of a body, and the graphs within it, names of their own.
fn rename(node: &mut NodeProto, prefix: &str, names: &mut BTreeMap<String, String>) {
    let mut new = |name: &mut String| {
        if !name.is_empty() {
            let renamed = names
                .entry(name.clone())
                .or_insert_with(|| format!("{prefix}{name}"));
            name.clone_from(renamed);
        }
    };
    node.input
        .iter_mut()
        .chain(&mut node.output)
        .for_each(&mut new);
    let label = match node.name() {
        "" => node.op_type(),
        name => name,
    };
    node.name = Some(format!("{prefix}{label}"));
    for attribute in &mut node.attribute {
        for graph in attribute
            .g
            .iter_mut()
            .map(AsMut::as_mut)
            .chain(&mut attribute.graphs)
        {
            rename_graph(graph, prefix, names);
        }
    }
}

fn rename_graph(graph: &mut GraphProto, prefix: &str, names: &mut BTreeMap<String, String>) {
    let mut new = |name: &mut Option<String>| {
        if let Some(name) = name.as_mut().filter(|name| !name.is_empty()) {
            let renamed = names
                .entry(name.clone())
                .or_insert_with(|| format!("{prefix}{name}"));
            name.clone_from(renamed);
        }
    };
    let infos = graph.input.iter_mut().chain(&mut graph.output);
    infos
        .chain(&mut graph.value_info)
        .for_each(|info| new(&mut info.name));
    graph
        .initializer
        .iter_mut()
        .for_each(|tensor| new(&mut tensor.name));
    let sparse = graph.sparse_initializer.iter_mut();
    sparse
        .filter_map(|tensor| tensor.values.as_mut())
        .for_each(|tensor| new(&mut tensor.name));
    // What names tensors for quantisation says nothing of how to compute.
    graph.quantization_annotation.clear();
    for node in &mut graph.node {
        rename(node, prefix, names);
    }
}

/// Replaces attributes that refer to the call's by what the call says, or by the function's default. One that neither
/// gives is left out: the operator's own default holds.
fn set_attributes(inner: &mut NodeProto, function: &FunctionProto, call: &NodeProto) {
    let given = |reference: &str| {
        let all = call.attribute.iter().chain(&function.attribute_proto);
        all.into_iter().find(|given| given.name() == reference)
    };
    inner.attribute = std::mem::take(&mut inner.attribute)
        .into_iter()
        .filter_map(|mut attribute| {
            if !attribute.ref_attr_name().is_empty() {
                return given(attribute.ref_attr_name()).map(|given| AttributeProto {
                    name: attribute.name.clone(),
                    ..given.clone()
                });
            }
            for graph in attribute
                .g
                .iter_mut()
                .map(AsMut::as_mut)
                .chain(&mut attribute.graphs)
            {
                for node in &mut graph.node {
                    set_attributes(node, function, call);
                }
            }
            Some(attribute)
        })
        .collect();
}
