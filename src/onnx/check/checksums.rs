//! Whether the bytes of initializers have the checksums that were recorded when the file was written.

use super::{Level, Report};
use crate::onnx::checksums::{self, CompareError, KEY};
use crate::onnx::file::ModelFile;

/// Reads and compares every initializer, if all data is where it should be.
pub fn check(file: &ModelFile, report: &mut Report) {
    let is_data = |code| matches!(code, "initializer" | "data" | "external");
    if report.findings.iter().any(|finding| is_data(finding.code)) {
        return;
    }
    match checksums::compare(file) {
        Ok(Some(differences)) if differences.is_empty() => {}
        Ok(Some(differences)) => {
            let level = if differences.rewritten {
                Level::Warning
            } else {
                Level::Error
            };
            report.add(level, "checksum", None, &differences);
        }
        Ok(None) => {
            let mut keys = file.contents.metadata_props.iter().map(|(key, _)| key);
            let prefix = KEY.split_inclusive('.').next().unwrap_or(KEY);
            // A skeleton has no weights that could be damaged.
            let is_skeleton = file.shares_weights();
            if report.own && !is_skeleton && keys.any(|key| key.starts_with(prefix)) {
                let message = format!(
                    "there are no checksums under `{KEY}`, so damage to weights cannot be found"
                );
                report.warning("checksum", None, message);
            }
        }
        Err(error @ CompareError::Record(_)) => report.strict("checksum", None, error),
        Err(CompareError::Source(error)) => report.error("data", None, error),
    }
}
