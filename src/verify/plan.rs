//! With which inputs a file is tried: sizes and batches, and how long that may take.

use crate::request::SIZE_STEP;
use crate::runtime::Element;

use super::subject::{Extent, Names, Subject};

/// Symbolic height and width are also tried at this size: not square, and with few positions left at the end.
const OTHER_SIZE: [u64; 2] = [64, 96];
/// The larger batch, and the smaller one for files above so many MACs an image.
const LARGER_BATCH: u64 = 3;
const SMALLER_BATCH: u64 = 2;
const SMALLER_BATCH_ABOVE_MACS: u64 = 20_000_000_000;
/// Elements of one input beyond which it is not made: 8 GiB.
const LARGEST_INPUT: u64 = 1 << 30;

/// One set of inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Images in the batch.
    pub batch: u64,
    /// Height and width of an image, where the file takes images.
    pub size: Option<[u64; 2]>,
    /// The image, counted from 0, in each row of the batch: equal numbers are equal images.
    pub images: Vec<u64>,
    /// What the names of dimensions stand for.
    pub names: Names,
}

/// Why a file cannot be tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An input has an element type that is not known here.
    #[error("input `{input}` has element type {found}, expected a number or a bool")]
    ElementType {
        /// Name of the input.
        input: String,
        /// Its element type.
        found: String,
    },
    /// A dimension is symbolic and is neither the batch nor a height or width.
    #[error(
        "dimension {axis} of input `{input}` is symbolic, expected only the batch, height and width of images to be"
    )]
    Symbolic {
        /// Name of the input.
        input: String,
        /// Index of the dimension.
        axis: usize,
    },
    /// Not even the rank of an input is declared.
    #[error("input `{0}` has no declared shape")]
    NoShape(String),
    /// An input has too many elements, or none.
    #[error("input `{input}` would have the shape {shape:?}, expected between 1 and 2^30 elements")]
    Size {
        /// Name of the input.
        input: String,
        /// Its shape.
        shape: Vec<u64>,
    },
    /// There is nothing to provide or to compare.
    #[error("the file has no {0}")]
    Nothing(&'static str),
}

/// The cases for a file. For every size: images alone, then, where the batch is symbolic, the first and the last of
/// them again as rows of a batch.
///
/// # Errors
/// If an input is no number or has a shape that cannot be made.
pub fn cases(subject: &Subject) -> Result<Vec<Case>, PlanError> {
    let first = subject.inputs.first().ok_or(PlanError::Nothing("input"))?;
    if subject.outputs.is_empty() {
        return Err(PlanError::Nothing("output"));
    }
    let shape = first
        .shape
        .as_deref()
        .ok_or_else(|| PlanError::NoShape(first.name.clone()))?;
    let batches = match shape.first() {
        None => vec![vec![0]],
        Some(Extent::Fixed(batch)) => vec![(0..*batch).collect()],
        Some(Extent::Named(_) | Extent::Unset) => {
            let larger = if subject.macs > SMALLER_BATCH_ABOVE_MACS {
                SMALLER_BATCH
            } else {
                LARGER_BATCH
            };
            vec![vec![0], vec![larger - 1], (0..larger).collect()]
        }
    };
    let mut cases = Vec::new();
    for size in sizes(subject, shape) {
        for images in &batches {
            let mut case = Case {
                batch: images.len() as u64,
                size,
                images: images.clone(),
                names: Names::new(),
            };
            name_dimensions(subject, &mut case);
            for input in 0..subject.inputs.len() {
                input_type(subject, &case, input)?;
            }
            cases.push(case);
        }
    }
    Ok(cases)
}

/// Time that a runtime is given by default: 60 seconds, and 2 more for each GMAC over all images.
#[must_use]
pub fn default_seconds(subject: &Subject, cases: &[Case]) -> u64 {
    let default_pixels = u128::from(subject.default_size[0] * subject.default_size[1]).max(1);
    let macs = |case: &Case| {
        let pixels = case.size.map_or(default_pixels, |[height, width]| {
            u128::from(height) * u128::from(width)
        });
        u128::from(subject.macs) * u128::from(case.batch) * pixels / default_pixels
    };
    let total: u128 = cases.iter().map(macs).sum();
    60_u64
        .saturating_add(u64::try_from(total.saturating_mul(2) / 1_000_000_000).unwrap_or(u64::MAX))
}

/// Heights and widths to try; none where the first input is no image.
fn sizes(subject: &Subject, shape: &[Extent]) -> Vec<Option<[u64; 2]>> {
    let [_, _, height, width] = shape else {
        return vec![None];
    };
    let rounded = subject
        .default_size
        .map(|extent| extent.max(1).div_ceil(SIZE_STEP) * SIZE_STEP);
    let mut other = OTHER_SIZE;
    if matches!((height, width), (Extent::Named(one), Extent::Named(two)) if one == two) {
        other[1] = other[0];
    }
    let pick = |axis: usize, extent: &Extent, symbolic: [u64; 2]| match extent {
        Extent::Fixed(extent) => *extent,
        Extent::Named(_) | Extent::Unset => symbolic[axis],
    };
    let mut sizes = vec![];
    for symbolic in [rounded, other] {
        let size = Some([pick(0, height, symbolic), pick(1, width, symbolic)]);
        if !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    sizes
}

/// Gives the named dimensions of every input their values.
pub(super) fn name_dimensions(subject: &Subject, case: &mut Case) {
    for input in &subject.inputs {
        for (axis, extent) in input.shape.iter().flatten().enumerate() {
            if let (Extent::Named(name), Some(value)) = (extent, symbolic_extent(case, axis)) {
                case.names.entry(name.clone()).or_insert(value);
            }
        }
    }
}

/// What a symbolic dimension is in a case: the batch first, height and width third and fourth.
fn symbolic_extent(case: &Case, axis: usize) -> Option<u64> {
    match axis {
        0 => Some(case.batch),
        2 | 3 => case.size.map(|size| size[axis - 2]),
        _ => None,
    }
}

/// The element type and the shape of the input at `index` in a case.
///
/// # Errors
/// If the input is no number or its shape cannot be made.
pub(super) fn input_type(
    subject: &Subject,
    case: &Case,
    index: usize,
) -> Result<(Element, Vec<u64>), PlanError> {
    let input = &subject.inputs[index];
    let element = input
        .element_type
        .parse()
        .map_err(|_| PlanError::ElementType {
            input: input.name.clone(),
            found: input.element_type.clone(),
        })?;
    let declared = input
        .shape
        .as_deref()
        .ok_or_else(|| PlanError::NoShape(input.name.clone()))?;
    let extent = |(axis, extent): (usize, &Extent)| match extent {
        Extent::Fixed(extent) => Ok(*extent),
        Extent::Named(name) if case.names.contains_key(name) => Ok(case.names[name]),
        Extent::Named(_) | Extent::Unset => {
            symbolic_extent(case, axis).ok_or_else(|| PlanError::Symbolic {
                input: input.name.clone(),
                axis,
            })
        }
    };
    let shape: Vec<u64> = declared
        .iter()
        .enumerate()
        .map(extent)
        .collect::<Result<_, _>>()?;
    let elements = shape
        .iter()
        .try_fold(1_u64, |elements, &extent| elements.checked_mul(extent));
    match elements {
        Some(1..=LARGEST_INPUT) => Ok((element, shape)),
        _ => Err(PlanError::Size {
            input: input.name.clone(),
            shape,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::subject::Declared;

    fn subject(shape: Vec<Extent>, macs: u64) -> Subject {
        let input = Declared {
            name: "input".into(),
            element_type: "f32".into(),
            shape: Some(shape),
        };
        let outputs = vec![Declared {
            name: "logits".into(),
            ..input.clone()
        }];
        Subject {
            inputs: vec![input],
            outputs,
            default_size: [70, 70],
            macs,
            precision: Element::F32,
            constant_weights: false,
        }
    }

    fn image(batch: Extent, height: Extent, width: Extent) -> Vec<Extent> {
        vec![batch, Extent::Fixed(3), height, width]
    }

    fn named(name: &str) -> Extent {
        Extent::Named(name.into())
    }

    fn summary(subject: &Subject) -> Vec<(Vec<u64>, Option<[u64; 2]>)> {
        cases(subject)
            .expect("cases")
            .into_iter()
            .map(|case| (case.images, case.size))
            .collect()
    }

    #[test]
    fn a_symbolic_batch_is_tried_alone_and_larger() {
        let shape = image(named("batch"), Extent::Fixed(70), Extent::Fixed(71));
        let size = Some([70, 71]);
        let small = subject(shape.clone(), SMALLER_BATCH_ABOVE_MACS);
        assert_eq!(
            summary(&small),
            [(vec![0], size), (vec![2], size), (vec![0, 1, 2], size)]
        );
        let large = subject(shape, SMALLER_BATCH_ABOVE_MACS + 1);
        assert_eq!(
            summary(&large),
            [(vec![0], size), (vec![1], size), (vec![0, 1], size)]
        );
    }

    #[test]
    fn symbolic_height_and_width_are_tried_at_two_sizes() {
        let fixed_batch = subject(image(Extent::Fixed(2), named("height"), named("width")), 0);
        assert_eq!(
            summary(&fixed_batch),
            [(vec![0, 1], Some([96, 96])), (vec![0, 1], Some([64, 96]))]
        );
        let one = subject(image(Extent::Fixed(1), Extent::Unset, Extent::Fixed(50)), 0);
        assert_eq!(
            summary(&one),
            [(vec![0], Some([96, 50])), (vec![0], Some([64, 50]))]
        );
        let square = subject(image(Extent::Fixed(1), named("side"), named("side")), 0);
        assert_eq!(
            summary(&square),
            [(vec![0], Some([96, 96])), (vec![0], Some([64, 64]))]
        );
    }

    #[test]
    fn what_cannot_be_tried_is_an_error() {
        let mut half = subject(image(named("batch"), Extent::Fixed(8), Extent::Fixed(8)), 0);
        half.inputs[0].element_type = "string".into();
        assert!(matches!(cases(&half), Err(PlanError::ElementType { .. })));
        let channels = subject(
            vec![
                Extent::Fixed(1),
                Extent::Unset,
                Extent::Fixed(8),
                Extent::Fixed(8),
            ],
            0,
        );
        assert!(matches!(
            cases(&channels),
            Err(PlanError::Symbolic { axis: 1, .. })
        ));
        let huge = subject(
            image(Extent::Fixed(1), Extent::Fixed(u64::MAX), Extent::Fixed(2)),
            0,
        );
        assert!(matches!(cases(&huge), Err(PlanError::Size { .. })));
        let empty = subject(
            image(Extent::Fixed(1), Extent::Fixed(0), Extent::Fixed(2)),
            0,
        );
        assert!(matches!(cases(&empty), Err(PlanError::Size { .. })));
        assert!(matches!(
            cases(&Subject::default()),
            Err(PlanError::Nothing("input"))
        ));
    }

    #[test]
    fn the_time_limit_grows_with_the_work() {
        let subject = subject(
            image(named("batch"), Extent::Fixed(70), Extent::Fixed(70)),
            10_000_000_000,
        );
        // Five images of 10 GMACs.
        assert_eq!(
            default_seconds(&subject, &cases(&subject).expect("cases")),
            60 + 100
        );
    }
}
