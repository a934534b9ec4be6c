//! Files that another file names. They lie in the folder of the file that names them, or in a folder below, whatever links
//! lead there: a file from a stranger cannot name any other file of this machine.
//!
//! Hugging Face's cache is the one exception: a snapshot is a folder of links into the `blobs` of the same model
//! (huggingface_hub, guides/manage-cache).

use crate::files::foreign::said;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Why a file that another file names is not used.
#[derive(Debug, thiserror::Error)]
pub enum WithinError {
    /// It is not in the folder.
    #[error("it is outside the folder")]
    Outside,
    /// It is missing or cannot be looked at.
    #[error("{error}", error = said(.0))]
    Io(#[from] io::Error),
}

/// Gives the file that the relative path `place` means in `folder`, links followed.
///
/// # Errors
/// If the path is absolute or has `..` or a backslash in it, leads out of the folder by a link, or its file is missing.
pub fn within(folder: &Path, place: &Path) -> Result<PathBuf, WithinError> {
    let below = |component| matches!(component, Component::Normal(_) | Component::CurDir);
    // A backslash would leave the folder where it separates folders.
    let backslash = place.as_os_str().as_encoded_bytes().contains(&b'\\');
    if backslash || !place.components().all(below) {
        return Err(WithinError::Outside);
    }
    inside(folder, &folder.join(place))
}

/// Gives `path`, links followed, if that is in `folder` or below.
///
/// # Errors
/// If it is not, or if one of them is missing.
pub fn inside(folder: &Path, path: &Path) -> Result<PathBuf, WithinError> {
    let folder = folder.canonicalize()?;
    let path = path.canonicalize()?;
    let blobs = blobs(&folder);
    if path.starts_with(&folder) || blobs.is_some_and(|blobs| path.starts_with(blobs)) {
        Ok(path)
    } else {
        Err(WithinError::Outside)
    }
}

/// The folder of the contents that a snapshot of Hugging Face's cache links to: of `models--ORG--NAME/snapshots/COMMIT` and
/// what is below it, `models--ORG--NAME/blobs`.
fn blobs(folder: &Path) -> Option<PathBuf> {
    let mut above = folder.ancestors();
    let snapshots =
        above.find(|folder| folder.file_name().is_some_and(|name| name == "snapshots"))?;
    let model = snapshots.parent()?;
    let is_model = model.file_name()?.to_str()?.starts_with("models--");
    (is_model && folder != snapshots).then(|| model.join("blobs"))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// `secret` beside `model`, a folder with a file and a folder.
    fn folders() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("model/below")).expect("folders");
        for name in ["secret", "model/data", "model/below/data"] {
            fs::write(at(name), name).expect("a file");
        }
        folder
    }

    #[test]
    fn a_place_in_the_folder_is_used_and_every_other_is_outside() {
        let folder = folders();
        let model = folder.path().join("model");
        symlink("below/data", model.join("link")).expect("a link");
        symlink("../secret", model.join("leads-out")).expect("a link");
        symlink("..", model.join("up")).expect("a link");
        for place in ["data", "./data", "below/data", "link"] {
            let found = within(&model, Path::new(place)).expect(place);
            assert!(fs::read(&found).expect("read").ends_with(b"data"));
        }
        let absolute = folder.path().join("secret");
        let absolute = absolute.to_str().expect("text");
        for place in [
            "../secret",
            "below/../../secret",
            absolute,
            "leads-out",
            "up/secret",
            "a\\b",
        ] {
            let error = within(&model, Path::new(place)).expect_err(place);
            assert!(matches!(error, WithinError::Outside), "{place}: {error}");
        }
        let error = within(&model, Path::new("absent")).expect_err("absent");
        assert!(matches!(error, WithinError::Io(_)), "{error}");
    }

    #[test]
    fn a_snapshot_links_to_blobs_of_its_own_model_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for model in ["models--a--b", "models--a--c", "copies"] {
            fs::create_dir_all(at(model).join("blobs")).expect("folders");
            fs::create_dir_all(at(model).join("snapshots/1/onnx")).expect("folders");
            fs::write(at(model).join("blobs/0123"), "data").expect("a file");
        }
        let cases = [
            ("models--a--b", "data", "../../blobs/0123", true),
            ("models--a--b", "onnx/data", "../../../blobs/0123", true),
            (
                "models--a--b",
                "other",
                "../../../models--a--c/blobs/0123",
                false,
            ),
            ("models--a--b", "refs", "../../refs/main", false),
            ("copies", "data", "../../blobs/0123", false),
        ];
        fs::create_dir(at("models--a--b/refs")).expect("a folder");
        fs::write(at("models--a--b/refs/main"), "1").expect("a file");
        for (model, name, target, is_used) in cases {
            let snapshot = at(model).join("snapshots/1");
            symlink(target, snapshot.join(name)).expect("a link");
            let found = within(&snapshot, Path::new(name));
            assert_eq!(found.is_ok(), is_used, "{model} {name}");
        }
        // A folder that is only called so, and not below one, has no blobs.
        let all = at("models--a--b/snapshots");
        symlink("../blobs/0123", all.join("data")).expect("a link");
        assert!(within(&all, Path::new("data")).is_err());
    }
}
