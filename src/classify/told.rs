//! What is told of a file beside what it records: how its pictures are prepared, and what its output is.

use super::error::{ClassifierError, NoPreprocessing, ToldPart, Unfit};
use crate::metadata::{
    Framing, Interpolation, Normal, PREPROCESSING_KEY, Preprocessing, RECIPE_KEY, Recipe, Sampling,
};
use crate::network::ClassActivation;
use crate::onnx::file::{ModelFile, is_readable};
use crate::tensor::Element;
use crate::verify::facts::{DeclaredExtent, FileFacts, Names};

/// What is told of a file, in place of what it records or where it records nothing; by default nothing.
///
/// A file without a record needs mean and standard deviation, unless it takes bytes; a size, unless its input has one; and an
/// activation, unless its output is called `logits` or `probabilities`. Its pictures are resized, antialiased and bicubic, until
/// they cover 8/7 of the size, and cropped to their centre, as timm and torchvision evaluate most networks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Told {
    /// Mean of each colour, of levels from 0 to 1.
    pub mean: Option<[f64; 3]>,
    /// Standard deviation of each colour, of levels from 0 to 1.
    pub std: Option<[f64; 3]>,
    /// Height and width of the input, in pixels.
    pub size: Option<[u64; 2]>,
    /// What turns the output into probabilities.
    pub activation: Option<ToldActivation>,
}

/// What turns a file's output into probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldActivation {
    /// This does: it has logits.
    Of(ClassActivation),
    /// Nothing: it has probabilities.
    Applied,
}

/// Outputs that name classes, best first, and whether the activation has been applied.
const OUTPUTS: [(&str, bool); 2] = [("logits", false), ("probabilities", true)];

/// More classes than any known data set has.
const MOST_CLASSES: u64 = 1 << 24;

/// The largest level of a picture.
const LARGEST: f64 = 255.0;

impl Told {
    /// How pictures are prepared for a file, and what of its record is replaced by something else.
    pub(super) fn preprocessing(
        &self,
        file: &ModelFile,
        facts: &FileFacts,
    ) -> Result<(Preprocessing, Vec<ToldPart>), ClassifierError> {
        let unfit = |reason| ClassifierError::Unfit {
            path: file.path.clone(),
            reason,
        };
        let Some(json) = file.metadata(PREPROCESSING_KEY) else {
            return Ok((self.unrecorded(file, facts)?, Vec::new()));
        };
        let recorded: Preprocessing =
            serde_json::from_str(json).map_err(|error| unfit(Unfit::PreprocessingRecord(error)))?;
        let mut told = recorded.clone();
        if let Some(size) = self.size {
            told = told.at(size);
        }
        let levels = |numbers: [f64; 3]| numbers.map(|number| number * LARGEST);
        told.normal.mean = self.mean.map_or(told.normal.mean, levels);
        told.normal.std = self.std.map_or(told.normal.std, levels);
        if told.element == Element::U8 && told.normal != recorded.normal {
            return Err(unfit(Unfit::NormalOfBytes));
        }
        let replaced = [
            (ToldPart::Mean, told.normal.mean != recorded.normal.mean),
            (ToldPart::Std, told.normal.std != recorded.normal.std),
            (ToldPart::Size, told.size != recorded.size),
        ];
        let replaced = replaced.into_iter().filter(|(_, differs)| *differs);
        let replaced = replaced.map(|(part, _)| part).collect();
        Ok((told, replaced))
    }

    /// How pictures are prepared for a file that says nothing of it.
    fn unrecorded(
        &self,
        file: &ModelFile,
        facts: &FileFacts,
    ) -> Result<Preprocessing, ClassifierError> {
        let unfit = |reason| ClassifierError::Unfit {
            path: file.path.clone(),
            reason,
        };
        let silent = |missing| ClassifierError::NoPreprocessing {
            path: file.path.clone(),
            reason: why_no_preprocessing(file),
            missing,
        };
        if let NoPreprocessing::Channels(_) = why_no_preprocessing(file) {
            return Err(silent(Vec::new()));
        }
        let [input] = facts.inputs.as_slice() else {
            return Err(unfit(Unfit::Inputs(facts.inputs.len())));
        };
        let other = || {
            let shape = input.expected(&Names::new());
            unfit(Unfit::NoPictures {
                name: input.name.clone(),
                found: format!("{} {shape}", input.element_type),
            })
        };
        let three = DeclaredExtent::Fixed(3);
        let (layout, sides) = match input.shape.as_deref() {
            Some([_, channels, height, width]) if *channels == three => ("NCHW", [height, width]),
            Some([_, height, width, channels]) if *channels == three => ("NHWC", [height, width]),
            _ => return Err(other()),
        };
        let element = match input.element() {
            Some(Element::U8) => Element::U8,
            Some(element) if is_readable(element) => Element::F32,
            _ => return Err(other()),
        };
        if element == Element::U8 && (self.mean, self.std) != (None, None) {
            return Err(unfit(Unfit::NormalOfBytes));
        }
        let fixed = match sides {
            [DeclaredExtent::Fixed(height), DeclaredExtent::Fixed(width)] => {
                Some([*height, *width])
            }
            _ => None,
        };
        let size = self.size.or(fixed);
        let normal = match (element, self.mean, self.std) {
            (Element::U8, ..) => Some(Normal::NONE),
            (_, Some(mean), Some(std)) => Some(Normal {
                mean: mean.map(|mean| mean * LARGEST),
                std: std.map(|std| std * LARGEST),
            }),
            _ => None,
        };
        let needs_normal = normal.is_none();
        let missing = [
            (ToldPart::Mean, needs_normal && self.mean.is_none()),
            (ToldPart::Std, needs_normal && self.std.is_none()),
            (ToldPart::Size, size.is_none()),
            (
                ToldPart::Activation,
                self.activation.is_none() && !names_classes(facts),
            ),
        ];
        let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing);
        let missing = missing.map(|(part, _)| part).collect();
        let (Some(size), Some(normal)) = (size, normal) else {
            return Err(silent(missing));
        };
        if !missing.is_empty() {
            return Err(silent(missing));
        }
        let covering = Framing::Cover(size.map(|side| side.saturating_mul(8) / 7));
        let filter = (Interpolation::Bicubic, Sampling::Antialias);
        Ok(Preprocessing {
            layout: layout.to_owned(),
            element,
            ..Preprocessing::rgb(size, normal, covering, filter.0, filter.1)
        })
    }
}

/// Whether an output's name says that it is of classes.
fn names_classes(facts: &FileFacts) -> bool {
    let known = OUTPUTS.map(|(name, _)| name);
    let mut outputs = facts.outputs.iter();
    outputs.any(|output| known.contains(&output.name.as_str()))
}

/// What the file's recipe tells of the reason.
fn why_no_preprocessing(file: &ModelFile) -> NoPreprocessing {
    let recipe = file.metadata(RECIPE_KEY);
    let recipe = recipe.and_then(|text| serde_json::from_str::<Recipe>(text).ok());
    match recipe {
        Some(recipe) if recipe.in_channels != 3 => NoPreprocessing::Channels(recipe.in_channels),
        Some(recipe) if recipe.architecture.is_some() => NoPreprocessing::Custom,
        _ => NoPreprocessing::NotRecorded,
    }
}

/// The output that names classes, whether it has probabilities, and how many. An output of another name is one where it is the
/// only one, and what turns it into probabilities is told.
pub(super) fn output(
    facts: &FileFacts,
    told: Option<ToldActivation>,
) -> Result<((String, bool), usize), Unfit> {
    let known = OUTPUTS.into_iter().find_map(|(name, applied)| {
        let mut outputs = facts.outputs.iter();
        Some((outputs.find(|output| output.name == name)?, applied))
    });
    let (declared, applied) = match (known, told, facts.outputs.as_slice()) {
        (Some((declared, applied)), None, _) => (declared, applied),
        (Some((declared, _)), Some(told), _) => (declared, told == ToldActivation::Applied),
        (None, Some(told), [only]) => (only, told == ToldActivation::Applied),
        _ => {
            let names = facts.outputs.iter().map(|output| output.name.clone());
            return Err(Unfit::NoOutput {
                found: names.collect(),
            });
        }
    };
    match declared.shape.as_deref() {
        Some(&[_, DeclaredExtent::Fixed(classes @ 1..=MOST_CLASSES)]) => Ok((
            (declared.name.clone(), applied),
            usize::try_from(classes).unwrap_or(usize::MAX),
        )),
        _ => Err(Unfit::Output {
            name: declared.name.clone(),
            found: declared.expected(&Names::new()),
        }),
    }
}
