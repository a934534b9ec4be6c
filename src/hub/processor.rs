//! The `preprocessor_config.json` that transformers writes beside a model: how a picture becomes its input.

use super::json::{ConfigError, optional, wrong};
use serde_json::{Map, Value};

/// What `preprocessor_config.json` says: `EfficientNetImageProcessor` (`image_processing_efficientnet.py`), or a processor that
/// differs from it in its defaults alone.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageProcessor {
    /// What a picture is resized to.
    pub resize: Resize,
    /// What is cut out of its centre afterwards: height and width.
    pub crop: Option<[u64; 2]>,
    /// Pillow's number of the filter that resizes; none where the file leaves it to the version of the library.
    pub resample: Option<u64>,
    /// Per channel, what becomes 0 of pixels from 0 to 255.
    pub mean: [f64; 3],
    /// Per channel, what becomes 1 from there.
    pub std: [f64; 3],
}

/// What a picture is resized to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// This height and width, whatever its aspect.
    Sides([u64; 2]),
    /// Its shorter side, the aspect kept.
    Shorter(u64),
}

/// Processors whose steps are these ones: resize, crop, rescale, normalise.
const PROCESSORS: [&str; 2] = ["EfficientNetImageProcessor", "ViTImageProcessor"];
/// What the names of their other editions end in.
const EDITIONS: [&str; 3] = ["", "Fast", "Pil"];

impl ImageProcessor {
    /// Reads the whole of the file.
    pub(super) fn of(whole: &Value) -> Result<Self, ConfigError> {
        let whole = whole.as_object().ok_or_else(|| {
            wrong(
                "image_processor_type",
                "the settings of an image processor",
                whole,
            )
        })?;
        let [own, other] = PROCESSORS;
        let is_of = |processor: &str, name: &str| {
            let edition = name.strip_prefix(processor);
            edition.is_some_and(|edition| EDITIONS.contains(&edition))
        };
        let processor = whole.get("image_processor_type").unwrap_or(&Value::Null);
        let is_own = match processor {
            Value::Null => true,
            Value::String(name) if is_of(own, name) => true,
            Value::String(name) if is_of(other, name) => false,
            value => {
                let expected = "`EfficientNetImageProcessor` or `ViTImageProcessor`";
                return Err(wrong("image_processor_type", expected, value));
            }
        };
        let truth = |key, default| {
            let found = optional(whole.get(key), key, "true or false", Value::as_bool);
            found.map(|found| found.unwrap_or(default))
        };
        if !truth("do_resize", true)? {
            return Err(wrong("do_resize", "true", &Value::Bool(false)));
        }
        let crop = truth("do_center_crop", false)?
            .then(|| size(whole, "crop_size"))
            .transpose()?;
        let crop = match crop {
            None => None,
            Some(Resize::Sides(sides)) => Some(sides),
            Some(Resize::Shorter(side)) => Some([side; 2]),
        };
        let (mean, std) = normal(whole, is_own, truth)?;
        Ok(Self {
            resize: size(whole, "size")?,
            crop,
            resample: optional(
                whole.get("resample"),
                "resample",
                "a number of Pillow's filters",
                Value::as_u64,
            )?,
            mean,
            std,
        })
    }
}

/// `{"height": …, "width": …}`, `{"shortest_edge": …}` or one number (`get_size_dict` in `image_processing_utils.py`).
fn size(whole: &Map<String, Value>, key: &'static str) -> Result<Resize, ConfigError> {
    let read = |value: &Value| {
        let side = |key: &str| value.get(key)?.as_u64().filter(|side| *side > 0);
        if let Some(side) = value.as_u64().filter(|side| *side > 0) {
            return Some(Resize::Sides([side; 2]));
        }
        match value.as_object()?.len() {
            1 => Some(Resize::Shorter(side("shortest_edge")?)),
            2 => Some(Resize::Sides([side("height")?, side("width")?])),
            _ => None,
        }
    };
    let expected = "`height` and `width`, or `shortest_edge`";
    let found = optional(whole.get(key), key, expected, read)?;
    found.ok_or_else(|| wrong(key, expected, &Value::Null))
}

/// The steps on pixels from 0 to 255 as one: rescaled, moved by −1 where there is an offset, normalised, and, with `include_top`,
/// divided by the deviation once more.
fn normal(
    whole: &Map<String, Value>,
    is_own: bool,
    truth: impl Fn(&'static str, bool) -> Result<bool, ConfigError>,
) -> Result<([f64; 3], [f64; 3]), ConfigError> {
    let colours = |key, is_positive: bool| {
        let colour = |value: &Value| {
            let level = |value: &Value| value.as_f64().filter(|level| !is_positive || *level > 0.0);
            match value.as_array().map(Vec::as_slice) {
                Some([a, b, c]) => Some([level(a)?, level(b)?, level(c)?]),
                Some(_) => None,
                None => Some([level(value)?; 3]),
            }
        };
        let expected = if is_positive {
            "three numbers above 0"
        } else {
            "three numbers"
        };
        let found = optional(whole.get(key), key, expected, colour)?;
        found.ok_or_else(|| wrong(key, expected, &Value::Null))
    };
    let rescale = truth("do_rescale", true)?;
    let factor = optional(
        whole.get("rescale_factor"),
        "rescale_factor",
        "a number above 0",
        |value| value.as_f64().filter(|factor| *factor > 0.0),
    )?;
    // Of levels from 0 to 255, as the default 1/255 has it exactly.
    let range = match (rescale, factor) {
        (false, _) => 1.0,
        (true, None) => 255.0,
        (true, Some(factor)) => {
            let range = 1.0 / factor;
            if (range - range.round()).abs() < 1e-9 * range {
                range.round()
            } else {
                range
            }
        }
    };
    let offset = if rescale && truth("rescale_offset", false)? {
        1.0
    } else {
        0.0
    };
    let again = truth("include_top", is_own)?;
    let is_normalised = truth("do_normalize", true)?;
    let deviation = if again || is_normalised {
        colours("image_std", true)?
    } else {
        [1.0; 3]
    };
    let (mut mean, mut std) = ([offset; 3], [1.0; 3]);
    if is_normalised {
        let own = colours("image_mean", false)?;
        mean = [0, 1, 2].map(|channel| own[channel] + offset);
        std = deviation;
    }
    if again {
        std = [0, 1, 2].map(|channel| std[channel] * deviation[channel]);
    }
    Ok((
        mean.map(|level| level * range),
        std.map(|level| level * range),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As `google/efficientnet-b0` has it.
    fn settings() -> Value {
        json!({
            "crop_size": {"height": 289, "width": 289}, "do_center_crop": false, "do_normalize": true, "do_rescale": true,
            "do_resize": true, "image_mean": [0.485, 0.456, 0.406], "image_processor_type": "EfficientNetImageProcessor",
            "image_std": [0.5, 0.25, 0.2], "include_top": true, "resample": 0, "rescale_factor": 0.003_921_568_627_450_98,
            "rescale_offset": false, "size": {"height": 224, "width": 224}
        })
    }

    fn changed(changes: &[(&str, Value)]) -> Result<ImageProcessor, String> {
        let mut settings = settings();
        for (key, value) in changes {
            settings[*key] = value.clone();
        }
        ImageProcessor::of(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn with_include_top_the_deviation_counts_twice() {
        let found = changed(&[]).unwrap();
        assert_eq!((found.resize, found.crop), (Resize::Sides([224; 2]), None));
        assert_eq!(found.resample, Some(0));
        assert_eq!(found.mean, [0.485, 0.456, 0.406].map(|level| level * 255.0));
        assert_eq!(
            found.std,
            [0.25, 0.0625, 0.04]
                .map(|level: f64| level * 255.0)
                .map(close)
        );
        let once = changed(&[("include_top", json!(false))]).unwrap();
        assert_eq!(once.std, [0.5, 0.25, 0.2].map(|level| level * 255.0));
    }

    /// 0.2 squared is no number of two's.
    fn close(level: f64) -> f64 {
        if (level - 0.04 * 255.0).abs() < 1e-9 {
            0.2 * 0.2 * 255.0
        } else {
            level
        }
    }

    #[test]
    fn every_step_moves_mean_and_deviation() {
        // `(p / 127.5 - 1 - 0.5) / 0.5`.
        let offset = changed(&[
            ("rescale_factor", json!(1.0 / 127.5)),
            ("rescale_offset", json!(true)),
            ("image_mean", json!([0.5, 0.5, 0.5])),
            ("image_std", json!(0.5)),
            ("include_top", json!(false)),
        ]);
        let offset = offset.unwrap();
        assert_eq!((offset.mean, offset.std), ([191.25; 3], [63.75; 3]));
        let plain = changed(&[
            ("do_normalize", json!(false)),
            ("include_top", json!(false)),
        ]);
        let plain = plain.unwrap();
        assert_eq!((plain.mean, plain.std), ([0.0; 3], [255.0; 3]));
        let unscaled = changed(&[
            ("do_rescale", json!(false)),
            ("rescale_offset", json!(true)),
            ("do_normalize", json!(false)),
        ]);
        let unscaled = unscaled.unwrap();
        assert_eq!((unscaled.mean, unscaled.std), ([0.0; 3], [0.5, 0.25, 0.2]));
        // Only its own class knows `include_top`.
        let mut vit = settings();
        vit["image_processor_type"] = json!("ViTImageProcessorFast");
        vit.as_object_mut().unwrap().remove("include_top");
        let vit = ImageProcessor::of(&vit).unwrap();
        assert_eq!(vit.std, [0.5, 0.25, 0.2].map(|level| level * 255.0));
    }

    #[test]
    fn sizes_are_read_in_every_spelling() {
        let size = |value: Value| changed(&[("size", value)]).map(|found| found.resize);
        assert_eq!(size(json!(224)), Ok(Resize::Sides([224; 2])));
        assert_eq!(
            size(json!({"height": 192, "width": 256})),
            Ok(Resize::Sides([192, 256]))
        );
        assert_eq!(
            size(json!({"shortest_edge": 256})),
            Ok(Resize::Shorter(256))
        );
        let cropped = changed(&[("do_center_crop", json!(true))]).unwrap();
        assert_eq!(cropped.crop, Some([289; 2]));
    }

    #[test]
    fn what_it_cannot_mean_is_refused() {
        for (key, value, message) in [
            (
                "image_processor_type",
                json!("CLIPImageProcessor"),
                "has `image_processor_type` `\"CLIPImageProcessor\"`, expected `EfficientNetImageProcessor` or \
                 `ViTImageProcessor`",
            ),
            (
                "do_resize",
                json!(false),
                "has `do_resize` `false`, expected true",
            ),
            (
                "image_std",
                json!([1, 0, 1]),
                "has `image_std` `[1,0,1]`, expected three numbers above 0",
            ),
            (
                "size",
                json!({"longest_edge": 224, "shortest_edge": 3}),
                "has `size` `{\"longest_edge\":224,\"shortest_edge\":3}`, expected `height` and `width`, or `shortest_edge`",
            ),
            (
                "include_top",
                json!("yes"),
                "has `include_top` `\"yes\"`, expected true or false",
            ),
        ] {
            assert_eq!(changed(&[(key, value)]).unwrap_err(), message);
        }
    }
}
