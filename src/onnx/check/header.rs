//! Rules about a model as a whole: versions, domains, metadata.

use super::Report;
use crate::onnx::file::ModelFile;
use crate::onnx::opset::{Opset, has_known_definitions, lowest_ir_version};
use crate::onnx::proto::NodeProto;
use std::collections::{BTreeMap, BTreeSet};

/// Checks the model's own fields; gives its opset, if the operators of that are known here.
pub fn check(file: &ModelFile, report: &mut Report) -> Option<i64> {
    let contents = &file.contents;
    let mut keys = BTreeSet::new();
    for (key, _) in &contents.metadata_props {
        if !keys.insert(key) {
            report.error(
                "metadata",
                None,
                format!("metadata key `{key}` is there twice"),
            );
        }
    }
    if contents.function_count > 0 {
        let message = match contents.function_count {
            1 => "the model defines a function, which is not looked into".to_owned(),
            count => format!("the model defines {count} functions, which are not looked into"),
        };
        report.strict("function", None, message);
    }
    let mut imports = BTreeMap::new();
    for import in &contents.opset_import {
        let (domain, version) = (canonical(import.domain()), import.version());
        let message = format!("domain `{domain}` is imported twice");
        match imports.insert(domain, version) {
            Some(before) if before == version => report.strict("opset", None, message),
            Some(_) => report.error("opset", None, message),
            None => {}
        }
    }
    check_domains(file, &imports, report);
    if contents.ir_version.is_none() {
        report.error("ir-version", None, "the model has no IR version");
    }
    let Some(&opset) = imports.get("") else {
        let message = "the model does not import ONNX's own operator set";
        let needs_it = |node: &NodeProto| canonical(node.domain()).is_empty();
        if imports.is_empty() || contents.nodes.iter().any(needs_it) {
            report.error("opset", None, message);
        } else {
            report.strict("opset", None, message);
        }
        return None;
    };
    match (lowest_ir_version(opset), contents.ir_version) {
        (Some(lowest), Some(found)) if found < lowest => {
            let message =
                format!("opset {opset} needs IR version {lowest} or later, found {found}");
            report.strict("ir-version", None, message);
        }
        _ => {}
    }
    // Files of our own have the operators that are written here, and so their opsets.
    let known = if report.own {
        Opset::new(opset).is_some()
    } else {
        has_known_definitions(opset)
    };
    if !known {
        let message =
            format!("the operators of opset {opset} are not known here; no shapes are inferred");
        report.strict("opset-unknown", None, message);
    }
    known.then_some(opset)
}

fn check_domains(file: &ModelFile, imports: &BTreeMap<&str, i64>, report: &mut Report) {
    for (index, node) in file.contents.nodes.iter().enumerate() {
        let domain = canonical(node.domain());
        // A missing import of ONNX's own set is one finding, not one a node.
        if !domain.is_empty() && !imports.contains_key(domain) {
            let name = super::graph::node_name(index, node);
            report.error(
                "domain",
                Some(&name),
                format!("its domain `{domain}` is not imported"),
            );
        }
    }
}

/// ONNX's own domain has two names.
fn canonical(domain: &str) -> &str {
    if domain == "ai.onnx" { "" } else { domain }
}
