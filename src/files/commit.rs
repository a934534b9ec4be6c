//! Gives waiting files their final names: all of them, or none.
//!
//! A pair of a model and its data is never mixed: the old model goes aside before the old data, the new data gets its name before the
//! new model. If a step fails, those before it are undone. If the process is killed, the next run to the folder undoes them, by what
//! is where (see `left`).

use super::error::OutputError;
use super::parts::{OLD, PLACED, REPLACED};
use super::place::place_new;
use super::temporary::TemporaryFolder;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Data of a file that is to be replaced, which goes with it; both as they were when that was found out.
#[derive(Debug)]
pub struct Superseded {
    model: Metadata,
    data: PathBuf,
    found: Metadata,
}

impl Superseded {
    /// Remembers the `data` of a `model` as they are now; nothing unless both are regular files.
    #[must_use]
    pub fn of(model: &Path, data: &Path) -> Option<Self> {
        let regular = |path: &Path| {
            let found = fs::symlink_metadata(path).ok();
            found.filter(Metadata::is_file)
        };
        Some(Self {
            model: regular(model)?,
            data: data.to_owned(),
            found: regular(data)?,
        })
    }

    /// Whether both are still the same files.
    fn is_true_of(&self, model: &Path) -> bool {
        let same = |path: &Path, then: &Metadata| {
            let now = fs::symlink_metadata(path);
            now.is_ok_and(|now| is_unchanged(&now, then))
        };
        same(model, &self.model) && same(&self.data, &self.found)
    }
}

fn is_unchanged(now: &Metadata, then: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if (now.dev(), now.ino()) != (then.dev(), then.ino()) {
            return false;
        }
    }
    now.is_file() && now.len() == then.len() && now.modified().ok() == then.modified().ok()
}

/// A commit: where the files wait, and where they go.
#[derive(Debug)]
pub(super) struct Commit<'a> {
    pub folder: &'a mut TemporaryFolder,
    pub target: &'a Path,
    /// Whether files that are there may be replaced.
    pub replace: bool,
}

impl Commit<'_> {
    /// Places the one file, and takes away the data of the one that it replaces.
    pub fn one(self, superseded: Option<Superseded>) -> Result<(), OutputError> {
        let waiting = self.waiting(self.target);
        if !self.replace {
            return place(&waiting, self.target);
        }
        let superseded = superseded.filter(|data| data.is_true_of(self.target));
        fs::rename(waiting, self.target).map_err(|error| failed(self.target, error))?;
        if let Some(Superseded { data, .. }) = superseded {
            // The model is in its place: what its predecessor leaves behind is no failure.
            let replaced = self.folder.root().join(REPLACED);
            let _ = fs::create_dir(&replaced);
            let _ = fs::rename(&data, replaced.join(data.file_name().unwrap_or_default()));
        }
        Ok(())
    }

    /// Places a model and its data, which is called `name`.
    pub fn pair(mut self, name: &str) -> Result<(), OutputError> {
        let data = self.target.with_file_name(name);
        if self.replace {
            for path in [self.target, &data] {
                refuse_irregular(path)?;
            }
        }
        let mut done = Vec::new();
        match self.steps(&data, &mut done) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.undo(&done).unwrap_or(error)),
        }
    }

    /// The steps of a pair's commit; each that was done is added to `done`.
    fn steps(&mut self, data: &Path, done: &mut Vec<Step>) -> Result<(), OutputError> {
        let root = self.folder.root().to_owned();
        for part in [OLD, PLACED] {
            fs::create_dir(root.join(part)).map_err(|error| failed(self.target, error))?;
        }
        if self.replace {
            for path in [self.target, data] {
                let aside = root.join(OLD).join(path.file_name().unwrap_or_default());
                match fs::rename(path, &aside) {
                    Ok(()) => done.push(Step {
                        from: path.to_owned(),
                        to: aside,
                    }),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed(path, error)),
                }
            }
        }
        let waiting = self.waiting(data);
        // Tells the data that is in its place without its model from any other; some file systems have no links.
        let _ = fs::hard_link(
            &waiting,
            root.join(PLACED).join(data.file_name().unwrap_or_default()),
        );
        place(&waiting, data)?;
        done.push(Step {
            from: waiting,
            to: data.to_owned(),
        });
        // The old pair is no one's as soon as no new file waits, whatever ends this process.
        let [old, replaced] = [OLD, REPLACED].map(|part| root.join(part));
        fs::rename(&old, &replaced).map_err(|error| failed(self.target, error))?;
        done.push(Step {
            from: old,
            to: replaced,
        });
        place(&self.waiting(self.target), self.target)
    }

    /// Undoes steps, the last first. If one cannot be undone, the folder is kept with what is in it, which the error tells.
    fn undo(&mut self, done: &[Step]) -> Option<OutputError> {
        for step in done.iter().rev() {
            if let Err(source) = place_new(&step.to, &step.from) {
                self.folder.keep();
                return Some(OutputError::NotRestored {
                    path: step.from.clone(),
                    folder: self.folder.root().to_owned(),
                    source,
                });
            }
        }
        None
    }

    fn waiting(&self, target: &Path) -> PathBuf {
        self.folder
            .path()
            .join(target.file_name().unwrap_or_default())
    }
}

fn place(waiting: &Path, target: &Path) -> Result<(), OutputError> {
    place_new(waiting, target).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => OutputError::Exists(target.to_owned()),
        _ => failed(target, error),
    })
}

/// A rename that was done.
#[derive(Debug)]
struct Step {
    from: PathBuf,
    to: PathBuf,
}

/// Refuses to move aside what no output replaces: a folder, a device.
pub(super) fn refuse_irregular(path: &Path) -> Result<(), OutputError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Err(OutputError::Folder(path.to_owned())),
        Ok(found) if !found.is_file() && !found.is_symlink() => {
            Err(OutputError::Special(path.to_owned()))
        }
        _ => Ok(()),
    }
}

fn failed(path: &Path, source: io::Error) -> OutputError {
    OutputError::Io {
        path: path.to_owned(),
        source,
    }
}
