//! What stands in a pickle after an opcode.

use super::super::value::{LONGEST_NAME, Node, Payload, Span};
use super::Machine;

impl Machine {
    pub(super) fn take<const SIZE: usize>(&mut self) -> Option<[u8; SIZE]> {
        let bytes = self.pickle.bytes.get(self.at..)?.first_chunk().copied()?;
        self.at += SIZE;
        Some(bytes)
    }

    pub(super) fn bytes(&mut self, length: u64) -> Option<Span> {
        let start = self.at;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        if end > self.pickle.bytes.len() {
            return None;
        }
        self.at = end;
        Some(Span {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
        })
    }

    pub(super) fn line(&mut self) -> Option<Span> {
        let rest = self.pickle.bytes.get(self.at..)?;
        let length = rest.iter().position(|byte| *byte == b'\n')?;
        let is_windows = rest[..length].ends_with(b"\r");
        let line = self.bytes(length as u64)?;
        self.at += 1;
        Some(Span {
            end: line.end - u32::from(is_windows),
            ..line
        })
    }

    /// A text, which stays in the file where it is longer than a name.
    pub(super) fn text(&mut self, length: u64) -> Option<Node> {
        if length > LONGEST_NAME {
            return self.payload(length, true);
        }
        Some(Node::Text(self.bytes(length)?))
    }

    pub(super) fn payload(&mut self, length: u64, is_text: bool) -> Option<Node> {
        let at = u32::try_from(self.at).ok()?;
        if length > LONGEST_NAME {
            let before = self.pickle.elided.last().map_or(0, |(_, before)| *before);
            let elided = before.checked_add(length)?;
            self.pickle.elided.push((at, elided));
        } else {
            self.bytes(length)?;
        }
        Some(Node::Payload(Payload {
            at,
            length,
            is_text,
        }))
    }

    pub(super) fn long(&mut self, length: u64) -> Option<Node> {
        if length > LONGEST_NAME {
            self.payload(length, false)?;
            return Some(Node::Other);
        }
        let span = self.bytes(length)?;
        let bytes = &self.pickle.bytes[span.start as usize..span.end as usize];
        if bytes.len() > 8 {
            return Some(Node::Other);
        }
        let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut value = [if is_negative { 0xff } else { 0 }; 8];
        value[..bytes.len()].copy_from_slice(bytes);
        Some(Node::Int(i64::from_le_bytes(value)))
    }
}
