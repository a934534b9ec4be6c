//! Rows of logits compared by the order of their elements.

use serde::Serialize;

/// In how many rows two outputs agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// Rows that agree.
    pub rows: usize,
    /// Rows in all.
    pub of: usize,
}

/// In how many rows the largest element is at the same place, and in how many the five largest are the same set.
#[must_use]
pub fn rank_agreement(base: &[f64], other: &[f64], classes: usize) -> (Agreement, Agreement) {
    let mut first = Agreement { rows: 0, of: 0 };
    let mut five = first;
    for (base, other) in base
        .chunks_exact(classes.max(1))
        .zip(other.chunks_exact(classes.max(1)))
    {
        let (mut base, mut other) = (largest(base, 5), largest(other, 5));
        first.of += 1;
        five.of += 1;
        first.rows += usize::from(base.first() == other.first());
        base.sort_unstable();
        other.sort_unstable();
        five.rows += usize::from(base == other);
    }
    (first, five)
}

/// The places of the `count` largest elements, the largest first; of equals the first comes first.
#[must_use]
pub fn largest(row: &[f64], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..row.len()).collect();
    places.sort_by(|&one, &two| row[two].total_cmp(&row[one]).then(one.cmp(&two)));
    places.truncate(count);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_compared_row_by_row() {
        let base = [9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut other = base;
        other.swap(0, 2);
        other[6] = 2.5;
        let (first, five) = rank_agreement(&base, &other, 6);
        assert_eq!((first.rows, first.of), (1, 2));
        assert_eq!((five.rows, five.of), (1, 2));
        assert_eq!(largest(&base[..6], 3), [0, 2, 4]);
        assert_eq!(largest(&[0.1, 0.3, 0.3, 0.2], 3), [1, 2, 3]);
        assert_eq!(largest(&[0.5], 5), [0]);
    }
}
