//! Checkpoints that are read from the pickle as plain data, without the crate: arrays of NumPy in a pickle, whoever wrote it, and
//! the tensors of TorchScript modules.
//!
//! A pickle's skeleton is held, its arrays stay in the file. Nothing of either is run; TorchScript's code is not looked at.

mod array;
mod dtype;
mod exported;
mod found;
mod storage;
mod strided;

use super::interpret::interpret;
use super::limits::Container;
use super::pickle::{self, Outline};
use super::value::Pickle;
use crate::files::open_input;
use crate::tensor::{SourceError, TensorInfo, TensorReader, TensorSource};
use crate::weights::archive::Archive;
use array::{Elements, View};
use found::Wanted;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use storage::Storages;

/// What NumPy's arrays are built with.
const ARRAYS: [&str; 2] = ["_reconstruct", "_frombuffer"];
/// The pickles before the saved object of a legacy file.
const LEGACY_BEFORE: usize = 3;

/// Arrays, or the tensors of a TorchScript module.
#[derive(Debug)]
pub struct Plain {
    path: PathBuf,
    format: &'static str,
    file: File,
    /// Where the pickle begins in the file.
    start: u64,
    storages: Storages,
    tensors: Vec<TensorInfo>,
    /// For each tensor's name, where its elements are.
    views: BTreeMap<String, View>,
}

/// What a pickle holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Arrays alone.
    Arrays,
    /// Arrays, and tensors in storages of PyTorch's.
    Both,
}

impl Plain {
    /// Opens a pickle by itself.
    ///
    /// # Errors
    /// If it cannot be read, is larger than the limits, or has an array that is not one of numbers.
    pub fn pickle(path: &Path) -> Result<Self, SourceError> {
        let opened = Opened::new(path, "pickle")?;
        let (outline, skeleton) = opened.outline(0)?;
        if let Some(reason) = foreign(&outline) {
            return Err(opened.malformed(reason));
        }
        opened.read(skeleton, 0, Storages::none(), Wanted::Arrays)
    }

    /// Opens the arrays in a file that `torch.save` wrote, if it has any.
    ///
    /// # Errors
    /// As [`Self::pickle`].
    pub fn saved(path: &Path, container: Container) -> Result<Option<(Self, Holds)>, SourceError> {
        let opened = Opened::new(path, container.name())?;
        // What is wrong with a file without arrays, its own reader says.
        let pickle = opened.saved(container).and_then(|start| {
            let (outline, skeleton) = opened.outline(start).ok()?;
            Some((start, outline, skeleton))
        });
        let Some((start, outline, skeleton)) = pickle else {
            return Ok(None);
        };
        let named = |is: &dyn Fn(&str, &str) -> bool| {
            let mut globals = outline.globals.iter();
            globals.any(|(module, name)| is(module, name))
        };
        if !named(&|module, name| module.starts_with("numpy") && ARRAYS.contains(&name)) {
            return Ok(None);
        }
        let has_storages =
            named(&|module, name| module.starts_with("torch") && name.ends_with("Storage"));
        let holds = if has_storages {
            Holds::Both
        } else {
            Holds::Arrays
        };
        let plain = opened.read(skeleton, start, Storages::none(), Wanted::Arrays)?;
        Ok(Some((plain, holds)))
    }

    /// Opens the tensors of a TorchScript module: those of its attributes, and under `constants` those of its code.
    ///
    /// # Errors
    /// If it cannot be read, is larger than the limits, or has no attributes: then it was frozen or optimised.
    pub fn script(path: &Path) -> Result<Self, SourceError> {
        let opened = Opened::new(path, "TorchScript")?;
        let io = |error| opened.error(error);
        let mut archive = Archive::open(path).map_err(io)?;
        let root = storage::root(&archive).map_err(io)?;
        let bytes = |archive: &mut Archive, name: &str| {
            let bytes = archive.read(&format!("{root}{name}"), pickle::MOST_BYTES)?;
            let (outline, skeleton) = pickle::skeleton(&mut &bytes[..], pickle::MOST_BYTES)?;
            drop(outline);
            Ok(skeleton)
        };
        let attributes = bytes(&mut archive, "data.pkl").map_err(io)?;
        let constants = bytes(&mut archive, "constants.pkl").map_err(io)?;
        let storages = Storages::of(&mut archive, &root, ["data/", "constants/"]).map_err(io)?;
        let mut script = opened.read(attributes, 0, storages, Wanted::Script)?;
        let is_float = |tensor: &TensorInfo| tensor.element.is_float();
        let has_weights = script.tensors.iter().any(is_float);
        script.constants(constants)?;
        if !has_weights {
            return Err(script.malformed(
                "its module has no parameters: it was frozen or optimised, and its weights are constants without names; save the \
                 state dict of the module that it was made from: `torch.save(model.state_dict(), \"model.pth\")`",
            ));
        }
        Ok(script)
    }

    fn constants(&mut self, skeleton: Vec<u8>) -> Result<(), SourceError> {
        let pickle = interpret(skeleton).map_err(|error| self.error(error))?;
        let found = found::find(&pickle, Wanted::Constants);
        self.add(&pickle, found, "constants/")
    }

    /// Adds tensors that were found, whose storages are in a folder.
    fn add(
        &mut self,
        pickle: &Pickle,
        found: Result<found::Found, String>,
        folder: &str,
    ) -> Result<(), SourceError> {
        let length = self.length()?;
        for (name, id) in found.map_err(|reason| self.malformed(&reason))? {
            let wrong = |reason: String| self.malformed(&format!("`{name}`: {reason}"));
            let Some(mut view) = array::describe(pickle, id).map_err(wrong)? else {
                continue;
            };
            view.within(length).map_err(wrong)?;
            match &mut view.elements {
                Elements::Payload { position, .. } => *position += self.start,
                Elements::Storage(key) => key.insert_str(0, folder),
            }
            self.tensors.push(TensorInfo {
                name: name.clone(),
                shape: view.shape.clone(),
                element: view.element,
            });
            if self.views.insert(name.clone(), view).is_some() {
                return Err(self.malformed(&format!("`{name}` is there twice")));
            }
        }
        Ok(())
    }

    /// Bytes of the file.
    fn length(&self) -> Result<u64, SourceError> {
        let found = self.file.metadata();
        Ok(found.map_err(|error| self.error(error))?.len())
    }

    fn reader(&self, name: &str) -> Result<Box<dyn TensorReader + '_>, SourceError> {
        let view = self
            .views
            .get(name)
            .ok_or_else(|| SourceError::Missing(name.to_owned()))?;
        let region = self.storages.region(view);
        let region = region.map_err(|reason| self.malformed(&format!("`{name}`: {reason}")))?;
        strided::open(
            &self.file,
            &self.path,
            view,
            region,
            self.storages.order(view),
        )
        .map_err(|error| match error {
            strided::Failed::Memory(error) => SourceError::Memory(error),
            strided::Failed::Io(error) => self.error(error),
        })
    }

    fn malformed(&self, reason: &str) -> SourceError {
        malformed(&self.path, self.format, reason)
    }

    fn error(&self, error: io::Error) -> SourceError {
        error_of(&self.path, self.format, error)
    }
}

impl TensorSource for Plain {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let view = self.views.get(name);
        if view.is_some_and(|view| crate::tensor::decode::size(view.element).is_none()) {
            return Err(self.malformed(&format!(
                "`{name}` has integers, expected floating-point numbers"
            )));
        }
        self.reader(name)
    }

    fn is_zero(&self, name: &str) -> Option<bool> {
        let view = self.views.get(name)?;
        let is_one = view.shape.iter().product::<u64>() == 1;
        let region = is_one.then(|| self.storages.region(view).ok()).flatten()?;
        strided::is_zero(&self.file, view, region)
    }
}

/// A file that is open, and what it is called in messages.
struct Opened<'a> {
    path: &'a Path,
    format: &'static str,
    file: File,
}

impl<'a> Opened<'a> {
    fn new(path: &'a Path, format: &'static str) -> Result<Self, SourceError> {
        let file = open_input(path).map_err(|error| error_of(path, format, error))?;
        Ok(Self { path, format, file })
    }

    /// The pickle that begins at a place of the file.
    fn outline(&self, start: u64) -> Result<(Outline, Vec<u8>), SourceError> {
        let walked = self
            .at(start)
            .and_then(|mut reader| pickle::skeleton(&mut reader, u64::MAX));
        walked.map_err(|error| self.error(error))
    }

    fn at(&self, start: u64) -> io::Result<BufReader<File>> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        Ok(BufReader::new(file))
    }

    /// Where the saved object begins in a file that `torch.save` wrote.
    fn saved(&self, container: Container) -> Option<u64> {
        match container {
            Container::Zip => {
                let mut archive = Archive::open(self.path).ok()?;
                let root = storage::root(&archive).ok()?;
                Some(archive.stored(&format!("{root}data.pkl")).ok()?.start)
            }
            Container::Legacy => self.legacy().ok(),
            Container::Tar => None,
        }
    }

    /// Where the saved object of a legacy file begins.
    fn legacy(&self) -> io::Result<u64> {
        let mut reader = self.at(0)?;
        let mut start = 0;
        for _ in 0..LEGACY_BEFORE {
            start += pickle::outline(&mut reader)?.bytes;
        }
        Ok(start)
    }

    fn read(
        self,
        skeleton: Vec<u8>,
        start: u64,
        storages: Storages,
        wanted: Wanted,
    ) -> Result<Plain, SourceError> {
        let pickle = interpret(skeleton).map_err(|error| self.error(error))?;
        let mut plain = self.empty(Ok(storages))?;
        plain.start = start;
        let found = found::find(&pickle, wanted);
        plain.add(&pickle, found, "data/")?;
        Ok(plain)
    }

    /// A reader without tensors.
    fn empty(self, storages: io::Result<Storages>) -> Result<Plain, SourceError> {
        let storages = storages.map_err(|error| self.error(error))?;
        Ok(Plain {
            path: self.path.to_path_buf(),
            format: self.format,
            file: self.file,
            start: 0,
            storages,
            tensors: Vec::new(),
            views: BTreeMap::new(),
        })
    }

    fn malformed(&self, reason: &str) -> SourceError {
        malformed(self.path, self.format, reason)
    }

    fn error(&self, error: io::Error) -> SourceError {
        error_of(self.path, self.format, error)
    }
}

/// Why a pickle by itself is no checkpoint, where what it names tells.
fn foreign(outline: &Outline) -> Option<&'static str> {
    let names = |package: &str| {
        let mut globals = outline.globals.iter();
        globals.any(|(module, _)| module.split('.').next() == Some(package))
    };
    if names("sklearn") {
        Some("it is a model of scikit-learn, expected a dictionary of NumPy arrays")
    } else if names("torch") {
        Some(
            "it has tensors of PyTorch, which `pickle.dump` writes as code: load it, and save it with `torch.save(state_dict, \"model.pth\")`",
        )
    } else {
        None
    }
}

fn malformed(path: &Path, format: &'static str, reason: &str) -> SourceError {
    SourceError::Malformed {
        path: path.to_string_lossy().into_owned(),
        format,
        reason: reason.to_owned(),
    }
}

/// An error of the operating system, or one of the file's.
fn error_of(path: &Path, format: &'static str, error: io::Error) -> SourceError {
    if error.raw_os_error().is_some() {
        SourceError::Io {
            path: path.to_string_lossy().into_owned(),
            source: error,
        }
    } else {
        malformed(path, format, &error.to_string())
    }
}
