//! The layout of ONNX's own test data: `DIR/test_data_set_N/input_K.pb` and `output_K.pb`.
//!
//! Source: the ONNX project's `docs/OnnxBackendTest.md`; the model zoo and ONNX Runtime's `onnx_test_runner` use it.

use super::{StoredError, proto, read};
use crate::files::TemporaryFolder;
use crate::files::foreign::Foreign;
use crate::onnx::file::encode_tensor;
use crate::tensor::NamedTensor;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const SET: &str = "test_data_set_";
/// What the folder of all sets is called while it is written.
const WHOLE: &str = "test_data";
/// Folders, and files in each, that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// Inputs and the outputs that they should give, each in the graph's order; a name may be missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// Its folder.
    pub folder: PathBuf,
    /// What goes in.
    pub inputs: Vec<NamedTensor>,
    /// What should come out.
    pub outputs: Vec<NamedTensor>,
}

/// Every set below `folder`, by number; `folder` itself may be the one set.
///
/// # Errors
/// If there is none, one has no inputs or no outputs, or a file cannot be read.
pub fn read_sets(folder: &Path) -> Result<Vec<Set>, StoredError> {
    let bad = |path: &Path, reason: String| StoredError::Malformed {
        path: path.to_owned(),
        format: "test data",
        reason,
    };
    let mut folders = numbered(folder, SET, "")?;
    if folders.is_empty() && !numbered(folder, "input_", ".pb")?.is_empty() {
        folders = vec![folder.to_owned()];
    }
    if folders.is_empty() {
        return Err(bad(
            folder,
            format!("expected a folder `{SET}0` in it, found none"),
        ));
    }
    let mut sets = Vec::new();
    for folder in folders {
        let part = |prefix: &str| {
            let files = numbered(&folder, prefix, ".pb")?;
            if files.is_empty() {
                return Err(bad(
                    &folder,
                    format!("expected `{prefix}0.pb` in it, found none"),
                ));
            }
            let mut tensors = Vec::new();
            for file in files {
                tensors.extend(read(&file)?);
            }
            Ok(tensors)
        };
        let (inputs, outputs) = (part("input_")?, part("output_")?);
        sets.push(Set {
            folder,
            inputs,
            outputs,
        });
    }
    Ok(sets)
}

/// Writes sets, numbered from 0, into `folder`, which must not be there yet and then is there as a whole.
///
/// # Errors
/// If something cannot be written.
pub fn write_sets<'a>(
    folder: &Path,
    sets: impl Iterator<Item = (&'a [NamedTensor], &'a [NamedTensor])>,
) -> Result<(), StoredError> {
    let failed = |source| StoredError::writing(folder, source);
    let beside = beside(folder)?;
    let staged = TemporaryFolder::within(beside).map_err(failed)?;
    let whole = staged.path().join(WHOLE);
    fs::create_dir(&whole).map_err(failed)?;
    for (number, (inputs, outputs)) in sets.enumerate() {
        let set = whole.join(format!("{SET}{number}"));
        fs::create_dir(&set).map_err(failed)?;
        for (prefix, tensors) in [("input", inputs), ("output", outputs)] {
            for (index, tensor) in tensors.iter().enumerate() {
                let bytes = encode_tensor(&proto::message(tensor));
                fs::write(set.join(format!("{prefix}_{index}.pb")), bytes).map_err(failed)?;
            }
        }
    }
    staged.place(WHOLE, folder).map_err(failed)
}

/// The folder in which `folder` can be made.
///
/// # Errors
/// If there is none.
pub fn beside(folder: &Path) -> Result<&Path, StoredError> {
    let beside = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if beside.is_dir() {
        return Ok(beside);
    }
    let reason = format!("there is no folder `{}`", beside.shown());
    let source = io::Error::new(io::ErrorKind::NotFound, reason);
    Err(StoredError::writing(folder, source))
}

/// Entries of a folder whose names are `prefix`, a number and `ending`, by number.
fn numbered(folder: &Path, prefix: &str, ending: &str) -> Result<Vec<PathBuf>, StoredError> {
    let failed = |source| StoredError::reading(folder, source);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)?.take(MOST_ENTRIES) {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| {
            name.strip_prefix(prefix)?
                .strip_suffix(ending)?
                .parse::<u64>()
                .ok()
        });
        if let Some(number) = number {
            found.push((number, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_data_is_laid_out_as_onnx_does_and_read_in_the_order_of_numbers() {
        let sets: Vec<_> = (0..11_u8)
            .map(|set| {
                [0.0, 0.5].map(|part| NamedTensor::single("x", vec![1], &[f32::from(set) + part]))
            })
            .collect();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        let pairs = sets.iter().zip(sets.iter().rev());
        let pairs = pairs.map(|(inputs, outputs)| (&inputs[..], &outputs[..]));
        write_sets(&path, pairs).expect("written");
        for (file, there) in [
            ("test_data_set_0/input_0.pb", true),
            ("test_data_set_10/input_1.pb", true),
            ("test_data_set_10/output_1.pb", true),
            ("test_data_set_10/input_2.pb", false),
            ("test_data_set_11", false),
        ] {
            assert_eq!(path.join(file).exists(), there, "{file}");
        }
        let found = read_sets(&path).expect("read");
        assert_eq!(found.len(), 11);
        for (number, set) in found.iter().enumerate() {
            assert_eq!(
                (&set.inputs[..], &set.outputs[..]),
                (&sets[number][..], &sets[10 - number][..])
            );
        }
        let one = read_sets(&path.join("test_data_set_2")).expect("read");
        assert_eq!(one, found[2..3]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = path.metadata().expect("a folder").permissions().mode();
            assert_eq!(mode & 0o777, 0o755);
        }
    }

    #[test]
    fn what_cannot_be_written_is_named_and_the_temporary_folder_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let none = || std::iter::empty::<(&[NamedTensor], &[NamedTensor])>();
        let absent = folder.path().join("absent");
        let error = write_sets(&absent.join("data"), none()).expect_err("refused");
        let (data, absent) = (absent.join("data"), absent.to_string_lossy().into_owned());
        assert_eq!(
            error.to_string(),
            format!(
                "cannot write `{}`: there is no folder `{absent}`",
                data.shown()
            )
        );
        // Nobody can make a folder there.
        #[cfg(target_os = "linux")]
        {
            let error = write_sets(Path::new("/proc/data"), none()).expect_err("refused");
            let message = error.to_string();
            assert!(
                message.starts_with("cannot write `/proc/data`: "),
                "{message}"
            );
            assert!(!message.contains(".test-data-"), "{message}");
        }
    }

    #[test]
    fn test_data_says_what_is_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let message = |path: &Path| read_sets(path).expect_err("refused").to_string();
        assert!(message(folder.path()).contains("expected a folder `test_data_set_0` in it"));
        std::fs::create_dir(folder.path().join("test_data_set_3")).expect("a folder");
        assert!(message(folder.path()).contains("expected `input_0.pb` in it"));
        assert!(message(Path::new("/nonexistent")).contains("cannot read"));
    }
}
