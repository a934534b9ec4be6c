//! Convolution: a strip of the result at a time, from a strip of the operand's patches.
//!
//! A strip is at most [`STRIP`] neighbouring elements of one channel of the result, row by row. For it the
//! operand's elements under each tap of the kernel are gathered, at most [`DEPTH`] taps at a time, and
//! weighed into as many channels as a task has. So strides, dilations, pads and groups concern only the gathering.

use super::call::Call;
use super::tensor::{Tensor, count, extents, filled};
use super::window::{Slide, slides};
use rayon::prelude::*;

/// Elements of a strip.
const STRIP: usize = 128;
/// Taps, over all input channels, that are gathered together: with [`STRIP`] 256 KiB.
const DEPTH: usize = 256;
/// Channels of the result that one task computes, so that the cost of gathering is shared.
const CHANNELS: usize = 16;

/// The parts of the result that one task computes.
struct Task<'a> {
    image: usize,
    group: usize,
    /// The first channel of the result, counted over all groups.
    channel: usize,
    result: &'a mut [f64],
}

/// What all tasks share.
struct Shared<'a> {
    x: &'a [f64],
    weight: &'a [f64],
    bias: Option<&'a [f64]>,
    /// Input channels, all and those of a group.
    channels: usize,
    per_group: usize,
    height: Slide,
    width: Slide,
}

/// `Conv`, of one or two spatial dimensions.
pub fn conv(call: &Call) -> Result<Vec<Tensor>, String> {
    let (x, weight) = (call.operand(0)?, call.operand(1)?);
    let rank = x.shape.len();
    if !(3..=4).contains(&rank) || weight.shape.len() != rank {
        return Err(format!(
            "shapes {:?} and {:?} are not those of a convolution of one or two dimensions",
            x.shape, weight.shape
        ));
    }
    let kernel = &weight.shape[2..];
    if let Some(declared) = call.ints("kernel_shape")?
        && extents(declared)? != kernel
    {
        return Err(format!(
            "attribute `kernel_shape` is {declared:?}, the weight's is {kernel:?}"
        ));
    }
    let group = usize::try_from(call.int("group", 1)?).unwrap_or(0);
    let (channels, filters) = (x.shape[1], weight.shape[0]);
    let per_group = weight.shape[1];
    if group == 0 || filters % group != 0 || per_group.checked_mul(group) != Some(channels) {
        return Err(format!(
            "{group} groups do not divide {filters} filters of {per_group} channels over {channels} channels"
        ));
    }
    let found = slides(call, &x.shape[2..], kernel, false)?;
    let flat = Slide {
        input: 1,
        output: 1,
        kernel: 1,
        stride: 1,
        dilation: 1,
        before: 0,
        after: 0,
    };
    let (height, width) = match found[..] {
        [width] => (flat, width),
        [height, width] => (height, width),
        _ => return Err("too many spatial dimensions".to_owned()),
    };
    let bias = match call.optional(2) {
        Some(bias) if bias.shape != [filters] => {
            return Err(format!("the bias has shape {:?}", bias.shape));
        }
        Some(bias) => Some(bias.floats()?),
        None => None,
    };
    let mut shape = vec![x.shape[0], filters];
    shape.extend(found.iter().map(|slide| slide.output));
    count(&shape)?;
    let shared = Shared {
        x: x.floats()?,
        weight: weight.floats()?,
        bias,
        channels,
        per_group,
        height,
        width,
    };
    let mut result = filled(&shape, 0.0)?;
    if !result.is_empty() {
        let tasks = tasks(&mut result, filters, group, height.output * width.output);
        tasks
            .into_par_iter()
            .for_each(|mut task| shared.compute(&mut task));
    }
    Ok(vec![Tensor::of_floats(x.element, shape, result)])
}

/// Up to [`CHANNELS`] channels of one group each.
fn tasks(result: &mut [f64], filters: usize, groups: usize, area: usize) -> Vec<Task<'_>> {
    let mut tasks = Vec::new();
    let filters_per_group = filters / groups;
    for (index, part) in result.chunks_mut(filters_per_group * area).enumerate() {
        let (image, group) = (index / groups, index % groups);
        for (block, part) in part.chunks_mut(CHANNELS * area).enumerate() {
            tasks.push(Task {
                image,
                group,
                channel: group * filters_per_group + block * CHANNELS,
                result: part,
            });
        }
    }
    tasks
}

impl Shared<'_> {
    fn compute(&self, task: &mut Task) {
        let taps = self.per_group * self.height.kernel * self.width.kernel;
        let area = self.height.output * self.width.output;
        let mut patches = vec![0.0; taps.min(DEPTH) * area.min(STRIP)];
        for (offset, channel) in task.result.chunks_mut(area).enumerate() {
            if let Some(bias) = self.bias {
                channel.fill(bias[task.channel + offset]);
            }
        }
        for start in (0..area).step_by(STRIP) {
            let length = STRIP.min(area - start);
            for first in (0..taps).step_by(DEPTH) {
                let depth = DEPTH.min(taps - first);
                for index in 0..depth {
                    let patch = &mut patches[index * length..(index + 1) * length];
                    self.gather(task, first + index, start, patch);
                }
                let patches = &patches[..depth * length];
                for (offset, channel) in task.result.chunks_mut(area).enumerate() {
                    let weights = (task.channel + offset) * taps + first;
                    weigh(
                        &mut channel[start..start + length],
                        patches,
                        &self.weight[weights..weights + depth],
                    );
                }
            }
        }
    }

    /// The elements under one tap, for the elements of the result from `start` on.
    fn gather(&self, task: &Task, tap: usize, start: usize, patch: &mut [f64]) {
        let (kernel_height, kernel_width) = (self.height.kernel, self.width.kernel);
        let channel = tap / (kernel_height * kernel_width);
        let tap_y = tap / kernel_width % kernel_height;
        let tap_x = tap % kernel_width;
        let plane = task.image * self.channels + task.group * self.per_group + channel;
        let area = self.height.input * self.width.input;
        let plane = &self.x[plane * area..(plane + 1) * area];
        let (inside_from, inside_to) = self.width.inside(tap_x);
        let row_length = self.width.output;
        let mut done = 0;
        while done < patch.len() {
            let (y, from) = ((start + done) / row_length, (start + done) % row_length);
            let length = (row_length - from).min(patch.len() - done);
            let row = &mut patch[done..done + length];
            done += length;
            let Some(source_y) = self.height.source(y, tap_y) else {
                row.fill(0.0);
                continue;
            };
            let source = &plane[source_y * self.width.input..(source_y + 1) * self.width.input];
            let left = inside_from.clamp(from, from + length) - from;
            let right = inside_to.clamp(from, from + length) - from;
            row[..left].fill(0.0);
            row[right..].fill(0.0);
            if left >= right {
                continue;
            }
            let stride = self.width.stride;
            let first = (from + left) * stride + tap_x * self.width.dilation - self.width.before;
            let row = &mut row[left..right];
            if stride == 1 {
                row.copy_from_slice(&source[first..first + row.len()]);
            } else {
                for (index, element) in row.iter_mut().enumerate() {
                    *element = source[first + index * stride];
                }
            }
        }
    }
}

/// Adds each patch times its weight, four patches at a time.
fn weigh(result: &mut [f64], patches: &[f64], weights: &[f64]) {
    let length = result.len();
    let mut index = 0;
    while index + 4 <= weights.len() {
        let a = &patches[index * length..][..length];
        let b = &patches[(index + 1) * length..][..length];
        let c = &patches[(index + 2) * length..][..length];
        let d = &patches[(index + 3) * length..][..length];
        let (wa, wb, wc, wd) = (
            weights[index],
            weights[index + 1],
            weights[index + 2],
            weights[index + 3],
        );
        for at in 0..length {
            result[at] += (a[at] * wa + b[at] * wb) + (c[at] * wc + d[at] * wd);
        }
        index += 4;
    }
    while index < weights.len() {
        let a = &patches[index * length..][..length];
        let weight = weights[index];
        for at in 0..length {
            result[at] += a[at] * weight;
        }
        index += 1;
    }
}
