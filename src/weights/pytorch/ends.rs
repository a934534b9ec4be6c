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

/// A copy without the zip64 end, if the directory would be mistaken; none where the archive can be read as it is.
pub(super) fn copy(path: &Path) -> io::Result<Option<Copy>> {
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
    let copy = Copy::new()?;
    let mut written = File::create_new(copy.path())?;
    file.seek(SeekFrom::Start(0))?;
    io::copy(&mut file.take(start + size), &mut written)?;
    written.write_all(&end)?;
    Ok(Some(copy))
}
