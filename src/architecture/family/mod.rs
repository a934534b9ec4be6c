//! Families of published networks, a file each: baselines, how each is scaled and evaluated, published rows.
//!
//! A published row is a line in its family's file. A family is a file and a line in [`Family::ALL`].

mod accuracy;
mod condconv;
mod edgetpu;
mod evaluation;
mod lite;
mod mobilenet_v1;
mod mobilenet_v2;
mod resnet;
mod rows;
mod v1;
mod v2;

pub use accuracy::ReportedAccuracy;
pub use evaluation::{Crop, Evaluation, Interpolation, Normal};

use super::{Head, Options, Stage, Stem};
use crate::scaling::{Coefficients, Rules};
use std::fmt;

/// Networks that are scaled alike, and that `--family` names.
pub struct Family {
    /// As in `--family`.
    pub name: &'static str,
    /// What graphs are called before the name of a variant.
    pub prefix: &'static str,
    /// What is scaled where no published model is asked for.
    pub baseline: &'static Baseline,
    /// Its published models, in the order in which people list them.
    pub variants: &'static [Variant],
}

/// A network that is scaled, as its authors wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    /// The family that it belongs to.
    pub family: &'static Family,
    /// What comes before the stages.
    pub stem: Stem,
    /// The stages, in order.
    pub stages: &'static [Stage],
    /// What comes after the stages.
    pub head: Head,
    /// How it is scaled.
    pub rules: Rules,
    /// Padding, epsilon, classes and input channels of its authors.
    pub options: Options,
    /// How it is evaluated.
    pub evaluation: Evaluation,
}

/// A published model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    /// As in `--variant`: `b0`, `l2`, `lite3`, `v2-s`, `resnet-50`.
    pub name: &'static str,
    /// The φ under which people ask for it, if it has one.
    pub phi: Option<u32>,
    /// What is scaled.
    pub baseline: &'static Baseline,
    /// Width and depth.
    pub coefficients: Coefficients,
    /// Side of the input in pixels at which it is evaluated.
    pub resolution: u64,
}

impl Family {
    /// Every family, in the order in which people list them.
    pub const ALL: [&'static Self; 8] = [
        &v1::FAMILY,
        &lite::FAMILY,
        &edgetpu::FAMILY,
        &condconv::FAMILY,
        &v2::FAMILY,
        &mobilenet_v1::FAMILY,
        &mobilenet_v2::FAMILY,
        &resnet::FAMILY,
    ];

    /// The family called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|family| family.name == name)
    }

    /// The row that a whole φ stands for, if there is one.
    #[must_use]
    pub fn variant_at(&self, phi: f64) -> Option<&'static Variant> {
        self.variants
            .iter()
            .find(|variant| variant.phi.is_some_and(|row| f64::from(row) == phi))
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Family").field(&self.name).finish()
    }
}

impl Variant {
    /// Every published model, family by family, in the order in which people list them.
    #[must_use]
    pub fn all() -> impl DoubleEndedIterator<Item = &'static Self> + Clone {
        Family::ALL.into_iter().flat_map(|family| family.variants)
    }

    /// The row called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        Self::all().find(|variant| variant.name == name)
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
}
