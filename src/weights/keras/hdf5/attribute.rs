//! Text attributes as `h5py` writes them: of variable length, in the file's global heap; or of a fixed length.

use super::bytes::{Fields, NOWHERE, Structures, invalid};
use super::group::text;
use super::header::{Message, kind};
use std::io;

/// The text of the attribute of that name; none if there is no such attribute.
///
/// # Errors
/// Also if it is not such a text, or the object may have it in a form that is not read.
pub(super) fn required(
    file: &Structures,
    messages: &[Message],
    name: &str,
) -> io::Result<Option<String>> {
    if is_dense(messages)? {
        return Err(invalid(&format!(
            "its attributes are in a heap of their own, which is not supported: `{name}` may be among them"
        )));
    }
    match find(file, messages, name)? {
        Found::Nothing => Ok(None),
        Found::Text(text) => Ok(Some(text)),
        Found::Other => Err(invalid(&format!(
            "its attribute `{name}` is not a text of a supported form"
        ))),
    }
}

/// The same; none also if it is something else.
pub(super) fn optional(
    file: &Structures,
    messages: &[Message],
    name: &str,
) -> io::Result<Option<String>> {
    Ok(match find(file, messages, name)? {
        Found::Text(text) => Some(text),
        Found::Nothing | Found::Other => None,
    })
}

/// What is there of an attribute.
enum Found {
    Nothing,
    Other,
    Text(String),
}

/// Whether the attributes of an object are kept outside its header.
fn is_dense(messages: &[Message]) -> io::Result<bool> {
    for message in messages
        .iter()
        .filter(|message| message.kind == kind::ATTRIBUTE_INFO)
    {
        let mut fields = message.fields()?;
        fields.one_of("attribute info's version", &[0])?;
        let flags = fields.byte()?;
        fields.skip(if flags & 0x01 != 0 { 2 } else { 0 })?;
        if fields.long()? != NOWHERE {
            return Ok(true);
        }
    }
    Ok(false)
}

fn find(file: &Structures, messages: &[Message], name: &str) -> io::Result<Found> {
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
        let class = datatype.byte()? & 0x0f;
        let bits = datatype.byte()?;
        datatype.skip(2)?;
        let size = datatype.word()?;
        let found = match class {
            // A string of a fixed length.
            3 => {
                let whole = fields.take(usize::try_from(size).unwrap_or(usize::MAX))?;
                let end = whole.iter().position(|&byte| byte == 0);
                Some(text(&whole[..end.unwrap_or(whole.len())])?)
            }
            // Variable length, of kind 1, a string.
            9 if bits & 0x0f == 1 => {
                let length = fields.word()?;
                let (heap, index) = (fields.long()?, fields.word()?);
                in_heap(file, heap, index, length)?
            }
            _ => None,
        };
        return Ok(found.map_or(Found::Other, Found::Text));
    }
    Ok(Found::Nothing)
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
