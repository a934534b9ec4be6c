//! Numbers of axes and of extents, as attributes and operands have them.

/// A dimension by number, from the end if negative; with `end` one past the last is a place too.
pub(super) fn place(axis: i64, rank: usize, end: bool) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let index = if axis < 0 {
        axis.checked_add(rank)?
    } else {
        axis
    };
    let most = if end { rank } else { rank - 1 };
    (0..=most)
        .contains(&index)
        .then(|| usize::try_from(index).ok())
        .flatten()
}

/// Extents of a shape; none if one is negative.
pub(super) fn extents(numbers: &[i64]) -> Option<Vec<u64>> {
    numbers
        .iter()
        .map(|number| u64::try_from(*number).ok())
        .collect()
}
