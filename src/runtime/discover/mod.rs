//! Where ONNX Runtime's shared library is: asked for by path, or found in a Python environment.
//!
//! Official wheels of `onnxruntime` ship the library as `onnxruntime/capi/libonnxruntime.so.X.Y.Z`
//! (1.19.2 and later, on Linux). Nothing is loaded here; whether a library can be used is known only
//! once it is.

mod nvidia;

use super::hint::Hint;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// How a library was found by the variable.
const VARIABLE: &str = "`ORT_DYLIB_PATH`";

/// How long a Python interpreter may take to say where its packages are; one on a network's disk takes seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of its answer that are read: a few paths.
const LONGEST_ANSWER: u64 = 1 << 20;

/// The places to look at, usually from [`Places::from_environment`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The library that is asked for, before all others.
    pub named: Option<Named>,
    /// The value of `ORT_DYLIB_PATH`.
    pub variable: Option<PathBuf>,
    /// The value of `VIRTUAL_ENV`: the active virtual environment.
    pub virtual_env: Option<PathBuf>,
    /// The Python interpreter whose packages are looked at last.
    pub python: Option<PathBuf>,
    /// Folders of CUDA's libraries, before those of the system and of NVIDIA's wheels.
    pub cuda: Vec<PathBuf>,
}

/// A library that is asked for by its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The library, or a folder that it is in.
    pub path: PathBuf,
    /// How it was named, for messages, such as the name of a flag in backticks.
    pub by: &'static str,
}

/// A library that may be usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrtLibrary {
    /// Its absolute path.
    pub path: PathBuf,
    /// How it was found, such as "the active virtual environment".
    pub origin: &'static str,
    /// Whether it was asked for. Such a library must work; another is passed over with a note.
    pub asked: bool,
}

impl OrtLibrary {
    /// What to do where it was asked for and cannot be used; none where it was only found.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        self.asked.then_some(if self.origin == VARIABLE {
            Hint::AnotherVariable
        } else {
            Hint::AnotherLibrary
        })
    }
}

impl Places {
    /// The places of this process: `named`, the environment variables, and the `python3` of the search path.
    #[must_use]
    pub fn from_environment(named: Option<Named>) -> Self {
        let path = |name| {
            std::env::var_os(name)
                .filter(|value: &OsString| !value.is_empty())
                .map(PathBuf::from)
        };
        Self {
            named,
            variable: path("ORT_DYLIB_PATH"),
            virtual_env: path("VIRTUAL_ENV"),
            python: Some(PathBuf::from("python3")),
            cuda: Vec::new(),
        }
    }

    /// Whether a library was asked for by its path.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.named.is_some() || self.variable.is_some()
    }

    /// The libraries to try, in order. One that was asked for is the only one, whether or not it exists; it may be asked
    /// for by its folder.
    #[must_use]
    pub fn libraries(&self) -> Vec<OrtLibrary> {
        let named = self.named.as_ref().map(|named| (&named.path, named.by));
        let variable = self.variable.as_ref().map(|path| (path, VARIABLE));
        if let Some((path, origin)) = named.or(variable) {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let path = library_below(&path).unwrap_or(path);
            return vec![OrtLibrary {
                path,
                origin,
                asked: true,
            }];
        }
        let mut libraries: Vec<OrtLibrary> = Vec::new();
        let mut add = |package: &Path, origin| {
            let Some(path) = library_of(package) else {
                return;
            };
            let Ok(path) = std::path::absolute(path) else {
                return;
            };
            // `lib64` of a virtual environment is a link to `lib`.
            let real =
                |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            if libraries
                .iter()
                .all(|library| real(&library.path) != real(&path))
            {
                libraries.push(OrtLibrary {
                    path,
                    origin,
                    asked: false,
                });
            }
        };
        if let Some(root) = &self.virtual_env {
            for site_packages in site_packages_of(root) {
                add(
                    &site_packages.join("onnxruntime"),
                    "the active virtual environment",
                );
            }
        }
        if let Some(python) = self.python.as_deref() {
            for package in packages_of(python, "onnxruntime").into_iter().take(1) {
                add(&package, "`python3`");
            }
        }
        libraries
    }
}

/// The folders that hold the packages of a virtual environment, in order.
fn site_packages_of(virtual_env: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ["lib", "lib64"]
        .into_iter()
        .filter_map(|lib| std::fs::read_dir(virtual_env.join(lib)).ok())
        .flat_map(Iterator::flatten)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("python3"))
        .map(|entry| entry.path().join("site-packages"))
        .collect();
    folders.push(virtual_env.join("Lib").join("site-packages"));
    folders.sort();
    folders
}

/// The shared library in a folder that a user names: in it, or where an official archive (`lib`) or a Python package
/// has it.
fn library_below(folder: &Path) -> Option<PathBuf> {
    let inside = ["", "lib", "capi", "onnxruntime/capi"];
    inside
        .iter()
        .find_map(|inside| library_in(&folder.join(inside)))
}

/// The shared library in the Python package `onnxruntime`.
fn library_of(package: &Path) -> Option<PathBuf> {
    library_in(&package.join("capi"))
}

/// The shared library in a folder, by its name.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut libraries: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_library(path))
        .collect();
    libraries.sort();
    libraries.pop()
}

/// `libonnxruntime.so`, `libonnxruntime.so.1.32.0`, `libonnxruntime.1.32.0.dylib`, `onnxruntime.dll`.
fn is_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let dylib = name.starts_with("libonnxruntime.") && name.ends_with(".dylib");
    name == "onnxruntime.dll"
        || name == "libonnxruntime.so"
        || name.starts_with("libonnxruntime.so.")
        || dylib
}

/// The folders from which a Python interpreter would import a package. Nothing is imported, and the current folder, which
/// anyone may have written to, is not looked at.
fn packages_of(python: &Path, package: &str) -> Vec<PathBuf> {
    const SCRIPT: &str = "import sys
sys.path = [folder for folder in sys.path if folder]
import importlib.util
spec = importlib.util.find_spec(sys.argv[1])
for folder in spec and spec.submodule_search_locations or []:
    print(folder)";
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT, package]);
    let text = answer(&mut command, PATIENCE).unwrap_or_default();
    text.lines()
        .filter(|line| !line.is_empty())
        .map(PathBuf::from)
        .collect()
}

/// What a command prints until it closes its output, if it does so within `limit`, up to [`LONGEST_ANSWER`]. It is killed then.
fn answer(command: &mut Command, limit: Duration) -> Option<String> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let (send, received) = channel();
    let reading = child.stdout.take().and_then(|output| {
        let read = move || {
            let mut text = String::new();
            let read = output.take(LONGEST_ANSWER).read_to_string(&mut text);
            let _ = send.send(read.is_ok().then_some(text));
        };
        thread::Builder::new().spawn(read).ok()
    });
    let text = reading.and_then(|_| received.recv_timeout(limit).ok()?);
    let _ = child.kill();
    let _ = child.wait();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with empty files.
    pub fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        root
    }

    #[cfg(unix)]
    #[test]
    fn an_interpreter_that_does_not_answer_is_not_waited_for() {
        let shell = |script: &str, limit| {
            answer(
                Command::new("sh").args(["-c", script]),
                Duration::from_millis(limit),
            )
        };
        assert_eq!(shell("echo a; echo b", 60_000), Some("a\nb\n".to_owned()));
        assert_eq!(
            shell("echo a; exec >&-; exec sleep 600", 60_000),
            Some("a\n".to_owned())
        );
        assert_eq!(shell("exec sleep 600", 100), None);
        // Another process keeps its output open.
        assert_eq!(shell("sleep 5 & echo a", 100), None);
    }

    fn named(path: PathBuf) -> Named {
        let by = "`--a-flag`";
        Named { path, by }
    }

    #[test]
    fn a_library_that_was_asked_for_is_the_only_one() {
        let root = folder_with(&[
            "lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.32.0",
        ]);
        let places = Places {
            named: Some(named("named.so".into())),
            variable: Some("/variable.so".into()),
            virtual_env: Some(root.path().into()),
            python: None,
            cuda: Vec::new(),
        };
        let [library] = places.libraries().try_into().expect("one library");
        assert_eq!(
            library.path,
            std::env::current_dir()
                .expect("a current folder")
                .join("named.so")
        );
        assert!(library.asked && places.asked());
        assert_eq!(library.origin, "`--a-flag`");
        assert_eq!(library.hint(), Some(Hint::AnotherLibrary));
        let [library] = Places {
            named: None,
            ..places
        }
        .libraries()
        .try_into()
        .expect("one library");
        assert_eq!(library.hint(), Some(Hint::AnotherVariable));
        assert_eq!(
            (library.path, library.origin),
            ("/variable.so".into(), "`ORT_DYLIB_PATH`")
        );
    }

    #[test]
    fn a_folder_that_was_asked_for_is_searched() {
        for (files, asked, expected) in [
            (
                &["libonnxruntime.so.1.32.0", "other.so"][..],
                "",
                "libonnxruntime.so.1.32.0",
            ),
            (
                &[
                    "lib/libonnxruntime.so",
                    "lib/libonnxruntime_providers_shared.so",
                ],
                "",
                "lib/libonnxruntime.so",
            ),
            (
                &["onnxruntime/capi/libonnxruntime.so.1.30.0"],
                "onnxruntime",
                "onnxruntime/capi/libonnxruntime.so.1.30.0",
            ),
            (
                &["site/onnxruntime/capi/libonnxruntime.so.1.30.0"],
                "site",
                "site/onnxruntime/capi/libonnxruntime.so.1.30.0",
            ),
            // Nothing is in it, so it stays what was asked for.
            (&["include/onnxruntime_c_api.h"], "include", "include"),
        ] {
            let root = folder_with(files);
            for variable in [false, true] {
                let asked = Some(root.path().join(asked));
                let (path, variable) = if variable {
                    (None, asked)
                } else {
                    (asked, None)
                };
                let places = Places {
                    named: path.map(named),
                    variable,
                    ..Places::default()
                };
                let [library] = places.libraries().try_into().expect("one library");
                assert_eq!(library.path, root.path().join(expected));
                assert!(library.asked);
            }
        }
    }

    #[test]
    fn a_virtual_environment_is_searched() {
        let library = "lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime.so.1.30.0";
        let root = folder_with(&[
            library,
            "lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime_providers_shared.so",
            "lib/python3.12/site-packages/onnxruntime/capi/onnxruntime_pybind11_state.so",
        ]);
        let places = Places {
            virtual_env: Some(root.path().into()),
            ..Places::default()
        };
        let expected = OrtLibrary {
            path: root.path().join(library),
            origin: "the active virtual environment",
            asked: false,
        };
        assert_eq!(places.libraries(), [expected]);
        assert!(!places.asked());
    }

    #[test]
    fn a_missing_interpreter_or_package_is_no_error() {
        let root = folder_with(&[]);
        let places = Places {
            virtual_env: Some(root.path().into()),
            python: Some(root.path().join("python3")),
            ..Places::default()
        };
        assert_eq!(places.libraries(), []);
    }
}
