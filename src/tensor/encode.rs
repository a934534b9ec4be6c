//! Elements as little-endian bytes.

use super::{Element, to_bf16, to_f16};

impl Element {
    /// Bytes of one element as [`encode`](Self::encode) makes them; none for the types that it does not make.
    #[must_use]
    pub fn encoded_size(self) -> Option<usize> {
        match self {
            Self::F32
            | Self::F16
            | Self::Bf16
            | Self::F64
            | Self::I64
            | Self::I32
            | Self::I16
            | Self::I8
            | Self::U64
            | Self::U32
            | Self::U16
            | Self::U8
            | Self::Bool => self.bytes(),
            _ => None,
        }
    }

    /// Values as little-endian bytes, each rounded to the [`nearest`](Self::nearest) one that the type has. `out` is
    /// left as it is for a type without an [`encoded_size`](Self::encoded_size).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the values are rounded to the type's own first"
    )]
    pub fn encode(self, values: impl Iterator<Item = f64>, out: &mut [u8]) {
        match self {
            Self::F32 => each(values, out, |value| (value as f32).to_le_bytes()),
            Self::F16 => each(values, out, |value| to_f16(value).to_le_bytes()),
            Self::Bf16 => each(values, out, |value| to_bf16(value).to_le_bytes()),
            Self::F64 => each(values, out, f64::to_le_bytes),
            Self::I64 => each(values, out, |value| {
                (self.nearest(value) as i64).to_le_bytes()
            }),
            Self::I32 => each(values, out, |value| {
                (self.nearest(value) as i32).to_le_bytes()
            }),
            Self::I16 => each(values, out, |value| {
                (self.nearest(value) as i16).to_le_bytes()
            }),
            Self::I8 => each(values, out, |value| {
                (self.nearest(value) as i8).to_le_bytes()
            }),
            Self::U64 => each(values, out, |value| {
                (self.nearest(value) as u64).to_le_bytes()
            }),
            Self::U32 => each(values, out, |value| {
                (self.nearest(value) as u32).to_le_bytes()
            }),
            Self::U16 => each(values, out, |value| {
                (self.nearest(value) as u16).to_le_bytes()
            }),
            Self::U8 | Self::Bool => each(values, out, |value| [self.nearest(value) as u8]),
            _ => {}
        }
    }
}

fn each<const SIZE: usize>(
    values: impl Iterator<Item = f64>,
    out: &mut [u8],
    bytes: impl Fn(f64) -> [u8; SIZE],
) {
    let (places, _) = out.as_chunks_mut::<SIZE>();
    for (place, value) in places.iter_mut().zip(values) {
        *place = bytes(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_rounded_and_its_lowest_byte_comes_first() {
        let encoded = |element: Element, value: f64| {
            let mut bytes = vec![0xaa; element.encoded_size().expect("a size")];
            element.encode([value].into_iter(), &mut bytes);
            bytes
        };
        for (element, value, bytes) in [
            (Element::F32, 1.5, &[0, 0, 0xc0, 0x3f][..]),
            // 2050 is 0x6801.
            (
                Element::F16,
                2049.0 + 1.0 / f64::from(1 << 30),
                &[0x01, 0x68],
            ),
            (Element::Bf16, -1.5, &[0xc0, 0xbf]),
            (Element::F64, 1.0, &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
            (
                Element::I64,
                -2.5,
                &[0xfe, 255, 255, 255, 255, 255, 255, 255],
            ),
            (Element::I32, 258.0, &[2, 1, 0, 0]),
            (Element::I16, -40_000.0, &[0, 0x80]),
            (Element::I8, 126.5, &[126]),
            (Element::U64, 3.0, &[3, 0, 0, 0, 0, 0, 0, 0]),
            (Element::U32, 1e12, &[255; 4]),
            (Element::U16, 65_534.6, &[255, 255]),
            (Element::U8, -1.0, &[0]),
            (Element::Bool, 0.25, &[1]),
        ] {
            assert_eq!(encoded(element, value), bytes, "{element} {value}");
        }
    }
}
