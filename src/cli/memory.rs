//! The flag of the memory limit: its sizes, and what to do where it is too small.

use efficientnet_onnx::memory;

/// What to do about something that does not fit.
pub const HINT: &str = "allow more with `--memory-limit SIZE`, such as `--memory-limit 64GiB`";

/// Units of sizes, and their bytes.
const UNITS: [(&str, u64); 9] = [
    ("KIB", 1 << 10),
    ("MIB", 1 << 20),
    ("GIB", 1 << 30),
    ("TIB", 1 << 40),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];
/// The least limit: what little files need.
const LEAST: u64 = 1 << 20;

/// Sets the limit of this process, where one is asked for.
pub fn limit(bytes: Option<u64>) {
    bytes.into_iter().for_each(memory::set_limit);
}

/// Parses `512MiB`, `2 GB`, `1.5GiB` or a number of bytes.
pub fn size(text: &str) -> Result<u64, String> {
    let bad = || {
        "expected a number of bytes, or one with a unit such as 512MiB, 2GB or 1.5GiB".to_owned()
    };
    let upper = text.trim().to_ascii_uppercase();
    let unit = UNITS.iter().find(|(unit, _)| upper.ends_with(unit));
    let (number, factor) = match unit {
        Some((unit, factor)) => (upper[..upper.len() - unit.len()].trim_end(), *factor),
        None => (upper.as_str(), 1),
    };
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let bytes = match number.parse::<u64>() {
        _ if !plain => return Err(bad()),
        Ok(whole) => whole.checked_mul(factor),
        Err(_) => number
            .parse::<f64>()
            .ok()
            .and_then(|number| scaled(number, factor)),
    };
    match bytes {
        Some(bytes) if bytes >= LEAST => Ok(bytes),
        Some(bytes) => Err(format!("expected at least 1MiB, found {bytes} bytes")),
        None if number.contains('.') && number.parse::<f64>().is_err() => Err(bad()),
        None => Err("expected fewer than 2^64 bytes".to_owned()),
    }
}

/// A broken number of units, in whole bytes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is at least 0 and below 2^64"
)]
fn scaled(number: f64, factor: u64) -> Option<u64> {
    let bytes = number * factor as f64;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_1000_and_of_1024() {
        for (text, bytes) in [
            ("1048576", 1 << 20),
            ("512MiB", 512 << 20),
            ("2gb", 2_000_000_000),
            ("1.5 GiB", 3 << 29),
            ("2000kB", 2_000_000),
            ("4TiB", 1 << 42),
            ("1048576B", 1 << 20),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn other_sizes_are_refused_with_what_is_expected() {
        for text in [
            "",
            "much",
            "GiB",
            "-1GiB",
            "1e9",
            "1.2.3GB",
            "1PiB",
            "2 GB 3",
            "1_000_000",
            "inf",
        ] {
            let refused = size(text).expect_err(text);
            assert!(
                refused.starts_with("expected a number of bytes"),
                "{text}: {refused}"
            );
        }
        assert_eq!(
            size("0"),
            Err("expected at least 1MiB, found 0 bytes".to_owned())
        );
        assert_eq!(
            size("1000KiB"),
            Err("expected at least 1MiB, found 1024000 bytes".to_owned())
        );
        for text in ["17000000TiB", "99999999999999999999", "99999999.5TiB"] {
            assert_eq!(
                size(text),
                Err("expected fewer than 2^64 bytes".to_owned()),
                "{text}"
            );
        }
    }
}
