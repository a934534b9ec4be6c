//! Numbers with an SI prefix, as budgets have them.

/// Prefixes in powers of ten, and of two for bytes.
const PREFIXES: [(&str, f64); 8] = [
    ("KI", 1024.0),
    ("MI", 1_048_576.0),
    ("GI", 1_073_741_824.0),
    ("K", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("B", 1e9),
    ("T", 1e12),
];

/// A count such as `390M`, `1G`, `1.8B` (a billion) or `5300000`.
pub fn count(text: &str) -> Result<u64, String> {
    read(text.trim()).ok_or_else(|| "expected a number such as 390M, 1G or 5300000".to_owned())
}

/// Bytes such as `25M`, `512MB`, `64MiB` or `1G`; without `i`, a prefix is a power of ten.
pub fn bytes(text: &str) -> Result<u64, String> {
    let number = text.trim();
    let number = number.strip_suffix(['b', 'B']).unwrap_or(number);
    read(number).ok_or_else(|| "expected a size such as 25MB, 64MiB or 1G".to_owned())
}

/// Seconds such as `20ms`, `0.5s`, `800us` or `2`.
pub fn seconds(text: &str) -> Result<f64, String> {
    let lower = text.trim().to_ascii_lowercase();
    let units = [("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("s", 1.0)];
    let unit = units.iter().find(|(unit, _)| lower.ends_with(unit));
    let (number, factor) = match unit {
        Some((unit, factor)) => (&lower[..lower.len() - unit.len()], *factor),
        None => (lower.as_str(), 1.0),
    };
    let is_plain = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = number.parse::<f64>().ok().filter(|_| is_plain);
    let seconds = seconds.map(|seconds| seconds * factor);
    let legal = seconds.filter(|seconds| (1e-6..3600.0).contains(seconds));
    legal.ok_or_else(|| "expected a time such as 20ms or 0.5s, up to an hour".to_owned())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at least 1 and below 2^63"
)]
fn read(text: &str) -> Option<u64> {
    let upper = text.to_ascii_uppercase();
    let prefix = PREFIXES.iter().find(|(prefix, _)| upper.ends_with(prefix));
    let (number, factor) = match prefix {
        Some((prefix, factor)) => (&upper[..upper.len() - prefix.len()], *factor),
        None => (upper.as_str(), 1.0),
    };
    let is_plain = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value = number.trim_end().parse::<f64>().ok().filter(|_| is_plain)? * factor;
    (1.0..9e18).contains(&value).then_some(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_powers() {
        assert_eq!(count("390M"), Ok(390_000_000));
        assert_eq!(count("1.8b"), Ok(1_800_000_000));
        assert_eq!(count("5300000"), Ok(5_300_000));
        assert_eq!(bytes("25MB"), Ok(25_000_000));
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        assert_eq!(bytes("1G"), Ok(1_000_000_000));
        assert_eq!(seconds("20ms"), Ok(0.02));
        assert_eq!(seconds("0.5s"), Ok(0.5));
        assert_eq!(seconds("2"), Ok(2.0));
        for wrong in ["", "ms", "0ms", "-1s", "2h", "1e3s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "M", "-1", "1e9", "1,5G", "0", "x"] {
            assert!(count(wrong).is_err() && bytes(wrong).is_err(), "{wrong}");
        }
    }
}
