//! Link messages of a large group: in a fractal heap, found through a version 2 tree.

use super::bytes::{Fields, NOWHERE, Structures, invalid, width};
use super::checksum;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;

/// The type of a tree of links, sorted by their names' hashes.
const TREE_OF_LINKS: u8 = 5;
/// A record of such a tree: the hash, and where in the heap the message lies.
const HASH: usize = 4;
const HEAP_ID: usize = 7;
/// Levels of a tree; a second level takes some 1000 links, a third 25000.
const MOST_LEVELS: u16 = 4;

/// The link messages that a link info message leads to.
pub(super) fn links(file: &Structures, mut info: Fields) -> io::Result<Vec<Vec<u8>>> {
    info.one_of("link info's version", &[0])?;
    let flags = info.byte()?;
    info.skip(if flags & 0x01 != 0 { 8 } else { 0 })?;
    let (heap, tree) = (info.long()?, info.long()?);
    if heap == NOWHERE {
        return Ok(Vec::new());
    }
    let heap = Heap::open(file, heap)?;
    let records = records(file, tree)?;
    records.iter().map(|id| heap.object(*id)).collect()
}

/// Every record's place in the heap.
fn records(file: &Structures, address: u64) -> io::Result<Vec<[u8; HEAP_ID]>> {
    let header = checksum::checked(file, address, 34)?;
    let mut fields = Fields(&header);
    fields.signature(*b"BTHD")?;
    fields.one_of("tree's version", &[0])?;
    fields.one_of("tree's type", &[TREE_OF_LINKS])?;
    let node_size = u64::from(fields.word()?);
    let record = u64::from(fields.short()?);
    let depth = fields.short()?;
    fields.skip(2)?;
    let root = fields.long()?;
    let in_root = u64::from(fields.short()?);
    if record != (HASH + HEAP_ID) as u64 || node_size < 64 || depth > MOST_LEVELS {
        return Err(invalid("a tree of links has an impossible form"));
    }
    // What a pointer to a node takes depends on how many records there can be in and below that node.
    let most_in_leaf = (node_size - 10) / record;
    let in_node = width(most_in_leaf);
    let mut below_of = vec![0];
    let mut most_below = most_in_leaf;
    for _ in 0..depth {
        let pointer = (8 + in_node + below_of.last().copied().unwrap_or(0)) as u64;
        let most = node_size.saturating_sub(10 + pointer) / (record + pointer);
        most_below = (most + 1).saturating_mul(most_below).saturating_add(most);
        below_of.push(width(most_below));
    }
    let mut found = Vec::new();
    let mut nodes = vec![(root, in_root, depth)];
    while let Some((address, count, level)) = nodes.pop() {
        if count == 0 {
            continue;
        }
        // Behind the records of a node come its children, if it has any, and its checksum.
        let pointer = match level.checked_sub(1) {
            Some(below) => (8 + in_node + below_of[usize::from(below)]) as u64,
            None => 0,
        };
        let size = count
            .saturating_mul(record + pointer)
            .saturating_add(6 + pointer);
        if size > node_size {
            return Err(invalid("a node of a tree of links has too many records"));
        }
        let node = checksum::checked(file, address, size)?;
        let mut fields = Fields(&node);
        fields.signature(if level == 0 { *b"BTLF" } else { *b"BTIN" })?;
        fields.skip(2)?;
        for _ in 0..count {
            fields.skip(HASH)?;
            let mut id = [0; HEAP_ID];
            id.copy_from_slice(fields.take(HEAP_ID)?);
            found.push(id);
        }
        let Some(below) = level.checked_sub(1) else {
            continue;
        };
        for _ in 0..=count {
            let child = fields.long()?;
            nodes.push((child, fields.integer(in_node)?, below));
            fields.skip(below_of[usize::from(below)])?;
        }
    }
    Ok(found)
}

/// A fractal heap: rows of blocks, each row's blocks twice as large as the last's from the third row on.
struct Heap<'a> {
    file: &'a Structures<'a>,
    /// Blocks of a row.
    columns: u64,
    first_block: u64,
    largest_block: u64,
    /// Bytes of an offset within the heap.
    offset: usize,
    /// Addresses of blocks, in rows; or the one block that is the whole heap.
    blocks: Vec<u64>,
    is_one_block: bool,
    /// Whether each block has a checksum.
    has_checksums: bool,
    /// Addresses of blocks whose checksum was compared.
    verified: RefCell<BTreeSet<u64>>,
}

impl<'a> Heap<'a> {
    fn open(file: &'a Structures<'a>, address: u64) -> io::Result<Self> {
        let header = checksum::checked(file, address, 142)?;
        let mut fields = Fields(&header);
        fields.signature(*b"FRHP")?;
        fields.one_of("heap's version", &[0])?;
        let id = usize::from(fields.short()?);
        let filters = fields.short()?;
        let has_checksums = fields.byte()? & 0x02 != 0;
        fields.skip(100)?;
        let columns = u64::from(fields.short()?);
        let (first_block, largest_block) = (fields.long()?, fields.long()?);
        let offset = usize::from(fields.short()?).div_ceil(8);
        fields.skip(2)?;
        let root = fields.long()?;
        let rows = u64::from(fields.short()?);
        if id != HEAP_ID || filters != 0 || columns == 0 || first_block == 0 || offset > HEAP_ID - 2
        {
            return Err(invalid("a heap of links has a form that is not supported"));
        }
        let blocks = if rows == 0 {
            vec![root]
        } else {
            let size = 8 * rows * columns;
            let node = checksum::checked(file, root, (5 + 8 + offset) as u64 + size)?;
            let mut fields = Fields(&node);
            fields.signature(*b"FHIB")?;
            fields.skip(1 + 8 + offset)?;
            (0..rows * columns)
                .map(|_| fields.long())
                .collect::<io::Result<_>>()?
        };
        Ok(Self {
            file,
            columns,
            first_block,
            largest_block,
            offset,
            blocks,
            is_one_block: rows == 0,
            has_checksums,
            verified: RefCell::default(),
        })
    }

    fn object(&self, id: [u8; HEAP_ID]) -> io::Result<Vec<u8>> {
        let mut fields = Fields(&id);
        fields.one_of("link's place in its heap", &[0])?;
        let offset = fields.integer(self.offset)?;
        let length = fields.integer(fields.0.len())?;
        let place = self.place(offset);
        let (block, size, offset) = place.ok_or_else(|| invalid("a link is outside its heap"))?;
        self.verify(block, size)?;
        let position = block.checked_add(offset);
        self.file.read(
            position.ok_or_else(|| invalid("a link is outside its heap"))?,
            length,
        )
    }

    /// Compares the checksum of a block, which is computed as if it were zero, once.
    fn verify(&self, address: u64, size: u64) -> io::Result<()> {
        if !self.verified.borrow_mut().insert(address) {
            return Ok(());
        }
        let mut block = self.file.read(address, size)?;
        let mut fields = Fields(&block);
        fields.signature(*b"FHDB")?;
        if !self.has_checksums {
            return Ok(());
        }
        fields.skip(1 + 8 + self.offset)?;
        let start = block.len() - fields.0.len();
        let end = start + checksum::SIZE;
        let recorded = fields.word()?.to_le_bytes();
        block[start..end].fill(0);
        checksum::expect(b"FHDB", &block, recorded)
    }

    /// The block in which an offset of the heap lies, its size, and where in it.
    fn place(&self, mut offset: u64) -> Option<(u64, u64, u64)> {
        if self.is_one_block {
            return Some((*self.blocks.first()?, self.first_block, offset));
        }
        let mut size = self.first_block;
        for (row, blocks) in self
            .blocks
            .chunks(usize::try_from(self.columns).ok()?)
            .enumerate()
        {
            if row > 1 {
                size = size.checked_mul(2)?;
            }
            // Larger rows have blocks of blocks; links do not fill that many.
            if size > self.largest_block {
                return None;
            }
            let span = size.checked_mul(self.columns)?;
            if offset < span {
                let block = blocks.get(usize::try_from(offset / size).ok()?)?;
                return Some((*block, size, offset % size));
            }
            offset -= span;
        }
        None
    }
}
