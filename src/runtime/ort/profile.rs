//! The profile that ONNX Runtime writes of a run: which kernels ran, and on which execution provider.

use crate::runtime::placement::PlacedNode;
use serde::Deserialize;

/// One event of the profile, of which there are other kinds than nodes.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    cat: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    args: Arguments,
}

#[derive(Default, Deserialize)]
struct Arguments {
    #[serde(default)]
    provider: String,
    #[serde(default)]
    op_name: String,
}

/// Every kernel that ran, in order.
///
/// # Errors
/// If the text is no profile.
pub fn executed(text: &[u8]) -> Result<Vec<PlacedNode>, serde_json::Error> {
    let events: Vec<Event> = serde_json::from_slice(text)?;
    // A kernel's event is named after the node; events of the same category without a provider are not kernels.
    Ok(events
        .into_iter()
        .filter(|event| event.cat == "Node" && !event.args.provider.is_empty())
        .map(|event| PlacedNode {
            node: event.name.trim_end_matches("_kernel_time").to_owned(),
            provider: event.args.provider,
            op: event.args.op_name,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_told_from_other_events() {
        let text = r#"[
            {"cat":"Session","pid":1,"dur":5,"name":"model_run","args":{}},
            {"cat":"Node","name":"a_fence_before","args":{"op_name":"Conv"}},
            {"cat":"Node","name":"a_kernel_time","args":{"op_name":"Conv","provider":"CUDAExecutionProvider","thread_scheduling_stats":{}}},
            {"cat":"Kernel","name":"sgemm","args":{"stream":"7"}},
            {"cat":"Node","name":"b_kernel_time","args":{"op_name":"Mul","provider":"CPUExecutionProvider"}}]"#;
        let placed = executed(text.as_bytes()).expect("a profile");
        let found: Vec<(&str, &str, &str)> = placed
            .iter()
            .map(|placed| {
                (
                    placed.node.as_str(),
                    placed.op.as_str(),
                    placed.provider.as_str(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("a", "Conv", "CUDAExecutionProvider"),
                ("b", "Mul", "CPUExecutionProvider")
            ]
        );
    }

    #[test]
    fn what_was_cut_off_is_an_error() {
        assert!(executed(b"[{\"cat\":\"Node\"}").is_err());
    }
}
