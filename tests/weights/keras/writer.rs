//! Writes HDF5 byte by byte, so that a test can lie anywhere.

/// An address that leads nowhere.
pub const NOWHERE: u64 = u64::MAX;

/// A message of an object header: its kind and its data.
pub type Message = (u8, Vec<u8>);

/// A file in the making; the superblock comes first, in version 2.
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn new() -> Self {
        Self(vec![0; 48])
    }

    /// Where the next bytes will be.
    pub fn here(&self) -> u64 {
        self.0.len() as u64
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> u64 {
        let here = self.here();
        self.0.extend(bytes);
        here
    }

    /// An object header of version 2 in one block.
    pub fn object(&mut self, messages: &[Message]) -> u64 {
        let mut block = Vec::new();
        for (kind, data) in messages {
            let size = u16::try_from(data.len()).expect("a short message");
            block.extend([&[*kind][..], &size.to_le_bytes(), &[0], data].concat());
        }
        let size = u32::try_from(block.len()).expect("a short header");
        let start = [&b"OHDR\x02\x02"[..], &size.to_le_bytes()].concat();
        self.bytes(&checked(&[start, block].concat()))
    }

    /// A group with these links.
    pub fn group(&mut self, links: &[(&str, u64)]) -> u64 {
        let messages: Vec<Message> = links
            .iter()
            .map(|(name, address)| link(name.as_bytes(), *address))
            .collect();
        self.object(&messages)
    }

    /// Nodes of a version 1 tree.
    pub fn tree(&mut self, of: u8, level: u8, children: &[(Vec<u8>, u64)]) -> u64 {
        let entries = u16::try_from(children.len()).expect("a small node");
        let start = [
            &b"TREE"[..],
            &[of, level],
            &entries.to_le_bytes(),
            &[0xff; 16],
        ]
        .concat();
        let here = self.bytes(&start);
        for (key, address) in children {
            self.bytes(&[key, &address.to_le_bytes()[..]].concat());
        }
        here
    }

    /// The whole file.
    pub fn finish(mut self, root: u64) -> Vec<u8> {
        let superblock = [
            &b"\x89HDF\r\n\x1a\n\x02\x08\x08\x00"[..],
            &longs(&[0, NOWHERE, self.here(), root]),
        ];
        self.0[..48].copy_from_slice(&checked(&superblock.concat()));
        self.0
    }

    /// The whole file, with one thing below its root.
    pub fn finish_with(mut self, name: &str, address: u64) -> Vec<u8> {
        let root = self.group(&[(name, address)]);
        self.finish(root)
    }
}

/// A structure and its checksum.
pub fn checked(structure: &[u8]) -> Vec<u8> {
    [structure, &checksum(structure).to_le_bytes()].concat()
}

/// Bob Jenkins's `lookup3.c`, line by line.
pub fn checksum(bytes: &[u8]) -> u32 {
    let length = u32::try_from(bytes.len()).expect("a short structure");
    let mut s = [0xdead_beef_u32.wrapping_add(length); 3];
    let blocks = bytes.len().div_ceil(12);
    for (number, block) in bytes.chunks(12).enumerate() {
        for (place, byte) in block.iter().enumerate() {
            s[place / 4] = s[place / 4].wrapping_add(u32::from(*byte) << (8 * (place % 4)));
        }
        if number + 1 < blocks {
            for (i, turn) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
                let (a, b, c) = (i % 3, (i + 1) % 3, (i + 2) % 3);
                s[a] = s[a].wrapping_sub(s[c]) ^ s[c].rotate_left(turn);
                s[c] = s[c].wrapping_add(s[b]);
            }
        } else {
            let steps = [(2, 1), (0, 2), (1, 0), (2, 1), (0, 2), (1, 0), (2, 1)];
            for ((a, b), turn) in steps.into_iter().zip([14, 11, 25, 16, 4, 14, 24]) {
                s[a] = (s[a] ^ s[b]).wrapping_sub(s[b].rotate_left(turn));
            }
        }
    }
    s[2]
}

pub fn longs(numbers: &[u64]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// A hard link.
pub fn link(name: &[u8], address: u64) -> Message {
    let length = u16::try_from(name.len()).expect("a short name");
    (
        6,
        [
            &[1, 1][..],
            &length.to_le_bytes(),
            name,
            &address.to_le_bytes(),
        ]
        .concat(),
    )
}

pub fn dataspace(shape: &[u64]) -> Message {
    let rank = u8::try_from(shape.len()).expect("few dimensions");
    (1, [&[2, rank, 0, 1][..], &longs(shape)].concat())
}

/// Little-endian single precision.
pub fn single() -> Message {
    (
        3,
        b"\x11\x20\x1f\0\x04\0\0\0\0\0\x20\0\x17\x08\0\x17\x7f\0\0\0".to_vec(),
    )
}

/// Elements in one piece.
pub fn contiguous(address: u64, size: u64) -> Message {
    (8, [&[3, 1][..], &longs(&[address, size])].concat())
}

/// Elements in chunks that a version 1 tree leads to.
pub fn chunked(tree: u64, extents: &[u32]) -> Message {
    let rank = u8::try_from(extents.len() + 1).expect("few dimensions");
    let extents: Vec<u8> = extents
        .iter()
        .chain(&[4])
        .flat_map(|extent| extent.to_le_bytes())
        .collect();
    (
        8,
        [&[3, 2, rank][..], &tree.to_le_bytes(), &extents].concat(),
    )
}

/// One filter without parameters.
pub fn filter(id: u16) -> Message {
    (
        11,
        [
            &[2, 1][..],
            &id.to_le_bytes(),
            &[0; 6][..if id < 256 { 4 } else { 6 }],
        ]
        .concat(),
    )
}

/// The key of a chunk's entry in a tree.
pub fn key(size: usize, offsets: &[u64]) -> Vec<u8> {
    let size = u32::try_from(size).expect("a small chunk");
    [&size.to_le_bytes()[..], &[0; 4], &longs(offsets), &[0; 8]].concat()
}
