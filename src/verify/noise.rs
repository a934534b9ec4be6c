//! What the inputs hold where no one gives them: noise of several kinds, and what that is in the range of integers.

use super::plan::{Case, Content, PlanError, input_type};
use super::smooth;
use super::subject::{Declared, Subject};
use crate::runtime::{Element, NamedTensor};
use crate::weights::random::Stream;

/// The inputs of a case: what its content says, decided by the seed, the name of the input and the image.
///
/// # Errors
/// As [`cases`](super::plan::cases).
pub fn inputs(subject: &Subject, case: &Case, seed: u64) -> Result<Vec<NamedTensor>, PlanError> {
    let make = |(index, input): (usize, &Declared)| {
        let (element, shape) = input_type(subject, case, index)?;
        let stream = Stream::new(seed, "noise", &input.name);
        let elements: u64 = shape.iter().product();
        // Not batched: one image fills the whole input.
        let rows = if shape.first() == Some(&case.batch) {
            case.batch
        } else {
            1
        };
        let in_memory = |count: u64| usize::try_from(count).unwrap_or_default();
        let each = in_memory(elements / rows);
        let mut data = vec![0.0; in_memory(elements)];
        for (&image, row) in case.images.iter().zip(data.chunks_mut(each.max(1))) {
            match (case.content, shape.as_slice()) {
                (Content::Zero, _) => {}
                (Content::Image, &[_, _, height, width]) => {
                    let normal = smooth::normal_of(!element.is_float(), subject.normal);
                    smooth::fill(&stream, image, [height, width].map(in_memory), normal, row);
                }
                _ => stream.fill_normal(in_memory(image) * each, row, 0.0, 1.0),
            }
        }
        let as_it_is =
            case.content == Content::Zero || case.content == Content::Image && shape.len() == 4;
        let value_of = |&value: &f32| {
            if as_it_is {
                element.nearest(value.into())
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
            data: data.iter().map(value_of).collect(),
        })
    };
    subject.inputs.iter().enumerate().map(make).collect()
}

/// Pixels for bytes, in the middle of their range; the signs of the noise for bools.
fn in_range(element: Element, value: f32) -> f64 {
    let value = f64::from(value);
    element.nearest(match element {
        Element::U8 => 127.5 + 50.0 * value,
        Element::I8 => 50.0 * value,
        Element::Bool => f64::from(u8::from(value > 0.0)),
        _ => value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::plan::cases;
    use crate::verify::subject::Extent;

    /// What inputs of this type, in rows of 3 × 8 × 8, hold.
    fn made(element: &str, content: Content) -> Vec<Vec<f64>> {
        let input = |name: &str| Declared {
            name: name.into(),
            element_type: element.into(),
            shape: Some([2, 3, 8, 8].map(Extent::Fixed).into()),
        };
        let subject = Subject {
            inputs: vec![input("left"), input("right")],
            outputs: vec![input("output")],
            ..Subject::default()
        };
        let case = Case {
            content,
            ..cases(&subject).expect("cases").remove(0)
        };
        let made = inputs(&subject, &case, 0).expect("inputs");
        made.into_iter().map(|input| input.data).collect()
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

    #[test]
    fn an_image_is_the_same_alone_and_in_a_batch() {
        // An odd number of elements, so that images start in the middle of what is drawn together.
        let batch = Extent::Named("batch".into());
        let shape = [3, 3, 5].map(Extent::Fixed);
        let input = Declared {
            name: "input".into(),
            element_type: "f32".into(),
            shape: Some([batch].into_iter().chain(shape).collect()),
        };
        let subject = Subject {
            inputs: vec![input.clone()],
            outputs: vec![input],
            ..Subject::default()
        };
        let made: Vec<NamedTensor> = cases(&subject)
            .expect("cases")
            .iter()
            .map(|case| inputs(&subject, case, 9).expect("inputs").remove(0))
            .collect();
        assert_eq!(made[2].shape, [3, 3, 3, 5]);
        assert_eq!(made[2].data[..45], made[0].data);
        assert_eq!(made[2].data[90..], made[1].data);
        assert_ne!(made[0].data, made[1].data);
        let other = inputs(&subject, &cases(&subject).expect("cases")[0], 10)
            .expect("inputs")
            .remove(0);
        assert_ne!(made[0].data, other.data);
        let mean = made[2].data.iter().sum::<f64>() / 135.0;
        assert!(mean.abs() < 0.35, "{mean}");
    }
}
