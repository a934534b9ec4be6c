//! Windows that slide over the spatial dimensions: strides, dilations and the several ways of padding.

use super::call::Call;
use super::tensor::extents;

/// Along one spatial dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slide {
    /// Extent of the operand.
    pub input: usize,
    /// Extent of the result.
    pub output: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    /// Padding before the first element.
    pub before: usize,
    /// Padding after the last element.
    pub after: usize,
}

/// Larger steps, windows and pads than this are no one's; sums of them stay far from overflow.
const LARGEST: usize = 1 << 30;

impl Slide {
    /// The element under tap `tap` of window `output`, if it is not padding.
    pub fn source(&self, output: usize, tap: usize) -> Option<usize> {
        let position = output * self.stride + tap * self.dilation;
        position
            .checked_sub(self.before)
            .filter(|&position| position < self.input)
    }

    /// The windows `from..to` whose tap `tap` is not on padding.
    pub fn inside(&self, tap: usize) -> (usize, usize) {
        let shift = tap * self.dilation;
        let from = self.before.saturating_sub(shift).div_ceil(self.stride);
        // Window `o` is inside while o * stride + shift < before + input.
        let end = (self.before + self.input).saturating_sub(shift);
        let to = end.div_ceil(self.stride).min(self.output);
        (from.min(to), to)
    }
}

/// The slides that a node's attributes ask for, one for each of the dimensions `spatial` with its kernel.
pub fn slides(
    call: &Call,
    spatial: &[usize],
    kernel: &[usize],
    ceil: bool,
) -> Result<Vec<Slide>, String> {
    let rank = spatial.len();
    let strides = per_dimension(call, "strides", rank, 1)?;
    let dilations = per_dimension(call, "dilations", rank, 1)?;
    let pads = per_dimension(call, "pads", 2 * rank, 0)?;
    let auto = call.text("auto_pad", "NOTSET")?;
    if auto != "NOTSET" && pads.iter().any(|&pad| pad != 0) {
        return Err(format!("it has `pads` {pads:?} beside `auto_pad` {auto}"));
    }
    let mut found = Vec::new();
    for index in 0..rank {
        let (input, kernel) = (spatial[index], kernel[index]);
        let (stride, dilation) = (strides[index], dilations[index]);
        if stride == 0 || dilation == 0 || kernel == 0 {
            return Err("a stride, dilation or window is 0".to_owned());
        }
        if input > LARGEST || kernel > LARGEST {
            return Err("a window or its operand is too large".to_owned());
        }
        let reach = (kernel - 1)
            .checked_mul(dilation)
            .filter(|&reach| reach < LARGEST)
            .ok_or("a window is too large")?
            + 1;
        let (before, after) = match auto {
            "NOTSET" => (pads[index], pads[rank + index]),
            "VALID" => (0, 0),
            "SAME_UPPER" | "SAME_LOWER" => {
                let covered = input.div_ceil(stride).saturating_sub(1) * stride + reach;
                let total = covered.saturating_sub(input);
                let (less, more) = (total / 2, total - total / 2);
                match auto {
                    "SAME_UPPER" => (less, more),
                    _ => (more, less),
                }
            }
            _ => return Err(format!("attribute `auto_pad` is `{auto}`")),
        };
        let padded = before + input + after;
        let Some(room) = padded.checked_sub(reach) else {
            return Err(format!(
                "a window of {reach} does not fit into {input} padded by {before} and {after}"
            ));
        };
        // For automatic padding ONNX has formulas of its own, which give the same whether or not they are rounded up.
        let up = ceil && auto == "NOTSET";
        let mut output = match up {
            true => room.div_ceil(stride) + 1,
            false => room / stride + 1,
        };
        // No window may start in the padding behind the operand.
        if up && (output - 1) * stride >= before + input {
            output -= 1;
        }
        found.push(Slide {
            input,
            output,
            kernel,
            stride,
            dilation,
            before,
            after,
        });
    }
    Ok(found)
}

fn per_dimension(
    call: &Call,
    name: &str,
    count: usize,
    default: usize,
) -> Result<Vec<usize>, String> {
    let Some(values) = call.ints(name)? else {
        return Ok(vec![default; count]);
    };
    let values = extents(values)?;
    if values.len() != count || values.iter().any(|&value| value > LARGEST) {
        return Err(format!(
            "attribute `{name}`: expected {count} small numbers, found {values:?}"
        ));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::proto::AttributeProto;

    fn one(input: usize, kernel: usize, stride: i64, auto: &str, ceil: bool) -> Slide {
        let attributes = [
            AttributeProto {
                name: Some("auto_pad".to_owned()),
                s: Some(auto.as_bytes().to_vec()),
                ..AttributeProto::default()
            },
            AttributeProto {
                name: Some("strides".to_owned()),
                ints: vec![stride],
                ..AttributeProto::default()
            },
        ];
        let call = Call {
            version: 17,
            attributes: &attributes,
            operands: Vec::new(),
            results: 1,
        };
        slides(&call, &[input], &[kernel], ceil).expect("they fit")[0]
    }

    /// TensorFlow's rule: the result has ceil(input / stride) elements, and the odd zero comes after.
    #[test]
    fn same_padding_on_odd_and_even_sizes() {
        let cases = [
            (224, 3, 2, "SAME_UPPER", (112, 0, 1)),
            (225, 3, 2, "SAME_UPPER", (113, 1, 1)),
            (224, 3, 2, "SAME_LOWER", (112, 1, 0)),
            (7, 5, 2, "SAME_UPPER", (4, 2, 2)),
            (8, 5, 2, "SAME_UPPER", (4, 1, 2)),
            (8, 5, 1, "SAME_UPPER", (8, 2, 2)),
            // A stride longer than the window leaves elements out and needs no padding.
            (7, 1, 2, "SAME_UPPER", (4, 0, 0)),
            (8, 3, 2, "VALID", (3, 0, 0)),
        ];
        for (input, kernel, stride, auto, expected) in cases {
            for ceil in [false, true] {
                let slide = one(input, kernel, stride, auto, ceil);
                let found = (slide.output, slide.before, slide.after);
                assert_eq!(found, expected, "{input} {kernel} {stride} {auto} {ceil}");
            }
        }
        for (ceil, expected) in [(false, 3), (true, 4)] {
            assert_eq!(one(8, 3, 2, "NOTSET", ceil).output, expected);
        }
    }

    #[test]
    fn windows_inside_are_those_with_a_source() {
        for (input, kernel, stride) in [(7, 5, 2), (8, 3, 1), (2, 5, 3), (1, 7, 1), (9, 2, 4)] {
            let slide = one(input, kernel, stride, "SAME_UPPER", false);
            for tap in 0..kernel {
                let (from, to) = slide.inside(tap);
                for output in 0..slide.output {
                    let inside = (from..to).contains(&output);
                    assert_eq!(slide.source(output, tap).is_some(), inside);
                }
            }
        }
    }
}
