//! The definitions of ONNX's own operators in every opset that the reference runs: attributes, operands and element types.
//!
//! `operators.txt` has them, one a line, as `make.py` beside it writes them from the schemas of the onnx package
//! (`onnx.defs.get_all_schemas_with_history`). A test of `tests/graphs/accepted_models.rs` keeps it fresh.

use super::TensorType;
use crate::files::foreign::Foreign;
use crate::onnx::element;
use crate::onnx::opset;
use crate::onnx::proto::attribute_proto::AttributeType;
use crate::onnx::proto::{AttributeProto, NodeProto};
use crate::tensor::Element;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

const TABLE: &str = include_str!("operators.txt");

/// One letter an element type, by its number.
const LETTERS: &str = ".fBbHhilStedILcCg1234Uu56Vv78";

/// An operator as an opset defines it.
#[derive(Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub op_type: &'static str,
    /// The opset since which this definition holds.
    pub since: i64,
    /// Whether the operator ended with this opset.
    pub deprecated: bool,
    /// Least and most operands; none is any number.
    operands: (usize, Option<usize>),
    /// Least and most results; none is any number.
    results: (usize, Option<usize>),
    formals: Vec<Formal>,
    attributes: Vec<Attribute>,
}

#[derive(Debug, PartialEq, Eq)]
struct Formal {
    name: &'static str,
    /// Operands of one parameter have one type.
    parameter: &'static str,
    types: &'static str,
    presence: Presence,
}

/// How often an operand is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Once,
    OnceOrNever,
    Repeated,
    RepeatedWithAnyTypes,
}

#[derive(Debug, PartialEq, Eq)]
struct Attribute {
    name: &'static str,
    kind: AttributeType,
    required: bool,
}

/// What a node does that its operator's definition does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// The node itself.
    #[error("`{op_type}` of opset {since}: {reason}", reason = reason.shown())]
    Node {
        /// The operator.
        op_type: &'static str,
        /// The opset of its definition.
        since: i64,
        /// Expected and found.
        reason: String,
    },
    /// An operand's element type.
    #[error("`{op_type}` of opset {since}: operand `{operand}`: {reason}", reason = reason.shown())]
    Operand {
        /// The operator.
        op_type: &'static str,
        /// The opset of its definition.
        since: i64,
        /// The operand in the definition's words.
        operand: &'static str,
        /// Expected and found.
        reason: String,
    },
}

/// What an opset says of an operator of ONNX's own domain; none of one that it does not have.
#[must_use]
pub fn definition(op_type: &str, opset: i64) -> Option<&'static Definition> {
    let history = table().get(op_type)?;
    let since: Vec<i64> = history.iter().map(|definition| definition.since).collect();
    opset::in_force(&since, opset).map(|index| &history[index])
}

/// Whether an operator of that name is or was defined in any opset of the table.
#[must_use]
pub fn is_defined(op_type: &str) -> bool {
    table().contains_key(op_type)
}

/// Whether an operator means the same in two opsets. One that is not defined in either does not.
#[must_use]
pub fn is_same(op_type: &str, one: i64, other: i64) -> bool {
    match (definition(op_type, one), definition(op_type, other)) {
        (Some(one), Some(other)) => one.since == other.since,
        _ => one == other,
    }
}

impl Definition {
    /// Whether nodes of the two definitions are written alike: the same attributes, operands and results. Element types,
    /// defaults and meaning may differ.
    #[must_use]
    pub fn is_written_like(&self, other: &Self) -> bool {
        let names = |definition: &Self| -> Vec<(&str, Presence)> {
            let formals = definition.formals.iter();
            formals
                .map(|formal| (formal.name, formal.presence))
                .collect()
        };
        (self.deprecated, self.operands, self.results)
            == (other.deprecated, other.operands, other.results)
            && self.attributes == other.attributes
            && names(self) == names(other)
    }

    /// Checks a node's attributes and the numbers of its operands and results.
    ///
    /// # Errors
    /// What the definition does not allow, the first of it.
    pub fn check_node(&self, node: &NodeProto) -> Result<(), Misuse> {
        if self.deprecated {
            return Err(self.misuse("the operator is deprecated".to_owned()));
        }
        self.check_count("operands", node.input.len(), self.operands)?;
        self.check_count("results", node.output.len(), self.results)?;
        for (index, name) in node.input.iter().enumerate() {
            let formal = self.formals.get(index);
            if let Some(formal) = formal.filter(|formal| formal.presence == Presence::Once)
                && name.is_empty()
            {
                let reason = format!("required operand `{}` is left out", formal.name);
                return Err(self.misuse(reason));
            }
        }
        let mut seen = BTreeSet::new();
        for attribute in &node.attribute {
            let name = attribute.name();
            if !seen.insert(name) {
                return Err(self.misuse(format!("attribute `{name}` is given twice")));
            }
            self.check_attribute(attribute)?;
        }
        let missing = |attribute: &&Attribute| attribute.required && !seen.contains(attribute.name);
        match self.attributes.iter().find(missing) {
            Some(missing) => Err(self.misuse(format!("attribute `{}` is missing", missing.name))),
            None => Ok(()),
        }
    }

    fn check_count(
        &self,
        what: &str,
        found: usize,
        (least, most): (usize, Option<usize>),
    ) -> Result<(), Misuse> {
        if found >= least && most.is_none_or(|most| found <= most) {
            return Ok(());
        }
        let expected = match most {
            Some(most) if most == least => least.to_string(),
            Some(most) => format!("{least} to {most}"),
            None => format!("{least} or more"),
        };
        Err(self.misuse(format!("expected {expected} {what}, found {found}")))
    }

    fn check_attribute(&self, attribute: &AttributeProto) -> Result<(), Misuse> {
        let name = attribute.name();
        // ONNX's checker passes over names that begin so.
        if name.starts_with("__") {
            return Ok(());
        }
        let Some(expected) = self.attributes.iter().find(|known| known.name == name) else {
            return Err(self.misuse(format!("there is no attribute `{name}`")));
        };
        if attribute.r#type == Some(expected.kind.into()) {
            return Ok(());
        }
        let found = match attribute.r#type.map(AttributeType::try_from) {
            Some(Ok(found)) => format!("`{}`", found.as_str_name()),
            Some(Err(error)) => format!("type {}", error.0),
            None => "no type".to_owned(),
        };
        let expected = expected.kind.as_str_name();
        Err(self.misuse(format!(
            "attribute `{name}`: expected type `{expected}`, found {found}"
        )))
    }

    /// Checks the element types of a node's operands, as far as they are known: none for one that is not, or is left out.
    ///
    /// # Errors
    /// The first operand of a type that the definition does not take there.
    pub fn check_types(&self, operands: &[Option<&TensorType>]) -> Result<(), Misuse> {
        let mut bound: BTreeMap<&str, Element> = BTreeMap::new();
        for (index, operand) in operands.iter().enumerate() {
            let Some((formal, found)) = self.formal(index).zip(*operand) else {
                continue;
            };
            let place = usize::try_from(element::number(found.element)).ok();
            let letter = place.and_then(|place| LETTERS.chars().nth(place));
            if !letter.is_some_and(|letter| formal.types.contains(letter)) {
                let reason = format!(
                    "elements of {} are not allowed",
                    element::name(found.element)
                );
                return Err(self.misused(formal, reason));
            }
            if formal.presence == Presence::RepeatedWithAnyTypes
                || formal.parameter.starts_with('=')
            {
                continue;
            }
            let first = *bound.entry(formal.parameter).or_insert(found.element);
            if first != found.element {
                let (first, found) = (element::name(first), element::name(found.element));
                let reason =
                    format!("expected elements of {first} as in another operand, found {found}");
                return Err(self.misused(formal, reason));
            }
        }
        Ok(())
    }

    /// The formal operand of a place; the last one may be repeated.
    fn formal(&self, index: usize) -> Option<&Formal> {
        let repeated = |formal: &&Formal| {
            matches!(
                formal.presence,
                Presence::Repeated | Presence::RepeatedWithAnyTypes
            )
        };
        self.formals
            .get(index)
            .or_else(|| self.formals.last().filter(repeated))
    }

    fn misuse(&self, reason: String) -> Misuse {
        Misuse::Node {
            op_type: self.op_type,
            since: self.since,
            reason,
        }
    }

    fn misused(&self, formal: &Formal, reason: String) -> Misuse {
        Misuse::Operand {
            op_type: self.op_type,
            since: self.since,
            operand: formal.name,
            reason,
        }
    }
}

/// Every definition of each operator, the oldest first.
fn table() -> &'static BTreeMap<&'static str, Vec<Definition>> {
    static TABLE_READ: OnceLock<BTreeMap<&str, Vec<Definition>>> = OnceLock::new();
    TABLE_READ.get_or_init(|| {
        let mut found: BTreeMap<&str, Vec<Definition>> = BTreeMap::new();
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        for definition in lines.filter_map(read) {
            found
                .entry(definition.op_type)
                .or_default()
                .push(definition);
        }
        found
    })
}

/// A line of the table; a unit test holds that each can be read.
fn read(line: &'static str) -> Option<Definition> {
    let mut fields = line.split(' ');
    let op_type = fields.next()?;
    let since = fields.next()?.parse().ok()?;
    let rest: Vec<&str> = fields.collect();
    let [
        least,
        most,
        least_results,
        most_results,
        formals,
        attributes,
        types,
    ] = rest[..]
    else {
        return (rest == ["deprecated"]).then(|| Definition {
            op_type,
            since,
            deprecated: true,
            operands: (0, None),
            results: (0, None),
            formals: Vec::new(),
            attributes: Vec::new(),
        });
    };
    let most_of = |text: &str| match text {
        "-" => Some(None),
        text => text.parse().ok().map(Some),
    };
    let types: BTreeMap<&str, &str> = list(types, ';')
        .filter_map(|entry| entry.split_once('='))
        .collect();
    Some(Definition {
        op_type,
        since,
        deprecated: false,
        operands: (least.parse().ok()?, most_of(most)?),
        results: (least_results.parse().ok()?, most_of(most_results)?),
        formals: list(formals, ',')
            .map(|entry| read_formal(entry, &types))
            .collect::<Option<_>>()?,
        attributes: list(attributes, ',')
            .map(read_attribute)
            .collect::<Option<_>>()?,
    })
}

fn list(text: &'static str, separator: char) -> impl Iterator<Item = &'static str> {
    text.split(separator).filter(|entry| *entry != "-")
}

fn read_formal(entry: &'static str, types: &BTreeMap<&str, &'static str>) -> Option<Formal> {
    let (name, rest) = entry.split_once(':')?;
    let endings = [
        ('?', Presence::OnceOrNever),
        ('*', Presence::Repeated),
        ('+', Presence::RepeatedWithAnyTypes),
    ];
    let ending = endings.iter().find(|(ending, _)| rest.ends_with(*ending));
    let (parameter, presence) = match ending {
        Some((_, presence)) => (&rest[..rest.len() - 1], *presence),
        None => (rest, Presence::Once),
    };
    let types = match parameter.strip_prefix('=') {
        Some(types) => types,
        None => types.get(parameter)?,
    };
    Some(Formal {
        name,
        parameter,
        types,
        presence,
    })
}

fn read_attribute(entry: &'static str) -> Option<Attribute> {
    let (name, kind) = entry.split_once(':')?;
    let required = kind.ends_with('!');
    let kind = match kind.trim_end_matches('!') {
        "f" => AttributeType::Float,
        "i" => AttributeType::Int,
        "s" => AttributeType::String,
        "t" => AttributeType::Tensor,
        "g" => AttributeType::Graph,
        "p" => AttributeType::SparseTensor,
        "y" => AttributeType::TypeProto,
        "F" => AttributeType::Floats,
        "I" => AttributeType::Ints,
        "S" => AttributeType::Strings,
        "T" => AttributeType::Tensors,
        "G" => AttributeType::Graphs,
        _ => return None,
    };
    Some(Attribute {
        name,
        kind,
        required,
    })
}

#[cfg(test)]
mod tests;
