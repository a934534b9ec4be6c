//! The names of the libraries that a shared library of Linux needs, read from its file without loading it.
//!
//! The provider libraries have hundreds of megabytes: only headers, dynamic entries and their strings are read.

use crate::files::open_input;
use object::elf::{DT_NEEDED, DT_NULL, DT_STRSZ, DT_STRTAB, FileHeader64, PT_LOAD};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, ReadCache, StringTable};
use std::io::{self, BufReader};
use std::path::Path;

/// Largest dynamic section that is read, in bytes: 4096 entries, more than any library of CUDA has.
const LARGEST_DYNAMIC: u64 = 64 << 10;

/// The `DT_NEEDED` entries, in the order of the file.
///
/// # Errors
/// If the file cannot be read or is not a 64-bit ELF file with a dynamic section.
pub fn needed(library: &Path) -> io::Result<Vec<String>> {
    let file = ReadCache::new(BufReader::new(open_input(library)?));
    let header = FileHeader64::<Endianness>::parse(&file).map_err(malformed)?;
    let endian = header.endian().map_err(malformed)?;
    let segments = header.program_headers(endian, &file).map_err(malformed)?;
    let mut entries = None;
    for segment in segments {
        if segment.p_filesz(endian) <= LARGEST_DYNAMIC {
            entries = segment
                .dynamic(endian, &file)
                .map_err(malformed)?
                .or(entries);
        }
    }
    let entries = entries.ok_or_else(|| malformed("no dynamic section"))?;
    let (mut names, mut address, mut size) = (Vec::new(), None, None);
    for entry in entries {
        let value = entry.d_val(endian);
        match entry.d_tag(endian) {
            DT_NULL => break,
            DT_NEEDED => names.push(value),
            DT_STRTAB => address = Some(value),
            DT_STRSZ => size = Some(value),
            _ => {}
        }
    }
    let (Some(address), Some(size)) = (address, size) else {
        return Err(malformed("no string table"));
    };
    // The table is told by its address in memory; the segment that is loaded there has it in the file.
    let start = segments
        .iter()
        .filter(|segment| segment.p_type(endian) == PT_LOAD)
        .find_map(|segment| {
            let within = address.checked_sub(segment.p_vaddr(endian))?;
            let is_inside = within < segment.p_filesz(endian);
            segment
                .p_offset(endian)
                .checked_add(within)
                .filter(|_| is_inside)
        })
        .ok_or_else(|| malformed("a string table outside of the file"))?;
    let strings = StringTable::new(&file, start, start.saturating_add(size));
    names
        .into_iter()
        .map(|name| {
            let name = u32::try_from(name)
                .ok()
                .and_then(|name| strings.get(name).ok());
            let name = name.ok_or_else(|| malformed("a name outside of its table"))?;
            Ok(String::from_utf8_lossy(name).into_owned())
        })
        .collect()
}

fn malformed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The test program itself needs the C library, wherever these tests run.
    fn own() -> Vec<u8> {
        std::fs::read("/proc/self/exe").expect("this program")
    }

    fn needed_by(bytes: &[u8]) -> io::Result<Vec<String>> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("written");
        needed(file.path())
    }

    #[test]
    fn a_program_needs_the_c_library() {
        let names = needed_by(&own()).expect("names");
        assert!(
            names.iter().any(|name| name.starts_with("libc.so")),
            "{names:?}"
        );
    }

    #[test]
    fn damage_is_an_error_or_other_names_and_never_a_panic() {
        let mut bytes = own();
        bytes.truncate(1 << 16);
        for cut in [0, 10, 63, 64, 100, 700, 5000] {
            assert!(needed_by(&bytes[..cut]).is_err(), "{cut}");
        }
        for at in 0..700 {
            let mut damaged = bytes.clone();
            damaged[at] = !damaged[at];
            let _ = needed_by(&damaged);
        }
    }
}
