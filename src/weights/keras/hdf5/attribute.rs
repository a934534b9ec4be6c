//! Text attributes as `h5py` writes them: of variable length, in the file's global heap.

use super::bytes::{Fields, Structures};
use super::group::text;
use super::header::{Message, kind};
use std::io;

/// The text of the attribute of that name; none if there is no such attribute, or it is not such a text.
pub(super) fn find(
    file: &Structures,
    messages: &[Message],
    name: &str,
) -> io::Result<Option<String>> {
    for message in messages
        .iter()
        .filter(|message| message.kind == kind::ATTRIBUTE)
    {
        let mut fields = message.fields()?;
        let version = fields.one_of("attribute's version", &[1, 2, 3])?;
        fields.skip(1)?;
        let sizes = [fields.short()?, fields.short()?, fields.short()?];
        fields.skip(usize::from(version == 3))?;
        let padded = |size: u16| {
            let size = usize::from(size);
            if version == 1 {
                size.next_multiple_of(8)
            } else {
                size
            }
        };
        let found = fields.take(padded(sizes[0]))?;
        let end = found
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(found.len());
        if &found[..end] != name.as_bytes() {
            continue;
        }
        let mut datatype = Fields(fields.take(padded(sizes[1]))?);
        fields.skip(padded(sizes[2]))?;
        // Class 9, variable length, of kind 1, a string.
        if datatype.byte()? & 0x0f != 9 || datatype.byte()? & 0x0f != 1 {
            return Ok(None);
        }
        let length = fields.word()?;
        let (heap, index) = (fields.long()?, fields.word()?);
        return in_heap(file, heap, index, length);
    }
    Ok(None)
}

/// A text of a global heap's collection.
fn in_heap(file: &Structures, address: u64, index: u32, length: u32) -> io::Result<Option<String>> {
    let header = file.read(address, 16)?;
    let mut fields = Fields(&header);
    fields.signature(*b"GCOL")?;
    fields.skip(4)?;
    let size = fields.long()?;
    let collection = file.read(address, size)?;
    let mut fields = Fields(&collection);
    fields.skip(16)?;
    // What is left may be a gap.
    while fields.0.len() >= 16 {
        let found = u32::from(fields.short()?);
        fields.skip(6)?;
        let size = fields.long()?;
        if found == index && u64::from(length) <= size {
            return text(fields.take(usize::try_from(length).unwrap_or(usize::MAX))?).map(Some);
        }
        if found == 0 {
            break;
        }
        let padded = size
            .checked_next_multiple_of(8)
            .and_then(|size| usize::try_from(size).ok());
        fields.skip(padded.unwrap_or(usize::MAX))?;
    }
    Ok(None)
}
