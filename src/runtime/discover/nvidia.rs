//! Where CUDA's libraries are: named folders, NVIDIA's wheels, the toolkit.
//!
//! NVIDIA's wheels put them into `nvidia/cu13/lib` (CUDA 13) or `nvidia/cublas/lib` and so on (cuDNN, and CUDA 12) of a
//! Python environment; the toolkit's installer into `/usr/local/cuda/lib64`.

use super::{OrtLibrary, Places, packages_of, site_packages_of};
use crate::runtime::cuda::PROVIDER;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const TOOLKIT: &str = "/usr/local/cuda/lib64";

impl Places {
    /// The libraries to try for CUDA, in order: those first that have a CUDA provider beside them.
    #[must_use]
    pub fn libraries_for_cuda(&self) -> Vec<OrtLibrary> {
        let mut libraries = self.libraries();
        libraries.sort_by_key(|library| !has_provider(&library.path));
        libraries
    }

    /// The search path for a process that is to run on CUDA with this library: the named folders, `inherited` (this
    /// process's own path), the wheels beside the library, those of the active virtual environment and of `python3`,
    /// and the toolkit.
    ///
    /// # Errors
    /// If a folder has a character in its name that such a path cannot have.
    pub fn cuda_search_path(
        &self,
        library: &Path,
        inherited: Option<OsString>,
    ) -> Result<OsString, std::env::JoinPathsError> {
        let mut folders: Vec<PathBuf> = self
            .cuda
            .iter()
            .map(|folder| std::path::absolute(folder).unwrap_or_else(|_| folder.clone()))
            .collect();
        folders.extend(std::env::split_paths(&inherited.unwrap_or_default()));
        // `site-packages/onnxruntime/capi/libonnxruntime.so`
        let mut environments: Vec<PathBuf> = library
            .ancestors()
            .nth(3)
            .map(Path::to_owned)
            .into_iter()
            .collect();
        if let Some(root) = &self.virtual_env {
            environments.extend(site_packages_of(root));
        }
        let mut packages: Vec<PathBuf> = environments
            .into_iter()
            .map(|folder| folder.join("nvidia"))
            .collect();
        if let Some(python) = &self.python {
            packages.extend(packages_of(python, "nvidia"));
        }
        folders.extend(packages.iter().flat_map(|package| libraries_in(package)));
        folders.push(TOOLKIT.into());
        // An empty entry would mean the current folder, which anyone may have written to.
        folders.retain(|folder| !folder.as_os_str().is_empty() && folder.is_dir());
        let mut unique: Vec<PathBuf> = Vec::new();
        for folder in folders {
            if !unique.contains(&folder) {
                unique.push(folder);
            }
        }
        std::env::join_paths(unique)
    }
}

fn has_provider(library: &Path) -> bool {
    let real = std::fs::canonicalize(library).unwrap_or_else(|_| library.to_owned());
    real.with_file_name(PROVIDER).is_file()
}

/// The folders `lib` of the packages below a folder `nvidia`, in order of their names.
fn libraries_in(package: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(package);
    let mut folders: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("lib"))
        .collect();
    folders.sort();
    folders
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::runtime::discover::tests::folder_with;

    #[test]
    fn a_library_with_a_provider_comes_first() {
        let capi = "lib/python3.12/site-packages/onnxruntime/capi";
        let library = format!("{capi}/libonnxruntime.so.1.32.0");
        let cpu = folder_with(&[&library]);
        let gpu = folder_with(&[&library, &format!("{capi}/{PROVIDER}")]);
        assert!(!has_provider(&cpu.path().join(&library)));
        assert!(has_provider(&gpu.path().join(&library)));
        let link = cpu.path().join("link.so");
        std::os::unix::fs::symlink(gpu.path().join(&library), &link).expect("a link");
        assert!(has_provider(&link));
    }

    #[test]
    fn named_folders_come_before_inherited_ones_and_wheels() {
        let site = "lib/python3.12/site-packages";
        let root = folder_with(&[
            &format!("{site}/onnxruntime/capi/libonnxruntime.so.1.31.1"),
            &format!("{site}/nvidia/cudnn/lib/libcudnn.so.9"),
            &format!("{site}/nvidia/cu13/lib/libcudart.so.13"),
            "named/libcudart.so.13",
            "inherited/libother.so",
        ]);
        let at = |path: &str| root.path().join(path);
        let places = Places {
            virtual_env: Some(root.path().into()),
            cuda: vec![at("named")],
            ..Places::default()
        };
        let library = at(&format!("{site}/onnxruntime/capi/libonnxruntime.so.1.31.1"));
        let inherited = format!(":{}:/nonexistent", at("inherited").to_string_lossy());
        let path = places
            .cuda_search_path(&library, Some(inherited.into()))
            .expect("a path");
        let mut found: Vec<PathBuf> = std::env::split_paths(&path).collect();
        found.retain(|folder| folder != Path::new(TOOLKIT));
        assert_eq!(
            found,
            [
                at("named"),
                at("inherited"),
                at(&format!("{site}/nvidia/cu13/lib")),
                at(&format!("{site}/nvidia/cudnn/lib")),
            ]
        );
    }
}
