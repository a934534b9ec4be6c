//! Runs a file for the range audit: every value in every case, and the outputs where values are rounded.

mod measured;
mod moves;
mod pictures;

use super::runs::{excuse, too_slow};
use super::{Opened, SessionError, Tell, Update, Verifier, open};
use crate::onnx::file::{InitializerSource, ModelCopy, ModelFile, mark};
use crate::runtime::RuntimeName;
use crate::runtime::outcome::Trouble;
use crate::tensor::{Element, SourceError, TensorSource};
use crate::verify::bisect::{MARKED_BYTES, chunk, values};
use crate::verify::note::VerifyNote;
use crate::verify::range::{InitializerRange, Magnitudes, ROUNDED_TO, RangeReport, RangeVerdict};
use measured::{Given, Measured};
use pictures::Pictures;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Elements of an initializer that are read at a time.
const PIECE: usize = 1 << 16;

/// What the range audit runs a file with, and what it rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeOptions {
    /// Pictures, in place of the verifier's cases. By default none.
    pub pictures: Option<PictureSample>,
    /// The types, f16 and bf16, to which each value is rounded alone; where all would take too long, only the first. By
    /// default both.
    pub each_value: Vec<Element>,
}

impl Default for RangeOptions {
    fn default() -> Self {
        Self {
            pictures: None,
            each_value: ROUNDED_TO.to_vec(),
        }
    }
}

/// Pictures that a file is run with for the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureSample {
    /// A folder of JPEG and PNG pictures, or of such folders, one for each class.
    pub folder: PathBuf,
    /// The most pictures that are used; of more, as many at equal distances in the order of their paths. By default 64.
    pub most: usize,
}

impl PictureSample {
    /// Takes pictures of a folder, with the default limit.
    #[must_use]
    pub fn of(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            most: 64,
        }
    }
}

impl Verifier {
    /// Audits how large the values of a file are, beside what f16 and bf16 hold, and what rounding there moves in the
    /// outputs.
    ///
    /// The values are those of the reference where it can run the file, up to 2 GMACs an image unless it is among
    /// [`runtimes`](Self::runtimes); else those of ONNX Runtime on the CPU, else of tract. What rounding moves is measured
    /// in the reference, in one case; a note tells where it is not.
    ///
    /// # Errors
    /// As [`verify`](Self::verify); if the file breaks a rule, no runtime runs it, a copy with values marked cannot be
    /// written, the initializers cannot be read, or there are no pictures.
    pub fn range(
        &self,
        file: &Path,
        options: &RangeOptions,
        tell: &mut Tell<'_>,
    ) -> Result<RangeReport, SessionError> {
        let start = Instant::now();
        let opened = open(file)?
            .map_err(|broken| SessionError::Rejected(Box::new(self.rejected(file, broken))))?;
        let pictures = options.pictures.as_ref().map(Pictures::find).transpose()?;
        let mut notes: Vec<VerifyNote> = opened.warnings.clone().into_iter().collect();
        let (runtime, measured) = self.measure(&opened, pictures.as_ref(), &mut notes, tell)?;
        let (initializers, initializers_not_read) = initializer_ranges(&opened.model)?;
        let mut values = measured.ranges(&opened.model);
        let of_run = (runtime, &measured);
        let to_round = (options.each_value.as_slice(), values.as_mut_slice());
        let moves = self.moves(&opened, of_run, to_round, &mut notes, tell)?;
        Ok(RangeReport {
            file: self.name(file),
            runtime: runtime.as_str(),
            cases: measured.cases,
            pictures: pictures.map(|pictures| pictures.found),
            verdict: RangeVerdict::of(&values, &initializers),
            values,
            initializers,
            initializers_not_read,
            moves,
            notes,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// Runs every case with all values marked, in the first runtime that can.
    fn measure(
        &self,
        opened: &Opened,
        pictures: Option<&Pictures>,
        notes: &mut Vec<VerifyNote>,
        tell: &mut Tell<'_>,
    ) -> Result<(RuntimeName, Measured), SessionError> {
        let mut troubles = Vec::new();
        for (runtime, named) in self.reference_first() {
            if let Some(note) = too_slow(runtime, named, &opened.facts) {
                notes.push(note);
                continue;
            }
            match self.measure_in(runtime, opened, pictures, tell)? {
                Ok(measured) => return Ok((runtime, measured)),
                Err(trouble) => {
                    let excused = excuse(runtime, &trouble, &opened.facts).filter(|_| !named);
                    let no_values = VerifyNote::NoValues {
                        runtime,
                        trouble: trouble.clone(),
                    };
                    notes.push(excused.unwrap_or(no_values));
                    troubles.push((runtime, trouble));
                }
            }
        }
        Err(SessionError::NothingRuns {
            file: self.name(&opened.model.path),
            troubles,
        })
    }

    fn measure_in(
        &self,
        runtime: RuntimeName,
        opened: &Opened,
        pictures: Option<&Pictures>,
        tell: &mut Tell<'_>,
    ) -> Result<Result<Measured, Trouble>, SessionError> {
        let (model, facts) = (&opened.model, &opened.facts);
        let groups = match pictures {
            None => vec![&[][..]],
            Some(pictures) => pictures.groups(facts),
        };
        let mut measured = Measured::default();
        let mut marked = MarkedCopies {
            model,
            copies: BTreeMap::new(),
        };
        for (index, group) in groups.iter().enumerate() {
            let cases = match group {
                [] => self.cases(model, facts)?,
                group => pictures::cases(model, facts, group, self.orientation)?,
            };
            let limit = self.limit(facts, &cases.planned);
            tell(if group.is_empty() {
                Update::Running { runtime, limit }
            } else {
                Update::RunningPictures {
                    runtime,
                    group: index + 1,
                    of: groups.len(),
                }
            });
            for (case, inputs) in cases.planned.into_iter().zip(cases.inputs) {
                let list = values(model, None, &inputs, &facts.leave_out());
                let given = Given { case, inputs, list };
                measured.begin(&given, pictures::names(group));
                let all: Vec<usize> = (0..given.list.len()).collect();
                let mut rest = all.as_slice();
                while !rest.is_empty() {
                    let (some, others) = chunk(&given.list, rest, MARKED_BYTES);
                    rest = others;
                    let names = some.iter().map(|&index| given.list[index].name.as_str());
                    let names: Vec<&str> = names.collect();
                    let path = marked.path(&names)?;
                    let inputs = &given.inputs;
                    let outcome =
                        self.outcome(runtime, &path, inputs, &facts.leave_out(), limit)?;
                    if let Some(trouble) = outcome.trouble {
                        return Ok(Err(trouble));
                    }
                    let outputs = outcome.cases.into_iter().flat_map(|case| case.outputs);
                    if let Err(missing) = measured.add(&names, outputs) {
                        return Ok(Err(missing));
                    }
                }
                measured.keep(given);
            }
        }
        Ok(Ok(measured))
    }
}

/// Copies of a file with values marked as outputs, each written once.
struct MarkedCopies<'a> {
    model: &'a ModelFile,
    copies: BTreeMap<Vec<String>, ModelCopy>,
}

impl MarkedCopies<'_> {
    fn path(&mut self, names: &[&str]) -> Result<PathBuf, SessionError> {
        let key: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        if let Some(copy) = self.copies.get(&key) {
            return Ok(copy.path());
        }
        let copy = mark(self.model, names)?;
        let path = copy.path();
        self.copies.insert(key, copy);
        Ok(path)
    }
}

/// How large every floating-point initializer is, and how many have a type that is not read.
fn initializer_ranges(
    model: &Arc<ModelFile>,
) -> Result<(Vec<InitializerRange>, usize), SourceError> {
    let source = InitializerSource::new(Arc::clone(model))?;
    let (mut ranges, mut not_read) = (Vec::new(), 0);
    for info in source
        .tensors()
        .iter()
        .filter(|info| info.element.is_float())
    {
        if !matches!(info.element, Element::F32 | Element::F16 | Element::Bf16) {
            not_read += 1;
            continue;
        }
        let reader = source.open(&info.name)?;
        let elements = info.shape.iter().copied().fold(1, u64::saturating_mul);
        let elements = usize::try_from(elements).unwrap_or(usize::MAX);
        let mut magnitudes = Magnitudes::default();
        let mut piece = vec![0.0_f32; PIECE.min(elements)];
        let mut offset = 0;
        while offset < elements {
            let length = PIECE.min(elements - offset);
            reader.fill(offset, &mut piece[..length])?;
            let read = piece[..length].iter().map(|&value| f64::from(value));
            magnitudes.add(&Magnitudes::of(read));
            offset += length;
        }
        ranges.push(InitializerRange {
            name: info.name.clone(),
            element: info.element,
            shape: info.shape.clone(),
            share_f16: magnitudes.share(Element::F16),
            magnitudes,
        });
    }
    Ok((ranges, not_read))
}
