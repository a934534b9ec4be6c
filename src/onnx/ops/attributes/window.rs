//! Operators that move a window: convolutions and max pools.

use super::Reader;
use crate::onnx::ops::{ConvPads, OpError, Operator};

/// The value of `auto_pad` for [`ConvPads::SameUpper`].
pub(super) const SAME_UPPER: &str = "SAME_UPPER";

/// Kernel, strides and pads.
type Window = ([u64; 2], [u64; 2], ConvPads);

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
    let ConvPads::Explicit(pads) = pads else {
        return Err(reader.unsupported(format!("`auto_pad` of `{SAME_UPPER}`")));
    };
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
    let auto_pad = reader.string("auto_pad")?;
    let is_same = match auto_pad.as_deref() {
        None | Some("NOTSET") => false,
        Some(SAME_UPPER) => true,
        Some(other @ ("SAME_LOWER" | "VALID")) => {
            return Err(reader.unsupported(format!("`auto_pad` of `{other}`")));
        }
        Some(other) => {
            return Err(reader.wrong(
                "auto_pad",
                format!("expected a kind of padding, found `{other}`"),
            ));
        }
    };
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
    let pads = match (is_same, pads) {
        (false, pads) => ConvPads::Explicit(reader.exactly("pads", pads, [0; 4])?),
        (true, None) => ConvPads::SameUpper,
        (true, Some(_)) => {
            return Err(reader.unsupported(format!("`pads` beside `auto_pad` of `{SAME_UPPER}`")));
        }
    };
    if reader.exactly("dilations", dilations, [1, 1])? != [1, 1] {
        return Err(reader.unsupported("a dilated window".to_owned()));
    }
    Ok((kernel_shape, strides, pads))
}
