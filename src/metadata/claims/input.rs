//! Claims about the input: batch, channels, size, and how pictures become it.

use super::FalseClaim;
use crate::form::InputFormat;
use crate::metadata::{Normal, PREPROCESSING_KEY, Preprocessing, Recipe};
use crate::onnx::file::ModelFile;
use crate::onnx::ops::TensorType;
use crate::onnx::proto::{ValueInfoProto, tensor_shape_proto::dimension::Value, type_proto};
use crate::request::Extent;
use crate::tensor::Element;

/// A field, what is claimed and what was found.
pub(super) type Difference = (&'static str, String, String);

/// Declared extents; none for each that is symbolic or not known.
pub(super) fn extents(value: &ValueInfoProto) -> Option<Vec<Option<u64>>> {
    let kind = value.r#type.as_ref()?.value.as_ref()?;
    let type_proto::Value::TensorType(tensor) = kind else {
        return None;
    };
    let dims = tensor.shape.as_ref()?.dim.iter();
    let extent = |value: &Option<Value>| match value {
        Some(Value::DimValue(extent)) => u64::try_from(*extent).ok(),
        _ => None,
    };
    Some(dims.map(|dim| extent(&dim.value)).collect())
}

/// The only input that is not stored.
struct Image<'a> {
    name: &'a str,
    /// None if its type is not known here.
    element: Option<Element>,
    /// Batch, channels, height and width.
    extents: [Option<u64>; 4],
}

/// The only input that is not stored, with its channels last or not; none if it is no image.
fn image(file: &ModelFile, channels_last: bool) -> Option<Image<'_>> {
    let stored = |name: &str| {
        let mut initializers = file.contents.initializers.iter();
        initializers.any(|initializer| initializer.name == name)
    };
    let mut inputs = file
        .contents
        .inputs
        .iter()
        .filter(|value| !stored(value.name()));
    let input = inputs.next()?;
    let only = inputs.next().is_none();
    let [batch, second, third, last] = extents(input)?.try_into().ok()?;
    let extents = if channels_last {
        [batch, last, second, third]
    } else {
        [batch, second, third, last]
    };
    only.then_some(Image {
        name: input.name(),
        element: TensorType::from_proto(input.r#type.as_ref())
            .ok()
            .flatten()
            .map(|found| found.element),
        extents,
    })
}

/// Fields of the recipe that are about the input.
pub(super) fn recipe(file: &ModelFile, recipe: &Recipe) -> Vec<Difference> {
    let format = recipe.input_format.as_deref().unwrap_or_default();
    let format = InputFormat::by_name(format).unwrap_or_default();
    let Some(image) = image(file, format.channels_last()) else {
        let claimed = format!("{}x{}", recipe.size[0], recipe.size[1]);
        return vec![("size", claimed, "it has not one input of images".to_owned())];
    };
    let said =
        |extent: Option<u64>| extent.map_or("symbolic".to_owned(), |extent| extent.to_string());
    let Image { name, element, .. } = image;
    let [batch, channels, height, width] = image.extents;
    let mut differences = Vec::new();
    if let Some(element) = element
        && (element == Element::U8) != (format == InputFormat::Uint8Nhwc)
    {
        let found = format!("input `{name}` is of {element}");
        differences.push(("input_format", format.name().to_owned(), found));
    }
    if batch != recipe.batch {
        let found = format!("the batch of input `{name}` is {}", said(batch));
        differences.push(("batch", said(recipe.batch), found));
    }
    if channels != Some(recipe.in_channels) {
        let found = format!("input `{name}` has {} channels", said(channels));
        differences.push(("in_channels", recipe.in_channels.to_string(), found));
    }
    for (text, extent, default) in [
        (&recipe.size[0], height, recipe.default_size[0]),
        (&recipe.size[1], width, recipe.default_size[1]),
    ] {
        let claimed = match text.parse() {
            Ok(Extent::Fixed(pixels)) => Some(pixels),
            Ok(Extent::MultipleOf32 | Extent::Any) | Err(_) => None,
        };
        if claimed != extent {
            let found = format!("that side of input `{name}` is {}", said(extent));
            differences.push(("size", text.clone(), found));
        } else if extent.is_some_and(|extent| extent != default) {
            let found = format!("that side of input `{name}` is {}", said(extent));
            differences.push(("default_size", default.to_string(), found));
        }
    }
    differences
}

/// Whether pictures that are prepared so can be the input, of a graph that does to them what the recipe says.
pub(super) fn preprocessing(
    file: &ModelFile,
    record: &Preprocessing,
    recipe: Option<&Recipe>,
) -> Vec<FalseClaim> {
    let mut found = Vec::new();
    let mut differs = |field, claimed: String, is: String| {
        found.push(FalseClaim {
            key: PREPROCESSING_KEY,
            field,
            claimed,
            found: is,
        });
    };
    // Pictures are prepared in single precision.
    #[expect(clippy::cast_possible_truncation, reason = "what a number becomes")]
    let single = |number: &f64| *number as f32;
    if !record.normal.std.iter().map(single).all(f32::is_normal) {
        let claimed = format!("{:?}", record.normal.std);
        differs("std", claimed, "nothing can be divided by it".to_owned());
    }
    if !record.normal.mean.iter().map(single).all(f32::is_finite) {
        let claimed = format!("{:?}", record.normal.mean);
        differs("mean", claimed, "it is no number of 32 bits".to_owned());
    }
    if let Some(Recipe { normalize, .. }) = recipe
        && *normalize != record.inside
    {
        let found = format!("its recipe has `normalize` {}", shown(*normalize));
        differs("inside", shown(record.inside), found);
    }
    let Some(image) = image(file, record.channels_last() == Some(true)) else {
        differs(
            "size",
            format!("{:?}", record.size),
            "it has not one input of images".to_owned(),
        );
        return found;
    };
    let Image { name, element, .. } = image;
    let [_, channels, height, width] = image.extents;
    if let Some(element) = element
        && (element == Element::U8) != (record.element == Element::U8)
    {
        let is = format!("input `{name}` is of {element}");
        differs("element", record.element.to_string(), is);
    }
    if channels.is_some_and(|channels| channels != 3) {
        let is = format!(
            "dimension {} of input `{name}` is {}",
            if record.channels_last() == Some(true) {
                3
            } else {
                1
            },
            channels.unwrap_or_default()
        );
        differs("channels", record.channels.clone(), is);
    }
    for (claimed, extent) in record.size.into_iter().zip([height, width]) {
        if let Some(extent) = extent.filter(|extent| *extent != claimed) {
            differs(
                "size",
                claimed.to_string(),
                format!("that side of input `{name}` is {extent}"),
            );
        }
    }
    found
}

/// Mean and deviation, or that there are none.
fn shown(normal: Option<Normal>) -> String {
    normal.map_or_else(
        || "none".to_owned(),
        |Normal { mean, std }| format!("mean {mean:?} and std {std:?}"),
    )
}
