//! Numbers and sizes as people read them.

/// What to do about a size at which a file's pads are wrong.
pub const OTHER_SIZE: &str = "emit a file for that size with `--size HxW`";

/// `9,109,994`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 channel`, `3 channels`, `1,000 classes`.
pub fn counted(number: u64, what: &str) -> String {
    let ending = match (number, what.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {what}{ending}", grouped(number))
}

/// `993.6 M`, `37.75 G`: four digits and an SI prefix.
pub fn scaled(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
    let value = number as f64;
    let (value, prefix) = match number {
        0..1_000_000 => return grouped(number),
        1_000_000..1_000_000_000 => (value / 1e6, "M"),
        _ => (value / 1e9, "G"),
    };
    let decimals = if value < 10.0 {
        3
    } else if value < 100.0 {
        2
    } else {
        1
    };
    format!("{value:.decimals$} {prefix}")
}

/// `36.5 MB`, in powers of ten.
pub fn bytes(number: u64) -> String {
    if number < 1000 {
        return format!("{number} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut value = number as f64;
    let mut unit = "";
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// Seconds.
pub fn time(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

/// At most four decimals, without trailing zeros.
pub fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// A size such as 224 or 192x256, height first.
pub fn size(text: &str) -> Result<[u64; 2], String> {
    let side = |text: &str| text.parse::<u64>().ok().filter(|side| *side > 0);
    let sides = match text.split_once('x') {
        Some((height, width)) => side(height).zip(side(width)),
        None => side(text).map(|side| (side, side)),
    };
    sides
        .map(|(height, width)| [height, width])
        .ok_or_else(|| "expected a size such as 224 or 192x256, height first".to_owned())
}

/// Things as a message lists them: `a, b and c`.
pub fn all(things: &[String]) -> String {
    match things {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => things.concat(),
    }
}

/// Choices as a message lists them: `a, b or c`.
pub fn either(choices: &[String]) -> String {
    match choices {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => choices.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!(grouped(9_109_994), "9,109,994");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(counted(1, "channel"), "1 channel");
        assert_eq!(counted(3, "channel"), "3 channels");
        assert_eq!(counted(1000, "class"), "1,000 classes");
        assert_eq!(scaled(993_561_872), "993.6 M");
        assert_eq!(scaled(37_745_884_192), "37.75 G");
        assert_eq!(bytes(36_500_000), "36.5 MB");
        assert_eq!(bytes(12), "12 B");
    }
}
