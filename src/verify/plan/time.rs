//! How long a runtime may take.

use super::{Case, FileFacts};

/// The longest time that is given by default, in seconds, whatever a file counts up to.
const LONGEST: u64 = 3600;
/// Seconds for each picture that a user names, where that is more.
const LONGEST_OF_PICTURE: u64 = 4;

/// Time that a runtime is given by default: 60 seconds, and 2 more for each GMAC over all images, by our own count of the
/// graph; at most an hour.
#[must_use]
pub fn default_seconds(facts: &FileFacts, cases: &[Case]) -> u64 {
    counted(facts, cases).min(LONGEST)
}

/// The same for pictures that a user names: at most an hour, or 4 seconds a picture.
#[must_use]
pub fn seconds_for_pictures(facts: &FileFacts, case: &Case, pictures: u64) -> u64 {
    let longest = LONGEST.max(pictures.saturating_mul(LONGEST_OF_PICTURE));
    counted(facts, std::slice::from_ref(case)).min(longest)
}

/// Multiply-adds of all images of these cases, by our own count of the graph.
#[must_use]
pub fn work(facts: &FileFacts, cases: &[Case]) -> u64 {
    let [height, width] = facts.default_size.map(u128::from);
    let default_pixels = height.saturating_mul(width).max(1);
    let macs = |case: &Case| {
        let pixels = case.size.map_or(default_pixels, |[height, width]| {
            u128::from(height).saturating_mul(u128::from(width))
        });
        let images = u128::from(facts.work).saturating_mul(u128::from(case.batch));
        images.saturating_mul(pixels) / default_pixels
    };
    let total = cases.iter().map(macs).fold(0, u128::saturating_add);
    u64::try_from(total).unwrap_or(u64::MAX)
}

fn counted(facts: &FileFacts, cases: &[Case]) -> u64 {
    (work(facts, cases).saturating_mul(2) / 1_000_000_000).saturating_add(60)
}
