//! `--cam`: the figure of class activation maps, beside the result.

use super::super::exit::Failure;
use super::super::page::Page;
use super::super::written;
use clap::Args;
use efficientnet_onnx::classify::{
    ClassError, Classification, Classifier, MappedClass, MapsError, figure,
};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::files::{Inputs, OutputError};
use efficientnet_onnx::onnx::file::ModelFile;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Flags of the figure.
#[derive(Debug, Args)]
pub struct MapArgs {
    /// Draw where each file sees the most probable class of each picture, as a PNG file; `-` is standard output.
    /// Several files: `--cam OUT.png FILE... -- PICTURE...`
    #[arg(long, value_name = "OUT.png")]
    cam: Option<PathBuf>,
    /// The class whose map `--cam` draws, by name or number [default: the most probable one of each picture]
    #[arg(long, value_name = "NAME", requires = "cam")]
    class: Option<String>,
    /// Replace an existing file of `--cam`
    #[arg(long, requires = "cam")]
    force: bool,
}

/// A figure that is to be drawn.
pub struct Drawing<'a> {
    path: &'a Path,
    to: To<'a>,
    /// The class whose maps are taken, for each file.
    classes: Vec<MappedClass>,
}

enum To<'a> {
    Page(Page<'a>),
    Stdout(Box<dyn Write + Send>),
}

impl MapArgs {
    /// Whether a figure is asked for.
    pub fn is_asked_for(&self) -> bool {
        self.cam.is_some()
    }

    /// Whether the figure takes standard output, so that nothing else may.
    pub fn takes_stdout(&self) -> bool {
        self.cam.as_deref().is_some_and(is_stdout)
    }

    /// Looks at everything that can be wrong before the files run, and opens the output.
    ///
    /// # Errors
    /// If a file has no maps or not the class, or the output cannot be written.
    pub fn prepare(
        &self,
        classifiers: &[Classifier],
        pictures: &[PathBuf],
        quiet: bool,
    ) -> Result<Option<Drawing<'_>>, Failure> {
        let Some(path) = &self.cam else {
            return Ok(None);
        };
        let class = |classifier: &Classifier| {
            classifier.check_maps()?;
            let Some(name) = &self.class else {
                return Ok(MappedClass::Top);
            };
            let class = classifier.class_named(name)?;
            Ok::<_, Failure>(MappedClass::Index(class))
        };
        let classes = classifiers.iter().map(class).collect::<Result<_, _>>()?;
        let mut inputs = Inputs::none();
        for classifier in classifiers {
            inputs.add(classifier.path());
            let data = ModelFile::open(classifier.path()).map(|model| model.data_files());
            data.iter().flatten().for_each(|path| inputs.add(path));
        }
        for picture in pictures {
            inputs.add(picture);
        }
        let to = if is_stdout(path) {
            if io::stdout().is_terminal() {
                let error = OutputError::Terminal(path.clone());
                return Err(Failure::bad_input(error).hint("name a file, or write into a pipe"));
            }
            To::Stdout(written::stdout(&inputs)?)
        } else {
            To::Page(Page::open(path, self.force, &inputs, quiet)?)
        };
        Ok(Some(Drawing { path, to, classes }))
    }
}

impl<'a> Drawing<'a> {
    /// Where it is written to.
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// The class whose map is taken, for the file at a place.
    pub fn class(&self, file: usize) -> Option<MappedClass> {
        self.classes.get(file).copied()
    }

    /// Draws what was found and writes it; false if no picture was classified, or a file failed.
    ///
    /// # Errors
    /// If the figure is too large or cannot be written.
    pub fn finish(self, found: &[(&Classifier, &Classification)]) -> Result<bool, Failure> {
        let failed = found.iter().any(|(_, found)| found.failure.is_some());
        let Some(figure) = figure(found).filter(|_| !failed) else {
            tell!(
                "`{}` is not written: not all was classified",
                self.path.shown()
            );
            return Ok(false);
        };
        let file = figure.png().map_err(Failure::bad_input)?;
        match self.to {
            To::Page(page) => page.write(&file)?,
            To::Stdout(mut out) => out
                .write_all(&file)
                .and_then(|()| out.flush())
                .map_err(|error| super::super::print::failure(&error))?,
        }
        Ok(true)
    }
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl From<MapsError> for Failure {
    fn from(error: MapsError) -> Self {
        Self::bad_input(error).hint(super::failure::WITH_MAPS)
    }
}

impl From<ClassError> for Failure {
    fn from(error: ClassError) -> Self {
        Self::bad_input(error)
    }
}
