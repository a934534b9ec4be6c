//! Opening a file to read it. Only regular files are opened: a pipe without a writer never ends an `open`, a device has no
//! end, and opening a device can act on it.

use crate::memory;
use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file to read it, links followed.
///
/// The kind is asked before the file is opened, so that nothing else is touched, and again afterwards, in case another file
/// has taken its place.
///
/// # Errors
/// If it cannot be opened; [`io::ErrorKind::InvalidInput`] with the kind that was found if it is not a regular file.
pub fn open_input(path: &Path) -> io::Result<File> {
    expect_regular(&fs::metadata(path)?)?;
    let file = open(path)?;
    expect_regular(&file.metadata()?)?;
    Ok(file)
}

/// Whether a file lies at a path, links followed. A folder is none; of whatever kind another one is, [`open_input`] names it.
#[must_use]
pub fn has_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_dir())
}

/// Reads a regular file of at most `largest` bytes.
///
/// # Errors
/// As [`open_input`]; if it cannot be read, is larger, or does not fit the memory limit of the process.
pub fn read_input(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    let file = open_input(path)?;
    let found = file.metadata()?.len();
    let too_large = |found| {
        let message = format!("it has {found} bytes, expected at most {largest}");
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    if found > largest {
        return Err(too_large(found));
    }
    let mut bytes = Vec::new();
    let there = usize::try_from(found).unwrap_or(usize::MAX);
    memory::make_room(&mut bytes, there, "the whole file")?;
    // It may grow meanwhile, and files that the system makes up have no length.
    let read = file
        .take(largest.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if read as u64 > largest {
        return Err(too_large(read as u64));
    }
    Ok(bytes)
}

/// Opens without waiting for the writer of a pipe that has taken a regular file's place.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    // A terminal does not become the one of this process.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
    Ok(file)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn expect_regular(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let kind = kind(found.file_type());
    let message = format!("it is {kind}, expected a regular file");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// What a file that is not a regular one is called, with its article.
#[cfg(unix)]
fn kind(found: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match found {
        found if found.is_dir() => "a folder",
        found if found.is_fifo() => "a pipe",
        found if found.is_socket() => "a socket",
        found if found.is_char_device() || found.is_block_device() => "a device",
        _ => "a special file",
    }
}

#[cfg(not(unix))]
fn kind(found: FileType) -> &'static str {
    if found.is_dir() {
        "a folder"
    } else {
        "a special file"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_file_and_a_link_to_one_are_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "text").expect("a file");
        let mut paths = vec![path.clone()];
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&path, &link).expect("a link");
            paths.push(link);
        }
        for path in paths {
            let mut text = String::new();
            let mut file = open_input(&path).expect("opened");
            file.read_to_string(&mut text).expect("read");
            assert_eq!(text, "text");
        }
        let absent = open_input(&folder.path().join("absent")).expect_err("absent");
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_not_a_regular_file_is_named_and_not_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let pipe = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let made = rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            pipe,
            0,
        );
        made.expect("a pipe");
        std::os::unix::fs::symlink(at("pipe"), at("link")).expect("a link");
        let _listener = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket");
        for (path, kind) in [
            (at("pipe"), "a pipe"),
            (at("link"), "a pipe"),
            (at("socket"), "a socket"),
            (folder.path().to_owned(), "a folder"),
            ("/dev/zero".into(), "a device"),
        ] {
            let error = open_input(&path).expect_err("refused");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
            let expected = format!("it is {kind}, expected a regular file");
            assert_eq!(error.to_string(), expected, "{}", path.display());
        }
        // What takes the place of a file after it was looked at makes no one wait.
        assert!(
            !open(&at("pipe"))
                .expect("opened")
                .metadata()
                .expect("told")
                .is_file()
        );
    }
}
