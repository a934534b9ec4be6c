//! Operators of one operand, element by element: activations and plain functions.
//!
//! Transcendental functions come from the crate `libm`, so that results are the same on every machine.

use super::call::Call;
use super::parallel::{CHUNK, parts};
use super::tensor::{Data, Tensor, filled, wrap};
use crate::tensor::Element;

type Results = Result<Vec<Tensor>, String>;

/// `f` of every element of a floating operand.
fn map(call: &Call, f: impl Fn(f64) -> f64 + Sync) -> Results {
    let x = call.operand(0)?;
    let values = x.floats()?;
    let mut result = filled(&x.shape, 0.0)?;
    parts(&mut result, CHUNK, &|number, chunk| {
        for (result, &value) in chunk.iter_mut().zip(&values[number * CHUNK..]) {
            *result = f(value);
        }
    });
    Ok(vec![Tensor::of_floats(x.element, x.shape.clone(), result)])
}

/// `f` of floats, `g` of integers.
fn map_both(call: &Call, f: impl Fn(f64) -> f64 + Sync, g: impl Fn(i64) -> i64 + Sync) -> Results {
    let x = call.operand(0)?;
    let Data::Integers(values) = &x.data else {
        return map(call, f);
    };
    let mut result = values.clone();
    for value in &mut result {
        *value = wrap(x.element, g(*value));
    }
    Ok(vec![Tensor::of_integers(
        x.element,
        x.shape.clone(),
        result,
    )])
}

/// The lesser, and NaN if either is.
pub fn lesser(a: f64, b: f64) -> f64 {
    if a.is_nan() || a < b { a } else { b }
}

/// The greater, and NaN if either is.
pub fn greater(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// Without overflow for large `x`.
fn softplus_of(x: f64) -> f64 {
    greater(x, 0.0) + libm::log1p(libm::exp(-x.abs()))
}

pub fn abs(call: &Call) -> Results {
    map_both(call, f64::abs, i64::wrapping_abs)
}

pub fn neg(call: &Call) -> Results {
    map_both(call, |x| -x, i64::wrapping_neg)
}

pub fn sign(call: &Call) -> Results {
    let of_float = |x: f64| {
        if x == 0.0 || x.is_nan() {
            x
        } else {
            x.signum()
        }
    };
    map_both(call, of_float, i64::signum)
}

pub fn relu(call: &Call) -> Results {
    map_both(call, |x| greater(x, 0.0), |x| x.max(0))
}

pub fn sigmoid(call: &Call) -> Results {
    map(call, logistic)
}

pub fn tanh(call: &Call) -> Results {
    map(call, libm::tanh)
}

pub fn exp(call: &Call) -> Results {
    map(call, libm::exp)
}

pub fn sin(call: &Call) -> Results {
    map(call, libm::sin)
}

pub fn cos(call: &Call) -> Results {
    map(call, libm::cos)
}

pub fn log(call: &Call) -> Results {
    map(call, libm::log)
}

pub fn sqrt(call: &Call) -> Results {
    map(call, f64::sqrt)
}

pub fn reciprocal(call: &Call) -> Results {
    map(call, |x| 1.0 / x)
}

pub fn erf(call: &Call) -> Results {
    map(call, libm::erf)
}

pub fn ceil(call: &Call) -> Results {
    map(call, f64::ceil)
}

pub fn floor(call: &Call) -> Results {
    map(call, f64::floor)
}

pub fn round(call: &Call) -> Results {
    map(call, f64::round_ties_even)
}

pub fn softplus(call: &Call) -> Results {
    map(call, softplus_of)
}

pub fn softsign(call: &Call) -> Results {
    map(call, |x| x / (1.0 + x.abs()))
}

pub fn mish(call: &Call) -> Results {
    map(call, |x| x * libm::tanh(softplus_of(x)))
}

pub fn hard_sigmoid(call: &Call) -> Results {
    let alpha = call.float("alpha", 0.2)?;
    let beta = call.float("beta", 0.5)?;
    map(call, |x| lesser(greater(alpha * x + beta, 0.0), 1.0))
}

/// `x · max(0, min(1, x / 6 + 1 / 2))`: the definition's constant is the fraction, not a float near it.
pub fn hard_swish(call: &Call) -> Results {
    map(call, |x| x * lesser(greater(x / 6.0 + 0.5, 0.0), 1.0))
}

pub fn swish(call: &Call) -> Results {
    let alpha = call.float("alpha", 1.0)?;
    map(call, |x| x * logistic(alpha * x))
}

pub fn gelu(call: &Call) -> Results {
    match call.text("approximate", "none")? {
        "none" => map(call, |x| {
            0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2))
        }),
        "tanh" => map(call, |x| {
            let scale = (2.0 / std::f64::consts::PI).sqrt();
            0.5 * x * (1.0 + libm::tanh(scale * (x + 0.044_715 * x * x * x)))
        }),
        other => Err(format!("attribute `approximate` is `{other}`")),
    }
}

pub fn leaky_relu(call: &Call) -> Results {
    let alpha = call.float("alpha", 0.01)?;
    map(call, |x| if x < 0.0 { alpha * x } else { x })
}

pub fn elu(call: &Call) -> Results {
    let alpha = call.float("alpha", 1.0)?;
    map(call, |x| if x < 0.0 { alpha * libm::expm1(x) } else { x })
}

/// The defaults are those of the operator's definition.
pub fn selu(call: &Call) -> Results {
    let alpha = call.float("alpha", 1.673_263_2)?;
    let gamma = call.float("gamma", 1.050_701)?;
    map(call, |x| {
        gamma * if x <= 0.0 { alpha * libm::expm1(x) } else { x }
    })
}

/// Bounds are attributes before version 11, operands since; the upper one wins where they cross.
pub fn clip(call: &Call) -> Results {
    let x = call.operand(0)?;
    if call.since(11) && (call.has("min") || call.has("max")) {
        return Err("attributes `min` and `max` ended with version 11".to_owned());
    }
    if let Data::Integers(_) = x.data {
        let bound = |index, default| match call.optional(index) {
            Some(bound) if bound.len() == 1 => Ok(bound.integers()?[0]),
            Some(bound) => Err(format!("a bound has shape {:?}", bound.shape)),
            None => Ok(default),
        };
        let (low, high) = (bound(1, i64::MIN)?, bound(2, i64::MAX)?);
        return map_both(call, |x| x, |x| x.max(low).min(high));
    }
    let bound = |index, name, default: f32| match call.optional(index) {
        Some(bound) => bound.scalar(),
        None => call.float(name, default),
    };
    // Versions 1 and 6 say: the least and the greatest f32.
    let (low, high) = match call.since(11) {
        true => (f32::NEG_INFINITY, f32::INFINITY),
        false => (f32::MIN, f32::MAX),
    };
    let (low, high) = (bound(1, "min", low)?, bound(2, "max", high)?);
    map(call, |x| lesser(greater(x, low), high))
}

pub fn not(call: &Call) -> Results {
    if call.operand(0)?.element != Element::Bool {
        return Err("expected an operand of type bool".to_owned());
    }
    map_both(call, |x| x, |x| 1 - x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(compute: fn(&Call) -> Results, values: &[f64]) -> Vec<f64> {
        let x = Tensor::of_floats(Element::F32, vec![values.len()], values.to_vec());
        let call = Call {
            version: 17,
            attributes: &[],
            operands: vec![Some(&x)],
            results: 1,
        };
        let results = compute(&call).expect("a result");
        results[0].floats().expect("floats").to_vec()
    }

    #[test]
    fn activations_at_their_corners() {
        assert_eq!(run(sigmoid, &[0.0, -1e4, 1e4]), [0.5, 0.0, 1.0]);
        assert_eq!(
            run(hard_swish, &[-4.0, -3.0, 0.0, 3.0, 6.0]),
            [-0.0, -0.0, 0.0, 3.0, 6.0]
        );
        assert_eq!(run(softplus, &[1000.0, -1000.0]), [1000.0, 0.0]);
        assert!(run(relu, &[f64::NAN])[0].is_nan());
        assert_eq!(run(round, &[0.5, 1.5, -2.5]), [0.0, 2.0, -2.0]);
        let swished = run(swish, &[1.0])[0];
        assert!((swished - 0.731_058_578_630_004_9).abs() < 1e-15);
    }
}
