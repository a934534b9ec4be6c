//! What a run on a device says beside its results: the device, where the nodes were, and TF32.

use crate::cli::text::time;
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::runtime::placement::{Placement, Source};
use efficientnet_onnx::verify::report::RuntimeReport;
use std::fmt::Write;

/// Nodes that are listed.
const LISTED: usize = 20;

/// Lines about the device of a runtime; nothing if it runs on the CPU.
pub fn describe(runtime: &RuntimeReport, text: &mut String) {
    let name = runtime.name;
    if let Some(device) = &runtime.device {
        let _ = writeln!(text, "\n{name}: {device}");
    }
    for placement in &runtime.placement {
        let Placement {
            nodes,
            nodes_on_provider,
            ..
        } = placement;
        let provider = placement.provider_name();
        let source = source(placement.source);
        let _ = writeln!(
            text,
            "{name}: {nodes_on_provider} of {nodes} nodes on {}, by {source}",
            provider.shown()
        );
        for placed in placement.elsewhere.iter().take(LISTED) {
            let _ = writeln!(
                text,
                "  elsewhere: `{}` ({}) on {}",
                placed.node.shown(),
                placed.op.shown(),
                placed.provider.shown()
            );
        }
        let more = (nodes - nodes_on_provider).saturating_sub(LISTED);
        if more > 0 {
            let _ = writeln!(text, "  and {more} more");
        }
    }
    if let Some(tf32) = &runtime.tf32 {
        let difference = |value: Option<f64>| {
            value.map_or_else(|| "not finite".to_owned(), |value| format!("{value:.2e}"))
        };
        let factor = |value: Option<f64>| {
            value.map_or_else(|| "not finite".to_owned(), |value| format!("{value:.3}"))
        };
        let _ = writeln!(
            text,
            "{name} with TF32 (not for the verdict): largest difference {}, {} of the allowed, run {}",
            difference(tf32.max_abs),
            factor(tf32.smallest_factor),
            tf32.run_seconds.map_or_else(|| "-".to_owned(), time),
        );
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Partitioner => "the partitioner's record",
        Source::PartitionerWithoutBan => {
            "the partitioner's record of a session that may use the CPU and was not run"
        }
        Source::Profile => "the profile of the run",
    }
}
