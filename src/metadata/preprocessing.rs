//! How a picture becomes a network's input, as its authors did it: the record, in every version that was written.

use crate::architecture::Baseline;
pub use crate::architecture::family::{Interpolation, Normal};
use serde::{Deserialize, Serialize};

/// Version of the record that is written. Version 1 knew [`Framing::CropPadding`] and [`Sampling::Antialias`] alone.
const VERSION: u32 = 2;

/// How a picture becomes the graph's input: framed, resampled, then `(pixel − mean) / std`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Preprocessing {
    /// Order of the input's dimensions; `NCHW`.
    pub layout: String,
    /// Order of the colour channels; `RGB`.
    pub channels: String,
    /// Height and width of the input.
    pub size: [u64; 2],
    /// Mean and standard deviation.
    pub normal: Normal,
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
}

impl TryFrom<Stored> for Preprocessing {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let fields = (stored.crop_padding, stored.framing, stored.sampling);
        let (framing, sampling) = match (stored.version, fields) {
            (1, (Some(padding), None, None)) => {
                (Framing::CropPadding(padding), Sampling::Antialias)
            }
            (2, (None, Some(framing), Some(sampling))) => (framing, sampling),
            (1, _) => return Err("expected `crop_padding` alone in version 1".to_owned()),
            (2, _) => return Err("expected `framing` and `sampling` in version 2".to_owned()),
            (other, _) => return Err(format!("expected version 1 or 2, found {other}")),
        };
        Ok(Self {
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
        Self {
            version: VERSION,
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
            layout: "NCHW".to_owned(),
            channels: "RGB".to_owned(),
            size,
            normal,
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
mod tests {
    use super::*;
    use crate::architecture::Family;

    fn tensorflow(family: &str) -> Preprocessing {
        let family = Family::by_name(family).unwrap();
        Preprocessing::tensorflow(family.baseline, [224, 224])
    }

    #[test]
    fn records_of_version_1_are_read() {
        let old = r#"{"version":1,"layout":"NCHW","channels":"RGB","size":[224,224],"mean":[127.0,127.0,127.0],
            "std":[128.0,128.0,128.0],"crop_padding":32,"interpolation":"bilinear"}"#;
        let read: Preprocessing = serde_json::from_str(old).unwrap();
        assert_eq!(read, tensorflow("lite"));
        let new = serde_json::to_string(&read).unwrap();
        assert!(new.starts_with(r#"{"version":2,"#), "{new}");
        assert!(
            new.ends_with(
                r#""framing":{"crop_padding":32},"interpolation":"bilinear","sampling":"antialias"}"#
            ),
            "{new}"
        );
        assert_eq!(serde_json::from_str::<Preprocessing>(&new).unwrap(), read);
        for (from, to, message) in [
            (
                r#""version":1"#,
                r#""version":2"#,
                "`framing` and `sampling`",
            ),
            (
                r#""version":1"#,
                r#""version":3"#,
                "version 1 or 2, found 3",
            ),
            (r#""crop_padding":32,"#, "", "`crop_padding` alone"),
            (
                r#""crop_padding":32"#,
                r#""crop_padding":32,"framing":{"cover":[9,9]}"#,
                "in version 1",
            ),
            (r#""crop_padding""#, r#""crop_paddding""#, "unknown field"),
        ] {
            let error = serde_json::from_str::<Preprocessing>(&old.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
    }

    #[test]
    fn another_size_scales_what_comes_before_the_crop() {
        for (framing, size, expected) in [
            (
                Framing::Cover([256, 256]),
                [448, 112],
                Framing::Cover([512, 128]),
            ),
            (
                Framing::Stretch([224, 224]),
                [300, 300],
                Framing::Stretch([300, 300]),
            ),
            (
                Framing::CropPadding(32),
                [448, 448],
                Framing::CropPadding(32),
            ),
        ] {
            let record = Preprocessing {
                framing,
                ..tensorflow("v1")
            };
            let scaled = record.at(size);
            assert_eq!((scaled.size, scaled.framing), (size, expected));
        }
    }
}
