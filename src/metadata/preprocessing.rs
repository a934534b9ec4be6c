//! How a picture becomes a network's input, as its authors did it: the record, in every version that was written.

use crate::architecture::Baseline;
pub use crate::architecture::family::{Interpolation, Normal};
use crate::form::{Form, InputFormat};
use crate::tensor::Element;
use serde::{Deserialize, Serialize};

/// Version of the record of a graph that takes `NCHW` floats and normalises nothing itself. Version 1 knew
/// [`Framing::CropPadding`] and [`Sampling::Antialias`] alone.
const PLAIN_VERSION: u32 = 2;
/// Version of every other record. Programs that know only the plain one refuse it.
const VERSION: u32 = 3;
/// Channels before height and width.
const CHANNELS_FIRST: &str = "NCHW";
/// Channels after height and width.
const CHANNELS_LAST: &str = "NHWC";

/// How a picture becomes the graph's input: framed, resampled, then `(pixel − mean) / std`, in an order of dimensions and as
/// elements of a type. What the graph does to it beyond that is [`inside`](Self::inside).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Preprocessing {
    /// Order of the input's dimensions; `NCHW` or `NHWC`.
    pub layout: String,
    /// Order of the colour channels; `RGB`.
    pub channels: String,
    /// Height and width of the input.
    pub size: [u64; 2],
    /// Mean and standard deviation, before the graph; [`Normal::NONE`] where the graph has its own.
    pub normal: Normal,
    /// Element type: `u8` for levels that are rounded to integers; else `f32`, also for a graph that takes another
    /// floating-point type.
    pub element: Element,
    /// Mean and standard deviation that the graph itself applies to levels from 0 to 255.
    pub inside: Option<Normal>,
    /// Which part of the picture is taken, and to what size it is brought.
    pub framing: Framing,
    /// The filter that resizes.
    pub interpolation: Interpolation,
    /// How the filter is laid over the pixels.
    pub sampling: Sampling,
}

/// Which part of a picture is taken, and to what size it is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// A centre crop that keeps `size / (size + this)` of the shorter side, resized to `size` (TensorFlow).
    CropPadding(u64),
    /// Resized, its aspect kept, until it just covers this height and width (of a square: until its shorter side is as
    /// long); then a centre crop of `size` (timm's `center`, torchvision).
    Cover([u64; 2]),
    /// Resized to this height and width, whatever its aspect; then a centre crop of `size` (timm's `squash`).
    Stretch([u64; 2]),
}

/// Which way up a picture is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    /// As its EXIF record says, as browsers show it.
    #[default]
    Recorded,
    /// As its pixels are stored, as Pillow opens it and timm trains on it.
    Stored,
}

/// How a filter is laid over the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// It widens as the picture shrinks, and results are rounded to bytes: Pillow, timm, torchvision.
    Antialias,
    /// It does not widen; pixels are squares with a centre: `tf.image.resize` of TensorFlow 2.
    HalfPixel,
    /// It does not widen; pixels are points, the first at 0: `tf.compat.v1.image.resize`.
    Legacy,
}

/// The record as files have it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    layout: String,
    channels: String,
    size: [u64; 2],
    mean: [f64; 3],
    std: [f64; 3],
    /// Version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crop_padding: Option<u64>,
    /// Since version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    framing: Option<Framing>,
    interpolation: Interpolation,
    /// Since version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sampling: Option<Sampling>,
    /// Since version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    element: Option<Element>,
    /// Since version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inside: Option<Normal>,
}

impl TryFrom<Stored> for Preprocessing {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let fields = (stored.crop_padding, stored.framing, stored.sampling);
        let (framing, sampling) = match (stored.version, fields) {
            (1, (Some(padding), None, None)) => {
                (Framing::CropPadding(padding), Sampling::Antialias)
            }
            (2 | 3, (None, Some(framing), Some(sampling))) => (framing, sampling),
            (1, _) => return Err("expected `crop_padding` alone in version 1".to_owned()),
            (2 | 3, _) => {
                let version = stored.version;
                return Err(format!(
                    "expected `framing` and `sampling` in version {version}"
                ));
            }
            (other, _) => return Err(format!("expected version 1 to 3, found {other}")),
        };
        let element = match (stored.version, stored.element, stored.inside) {
            (1 | 2, None, None) => Element::F32,
            (3, Some(element), _) => element,
            (3, None, _) => return Err("expected `element` in version 3".to_owned()),
            _ => return Err("expected `element` and `inside` in version 3 alone".to_owned()),
        };
        Ok(Self {
            element,
            inside: stored.inside,
            layout: stored.layout,
            channels: stored.channels,
            size: stored.size,
            normal: Normal {
                mean: stored.mean,
                std: stored.std,
            },
            framing,
            interpolation: stored.interpolation,
            sampling,
        })
    }
}

impl From<Preprocessing> for Stored {
    fn from(record: Preprocessing) -> Self {
        let is_plain = record.layout == CHANNELS_FIRST
            && record.element == Element::F32
            && record.inside.is_none();
        Self {
            version: if is_plain { PLAIN_VERSION } else { VERSION },
            element: (!is_plain).then_some(record.element),
            inside: record.inside,
            layout: record.layout,
            channels: record.channels,
            size: record.size,
            mean: record.normal.mean,
            std: record.normal.std,
            crop_padding: None,
            framing: Some(record.framing),
            interpolation: record.interpolation,
            sampling: Some(record.sampling),
        }
    }
}

impl Preprocessing {
    /// Of an RGB picture, channel by channel.
    #[must_use]
    pub fn rgb(
        size: [u64; 2],
        normal: Normal,
        framing: Framing,
        interpolation: Interpolation,
        sampling: Sampling,
    ) -> Self {
        Self {
            layout: CHANNELS_FIRST.to_owned(),
            channels: "RGB".to_owned(),
            size,
            normal,
            element: Element::F32,
            inside: None,
            framing,
            interpolation,
            sampling,
        }
    }

    /// What TensorFlow's models of a baseline were evaluated with, but resized with antialiasing: for a network of no
    /// particular library.
    #[must_use]
    pub fn tensorflow(baseline: &Baseline, size: [u64; 2]) -> Self {
        let evaluation = &baseline.evaluation;
        let framing = Framing::CropPadding(evaluation.crop.padding(size));
        let (normal, interpolation) = (evaluation.normal, evaluation.interpolation);
        Self::rgb(size, normal, framing, interpolation, Sampling::Antialias)
    }

    /// What is left to do for a graph of a form: the rest of it happens inside.
    #[must_use]
    pub fn outside(&self, form: &Form) -> Self {
        let plain = self.whole();
        let layout = if form.input.channels_last() {
            CHANNELS_LAST
        } else {
            CHANNELS_FIRST
        };
        let inside = form.normalize.map(Normal::from);
        Self {
            layout: layout.to_owned(),
            element: match form.input {
                InputFormat::Uint8Nhwc => Element::U8,
                InputFormat::Nchw | InputFormat::Nhwc => Element::F32,
            },
            normal: inside.map_or(plain.normal, |_| Normal::NONE),
            inside,
            ..plain
        }
    }

    /// All of it, for a graph that takes `NCHW` floats and normalises nothing itself.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self {
            layout: CHANNELS_FIRST.to_owned(),
            element: Element::F32,
            normal: self.inside.unwrap_or(self.normal),
            inside: None,
            ..self.clone()
        }
    }

    /// Whether channels follow the width; none for an order of dimensions that is not known.
    #[must_use]
    pub fn channels_last(&self) -> Option<bool> {
        match self.layout.as_str() {
            CHANNELS_FIRST => Some(false),
            CHANNELS_LAST => Some(true),
            _ => None,
        }
    }

    /// Extents of a prepared picture: `3, H, W` or `H, W, 3`.
    #[must_use]
    pub fn extents(&self) -> [usize; 3] {
        let [height, width] = self
            .size
            .map(|side| usize::try_from(side).unwrap_or(usize::MAX));
        match self.channels_last() {
            Some(true) => [height, width, 3],
            _ => [3, height, width],
        }
    }

    /// The same at another size: what a picture is resized to before a crop grows and shrinks with it.
    #[must_use]
    pub fn at(&self, size: [u64; 2]) -> Self {
        let scaled = |to: [u64; 2]| {
            [0, 1].map(|axis| match self.size[axis] {
                0 => size[axis],
                from => to[axis].saturating_mul(size[axis]) / from,
            })
        };
        Self {
            size,
            framing: match self.framing {
                Framing::CropPadding(padding) => Framing::CropPadding(padding),
                Framing::Cover(to) => Framing::Cover(scaled(to)),
                Framing::Stretch(to) => Framing::Stretch(scaled(to)),
            },
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests;
