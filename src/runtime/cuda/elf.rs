//! The names of the libraries that a shared library of Linux needs, read from its file without loading it.
//!
//! Only 64-bit little-endian ELF (System V ABI, chapters 4 and 5). The provider libraries have hundreds of
//! megabytes, so that only what is needed is read; nothing is allocated by a size that the file declares.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const DYNAMIC_ENTRY: usize = 16;
const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
/// No library of CUDA has as many program headers or dynamic entries.
const MOST: u64 = 4096;
const LONGEST_NAME: u64 = 256;

/// The `DT_NEEDED` entries, in the order of the file.
///
/// # Errors
/// If the file cannot be read or is no such library.
pub fn needed(library: &Path) -> io::Result<Vec<String>> {
    let mut file = File::open(library)?;
    let header: [u8; HEADER] = read(&mut file, 0)?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Err(malformed("no 64-bit little-endian ELF file"));
    }
    let table = number::<8>(&header, 32);
    let entry_size = number::<2>(&header, 54);
    let count = number::<2>(&header, 56);
    if entry_size != PROGRAM_HEADER as u64 || count > MOST {
        return Err(malformed("strange program headers"));
    }
    let (mut loads, mut dynamic) = (Vec::new(), None);
    for index in 0..count {
        let entry: [u8; PROGRAM_HEADER] =
            read(&mut file, sum(table, index * PROGRAM_HEADER as u64)?)?;
        let segment = Segment {
            offset: number::<8>(&entry, 8),
            address: number::<8>(&entry, 16),
            size: number::<8>(&entry, 32),
        };
        match number::<4>(&entry, 0) {
            PT_LOAD => loads.push(segment),
            PT_DYNAMIC => dynamic = Some(segment),
            _ => {}
        }
    }
    let dynamic = dynamic.ok_or_else(|| malformed("no dynamic section"))?;
    let (mut names, mut strings) = (Vec::new(), None);
    for index in 0..(dynamic.size / DYNAMIC_ENTRY as u64).min(MOST) {
        let entry: [u8; DYNAMIC_ENTRY] = read(
            &mut file,
            sum(dynamic.offset, index * DYNAMIC_ENTRY as u64)?,
        )?;
        match number::<8>(&entry, 0) {
            DT_NULL => break,
            DT_NEEDED => names.push(number::<8>(&entry, 8)),
            DT_STRTAB => strings = Some(number::<8>(&entry, 8)),
            _ => {}
        }
    }
    let strings = strings.ok_or_else(|| malformed("no string table"))?;
    let holder = loads
        .iter()
        .find(|load| strings >= load.address && strings - load.address < load.size)
        .ok_or_else(|| malformed("a string table outside of the file"))?;
    let strings = sum(holder.offset, strings - holder.address)?;
    names
        .into_iter()
        .map(|name| text(&mut file, sum(strings, name)?))
        .collect()
}

struct Segment {
    offset: u64,
    address: u64,
    size: u64,
}

fn read<const N: usize>(file: &mut File, offset: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn text(file: &mut File, offset: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(LONGEST_NAME).read_to_end(&mut bytes)?;
    let end = bytes.iter().position(|byte| *byte == 0);
    let end = end.ok_or_else(|| malformed("a name without an end"))?;
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

/// `N` bytes at a place within a header of fixed size.
fn number<const N: usize>(bytes: &[u8], at: usize) -> u64 {
    let mut wide = [0; 8];
    wide[..N].copy_from_slice(&bytes[at..at + N]);
    u64::from_le_bytes(wide)
}

fn sum(a: u64, b: u64) -> io::Result<u64> {
    a.checked_add(b)
        .ok_or_else(|| malformed("an offset beyond all files"))
}

fn malformed(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
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
