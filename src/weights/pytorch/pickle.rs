//! Walks a pickle without building anything: how long it is and how many instructions it has.
//!
//! An unpickler keeps up to a hundred bytes for each one-byte instruction, so it is their number that
//! bounds its memory. Only the opcodes of [`super::opcode`] are accepted. What is kept of a pickle is its skeleton: all of it but
//! bytes and texts that are longer than a name, such as the elements of arrays.

use super::globals;
use super::opcode as op;
use super::value::{self, LONGEST_NAME};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _};

/// Instructions that one pickle may have. EfficientNet-L2's state dict has 90,000.
pub(super) const MOST_INSTRUCTIONS: u64 = 500_000;
/// Bytes that one pickle may have.
pub(super) const MOST_BYTES: u64 = 16 << 20;
/// Names that a pickle's memo keeps.
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
    let mut walk = Walk::new(reader, MOST_BYTES, None);
    while walk.step()? {}
    Ok(walk.outline)
}

/// Walks one pickle of at most `largest` bytes, and keeps its skeleton, which has at most [`MOST_BYTES`].
///
/// # Errors
/// As [`outline`].
pub(super) fn skeleton(reader: &mut impl BufRead, largest: u64) -> io::Result<(Outline, Vec<u8>)> {
    let mut walk = Walk::new(reader, largest, Some(Vec::new()));
    while walk.step()? {}
    Ok((walk.outline, walk.kept.unwrap_or_default()))
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
    /// Bytes that it may have.
    largest: u64,
    /// Its skeleton, if that is kept.
    kept: Option<Vec<u8>>,
}

impl<'a, R: BufRead> Walk<'a, R> {
    fn new(reader: &'a mut R, largest: u64, kept: Option<Vec<u8>>) -> Self {
        Self {
            reader,
            outline: Outline::default(),
            texts: [None, None],
            has_text_on_top: false,
            memo: BTreeMap::new(),
            memorised: 0,
            largest,
            kept,
        }
    }

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
            op::PROTO => drop(self.take::<1>()?),
            op::FRAME | op::BINFLOAT => drop(self.take::<8>()?),
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
            let mut globals = self.outline.globals.iter();
            if globals.any(|(_, name)| name == globals::COMPILED) {
                return Err(invalid(globals::COMPILED_REASON.to_owned()));
            }
            return Err(invalid(format!(
                "its pickle names `{named}`, which runs code when Python loads it, and which no weights need"
            )));
        }
        if let Some(reason) = globals::unread(&named) {
            return Err(invalid(reason.to_owned()));
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
        self.keep(&bytes)?;
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
        if self.outline.bytes > self.largest {
            return Err(too_large());
        }
        Ok(())
    }

    /// Adds bytes to the skeleton.
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(kept) = &mut self.kept {
            if (kept.len() + bytes.len()) as u64 > MOST_BYTES {
                return Err(too_large());
            }
            kept.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn take<const SIZE: usize>(&mut self) -> io::Result<[u8; SIZE]> {
        self.advance(SIZE as u64)?;
        let mut bytes = [0; SIZE];
        self.reader.read_exact(&mut bytes).map_err(early)?;
        self.keep(&bytes)?;
        Ok(bytes)
    }

    /// Passes bytes of that length; those that are no longer than a name are a part of the skeleton.
    fn skip(&mut self, length: u64) -> io::Result<()> {
        self.advance(length)?;
        if length <= LONGEST_NAME && self.kept.is_some() {
            let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
            self.reader.read_exact(&mut bytes).map_err(early)?;
            return self.keep(&bytes);
        }
        let skipped = io::copy(&mut self.reader.by_ref().take(length), &mut io::sink())?;
        if skipped < length {
            Err(early(io::ErrorKind::UnexpectedEof.into()))
        } else {
            Ok(())
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        let left = MOST_BYTES.min(self.largest - self.outline.bytes);
        self.reader
            .by_ref()
            .take(left + 1)
            .read_until(b'\n', &mut bytes)?;
        self.advance(bytes.len() as u64)?;
        self.keep(&bytes)?;
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

fn too_large() -> io::Error {
    invalid(format!("its pickle has more than {MOST_BYTES} bytes"))
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
mod tests;
