//! Batch normalisation in inference, and softmax.

use super::call::Call;
use super::elementwise::greater;
use super::parallel::parts;
use super::tensor::{Tensor, dimension, filled};

type Results = Result<Vec<Tensor>, String>;

/// `BatchNormalization`: `scale · (x − mean) / sqrt(variance + epsilon) + bias`, for each channel.
pub fn batch(call: &Call) -> Results {
    let x = call.operand(0)?;
    let values = x.floats()?;
    if call.flag("training_mode", false)?
        || (!call.since(7) && !call.flag("is_test", false)?)
        || !call.flag("spatial", true)?
    {
        return Err("only inference, channel by channel, is supported".to_owned());
    }
    let Some(&channels) = x.shape.get(1) else {
        return Err(format!("shape {:?} has no channels", x.shape));
    };
    let mut parameters = [values; 4];
    for (index, parameter) in parameters.iter_mut().enumerate() {
        let operand = call.operand(index + 1)?;
        if operand.shape != [channels] {
            return Err(format!(
                "operand {}: expected shape [{channels}], found {:?}",
                index + 1,
                operand.shape
            ));
        }
        *parameter = operand.floats()?;
    }
    let [scale, bias, mean, variance] = parameters;
    let epsilon = call.float("epsilon", 1e-5)?;
    let area: usize = x.shape[2..].iter().product();
    let mut result = filled(&x.shape, 0.0)?;
    if !result.is_empty() {
        parts(&mut result, area, &|plane, result| {
            let channel = plane % channels;
            let deviation = (variance[channel] + epsilon).sqrt();
            let (mean, scale) = (mean[channel], scale[channel] / deviation);
            let bias = bias[channel];
            for (result, &value) in result.iter_mut().zip(&values[plane * area..]) {
                *result = (value - mean) * scale + bias;
            }
        });
    }
    Ok(vec![Tensor::of_floats(x.element, x.shape.clone(), result)])
}

/// `finish(x − greatest, sum of exp)` along one axis; before version 13 over all dimensions from the axis on.
fn along(call: &Call, finish: fn(f64, f64) -> f64) -> Results {
    let x = call.operand(0)?;
    let values = x.floats()?;
    let rank = x.shape.len();
    let flattens = !call.since(13);
    let axis = call.int("axis", if flattens { 1 } else { -1 })?;
    let axis = match flattens && usize::try_from(axis) == Ok(rank) {
        true => rank,
        false => dimension(axis, rank)?,
    };
    let product = |extents: &[usize]| extents.iter().product::<usize>();
    let (length, inner) = if flattens {
        (product(&x.shape[axis..]), 1)
    } else {
        (x.shape[axis], product(&x.shape[axis + 1..]))
    };
    let mut result = filled(&x.shape, 0.0)?;
    if result.is_empty() {
        return Ok(vec![x.clone()]);
    }
    parts(&mut result, length * inner, &|block, result| {
        let values = &values[block * length * inner..][..length * inner];
        for start in 0..inner {
            let mut most = f64::NEG_INFINITY;
            for index in 0..length {
                most = greater(most, values[index * inner + start]);
            }
            let mut sum = 0.0;
            for index in 0..length {
                sum += libm::exp(values[index * inner + start] - most);
            }
            for index in 0..length {
                let at = index * inner + start;
                result[at] = finish(values[at] - most, sum);
            }
        }
    });
    Ok(vec![Tensor::of_floats(x.element, x.shape.clone(), result)])
}

pub fn softmax(call: &Call) -> Results {
    along(call, |x, sum| libm::exp(x) / sum)
}

pub fn log_softmax(call: &Call) -> Results {
    along(call, |x, sum| x - libm::log(sum))
}
