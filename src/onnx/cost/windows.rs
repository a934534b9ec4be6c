//! Shapes of what windows slide over: convolutions and pools.

use super::Call;
use crate::onnx::proto::AttributeProto;

/// Batch, channels, and an extent for each spatial dimension; none if it is not known.
pub(super) fn window(call: &Call<'_>, weight: Option<usize>) -> Option<Vec<u64>> {
    let shape = call.shape(0)?;
    let (batch, channels) = (*shape.first()?, *shape.get(1)?);
    let spatial = &shape[2..];
    let kernel = kernel(call, weight, spatial.len())?;
    let filters = match weight {
        Some(weight) => self::channels(call, weight)?,
        None => channels,
    };
    let mut result = vec![batch, filters];
    let ceil = call.int("ceil_mode").unwrap_or(0) != 0;
    for (axis, extent) in spatial.iter().enumerate() {
        let step = Step::new(call, axis, spatial.len(), kernel[axis])?;
        result.push(step.forward(i64::try_from(*extent).ok()?, ceil)?);
    }
    Some(result)
}

/// Channels of the result of a convolution; none if its groups, its channels and its weights do not fit.
pub(super) fn channels(call: &Call<'_>, weight: usize) -> Option<u64> {
    let (shape, weights) = (call.shape(0)?, call.shape(weight)?);
    let (filters, each, groups) = (*weights.first()?, *weights.get(1)?, groups(call)?);
    let fits = each.checked_mul(groups)? == *shape.get(1)?
        && filters % groups == 0
        && weights.len() == shape.len();
    fits.then_some(filters)
}

/// The same of a transposed convolution.
pub(super) fn filters(call: &Call<'_>) -> Option<u64> {
    let (shape, weights) = (call.shape(0)?, call.shape(1)?);
    let (taken, each, groups) = (*weights.first()?, *weights.get(1)?, groups(call)?);
    let fits = taken == *shape.get(1)? && taken % groups == 0 && weights.len() == shape.len();
    fits.then_some(())?;
    each.checked_mul(groups)
}

fn groups(call: &Call<'_>) -> Option<u64> {
    let groups = u64::try_from(call.int("group").unwrap_or(1)).ok();
    groups.filter(|groups| *groups > 0)
}

/// The same of a transposed convolution.
pub(super) fn transposed(call: &Call<'_>) -> Option<Vec<u64>> {
    let shape = call.shape(0)?;
    let spatial = shape.get(2..)?;
    let mut result = vec![shape[0], filters(call)?];
    let sizes = call.ints("output_shape");
    let extra = call.ints("output_padding");
    let kernel = kernel(call, Some(1), spatial.len())?;
    for (axis, extent) in spatial.iter().enumerate() {
        let step = Step::new(call, axis, spatial.len(), kernel[axis])?;
        let extent = i64::try_from(*extent).ok()?;
        let found = match (&sizes, step.automatic) {
            (Some(sizes), _) => *sizes.get(axis)?,
            (None, Automatic::Same) => extent.checked_mul(step.stride)?,
            (None, _) => {
                let extra = extra
                    .as_ref()
                    .map_or(Some(0), |extra| extra.get(axis).copied())?;
                let moved = (extent - 1).checked_mul(step.stride)?;
                let whole = moved.checked_add(extra)?.checked_add(step.window)?;
                whole.checked_sub(step.padding)?
            }
        };
        result.push(u64::try_from(found).ok()?);
    }
    Some(result)
}

fn kernel(call: &Call<'_>, weight: Option<usize>, rank: usize) -> Option<Vec<i64>> {
    let given = call.ints("kernel_shape");
    let of_weight = |weight: usize| -> Option<Vec<i64>> {
        let behind = call.shape(weight)?.get(2..)?.iter();
        behind.map(|extent| i64::try_from(*extent).ok()).collect()
    };
    let found = match weight {
        Some(weight) => {
            of_weight(weight).filter(|found| given.as_ref().is_none_or(|given| given == found))?
        }
        None => given?,
    };
    (found.len() == rank).then_some(found)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Automatic {
    No,
    Same,
    Valid,
}

/// How a window moves along one dimension.
struct Step {
    window: i64,
    stride: i64,
    padding: i64,
    automatic: Automatic,
}

impl Step {
    fn new(call: &Call<'_>, axis: usize, rank: usize, kernel: i64) -> Option<Self> {
        let at = |name: &str, default: i64| match call.ints(name) {
            Some(found) => found.get(axis).copied(),
            None => Some(default),
        };
        let stride = at("strides", 1)?;
        let dilation = at("dilations", 1)?;
        let pads = call.ints("pads").unwrap_or_else(|| vec![0; 2 * rank]);
        let padding = pads.get(axis)?.checked_add(*pads.get(axis + rank)?)?;
        let automatic = match call.attribute("auto_pad").map(AttributeProto::s) {
            Some(b"SAME_UPPER" | b"SAME_LOWER") => Automatic::Same,
            Some(b"VALID") => Automatic::Valid,
            _ => Automatic::No,
        };
        (stride > 0 && kernel > 0 && dilation > 0).then_some(())?;
        Some(Self {
            window: (kernel - 1).checked_mul(dilation)?.checked_add(1)?,
            stride,
            padding: if automatic == Automatic::No {
                padding
            } else {
                0
            },
            automatic,
        })
    }

    fn forward(&self, extent: i64, ceil: bool) -> Option<u64> {
        if self.automatic == Automatic::Same {
            return u64::try_from(extent)
                .ok()
                .map(|extent| extent.div_ceil(self.stride.unsigned_abs()));
        }
        let room = extent.checked_add(self.padding)?.checked_sub(self.window)?;
        let room = u64::try_from(room).ok()?;
        let stride = self.stride.unsigned_abs();
        let steps = if ceil {
            room.div_ceil(stride)
        } else {
            room / stride
        };
        Some(steps + 1)
    }
}
