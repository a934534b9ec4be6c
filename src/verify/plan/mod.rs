//! With which inputs a file is tried: sizes and batches, and how long that may take.

mod time;

use super::facts::{DeclaredExtent, FileFacts, Names, OmittedOutput, SizeStepError};
use super::layout::Axes;
use crate::files::foreign::{self, Foreign};
use crate::memory::{self, NoMemory};
use crate::request::SIZE_STEP;
use crate::tensor::Element;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

pub use time::{default_seconds, seconds_for_pictures, work};

/// Sizes at which symbolic height and width are also tried: not square, with few positions left at the end, and, last, those
/// of files that were made for any size: SAME padding of an odd side is another than that of an even one.
const OTHER_SIZES: [[u64; 2]; 3] = [[64, 96], [97, 64], [64, 97]];
/// The larger batch, and the smaller one for files above so many MACs an image.
const LARGER_BATCH: u64 = 3;
const SMALLER_BATCH: u64 = 2;
const SMALLER_BATCH_ABOVE_MACS: u64 = 20_000_000_000;
/// Bytes of an element of a case: once with the case, and once more while it is sent to a worker.
const ELEMENT_BYTES: u64 = 2 * size_of::<f64>() as u64;

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
    /// What the inputs hold.
    pub content: Content,
}

/// What inputs hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// N(0, 1) noise.
    #[default]
    Normal,
    /// What looks like a picture: smooth, with a little noise, in the range of prepared pictures.
    Image,
    /// Zeros.
    Zero,
    /// Values from files.
    Given,
}

impl Content {
    /// Its name on the command line and in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Image => "image",
            Self::Zero => "zero",
            Self::Given => "given",
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Content {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Normal, Self::Image, Self::Zero]
            .into_iter()
            .find(|content| content.as_str() == text)
            .ok_or_else(|| format!("there is no noise `{text}`, only `normal`, `image`, `zero`"))
    }
}

/// What is asked for in place of what is tried by default; what is empty is as by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Batches, for a symbolic batch.
    pub batches: Vec<u64>,
    /// Heights and widths, for symbolic ones.
    pub sizes: Vec<[u64; 2]>,
    /// What the inputs hold; each of them in every case.
    pub contents: Vec<Content>,
}

/// Why a file cannot be tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An input has an element type that is not known here.
    #[error("input `{input}` has element type {found}, expected a number or a bool", input = input.shown(), found = found.shown())]
    ElementType {
        /// Name of the input.
        input: String,
        /// Its element type.
        found: String,
    },
    /// A dimension is symbolic and is neither the batch nor a height or width.
    #[error(
        "dimension {axis} of input `{input}` is symbolic, expected only the batch, height and width of images to be", input = input.shown())]
    Symbolic {
        /// Name of the input.
        input: String,
        /// Index of the dimension.
        axis: usize,
    },
    /// Not even the rank of an input is declared.
    #[error("input `{text}` has no declared shape", text = .0.shown())]
    NoShape(String),
    /// An input has too many elements, or none.
    #[error("input `{input}` would have the shape {shape}, expected between 1 and 2^64 elements", input = input.shown(), shape = foreign::shape(shape))]
    Size {
        /// Name of the input.
        input: String,
        /// Its shape.
        shape: Vec<u64>,
    },
    /// The inputs of all cases do not fit the memory limit.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// An extent is declared as 0. ONNX Runtime then takes nothing but an empty tensor.
    #[error(
        "input `{input}` is declared as {shape}, so that it only takes a tensor without elements; expected a name or -1 for an extent that may vary", input = input.shown(), shape = shape.shown())]
    Zero {
        /// Name of the input.
        input: String,
        /// Its shape.
        shape: String,
    },
    /// Another extent is asked for than the file has.
    #[error("{what} {asked} is asked for, but the file has {found}", asked = asked.shown(), found = found.shown())]
    Fixed {
        /// `batch` or `size`.
        what: &'static str,
        /// What is asked for.
        asked: String,
        /// What the file has.
        found: String,
    },
    /// The file's pads are wrong at that size.
    #[error(transparent)]
    SizeStep(#[from] SizeStepError),
    /// The file has outputs, and none that can be compared: each, with the reason.
    #[error("no output of the file can be compared: {text}", text = .0.shown())]
    NotComparable(String),
    /// There is nothing to provide or to compare.
    #[error("the file has no {0}")]
    Nothing(&'static str),
}

/// The cases for a file by default, as [`cases_of`] makes them.
///
/// # Errors
/// If an input is no number or has a shape that cannot be made.
pub fn cases(facts: &FileFacts) -> Result<Vec<Case>, PlanError> {
    cases_of(facts, &Wanted::default())
}

/// The cases for a file. For every content and size: images alone, then, where the batch is symbolic, the first and
/// the last of them again as rows of a batch; or the batches that are asked for.
///
/// # Errors
/// If an input is no number or has a shape that cannot be made, or something else is asked for than the file has.
pub fn cases_of(facts: &FileFacts, wanted: &Wanted) -> Result<Vec<Case>, PlanError> {
    let primary = facts.primary();
    let first = facts
        .inputs
        .get(primary)
        .ok_or(PlanError::Nothing("input"))?;
    match facts.left_out.as_slice() {
        _ if !facts.outputs.is_empty() => {}
        [] => return Err(PlanError::Nothing("output")),
        all => return Err(PlanError::NotComparable(list(all))),
    }
    let shape = first
        .shape
        .as_deref()
        .ok_or_else(|| PlanError::NoShape(first.name.clone()))?;
    let axes = facts.axes(primary);
    let contents = match wanted.contents.as_slice() {
        [] => &[Content::Normal],
        contents => contents,
    };
    let batch = axes.batch.and_then(|axis| shape.get(axis));
    let batches = batches(facts, batch, &wanted.batches)?;
    let (mut cases, mut needed) = (Vec::new(), 0_u64);
    for &content in contents {
        for size in sizes(facts, axes.size_of(&references(shape)), &wanted.sizes)? {
            for &(first, batch) in &batches {
                let mut case = Case {
                    batch,
                    size,
                    images: Vec::new(),
                    names: Names::new(),
                    content,
                };
                name_dimensions(facts, &mut case);
                needed = needed.saturating_add(bytes(facts, &case)?);
                memory::check(needed, "what the file is to be run with")?;
                // Only now is the batch known to be one that can be made.
                case.images = (first..first + batch).collect();
                cases.push(case);
            }
        }
    }
    Ok(cases)
}

/// Bytes of memory that a case takes.
fn bytes(facts: &FileFacts, case: &Case) -> Result<u64, PlanError> {
    let mut bytes = case.batch.saturating_mul(size_of::<u64>() as u64);
    for input in 0..facts.inputs.len() {
        let (_, shape) = input_type(facts, case, input)?;
        let elements: u64 = shape.iter().product();
        bytes = bytes.saturating_add(elements.saturating_mul(ELEMENT_BYTES));
    }
    Ok(bytes)
}

/// The first image of each batch, and how many it has.
fn batches(
    facts: &FileFacts,
    declared: Option<&DeclaredExtent>,
    wanted: &[u64],
) -> Result<Vec<(u64, u64)>, PlanError> {
    let fixed = match declared {
        None => 1,
        Some(DeclaredExtent::Fixed(batch)) => *batch,
        Some(DeclaredExtent::Named(_) | DeclaredExtent::Unset) => {
            let larger = if facts.macs > SMALLER_BATCH_ABOVE_MACS {
                SMALLER_BATCH
            } else {
                LARGER_BATCH
            };
            return Ok(if wanted.is_empty() {
                vec![(0, 1), (larger - 1, 1), (0, larger)]
            } else {
                wanted.iter().map(|&batch| (0, batch)).collect()
            });
        }
    };
    match wanted.iter().find(|&&asked| asked != fixed) {
        Some(asked) => Err(PlanError::Fixed {
            what: "batch",
            asked: asked.to_string(),
            found: fixed.to_string(),
        }),
        None => Ok(vec![(0, fixed)]),
    }
}

fn references(shape: &[DeclaredExtent]) -> Vec<&DeclaredExtent> {
    shape.iter().collect()
}

/// Each output that is not compared, with the reason.
fn list(left_out: &[OmittedOutput]) -> String {
    let each = left_out.iter();
    let each = each.map(|output| format!("{output}{}", output.advice()));
    each.collect::<Vec<_>>().join("; ")
}

/// Heights and widths to try; none where no input is an image.
fn sizes(
    facts: &FileFacts,
    declared: Option<[&DeclaredExtent; 2]>,
    wanted: &[[u64; 2]],
) -> Result<Vec<Option<[u64; 2]>>, PlanError> {
    let fixed = |asked: &[u64; 2], found: &str| PlanError::Fixed {
        what: "size",
        asked: format!("{}x{}", asked[0], asked[1]),
        found: found.to_owned(),
    };
    let Some([height, width]) = declared else {
        return match wanted.first() {
            Some(asked) => Err(fixed(asked, "an input that is no image")),
            None => Ok(vec![None]),
        };
    };
    let rounded = facts
        .default_size
        .map(|extent| extent.max(1).div_ceil(SIZE_STEP) * SIZE_STEP);
    let others = if facts.any_size { 3 } else { 1 };
    let mut others = OTHER_SIZES[..others].to_vec();
    if matches!((height, width), (DeclaredExtent::Named(one), DeclaredExtent::Named(two)) if one == two)
    {
        others = others.iter().map(|other| [other[0]; 2]).collect();
    }
    let pick = |axis: usize, extent: &DeclaredExtent, symbolic: [u64; 2]| match extent {
        DeclaredExtent::Fixed(extent) => *extent,
        DeclaredExtent::Named(_) | DeclaredExtent::Unset => symbolic[axis],
    };
    let by_default = [&[rounded], &others[..]].concat();
    let symbolic = if wanted.is_empty() {
        &by_default[..]
    } else {
        wanted
    };
    let mut sizes = vec![];
    for &symbolic in symbolic {
        let size = [pick(0, height, symbolic), pick(1, width, symbolic)];
        if !wanted.is_empty() && size != symbolic {
            return Err(fixed(&symbolic, &format!("{}x{}", size[0], size[1])));
        }
        if !sizes.contains(&Some(size)) {
            sizes.push(Some(size));
        }
    }
    Ok(sizes)
}

/// Gives the named dimensions of every input their values.
pub(super) fn name_dimensions(facts: &FileFacts, case: &mut Case) {
    for (index, input) in facts.inputs.iter().enumerate() {
        let axes = facts.axes(index);
        for (axis, extent) in input.shape.iter().flatten().enumerate() {
            if let (DeclaredExtent::Named(name), Some(value)) =
                (extent, symbolic_extent(case, axes, axis))
            {
                case.names.entry(name.clone()).or_insert(value);
            }
        }
    }
}

/// What a symbolic dimension is in a case: the batch, the height or the width.
fn symbolic_extent(case: &Case, axes: Axes, place: usize) -> Option<u64> {
    if axes.batch == Some(place) {
        return Some(case.batch);
    }
    let side = axes.size?.iter().position(|side| *side == place)?;
    case.size.map(|size| size[side])
}

/// The element type and the shape of the input at `index` in a case.
///
/// # Errors
/// If the input is no number, its shape cannot be made or the file's pads are wrong at the case's size.
pub(super) fn input_type(
    facts: &FileFacts,
    case: &Case,
    index: usize,
) -> Result<(Element, Vec<u64>), PlanError> {
    case.size.map_or(Ok(()), |size| facts.check_size(size))?;
    let input = &facts.inputs[index];
    let element = input.element().ok_or_else(|| PlanError::ElementType {
        input: input.name.clone(),
        found: input.element_type.clone(),
    })?;
    let declared = input
        .shape
        .as_deref()
        .ok_or_else(|| PlanError::NoShape(input.name.clone()))?;
    let axes = facts.axes(index);
    let extent = |(axis, extent): (usize, &DeclaredExtent)| match extent {
        DeclaredExtent::Fixed(extent) => Ok(*extent),
        DeclaredExtent::Named(name) if case.names.contains_key(name) => Ok(case.names[name]),
        DeclaredExtent::Named(_) | DeclaredExtent::Unset => symbolic_extent(case, axes, axis)
            .ok_or_else(|| PlanError::Symbolic {
                input: input.name.clone(),
                axis,
            }),
    };
    let shape: Vec<u64> = declared
        .iter()
        .enumerate()
        .map(extent)
        .collect::<Result<_, _>>()?;
    let elements = shape
        .iter()
        .try_fold(1_u64, |elements, &extent| elements.checked_mul(extent));
    if declared.contains(&DeclaredExtent::Fixed(0)) {
        return Err(PlanError::Zero {
            input: input.name.clone(),
            shape: input.expected(&Names::new()),
        });
    }
    match elements {
        Some(1..) => Ok((element, shape)),
        _ => Err(PlanError::Size {
            input: input.name.clone(),
            shape,
        }),
    }
}

#[cfg(test)]
mod tests;
