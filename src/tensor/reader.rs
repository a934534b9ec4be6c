//! One tensor that is read in pieces, and its elements as bytes of the type that is asked for.

use super::{Element, SourceError, narrow};

/// Elements that are converted at a time.
const SHARE: usize = 1 << 14;

/// One tensor of a [`TensorSource`](super::TensorSource). Several threads may fill different pieces at once.
pub trait TensorReader: Send + Sync {
    /// Fills `out` with the elements from `offset` on, in row-major order.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError>;

    /// Fills `out` with the elements from `offset` on as they are before they are rounded to f32, where they are computed: what
    /// another type is rounded from, once.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn fill_exact(&self, offset: usize, out: &mut [f64]) -> Result<(), SourceError> {
        // On the stack, and by plain loops, which become vector instructions.
        let mut buffer = [0.0; SHARE / 16];
        let mut done = 0;
        while done < out.len() {
            let length = buffer.len().min(out.len() - done);
            let (singles, doubles) = (&mut buffer[..length], &mut out[done..done + length]);
            self.fill(offset + done, singles)?;
            let mut index = 0;
            while index < length {
                doubles[index] = f64::from(singles[index]);
                index += 1;
            }
            done += length;
        }
        Ok(())
    }

    /// Fills `out` with the little-endian bytes of the elements from `offset` on, as elements of a type that
    /// [`encode`](Element::encode) takes. A reader whose elements are not all f32 offers them here.
    ///
    /// # Errors
    /// If the file cannot be read, or elements of that type cannot be written.
    fn fill_bytes(
        &self,
        element: Element,
        offset: usize,
        out: &mut [u8],
    ) -> Result<(), SourceError> {
        fill_pieces(self, element, offset, out)
    }
}

/// Fills `out` with the little-endian bytes of elements, each rounded once from what the reader computes.
///
/// # Errors
/// If the file cannot be read, or elements of that type cannot be written.
pub fn fill_pieces<R: TensorReader + ?Sized>(
    reader: &R,
    element: Element,
    offset: usize,
    out: &mut [u8],
) -> Result<(), SourceError> {
    let size = element
        .encoded_size()
        .ok_or(SourceError::Unwritten(element))?;
    let (mut buffer, mut exact) = (Vec::new(), Vec::new());
    let pieces = out.chunks_mut(SHARE * size);
    for (start, bytes) in (offset..).step_by(SHARE).zip(pieces) {
        if element == Element::F32 {
            fill_f32(reader, start, &mut buffer, bytes)?;
            continue;
        }
        exact.resize(bytes.len() / size, 0.0);
        reader.fill_exact(start, &mut exact)?;
        match element {
            Element::F16 => narrow::write_f16(&exact, bytes),
            Element::Bf16 => narrow::write_bf16(&exact, bytes),
            _ => element.encode(exact.iter().copied(), bytes),
        }
    }
    Ok(())
}

/// Fills `bytes` with elements as they are: in their place where they are aligned, else by way of `buffer`. Not by way of
/// f64, which changes the bits of some NaNs.
fn fill_f32<R: TensorReader + ?Sized>(
    reader: &R,
    offset: usize,
    buffer: &mut Vec<f32>,
    bytes: &mut [u8],
) -> Result<(), SourceError> {
    if let Ok(values) = bytemuck::try_cast_slice_mut(bytes) {
        reader.fill(offset, values)?;
    } else {
        buffer.resize(bytes.len() / size_of::<f32>(), 0.0);
        reader.fill(offset, buffer)?;
        bytes.copy_from_slice(bytemuck::cast_slice(buffer));
    }
    if cfg!(target_endian = "big") {
        let values = bytes.chunks_exact_mut(size_of::<f32>());
        values.for_each(<[u8]>::reverse);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A NaN whose bits do not survive a conversion to f64 and back.
    const SIGNALLING: u32 = 0x7f80_0001;

    struct NaN;

    impl TensorReader for NaN {
        fn fill(&self, _offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
            out.fill(f32::from_bits(SIGNALLING));
            Ok(())
        }
    }

    #[test]
    fn f32_keeps_its_bits_at_every_place_in_memory() {
        let mut bytes = [0; 16];
        for start in 0..4 {
            let out = &mut bytes[start..start + 12];
            NaN.fill_bytes(Element::F32, 0, out).expect("it is written");
            assert_eq!(*out, [1, 0, 0x80, 0x7f].repeat(3), "{start}");
        }
    }
}
