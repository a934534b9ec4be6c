//! Floats as files have them: little-endian bytes to f32. Knows no file format.

use super::Element;
use half::f16;

/// Bytes of one element of a type that is read as a weight; none for the others.
pub fn size(element: Element) -> Option<usize> {
    match element {
        Element::F16 | Element::Bf16 => Some(2),
        Element::F32 => Some(4),
        Element::F64 => Some(8),
        _ => None,
    }
}

/// Converts `out.len()` little-endian elements to f32, doubles rounded to nearest. What is not read becomes zeros.
#[expect(clippy::cast_possible_truncation, reason = "a double is rounded once")]
pub fn decode(element: Element, bytes: &[u8], out: &mut [f32]) {
    match element {
        Element::F16 => each(bytes, out, |element| f16::from_le_bytes(element).to_f32()),
        Element::Bf16 => each(bytes, out, |element| {
            f32::from_bits(u32::from(u16::from_le_bytes(element)) << 16)
        }),
        Element::F32 => each(bytes, out, f32::from_le_bytes),
        Element::F64 => each(bytes, out, |element| f64::from_le_bytes(element) as f32),
        _ => out.fill(0.0),
    }
}

/// Makes numbers of elements whose little-endian bytes were read into their place.
pub fn from_little_endian(out: &mut [f32]) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn one(element: Element, bytes: &[u8]) -> f32 {
        let mut out = [0.5];
        decode(element, bytes, &mut out);
        out[0]
    }

    #[test]
    fn every_type_is_little_endian() {
        assert_eq!(one(Element::F16, &[0x00, 0x3e]), 1.5);
        assert_eq!(one(Element::Bf16, &[0xc0, 0x3f]), 1.5);
        assert_eq!(one(Element::F32, &1.5f32.to_le_bytes()), 1.5);
        assert_eq!(one(Element::F64, &0.1f64.to_le_bytes()), 0.1);
        assert_eq!(one(Element::U8, &[7]), 0.0);
    }
}
