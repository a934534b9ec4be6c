//! The colour of a number from 0 to 1: dark where it is small, light where it is large, in every kind of colour vision.

/// Every sixteenth colour of `inferno`, of 256: matplotlib, `lib/matplotlib/_cm_listed.py` (by Nathaniel J. Smith and
/// Stéfan van der Walt; CC0). Lightness grows evenly, so that it reads without colours too.
const INFERNO: [[u8; 3]; 17] = [
    [0, 0, 4],
    [11, 7, 36],
    [33, 12, 74],
    [61, 9, 101],
    [87, 16, 110],
    [113, 25, 110],
    [138, 34, 106],
    [163, 44, 97],
    [188, 55, 84],
    [208, 69, 69],
    [227, 89, 51],
    [241, 113, 31],
    [249, 140, 10],
    [252, 170, 15],
    [249, 201, 50],
    [242, 232, 101],
    [252, 255, 164],
];

/// The colour of a number; of one outside 0 to 1, that of the nearest inside.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped first"
)]
pub fn colour(part: f64) -> [f64; 3] {
    let steps = INFERNO.len() - 1;
    let place = part.clamp(0.0, 1.0) * steps as f64;
    let below = (place as usize).min(steps - 1);
    let weight = place - below as f64;
    [0, 1, 2].map(|channel| {
        let [one, next] = [below, below + 1].map(|index| f64::from(INFERNO[index][channel]));
        one + weight * (next - one)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries of matplotlib's table that are between ours.
    #[test]
    fn the_table_is_infernos() {
        for (index, expected) in [
            (0, [0.0, 0.0, 4.0]),
            (40, [46.8, 10.3, 90.5]),
            (136, [199.0, 62.0, 76.4]),
            (216, [250.9, 187.7, 33.0]),
            (255, [252.0, 255.0, 164.0]),
        ] {
            let found = colour(f64::from(index) / 255.0);
            let apart = found
                .iter()
                .zip(expected)
                .map(|(one, other)| (one - other).abs());
            assert!(apart.fold(0.0, f64::max) < 7.0, "{index}: {found:?}");
        }
        assert_eq!(colour(-3.0), colour(0.0));
        assert_eq!(colour(7.0), colour(1.0));
    }

    #[test]
    fn a_larger_number_is_lighter() {
        let luminance = |part: f64| {
            let [red, green, blue] = colour(part);
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let all: Vec<f64> = (0..=100)
            .map(|step| luminance(f64::from(step) / 100.0))
            .collect();
        assert!(all.is_sorted_by(|one, next| one < next), "{all:?}");
    }
}
