//! The published models, as data.

use super::Coefficients;

/// A baseline network and its scaling habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// EfficientNet-B0 scaled: Swish, squeeze-and-excitation, everything scales.
    V1,
    /// EfficientNet-Lite: ReLU6, no squeeze-and-excitation, stem and head of fixed width.
    Lite,
}

/// A published model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    /// As in `--variant`: `b0`, `l2`, `lite3`.
    pub name: &'static str,
    /// The φ under which people ask for it, if it has one.
    pub phi: Option<u32>,
    /// The baseline.
    pub family: Family,
    /// Width and depth.
    pub coefficients: Coefficients,
    /// Side of the input in pixels.
    pub resolution: u64,
}

/// Every published model of the families that can be built, in the order in which people list them.
///
/// Sources: tensorflow/tpu `efficientnet_builder.py` (B0–B8, L2) and `lite/efficientnet_lite_builder.py`.
pub const PUBLISHED: [Variant; 15] = [
    variant("b0", Some(0), Family::V1, 1.0, 1.0, 224),
    variant("b1", Some(1), Family::V1, 1.0, 1.1, 240),
    variant("b2", Some(2), Family::V1, 1.1, 1.2, 260),
    variant("b3", Some(3), Family::V1, 1.2, 1.4, 300),
    variant("b4", Some(4), Family::V1, 1.4, 1.8, 380),
    variant("b5", Some(5), Family::V1, 1.6, 2.2, 456),
    variant("b6", Some(6), Family::V1, 1.8, 2.6, 528),
    variant("b7", Some(7), Family::V1, 2.0, 3.1, 600),
    variant("b8", Some(8), Family::V1, 2.2, 3.6, 672),
    variant("l2", None, Family::V1, 4.3, 5.3, 800),
    variant("lite0", Some(0), Family::Lite, 1.0, 1.0, 224),
    variant("lite1", Some(1), Family::Lite, 1.0, 1.1, 240),
    variant("lite2", Some(2), Family::Lite, 1.1, 1.2, 260),
    variant("lite3", Some(3), Family::Lite, 1.2, 1.4, 280),
    variant("lite4", Some(4), Family::Lite, 1.4, 1.8, 300),
];

impl Variant {
    /// The row called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        PUBLISHED.iter().find(|variant| variant.name == name)
    }

    /// The row that a whole φ stands for in a family, if there is one.
    #[must_use]
    pub fn by_phi(family: Family, phi: f64) -> Option<&'static Self> {
        PUBLISHED.iter().find(|variant| {
            variant.family == family && variant.phi.is_some_and(|row| f64::from(row) == phi)
        })
    }
}

impl Family {
    /// As in `--family`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::Lite => "lite",
        }
    }

    /// The family called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::V1, Self::Lite]
            .into_iter()
            .find(|family| family.name() == name)
    }
}

const fn variant(
    name: &'static str,
    phi: Option<u32>,
    family: Family,
    width: f64,
    depth: f64,
    resolution: u64,
) -> Variant {
    Variant {
        name,
        phi,
        family,
        coefficients: Coefficients { width, depth },
        resolution,
    }
}
