//! What the inputs hold where no one gives them: noise of several kinds, and what that is in the range of integers.

use super::facts::{Declared, FileFacts};
use super::layout::Rows;
use super::plan::{Case, Content, PlanError, input_type};
use super::smooth;
use crate::files::foreign::Foreign;
use crate::memory::Buffer;
use crate::tensor::{Element, NamedTensor};
use crate::weights::random::Stream;

/// The inputs of a case: what its content says, decided by the seed, the name of the input and the image.
///
/// # Errors
/// As [`cases`](super::plan::cases).
pub fn inputs(facts: &FileFacts, case: &Case, seed: u64) -> Result<Vec<NamedTensor>, PlanError> {
    let make = |(index, input): (usize, &Declared)| {
        let (element, shape) = input_type(facts, case, index)?;
        let stream = Stream::new(seed, "noise", &input.name);
        let (axes, of_images) = (facts.axes(index), facts.rows(index));
        let elements: u64 = shape.iter().product();
        let rows = match of_images {
            Rows::None => 1,
            Rows::OfImages | Rows::Equal if axes.batch.is_none() => 1,
            Rows::OfImages | Rows::Equal => case.batch,
        };
        let in_memory = |count: u64| usize::try_from(count).unwrap_or_default();
        let each = in_memory(elements / rows);
        let parameter = of_images == Rows::None || of_images == Rows::Equal && each == 1;
        let size = axes.size_of(&shape).filter(|_| !parameter);
        let what = format_args!("input `{}`", input.name.shown());
        let mut data = Buffer::filled(in_memory(elements), 0.0_f32, what)?;
        for (&image, row) in case.images.iter().zip(data.chunks_mut(each.max(1))) {
            let image = if of_images == Rows::OfImages {
                image
            } else {
                0
            };
            match (case.content, size) {
                (Content::Zero, _) if !parameter => {}
                (Content::Image, Some(size)) => {
                    let normal = smooth::normal_of(!element.is_float(), facts.normal);
                    smooth::fill(&stream, image, size.map(in_memory), normal, row);
                    if axes.channels_last {
                        interleave(row, in_memory(size[0] * size[1]));
                    }
                }
                _ => stream.fill_normal(in_memory(image) * each, row, 0.0, 1.0),
            }
        }
        let as_it_is =
            case.content == Content::Zero || case.content == Content::Image && size.is_some();
        let picture_like = axes.size.is_some() && matches!(element, Element::U8 | Element::I8);
        let value_of = |&value: &f32| {
            if parameter && !picture_like {
                parameter_of(element, each, value)
            } else if as_it_is && !parameter {
                element.nearest(value.into())
            } else if facts.inside.is_some() && element.is_float() && axes.size.is_some() {
                element.nearest(level(value))
            } else {
                in_range(element, value)
            }
        };
        let shape = shape
            .iter()
            .filter_map(|&extent| usize::try_from(extent).ok())
            .collect();
        Ok(NamedTensor {
            name: input.name.clone(),
            shape,
            element,
            data: Buffer::of(data.iter().map(value_of), what)?,
        })
    };
    facts.inputs.iter().enumerate().map(make).collect()
}

/// Channel after channel becomes pixel after pixel.
fn interleave(row: &mut [f32], pixels: usize) {
    let planes = row.to_vec();
    let channels = row.len() / pixels.max(1);
    for (pixel, values) in row.chunks_mut(channels.max(1)).enumerate() {
        for (channel, value) in values.iter_mut().enumerate() {
            *value = planes[channel * pixels + pixel];
        }
    }
}

/// What an input without rows holds: it is a scale, a mask or a count rather than a picture. Between 1/2 and 3/2, so
/// that it may multiply, divide and be a root; 1 for integers, which is a legal count and index; of bools a lone one
/// is false, as in inference.
fn parameter_of(element: Element, elements: usize, value: f32) -> f64 {
    match element {
        Element::Bool if elements == 1 => 0.0,
        Element::Bool => in_range(element, value),
        _ if element.is_float() => element.nearest((1.0 + 0.25 * f64::from(value)).clamp(0.5, 1.5)),
        _ => 1.0,
    }
}

/// Noise as the level of a pixel, in the middle of the range from 0 to 255.
fn level(noise: f32) -> f64 {
    (127.5 + 50.0 * f64::from(noise)).clamp(0.0, 255.0)
}

/// Pixels for bytes, in the middle of their range; the signs of the noise for bools.
fn in_range(element: Element, noise: f32) -> f64 {
    let value = f64::from(noise);
    element.nearest(match element {
        Element::U8 => level(noise),
        Element::I8 => 50.0 * value,
        Element::Bool => f64::from(u8::from(value > 0.0)),
        _ => value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Normal;
    use crate::verify::facts::DeclaredExtent;
    use crate::verify::plan::cases;

    /// What inputs of this type, in rows of 3 × 8 × 8, hold.
    fn made(element: &str, content: Content) -> Vec<Vec<f64>> {
        let input = |name: &str| Declared {
            name: name.into(),
            element_type: element.into(),
            shape: Some([2, 3, 8, 8].map(DeclaredExtent::Fixed).into()),
        };
        let facts = FileFacts {
            inputs: vec![input("left"), input("right")],
            outputs: vec![input("output")],
            ..FileFacts::default()
        };
        let case = Case {
            content,
            ..cases(&facts).expect("cases").remove(0)
        };
        let made = inputs(&facts, &case, 0).expect("inputs");
        let data = made.into_iter().map(|input| input.data.into_vec());
        data.collect()
    }

    fn declared(name: &str, element: &str, shape: Vec<DeclaredExtent>) -> Declared {
        Declared {
            name: name.into(),
            element_type: element.into(),
            shape: Some(shape),
        }
    }

    #[test]
    fn an_input_without_rows_is_the_same_in_every_case_and_may_divide() {
        let batch = || DeclaredExtent::Named("batch".into());
        let facts = |element: &str, shape: Vec<DeclaredExtent>| FileFacts {
            inputs: vec![
                declared("image", "f32", vec![batch(), DeclaredExtent::Fixed(3)]),
                declared("other", element, shape),
            ],
            outputs: vec![declared("output", "f32", vec![batch()])],
            ..FileFacts::default()
        };
        let made = |element: &str, shape: Vec<DeclaredExtent>, content: Content| {
            let facts = facts(element, shape);
            let cases = cases(&facts).expect("cases");
            let all = cases.into_iter().map(|case| Case { content, ..case });
            all.map(|case| {
                inputs(&facts, &case, 1)
                    .expect("inputs")
                    .remove(1)
                    .data
                    .into_vec()
            })
            .collect::<Vec<_>>()
        };
        for content in [Content::Normal, Content::Image, Content::Zero] {
            for shape in [
                vec![],
                vec![DeclaredExtent::Fixed(3)],
                vec![DeclaredExtent::Fixed(1), DeclaredExtent::Fixed(40)],
            ] {
                let data = made("f32", shape.clone(), content);
                assert!(data[1..].iter().all(|other| *other == data[0]), "{shape:?}");
                assert!(
                    data[0].iter().all(|value| (0.5..=1.5).contains(value)),
                    "{data:?}"
                );
            }
            assert_eq!(
                made("i64", vec![DeclaredExtent::Fixed(1)], content)[2],
                [1.0]
            );
            assert_eq!(made("bool", vec![], content)[2], [0.0]);
        }
        // The batch by another name may be one: as many rows, and all equal.
        let rows = made(
            "f32",
            vec![
                DeclaredExtent::Named("boxes".into()),
                DeclaredExtent::Fixed(2),
            ],
            Content::Normal,
        );
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 6]);
        assert_eq!(rows[0], rows[1]);
        assert!(rows[2].chunks(2).all(|row| row == rows[0]), "{rows:?}");
    }

    #[test]
    fn a_picture_with_channels_last_is_the_same_picture() {
        let made = |shape: [u64; 4]| {
            let input = declared("image", "u8", shape.map(DeclaredExtent::Fixed).into());
            let facts = FileFacts {
                inputs: vec![input.clone()],
                outputs: vec![input],
                ..FileFacts::default()
            };
            let case = Case {
                content: Content::Image,
                ..cases(&facts).expect("cases").remove(0)
            };
            inputs(&facts, &case, 0)
                .expect("inputs")
                .remove(0)
                .data
                .into_vec()
        };
        let (planes, pixels) = (made([1, 3, 8, 16]), made([1, 8, 16, 3]));
        for (pixel, values) in pixels.chunks(3).enumerate() {
            for (channel, value) in values.iter().enumerate() {
                assert_eq!(*value, planes[channel * 128 + pixel]);
            }
        }
    }

    #[test]
    fn zeros_are_zeros_noise_of_bytes_are_pixels_and_no_two_inputs_are_the_same() {
        for element in ["f32", "u8", "i8", "bool"] {
            assert_eq!(made(element, Content::Zero), [[0.0; 384], [0.0; 384]]);
        }
        for content in [Content::Normal, Content::Image] {
            let [left, right] = made("u8", content).try_into().expect("two");
            assert_ne!(left, right);
            let mean = left.iter().sum::<f64>() / 384.0;
            assert!((100.0..155.0).contains(&mean), "{content}: {mean}");
            assert!(
                left.iter().any(|level| *level > 170.0) && left.iter().any(|level| *level < 85.0)
            );
        }
    }

    /// Near 0 all pixels are black, and what the graph subtracts hides the rest.
    #[test]
    fn noise_of_levels_is_as_wide_as_that_of_bytes() {
        let made = |element: &str, inside: Option<Normal>| {
            let input = declared(
                "image",
                element,
                [1, 8, 8, 3].map(DeclaredExtent::Fixed).into(),
            );
            let facts = FileFacts {
                inputs: vec![input.clone()],
                outputs: vec![input],
                inside,
                ..FileFacts::default()
            };
            let case = cases(&facts).expect("cases").remove(0);
            inputs(&facts, &case, 0).expect("inputs").remove(0).data
        };
        let bytes = made("u8", None);
        let levels = made("f32", Some(Normal::IMAGENET));
        let differences = levels
            .iter()
            .zip(bytes.iter())
            .map(|(one, other)| one - other);
        assert!(differences.map(f64::abs).all(|differs| differs <= 0.5));
        assert!(made("f32", None).iter().all(|value| value.abs() < 5.0));
    }

    #[test]
    fn an_image_is_the_same_alone_and_in_a_batch() {
        // An odd number of elements, so that images start in the middle of what is drawn together.
        let batch = DeclaredExtent::Named("batch".into());
        let shape = [3, 3, 5].map(DeclaredExtent::Fixed);
        let input = Declared {
            name: "input".into(),
            element_type: "f32".into(),
            shape: Some([batch].into_iter().chain(shape).collect()),
        };
        let facts = FileFacts {
            inputs: vec![input.clone()],
            outputs: vec![input],
            ..FileFacts::default()
        };
        let made: Vec<NamedTensor> = cases(&facts)
            .expect("cases")
            .iter()
            .map(|case| inputs(&facts, case, 9).expect("inputs").remove(0))
            .collect();
        assert_eq!(made[2].shape, [3, 3, 3, 5]);
        assert_eq!(made[2].data[..45], *made[0].data);
        assert_eq!(made[2].data[90..], *made[1].data);
        assert_ne!(made[0].data, made[1].data);
        let other = inputs(&facts, &cases(&facts).expect("cases")[0], 10)
            .expect("inputs")
            .remove(0);
        assert_ne!(made[0].data, other.data);
        let mean = made[2].data.iter().sum::<f64>() / 135.0;
        assert!(mean.abs() < 0.35, "{mean}");
    }
}
