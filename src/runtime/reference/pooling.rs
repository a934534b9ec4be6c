//! Pooling over windows of any number of spatial dimensions, and over everything.

use super::call::Call;
use super::elementwise::greater;
use super::parallel::parts;
use super::tensor::{Data, Tensor, count, extents, filled, range};
use super::window::{Slide, slides};

type Results = Result<Vec<Tensor>, String>;

/// Refuses the operand of a pool that has no spatial dimension.
fn spatial(x: &Tensor) -> Result<&[usize], String> {
    match x.shape.get(2..) {
        Some(spatial) if !spatial.is_empty() => Ok(spatial),
        _ => Err(format!(
            "shape {:?} has no batch, channels and spatial dimensions",
            x.shape
        )),
    }
}

fn windows(call: &Call, x: &Tensor) -> Result<(Vec<Slide>, Vec<usize>), String> {
    let spatial = spatial(x)?;
    let kernel = match call.ints("kernel_shape")? {
        Some(kernel) if kernel.len() == spatial.len() => extents(kernel)?,
        found => return Err(format!("attribute `kernel_shape` is {found:?}")),
    };
    let slides = slides(call, spatial, &kernel, call.flag("ceil_mode", false)?)?;
    let mut shape = x.shape[..2].to_vec();
    shape.extend(slides.iter().map(|slide| slide.output));
    count(&shape)?;
    count(&kernel)?;
    Ok((slides, shape))
}

/// Calls `visit` with the place in its plane of each element under window `index`; how many elements the window
/// has when padding is counted, but not what lies behind the padding.
fn visit(slides: &[Slide], mut index: usize, mut visit: impl FnMut(usize)) -> usize {
    let mut window = vec![0; slides.len()];
    for (place, slide) in window.iter_mut().zip(slides).rev() {
        *place = index % slide.output;
        index /= slide.output;
    }
    let mut with_padding = 1;
    for (&place, slide) in window.iter().zip(slides) {
        let end = slide.before + slide.input + slide.after;
        let start = place * slide.stride;
        let taps = end.saturating_sub(start).div_ceil(slide.dilation);
        with_padding *= taps.min(slide.kernel);
    }
    let mut taps = vec![0; slides.len()];
    'taps: loop {
        let mut offset = Some(0);
        for ((slide, &place), &tap) in slides.iter().zip(&window).zip(&taps) {
            let source = slide.source(place, tap);
            offset = offset
                .zip(source)
                .map(|(offset, source)| offset * slide.input + source);
        }
        if let Some(offset) = offset {
            visit(offset);
        }
        for (tap, slide) in taps.iter_mut().zip(slides).rev() {
            *tap += 1;
            if *tap < slide.kernel {
                continue 'taps;
            }
            *tap = 0;
        }
        return with_padding;
    }
}

pub fn average(call: &Call) -> Results {
    let x = call.operand(0)?;
    let values = x.floats()?;
    let (slides, shape) = windows(call, x)?;
    let include = call.flag("count_include_pad", false)?;
    let pool = |plane: &[f64], index| {
        let (mut sum, mut inside) = (0.0, 0usize);
        let with_padding = visit(&slides, index, |at| {
            sum += plane[at];
            inside += 1;
        });
        sum / if include { with_padding } else { inside } as f64
    };
    let result = planes(x, values, &shape, 0.0, pool)?;
    Ok(vec![Tensor::of_floats(x.element, shape, result)])
}

/// Padding never wins. Where the maxima lie, the second result, is not computed.
pub fn max(call: &Call) -> Results {
    let x = call.operand(0)?;
    let (slides, shape) = windows(call, x)?;
    let data = match &x.data {
        Data::Floats(values) => {
            let pool = |plane: &[f64], index| {
                let mut most = f64::NEG_INFINITY;
                visit(&slides, index, |at| most = greater(most, plane[at]));
                most
            };
            Data::Floats(planes(x, values, &shape, 0.0, pool)?)
        }
        Data::Integers(values) => {
            let least = range(x.element).0;
            let pool = |plane: &[i64], index| {
                let mut most = least;
                visit(&slides, index, |at| most = most.max(plane[at]));
                most
            };
            Data::Integers(planes(x, values, &shape, 0, pool)?)
        }
    };
    Ok(vec![Tensor {
        element: x.element,
        shape,
        data,
    }])
}

/// Each element of the result from its plane of the operand.
fn planes<T: Copy + Send + Sync>(
    x: &Tensor,
    values: &[T],
    shape: &[usize],
    empty: T,
    pool: impl Fn(&[T], usize) -> T + Sync,
) -> Result<Vec<T>, String> {
    let mut result = filled(shape, empty)?;
    let area: usize = x.shape[2..].iter().product();
    let pooled: usize = shape[2..].iter().product();
    if !result.is_empty() {
        parts(&mut result, pooled, &|plane, result| {
            let values = &values[plane * area..(plane + 1) * area];
            for (index, element) in result.iter_mut().enumerate() {
                *element = pool(values, index);
            }
        });
    }
    Ok(result)
}

fn global(x: &Tensor, pool: impl Fn(&[f64]) -> f64 + Sync) -> Results {
    let values = x.floats()?;
    let mut shape = x.shape.clone();
    shape[2..].fill(1);
    let result = planes(x, values, &shape, 0.0, |plane, _| pool(plane))?;
    Ok(vec![Tensor::of_floats(x.element, shape, result)])
}

pub fn global_average(call: &Call) -> Results {
    let x = call.operand(0)?;
    let area = spatial(x)?.iter().product::<usize>() as f64;
    global(x, |plane| {
        let mut sum = 0.0;
        for value in plane {
            sum += value;
        }
        sum / area
    })
}

pub fn global_max(call: &Call) -> Results {
    let x = call.operand(0)?;
    spatial(x)?;
    global(x, |plane| {
        let mut most = f64::NEG_INFINITY;
        for &value in plane {
            most = greater(most, value);
        }
        most
    })
}
