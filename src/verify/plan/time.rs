//! How long a runtime may take.

use super::{Case, FileFacts};

/// Multiply-adds of a weight, at most, where a node's are not known: as if all were used at each position of an eighth of
/// 224 pixels.
const MOST_USES: u64 = 28 * 28;

/// Time that a runtime is given by default: 60 seconds, and 2 more for each GMAC over all images. Where some work could not
/// be counted, every weight counts as often as one can be used.
#[must_use]
pub fn default_seconds(facts: &FileFacts, cases: &[Case]) -> u64 {
    let default_pixels = u128::from(facts.default_size[0] * facts.default_size[1]).max(1);
    let each = match facts.uncounted.as_slice() {
        [] => facts.macs,
        _ => facts.macs.max(facts.weights.saturating_mul(MOST_USES)),
    };
    let macs = |case: &Case| {
        let pixels = case.size.map_or(default_pixels, |[height, width]| {
            u128::from(height) * u128::from(width)
        });
        u128::from(each) * u128::from(case.batch) * pixels / default_pixels
    };
    let total: u128 = cases.iter().map(macs).sum();
    60_u64
        .saturating_add(u64::try_from(total.saturating_mul(2) / 1_000_000_000).unwrap_or(u64::MAX))
}
