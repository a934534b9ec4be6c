//! Limits in words.

use super::super::text;
use efficientnet_onnx::plan::{Excess, Limit};

/// A limit that is not kept, in words.
pub fn excess(excess: &Excess) -> String {
    let Excess {
        limit,
        allowed,
        needed,
    } = *excess;
    match limit {
        Limit::Macs => format!("{} MACs of {}", text::scaled(needed), text::scaled(allowed)),
        Limit::Parameters => format!(
            "{} parameters of {}",
            text::grouped(needed),
            text::grouped(allowed)
        ),
        Limit::Memory => format!(
            "{} of activations of {}",
            text::bytes(needed),
            text::bytes(allowed)
        ),
        Limit::File => format!(
            "a file of {} of {}",
            text::bytes(needed),
            text::bytes(allowed)
        ),
    }
}
