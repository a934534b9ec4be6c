//! Other libraries' published models by name: all that sets each apart from the same network elsewhere.
//!
//! Owns the tables of timm, torchvision, Keras, efficientnet_pytorch (lukemelas), transformers and TensorFlow, a file each. Knows
//! no flag and no file; what a name stands for can be asked of any request.

mod keras;
mod lukemelas;
mod tensorflow;
mod timm;
mod torchvision;
mod transformers;

use crate::architecture::{Family, Variant};
use crate::files::foreign::Foreign;
use crate::graph::Padding;
use crate::metadata::{MetadataError, Preprocessing, Recipe};
use crate::request::{Blueprint, Extent, Request};
use crate::weights::names::Naming;
use std::fmt;

pub use keras::normal as keras_normal;
pub use keras::prepared as keras_preprocessing;
pub use timm::evaluation as timm_evaluation;

/// A library that publishes EfficientNets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// timm 1.0.31.
    Timm,
    /// torchvision 0.29.2.
    Torchvision,
    /// efficientnet_pytorch 0.7.1 by lukemelas, and efficientnet_lite_pytorch 0.1.0, its Lite port.
    Lukemelas,
    /// transformers 5.24.0 (Hugging Face).
    Transformers,
    /// `keras.applications` of Keras 3.15.1.
    Keras,
    /// TensorFlow's originals: tensorflow/tpu `models/official/efficientnet` and google/automl `efficientnetv2`.
    TensorFlow,
}

/// Which list names a model's classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelSet {
    /// The 1,000 of ILSVRC-2012 in the usual order.
    Imagenet,
    /// The same after a background class: 1,001.
    ImagenetWithBackground,
    /// The 21,843 of ImageNet-21k.
    Imagenet21k,
    /// No list that is known here.
    Unknown,
}

/// One model of one library, with one of its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Like {
    /// Whose it is.
    pub library: Library,
    /// As the library calls it: `tf_efficientnet_b2`.
    pub model: String,
    /// Which weights, as the library calls them: `ns_jft_in1k`.
    pub tag: Option<String>,
    /// The published network that it is.
    pub variant: &'static Variant,
    /// How its convolutions pad.
    pub padding: Padding,
    /// Epsilon of its batch norms.
    pub batch_norm_epsilon: f64,
    /// Side of its input in pixels, if nothing else is asked for.
    pub size: u64,
    /// How a picture becomes its input of that size.
    pub preprocessing: Preprocessing,
    /// The same at the size at which the library also tests these weights (timm's `test_input_size`).
    pub test: Option<Preprocessing>,
    /// Classes that these weights tell apart.
    pub classes: u64,
    /// What these classes are called.
    pub labels: LabelSet,
}

/// No model has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no library here has a model `{name}`{}", nearest.as_ref().map(|nearest| format!("; the nearest name is `{nearest}`")).unwrap_or_default(), name = name.shown())]
pub struct LikeError {
    /// What was asked for.
    pub name: String,
    /// The name that takes the fewest edits.
    pub nearest: Option<String>,
    /// Tags of the model, if it is there and only the tag is not.
    pub tags: Vec<String>,
}

/// The model called `LIBRARY/MODEL`, with the weights that its library takes by default, or `LIBRARY/MODEL.TAG`.
///
/// # Errors
/// If there is none; says which name is nearest.
pub fn find(name: &str) -> Result<Like, LikeError> {
    let all = all();
    if let Some(found) = all.iter().find(|like| like.untagged() == name) {
        return Ok(found.clone());
    }
    if let Some(found) = all.iter().find(|like| like.name() == name) {
        return Ok(found.clone());
    }
    // Without a library, the models' own names are compared.
    let compared = |other: &String| match other.split_once('/') {
        Some((_, model)) if !name.contains('/') => strsim::damerau_levenshtein(name, model),
        _ => strsim::damerau_levenshtein(name, other),
    };
    let names = all.iter().flat_map(|like| [like.untagged(), like.name()]);
    let nearest = names.min_by_key(compared);
    let model = name.split_once('.').map_or(name, |(model, _)| model);
    let tags = all.iter().filter(|like| like.untagged() == model);
    Err(LikeError {
        name: name.to_owned(),
        nearest,
        tags: tags.filter_map(|like| like.tag.clone()).collect(),
    })
}

/// Namings of libraries' EfficientNets, and what stands for them in other families: family, EfficientNets' naming, its own.
const NAMINGS: [(&str, Naming, Naming); 3] = [
    ("mobilenet-v2", Naming::Torchvision, Naming::MobileNetV2),
    ("resnet-50", Naming::Timm, Naming::Resnet),
    ("resnet-50", Naming::Torchvision, Naming::Resnet),
];

/// The naming that a library whose EfficientNets have `naming` has for networks of `family`.
#[must_use]
pub fn in_family(naming: Naming, family: &Family) -> Naming {
    let mut rows = NAMINGS.iter();
    let own = rows.find(|(name, general, _)| *name == family.name && *general == naming);
    own.map_or(naming, |(.., own)| *own)
}

/// The model of the library whose names these are, with its default weights; none for names that several models of one
/// network share (timm's, and ResNets').
#[must_use]
pub fn named_so(naming: Naming, variant: &Variant) -> Option<Like> {
    let is_one_library = !matches!(naming, Naming::Timm | Naming::Resnet);
    let library = |like: &Like| like.naming() == naming.with_classifier() && is_one_library;
    all()
        .into_iter()
        .find(|like| library(like) && like.variant == variant)
}

/// The request that a recipe records.
///
/// Earlier versions recorded padding `same` of models of efficientnet_pytorch at their own size, which is the same graph
/// as theirs; at other sizes it is not.
///
/// # Errors
/// If a field has a value that this version does not know.
pub fn recorded_request(recipe: &Recipe) -> Result<Request, MetadataError> {
    let mut request = recipe.request()?;
    let model = recipe.like.as_deref().and_then(|name| find(name).ok());
    if let Some(model) = model {
        let size = request.default_size();
        request.options.padding = model.own_padding(request.options.padding, size);
    }
    Ok(request)
}

/// Every model with each of its weights; a model's default weights come first.
#[must_use]
pub fn all() -> Vec<Like> {
    [
        timm::models(),
        torchvision::models(),
        lukemelas::models(),
        transformers::models(),
        keras::models(),
        tensorflow::models(),
    ]
    .concat()
}

impl Like {
    /// `LIBRARY/MODEL.TAG`, or without a tag where the library has none.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}.{tag}", self.untagged()),
            None => self.untagged(),
        }
    }

    /// `LIBRARY/MODEL`.
    #[must_use]
    pub fn untagged(&self) -> String {
        format!("{}/{}", self.library, self.model)
    }

    /// Whose names its checkpoints have.
    #[must_use]
    pub fn naming(&self) -> Naming {
        let family = self.variant.baseline.family;
        match self.library {
            Library::Timm => in_family(Naming::Timm, family),
            Library::Torchvision => in_family(Naming::Torchvision, family),
            Library::Lukemelas => Naming::Lukemelas,
            Library::Transformers => Naming::Transformers,
            Library::Keras => Naming::Keras,
            Library::TensorFlow => Naming::TensorFlow,
        }
    }

    /// The request for just this model, with all else at its default.
    #[must_use]
    pub fn request(&self) -> Request {
        let mut request = Request::new(Blueprint::published(self.variant));
        request.size = [Extent::Fixed(self.size); 2];
        request.options.padding = self.padding;
        request.options.batch_norm_epsilon = self.batch_norm_epsilon;
        request.options.classes = self.classes;
        request
    }

    /// This model's own padding where `padding`, recorded for an image of `size`, is the same at that size; else
    /// `padding`.
    #[must_use]
    pub fn own_padding(&self, padding: Padding, size: [u64; 2]) -> Padding {
        if padding == Padding::Same && self.padding.agrees_at(padding, size) {
            self.padding
        } else {
            padding
        }
    }

    /// How a picture becomes its input, at any size.
    #[must_use]
    pub fn preprocessing_at(&self, size: [u64; 2]) -> Preprocessing {
        match &self.test {
            Some(test) if test.size == size => test.clone(),
            _ if self.library == Library::TensorFlow => {
                tensorflow::preprocessing_at(&self.preprocessing, self.variant.baseline, size)
            }
            _ => self.preprocessing.at(size),
        }
    }

    /// In what a request departs from this model, such as ``classes are 10, not 1000``; empty if in nothing.
    ///
    /// Batch, outputs and form are anyone's choice.
    #[must_use]
    pub fn differences(&self, request: &Request) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, asked: String, own: String| {
            if asked != own {
                found.push(format!("{what} {asked}, not {own}"));
            }
        };
        let network = match request.variant() {
            Some(variant) => variant.name.to_owned(),
            None => request.blueprint.name(),
        };
        compare("network is", network, self.variant.name.to_owned());
        let size = request.size.map(|extent| extent.to_string());
        let tested = self
            .test
            .as_ref()
            .map(|test| test.size.map(|side| side.to_string()));
        if tested.as_ref() != Some(&size) {
            let [height, width] = &size;
            let shown = if height == width {
                height.clone()
            } else {
                format!("{height}x{width}")
            };
            compare("size is", shown, self.size.to_string());
        }
        let options = &request.options;
        compare("padding is", options.padding.name(), self.padding.name());
        let epsilon = |epsilon: f64| format!("{epsilon:e}");
        compare(
            "epsilon is",
            epsilon(options.batch_norm_epsilon),
            epsilon(self.batch_norm_epsilon),
        );
        compare(
            "classes are",
            options.classes.to_string(),
            self.classes.to_string(),
        );
        compare(
            "input channels are",
            options.in_channels.to_string(),
            3.to_string(),
        );
        found
    }
}

impl LabelSet {
    /// The list of so many classes of ImageNet.
    fn of(classes: u64) -> Self {
        match classes {
            1000 => Self::Imagenet,
            1001 => Self::ImagenetWithBackground,
            21_843 => Self::Imagenet21k,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timm => "timm",
            Self::Torchvision => "torchvision",
            Self::Lukemelas => "lukemelas",
            Self::Transformers => "transformers",
            Self::Keras => "keras",
            Self::TensorFlow => "tf",
        })
    }
}

#[cfg(test)]
mod tests;
