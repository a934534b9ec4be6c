//! Walks a pickle without building anything: how long it is and how many instructions it has.
//!
//! An unpickler keeps up to a hundred bytes for each one-byte instruction, so it is their number that
//! bounds its memory. Only the opcodes of [`super::opcode`] are accepted.

use super::opcode as op;
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
    while walk.step()? {}
    Ok(walk.outline)
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
    /// Follows one instruction; false after the last.
    fn step(&mut self) -> io::Result<bool> {
        self.outline.instructions += 1;
        if self.outline.instructions > MOST_INSTRUCTIONS {
            return Err(invalid(format!(
                "its pickle has more than {MOST_INSTRUCTIONS} instructions"
            )));
        }
        let after_text = std::mem::take(&mut self.has_text_on_top);
        let [opcode] = self.take()?;
        match opcode {
            op::STOP => return Ok(false),
            op::PROTO => self.skip(1)?,
            op::FRAME | op::BINFLOAT => self.skip(8)?,
            op::FLOAT | op::PERSID => drop(self.line()?),
            op::GLOBAL => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(module, name)?;
            }
            op::STACK_GLOBAL => {
                if let [Some(module), Some(name)] = std::mem::take(&mut self.texts) {
                    self.global(module, name)?;
                }
            }
            op::NEW_TRUE if after_text => self.truth()?,
            op::INT | op::LONG => {
                let line = self.line()?;
                // True, as protocol 0 writes it.
                if after_text && opcode == op::INT && line == "01" {
                    self.truth()?;
                }
                if let Ok(integer) = line.trim_end_matches('L').parse() {
                    self.outline.integers.push(integer);
                }
            }
            op::BININT1 | op::BININT2 | op::BININT | op::LONG1 => self.integer(opcode)?,
            op::UNICODE => {
                let text = self.line()?;
                self.push(Some(text));
            }
            op::SHORT_BINSTRING
            | op::SHORT_BINUNICODE
            | op::BINSTRING
            | op::BINUNICODE
            | op::BINUNICODE8 => {
                let length = self.length(opcode)?;
                self.text(length)?;
            }
            op::SHORT_BINBYTES | op::BINBYTES | op::BINBYTES8 | op::BYTEARRAY8 | op::LONG4 => {
                let length = self.length(opcode)?;
                self.skip(length)?;
            }
            op::PUT | op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => {
                self.has_text_on_top = after_text;
                let place = self.place(opcode)?;
                self.put(place);
            }
            op::GET | op::BINGET | op::LONG_BINGET => {
                let place = self.place(opcode)?;
                self.push(self.memo.get(&place).cloned());
            }
            other if op::is_of_the_stack(other) => {}
            other => {
                return Err(invalid(format!(
                    "its pickle has the opcode {other:#04x}, which no checkpoint needs"
                )));
            }
        }
        Ok(true)
    }

    /// Keeps an integer in binary.
    fn integer(&mut self, opcode: u8) -> io::Result<()> {
        let integer = match opcode {
            op::BININT1 => i64::from(u8::from_le_bytes(self.take()?)),
            op::BININT2 => i64::from(u16::from_le_bytes(self.take()?)),
            op::BININT => i64::from(i32::from_le_bytes(self.take()?)),
            _ => {
                let [length] = self.take()?;
                return self.long(length);
            }
        };
        self.outline.integers.push(integer);
        Ok(())
    }

    /// The length before a text, bytes or an integer.
    fn length(&mut self, opcode: u8) -> io::Result<u64> {
        Ok(match opcode {
            op::SHORT_BINSTRING | op::SHORT_BINUNICODE | op::SHORT_BINBYTES => {
                u64::from(u8::from_le_bytes(self.take()?))
            }
            op::BINUNICODE8 | op::BINBYTES8 | op::BYTEARRAY8 => u64::from_le_bytes(self.take()?),
            _ => u64::from(u32::from_le_bytes(self.take()?)),
        })
    }

    /// The place in the memo that an instruction names.
    fn place(&mut self, opcode: u8) -> io::Result<u64> {
        Ok(match opcode {
            op::PUT | op::GET => self.line()?.parse().unwrap_or(u64::MAX),
            op::BINPUT | op::BINGET => u64::from(u8::from_le_bytes(self.take()?)),
            op::LONG_BINPUT | op::LONG_BINGET => u64::from(u32::from_le_bytes(self.take()?)),
            _ => self.memorised,
        })
    }

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

    /// Memorises what was pushed last, as far as it is a text.
    fn put(&mut self, place: u64) {
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
