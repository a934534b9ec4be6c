//! What is said of memory that cannot be had.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What stands before the limit in a message.
const LIMIT: &str = ": the memory limit is ";

/// Why something is not held in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoMemory {
    /// What needs the memory, such as ``input `image` ``.
    pub what: String,
    /// The bytes that it needs.
    pub needs: u64,
    /// The most bytes that may be in use at once.
    pub limit: u64,
    /// The bytes that were in use.
    pub in_use: u64,
    /// Whether they were within the limit, and the system did not give them.
    pub by_system: bool,
}

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (needs, limit, in_use) = (
            Amount::up(self.needs),
            Amount::down(self.limit),
            Amount::down(self.in_use),
        );
        write!(f, "{} needs {needs} of memory", self.what)?;
        if self.by_system {
            f.write_str(", which the system does not give")?;
        }
        write!(f, "{LIMIT}{limit}, and {in_use} are in use")
    }
}

impl std::error::Error for NoMemory {}

impl From<NoMemory> for std::io::Error {
    fn from(error: NoMemory) -> Self {
        Self::new(std::io::ErrorKind::OutOfMemory, error)
    }
}

impl NoMemory {
    /// Whether a message tells of such a refusal.
    #[must_use]
    pub fn is_told_by(message: &str) -> bool {
        message.contains(LIMIT)
    }

    /// The refusal that an error of reading carries.
    #[must_use]
    pub fn within(error: &std::io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// A number of bytes for people: in MiB, or in KiB or bytes where that has fewer than five digits.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    bytes: u64,
    up: bool,
}

impl Amount {
    /// Rounded up.
    #[must_use]
    pub fn up(bytes: u64) -> Self {
        Self { bytes, up: true }
    }

    /// Rounded down.
    #[must_use]
    pub fn down(bytes: u64) -> Self {
        Self { bytes, up: false }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(0, "bytes"), (10, "KiB"), (20, "MiB")];
        let fits = |(shift, _): &(u32, &str)| self.bytes >> shift < 10_000;
        let (shift, unit) = units.into_iter().find(fits).unwrap_or((20, "MiB"));
        let whole = self.bytes >> shift;
        let rest = self.bytes != whole << shift;
        write!(f, "{} {unit}", whole + u64::from(self.up && rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_numbers_are_told() {
        let refused = NoMemory {
            what: "input `x`".to_owned(),
            needs: (4 << 30) + 1,
            limit: 1 << 30,
            in_use: 100,
            by_system: false,
        };
        assert_eq!(
            refused.to_string(),
            "input `x` needs 4097 MiB of memory: the memory limit is 1024 MiB, and 100 bytes are in use"
        );
        let refused = NoMemory {
            by_system: true,
            needs: 20 << 10,
            ..refused
        };
        assert_eq!(
            refused.to_string(),
            "input `x` needs 20 KiB of memory, which the system does not give: the memory limit is 1024 MiB, and 100 bytes are in use"
        );
        assert!(NoMemory::is_told_by(&format!("a: {refused} (b)")));
        let carried = std::io::Error::from(refused.clone());
        assert_eq!(NoMemory::within(&carried), Some(&refused));
        assert_eq!(Amount::up(u64::MAX).to_string(), "17592186044416 MiB");
    }
}
