//! Rules about a graph: names, order, operators, and types inferred from the inputs on.

mod node;

use super::Report;
use crate::onnx::file::{Contents, Initializer};
use crate::onnx::ops::{TensorType, agree};
use crate::onnx::proto::{NodeProto, ValueInfoProto, tensor_shape_proto::dimension, type_proto};
use crate::tensor::shape::Dim;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Checks the graph, and its nodes against the definitions of `opset`, if those are known.
pub fn check(contents: &Contents, opset: Option<i64>, report: &mut Report) {
    let mut checker = Checker::new(contents, opset, report);
    checker.sources();
    let mut names = BTreeSet::new();
    for (index, node) in contents.nodes.iter().enumerate() {
        let name = node_name(index, node);
        if !node.name().is_empty() && !names.insert(node.name()) {
            checker
                .report
                .strict("node-twice", Some(&name), "another node has the same name");
        }
        checker.node(index, &name, node);
    }
    checker.outputs();
    checker.leftovers();
}

/// A node's name, or its number if it has none.
pub fn node_name(index: usize, node: &NodeProto) -> String {
    if node.name().is_empty() {
        format!("#{index} ({})", node.op_type())
    } else {
        node.name().to_owned()
    }
}

/// The type that an initializer has; an impossible one is for `data` to report.
fn initializer_type(initializer: &Initializer) -> Option<TensorType> {
    let element = initializer.element()?;
    if initializer.dims.len() > MOST_DIMENSIONS {
        return None;
    }
    let extent = |dim: &i64| u64::try_from(*dim).ok().map(Dim::Fixed);
    let shape = initializer.dims.iter().map(extent).collect::<Option<_>>()?;
    Some(TensorType { element, shape })
}

/// Dimensions of a type that is followed; no operator here needs as many.
const MOST_DIMENSIONS: usize = 8;

/// An extent that is less than 0.
fn negative_extent(info: &ValueInfoProto) -> Option<i64> {
    let Some(type_proto::Value::TensorType(tensor)) = &info.r#type.as_ref()?.value else {
        return None;
    };
    let mut dims = tensor.shape.as_ref()?.dim.iter();
    dims.find_map(|dim| match dim.value {
        Some(dimension::Value::DimValue(extent)) if extent < 0 => Some(extent),
        _ => None,
    })
}

/// Whether a value can have both types.
fn compatible(one: &TensorType, other: &TensorType) -> bool {
    let mut pairs = one.shape.iter().zip(&other.shape);
    one.element == other.element
        && one.shape.len() == other.shape.len()
        && pairs.all(|(one, other)| agree(one, other))
}

struct Checker<'a> {
    contents: &'a Contents,
    opset: Option<i64>,
    report: &'a mut Report,
    /// Types that the file declares; none where that is no tensor of known rank.
    declared: BTreeMap<&'a str, Option<Rc<TensorType>>>,
    /// Which node makes a value.
    makers: BTreeMap<&'a str, usize>,
    /// Values so far, with what is known of their types.
    defined: BTreeMap<&'a str, Option<Rc<TensorType>>>,
    used: BTreeSet<&'a str>,
    types: Types,
}

/// Each type once: a file can have far more values than types.
#[derive(Default)]
struct Types(BTreeMap<String, Rc<TensorType>>);

impl Types {
    fn share(&mut self, found: TensorType) -> Rc<TensorType> {
        Rc::clone(
            self.0
                .entry(found.to_string())
                .or_insert_with(|| Rc::new(found)),
        )
    }
}

impl<'a> Checker<'a> {
    fn new(contents: &'a Contents, opset: Option<i64>, report: &'a mut Report) -> Self {
        let mut makers = BTreeMap::new();
        for (index, node) in contents.nodes.iter().enumerate() {
            for output in &node.output {
                makers.entry(output.as_str()).or_insert(index);
            }
        }
        Self {
            contents,
            opset,
            report,
            declared: BTreeMap::new(),
            makers,
            defined: BTreeMap::new(),
            used: BTreeSet::new(),
            types: Types::default(),
        }
    }

    /// Declarations, inputs and initializers.
    fn sources(&mut self) {
        let contents = self.contents;
        for info in &contents.inputs {
            self.declare(info, true);
            let found = self.declared.get(info.name()).cloned().flatten();
            self.define(info.name(), None, found);
        }
        for info in &contents.outputs {
            self.declare(info, true);
        }
        for info in &contents.value_info {
            self.declare(info, false);
        }
        // An initializer may be the default of an input.
        let mut defaults: BTreeSet<_> = contents.inputs.iter().map(ValueInfoProto::name).collect();
        for initializer in &contents.initializers {
            let name = initializer.name.as_str();
            let found = self.settle(name, None, initializer_type(initializer));
            if !defaults.remove(name) {
                self.define(name, None, found);
            }
        }
        for name in &contents.sparse_initializers {
            self.define(name, None, None);
        }
    }

    /// Remembers a declaration, of an input or output or of another value; an input may be an output as it is.
    fn declare(&mut self, info: &'a ValueInfoProto, outer: bool) {
        let name = info.name();
        if name.is_empty() {
            return;
        }
        if let Some(extent) = negative_extent(info) {
            let message = format!("`{name}` has an extent of {extent}, which is taken as unknown");
            self.report.strict("type", None, message);
        }
        let found = match TensorType::from_proto(info.r#type.as_ref()) {
            Ok(Some(found)) if found.shape.len() <= MOST_DIMENSIONS => {
                Some(self.types.share(found))
            }
            Ok(_) => {
                let message = format!(
                    "`{name}` is not declared as a tensor of known dimensions, {MOST_DIMENSIONS} at most"
                );
                self.report.strict("type-missing", None, message);
                None
            }
            Err(reason) => {
                let message = format!("the declared type of `{name}`: {reason}");
                if outer || info.r#type.is_some() {
                    self.report.error("type", None, message);
                } else {
                    // ONNX asks for the types of inputs and outputs alone.
                    self.report.strict("type", None, message);
                }
                None
            }
        };
        match self.declared.get(name) {
            Some(before) if !outer || *before != found => {
                let message = format!("the type of `{name}` is declared twice");
                match (before, found) {
                    (Some(before), Some(found)) if !compatible(before, &found) => {
                        self.report.error("type", None, message);
                    }
                    _ => self.report.strict("type", None, message),
                }
            }
            _ => {
                self.declared.insert(name, found);
            }
        }
    }

    fn define(&mut self, name: &'a str, node: Option<&str>, found: Option<Rc<TensorType>>) {
        if name.is_empty() {
            self.report
                .error("name-missing", node, "an input or initializer has no name");
        } else if self.defined.insert(name, found).is_some() {
            self.report.error(
                "value-twice",
                node,
                format!("value `{name}` is defined twice"),
            );
        }
    }

    fn node(&mut self, index: usize, name: &str, node: &'a NodeProto) {
        let operands = self.operands(index, name, node);
        let inferred = self
            .opset
            .and_then(|opset| self.infer(opset, name, node, &operands));
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            if !self.declared.contains_key(output.as_str()) {
                self.report.strict(
                    "type-missing",
                    Some(name),
                    format!("its result `{output}` has no declared type"),
                );
            }
            // Operators whose results are inferred have one result.
            let found = self.settle(output, Some(name), inferred.clone());
            self.define(output, Some(name), found);
        }
    }

    /// The types of a node's operands in their places; none where one is left out, or its type is not known.
    fn operands(
        &mut self,
        index: usize,
        name: &str,
        node: &'a NodeProto,
    ) -> Vec<Option<Rc<TensorType>>> {
        let mut operands = Vec::new();
        for input in &node.input {
            if input.is_empty() {
                operands.push(None);
                continue;
            }
            self.used.insert(input);
            let found = self.defined.get(input.as_str());
            if found.is_none() {
                if self
                    .makers
                    .get(input.as_str())
                    .is_some_and(|maker| *maker >= index)
                {
                    let message = format!("it uses `{input}`, which is made later or by itself");
                    self.report.error("order", Some(name), message);
                } else {
                    self.report.error(
                        "undefined",
                        Some(name),
                        format!("it uses `{input}`, which nothing makes"),
                    );
                }
            }
            operands.push(found.cloned().flatten());
        }
        operands
    }

    /// Compares an inferred type with the declared one and joins what both know.
    fn settle(
        &mut self,
        value: &str,
        node: Option<&str>,
        inferred: Option<TensorType>,
    ) -> Option<Rc<TensorType>> {
        let declared = self.declared.get(value).cloned().flatten();
        let Some(inferred) = inferred else {
            return declared;
        };
        let Some(declared) = declared else {
            return Some(self.types.share(inferred));
        };
        let pairs = || inferred.shape.iter().zip(&declared.shape);
        if !compatible(&inferred, &declared) {
            let message = format!("`{value}` is declared as {declared}, but it is {inferred}");
            self.report.error("mismatch", node, message);
            return Some(self.types.share(inferred));
        }
        if pairs().any(|(one, other)| *one != Dim::Unset && *other != Dim::Unset && one != other) {
            let message = format!("`{value}` is declared as {declared}, but it is {inferred}");
            self.report.strict("symbol", node, message);
        }
        let join = |(one, other): (&Dim, &Dim)| {
            if *one == Dim::Unset {
                other.clone()
            } else {
                one.clone()
            }
        };
        let shape = pairs().map(join).collect();
        let element = inferred.element;
        Some(self.types.share(TensorType { element, shape }))
    }

    fn outputs(&mut self) {
        let contents = self.contents;
        if contents.outputs.is_empty() {
            self.report.error("output", None, "the graph has no output");
        }
        let mut seen = BTreeSet::new();
        for info in &contents.outputs {
            let name = info.name();
            self.used.insert(name);
            if name.is_empty() {
                self.report
                    .error("name-missing", None, "an output has no name");
            } else if !self.defined.contains_key(name) {
                self.report
                    .error("output", None, format!("nothing makes output `{name}`"));
            } else if !seen.insert(name) {
                self.report
                    .error("output", None, format!("output `{name}` is listed twice"));
            }
        }
    }

    /// Declarations and initializers that nothing needs.
    fn leftovers(&mut self) {
        let contents = self.contents;
        for info in &contents.value_info {
            if !info.name().is_empty() && !self.defined.contains_key(info.name()) {
                let message = format!(
                    "a type is declared for `{}`, which does not exist",
                    info.name()
                );
                self.report.warning("type-unused", None, message);
            }
        }
        // A graph in an attribute may use any value.
        let nested = contents.nodes.iter().flat_map(|node| &node.attribute);
        if nested
            .into_iter()
            .any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty())
        {
            return;
        }
        for initializer in contents
            .initializers
            .iter()
            .filter(|initializer| !initializer.name.is_empty())
        {
            if !self.used.contains(initializer.name.as_str()) {
                let message = format!("initializer `{}` is not used", initializer.name);
                self.report.warning("unused", None, message);
            }
        }
    }
}
