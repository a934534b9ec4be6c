//! Walks a pickle without building anything: how long it is and how many instructions it has.
//!
//! An unpickler keeps up to a hundred bytes for each one-byte instruction, so it is their number that
//! bounds its memory. Opcodes are those of Python's `pickletools`, protocols 0 to 5, without the ones that
//! name a Python 1 class, an extension code or a buffer elsewhere: `torch.save` writes none of them.

use super::{globals, value};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _};

/// Instructions that one pickle may have. EfficientNet-L2's state dict has 90,000.
pub(super) const MOST_INSTRUCTIONS: u64 = 500_000;
/// Bytes that one pickle may have.
pub(super) const MOST_BYTES: u64 = 16 << 20;
/// Bytes of the longest module and name that are looked at, and how many of them a pickle's memo keeps.
const LONGEST_NAME: u64 = 255;
const MOST_MEMORISED: usize = 10_000;

/// What a pickle is made of.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Its length up to and with its STOP.
    pub(super) bytes: u64,
    /// Its instructions.
    pub(super) instructions: u64,
    /// Every class or function that it names by GLOBAL or STACK_GLOBAL, `module` and `name` apart.
    pub(super) globals: Vec<(String, String)>,
    /// Every integer of up to 8 bytes that it pushes.
    pub(super) integers: Vec<i64>,
    /// Whether it may hold a `torch.nn.Module`: the table of its children is named.
    pub(super) has_modules: bool,
}

/// Walks one pickle, leaving `reader` after it.
///
/// # Errors
/// If it ends early, has an unknown opcode, names what runs code, or is larger than the limits.
pub(super) fn outline(reader: &mut impl BufRead) -> io::Result<Outline> {
    let mut walk = Walk {
        reader,
        outline: Outline::default(),
        texts: [None, None],
        has_text_on_top: false,
        memo: BTreeMap::new(),
        memorised: 0,
    };
    loop {
        let has_text_on_top = std::mem::take(&mut walk.has_text_on_top);
        walk.outline.instructions += 1;
        if walk.outline.instructions > MOST_INSTRUCTIONS {
            return Err(invalid(format!(
                "its pickle has more than {MOST_INSTRUCTIONS} instructions"
            )));
        }
        let [opcode] = walk.take()?;
        match opcode {
            b'.' => return Ok(walk.outline),
            b'c' => {
                let (module, name) = (walk.line()?, walk.line()?);
                walk.global(module, name)?;
            }
            0x93 => {
                if let [Some(module), Some(name)] = std::mem::take(&mut walk.texts) {
                    walk.global(module, name)?;
                }
            }
            b'I' | b'L' => {
                let line = walk.line()?;
                if has_text_on_top && opcode == b'I' && line == "01" {
                    walk.truth()?;
                }
                if let Ok(integer) = line.trim_end_matches('L').parse() {
                    walk.outline.integers.push(integer);
                }
            }
            b'V' => {
                let text = walk.line()?;
                walk.push(Some(text));
            }
            0x88 if has_text_on_top => walk.truth()?,
            b'g' | b'p' => {
                walk.has_text_on_top = has_text_on_top;
                let line = walk.line()?;
                walk.memo(opcode == b'p', line.parse().unwrap_or(u64::MAX));
            }
            b'F' | b'P' => drop(walk.line()?),
            b'K' => {
                let [byte] = walk.take()?;
                walk.outline.integers.push(i64::from(byte));
            }
            b'M' => {
                let bytes = walk.take()?;
                walk.outline
                    .integers
                    .push(i64::from(u16::from_le_bytes(bytes)));
            }
            b'J' => {
                let bytes = walk.take()?;
                walk.outline
                    .integers
                    .push(i64::from(i32::from_le_bytes(bytes)));
            }
            0x8a => {
                let [length] = walk.take()?;
                walk.long(length)?;
            }
            0x80 => drop(walk.take::<1>()?),
            b'h' | b'q' => {
                walk.has_text_on_top = has_text_on_top;
                let [place] = walk.take()?;
                walk.memo(opcode == b'q', u64::from(place));
            }
            b'j' | b'r' => {
                walk.has_text_on_top = has_text_on_top;
                let place = u32::from_le_bytes(walk.take()?);
                walk.memo(opcode == b'r', u64::from(place));
            }
            0x94 => {
                walk.has_text_on_top = has_text_on_top;
                walk.memo(true, walk.memorised);
            }
            b'G' | 0x95 => drop(walk.take::<8>()?),
            b'U' | 0x8c => {
                let [length] = walk.take()?;
                walk.text(u64::from(length))?;
            }
            b'C' => {
                let [length] = walk.take()?;
                walk.skip(u64::from(length))?;
            }
            b'T' | b'X' => {
                let length = u32::from_le_bytes(walk.take()?);
                walk.text(u64::from(length))?;
            }
            b'B' | 0x8b => {
                let length = u32::from_le_bytes(walk.take()?);
                walk.skip(u64::from(length))?;
            }
            0x8d => {
                let length = u64::from_le_bytes(walk.take()?);
                walk.text(length)?;
            }
            0x8e | 0x96 => {
                let length = u64::from_le_bytes(walk.take()?);
                walk.skip(length)?;
            }
            b'('
            | b'0'
            | b'1'
            | b'2'
            | b'N'
            | b'R'
            | b'b'
            | b'd'
            | b'l'
            | b't'
            | b's'
            | b'a'
            | b')'
            | b']'
            | b'}'
            | b'e'
            | b'u'
            | b'Q'
            | 0x81
            | 0x85..=0x89
            | 0x8f..=0x92 => {}
            other => {
                return Err(invalid(format!(
                    "its pickle has the opcode {other:#04x}, which no checkpoint needs"
                )));
            }
        }
    }
}

struct Walk<'a, R> {
    reader: &'a mut R,
    outline: Outline,
    /// The last two texts that were pushed, unless too long for a name.
    texts: [Option<String>; 2],
    /// Whether the last of them is what was pushed last.
    has_text_on_top: bool,
    memo: BTreeMap<u64, String>,
    /// How often something was memorised.
    memorised: u64,
}

impl<R: BufRead> Walk<'_, R> {
    fn global(&mut self, module: String, name: String) -> io::Result<()> {
        let named = format!("{module}.{name}");
        if globals::runs_code(&named) {
            return Err(invalid(format!(
                "its pickle names `{named}`, which runs code when Python loads it, and which no weights need"
            )));
        }
        self.outline.globals.push((module, name));
        Ok(())
    }

    /// What follows a text and is true: flags of a tensor that the reader does not apply (torch `_utils.py`,
    /// `_rebuild_tensor_v2`, and `_tensor.py`, `get_tensor_metadata`).
    fn truth(&self) -> io::Result<()> {
        match self.texts[1].as_deref() {
            Some(flag @ ("neg" | "conj")) => Err(invalid(format!(
                "a tensor has its `{flag}` bit set, so that its numbers are others than the stored ones; save `tensor.resolve_{flag}()`"
            ))),
            _ => Ok(()),
        }
    }

    fn push(&mut self, text: Option<String>) {
        self.has_text_on_top = true;
        self.outline.has_modules |= text.as_deref() == Some(value::CHILDREN);
        self.texts.rotate_left(1);
        self.texts[1] = text;
    }

    /// A text of that length.
    fn text(&mut self, length: u64) -> io::Result<()> {
        if length > LONGEST_NAME {
            self.push(None);
            return self.skip(length);
        }
        self.advance(length)?;
        let mut bytes = Vec::new();
        self.reader.by_ref().take(length).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < length {
            return Err(early(io::ErrorKind::UnexpectedEof.into()));
        }
        self.push(Some(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(())
    }

    /// Memorises what was pushed last, or pushes what was memorised, as far as it is a text.
    fn memo(&mut self, is_put: bool, place: u64) {
        if !is_put {
            self.push(self.memo.get(&place).cloned());
            return;
        }
        self.memorised += 1;
        if let Some(text) = self.texts[1].clone()
            && self.memo.len() < MOST_MEMORISED
        {
            self.memo.insert(place, text);
        }
    }

    fn advance(&mut self, bytes: u64) -> io::Result<()> {
        self.outline.bytes = self.outline.bytes.saturating_add(bytes);
        if self.outline.bytes > MOST_BYTES {
            return Err(invalid(format!(
                "its pickle has more than {MOST_BYTES} bytes"
            )));
        }
        Ok(())
    }

    fn take<const SIZE: usize>(&mut self) -> io::Result<[u8; SIZE]> {
        self.advance(SIZE as u64)?;
        let mut bytes = [0; SIZE];
        self.reader.read_exact(&mut bytes).map_err(early)?;
        Ok(bytes)
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        self.advance(length)?;
        let skipped = io::copy(&mut self.reader.by_ref().take(length), &mut io::sink())?;
        if skipped < length {
            Err(early(io::ErrorKind::UnexpectedEof.into()))
        } else {
            Ok(())
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        let left = MOST_BYTES - self.outline.bytes;
        self.reader
            .by_ref()
            .take(left + 1)
            .read_until(b'\n', &mut bytes)?;
        self.advance(bytes.len() as u64)?;
        if bytes.pop() != Some(b'\n') {
            return Err(early(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(String::from_utf8_lossy(&bytes)
            .trim_end_matches('\r')
            .to_string())
    }

    fn long(&mut self, length: u8) -> io::Result<()> {
        if length > 8 {
            return self.skip(u64::from(length));
        }
        let mut value = 0i64;
        for index in 0..length {
            let [byte] = self.take()?;
            let signed = if index + 1 == length {
                i64::from(byte.cast_signed())
            } else {
                i64::from(byte)
            };
            value |= signed << (8 * index);
        }
        self.outline.integers.push(value);
        Ok(())
    }
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn early(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(io::ErrorKind::UnexpectedEof, "it ends inside its pickle")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(mut bytes: &[u8]) -> Result<(Outline, usize), String> {
        let outline = outline(&mut bytes).map_err(|error| error.to_string())?;
        Ok((outline, bytes.len()))
    }

    #[test]
    fn a_pickle_ends_at_its_stop() {
        // Python: pickle.dumps({"a": (1, 300, -2, 1 << 33, 2.5, None, b"x")}, 2), then two bytes of something else.
        let pickle = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01(K\x01M,\x01J\xfe\xff\xff\xff\x8a\x05\x00\x00\x00\x00\x02\
            G@\x04\x00\x00\x00\x00\x00\x00Nc_codecs\nencode\nq\x02X\x01\x00\x00\x00xq\x03X\x06\x00\x00\x00latin1q\x04\
            \x86q\x05Rq\x06tq\x07s..";
        let (outline, left) = walk(&[pickle, &b"?"[..]].concat()).unwrap();
        assert_eq!(left, 2);
        assert_eq!(outline.bytes, pickle.len() as u64 - 1);
        assert_eq!(outline.integers, [1, 300, -2, 1 << 33]);
        assert_eq!(
            outline.globals,
            [("_codecs".to_string(), "encode".to_string())]
        );
    }

    #[test]
    fn a_text_that_is_not_the_key_of_a_truth_is_no_flag() {
        // {"neg": False}, ("neg", 1, True) and {"negative": True}.
        for pickle in [
            &b"\x80\x02}X\x03\x00\x00\x00neg\x89s."[..],
            b"\x80\x02(X\x03\x00\x00\x00negK\x01\x88t.",
            b"\x80\x02}X\x08\x00\x00\x00negative\x88s.",
        ] {
            walk(pickle).unwrap();
        }
    }

    #[test]
    fn bombs_and_stumps_are_refused() {
        let many = vec![b')'; 500_001];
        for (pickle, expected) in [
            (&b""[..], "ends inside"),
            (b"\x80", "ends inside"),
            (b"X\xff\x00\x00\x00short.", "ends inside"),
            (b"cno newline", "ends inside"),
            (
                b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
                "more than 16777216 bytes",
            ),
            (b"S'text'\n.", "opcode 0x53"),
            // {"neg": True} as protocols 2 and 0 write it, and with the key from the memo.
            (
                b"\x80\x02}q\x00X\x03\x00\x00\x00negq\x01\x88s.",
                "its `neg` bit",
            ),
            (b"(dp0\nVneg\np1\nI01\ns.", "its `neg` bit"),
            (b"X\x04\x00\x00\x00conjq\x01h\x01\x88s.", "its `conj` bit"),
            (b"\x82\x01.", "opcode 0x82"),
            (b"cposix\nsystem\n.", "names `posix.system`"),
            (
                b"\x8c\x05posix\x94\x8c\x06system\x940\x8c\x01xh\x00h\x01\x93.",
                "names `posix.system`",
            ),
            (&many, "more than 500000 instructions"),
        ] {
            let error = walk(pickle).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
