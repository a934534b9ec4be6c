//! Element types of checkpoints: little-endian bytes to f32. Knows no file format.

use super::Dtype;

/// Bytes of one element; integers are never read, so they have none.
pub(super) fn size(dtype: Dtype) -> Option<usize> {
    match dtype {
        Dtype::F16 | Dtype::BF16 => Some(2),
        Dtype::F32 => Some(4),
        Dtype::F64 => Some(8),
        Dtype::Integer => None,
    }
}

/// Converts `out.len()` little-endian elements to f32, doubles rounded to nearest. Integers become zeros.
#[expect(clippy::cast_possible_truncation, reason = "a double is rounded once")]
pub(super) fn decode(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F16 => each(bytes, out, |element| {
            half_to_single(u16::from_le_bytes(element))
        }),
        Dtype::BF16 => each(bytes, out, |element| {
            f32::from_bits(u32::from(u16::from_le_bytes(element)) << 16)
        }),
        Dtype::F32 => each(bytes, out, f32::from_le_bytes),
        Dtype::F64 => each(bytes, out, |element| f64::from_le_bytes(element) as f32),
        Dtype::Integer => out.fill(0.0),
    }
}

/// Makes numbers of elements whose little-endian bytes were read into their place.
pub(super) fn from_little_endian(out: &mut [f32]) {
    if cfg!(target_endian = "big") {
        for value in out {
            *value = f32::from_bits(value.to_bits().swap_bytes());
        }
    }
}

fn each<const SIZE: usize>(bytes: &[u8], out: &mut [f32], convert: impl Fn([u8; SIZE]) -> f32) {
    let (elements, _) = bytes.as_chunks::<SIZE>();
    for (target, element) in out.iter_mut().zip(elements) {
        *target = convert(*element);
    }
}

/// IEEE 754 binary16 to binary32; exact, as every half is a single.
fn half_to_single(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let exponent = u32::from(half >> 10 & 0x1f);
    let fraction = u32::from(half & 0x3ff);
    match exponent {
        // Subnormal: fraction · 2⁻²⁴.
        0 => f32::from_bits(sign | (fraction as f32 * f32::from_bits(0x3380_0000)).to_bits()),
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(dtype: Dtype, bytes: &[u8]) -> f32 {
        let mut out = [0.5];
        decode(dtype, bytes, &mut out);
        out[0]
    }

    #[test]
    fn halves_are_exact() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x83ff, -6.097_555e-5),
            (0x0000, 0.0),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half_to_single(bits), value, "{bits:#06x}");
        }
        assert!(half_to_single(0x8000).is_sign_negative());
        assert!(half_to_single(0x7e00).is_nan());
    }

    #[test]
    fn every_type_is_little_endian() {
        assert_eq!(one(Dtype::F16, &[0x00, 0x3e]), 1.5);
        assert_eq!(one(Dtype::BF16, &[0xc0, 0x3f]), 1.5);
        assert_eq!(one(Dtype::F32, &1.5f32.to_le_bytes()), 1.5);
        assert_eq!(one(Dtype::F64, &0.1f64.to_le_bytes()), 0.1);
        assert_eq!(one(Dtype::Integer, &[7]), 0.0);
    }
}
