//! How scaled filters and repeats become integers.

/// Filters are multiples of this (`depth_divisor` in tensorflow/tpu `efficientnet_builder.py`; it divides
/// channels in spite of its name).
const DIVISOR: u64 = 8;

/// How a baseline is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether filters that rounding makes over 10 % fewer get one step more ([`round_filters`]).
    pub ninety_percent: bool,
    /// Whether stem, head and the repeats of the first and last stage stay as they are; the filters of every stage
    /// scale (`fix_head_stem` in tensorflow/tpu `lite/efficientnet_lite_builder.py`).
    pub fixed_ends: bool,
    /// Whether the head is never narrower than the baseline's (`last_channel` in torchvision `models/mobilenetv2.py`).
    pub least_head: bool,
}

impl Rules {
    /// Filters by the 90 % rule; stem, stages and head scale alike (tensorflow/tpu `efficientnet_builder.py`).
    pub const UNIFORM: Self = Self {
        ninety_percent: true,
        fixed_ends: false,
        least_head: false,
    };

    /// Filters of a stage, scaled by `width`.
    #[must_use]
    pub fn filters(self, filters: u64, width: f64) -> u64 {
        round_filters(filters, width, self.ninety_percent)
    }

    /// Filters of the stem, scaled by `width`.
    #[must_use]
    pub fn stem_filters(self, filters: u64, width: f64) -> u64 {
        if self.fixed_ends {
            filters
        } else {
            self.filters(filters, width)
        }
    }

    /// Filters of the head, scaled by `width`.
    #[must_use]
    pub fn head_filters(self, filters: u64, width: f64) -> u64 {
        let scaled = self.stem_filters(filters, width);
        if self.least_head {
            scaled.max(filters)
        } else {
            scaled
        }
    }

    /// Repeats of a stage, scaled by `depth`; `at_end` for the first and the last stage.
    #[must_use]
    pub fn repeats(self, repeats: u64, depth: f64, at_end: bool) -> u64 {
        if self.fixed_ends && at_end {
            repeats
        } else {
            round_repeats(repeats, depth)
        }
    }
}

/// Filters scaled by `width`, to the nearest multiple of 8 (half up), and with `ninety_percent_rule` one
/// step more where that loses over 10 %: 16 · 1.2 gives 24 with it, 16 without.
///
/// Source: `round_filters` in tensorflow/tpu `efficientnet_model.py`, and in google/automl
/// `efficientnetv2/effnetv2_model.py`, which lacks the 90 % line.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "filters are far below 2^53, and multipliers are limited where they are parsed"
)]
pub fn round_filters(filters: u64, width: f64, ninety_percent_rule: bool) -> u64 {
    let scaled = filters as f64 * width;
    let nearest = ((scaled + DIVISOR as f64 / 2.0) as u64 / DIVISOR * DIVISOR).max(DIVISOR);
    if ninety_percent_rule && (nearest as f64) < 0.9 * scaled {
        nearest + DIVISOR
    } else {
        nearest
    }
}

/// Repeats scaled by `depth`, rounded up (`round_repeats` in tensorflow/tpu `efficientnet_model.py`).
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "repeats are far below 2^53, and multipliers are limited where they are parsed"
)]
pub fn round_repeats(repeats: u64, depth: f64) -> u64 {
    (depth * repeats as f64).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_the_published_widths() {
        // Widths of the published models; channels in the order 16 24 40 80 112 192 320 32 1280.
        let baseline = [16, 24, 40, 80, 112, 192, 320, 32, 1280];
        for (width, expected) in [
            (1.0, baseline),
            (1.1, [16, 24, 48, 88, 120, 208, 352, 32, 1408]),
            (1.2, [24, 32, 48, 96, 136, 232, 384, 40, 1536]),
            (1.4, [24, 32, 56, 112, 160, 272, 448, 48, 1792]),
            (2.2, [32, 56, 88, 176, 248, 424, 704, 72, 2816]),
            (4.3, [72, 104, 176, 344, 480, 824, 1376, 136, 5504]),
        ] {
            assert_eq!(
                baseline.map(|filters| round_filters(filters, width, true)),
                expected,
                "{width}"
            );
        }
        assert_eq!(round_filters(8, 0.1, true), 8);
        // V2-B3, the one published network where the rule would matter and is not used.
        assert_eq!(round_filters(16, 1.2, false), 16);
        assert_eq!(round_filters(32, 1.2, false), 40);
    }

    #[test]
    fn repeats_round_up_in_f64() {
        for (repeats, depth, expected) in [
            (5, 1.2, 6),
            (1, 1.1, 2),
            (4, 1.8, 8),
            (3, 3.1, 10),
            (2, 1.0, 2),
        ] {
            assert_eq!(round_repeats(repeats, depth), expected, "{repeats} {depth}");
        }
    }
}
