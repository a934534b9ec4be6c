//! What a group links to: by symbol tables as HDF5 first had them, or by link messages.

use super::bytes::{Fields, NOWHERE, Structures, invalid};
use super::dense;
use super::header::{Message, kind};
use crate::files::foreign::Foreign;
use std::io;

/// A name, and the address of the object that it is for.
pub(super) type Link = (String, u64);

/// The key before a child of a tree's node, and the child's address.
type Child = (Vec<u8>, u64);

/// Levels of a tree of nodes; each multiplies the entries by 16 and more.
const MOST_LEVELS: u8 = 8;

/// Whether an object with these messages is a group.
pub(super) fn is_group(messages: &[Message]) -> bool {
    let of_groups = [kind::SYMBOL_TABLE, kind::LINK_INFO, kind::LINK];
    messages
        .iter()
        .any(|message| of_groups.contains(&message.kind))
}

/// Every link of the group with these messages.
pub(super) fn links(file: &Structures, messages: &[Message]) -> io::Result<Vec<Link>> {
    let mut links = Vec::new();
    for message in messages {
        match message.kind {
            kind::SYMBOL_TABLE => {
                let mut fields = message.fields()?;
                let tree = fields.long()?;
                let names = names(file, fields.long()?)?;
                for node in leaves(file, tree)? {
                    symbols(file, node, &names, &mut links)?;
                }
            }
            kind::LINK => links.push(link(message.fields()?)?),
            kind::LINK_INFO => {
                for message in dense::links(file, message.fields()?)? {
                    links.push(link(Fields(&message))?);
                }
            }
            _ => {}
        }
    }
    Ok(links)
}

/// The local heap, in which a group keeps names.
fn names(file: &Structures, address: u64) -> io::Result<Vec<u8>> {
    let header = file.read(address, 32)?;
    let mut fields = Fields(&header);
    fields.signature(*b"HEAP")?;
    fields.skip(4)?;
    let size = fields.long()?;
    fields.skip(8)?;
    file.read(fields.long()?, size)
}

/// Addresses of the symbol tables below a node of a tree of groups.
fn leaves(file: &Structures, root: u64) -> io::Result<Vec<u64>> {
    let mut leaves = Vec::new();
    let mut nodes = vec![(root, None)];
    while let Some((address, expected)) = nodes.pop() {
        let (level, children) = tree_node(file, address, 0, 8)?;
        check_level(level, expected)?;
        for (_, child) in children {
            match level.checked_sub(1) {
                None => leaves.push(child),
                below => nodes.push((child, below)),
            }
        }
    }
    Ok(leaves)
}

/// A node's level is one below that of the node above it, so no path can return.
pub(super) fn check_level(level: u8, expected: Option<u8>) -> io::Result<()> {
    if expected.is_some_and(|expected| level != expected) || level > MOST_LEVELS {
        return Err(invalid(&format!(
            "a tree has a node of level {level} in the wrong place"
        )));
    }
    Ok(())
}

/// A node of a version 1 tree: its level, and its children with the keys before them.
pub(super) fn tree_node(
    file: &Structures,
    address: u64,
    of: u8,
    key: usize,
) -> io::Result<(u8, Vec<Child>)> {
    let header = file.read(address, 24)?;
    let mut fields = Fields(&header);
    fields.signature(*b"TREE")?;
    fields.one_of("tree's type", &[of])?;
    let level = fields.byte()?;
    let entries = fields.short()?;
    let size = usize::from(entries) * (key + 8);
    let children = file.read(address + 24, size as u64)?;
    let mut fields = Fields(&children);
    let children = (0..entries).map(|_| Ok((fields.take(key)?.to_vec(), fields.long()?)));
    Ok((level, children.collect::<io::Result<_>>()?))
}

fn symbols(file: &Structures, address: u64, names: &[u8], links: &mut Vec<Link>) -> io::Result<()> {
    let header = file.read(address, 8)?;
    let mut fields = Fields(&header);
    fields.signature(*b"SNOD")?;
    fields.one_of("symbol table's version", &[1])?;
    fields.skip(1)?;
    let symbols = fields.short()?;
    let table = file.read(address + 8, 40 * u64::from(symbols))?;
    let mut fields = Fields(&table);
    for _ in 0..symbols {
        let start = usize::try_from(fields.long()?).ok();
        let target = fields.long()?;
        fields.skip(24)?;
        let name = start.and_then(|start| names.get(start..)).and_then(|rest| {
            let end = rest.iter().position(|&byte| byte == 0)?;
            Some(&rest[..end])
        });
        let name = name.ok_or_else(|| invalid("a name is outside its group's names"))?;
        // Many entries may share the place of one long name.
        file.spend(name.len() as u64)?;
        links.push((text(name)?, hard(name, target)?));
    }
    Ok(())
}

/// A link message.
fn link(mut fields: Fields) -> io::Result<Link> {
    fields.one_of("link's version", &[1])?;
    let flags = fields.byte()?;
    let target = if flags & 0x08 != 0 { fields.byte()? } else { 0 };
    let order = if flags & 0x04 != 0 { 8 } else { 0 };
    let encoding = usize::from(flags & 0x10 != 0);
    fields.skip(order + encoding)?;
    let length = fields.integer(1 << (flags & 3))?;
    let name = fields.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    let address = if target == 0 { fields.long()? } else { NOWHERE };
    Ok((text(name)?, hard(name, address)?))
}

/// Links by name, into this file or another one, have no address.
fn hard(name: &[u8], address: u64) -> io::Result<u64> {
    if address == NOWHERE {
        return Err(invalid(&format!(
            "`{}` is a soft or external link; these are not followed",
            name.shown()
        )));
    }
    Ok(address)
}

pub(super) fn text(name: &[u8]) -> io::Result<String> {
    match std::str::from_utf8(name) {
        Ok(name) => Ok(name.to_owned()),
        Err(_) => Err(invalid(&format!(
            "`{}` is not a name in UTF-8",
            name.shown()
        ))),
    }
}
