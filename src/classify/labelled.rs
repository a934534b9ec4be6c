//! Pictures with the class that is on them: from a file of labels, or from one folder for each class.

use super::Classifier;
use super::lines::{Left, ShortLines};
use crate::files::foreign::{Foreign, said};
use crate::files::{WithinError, inside, open_input};
use crate::memory::{Buffer, NoMemory};
use crate::verify::session::is_picture;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the file of labels in a folder of pictures.
pub const LABELS_FILE: &str = "labels.csv";
/// Pictures that are taken from folders.
const MOST_PICTURES: usize = 1_000_000;

/// A picture and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledPicture {
    /// The picture.
    pub path: PathBuf,
    /// The index of its class.
    pub class: usize,
}

/// Why pictures have no labels.
#[derive(Debug, thiserror::Error)]
pub enum LabelledError {
    /// A file of labels cannot be read.
    #[error("`{}`: {source}", path.shown(), source = said(source))]
    Csv {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: csv::Error,
    },
    /// A line of it is not a picture and its class.
    #[error("`{}`: line {line}: expected `picture,class`", path.shown())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
    },
    /// A line of it has an unknown class.
    #[error("`{}`: line {line}: there is no class `{}`", path.shown(), class.shown())]
    ClassOfLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The class.
        class: String,
    },
    /// A line of it names a picture that is not in the folder of pictures.
    #[error(
        "`{}`: line {line}: `{}` is outside `{}`",
        path.shown(),
        picture.shown(),
        folder.shown()
    )]
    Outside {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The picture.
        picture: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// It has no lines.
    #[error("`{}`: expected lines of `picture,class`, found none", .0.shown())]
    NoLines(PathBuf),
    /// A folder is called like no class, and there are not as many folders as classes.
    #[error("`{}`: there is no class `{}`", path.shown(), class.shown())]
    ClassOfFolder {
        /// The folder of the folders.
        path: PathBuf,
        /// The folder's name.
        class: String,
    },
    /// A folder has no folders of pictures.
    #[error(
        "`{}`: expected a folder of pictures for each class, or `{LABELS_FILE}`, found neither",
        .0.shown()
    )]
    NoFolders(PathBuf),
    /// The list of pictures does not fit the memory limit.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// A folder cannot be read.
    #[error("cannot read `{}`: {source}", path.shown(), source = said(source))]
    Io {
        /// The folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// Where the pictures of a list may lie.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pictures {
    InFolder,
    Anywhere,
}

impl Classifier {
    /// Reads the labelled pictures of a folder: from its `labels.csv`, or else from one folder for each class. That list names
    /// pictures in the folder only, links followed.
    ///
    /// # Errors
    /// If they cannot be read, a class is not known, or the list names a picture that lies elsewhere.
    pub fn labelled(&self, folder: &Path) -> Result<Buffer<LabelledPicture>, LabelledError> {
        let labels = folder.join(LABELS_FILE);
        if labels.exists() {
            self.read_list(&labels, folder, Pictures::InFolder)
        } else {
            self.labelled_by_folders(folder)
        }
    }

    /// Reads lines of a path and a class, by number or name; the first line may be a heading. A class's name may have commas,
    /// with or without quotes. A path is absolute or starts at `folder`; whoever names the list vouches for its paths.
    ///
    /// # Errors
    /// If the file cannot be read, or a class is not known.
    pub fn labelled_by_file(
        &self,
        file: &Path,
        folder: &Path,
    ) -> Result<Buffer<LabelledPicture>, LabelledError> {
        self.read_list(file, folder, Pictures::Anywhere)
    }

    fn read_list(
        &self,
        file: &Path,
        folder: &Path,
        pictures_are: Pictures,
    ) -> Result<Buffer<LabelledPicture>, LabelledError> {
        let fail = |source| LabelledError::Csv {
            path: file.to_owned(),
            source,
        };
        let opened = open_input(file).map_err(|error| fail(error.into()))?;
        let left = Left::new();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(ShortLines::new(opened, &left));
        let mut pictures = Buffer::default();
        for record in reader.records() {
            left.begin();
            let record = record.map_err(fail)?;
            let line = record.position().map_or(0, csv::Position::line);
            let mut fields = record.iter();
            let name = fields.next().unwrap_or_default();
            let class = fields.collect::<Vec<_>>().join(", ");
            let path = file.to_owned();
            match (name, class.as_str()) {
                ("", "") => continue,
                ("", _) | (_, "") => return Err(LabelledError::Line { path, line }),
                _ => {}
            }
            let picture = folder.join(name);
            match self.class_of(&class) {
                Some(_) if pictures_are == Pictures::InFolder && is_outside(folder, &picture) => {
                    return Err(LabelledError::Outside {
                        path,
                        line,
                        picture,
                        folder: folder.to_owned(),
                    });
                }
                Some(class) => add(&mut pictures, picture, class)?,
                None if line == 1 && !picture.exists() => {}
                None => return Err(LabelledError::ClassOfLine { path, line, class }),
            }
        }
        if pictures.is_empty() {
            return Err(LabelledError::NoLines(file.to_owned()));
        }
        Ok(pictures)
    }

    /// Lists pictures in one folder for each class, which is called by its number or name; or where there are as many
    /// folders as classes, in the order of the folders' names.
    fn labelled_by_folders(&self, folder: &Path) -> Result<Buffer<LabelledPicture>, LabelledError> {
        let folders: Vec<PathBuf> = entries(folder)?
            .into_iter()
            .filter(|path| path.is_dir())
            .collect();
        let in_order = folders.len() == self.classes();
        let mut pictures = Buffer::default();
        for (place, of_class) in folders.iter().enumerate() {
            let name = of_class.file_name().unwrap_or_default().to_string_lossy();
            let class = self.class_of(&name).or(in_order.then_some(place));
            let class = class.ok_or_else(|| LabelledError::ClassOfFolder {
                path: folder.to_owned(),
                class: name.into_owned(),
            })?;
            let files = entries(of_class)?.into_iter();
            let files = files.filter(|path| is_picture(path));
            for path in files.take(MOST_PICTURES - pictures.len()) {
                add(&mut pictures, path, class)?;
            }
        }
        if pictures.is_empty() {
            return Err(LabelledError::NoFolders(folder.to_owned()));
        }
        Ok(pictures)
    }
}

/// Adds a picture to a list, within the memory limit.
fn add(
    pictures: &mut Buffer<LabelledPicture>,
    path: PathBuf,
    class: usize,
) -> Result<(), NoMemory> {
    const WHAT: &str = "the list of pictures";
    pictures.reserve_beside(path.as_os_str().len() as u64, WHAT)?;
    pictures.push(LabelledPicture { path, class }, WHAT)
}

/// Whether a picture is there and lies elsewhere. One that is missing is refused when it is read.
fn is_outside(folder: &Path, picture: &Path) -> bool {
    matches!(inside(folder, picture), Err(WithinError::Outside))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, LabelledError> {
    let fail = |source| LabelledError::Io {
        path: folder.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(fail)?;
    paths.sort();
    Ok(paths)
}
