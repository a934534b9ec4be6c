//! Object headers of both versions: the messages that say what an object is.

use super::bytes::{Fields, Structures, invalid};
use super::checksum;
use std::io;

/// Kinds of messages (HDF5 File Format Specification, IV.A.2).
pub(super) mod kind {
    pub(in super::super) const DATASPACE: u16 = 0x01;
    pub(in super::super) const LINK_INFO: u16 = 0x02;
    pub(in super::super) const DATATYPE: u16 = 0x03;
    pub(in super::super) const LINK: u16 = 0x06;
    pub(in super::super) const EXTERNAL_FILES: u16 = 0x07;
    pub(in super::super) const LAYOUT: u16 = 0x08;
    pub(in super::super) const FILTERS: u16 = 0x0b;
    pub(in super::super) const ATTRIBUTE: u16 = 0x0c;
    pub(in super::super) const SYMBOL_TABLE: u16 = 0x11;
    pub(in super::super) const ATTRIBUTE_INFO: u16 = 0x15;
    pub(super) const CONTINUATION: u16 = 0x10;
}

/// Blocks that a header may be in; libraries write two or three.
const MOST_BLOCKS: usize = 256;
/// Bytes that are read before the size of the first block is known.
const START: u64 = 256;

/// A message of a header.
pub(super) struct Message {
    /// What it tells.
    pub(super) kind: u16,
    /// Whether it only says where the message is kept.
    is_shared: bool,
    data: Vec<u8>,
}

impl Message {
    /// Its fields, if they are here.
    pub(super) fn fields(&self) -> io::Result<Fields<'_>> {
        if self.is_shared {
            return Err(invalid(
                "an object shares a part of its description, which is not supported",
            ));
        }
        Ok(Fields(&self.data))
    }
}

/// Every message of the object at `address`.
pub(super) fn messages(file: &Structures, address: u64) -> io::Result<Vec<Message>> {
    let start = file.read_up_to(address, START)?;
    let mut fields = Fields(&start);
    let is_new = start.starts_with(b"OHDR");
    let mut has_order = false;
    let size = if is_new {
        fields.skip(4)?;
        fields.one_of("object header's version", &[2])?;
        let flags = fields.byte()?;
        has_order = flags & 0x04 != 0;
        // Four times, and how many attributes are kept here.
        let times = if flags & 0x20 != 0 { 16 } else { 0 };
        let attributes = if flags & 0x10 != 0 { 4 } else { 0 };
        fields.skip(times + attributes)?;
        fields.integer(1 << (flags & 3))?
    } else {
        fields.one_of("object header's version", &[1])?;
        fields.skip(7)?;
        let size = u64::from(fields.word()?);
        fields.skip(4)?;
        size
    };
    let before = start.len() - fields.0.len();
    let prefix = before as u64;
    // The checksum of the first block is behind it, and of what is before it too.
    let first = if is_new {
        (address, size.saturating_add(prefix))
    } else {
        (address + prefix, size)
    };
    let mut blocks = vec![first];
    let mut messages = Vec::new();
    let mut index = 0;
    while let Some(&(position, size)) = blocks.get(index) {
        let block = match (is_new, index) {
            (false, _) => file.read(position, size)?,
            (true, 0) => checksum::checked(file, position, size)?,
            (true, _) => {
                checksum::checked(file, position, size.saturating_sub(checksum::SIZE as u64))?
            }
        };
        let mut fields = Fields(&block);
        match (is_new, index) {
            (false, _) => {}
            (true, 0) => fields.skip(before)?,
            (true, _) => fields.signature(*b"OCHK")?,
        }
        index += 1;
        // What is left is a gap.
        let smallest = match (is_new, has_order) {
            (true, true) => 6,
            (true, false) => 4,
            (false, _) => 8,
        };
        while fields.0.len() >= smallest {
            let message = message(&mut fields, is_new, has_order)?;
            if message.kind != kind::CONTINUATION {
                messages.push(message);
                continue;
            }
            let mut at = message.fields()?;
            let block = (at.long()?, at.long()?);
            if blocks.contains(&block) {
                return Err(invalid(
                    "the blocks of an object's header go round in a circle",
                ));
            }
            if blocks.len() == MOST_BLOCKS {
                return Err(invalid("an object's header is in too many blocks"));
            }
            blocks.push(block);
        }
    }
    Ok(messages)
}

fn message(fields: &mut Fields, is_new: bool, has_order: bool) -> io::Result<Message> {
    let kind = if is_new {
        u16::from(fields.byte()?)
    } else {
        fields.short()?
    };
    let size = fields.short()?;
    let flags = fields.byte()?;
    fields.skip(match (is_new, has_order) {
        (true, true) => 2,
        (true, false) => 0,
        (false, _) => 3,
    })?;
    Ok(Message {
        kind,
        is_shared: flags & 0x02 != 0,
        data: fields.take(usize::from(size))?.to_vec(),
    })
}
