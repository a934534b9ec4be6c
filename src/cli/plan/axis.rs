//! Axes of plots: where values lie, and which are written.

/// A value in a range, linear or by powers of ten.
pub struct Axis {
    /// What is measured, with its unit.
    pub title: &'static str,
    low: f64,
    high: f64,
    is_log: bool,
}

impl Axis {
    /// An axis that holds all values, with a margin.
    pub fn new(title: &'static str, values: impl Iterator<Item = f64>, is_log: bool) -> Self {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let (low, high) = if is_log {
            (low / 1.25, high * 1.25)
        } else {
            let margin = ((high - low) * 0.06).max(0.25);
            (low - margin, high + margin)
        };
        Self {
            title,
            low,
            high,
            is_log,
        }
    }

    /// Where a value lies, from 0 to 1.
    pub fn place(&self, value: f64) -> f64 {
        if self.is_log {
            libm::log10(value / self.low) / libm::log10(self.high / self.low)
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// Values that are written at the axis, eight at most.
    pub fn ticks(&self) -> Vec<f64> {
        let mut ticks = if self.is_log {
            self.decades(&[1.0, 2.0, 5.0])
        } else {
            self.steps()
        };
        if ticks.len() < 3 && self.is_log {
            ticks = self.steps();
        }
        let stride = ticks.len().div_ceil(8).max(1);
        ticks.into_iter().step_by(stride).collect()
    }

    fn decades(&self, digits: &[f64]) -> Vec<f64> {
        let powers = (-3..16).map(|power| libm::pow(10.0, f64::from(power)));
        powers
            .flat_map(|power| digits.iter().map(move |digit| digit * power))
            .filter(|value| (self.low..=self.high).contains(value))
            .collect()
    }

    fn steps(&self) -> Vec<f64> {
        let rough = (self.high - self.low) / 6.0;
        let power = libm::pow(10.0, libm::log10(rough).floor());
        let steps = [1.0, 2.0, 5.0].map(|digit| digit * power);
        let step = steps.into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * power);
        // Nothing that is measured is negative; only margins are.
        let first = (self.low / step).ceil().max(0.0);
        (0_u32..20)
            .map(|index| (first + f64::from(index)) * step)
            .take_while(|value| *value <= self.high)
            .collect()
    }
}
