//! The element types of tensors: one enum for checkpoints, graphs, files and runtimes.

use super::{to_bf16, to_f16};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of binary32.
    Bf16,
    /// IEEE 754 binary64.
    F64,
    /// Signed, 64 bits.
    I64,
    /// Signed, 32 bits.
    I32,
    /// Signed, 16 bits.
    I16,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 64 bits.
    U64,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 8 bits.
    U8,
    /// 0 or 1.
    Bool,
    /// Text.
    String,
    /// Two of binary32.
    Complex64,
    /// Two of binary64.
    Complex128,
    /// 8 bits, 4 of the exponent and 3 of the fraction, without infinities.
    F8e4m3fn,
    /// As [`Element::F8e4m3fn`], without a negative zero.
    F8e4m3fnuz,
    /// 8 bits, 5 of the exponent and 2 of the fraction.
    F8e5m2,
    /// As [`Element::F8e5m2`], without infinities and a negative zero.
    F8e5m2fnuz,
    /// 8 bits of an exponent: a power of two.
    F8e8m0,
    /// 6 bits, 2 of the exponent and 3 of the fraction.
    F6e2m3,
    /// 6 bits, 3 of the exponent and 2 of the fraction.
    F6e3m2,
    /// 4 bits, 2 of the exponent and 1 of the fraction.
    F4e2m1,
    /// Signed, 4 bits.
    I4,
    /// Signed, 2 bits.
    I2,
    /// Unsigned, 4 bits.
    U4,
    /// Unsigned, 2 bits.
    U2,
}

impl Element {
    /// Every element type.
    pub const ALL: [Self; 28] = [
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::F64,
        Self::I64,
        Self::I32,
        Self::I16,
        Self::I8,
        Self::U64,
        Self::U32,
        Self::U16,
        Self::U8,
        Self::Bool,
        Self::String,
        Self::Complex64,
        Self::Complex128,
        Self::F8e4m3fn,
        Self::F8e4m3fnuz,
        Self::F8e5m2,
        Self::F8e5m2fnuz,
        Self::F8e8m0,
        Self::F6e2m3,
        Self::F6e3m2,
        Self::F4e2m1,
        Self::I4,
        Self::I2,
        Self::U4,
        Self::U2,
    ];

    /// Its name in reports and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F64 => "f64",
            Self::I64 => "i64",
            Self::I32 => "i32",
            Self::I16 => "i16",
            Self::I8 => "i8",
            Self::U64 => "u64",
            Self::U32 => "u32",
            Self::U16 => "u16",
            Self::U8 => "u8",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Complex64 => "complex64",
            Self::Complex128 => "complex128",
            Self::F8e4m3fn => "f8e4m3fn",
            Self::F8e4m3fnuz => "f8e4m3fnuz",
            Self::F8e5m2 => "f8e5m2",
            Self::F8e5m2fnuz => "f8e5m2fnuz",
            Self::F8e8m0 => "f8e8m0",
            Self::F6e2m3 => "f6e2m3",
            Self::F6e3m2 => "f6e3m2",
            Self::F4e2m1 => "f4e2m1",
            Self::I4 => "i4",
            Self::I2 => "i2",
            Self::U4 => "u4",
            Self::U2 => "u2",
        }
    }

    /// Whether it is one of the floating-point types.
    #[must_use]
    pub fn is_float(self) -> bool {
        match self {
            Self::F32
            | Self::F16
            | Self::Bf16
            | Self::F64
            | Self::F8e4m3fn
            | Self::F8e4m3fnuz
            | Self::F8e5m2
            | Self::F8e5m2fnuz
            | Self::F8e8m0
            | Self::F6e2m3
            | Self::F6e3m2
            | Self::F4e2m1 => true,
            Self::I64
            | Self::I32
            | Self::I16
            | Self::I8
            | Self::U64
            | Self::U32
            | Self::U16
            | Self::U8
            | Self::Bool
            | Self::String
            | Self::Complex64
            | Self::Complex128
            | Self::I4
            | Self::I2
            | Self::U4
            | Self::U2 => false,
        }
    }

    /// Whether weights may be of it: floating-point and complex numbers.
    #[must_use]
    pub fn is_weight(self) -> bool {
        self.is_float() || matches!(self, Self::Complex64 | Self::Complex128)
    }

    /// Bits of one element; none for text, whose length varies.
    #[must_use]
    pub fn bits(self) -> Option<usize> {
        Some(match self {
            Self::Complex128 => 128,
            Self::F64 | Self::I64 | Self::U64 | Self::Complex64 => 64,
            Self::F32 | Self::I32 | Self::U32 => 32,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 16,
            Self::I8
            | Self::U8
            | Self::Bool
            | Self::F8e4m3fn
            | Self::F8e4m3fnuz
            | Self::F8e5m2
            | Self::F8e5m2fnuz
            | Self::F8e8m0 => 8,
            Self::F6e2m3 | Self::F6e3m2 => 6,
            Self::F4e2m1 | Self::I4 | Self::U4 => 4,
            Self::I2 | Self::U2 => 2,
            Self::String => return None,
        })
    }

    /// Bytes of one element; none for text and for elements that are not whole bytes.
    #[must_use]
    pub fn bytes(self) -> Option<usize> {
        let bits = self.bits()?;
        bits.is_multiple_of(8).then_some(bits / 8)
    }

    /// The value of this type that is nearest to `value`: floats are rounded to even, integers are rounded and kept
    /// within their range, and what is not 0 is 1 as a bool. Floats of 8 bits and less, complex numbers and text are
    /// not rounded here.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the nearest value is meant"
    )]
    pub fn nearest(self, value: f64) -> f64 {
        let within = |low: f64, high: f64| value.round_ties_even().clamp(low, high);
        match self {
            Self::F32 => f64::from(value as f32),
            Self::F16 => to_f16(value).to_f64(),
            Self::Bf16 => to_bf16(value).to_f64(),
            Self::I64 => within(i64::MIN as f64, i64::MAX as f64),
            Self::I32 => within(i32::MIN.into(), i32::MAX.into()),
            Self::I16 => within(i16::MIN.into(), i16::MAX.into()),
            Self::I8 => within(i8::MIN.into(), i8::MAX.into()),
            Self::I4 => within(-8.0, 7.0),
            Self::I2 => within(-2.0, 1.0),
            Self::U64 => within(0.0, u64::MAX as f64),
            Self::U32 => within(0.0, u32::MAX.into()),
            Self::U16 => within(0.0, u16::MAX.into()),
            Self::U8 => within(0.0, u8::MAX.into()),
            Self::U4 => within(0.0, 15.0),
            Self::U2 => within(0.0, 3.0),
            Self::Bool => f64::from(u8::from(value != 0.0)),
            Self::F64
            | Self::String
            | Self::Complex64
            | Self::Complex128
            | Self::F8e4m3fn
            | Self::F8e4m3fnuz
            | Self::F8e5m2
            | Self::F8e5m2fnuz
            | Self::F8e8m0
            | Self::F6e2m3
            | Self::F6e3m2
            | Self::F4e2m1 => value,
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Element {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|element| element.as_str() == text)
            .ok_or_else(|| format!("unknown element type `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for element in Element::ALL {
            assert_eq!(element.as_str().parse(), Ok(element));
            let json = serde_json::to_value(element).expect("JSON");
            assert_eq!(json, element.as_str());
        }
        assert!("f8".parse::<Element>().is_err());
    }

    #[test]
    fn values_are_rounded_to_what_the_type_has() {
        for (element, value, nearest) in [
            (Element::F64, 0.1, 0.1),
            (Element::F32, 0.1, f64::from(0.1_f32)),
            // Half a unit above 1, and a little more.
            (Element::F16, 1.0 + 1.0 / 2048.0, 1.0),
            (Element::F16, 1.000_489, 1.0 + 1.0 / 1024.0),
            (Element::F16, 65_520.0, f64::INFINITY),
            (Element::Bf16, 1.0 + 1.0 / 100.0, 1.0 + 1.0 / 128.0),
            (Element::I8, -200.0, -128.0),
            (Element::I4, 7.6, 7.0),
            (Element::U2, -0.6, 0.0),
            (Element::U8, 2.5, 2.0),
            (Element::U16, -1.0, 0.0),
            (Element::Bool, -0.5, 1.0),
            (Element::Bool, 0.0, 0.0),
        ] {
            assert_eq!(element.nearest(value), nearest, "{element} {value}");
        }
    }
}
