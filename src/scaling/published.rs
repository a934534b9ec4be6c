//! The published models, as data.

use super::Coefficients;

/// Networks that are scaled alike, and that `--family` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// EfficientNet-B0 scaled: Swish, squeeze-and-excitation, everything scales.
    V1,
    /// EfficientNet-Lite: ReLU6, no squeeze-and-excitation, stem and head of fixed width.
    Lite,
    /// EfficientNet-EdgeTPU: ReLU, no squeeze-and-excitation, full convolutions in the early stages.
    EdgeTpu,
    /// B0 whose last three stages mix the kernels of several experts.
    CondConv,
    /// EfficientNetV2: Swish, full convolutions in the early stages, squeeze-and-excitation in the late ones.
    V2,
}

/// A network that is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// B0.
    V1,
    /// Lite0.
    Lite,
    /// EdgeTPU-S.
    EdgeTpu,
    /// CondConv-B0.
    CondConv {
        /// Kernels that are mixed.
        experts: u64,
    },
    /// V2-B0.
    V2Base,
    /// V2-S; not scaled in any published model.
    V2S,
    /// V2-M; not scaled in any published model.
    V2M,
    /// V2-L; not scaled in any published model.
    V2L,
    /// V2-XL; not scaled in any published model.
    V2Xl,
}

/// A published model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    /// As in `--variant`: `b0`, `l2`, `lite3`, `v2-s`.
    pub name: &'static str,
    /// The φ under which people ask for it, if it has one.
    pub phi: Option<u32>,
    /// What is scaled.
    pub baseline: Baseline,
    /// Width and depth.
    pub coefficients: Coefficients,
    /// Side of the input in pixels at which it is evaluated.
    pub resolution: u64,
}

/// Every published model of the families that can be built, in the order in which people list them.
///
/// Sources: tensorflow/tpu `efficientnet_builder.py` (B0–B8, L2), `lite/efficientnet_lite_builder.py`,
/// `edgetpu/efficientnet_edgetpu_builder.py` and `condconv/efficientnet_condconv_builder.py`; google/automl
/// `efficientnetv2/effnetv2_configs.py` (V2; the size is `eval.isize`).
pub const PUBLISHED: [Variant; 29] = [
    variant("b0", Some(0), Baseline::V1, 1.0, 1.0, 224),
    variant("b1", Some(1), Baseline::V1, 1.0, 1.1, 240),
    variant("b2", Some(2), Baseline::V1, 1.1, 1.2, 260),
    variant("b3", Some(3), Baseline::V1, 1.2, 1.4, 300),
    variant("b4", Some(4), Baseline::V1, 1.4, 1.8, 380),
    variant("b5", Some(5), Baseline::V1, 1.6, 2.2, 456),
    variant("b6", Some(6), Baseline::V1, 1.8, 2.6, 528),
    variant("b7", Some(7), Baseline::V1, 2.0, 3.1, 600),
    variant("b8", Some(8), Baseline::V1, 2.2, 3.6, 672),
    variant("l2", None, Baseline::V1, 4.3, 5.3, 800),
    variant("lite0", Some(0), Baseline::Lite, 1.0, 1.0, 224),
    variant("lite1", Some(1), Baseline::Lite, 1.0, 1.1, 240),
    variant("lite2", Some(2), Baseline::Lite, 1.1, 1.2, 260),
    variant("lite3", Some(3), Baseline::Lite, 1.2, 1.4, 280),
    variant("lite4", Some(4), Baseline::Lite, 1.4, 1.8, 300),
    variant("edgetpu-s", None, Baseline::EdgeTpu, 1.0, 1.0, 224),
    variant("edgetpu-m", None, Baseline::EdgeTpu, 1.0, 1.1, 240),
    variant("edgetpu-l", None, Baseline::EdgeTpu, 1.2, 1.4, 300),
    variant("condconv-b0-4e", None, CONDCONV_4E, 1.0, 1.0, 224),
    variant("condconv-b0-8e", None, CONDCONV_8E, 1.0, 1.0, 224),
    variant("condconv-b0-8e-depth", None, CONDCONV_8E, 1.0, 1.1, 224),
    variant("v2-s", None, Baseline::V2S, 1.0, 1.0, 384),
    variant("v2-m", None, Baseline::V2M, 1.0, 1.0, 480),
    variant("v2-l", None, Baseline::V2L, 1.0, 1.0, 480),
    variant("v2-xl", None, Baseline::V2Xl, 1.0, 1.0, 512),
    variant("v2-b0", Some(0), Baseline::V2Base, 1.0, 1.0, 224),
    variant("v2-b1", Some(1), Baseline::V2Base, 1.0, 1.1, 240),
    variant("v2-b2", Some(2), Baseline::V2Base, 1.1, 1.2, 260),
    variant("v2-b3", Some(3), Baseline::V2Base, 1.2, 1.4, 300),
];

const CONDCONV_4E: Baseline = Baseline::CondConv { experts: 4 };
const CONDCONV_8E: Baseline = Baseline::CondConv { experts: 8 };

impl Variant {
    /// The row called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        PUBLISHED.iter().find(|variant| variant.name == name)
    }

    /// The row that people mean by `text`: `B0`, `efficientnet-b0` and `efficientnet_b0` are `b0`.
    #[must_use]
    pub fn find(text: &str) -> Option<&'static Self> {
        let name = text.to_ascii_lowercase().replace('_', "-");
        let short = match name.strip_prefix("efficientnet") {
            Some(rest) => rest.strip_prefix('-').unwrap_or(rest),
            None => &name,
        };
        Self::by_name(short)
    }

    /// The row that a whole φ stands for in a family, if there is one.
    #[must_use]
    pub fn by_phi(family: Family, phi: f64) -> Option<&'static Self> {
        PUBLISHED.iter().find(|variant| {
            variant.baseline.family() == family
                && variant.phi.is_some_and(|row| f64::from(row) == phi)
        })
    }
}

impl Baseline {
    /// The family that it belongs to.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Self::V1 => Family::V1,
            Self::Lite => Family::Lite,
            Self::EdgeTpu => Family::EdgeTpu,
            Self::CondConv { .. } => Family::CondConv,
            Self::V2Base | Self::V2S | Self::V2M | Self::V2L | Self::V2Xl => Family::V2,
        }
    }
}

impl Family {
    /// Every family, in the order in which people list them.
    pub const ALL: [Self; 5] = [
        Self::V1,
        Self::Lite,
        Self::EdgeTpu,
        Self::CondConv,
        Self::V2,
    ];

    /// As in `--family`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::Lite => "lite",
            Self::EdgeTpu => "edgetpu",
            Self::CondConv => "condconv",
            Self::V2 => "v2",
        }
    }

    /// The family called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// What is scaled where no published model is asked for; of CondConv the one with 8 experts.
    #[must_use]
    pub fn baseline(self) -> Baseline {
        match self {
            Self::V1 => Baseline::V1,
            Self::Lite => Baseline::Lite,
            Self::EdgeTpu => Baseline::EdgeTpu,
            Self::CondConv => CONDCONV_8E,
            Self::V2 => Baseline::V2Base,
        }
    }

    /// Whether filters that rounding makes over 10 % fewer get one step more ([`super::round_filters`]).
    #[must_use]
    pub fn has_ninety_percent_rule(self) -> bool {
        self != Self::V2
    }
}

const fn variant(
    name: &'static str,
    phi: Option<u32>,
    baseline: Baseline,
    width: f64,
    depth: f64,
    resolution: u64,
) -> Variant {
    Variant {
        name,
        phi,
        baseline,
        coefficients: Coefficients { width, depth },
        resolution,
    }
}
