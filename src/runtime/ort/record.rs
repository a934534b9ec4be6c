//! The partitioner's record: which node of a session is assigned to which execution provider.
//!
//! The crate has no safe form of these calls, so this is the one file that makes calls of ONNX Runtime's C interface
//! itself. They are there from version 1.24 on (`onnxruntime_c_api.h`), the oldest that is accepted.

#![allow(
    unsafe_code,
    reason = "six C calls that only read what the session owns"
)]

use crate::runtime::placement::PlacedNode;
use ::ort::session::Session as OrtSession;
use ::ort::{AsPointer, Error, ortsys};
use std::ffi::{CStr, c_char};
use std::ptr;

/// The session option without which there is no record (`onnxruntime_session_options_config_keys.h`).
pub const OPTION: &str = "session.record_ep_graph_assignment_info";

/// Every node of the session's graph as it was partitioned, before later fusions.
///
/// # Errors
/// If the session was made without [`OPTION`].
pub fn assigned(session: &OrtSession) -> Result<Vec<PlacedNode>, Error> {
    let mut placed = Vec::new();
    let (mut subgraphs, mut subgraph_count) = (ptr::null(), 0);
    let session = session.inner();
    // Everything that these calls give belongs to the session and lives as long; nothing is to be released.
    ortsys![unsafe Session_GetEpGraphAssignmentInfo(session.ptr(), &raw mut subgraphs, &raw mut subgraph_count)?];
    for index in 0..subgraph_count {
        // SAFETY: the call gave an array of that many pointers.
        let subgraph = unsafe { *subgraphs.add(index) };
        let mut provider = ptr::null();
        ortsys![unsafe EpAssignedSubgraph_GetEpName(subgraph, &raw mut provider)?];
        let (mut nodes, mut node_count) = (ptr::null(), 0);
        ortsys![unsafe EpAssignedSubgraph_GetNodes(subgraph, &raw mut nodes, &raw mut node_count)?];
        for index in 0..node_count {
            // SAFETY: as above.
            let node = unsafe { *nodes.add(index) };
            let (mut name, mut op) = (ptr::null(), ptr::null());
            ortsys![unsafe EpAssignedNode_GetName(node, &raw mut name)?];
            ortsys![unsafe EpAssignedNode_GetOperatorType(node, &raw mut op)?];
            placed.push(PlacedNode {
                provider: text(provider),
                node: text(name),
                op: text(op),
            });
        }
    }
    Ok(placed)
}

fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: a string of the session, with an end.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}
