//! The operators that round: Cast, QuantizeLinear and DequantizeLinear.

use super::call::Call;
use super::moving::around;
use super::narrow::round_to;
use super::tensor::{Data, Tensor, dimension, element, range, wrap};
use crate::tensor::Element;

type Results = Result<Vec<Tensor>, String>;

/// To the nearest value of a floating type, ties to even; to integers towards zero, and wrapped.
pub fn cast(call: &Call) -> Results {
    let to = call.int("to", 0)?;
    cast_to(call, element(i32::try_from(to).unwrap_or(0))?)
}

/// To the type of the second operand.
pub fn cast_like(call: &Call) -> Results {
    cast_to(call, call.operand(1)?.element)
}

fn cast_to(call: &Call, to: Element) -> Results {
    let x = call.operand(0)?;
    let data = match &x.data {
        Data::Floats(values) if to.is_float() => {
            Data::Floats(values.iter().map(|&value| round_to(to, value)).collect())
        }
        Data::Integers(values) if to.is_float() => Data::Floats(
            values
                .iter()
                .map(|&value| round_to(to, value as f64))
                .collect(),
        ),
        Data::Floats(values) if to == Element::Bool => Data::Integers(
            values
                .iter()
                .map(|&value| i64::from(value != 0.0))
                .collect(),
        ),
        Data::Floats(values) => {
            Data::Integers(values.iter().map(|&value| wrap(to, value as i64)).collect())
        }
        Data::Integers(values) => {
            Data::Integers(values.iter().map(|&value| wrap(to, value)).collect())
        }
    };
    Ok(vec![Tensor {
        element: to,
        shape: x.shape.clone(),
        data,
    }])
}

/// Which scale belongs to which element.
enum Grain {
    Whole,
    /// One for each index along the axis of `[outer, extent, inner]` elements.
    Axis([usize; 3]),
    /// One for so many elements along the axis, of which there are that many blocks.
    Blocks([usize; 3], usize, usize),
}

impl Grain {
    fn of(call: &Call, x: &Tensor, scale: &Tensor) -> Result<Self, String> {
        let block = usize::try_from(call.int("block_size", 0)?).unwrap_or(0);
        if block == 0 && scale.len() == 1 && scale.shape.len() <= 1 {
            return Ok(Self::Whole);
        }
        let axis = dimension(call.int("axis", 1)?, x.shape.len())?;
        let parts = around(&x.shape, axis);
        let mut blocked = x.shape.clone();
        if block > 0 {
            blocked[axis] = blocked[axis].div_ceil(block);
        }
        if block > 0 && scale.shape == blocked {
            return Ok(Self::Blocks(parts, block, blocked[axis]));
        }
        if block == 0 && scale.shape == [x.shape[axis]] {
            return Ok(Self::Axis(parts));
        }
        Err(format!(
            "a scale of shape {:?} does not fit {:?}",
            scale.shape, x.shape
        ))
    }

    fn scale(&self, index: usize) -> usize {
        match *self {
            Self::Whole => 0,
            Self::Axis([_, extent, inner]) => index / inner % extent,
            Self::Blocks([_, extent, inner], block, blocks) => {
                let (outer, along) = (index / inner / extent, index / inner % extent);
                (outer * blocks + along / block) * inner + index % inner
            }
        }
    }
}

/// The element type that `output_dtype` asks for.
fn output(call: &Call) -> Result<Option<Element>, String> {
    match call.int("output_dtype", 0)? {
        0 => Ok(None),
        number => Ok(Some(element(i32::try_from(number).unwrap_or(0))?)),
    }
}

/// The third operand, as many zero points as scales.
fn zero_points<'a>(call: &Call<'a>, scale: &Tensor) -> Result<Option<&'a [i64]>, String> {
    match call.optional(2) {
        Some(zero) if zero.len() == scale.len() => Ok(Some(zero.integers()?)),
        Some(zero) => Err(format!("the zero point has shape {:?}", zero.shape)),
        None => Ok(None),
    }
}

/// `x / scale` to the nearest integer, ties to even, plus the zero point, kept within the type.
pub fn quantize(call: &Call) -> Results {
    let (x, scale) = (call.operand(0)?, call.operand(1)?);
    let grain = Grain::of(call, x, scale)?;
    let to = match (call.optional(2), output(call)?) {
        (Some(zero), None) => zero.element,
        (Some(zero), Some(asked)) if zero.element == asked => asked,
        (None, asked) => asked.unwrap_or(Element::U8),
        (Some(_), Some(_)) => return Err("`output_dtype` is not the zero point's".to_owned()),
    };
    if to.is_float() {
        return Err(format!("quantising to {to} is not supported"));
    }
    let (least, greatest) = range(to);
    let zeros = zero_points(call, scale)?;
    let scales = scale.floats()?;
    let (least, greatest) = (least as f64, greatest as f64);
    let mut result = Vec::with_capacity(x.len());
    for index in 0..x.len() {
        let value = match &x.data {
            Data::Floats(values) => values[index],
            Data::Integers(values) => values[index] as f64,
        };
        let at = grain.scale(index);
        let zero = zeros.map_or(0.0, |zeros| zeros[at] as f64);
        let steps = (value / scales[at]).round_ties_even() + zero;
        result.push(steps.clamp(least, greatest) as i64);
    }
    Ok(vec![Tensor::of_integers(to, x.shape.clone(), result)])
}

/// `(x − zero point) · scale`.
pub fn dequantize(call: &Call) -> Results {
    let (x, scale) = (call.operand(0)?, call.operand(1)?);
    let grain = Grain::of(call, x, scale)?;
    let zeros = zero_points(call, scale)?;
    let scales = scale.floats()?;
    let mut result = Vec::with_capacity(x.len());
    for (index, &value) in x.integers()?.iter().enumerate() {
        let at = grain.scale(index);
        let zero = zeros.map_or(0, |zeros| zeros[at]);
        result.push(value.wrapping_sub(zero) as f64 * scales[at]);
    }
    let to = output(call)?.unwrap_or(scale.element);
    if !to.is_float() {
        return Err(format!("dequantising to {to} is not supported"));
    }
    Ok(vec![Tensor::of_floats(to, x.shape.clone(), result)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantising_rounds_ties_to_even_and_stays_within_the_type() {
        let x = [0.5, 1.5, 2.5, -0.5, -1.5, 200.0, -200.0];
        let x = Tensor::of_floats(Element::F32, vec![7], x.to_vec());
        let one = Tensor::of_floats(Element::F32, vec![], vec![1.0]);
        let zero = |element, value| Tensor::of_integers(element, vec![], vec![value]);
        let quantized = |zero: &Tensor| {
            let call = Call {
                version: 17,
                attributes: &[],
                operands: vec![Some(&x), Some(&one), Some(zero)],
                results: 1,
            };
            let results = quantize(&call).expect("a result");
            results[0].integers().expect("integers").to_vec()
        };
        let signed = quantized(&zero(Element::I8, 0));
        assert_eq!(signed, [0, 2, 2, 0, -2, 127, -128]);
        // The zero point is added after rounding.
        let unsigned = quantized(&zero(Element::U8, 1));
        assert_eq!(unsigned, [1, 3, 3, 1, 0, 201, 0]);
    }
}
