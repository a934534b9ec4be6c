//! Writes TensorFlow checkpoints, honest ones and others.

use std::fs;
use std::path::{Path, PathBuf};

pub const MAGIC: u64 = 0xdb47_7524_8b80_fb57;

pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    bytes
}

/// A field of a message: a number.
pub fn number(field: u8, value: u64) -> Vec<u8> {
    [vec![field << 3], varint(value)].concat()
}

/// A field of a message: bytes.
pub fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    [
        vec![field << 3 | 2],
        varint(value.len() as u64),
        value.to_vec(),
    ]
    .concat()
}

/// CRC-32C bit by bit, masked as LevelDB does.
pub fn checksum(data: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

pub fn header(shards: u64) -> Vec<u8> {
    [number(1, shards), bytes(3, &number(1, 1))].concat()
}

pub struct Entry {
    pub dtype: u64,
    pub shape: Vec<u64>,
    pub shard: u64,
    pub offset: u64,
    pub size: u64,
    pub checksum: u32,
    /// Further fields.
    pub more: Vec<u8>,
}

impl Entry {
    /// One of `f32` in the first data file.
    pub fn new(shape: &[u64], offset: u64, data: &[u8]) -> Self {
        Self {
            dtype: 1,
            shape: shape.to_vec(),
            shard: 0,
            offset,
            size: data.len() as u64,
            checksum: checksum(data),
            more: Vec::new(),
        }
    }

    pub fn message(&self) -> Vec<u8> {
        let dimension = |extent: &u64| bytes(2, &number(1, *extent));
        let shape: Vec<u8> = self.shape.iter().flat_map(dimension).collect();
        [
            number(1, self.dtype),
            bytes(2, &shape),
            number(3, self.shard),
            number(4, self.offset),
            number(5, self.size),
            [&[6 << 3 | 5][..], &self.checksum.to_le_bytes()].concat(),
            self.more.clone(),
        ]
        .concat()
    }
}

/// An entry of a block: how much of the key before it shares, the rest of its key, its value.
pub fn row(shared: u64, key: &[u8], value: &[u8]) -> Vec<u8> {
    [
        varint(shared),
        varint(key.len() as u64),
        varint(value.len() as u64),
        key.to_vec(),
        value.to_vec(),
    ]
    .concat()
}

/// A block with its trailer; the first entry is its only restart.
pub fn block(rows: &[u8]) -> Vec<u8> {
    let mut block = [rows, &[0; 4], &[1, 0, 0, 0], &[0]].concat();
    block.extend(checksum(&block).to_le_bytes());
    block
}

pub fn handle(offset: usize, size: usize) -> Vec<u8> {
    [varint(offset as u64), varint(size as u64)].concat()
}

pub fn footer(index: &[u8]) -> Vec<u8> {
    let mut footer = [&handle(0, 0), index].concat();
    footer.resize(40, 0);
    [footer, MAGIC.to_le_bytes().to_vec()].concat()
}

/// A table of data blocks, each given as its rows.
pub fn table(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut index = Vec::new();
    for rows in blocks {
        let block = block(rows);
        // Keys of the index only serve searches.
        index.extend(row(0, b"k", &handle(table.len(), block.len() - 5)));
        table.extend(block);
    }
    let place = table.len();
    let index = block(&index);
    table.extend(&index);
    table.extend(footer(&handle(place, index.len() - 5)));
    table
}

/// A table of sorted entries, five to a block, their keys shortened as LevelDB does.
pub fn sorted(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let blocks: Vec<Vec<u8>> = entries
        .chunks(5)
        .map(|entries| {
            let mut last: &[u8] = &[];
            let mut rows = Vec::new();
            for (key, value) in entries {
                let shared = last.iter().zip(key).take_while(|(a, b)| a == b).count();
                rows.extend(row(shared as u64, &key[shared..], value));
                last = key;
            }
            rows
        })
        .collect();
    table(&blocks)
}

/// Writes tensors of `f32` as `model.ckpt` in as many data files; gives their common path.
pub fn save(folder: &Path, tensors: &[(String, Vec<u64>, Vec<f32>)], shards: usize) -> PathBuf {
    let mut files = vec![Vec::new(); shards];
    let mut entries = vec![(Vec::new(), header(shards as u64))];
    for (index, (name, shape, values)) in tensors.iter().enumerate() {
        let data: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let file = &mut files[index % shards];
        let mut entry = Entry::new(shape, file.len() as u64, &data);
        entry.shard = (index % shards) as u64;
        entries.push((name.clone().into_bytes(), entry.message()));
        file.extend(data);
    }
    entries.sort();
    let prefix = folder.join("model.ckpt");
    let file = |suffix: &str| format!("{}{suffix}", prefix.display());
    fs::write(file(".index"), sorted(&entries)).expect("a file");
    for (number, data) in files.iter().enumerate() {
        let suffix = format!(".data-{number:05}-of-{shards:05}");
        fs::write(file(&suffix), data).expect("a file");
    }
    prefix
}
