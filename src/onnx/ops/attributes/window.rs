//! Operators that move a window: convolutions and max pools.

use super::Reader;
use crate::onnx::ops::{OpError, Operator};

/// Kernel, strides and pads.
type Window = ([u64; 2], [u64; 2], [u64; 4]);

pub(super) fn read_conv(mut reader: Reader<'_>) -> Result<Operator, OpError> {
    let (kernel_shape, strides, pads) = read_window(&mut reader)?;
    let group = reader.int("group")?.unwrap_or(1);
    let group = reader.bounded("group", 1, group)?;
    reader.finish(Operator::Conv {
        kernel_shape,
        strides,
        pads,
        group,
    })
}

pub(super) fn read_max_pool(mut reader: Reader<'_>, results: usize) -> Result<Operator, OpError> {
    let (kernel_shape, strides, pads) = read_window(&mut reader)?;
    // It orders the second result alone.
    reader.flag("storage_order", false)?;
    if reader.flag("ceil_mode", false)? {
        return Err(reader.unsupported("a rounded up extent".to_owned()));
    }
    if results > 1 {
        return Err(reader.unsupported("a second result".to_owned()));
    }
    let kernel = [0, 1, 0, 1].map(|axis| kernel_shape[axis]);
    if let Some(side) = (0..4).find(|side| pads[*side] >= kernel[*side]) {
        let (expected, found) = (kernel[side] - 1, pads[side]);
        return Err(reader.wrong("pads", format!("expected 0 to {expected}, found {found}")));
    }
    reader.finish(Operator::MaxPool {
        kernel_shape,
        strides,
        pads,
    })
}

fn read_window(reader: &mut Reader<'_>) -> Result<Window, OpError> {
    if let Some(auto_pad) = reader.string("auto_pad")?.filter(|value| value != "NOTSET") {
        return match auto_pad.as_str() {
            "SAME_UPPER" | "SAME_LOWER" | "VALID" => {
                Err(reader.unsupported(format!("`auto_pad` of `{auto_pad}`")))
            }
            _ => Err(reader.wrong(
                "auto_pad",
                format!("expected a kind of padding, found `{auto_pad}`"),
            )),
        };
    }
    let kernel_shape = reader.extents("kernel_shape", 1)?;
    let strides = reader.extents("strides", 1)?;
    let pads = reader.extents("pads", 0)?;
    let dilations = reader.extents("dilations", 1)?;
    let Some(kernel_shape) = kernel_shape else {
        return Err(reader.unsupported("a missing `kernel_shape`".to_owned()));
    };
    let Ok(kernel_shape) = <[u64; 2]>::try_from(kernel_shape.as_slice()) else {
        return Err(reader.unsupported(format!("a window of {} dimensions", kernel_shape.len())));
    };
    let strides = reader.exactly("strides", strides, [1, 1])?;
    let pads = reader.exactly("pads", pads, [0; 4])?;
    if reader.exactly("dilations", dilations, [1, 1])? != [1, 1] {
        return Err(reader.unsupported("a dilated window".to_owned()));
    }
    Ok((kernel_shape, strides, pads))
}
