//! What files are run with: planned noise, files of tensors, pictures, or ONNX's test data.

use super::{SessionError, Verifier};
use crate::metadata::{Orientation, PREPROCESSING_KEY, Preprocessing};
use crate::onnx::file::ModelFile;
use crate::runtime::outcome::CaseOutcome;
use crate::stored::{self, test_data};
use crate::tensor::NamedTensor;
use crate::verify::facts::FileFacts;
use crate::verify::note::VerifyNote;
use crate::verify::plan::{self, Case, Wanted};
use crate::verify::{given, noise};
use std::path::{Path, PathBuf};

/// What a file is run with.
#[derive(Clone, Debug, PartialEq)]
pub enum CaseSource {
    /// Noise, as the verifier's seed decides.
    Noise {
        /// Batches, sizes and contents, in place of the defaults.
        wanted: Wanted,
        /// A new folder for the inputs and the reference run's outputs, in the layout of ONNX's test data.
        write_to: Option<PathBuf>,
    },
    /// Files of tensors or pictures: one for each input of the graph, in order, or by the names in the files.
    Files {
        /// Inputs of the one case.
        inputs: Vec<PathBuf>,
        /// Outputs that it should give, which then are what all runs are compared with; may be empty.
        expected: Vec<PathBuf>,
    },
    /// A folder in the layout of ONNX's test data, `test_data_set_N/{input,output}_K.pb`: a case for each set, whose
    /// outputs are what all runs are compared with.
    TestData(PathBuf),
}

impl Default for CaseSource {
    fn default() -> Self {
        Self::Noise {
            wanted: Wanted::default(),
            write_to: None,
        }
    }
}

/// Every case, its inputs, and where outputs are given those.
pub(super) struct Cases {
    /// What the cases are.
    pub planned: Vec<Case>,
    /// The inputs of each.
    pub inputs: Vec<Vec<NamedTensor>>,
    /// The outputs that each should have.
    pub expected: Option<Vec<CaseOutcome>>,
    /// Where to write the test data when all has run.
    pub write_to: Option<PathBuf>,
}

/// Where tensors are from, and the tensors.
type Stored = (PathBuf, Vec<NamedTensor>);

impl Verifier {
    /// Reads or makes everything that `model` is run with.
    pub(super) fn cases(
        &self,
        model: &ModelFile,
        facts: &FileFacts,
    ) -> Result<Cases, SessionError> {
        match &self.source {
            CaseSource::Noise { wanted, write_to } => {
                let mut cases = self.noise(model, facts, wanted)?;
                if let Some(folder) = write_to {
                    check_writable(folder, facts)?;
                    cases.write_to = Some(folder.clone());
                }
                Ok(cases)
            }
            CaseSource::Files { inputs, expected } => {
                let from = |paths: &[PathBuf]| {
                    let first = paths.first().cloned()?;
                    Some(read_all(paths, model, self.orientation).map(|tensors| (first, tensors)))
                };
                let (inputs, expected) = (from(inputs).transpose()?, from(expected).transpose()?);
                let inputs = inputs.unwrap_or_default();
                Cases::of_given(facts, vec![(inputs, expected)])
            }
            CaseSource::TestData(folder) => {
                let sets = test_data::read_sets(folder)?.into_iter();
                let parts = sets.map(|set| {
                    let expected = (set.folder.clone(), set.outputs);
                    ((set.folder, set.inputs), Some(expected))
                });
                Cases::of_given(facts, parts.collect())
            }
        }
    }

    fn noise(
        &self,
        model: &ModelFile,
        facts: &FileFacts,
        wanted: &Wanted,
    ) -> Result<Cases, SessionError> {
        let fail = |source| SessionError::Plan {
            file: self.name(&model.path),
            source,
        };
        let planned = plan::cases_of(facts, wanted).map_err(fail)?;
        let inputs = planned
            .iter()
            .map(|case| noise::inputs(facts, case, self.seed).map_err(fail));
        Ok(Cases {
            inputs: inputs.collect::<Result<_, _>>()?,
            planned,
            expected: None,
            write_to: None,
        })
    }
}

/// Finds out before the runtimes take their time whether test data could be written. It is found by the outputs' numbers,
/// so that none can be left out.
fn check_writable(folder: &Path, facts: &FileFacts) -> Result<(), SessionError> {
    if let Some(output) = facts.left_out.first() {
        return Err(SessionError::Incomplete {
            folder: folder.to_owned(),
            output: Box::new(output.clone()),
        });
    }
    test_data::beside(folder)?;
    Ok(())
}

impl Cases {
    /// One case for each set of inputs, all with expected outputs or none.
    pub(super) fn of_given(
        facts: &FileFacts,
        sets: Vec<(Stored, Option<Stored>)>,
    ) -> Result<Self, SessionError> {
        let (mut planned, mut inputs, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
        for ((path, tensors), expected) in sets {
            let (case, found) = given::inputs(facts, &tensors)
                .map_err(|source| SessionError::Given { path, source })?;
            if let Some((path, expected)) = expected {
                outputs.push(CaseOutcome {
                    prepare_seconds: 0.0,
                    run_seconds: 0.0,
                    outputs: given::outputs(facts, &case, &expected)
                        .map_err(|source| SessionError::Given { path, source })?,
                });
            }
            planned.push(case);
            inputs.push(found);
        }
        Ok(Self {
            planned,
            inputs,
            // All sets have them, or none has.
            expected: (!outputs.is_empty()).then_some(outputs),
            write_to: None,
        })
    }

    /// Writes the inputs and the reference run's outputs as test data, where that was asked.
    pub fn write(
        &self,
        reference: Option<&[CaseOutcome]>,
    ) -> Result<Option<VerifyNote>, SessionError> {
        let Some(folder) = &self.write_to else {
            return Ok(None);
        };
        let Some(reference) = reference else {
            return Ok(Some(VerifyNote::NotWritten(folder.clone())));
        };
        let outputs = reference.iter().map(|case| case.outputs.as_slice());
        let sets = self.inputs.iter().map(Vec::as_slice).zip(outputs);
        test_data::write_sets(folder, sets)?;
        Ok(Some(VerifyNote::Written(folder.clone())))
    }
}

/// The tensors of every file, one after the other; pictures are prepared as the model says.
fn read_all(
    paths: &[PathBuf],
    model: &ModelFile,
    orientation: Orientation,
) -> Result<Vec<NamedTensor>, SessionError> {
    let mut tensors = Vec::new();
    for path in paths {
        if is_picture(path) {
            tensors.push(read_picture(path, model, orientation)?);
        } else {
            tensors.extend(stored::read(path)?);
        }
    }
    Ok(tensors)
}

/// Whether a name is that of a JPEG or PNG picture.
#[must_use]
pub fn is_picture(path: &Path) -> bool {
    let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    matches!(
        ending.as_ref().and_then(|ending| ending.to_str()),
        Some("jpg" | "jpeg" | "png")
    )
}

/// A picture as an input of one row.
pub(super) fn read_picture(
    path: &Path,
    model: &ModelFile,
    orientation: Orientation,
) -> Result<NamedTensor, SessionError> {
    let json = model
        .metadata(PREPROCESSING_KEY)
        .ok_or_else(|| SessionError::NoPreprocessing(model.path.clone()))?;
    let preprocessing: Preprocessing =
        serde_json::from_str(json).map_err(SessionError::Preprocessing)?;
    load(path, &preprocessing, orientation)
}

#[cfg(feature = "picture")]
fn load(
    path: &Path,
    preprocessing: &Preprocessing,
    orientation: Orientation,
) -> Result<NamedTensor, SessionError> {
    use crate::picture;
    let data = picture::load(path, preprocessing, orientation)?.values;
    let [second, third, last] = preprocessing.extents();
    let shape = vec![1, second, third, last];
    Ok(NamedTensor {
        element: preprocessing.element,
        ..NamedTensor::single("", shape, &data)
    })
}

#[cfg(not(feature = "picture"))]
fn load(path: &Path, _: &Preprocessing, _: Orientation) -> Result<NamedTensor, SessionError> {
    Err(SessionError::NotBuilt(path.to_owned()))
}
