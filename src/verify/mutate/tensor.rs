//! The elements of an initializer, read from wherever they are and changed.

use super::MutateError;
use crate::onnx::element;
use crate::onnx::file::{External, is_readable};
use crate::onnx::proto::TensorProto;
use crate::onnx::proto::tensor_proto::DataLocation;
use crate::tensor::{Element, decode, read_at};
use std::path::Path;

/// A change of the elements of a tensor of floats; its dimensions and element type stay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TensorChange {
    /// Every element times this.
    Scaled(f32),
    /// The square root of every element.
    SquareRoot,
    /// Every element rounded to bfloat16, ties to even.
    Rounded,
    /// Zeros in the part of the first dimension that has the largest sum: after ReLU, a part with a small one may be dead.
    ZeroedLargest,
    /// The parts of the first dimension with the largest and the smallest sum exchanged.
    SwappedExtremes,
    /// Each part of the first dimension moved one further, the last one to the front.
    RotatedParts,
    /// The last two dimensions, of one extent, exchanged.
    TransposedWindow,
    /// The last two dimensions both reversed.
    FlippedWindow,
    /// The second dimension reversed.
    ReversedInputs,
    /// The elements of the transposed matrix, first dimension against the others, in the same dimensions.
    OtherLayout,
}

/// Changes a tensor, and stores it in the model if it was in a file of its own.
pub fn change(
    tensor: &mut TensorProto,
    how: TensorChange,
    folder: &Path,
) -> Result<(), MutateError> {
    let element = element_of(tensor)?;
    let mut elements = read(tensor, folder)?;
    alter(&mut elements, &extents(tensor), how);
    let size = element.encoded_size().unwrap_or_default();
    let mut bytes = vec![0; size * elements.len()];
    element.encode(elements.iter().copied().map(f64::from), &mut bytes);
    tensor.float_data.clear();
    tensor.external_data.clear();
    tensor.data_location = None;
    tensor.raw_data = Some(bytes.into());
    Ok(())
}

fn extents(tensor: &TensorProto) -> Vec<usize> {
    tensor
        .dims
        .iter()
        .map(|&dim| usize::try_from(dim).unwrap_or(0))
        .collect()
}

fn element_of(tensor: &TensorProto) -> Result<Element, MutateError> {
    let element = element::from_number(tensor.data_type()).ok();
    element
        .filter(|element| is_readable(*element))
        .ok_or_else(|| MutateError::Tensor {
            name: tensor.name().to_owned(),
            reason: "its elements are not f32, f16 or bf16".to_owned(),
        })
}

/// The elements of a tensor of floats.
pub fn read(tensor: &TensorProto, folder: &Path) -> Result<Vec<f32>, MutateError> {
    let wrong = |reason: String| MutateError::Tensor {
        name: tensor.name().to_owned(),
        reason,
    };
    let element = element_of(tensor)?;
    let elements: Vec<f32> = if tensor.data_location == Some(DataLocation::External.into()) {
        let entries: Vec<_> = tensor
            .external_data
            .iter()
            .map(|entry| (entry.key().to_owned(), entry.value().to_owned()))
            .collect();
        let external =
            External::from_entries(&entries).map_err(|error| wrong(error.to_string()))?;
        let (file, range) = external
            .open(folder)
            .map_err(|error| wrong(error.to_string()))?;
        let mut bytes = vec![
            0;
            usize::try_from(range.end - range.start)
                .map_err(|error| wrong(error.to_string()))?
        ];
        read_at(&file, &mut bytes, range.start).map_err(|error| wrong(error.to_string()))?;
        floats(element, &bytes)
    } else if let Some(raw) = &tensor.raw_data {
        floats(element, raw)
    } else {
        tensor.float_data.clone()
    };
    let expected = extents(tensor)
        .iter()
        .try_fold(1_usize, |product, &extent| product.checked_mul(extent));
    if expected != Some(elements.len()) {
        return Err(wrong(format!(
            "its shape {:?} does not fit its {} elements",
            tensor.dims,
            elements.len()
        )));
    }
    Ok(elements)
}

fn floats(element: Element, bytes: &[u8]) -> Vec<f32> {
    let size = decode::size(element).unwrap_or(1);
    let mut floats = vec![0.0; bytes.len() / size];
    decode::decode(element, bytes, &mut floats);
    floats
}

/// `extents` have the product of the number of elements.
fn alter(elements: &mut [f32], extents: &[usize], how: TensorChange) {
    let first = extents.first().copied().unwrap_or(1);
    if elements.is_empty() {
        return;
    }
    let part = elements.len() / first;
    match how {
        TensorChange::Scaled(by) => elements.iter_mut().for_each(|element| *element *= by),
        TensorChange::SquareRoot => elements
            .iter_mut()
            .for_each(|element| *element = element.sqrt()),
        TensorChange::Rounded => elements.iter_mut().for_each(|element| {
            let bits = element.to_bits();
            *element = f32::from_bits(bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000);
        }),
        TensorChange::ZeroedLargest => {
            let [_, largest] = extremes(elements, part);
            elements[largest * part..(largest + 1) * part].fill(0.0);
        }
        TensorChange::SwappedExtremes => {
            let [smallest, largest] = extremes(elements, part);
            for index in 0..part {
                elements.swap(smallest * part + index, largest * part + index);
            }
        }
        TensorChange::RotatedParts => elements.rotate_right(part),
        TensorChange::TransposedWindow => {
            let side = extents.last().copied().unwrap_or(1);
            for window in elements.chunks_exact_mut(side * side) {
                for row in 0..side {
                    for column in 0..row {
                        window.swap(row * side + column, column * side + row);
                    }
                }
            }
        }
        TensorChange::FlippedWindow => {
            let window: usize = extents.iter().skip(2).product();
            elements.chunks_exact_mut(window).for_each(<[f32]>::reverse);
        }
        TensorChange::ReversedInputs => {
            let inputs = extents.get(1).copied().unwrap_or(1);
            let plane = part / inputs;
            for output in elements.chunks_exact_mut(part) {
                for input in 0..inputs / 2 {
                    for index in 0..plane {
                        output.swap(input * plane + index, (inputs - 1 - input) * plane + index);
                    }
                }
            }
        }
        TensorChange::OtherLayout => {
            let before = elements.to_vec();
            for (index, element) in elements.iter_mut().enumerate() {
                // The element at this place of the matrix that has `first` columns.
                *element = before[index % first * part + index / first];
            }
        }
    }
}

/// The parts with the smallest and the largest sum.
fn extremes(elements: &[f32], part: usize) -> [usize; 2] {
    let sum = |part: &[f32]| part.iter().copied().map(f64::from).sum::<f64>();
    let sums: Vec<f64> = elements.chunks_exact(part).map(sum).collect();
    let by_sum = |one: &usize, other: &usize| sums[*one].total_cmp(&sums[*other]);
    let smallest = (0..sums.len()).min_by(by_sum);
    let largest = (0..sums.len()).max_by(by_sum);
    [smallest, largest].map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_does_what_it_says() {
        let counted = |count: u8| (0..count).map(f32::from).collect::<Vec<_>>();
        for (how, extents, expected) in [
            (TensorChange::Scaled(2.0), vec![3], vec![0.0, 2.0, 4.0]),
            (TensorChange::SquareRoot, vec![2], vec![0.0, 1.0]),
            (
                TensorChange::ZeroedLargest,
                vec![2, 2],
                vec![0.0, 1.0, 0.0, 0.0],
            ),
            (
                TensorChange::SwappedExtremes,
                vec![3, 2],
                vec![4.0, 5.0, 2.0, 3.0, 0.0, 1.0],
            ),
            (
                TensorChange::RotatedParts,
                vec![3, 2],
                vec![4.0, 5.0, 0.0, 1.0, 2.0, 3.0],
            ),
            (
                TensorChange::TransposedWindow,
                vec![1, 1, 2, 2],
                vec![0.0, 2.0, 1.0, 3.0],
            ),
            (
                TensorChange::FlippedWindow,
                vec![2, 1, 1, 2],
                vec![1.0, 0.0, 3.0, 2.0],
            ),
            (
                TensorChange::ReversedInputs,
                vec![1, 3, 1, 2],
                vec![4.0, 5.0, 2.0, 3.0, 0.0, 1.0],
            ),
            // Stored as 3 × 2 with columns 0 1 2 and 3 4 5.
            (
                TensorChange::OtherLayout,
                vec![2, 3, 1, 1],
                vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0],
            ),
        ] {
            let mut elements =
                counted(u8::try_from(extents.iter().product::<usize>()).expect("few"));
            alter(&mut elements, &extents, how);
            assert_eq!(elements, expected, "{how:?}");
        }
        // In units of half the last place of bfloat16 at one.
        let mut elements = [0_u8, 1, 2, 3].map(|halves| 1.0 + f32::from(halves) / 256.0);
        alter(&mut elements, &[4], TensorChange::Rounded);
        assert_eq!(elements, [1.0, 1.0, 1.007_812_5, 1.015_625]);
    }
}
