//! Operators of several operands, element by element, with broadcasting.

use super::broadcast::{Walk, pairs};
use super::call::Call;
use super::elementwise::{greater as greater_of, lesser as lesser_of};
use super::tensor::{Data, Tensor, wrap};
use crate::tensor::Element;

type Results = Result<Vec<Tensor>, String>;

/// Broadcasting of operators before version 7 follows an attribute that no definition has had since.
fn two<'a>(call: &Call<'a>) -> Result<(&'a Tensor, &'a Tensor, Walk<2>), String> {
    let (a, b) = (call.operand(0)?, call.operand(1)?);
    if !call.since(7) && a.shape != b.shape {
        return Err("broadcasting before version 7 is not supported".to_owned());
    }
    let walk = Walk::new([&a.shape, &b.shape])?;
    Ok((a, b, walk))
}

fn same_element(a: &Tensor, b: &Tensor) -> Result<(), String> {
    if a.element == b.element {
        return Ok(());
    }
    Err(format!(
        "expected operands of one type, found {} and {}",
        a.element, b.element
    ))
}

/// `f` of floats, `g` of integers, the latter wrapped.
fn combine(
    a: &Tensor,
    b: &Tensor,
    walk: Walk<2>,
    f: impl Fn(f64, f64) -> f64 + Sync,
    g: impl Fn(i64, i64) -> i64 + Sync,
) -> Result<Tensor, String> {
    same_element(a, b)?;
    let data = match (&a.data, &b.data) {
        (Data::Floats(a), Data::Floats(b)) => Data::Floats(pairs(&walk, a, b, 0.0, f)?),
        _ => {
            let element = a.element;
            let g = |a, b| wrap(element, g(a, b));
            Data::Integers(pairs(&walk, a.integers()?, b.integers()?, 0, g)?)
        }
    };
    Ok(Tensor {
        element: a.element,
        shape: walk.shape,
        data,
    })
}

pub fn add(call: &Call) -> Results {
    let (a, b, walk) = two(call)?;
    Ok(vec![combine(a, b, walk, |a, b| a + b, i64::wrapping_add)?])
}

pub fn sub(call: &Call) -> Results {
    let (a, b, walk) = two(call)?;
    Ok(vec![combine(a, b, walk, |a, b| a - b, i64::wrapping_sub)?])
}

pub fn mul(call: &Call) -> Results {
    let (a, b, walk) = two(call)?;
    Ok(vec![combine(a, b, walk, |a, b| a * b, i64::wrapping_mul)?])
}

/// Of integers towards zero.
pub fn div(call: &Call) -> Results {
    let (a, b, walk) = two(call)?;
    if let Data::Integers(divisors) = &b.data
        && divisors.contains(&0)
    {
        return Err("an integer is divided by 0".to_owned());
    }
    Ok(vec![combine(a, b, walk, |a, b| a / b, i64::wrapping_div)?])
}

/// `Mod`: with the divisor's sign as Python's, or with the dividend's as C's where `fmod`.
pub fn modulo(call: &Call) -> Results {
    let (a, b, walk) = two(call)?;
    let as_c = call.flag("fmod", false)?;
    if let Data::Integers(divisors) = &b.data
        && divisors.contains(&0)
    {
        return Err("an integer is divided by 0".to_owned());
    }
    let of_floats = |a: f64, b: f64| {
        let rest = a % b;
        if !as_c && rest != 0.0 && (rest < 0.0) != (b < 0.0) {
            rest + b
        } else {
            rest
        }
    };
    let of_integers = |a: i64, b: i64| {
        let rest = a.wrapping_rem(b);
        if !as_c && rest != 0 && (rest < 0) != (b < 0) {
            rest + b
        } else {
            rest
        }
    };
    Ok(vec![combine(a, b, walk, of_floats, of_integers)?])
}

/// The exponent may have another type; the result has that of the base.
pub fn pow(call: &Call) -> Results {
    let (a, b, walk) = two(call)?;
    let data = match (&a.data, &b.data) {
        (Data::Floats(a), Data::Floats(b)) => Data::Floats(pairs(&walk, a, b, 0.0, libm::pow)?),
        (Data::Floats(a), Data::Integers(b)) => {
            let b: Vec<f64> = b.iter().map(|&b| b as f64).collect();
            Data::Floats(pairs(&walk, a, &b, 0.0, libm::pow)?)
        }
        (Data::Integers(base), Data::Integers(b)) => {
            if b.iter().any(|&b| u32::try_from(b).is_err()) {
                return Err("an integer has an exponent that is negative or huge".to_owned());
            }
            let element = a.element;
            let power = |a: i64, b: i64| wrap(element, a.wrapping_pow(b as u32));
            Data::Integers(pairs(&walk, base, b, 0, power)?)
        }
        (Data::Integers(base), Data::Floats(b)) => {
            let base: Vec<f64> = base.iter().map(|&base| base as f64).collect();
            let power = pairs(&walk, &base, b, 0.0, libm::pow)?;
            let element = a.element;
            Data::Integers(power.iter().map(|&p| wrap(element, p as i64)).collect())
        }
    };
    Ok(vec![Tensor {
        element: a.element,
        shape: walk.shape,
        data,
    }])
}

/// One slope for each element that it is broadcast to.
pub fn prelu(call: &Call) -> Results {
    let (x, slope, walk) = two(call)?;
    let f = |x: f64, slope: f64| if x < 0.0 { slope * x } else { x };
    let g = |x: i64, slope: i64| if x < 0 { slope.wrapping_mul(x) } else { x };
    if walk.shape != x.shape {
        return Err(format!("the slope's shape {:?} is too large", slope.shape));
    }
    Ok(vec![combine(x, slope, walk, f, g)?])
}

/// Several operands, two at a time.
fn fold(
    call: &Call,
    f: impl Fn(f64, f64) -> f64 + Sync,
    g: impl Fn(i64, i64) -> i64 + Sync,
) -> Result<Tensor, String> {
    let operands = call.all_operands()?;
    let mut result = call.operand(0)?.clone();
    for operand in &operands[1..] {
        if !call.since(8) && operand.shape != result.shape {
            return Err("operands of one shape are expected before version 8".to_owned());
        }
        let walk = Walk::new([&result.shape, &operand.shape])?;
        result = combine(&result, operand, walk, &f, &g)?;
    }
    Ok(result)
}

pub fn max(call: &Call) -> Results {
    Ok(vec![fold(call, greater_of, i64::max)?])
}

pub fn min(call: &Call) -> Results {
    Ok(vec![fold(call, lesser_of, i64::min)?])
}

pub fn sum(call: &Call) -> Results {
    Ok(vec![fold(call, |a, b| a + b, i64::wrapping_add)?])
}

pub fn mean(call: &Call) -> Results {
    let mut sum = fold(call, |a, b| a + b, i64::wrapping_add)?;
    let count = call.operands.len() as f64;
    match &mut sum.data {
        Data::Floats(data) => {
            for value in data {
                *value /= count;
            }
        }
        Data::Integers(_) => return Err("expected operands of a floating type".to_owned()),
    }
    Ok(vec![sum])
}

/// Of floats or of integers, to bool.
fn compare(
    call: &Call,
    f: impl Fn(f64, f64) -> bool + Sync,
    g: impl Fn(i64, i64) -> bool + Sync,
) -> Results {
    let (a, b, walk) = two(call)?;
    same_element(a, b)?;
    let result = match (&a.data, &b.data) {
        (Data::Floats(a), Data::Floats(b)) => pairs(&walk, a, b, 0, |a, b| f(a, b).into())?,
        _ => pairs(&walk, a.integers()?, b.integers()?, 0, |a, b| {
            g(a, b).into()
        })?,
    };
    Ok(vec![Tensor::of_integers(Element::Bool, walk.shape, result)])
}

pub fn equal(call: &Call) -> Results {
    compare(call, |a, b| a == b, |a, b| a == b)
}

pub fn less(call: &Call) -> Results {
    compare(call, |a, b| a < b, |a, b| a < b)
}

pub fn less_or_equal(call: &Call) -> Results {
    compare(call, |a, b| a <= b, |a, b| a <= b)
}

pub fn greater(call: &Call) -> Results {
    compare(call, |a, b| a > b, |a, b| a > b)
}

pub fn greater_or_equal(call: &Call) -> Results {
    compare(call, |a, b| a >= b, |a, b| a >= b)
}

/// Of bools, to bool.
fn logic(call: &Call, g: impl Fn(i64, i64) -> i64 + Sync) -> Results {
    let (a, b, walk) = two(call)?;
    same_element(a, b)?;
    if a.element != Element::Bool {
        return Err(format!(
            "expected operands of type bool, found {}",
            a.element
        ));
    }
    let result = pairs(&walk, a.integers()?, b.integers()?, 0, g)?;
    Ok(vec![Tensor::of_integers(Element::Bool, walk.shape, result)])
}

pub fn and(call: &Call) -> Results {
    logic(call, |a, b| a & b)
}

pub fn or(call: &Call) -> Results {
    logic(call, |a, b| a | b)
}

pub fn xor(call: &Call) -> Results {
    logic(call, |a, b| a ^ b)
}

/// `Where`: the second operand where the first is true, else the third.
pub fn choose(call: &Call) -> Results {
    let (condition, a, b) = (call.operand(0)?, call.operand(1)?, call.operand(2)?);
    same_element(a, b)?;
    if condition.element != Element::Bool {
        return Err("expected a condition of type bool".to_owned());
    }
    let condition_values = condition.integers()?;
    let walk = Walk::new([&condition.shape, &a.shape, &b.shape])?;
    let data = match (&a.data, &b.data) {
        (Data::Floats(a), Data::Floats(b)) => {
            Data::Floats(chosen(&walk, condition_values, a, b, 0.0)?)
        }
        _ => Data::Integers(chosen(
            &walk,
            condition_values,
            a.integers()?,
            b.integers()?,
            0,
        )?),
    };
    Ok(vec![Tensor {
        element: a.element,
        shape: walk.shape,
        data,
    }])
}

fn chosen<T: Copy + Send + Sync>(
    walk: &Walk<3>,
    condition: &[i64],
    a: &[T],
    b: &[T],
    empty: T,
) -> Result<Vec<T>, String> {
    walk.fill(empty, |row, [at, at_a, at_b], [step, step_a, step_b]| {
        for (index, result) in row.iter_mut().enumerate() {
            *result = match condition[at + index * step] {
                0 => b[at_b + index * step_b],
                _ => a[at_a + index * step_a],
            };
        }
    })
}
