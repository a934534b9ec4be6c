//! Text that another file, another program or the command line gave, shown to a person.
//!
//! Such text may hold anything: a sequence that commands a terminal, a line break that forges a line of ours, a mark that
//! turns the reading direction, 200 MB. [`Foreign::shown`] is the one way to put it into a message. Our own line breaks
//! and colours stay outside of it. What is shown can be shown again and stays the same, so that a message made of such
//! pieces may be shown as a whole.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Display, Write};
use std::path::Path;

/// Characters of one text that are shown; of a longer one the beginning and the end.
const LONGEST: usize = 1000;
/// Characters at the end of a longer one.
const END: usize = 250;
/// Entries of one list that are shown.
const MOST_ENTRIES: usize = 16;

/// What can be shown.
pub trait Foreign {
    /// The text as a person may see it: on one line, with every character that is invisible, that controls a terminal or
    /// that changes the reading direction as `\n`, `\t` or `\u{202e}`, and a byte that is not UTF-8 as `\xff`. Of more than
    /// 1,000 characters the beginning and the end are shown, with the count of the others between them.
    fn shown(&self) -> Shown<'_>;
}

impl Foreign for str {
    fn shown(&self) -> Shown<'_> {
        Shown(Source::Bytes(self.as_bytes()))
    }
}

impl Foreign for OsStr {
    fn shown(&self) -> Shown<'_> {
        Shown(Source::Bytes(self.as_encoded_bytes()))
    }
}

impl Foreign for Path {
    fn shown(&self) -> Shown<'_> {
        self.as_os_str().shown()
    }
}

impl Foreign for [u8] {
    fn shown(&self) -> Shown<'_> {
        Shown(Source::Bytes(self))
    }
}

/// Text as a person may see it; see [`Foreign::shown`].
#[derive(Clone, Copy)]
pub struct Shown<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Bytes(&'a [u8]),
    Said(&'a dyn Display),
}

/// What an error of another library says, on one line; it may quote the file that it read.
#[must_use]
pub fn said(error: &dyn Display) -> Shown<'_> {
    Shown(Source::Said(error))
}

/// Entries separated by commas: of more than 16 the first, and the count of the others.
pub fn list<T: Display>(entries: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    let mut entries = entries.into_iter();
    for (index, entry) in entries.by_ref().take(MOST_ENTRIES).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{}", said(&entry));
    }
    match entries.count() {
        0 => {}
        more => {
            let _ = write!(text, " and {more} more");
        }
    }
    text
}

/// A shape, as [`list`] in brackets.
pub fn shape<T: Display>(extents: impl IntoIterator<Item = T>) -> String {
    format!("[{}]", list(extents))
}

/// Names in backticks, as [`list`].
pub fn names<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    list(
        names
            .into_iter()
            .map(|name| format!("`{}`", name.as_ref().shown())),
    )
}

/// A whole text of ours, on its way out: line breaks stay, all else is as [`Foreign::shown`] has it, whatever the length.
/// This is the second net, under pieces that were not shown.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    lines_before(text, |_| true)
}

/// The same for a message, whose further lines are indented by two spaces: no other line break stays.
#[must_use]
pub fn indented(text: &str) -> Cow<'_, str> {
    lines_before(text, |rest| rest.starts_with("  "))
}

/// Keeps the line breaks before which `keeps` the rest of the text.
fn lines_before(text: &str, keeps: impl Fn(&str) -> bool) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for (at, character) in text.char_indices() {
        match character {
            '\n' if keeps(&text[at + 1..]) => escaped.push('\n'),
            other => push(&mut escaped, other),
        }
    }
    Cow::Owned(escaped)
}

/// JSON with every such character of its strings as `\u202e`: the same values, and nothing that a terminal obeys.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    // A writer of JSON escapes C0 itself; line breaks are those between values.
    if !text.contains(|c| c != '\n' && is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if character == '\n' || !is_hidden(character) {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    Cow::Owned(escaped)
}

/// Whether a terminal obeys the character, or a person does not see it: controls, formats, separators of lines, fillers.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
            | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1345f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Writes a character so that it is seen.
fn push(out: &mut String, character: char) {
    match character {
        hidden if !is_hidden(hidden) => out.push(hidden),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        hidden => {
            let _ = write!(out, "{}", hidden.escape_unicode());
        }
    }
}

/// What is between `from` and `to` of all characters that pass.
struct Window {
    at: usize,
    from: usize,
    to: usize,
    text: String,
}

impl Window {
    fn of(from: usize, to: usize) -> Self {
        let text = String::new();
        Self {
            at: 0,
            from,
            to,
            text,
        }
    }

    fn next(&mut self) -> bool {
        self.at += 1;
        (self.from..self.to).contains(&(self.at - 1))
    }
}

impl Write for Window {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.next() {
                push(&mut self.text, character);
            }
        }
        Ok(())
    }
}

impl Source<'_> {
    fn pass(self, window: &mut Window) -> fmt::Result {
        match self {
            Self::Said(what) => write!(window, "{what}"),
            Self::Bytes(bytes) => {
                for chunk in bytes.utf8_chunks() {
                    window.write_str(chunk.valid())?;
                    for byte in chunk.invalid() {
                        if window.next() {
                            write!(window.text, "\\x{byte:02x}")?;
                        }
                    }
                }
                Ok(())
            }
        }
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Window::of(0, LONGEST);
        self.0.pass(&mut all)?;
        let more = all.at.saturating_sub(LONGEST);
        if more == 0 {
            return f.write_str(&all.text);
        }
        let mut start = Window::of(0, LONGEST - END);
        self.0.pass(&mut start)?;
        let mut end = Window::of(all.at - END, all.at);
        self.0.pass(&mut end)?;
        write!(f, "{}… {more} more characters …{}", start.text, end.text)
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_and_what_is_not_seen_is_spelled() {
        for (text, expected) in [
            (
                "conv_1/weight é 猫 🐈 \\ \" '",
                "conv_1/weight é 猫 🐈 \\ \" '",
            ),
            ("a\n✓ agrees\r\t\0", "a\\n✓ agrees\\r\\t\\u{0}"),
            ("\u{1b}[31m\u{7f}\u{9b}31m", "\\u{1b}[31m\\u{7f}\\u{9b}31m"),
            (
                "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}",
                "\\u{61c}\\u{200e}\\u{200f}\\u{202a}\\u{202e}\\u{2066}\\u{2069}",
            ),
            (
                "\u{200b}\u{200d}\u{2060}\u{feff}\u{ad}\u{e0041}",
                "\\u{200b}\\u{200d}\\u{2060}\\u{feff}\\u{ad}\\u{e0041}",
            ),
            ("\u{2028}\u{2029}\u{85}", "\\u{2028}\\u{2029}\\u{85}"),
        ] {
            let shown = text.shown().to_string();
            assert_eq!(shown, expected);
            assert_eq!(shown.shown().to_string(), expected, "shown again");
            assert_eq!(said(&text).to_string(), expected);
            assert_eq!(Path::new(text).shown().to_string(), expected);
        }
        assert_eq!(b"a\xff\n".shown().to_string(), "a\\xff\\n");
    }

    #[test]
    fn a_long_text_is_cut_with_a_count() {
        let whole = "é".repeat(LONGEST);
        assert_eq!(whole.shown().to_string(), whole);
        let long = format!("{}{}", "a".repeat(2000), "b".repeat(300));
        let expected = format!(
            "{}… 1300 more characters …{}",
            "a".repeat(750),
            "b".repeat(250)
        );
        assert_eq!(long.shown().to_string(), expected);
        assert_eq!(said(&long).to_string(), expected);
    }

    #[test]
    fn a_long_list_is_cut_with_a_count() {
        assert_eq!(list([1, 2, 3]), "1, 2, 3");
        assert!(list(0..200_000).ends_with("14, 15 and 199984 more"));
        assert_eq!(shape([1, 3, 224, 224]), format!("{:?}", [1, 3, 224, 224]));
        assert_eq!(names(["a", "b\n"]), "`a`, `b\\n`");
    }

    #[test]
    fn json_keeps_its_values() {
        let value = "\u{1b}a\n\u{202e}\u{9b}\u{e0041}\u{7f}é";
        let text = serde_json::to_string_pretty(&[value]).unwrap();
        let escaped = json(&text);
        assert_eq!(
            escaped,
            "[\n  \"\\u001ba\\n\\u202e\\u009b\\udb40\\udc41\\u007fé\"\n]"
        );
        let back: [String; 1] = serde_json::from_str(&escaped).unwrap();
        assert_eq!(back, [value]);
    }

    #[test]
    fn line_breaks_of_ours_stay() {
        assert_eq!(lines("a\nb\r\u{1b}"), "a\nb\\r\\u{1b}");
        assert_eq!(indented("a\n  b\nc\n"), "a\n  b\\nc\\n");
    }
}
