//! One dimension scaled alone, the others as they are (arXiv 1905.11946, figure 3 and table 7).

use super::Subject;
use crate::architecture::{Reading, Scaling};
use crate::scaling::{BASE_RESOLUTION, Coefficients, ScalingError};

/// What is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Repeats of each stage.
    Depth,
    /// Filters.
    Width,
    /// Height and width of the input, in multiples of 224, rounded half up.
    Resolution,
}

/// A dimension and what multiplies it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// What is scaled.
    pub dimension: Dimension,
    /// Multipliers, in order.
    pub multipliers: Vec<f64>,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 3] = [Self::Depth, Self::Width, Self::Resolution];

    /// As in `--sweep`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::Width => "width",
            Self::Resolution => "resolution",
        }
    }

    /// The dimension called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dimension| dimension.name() == name)
    }
}

impl Sweep {
    /// The points, in order.
    ///
    /// # Errors
    /// If a multiplier is not a positive number, or beyond any network.
    pub fn points(&self, subject: &Subject) -> Result<Vec<Scaling>, ScalingError> {
        let point = |multiplier: &f64| {
            let (mut width, mut depth, mut side) = (1.0, 1.0, 1.0);
            match self.dimension {
                Dimension::Depth => depth = *multiplier,
                Dimension::Width => width = *multiplier,
                Dimension::Resolution => side = *multiplier,
            }
            let coefficients = Coefficients { width, depth };
            // A side is checked as the other multipliers are.
            let alone = Coefficients {
                width: side,
                depth: 1.0,
            };
            alone.checked().map_err(|_| ScalingError::Coefficient {
                name: "resolution",
                value: side,
            })?;
            let scaling = Scaling::given(subject.family, coefficients)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "224 times a multiplier that was checked"
            )]
            let resolution = (BASE_RESOLUTION as f64).mul_add(side, 0.5).floor() as u64;
            Ok(Scaling {
                resolution: resolution.max(1),
                reading: Reading::Given,
                ..scaling
            })
        };
        self.multipliers.iter().map(point).collect()
    }
}
