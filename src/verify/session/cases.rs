//! What a file is run with, and what its outputs are compared with, where the command line says: files of tensors,
//! pictures, ONNX's test data, or other noise, batches and sizes than by default.

use crate::cli::exit::Failure;
use crate::cli::text;
use clap::Args;
use efficientnet_onnx::metadata::{PREPROCESSING_KEY, Preprocessing};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::picture;
use efficientnet_onnx::runtime::outcome::CaseRun;
use efficientnet_onnx::stored::{self, test_data};
use efficientnet_onnx::tensor::{Element, NamedTensor};
use efficientnet_onnx::verify::given::{self, GivenError};
use efficientnet_onnx::verify::noise;
use efficientnet_onnx::verify::note::Note;
use efficientnet_onnx::verify::plan::{self, Case, Content, PlanError, Wanted};
use efficientnet_onnx::verify::subject::Subject;
use std::path::{Path, PathBuf};

/// Flags that say what goes in and what should come out.
#[derive(Clone, Debug, Default, Args)]
pub struct FeedArgs {
    /// Inputs to run with, in place of noise: .npy, .npz, .safetensors, ONNX's .pb, or a JPEG or PNG picture; one file
    /// for each input of the graph, in order, or by the names in the file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["noise", "batch", "size", "test_data"])]
    pub input: Vec<PathBuf>,
    /// Outputs that `--input` should give, which then are what all runtimes are compared with
    #[arg(long, value_name = "FILE", requires = "input")]
    pub expect: Vec<PathBuf>,
    /// Folder in the layout of ONNX's test data, `test_data_set_N/{input,output}_K.pb`: run with and compared with what
    /// it holds, or written, with the outputs of the base, if it is not there
    #[arg(long, value_name = "DIR")]
    pub test_data: Option<PathBuf>,
    /// What inputs hold: `normal`, N(0, 1) noise; `image`, smooth and in the range of pictures; `zero` [default: normal]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub noise: Vec<Content>,
    /// Batches to try where the file's is symbolic [default: 1 and 3]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..))]
    pub batch: Vec<u64>,
    /// Size to try where the file's is symbolic, height first, or one for both; may be repeated
    #[arg(long, value_name = "HxW", value_parser = text::size)]
    pub size: Vec<[u64; 2]>,
}

/// Every case, its inputs, and where outputs are given those.
pub struct Feed {
    /// The cases.
    pub cases: Vec<Case>,
    /// The inputs of each.
    pub inputs: Vec<Vec<NamedTensor>>,
    /// The outputs that each should have.
    pub expected: Option<Vec<CaseRun>>,
    /// Where to write the test data when all has run.
    pub write_to: Option<PathBuf>,
}

impl FeedArgs {
    /// Reads or makes everything that `model`, called `shown`, is run with.
    ///
    /// # Errors
    /// If a file cannot be read or does not fit the model, or the model cannot be tried as asked.
    pub fn prepare(
        &self,
        model: &ModelFile,
        subject: &Subject,
        seed: u64,
        shown: &str,
    ) -> Result<Feed, Failure> {
        if !self.input.is_empty() {
            let inputs = read_all(&self.input, model)?;
            let expected = read_all(&self.expect, model)?;
            let expected = self.expect.first().map(|path| (path.as_path(), expected));
            return Feed::of_given(subject, vec![(self.input[0].as_path(), inputs, expected)]);
        }
        match &self.test_data {
            Some(folder) if folder.exists() => {
                if !(self.noise.is_empty() && self.batch.is_empty() && self.size.is_empty()) {
                    let message = format!(
                        "`{}` is there, so its inputs are run: `--noise`, `--batch` and `--size` do not apply",
                        folder.display()
                    );
                    return Err(Failure::bad_input(message).hint(
                        "leave them out, or name a folder that is not there to have it written",
                    ));
                }
                let sets = test_data::read_sets(folder).map_err(Failure::bad_input)?;
                let parts = sets.iter().map(|set| {
                    let expected = Some((set.folder.as_path(), set.outputs.clone()));
                    (set.folder.as_path(), set.inputs.clone(), expected)
                });
                Feed::of_given(subject, parts.collect())
            }
            write_to => {
                refuse_to_write_some(write_to.as_deref(), subject)?;
                // Said before the runtimes take their time.
                if let Some(folder) = write_to {
                    test_data::beside(folder).map_err(Failure::bad_input)?;
                }
                let wanted = Wanted {
                    batches: self.batch.clone(),
                    sizes: self.size.clone(),
                    contents: self.noise.clone(),
                };
                let cases = plan::cases_of(subject, &wanted).map_err(|error| {
                    let failure = Failure::bad_input(format!("`{shown}`: {error}"));
                    match error {
                        PlanError::SizeStep(_) => failure.hint(text::OTHER_SIZE),
                        _ => failure,
                    }
                })?;
                let inputs = cases.iter().map(|case| noise::inputs(subject, case, seed));
                Ok(Feed {
                    inputs: inputs
                        .collect::<Result<_, _>>()
                        .map_err(Failure::bad_input)?,
                    cases,
                    expected: None,
                    write_to: write_to.clone(),
                })
            }
        }
    }
}

/// Test data are found by their numbers, so that one output cannot be left out.
fn refuse_to_write_some(folder: Option<&Path>, subject: &Subject) -> Result<(), Failure> {
    match (folder, subject.left_out.first()) {
        (Some(folder), Some(output)) => Err(Failure::bad_input(format!(
            "`{}` is not written: {output}, so its test data would be incomplete",
            folder.display()
        ))
        .hint("leave `--test-data` out, or remove the output from the file")),
        _ => Ok(()),
    }
}

/// A file's or folder's path and tensors.
type Stored<'a> = (&'a Path, Vec<NamedTensor>);

impl Feed {
    /// One case for each set of inputs, all with expected outputs or none.
    fn of_given(
        subject: &Subject,
        sets: Vec<(&Path, Vec<NamedTensor>, Option<Stored<'_>>)>,
    ) -> Result<Self, Failure> {
        let (mut cases, mut inputs, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
        for (path, stored, expected) in sets {
            let bad = |path: &Path, error: GivenError| {
                let failure = Failure::bad_input(format!("`{}`: {error}", path.display()));
                match error {
                    GivenError::SizeStep(_) => failure.hint(text::OTHER_SIZE),
                    _ => failure,
                }
            };
            let (case, found) =
                given::inputs(subject, &stored).map_err(|error| bad(path, error))?;
            if let Some((path, expected)) = expected {
                let outputs_of = given::outputs(subject, &case, &expected);
                outputs.push(CaseRun {
                    prepare_seconds: 0.0,
                    run_seconds: 0.0,
                    outputs: outputs_of.map_err(|error| bad(path, error))?,
                });
            }
            cases.push(case);
            inputs.push(found);
        }
        Ok(Self {
            cases,
            inputs,
            // All sets have them, or none has.
            expected: (!outputs.is_empty()).then_some(outputs),
            write_to: None,
        })
    }

    /// Writes the inputs and these outputs as test data, where that was asked.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, base: Option<&[CaseRun]>) -> Result<Option<Note>, Failure> {
        let Some(folder) = &self.write_to else {
            return Ok(None);
        };
        let Some(base) = base else {
            return Ok(Some(Note::NotWritten(folder.clone())));
        };
        let outputs = base.iter().map(|case| case.outputs.as_slice());
        let sets = self.inputs.iter().map(Vec::as_slice).zip(outputs);
        test_data::write_sets(folder, sets).map_err(Failure::bad_input)?;
        Ok(Some(Note::Written(folder.clone())))
    }
}

/// The tensors of every file, one after the other; pictures are prepared as the model says.
fn read_all(paths: &[PathBuf], model: &ModelFile) -> Result<Vec<NamedTensor>, Failure> {
    let mut tensors = Vec::new();
    for path in paths {
        if is_picture(path) {
            tensors.push(read_picture(path, model)?);
        } else {
            tensors.extend(stored::read(path).map_err(Failure::bad_input)?);
        }
    }
    Ok(tensors)
}

/// Whether a name is that of a picture.
pub fn is_picture(path: &Path) -> bool {
    let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    matches!(
        ending.as_ref().and_then(|ending| ending.to_str()),
        Some("jpg" | "jpeg" | "png")
    )
}

/// A picture as an input of one row.
fn read_picture(path: &Path, model: &ModelFile) -> Result<NamedTensor, Failure> {
    let json = model.metadata(PREPROCESSING_KEY).ok_or_else(|| {
        Failure::bad_input(format!(
            "`{}` does not say how pictures are prepared: it has no metadata `{PREPROCESSING_KEY}`",
            model.path.display()
        ))
        .hint("prepare the picture yourself and give it as .npy")
    })?;
    let preprocessing: Preprocessing = serde_json::from_str(json).map_err(|error| {
        Failure::bad_input(format!(
            "metadata `{PREPROCESSING_KEY}` cannot be read: {error}"
        ))
    })?;
    let data = picture::load(path, &preprocessing)?;
    let [height, width] = picture::input_size(&preprocessing)?.map(|side| side as usize);
    Ok(NamedTensor {
        name: String::new(),
        shape: vec![1, 3, height, width],
        element: Element::F32,
        data: data.into_iter().map(f64::from).collect(),
    })
}
