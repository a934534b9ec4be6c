//! The rules that a decodable file must keep before any runtime sees it.
//!
//! [`check`] never fails: it lists [`Finding`]s, the model's first, then the graph's in the file's order.
//! Files of this project's own producer are held to everything; in other files, what is legal but out of
//! this project's reach, and what ONNX only recommends, is a warning.
//!
//! | code | finding |
//! |---|---|
//! | `ir-version` | the IR version is missing (error), or older than the opset (own: error, else warning) |
//! | `opset` | ONNX's own operator set is not imported, or a domain is imported in two versions (error); no node uses that set, or a domain is imported twice in one version (own: error, else warning) |
//! | `opset-unknown` | an opset whose operators are not known here; shapes are not inferred (own: error, else warning) |
//! | `domain` | a node's domain is not imported |
//! | `metadata` | a metadata key is there twice |
//! | `function` | the model defines functions, which are not looked into (own: error, else warning) |
//! | `name-missing` | an input, output or initializer has no name |
//! | `value-twice` | a value is defined twice |
//! | `node-twice` | two nodes share a name (own: error, else warning) |
//! | `order` | a node uses a value that only a later node, or itself, makes |
//! | `undefined` | a node uses a value that nothing makes |
//! | `output` | the graph has no output, or nothing makes one of them |
//! | `node` | the opset lacks the operator, or a node has an illegal attribute, or a wrong number of operands or results |
//! | `node-unknown` | an operator, or a use of one, that is not known here: in files of our own that is not written, in others that ONNX does not define (own: error, else warning) |
//! | `operand` | an operator does not take operands of these types and shapes; in files of our own also types that only ONNX knows a use for |
//! | `type` | a declared type is incomplete or impossible, or two contradict each other (error); two agree, a value that is no input or output is listed without one, or an extent is negative, which is taken as unknown (own: error, else warning) |
//! | `type-missing` | a value has no declared type (inputs and outputs: error; own: error, else warning) |
//! | `type-unused` | a type is declared for a value that does not exist (warning) |
//! | `mismatch` | the declared type is not the inferred one |
//! | `symbol` | a declared extent is a name or another name, the inferred one is not (own: error, else warning) |
//! | `initializer` | an initializer's element type or shape is impossible |
//! | `data` | an initializer's data is missing, in the wrong field, or does not fit its shape |
//! | `external` | external data is not described, outside the model's folder, missing or too short; of a file that cannot be used at all one finding, with the number of initializers |
//! | `checksum` | initializers do not have the bytes that the metadata's record of checksums was made for (error; where names, types, shapes or the producer changed too, a warning); the record cannot be read (own: error, else warning); a file of our own has none (warning), which is not a skeleton |
//! | `unused` | an initializer is not used (warning) |
//! | `more` | so many more findings are not listed |

mod checksums;
mod data;
mod graph;
mod header;
mod refuse;
pub mod targets;

use crate::files::foreign::{Foreign, said};
pub use refuse::{Broken, OpenError, Sound, open, refuse_broken};

use super::file::ModelFile;
use super::model::PRODUCER;
use serde::Serialize;
use std::fmt;

/// Findings that are listed; further ones are only counted.
const MOST_FINDINGS: usize = 1000;

/// Codes of errors after which no runtime could run the graph, whatever its weights are.
const FATAL: [&str; 6] = [
    "node",
    "operand",
    "order",
    "output",
    "undefined",
    "value-twice",
];

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The file breaks a rule; no runtime should see it.
    Error,
    /// Worth knowing.
    Warning,
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Which rule: a stable name from the module's table.
    pub code: &'static str,
    /// The node, by name as [`Foreign::shown`] has it or, without one, by number.
    pub node: Option<String>,
    /// What is wrong, expected and found, as [`Foreign::shown`] has it.
    pub message: String,
}

/// Checks a file, its external data included. Tensor data is read, in pieces, only where checksums of it are recorded.
#[must_use]
pub fn check(file: &ModelFile) -> Vec<Finding> {
    let mut report = Report::new(file);
    let opset = header::check(file, &mut report);
    graph::check(&file.contents, opset, &mut report);
    data::check(file, &mut report);
    data::check_others(file, &mut report);
    checksums::check(file, &mut report);
    report.finish()
}

/// The first error because of which the graph cannot run, whatever its weights are: an operator that does not exist or does not take
/// its operands, a value that nothing makes, that is made too late or twice, an output that is missing. Initializers are not looked into.
#[must_use]
pub fn impossible(file: &ModelFile) -> Option<Finding> {
    let mut report = Report::new(file);
    let opset = header::check(file, &mut report);
    graph::check(&file.contents, opset, &mut report);
    report.fatal
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        match &self.node {
            Some(node) => write!(
                f,
                "{level}[{}]: in node `{node}`: {}",
                self.code, self.message
            ),
            None => write!(f, "{level}[{}]: {}", self.code, self.message),
        }
    }
}

/// Collects findings.
struct Report {
    /// Whether the file says that this project wrote it.
    own: bool,
    findings: Vec<Finding>,
    more: usize,
    more_errors: bool,
    /// The first error that is one of [`FATAL`], listed or not.
    fatal: Option<Finding>,
}

impl Report {
    fn new(file: &ModelFile) -> Self {
        Self {
            own: file.contents.producer_name == PRODUCER,
            findings: Vec::new(),
            more: 0,
            more_errors: false,
            fatal: None,
        }
    }

    fn error(&mut self, code: &'static str, node: Option<&str>, message: impl fmt::Display) {
        self.add(Level::Error, code, node, &message);
    }

    fn warning(&mut self, code: &'static str, node: Option<&str>, message: impl fmt::Display) {
        self.add(Level::Warning, code, node, &message);
    }

    /// An error in a file of our own, a warning in others.
    fn strict(&mut self, code: &'static str, node: Option<&str>, message: impl fmt::Display) {
        self.add(
            if self.own {
                Level::Error
            } else {
                Level::Warning
            },
            code,
            node,
            &message,
        );
    }

    fn add(
        &mut self,
        level: Level,
        code: &'static str,
        node: Option<&str>,
        message: &dyn fmt::Display,
    ) {
        let is_fatal = level == Level::Error && FATAL.contains(&code) && self.fatal.is_none();
        let is_listed = self.findings.len() < MOST_FINDINGS;
        if !is_listed {
            self.more += 1;
            self.more_errors |= level == Level::Error;
        }
        if !is_listed && !is_fatal {
            return;
        }
        let finding = Finding {
            level,
            code,
            node: node.map(|node| node.shown().to_string()),
            message: said(message).to_string(),
        };
        if is_fatal {
            self.fatal = Some(finding.clone());
        }
        if is_listed {
            self.findings.push(finding);
        }
    }

    fn finish(mut self) -> Vec<Finding> {
        if self.more > 0 {
            let message = match self.more {
                1 => "one more finding is not listed".to_owned(),
                more => format!("{more} more findings are not listed"),
            };
            let level = if self.more_errors {
                Level::Error
            } else {
                Level::Warning
            };
            self.findings.push(Finding {
                level,
                code: "more",
                node: None,
                message,
            });
        }
        self.findings
    }
}

#[cfg(test)]
mod tests;
