//! transformers' `config.json` and `preprocessor_config.json`, which describe a model by its coefficients.

use super::Read;
use crate::architecture::{Stage, Variant};
use crate::convert::error::ConvertError;
use crate::graph::Padding;
use crate::hub::folder::{Folder, PROCESSOR};
use crate::hub::processor::{ImageProcessor, Resize};
use crate::hub::transformers::EfficientNetConfig;
use crate::like::{self, Like};
use crate::metadata::{Framing, Interpolation, Normal, Preprocessing, Sampling};
use crate::request::RequestError;
use crate::weights::names::Naming;

/// The published model of a configuration, as the configuration has it.
pub(super) fn read(
    folder: &Folder,
    config: &EfficientNetConfig,
    processor: Option<&ImageProcessor>,
) -> Result<Read, ConvertError> {
    let unsupported = |name: &str, problem| ConvertError::Configuration {
        path: folder.config_path.with_file_name(name),
        problem,
    };
    let name = folder.config_path.file_name().unwrap_or_default();
    let name = name.to_string_lossy();
    let Some(table) = variant(config).and_then(table) else {
        let (width, depth) = (config.width, config.depth);
        let problem = format!(
            "has `width_coefficient` {width} and `depth_coefficient` {depth}, expected those of a model from B0 to B7"
        );
        return Err(unsupported(&name, problem));
    };
    let mut like = table.clone();
    like.batch_norm_epsilon = config.batch_norm_epsilon;
    like.classes = config.classes.unwrap_or(table.classes);
    let stages = table
        .request()
        .architecture()
        .map_err(RequestError::from)?
        .stages;
    like.padding = padding(config, &stages);
    like.preprocessing = match processor {
        None => table.preprocessing.at(config.image_size),
        Some(processor) => {
            prepared(processor).map_err(|problem| unsupported(PROCESSOR, problem))?
        }
    };
    like.size = like.preprocessing.size[0];
    let more = processor
        .is_none()
        .then(|| format!("pictures are prepared as for it, for want of a `{PROCESSOR}`"));
    Ok(Read {
        table,
        like,
        labels: config.labels.clone(),
        classes: config.classes,
        more,
    })
}

/// The published network with the coefficients of a configuration.
pub(super) fn variant(config: &EfficientNetConfig) -> Option<&'static Variant> {
    let own = [config.width, config.depth].map(f64::to_bits);
    Variant::all().find(|variant| {
        let coefficients = variant.coefficients;
        let theirs = [coefficients.width, coefficients.depth].map(f64::to_bits);
        own == theirs && table(variant).is_some()
    })
}

/// The library's model of a network.
fn table(variant: &'static Variant) -> Option<Like> {
    like::named_so(Naming::Transformers, variant)
}

/// SAME padding's pads at a size near the configuration's own where each convolution of stride 2 has the input, odd or even, that
/// the configuration pads it for. Those of stride 1 are padded alike at every size, and the first of all as for an even side.
fn padding(config: &EfficientNetConfig, stages: &[Stage]) -> Padding {
    let mut block = 0;
    let mut halvings = Vec::new();
    for stage in stages {
        if stage.stride == 2 {
            halvings.push(config.square_padded.contains(&block));
        }
        block += stage.num_repeat;
    }
    // A side is halved and rounded up: its negative is halved and rounded down, so these are the negative's bits.
    let odd = halvings
        .iter()
        .rev()
        .fold(0, |bits, is_odd| (bits | u64::from(*is_odd)) << 1);
    let period = 2 << halvings.len();
    Padding::Static(config.image_size.map(|side| {
        let missing = (2 * period - odd - side % period) % period;
        side.saturating_add(missing)
    }))
}

/// How pictures become input for a model with this processor.
fn prepared(processor: &ImageProcessor) -> Result<Preprocessing, String> {
    let ImageProcessor {
        resize,
        crop,
        resample,
        mean,
        std,
    } = *processor;
    let (framing, resized) = match resize {
        Resize::Sides(sides) => (Framing::Stretch(sides), Some(sides)),
        Resize::Shorter(side) => (Framing::Cover([side; 2]), None),
    };
    let Some(size) = crop.or(resized) else {
        return Err("resizes to a `shortest_edge` without a crop, expected `do_center_crop` or `height` and `width`".to_owned());
    };
    if let Some(sides) = resized.filter(|sides| (0..2).any(|axis| sides[axis] < size[axis])) {
        let [[height, width], [tall, wide]] = [size, sides];
        return Err(format!(
            "crops {height}x{width} out of {tall}x{wide}, expected no more than there is"
        ));
    }
    let interpolation = match resample {
        Some(0) => Interpolation::Nearest,
        Some(2) => Interpolation::Bilinear,
        Some(3) => Interpolation::Bicubic,
        found => {
            let found = found.map_or("none".to_owned(), |number| format!("`{number}`"));
            return Err(format!(
                "has `resample` {found}, expected `0` (nearest), `2` (bilinear) or `3` (bicubic)"
            ));
        }
    };
    let normal = Normal { mean, std };
    Ok(Preprocessing::rgb(
        size,
        normal,
        framing,
        interpolation,
        Sampling::Antialias,
    ))
}
