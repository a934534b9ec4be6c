//! Tensors as they go into runtimes and come out of them.

use half::{bf16, f16};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
}

impl Element {
    /// Every element type.
    pub const ALL: [Self; 13] = [
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
        }
    }

    /// Whether it is one of the floating-point types.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::Bf16 | Self::F64)
    }

    /// The value of this type that is nearest to `value`: floats are rounded to even, integers are rounded and kept
    /// within their range, and what is not 0 is 1 as a bool.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the nearest value is meant"
    )]
    pub fn nearest(self, value: f64) -> f64 {
        let within = |low: f64, high: f64| value.round_ties_even().clamp(low, high);
        match self {
            Self::F64 => value,
            Self::F32 => f64::from(value as f32),
            // By way of f32: the crate looks only at the upper half of a double.
            Self::F16 => f16::from_f32(value as f32).to_f64(),
            Self::Bf16 => bf16::from_f32(value as f32).to_f64(),
            Self::I64 => within(i64::MIN as f64, i64::MAX as f64),
            Self::I32 => within(i32::MIN.into(), i32::MAX.into()),
            Self::I16 => within(i16::MIN.into(), i16::MAX.into()),
            Self::I8 => within(i8::MIN.into(), i8::MAX.into()),
            Self::U64 => within(0.0, u64::MAX as f64),
            Self::U32 => within(0.0, u32::MAX.into()),
            Self::U16 => within(0.0, u16::MAX.into()),
            Self::U8 => within(0.0, u8::MAX.into()),
            Self::Bool => f64::from(u8::from(value != 0.0)),
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
            .ok_or_else(|| format!("there is no element type `{text}` here"))
    }
}

/// A tensor with the name of the graph input or output that it belongs to.
///
/// Whatever the element type is, the values are held as f64, which has every value of the others but the integers
/// beyond 2⁵³, so that a runtime that computes in f64 can say what it found. A runtime converts at its own edge.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Name in the graph.
    pub name: String,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// The type that the elements have in the graph.
    pub element: Element,
    /// Elements in row-major order, as many as the shape says.
    pub data: Vec<f64>,
}

impl NamedTensor {
    /// A tensor of f32.
    #[must_use]
    pub fn single(name: &str, shape: Vec<usize>, data: &[f32]) -> Self {
        Self {
            name: name.to_owned(),
            shape,
            element: Element::F32,
            data: data.iter().map(|&value| f64::from(value)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for element in Element::ALL {
            assert_eq!(element.as_str().parse(), Ok(element));
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
            (Element::U8, 2.5, 2.0),
            (Element::U16, -1.0, 0.0),
            (Element::Bool, -0.5, 1.0),
            (Element::Bool, 0.0, 0.0),
        ] {
            assert_eq!(element.nearest(value), nearest, "{element} {value}");
        }
    }
}
