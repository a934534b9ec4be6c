//! Class activation maps: which class's is taken, and its numbers out of the outputs of a file.

use super::error::OutputsError;
use super::{Classifier, RankedClass};
use crate::files::foreign::Foreign;
use crate::network::Output;
use crate::picture::{HeatMap, Pixels};
use crate::tensor::NamedTensor;
use crate::verify::facts::{Declared, DeclaredExtent, Names};
use std::path::PathBuf;

/// The class whose activation map is taken of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappedClass {
    /// The most probable one.
    Top,
    /// The one with this index among the logits.
    Index(usize),
}

/// Where a network sees a class in a picture.
#[derive(Debug)]
pub struct ClassMap {
    /// The class, and how probable it is.
    pub class: RankedClass,
    /// What each place adds to the class's logit, beside its bias, times the number of places.
    pub map: HeatMap,
    /// The picture as the network saw it.
    pub picture: Pixels,
}

/// Why a file has no class activation maps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapsError {
    /// No output is called `cam`.
    #[error("`{}` has no class activation maps: expected an output `{}`, found `{}`", path.shown(), Output::Cam.name(), found.join("`, `").shown())]
    NoOutput {
        /// The file.
        path: PathBuf,
        /// Names of its outputs.
        found: Vec<String>,
    },
    /// The output is not one map for each class.
    #[error("`{}`: expected output `{}` to be [batch, {classes}, height, width], found {found}", path.shown(), Output::Cam.name(), found = found.shown())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Its number of classes.
        classes: usize,
        /// The output's shape.
        found: String,
    },
}

impl ClassMap {
    /// Column and row of the largest number's place, its middle, in pixels of the picture as the network saw it.
    #[must_use]
    pub fn peak(&self) -> [u32; 2] {
        let [row, column] = self.map.peak_in(self.picture.size());
        [column, row]
    }
}

impl Classifier {
    /// Refuses a file without class activation maps.
    ///
    /// # Errors
    /// If it has no output `cam`, or that is not one map for each class.
    pub fn check_maps(&self) -> Result<(), MapsError> {
        let mut outputs = self.facts().outputs.iter();
        let name = Output::Cam.name();
        let Some(declared) = outputs.find(|output| output.name == name) else {
            let names = self
                .facts()
                .outputs
                .iter()
                .map(|output| output.name.clone());
            return Err(MapsError::NoOutput {
                path: self.path().to_owned(),
                found: names.collect(),
            });
        };
        let fits = match declared.shape.as_deref() {
            Some([_, DeclaredExtent::Fixed(classes), _, _]) => *classes == self.classes() as u64,
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(MapsError::Shape {
            path: self.path().to_owned(),
            classes: self.classes(),
            found: declared.expected(&Names::new()),
        })
    }

    /// The class whose map is taken, for a row of probabilities.
    pub(super) fn mapped(&self, of: MappedClass, row: &[f64]) -> RankedClass {
        let class = match of {
            MappedClass::Index(class) => class,
            MappedClass::Top => self.top(row, 1).first().map_or(0, |top| top.class),
        };
        self.ranked(class, row)
    }

    /// The map of a class for the picture at a place of a batch.
    pub(super) fn map(
        &self,
        outputs: &[NamedTensor],
        place: usize,
        class: usize,
    ) -> Result<HeatMap, OutputsError> {
        let name = Output::Cam.name();
        let output = outputs.iter().find(|output| output.name == name);
        let output = output.ok_or_else(|| OutputsError::Missing {
            output: name.to_owned(),
        })?;
        let expected = [self.batch(), self.classes()];
        let other = || OutputsError::Maps {
            output: name.to_owned(),
            expected,
            found: output.shape.clone(),
        };
        let [batch, classes, height, width] = output.shape[..] else {
            return Err(other());
        };
        let places = height.saturating_mul(width);
        let whole = [batch, classes, places]
            .into_iter()
            .fold(1, usize::saturating_mul);
        if [batch, classes] != expected || places == 0 || output.data.len() != whole {
            return Err(other());
        }
        let first = (place * classes + class) * places;
        let values = &output.data[first..first + places];
        if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
            return Err(OutputsError::NotFinite {
                output: name.to_owned(),
                value,
            });
        }
        HeatMap::new([height, width], values.iter().copied().collect()).ok_or_else(other)
    }

    /// Elements of all outputs for one picture, as far as the file says; a side that it leaves open counts as that of the last
    /// feature maps.
    pub(super) fn answer_elements(&self) -> u64 {
        let size = self.preprocessing().size;
        let extent = |(place, extent): (usize, &DeclaredExtent)| match extent {
            DeclaredExtent::Fixed(extent) => *extent,
            _ => size[place % 2].div_ceil(32),
        };
        let elements = |output: &Declared| {
            let shape = output.shape.iter().flatten().enumerate().skip(1);
            shape.map(extent).fold(1, u64::saturating_mul)
        };
        let outputs = self.facts().outputs.iter();
        outputs.map(elements).fold(0, u64::saturating_add)
    }
}
