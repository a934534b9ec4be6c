//! The end of an archive as `torch.save` writes it, where the crate that reads archives takes it for another.
//!
//! PyTorch writes a zip64 end, 76 bytes, before the plain end and fills no field of the plain one so that it is asked for. The
//! crate `zip` (9.1 and later) looks for the directory just before the plain end, 76 bytes late; where the first entry's
//! header is that long, because the file's name has 21 characters, it finds the second and takes it for the first.

use crate::files::{TemporaryFolder, open_input};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a plain end without a comment.
const END: usize = 22;
/// Bytes that are copied at a time.
const PIECE: usize = 1 << 16;

/// A copy in a folder of its own, which is removed with this.
#[derive(Debug)]
pub(super) struct Copy {
    path: PathBuf,
    _folder: TemporaryFolder,
}

impl Copy {
    fn new() -> io::Result<Self> {
        let folder = TemporaryFolder::new()?;
        Ok(Self {
            path: folder.path().join("checkpoint"),
            _folder: folder,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// An archive whose directory would be mistaken, as it is without its zip64 end.
pub(in crate::weights) struct Mistaken {
    file: File,
    /// Bytes of its entries and its directory.
    body: u64,
    end: [u8; END],
    position: u64,
}

impl Mistaken {
    /// Looks at the end of a file; none where the archive can be read as it is.
    pub(in crate::weights) fn find(path: &Path) -> io::Result<Option<Self>> {
        let mut file = open_input(path)?;
        let Some(place) = file.metadata()?.len().checked_sub(END as u64) else {
            return Ok(None);
        };
        let mut end = [0; END];
        file.seek(SeekFrom::Start(place))?;
        file.read_exact(&mut end)?;
        let field = |place: usize| {
            let bytes = end[place..].first_chunk().copied().unwrap_or_default();
            u64::from(u32::from_le_bytes(bytes))
        };
        let (size, start) = (field(12), field(16));
        let Some(mistaken) = place.checked_sub(size).filter(|guess| *guess > start) else {
            return Ok(None);
        };
        let mut magic = [0; 4];
        file.seek(SeekFrom::Start(mistaken))?;
        file.read_exact(&mut magic)?;
        if !end.starts_with(b"PK\x05\x06") || magic != *b"PK\x01\x02" {
            return Ok(None);
        }
        Ok(Some(Self {
            file,
            body: start + size,
            end,
            position: 0,
        }))
    }

    /// Its length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.body + END as u64
    }

    /// Writes it into a file of its own, for a reader that takes paths. Zeros are left out: a hole stays one.
    pub(super) fn copy(mut self) -> io::Result<Copy> {
        let copy = Copy::new()?;
        let mut written = File::create_new(copy.path())?;
        written.set_len(self.length())?;
        self.seek(SeekFrom::Start(0))?;
        let mut piece = vec![0; PIECE];
        loop {
            let read = self.read(&mut piece)?;
            let piece = &piece[..read];
            match piece {
                [] => return Ok(copy),
                piece if piece.iter().all(|byte| *byte == 0) => {
                    written.seek_relative(i64::try_from(read).unwrap_or(i64::MAX))?;
                }
                piece => written.write_all(piece)?,
            }
        }
    }
}

impl Read for Mistaken {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = match self.body.checked_sub(self.position) {
            Some(left) if left > 0 => {
                self.file.seek(SeekFrom::Start(self.position))?;
                (&mut self.file).take(left).read(out)?
            }
            _ => {
                let place = usize::try_from(self.position - self.body).unwrap_or(END);
                self.end.get(place..).unwrap_or_default().read(out)?
            }
        };
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Mistaken {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let (from, by) = match position {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(by) => (self.position, by),
            SeekFrom::End(by) => (self.length(), by),
        };
        let target = from.checked_add_signed(by);
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
