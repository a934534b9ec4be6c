//! The pictures of an audit: which of a folder are used, and the cases that they are.

use super::PictureSample;
use crate::memory::{Buffer, NoMemory};
use crate::metadata::Orientation;
use crate::onnx::file::ModelFile;
use crate::tensor::NamedTensor;
use crate::verify::facts::{DeclaredExtent, FileFacts};
use crate::verify::session::SessionError;
use crate::verify::session::cases::{Cases, is_picture, read_picture};
use std::path::{Path, PathBuf};

/// Pictures of a folder.
pub struct Pictures {
    /// How many the folder has.
    pub found: usize,
    used: Vec<PathBuf>,
}

impl Pictures {
    /// Finds the pictures of a folder and of the folders in it, and picks those that are used.
    pub fn find(sample: &PictureSample) -> Result<Self, SessionError> {
        let mut all = Vec::new();
        for path in entries(&sample.folder)? {
            if path.is_dir() {
                all.extend(entries(&path)?.into_iter().filter(|path| is_picture(path)));
            } else if is_picture(&path) {
                all.push(path);
            }
        }
        let most = sample.most.max(1);
        let found = all.len();
        if found == 0 {
            return Err(SessionError::NoPictures(sample.folder.clone()));
        }
        let used = spread(all, most);
        Ok(Self { found, used })
    }

    /// The pictures of each case: one, or as many as the batch is fixed to; the last case may have fewer.
    pub fn groups(&self, facts: &FileFacts) -> Vec<&[PathBuf]> {
        self.used.chunks(fixed_batch(facts).max(1)).collect()
    }
}

/// At most so many, at equal distances.
fn spread(all: Vec<PathBuf>, most: usize) -> Vec<PathBuf> {
    if all.len() <= most {
        return all;
    }
    let picked = (0..most).map(|at| all[at * all.len() / most].clone());
    picked.collect()
}

/// The batch of a file, where it is fixed; else 1.
fn fixed_batch(facts: &FileFacts) -> usize {
    let primary = facts.primary();
    let declared = facts
        .inputs
        .get(primary)
        .and_then(|input| input.shape.as_ref());
    let batch = facts.axes(primary).batch;
    match declared
        .zip(batch)
        .and_then(|(shape, axis)| shape.get(axis))
    {
        Some(DeclaredExtent::Fixed(batch)) => usize::try_from(*batch).unwrap_or(1),
        _ => 1,
    }
}

/// The paths in a folder, in order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, SessionError> {
    let fail = |source| SessionError::PictureFolder {
        folder: folder.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    paths.sort();
    Ok(paths)
}

/// Pictures as they are called in reports.
pub fn names(pictures: &[PathBuf]) -> Vec<String> {
    let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
    pictures.iter().map(shown).collect()
}

/// One case: pictures as the rows of a batch. Where they are fewer than a fixed batch, the last of them fills it.
pub fn cases(
    model: &ModelFile,
    facts: &FileFacts,
    pictures: &[PathBuf],
    orientation: Orientation,
) -> Result<Cases, SessionError> {
    let mut rows = Vec::new();
    for picture in pictures {
        rows.push(read_picture(picture, model, orientation)?);
    }
    let path = pictures.first().cloned().unwrap_or_default();
    let sets = match stacked(&rows, fixed_batch(facts))? {
        Some(input) => vec![((path, vec![input]), None)],
        None => Vec::new(),
    };
    Cases::of_given(facts, sets)
}

/// Tensors of one row each as the rows of one; the last of them again up to `batch` rows. None without any.
fn stacked(rows: &[NamedTensor], batch: usize) -> Result<Option<NamedTensor>, NoMemory> {
    let Some(last) = rows.last() else {
        return Ok(None);
    };
    let count = rows.len().max(batch);
    let elements = count.saturating_mul(last.data.len());
    let mut data = Buffer::with_room(elements, "a batch of pictures")?;
    for index in 0..count {
        let row = rows.get(index).unwrap_or(last);
        data.extend(row.data.iter().copied());
    }
    let mut shape = last.shape.clone();
    if let Some(first) = shape.first_mut() {
        *first = count;
    }
    Ok(Some(NamedTensor {
        name: last.name.clone(),
        shape,
        element: last.element,
        data,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_picked_from_all_of_the_list() {
        let all: Vec<PathBuf> = ["a", "b", "c", "d", "e"].map(PathBuf::from).into();
        let picked = |most| spread(all.clone(), most);
        assert_eq!(picked(5), all);
        assert_eq!(picked(9), all);
        assert_eq!(picked(2), ["a", "c"].map(PathBuf::from));
        assert_eq!(picked(3), ["a", "b", "d"].map(PathBuf::from));
    }
}
