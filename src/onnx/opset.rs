//! Opset and IR version numbers: the only place that knows or compares them.

/// A version of the `ai.onnx` operator set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opset(i64);

impl Opset {
    /// What is written by default: every toolchain that was tried loads it, and no operator of these
    /// networks gained anything that they use between 14 and 20. From 18 on, ReduceMean takes its axes as an operand.
    pub const DEFAULT: Self = Self(17);

    /// Every opset that is written, in order: those that ONNX has released since 13, the first in which each operator here
    /// takes what is optional as an operand.
    pub const ALL: [Self; 16] = {
        let mut all = [Self(13); 16];
        let mut index = 1;
        while index < all.len() {
            all[index] = Self(all[index - 1].0 + 1);
            index += 1;
        }
        all
    };

    /// The opset of a number, if it is written.
    #[must_use]
    pub fn new(version: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|opset| opset.0 == version)
    }

    /// Whether ReduceMean has its axes as an attribute; since 18 they are an operand.
    #[must_use]
    pub fn reduces_by_attribute(self) -> bool {
        self.0 < 18
    }

    /// Whether every operator takes bf16; Conv, GlobalAveragePool and MaxPool do since 22.
    #[must_use]
    pub const fn has_bf16(self) -> bool {
        self.0 >= 22
    }

    /// Its number.
    #[must_use]
    pub fn version(self) -> i64 {
        self.0
    }

    /// Whether Swish is one of its operators.
    #[must_use]
    pub fn has_swish(self) -> bool {
        self.0 >= FIRST_SWISH
    }

    /// The lowest IR version that may carry it.
    ///
    /// # Panics
    /// Never: every writable opset is in the table.
    #[must_use]
    pub fn ir_version(self) -> IrVersion {
        IrVersion(lowest_ir_version(self.0).expect("writable opsets are in the table"))
    }
}

/// The opset that has the operator Swish first.
pub const FIRST_SWISH: i64 = 24;

/// A version of the file format, with which opsets are released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IrVersion(i64);

impl IrVersion {
    /// The newest that is known.
    pub const NEWEST: Self = Self(14);
    /// The lowest that carries an opset that is written.
    pub const LOWEST: Self = Self(7);

    /// The version of a number, if some opset that is written may have it.
    #[must_use]
    pub fn new(version: i64) -> Option<Self> {
        (Self::LOWEST.0..=Self::NEWEST.0)
            .contains(&version)
            .then_some(Self(version))
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

/// The IR version with which an opset was released, if the table knows the opset.
///
/// Source: the ONNX project's `docs/Versioning.md` and `onnx/helper.py`, `VERSION_TABLE` (1.23).
#[must_use]
pub fn lowest_ir_version(opset: i64) -> Option<i64> {
    Some(match opset {
        1..=8 => 3,
        9 => 4,
        10 => 5,
        11 => 6,
        12..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        21..=22 => 10,
        23 => 11,
        24 => 12,
        25..=27 => 13,
        28 => 14,
        _ => return None,
    })
}

/// Whether the definitions in [`ops`](super::ops) are those of this opset.
///
/// 13 still lacks BatchNormalization's training mode; 18 makes the axes of ReduceMean an operand.
#[must_use]
pub fn has_known_operators(opset: i64) -> bool {
    (14..=17).contains(&opset)
}

/// The first and the last opset whose definitions [`ops::definitions`](super::ops::definitions) has.
const DEFINED: std::ops::RangeInclusive<i64> = 7..=28;

/// Whether the definitions of this opset's operators are known: attributes, operands and element types.
#[must_use]
pub fn has_known_definitions(opset: i64) -> bool {
    DEFINED.contains(&opset)
}

/// Of definitions that hold since these opsets, the oldest first, the one that holds in `opset`.
#[must_use]
pub fn in_force(since: &[i64], opset: i64) -> Option<usize> {
    since.iter().rposition(|since| *since <= opset)
}

/// Whether an opset or IR version is later than another.
#[must_use]
pub fn is_after(found: i64, other: i64) -> bool {
    found > other
}
