//! Tensors as the interpreter holds them: every floating element as an f64, every integer as an i64.
//!
//! [`Element`] only remembers what the file calls them. It refuses to know files and operators.

use super::narrow::round_to;
use crate::memory;
use crate::tensor::Element;

/// No tensor has more elements than this (8 GiB of f64); a file that asks for more is refused.
const LARGEST: usize = 1 << 30;

/// No tensor has more dimensions than this.
const MOST_DIMENSIONS: usize = 64;

/// The element type with a number of `TensorProto.DataType`; u64, strings, complex and narrow types are not taken.
pub fn element(number: i32) -> Result<Element, String> {
    Ok(match number {
        1 => Element::F32,
        2 => Element::U8,
        3 => Element::I8,
        4 => Element::U16,
        5 => Element::I16,
        6 => Element::I32,
        7 => Element::I64,
        9 => Element::Bool,
        10 => Element::F16,
        11 => Element::F64,
        12 => Element::U32,
        16 => Element::Bf16,
        _ => return Err(format!("element type {number} is not supported")),
    })
}

/// Least and greatest value of an integer type; those of i64 for the others.
pub fn range(element: Element) -> (i64, i64) {
    match element {
        Element::I32 => (i32::MIN.into(), i32::MAX.into()),
        Element::I16 => (i16::MIN.into(), i16::MAX.into()),
        Element::I8 => (i8::MIN.into(), i8::MAX.into()),
        Element::U32 => (0, u32::MAX.into()),
        Element::U16 => (0, u16::MAX.into()),
        Element::U8 => (0, u8::MAX.into()),
        Element::Bool => (0, 1),
        _ => (i64::MIN, i64::MAX),
    }
}

/// The value that two's complement keeps of an integer.
pub fn wrap(element: Element, value: i64) -> i64 {
    let (least, greatest) = range(element);
    if (least..=greatest).contains(&value) {
        return value;
    }
    if element == Element::Bool {
        return 1;
    }
    // Only types narrower than i64 come here.
    let span = greatest - least + 1;
    value.wrapping_sub(least).rem_euclid(span) + least
}

/// Elements in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Floats(Vec<f64>),
    Integers(Vec<i64>),
}

/// A tensor; [`Data::Floats`] exactly where the element type is a floating one.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub element: Element,
    pub shape: Vec<usize>,
    pub data: Data,
}

impl Tensor {
    /// Rounds every element of a floating type to the nearest that `element` can hold; the tensor's own type stays.
    pub fn round_to(&mut self, element: Element) {
        if let Data::Floats(data) = &mut self.data {
            for value in data {
                *value = round_to(element, *value);
            }
        }
    }

    /// Of a floating type.
    pub fn of_floats(element: Element, shape: Vec<usize>, data: Vec<f64>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len());
        let data = Data::Floats(data);
        Self {
            element,
            shape,
            data,
        }
    }

    /// Of an integer type.
    pub fn of_integers(element: Element, shape: Vec<usize>, data: Vec<i64>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len());
        let data = Data::Integers(data);
        Self {
            element,
            shape,
            data,
        }
    }

    pub fn len(&self) -> usize {
        match &self.data {
            Data::Floats(data) => data.len(),
            Data::Integers(data) => data.len(),
        }
    }

    pub fn floats(&self) -> Result<&[f64], String> {
        match &self.data {
            Data::Floats(data) => Ok(data),
            Data::Integers(_) => Err(format!(
                "expected an operand of a floating type, found {}",
                self.element
            )),
        }
    }

    pub fn integers(&self) -> Result<&[i64], String> {
        match &self.data {
            Data::Integers(data) => Ok(data),
            Data::Floats(_) => Err(format!(
                "expected an operand of an integer type, found {}",
                self.element
            )),
        }
    }

    /// The same elements in another shape of as many.
    pub fn reshaped(&self, shape: Vec<usize>) -> Result<Self, String> {
        if count(&shape)? != self.len() {
            let found = &self.shape;
            return Err(format!("{found:?} does not fit into {shape:?}"));
        }
        Ok(Self {
            element: self.element,
            shape,
            data: self.data.clone(),
        })
    }

    /// Its one element, as an f64.
    pub fn scalar(&self) -> Result<f64, String> {
        match &self.data {
            Data::Floats(data) if data.len() == 1 => Ok(data[0]),
            Data::Integers(data) if data.len() == 1 => Ok(data[0] as f64),
            _ => Err(format!("expected one element, found {:?}", self.shape)),
        }
    }
}

/// How many elements a shape has, if that many are possible here.
pub fn count(shape: &[usize]) -> Result<usize, String> {
    let mut product = Some(1usize);
    for &extent in shape {
        // Zeros are left out, so that products of some of the extents are small too.
        product = product.and_then(|product| product.checked_mul(extent.max(1)));
    }
    match product {
        Some(product) if product <= LARGEST && shape.len() <= MOST_DIMENSIONS => {
            Ok(if shape.contains(&0) { 0 } else { product })
        }
        _ => Err(format!("a tensor of shape {shape:?} is too large")),
    }
}

/// As many elements as the shape has.
pub fn filled<T: Clone>(shape: &[usize], value: T) -> Result<Vec<T>, String> {
    let mut data = reserved(shape)?;
    data.resize(count(shape)?, value);
    Ok(data)
}

/// Room for as many elements as the shape has.
pub fn reserved<T>(shape: &[usize]) -> Result<Vec<T>, String> {
    let mut data = Vec::new();
    let what = format_args!("a tensor of shape {shape:?}");
    match memory::make_room(&mut data, count(shape)?, what) {
        Ok(()) => Ok(data),
        Err(error) => Err(error.to_string()),
    }
}

/// Distances between neighbours along each dimension, in row-major order.
pub fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for index in (1..shape.len()).rev() {
        strides[index - 1] = strides[index] * shape[index].max(1);
    }
    strides
}

/// A dimension that may be counted from the end.
pub fn dimension(axis: i64, rank: usize) -> Result<usize, String> {
    let signed = rank as i64;
    let index = if axis < 0 {
        axis.checked_add(signed).unwrap_or(-1)
    } else {
        axis
    };
    match usize::try_from(index) {
        Ok(index) if index < rank => Ok(index),
        _ => Err(format!("there is no axis {axis} among {rank} dimensions")),
    }
}

/// Several dimensions, ascending; none may come twice.
pub fn dimensions(axes: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let mut found = Vec::new();
    for &axis in axes {
        found.push(dimension(axis, rank)?);
    }
    found.sort_unstable();
    if found.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(format!("axes {axes:?} name a dimension twice"));
    }
    Ok(found)
}

/// Extents that a file gives as i64.
pub fn extents(values: &[i64]) -> Result<Vec<usize>, String> {
    let mut found = Vec::new();
    for &value in values {
        match usize::try_from(value) {
            Ok(value) => found.push(value),
            Err(_) => return Err(format!("{value} is not an extent")),
        }
    }
    Ok(found)
}
