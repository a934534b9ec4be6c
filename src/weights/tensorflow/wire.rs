//! Varints and the fields of protobuf messages. Knows no message.

/// A field's value, as far as its encoding tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed32(u32),
    Fixed64,
    Bytes(&'a [u8]),
}

/// What is left of some bytes.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    /// A base-128 number of up to 64 bits, the lowest 7 first.
    pub(super) fn varint(&mut self) -> Result<u64, String> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or("it ends inside a number")?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a number has more than 64 bits".to_owned())
    }

    /// So many bytes.
    pub(super) fn bytes(&mut self, length: u64) -> Result<&'a [u8], String> {
        let taken = usize::try_from(length)
            .ok()
            .and_then(|length| self.0.split_at_checked(length));
        let (taken, rest) = taken
            .ok_or_else(|| format!("it has {length} bytes where only {} are left", self.0.len()))?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next field of a message, and its number; none at the end.
    pub(super) fn field(&mut self) -> Result<Option<(u64, Value<'a>)>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                self.bytes(8)?;
                Value::Fixed64
            }
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => {
                let bytes = self.bytes(4)?.try_into().unwrap_or_default();
                Value::Fixed32(u32::from_le_bytes(bytes))
            }
            kind => return Err(format!("a field has the unknown encoding {kind}")),
        };
        Ok(Some((key >> 3, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_at_64_bits() {
        let largest = [&[0xff; 9][..], &[1]].concat();
        assert_eq!(Input(&largest).varint(), Ok(u64::MAX));
        assert_eq!(Input(&[0xac, 0x02]).varint(), Ok(300));
        for bytes in [&[0xff; 12][..], &[&[0xff; 9][..], &[2]].concat()] {
            assert!(Input(bytes).varint().unwrap_err().contains("64 bits"));
        }
        assert!(Input(&[0x80]).varint().unwrap_err().contains("ends"));
    }

    #[test]
    fn fields_are_taken_apart() {
        let mut input = Input(b"\x08\x96\x01\x12\x02hi\x35\x01\x00\x00\x00");
        assert_eq!(input.field(), Ok(Some((1, Value::Varint(150)))));
        assert_eq!(input.field(), Ok(Some((2, Value::Bytes(b"hi")))));
        assert_eq!(input.field(), Ok(Some((6, Value::Fixed32(1)))));
        assert_eq!(input.field(), Ok(None));
        assert!(Input(b"\x12\x7fhi").field().is_err());
        assert!(Input(b"\x0b").field().unwrap_err().contains("encoding 3"));
    }
}
