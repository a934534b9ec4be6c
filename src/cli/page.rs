//! Pages and pictures that a command writes beside its result: one that is there stays whole until the new one is complete.

use super::exit::Failure;
use super::written;
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::files::{Inputs, OutputError, OutputFile};
use std::io::Write;
use std::path::Path;

/// A file that is written beside a result.
pub struct Page<'a> {
    path: &'a Path,
    output: OutputFile,
    quiet: bool,
}

/// Refuses `-` as the file of a flag: standard output has what is printed.
pub fn refuse_stdout(flag: &str, path: &Path) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        let found = format!("`{flag}` writes beside what is printed, found `{flag} -`");
        return Err(Failure::bad_input(found).hint("name a file"));
    }
    Ok(())
}

impl<'a> Page<'a> {
    /// Opens it; none of the `inputs` may be it, and one that is there is replaced only if `replace` says so.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn open(
        path: &'a Path,
        replace: bool,
        inputs: &Inputs,
        quiet: bool,
    ) -> Result<Self, Failure> {
        let failed = |error| match error {
            OutputError::Terminal(_) => Failure::bad_input(error).hint("name a file"),
            error => written::output(&error),
        };
        let output = OutputFile::open(path, replace, inputs).map_err(failed)?;
        if let OutputFile::Staged(staged) = &output {
            let notes = staged.notes().iter();
            notes.for_each(|note| written::note(note, quiet));
        }
        Ok(Self {
            path,
            output,
            quiet,
        })
    }

    /// Writes it whole.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write(self, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        let bytes = bytes.as_ref();
        let failed =
            |error| Failure::bad_input(format!("cannot write `{}`: {error}", self.path.shown()));
        match self.output {
            OutputFile::Stream(mut device) => device.write_all(bytes).map_err(failed),
            OutputFile::Staged(staged) => {
                let bad = |error| written::output(&error);
                let mut file = staged.create(None).map_err(bad)?;
                file.write_all(bytes).map_err(failed)?;
                let notes = staged.commit(None, None).map_err(bad)?;
                for note in &notes {
                    written::note(note, self.quiet);
                }
                Ok(())
            }
        }
    }
}
