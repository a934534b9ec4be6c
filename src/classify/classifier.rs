//! A file as a classifier: its input, how pictures are prepared for it, its output and the names of its classes.

use super::error::{ClassifierError, MOST_AT_ONCE, OutputsError, ToldPart, Unfit};
use super::probability;
use super::told::{Told, ToldActivation, output};
use crate::files::foreign::Foreign;
use crate::labels::Labels;
use crate::memory::{self, Buffer, NoMemory};
use crate::metadata::{
    HEAD_KEY, HeadRecord, LABELS_KEY, PREPROCESSING_KEY, Preprocessing, RECIPE_KEY, Thresholds,
    Untrained,
};
use crate::network::ClassActivation;
use crate::onnx::check::refuse_broken;
use crate::onnx::file::{ModelFile, is_readable};
use crate::picture::{self, Loaded, Orientation, PictureError};
use crate::tensor::{Element, NamedTensor};
use crate::verify::facts::{DeclaredExtent, FileFacts, Names};
use crate::verify::plan::{self, Case, Content};
use crate::verify::read;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Bytes of an element of a picture: as it was prepared, in a case, and while the case is sent to a worker.
const PICTURE_BYTES: u64 = (size_of::<f32>() + 2 * size_of::<f64>()) as u64;

/// The same in a group, also in the worker, and as the network saw it.
const GROUPED_BYTES: u64 = PICTURE_BYTES + (size_of::<f64>() + size_of::<u8>()) as u64;

/// Bytes of an element of an output: as it comes from a worker, and as it is kept.
const ANSWER_BYTES: u64 = 2 * size_of::<f64>() as u64;

/// A file that classifies pictures: one whose metadata says how they are prepared, with an input for them and an output
/// `logits` or `probabilities`.
#[derive(Debug)]
pub struct Classifier {
    path: PathBuf,
    preprocessing: Preprocessing,
    /// Which way up pictures are taken; by default as their EXIF records say.
    pub orientation: Orientation,
    batch: usize,
    activation: ClassActivation,
    pub(super) thresholds: Option<Thresholds>,
    untrained: Untrained,
    facts: FileFacts,
    size: [usize; 2],
    output: (String, bool),
    replaced: Vec<ToldPart>,
    is_recorded: bool,
    classes: usize,
    pub(super) labels: Labels,
    /// Classes by their names in lower case, once one is asked for.
    pub(super) by_name: OnceLock<BTreeMap<String, Vec<usize>>>,
}

impl Classifier {
    /// Opens the file `path`, checks it, and reads its preprocessing, head activation and names of classes.
    ///
    /// # Errors
    ///
    /// If it is not an ONNX file or breaks a rule of ONNX, does not say how pictures are prepared, or has no input for
    /// pictures so prepared or no output for classes.
    pub fn open(path: &Path) -> Result<Self, ClassifierError> {
        Self::open_told(path, &Told::default())
    }

    /// Opens the file `path` as [`Self::open`] does, with what is told of it in place of what it records.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]; and if not enough is told of a file that does not say how pictures are prepared.
    pub fn open_told(path: &Path, told: &Told) -> Result<Self, ClassifierError> {
        let file = ModelFile::open(path)?;
        let unfit = |reason| ClassifierError::Unfit {
            path: path.to_owned(),
            reason,
        };
        let facts = read::facts(&file).with_all_readable();
        let (preprocessing, mut replaced) = told.preprocessing(&file, &facts)?;
        let size = picture::input_size(&preprocessing)?.map(|side| side as usize);
        facts
            .check_size(preprocessing.size)
            .map_err(|error| unfit(Unfit::Size(error)))?;
        let batch = batch(&facts, &preprocessing).map_err(unfit)?;
        let (output, classes) = output(&facts, told.activation).map_err(unfit)?;
        let decides = [HEAD_KEY, PREPROCESSING_KEY];
        let mut contradictions = facts.contradictions.iter();
        if let Some(claim) = contradictions.find(|found| decides.contains(&found.key)) {
            return Err(unfit(Unfit::Claim(claim.clone())));
        }
        let head = head(&file, &output, classes).map_err(unfit)?;
        let activation = match told.activation {
            Some(ToldActivation::Of(activation)) => activation,
            Some(ToldActivation::Applied) | None => head.activation,
        };
        if activation != head.activation && file.metadata(HEAD_KEY).is_some() {
            replaced.push(ToldPart::Activation);
        }
        let labels = Labels::of(file.metadata(LABELS_KEY), classes)
            .map_err(|error| unfit(Unfit::Labels(error)))?;
        refuse_broken(&file)?;
        Ok(Self {
            path: path.to_owned(),
            preprocessing,
            orientation: Orientation::default(),
            batch,
            activation,
            thresholds: head
                .thresholds
                .filter(|_| activation == ClassActivation::Sigmoid),
            untrained: read::untrained(&file),
            facts,
            size,
            output,
            replaced,
            is_recorded: file.metadata(PREPROCESSING_KEY).is_some(),
            classes,
            labels,
            by_name: OnceLock::new(),
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How pictures are prepared.
    #[must_use]
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// Pictures in one batch: the fixed batch of the file, or 1.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// What turns logits into probabilities.
    #[must_use]
    pub fn activation(&self) -> ClassActivation {
        self.activation
    }

    /// From which probability on a picture is of a class, if the file says so and its classes do not exclude each other.
    #[must_use]
    pub fn thresholds(&self) -> Option<&Thresholds> {
        self.thresholds.as_ref()
    }

    /// Whether the file records how pictures are prepared; else [`Told`] says how they are resized and cropped.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// What the file records and something else was told in place of.
    #[must_use]
    pub fn replaced(&self) -> &[ToldPart] {
        &self.replaced
    }

    /// Which of the weights are random or constant.
    #[must_use]
    pub fn untrained(&self) -> &Untrained {
        &self.untrained
    }

    /// What is known of the file.
    #[must_use]
    pub fn facts(&self) -> &FileFacts {
        &self.facts
    }

    /// Outputs that are not read, such as strings.
    #[must_use]
    pub fn leave_out(&self) -> Vec<String> {
        self.facts.leave_out()
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Elements of one prepared picture.
    #[must_use]
    pub fn row_elements(&self) -> usize {
        3 * self.size[0] * self.size[1]
    }

    /// Default time limit for so many pictures, in seconds: 60, and 2 more for each GMAC; at most an hour, or 4 seconds a
    /// picture.
    #[must_use]
    pub fn seconds(&self, pictures: usize) -> u64 {
        let case = Case {
            batch: pictures.next_multiple_of(self.batch) as u64,
            size: Some(self.preprocessing.size),
            images: Vec::new(),
            names: Names::new(),
            content: Content::Given,
        };
        plan::seconds_for_pictures(&self.facts, &case, pictures as u64)
    }

    /// Loads a JPEG or PNG file as one row of the graph's input, as [`picture::load`].
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not a picture of an accepted size.
    pub fn load(&self, picture: &Path) -> Result<Loaded, PictureError> {
        picture::load(picture, &self.preprocessing, self.orientation)
    }

    /// The graph's input: the rows of at most [`Self::batch`] pictures, and zeros for those that are missing.
    ///
    /// # Errors
    /// If it does not fit the memory limit.
    pub fn input(&self, pictures: &[Buffer<f32>]) -> Result<NamedTensor, NoMemory> {
        let name = &self.facts.inputs[0].name;
        let what = format_args!("input `{}`", name.shown());
        let elements = self.batch.saturating_mul(self.row_elements());
        let element = self.facts.inputs[0].element();
        let element = element.unwrap_or(self.preprocessing.element);
        let mut data = Buffer::with_room(elements, what)?;
        for picture in pictures {
            let values = picture.iter().map(|&value| f64::from(value));
            data.extend(values.map(|value| element.nearest(value)));
        }
        data.extend(std::iter::repeat_n(0.0, elements - data.len()));
        let [second, third, last] = self.preprocessing.extents();
        Ok(NamedTensor {
            name: name.clone(),
            shape: vec![self.batch, second, third, last],
            element,
            data,
        })
    }

    /// Pictures of a group whose memory the budget has: at most so many, and at least one batch.
    #[must_use]
    pub fn group(&self, most: usize) -> usize {
        let answer = self.answer_elements().saturating_mul(ANSWER_BYTES);
        let picture = GROUPED_BYTES.saturating_mul(self.row_elements() as u64);
        let rows = memory::left() / picture.saturating_add(answer).max(1);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        rows.min(most).max(1).next_multiple_of(self.batch)
    }

    /// Refuses a batch that does not fit the memory limit, before its pictures are loaded.
    ///
    /// # Errors
    /// If it does not fit.
    pub fn check_batch(&self) -> Result<(), NoMemory> {
        let elements = (self.batch as u64).saturating_mul(self.row_elements() as u64);
        let what = format_args!("a batch of {} pictures", self.batch);
        memory::check(elements.saturating_mul(PICTURE_BYTES), what)
    }

    /// One row of probabilities for each picture of a batch, from the outputs of the graph.
    ///
    /// # Errors
    ///
    /// If the output is missing, has another shape than `[batch, classes]`, or is not finite.
    pub fn probabilities(&self, outputs: &[NamedTensor]) -> Result<Vec<Vec<f64>>, OutputsError> {
        let (name, applied) = (&self.output.0, self.output.1);
        let output = outputs
            .iter()
            .find(|output| output.name == *name)
            .ok_or_else(|| OutputsError::Missing {
                output: name.clone(),
            })?;
        let expected = [self.batch, self.classes];
        if output.shape != expected || output.data.len() != self.batch * self.classes {
            return Err(OutputsError::Shape {
                output: name.clone(),
                expected,
                found: output.shape.clone(),
            });
        }
        if let Some(&value) = output.data.iter().find(|value| !value.is_finite()) {
            return Err(OutputsError::NotFinite {
                output: name.clone(),
                value,
            });
        }
        let rows = output.data.chunks(self.classes);
        Ok(rows
            .map(|row| match self.activation {
                _ if applied => row.to_vec(),
                ClassActivation::Softmax => probability::softmax(row),
                ClassActivation::Sigmoid => probability::sigmoid(row),
            })
            .collect())
    }
}

/// What the file says of its logits.
fn head(
    file: &ModelFile,
    (output, applied): &(String, bool),
    classes: usize,
) -> Result<HeadRecord, Unfit> {
    let recorded = file.metadata(HEAD_KEY);
    if recorded.is_none() && *applied && classes == 1 && file.metadata(RECIPE_KEY).is_some() {
        // Earlier versions wrote a softmax, whatever the number of classes.
        return Err(Unfit::SoftmaxOfOneClass(output.clone()));
    }
    HeadRecord::read(recorded, classes as u64).map_err(Unfit::HeadRecord)
}

/// How many prepared pictures the one input takes at once; a symbolic batch is 1.
fn batch(facts: &FileFacts, preprocessing: &Preprocessing) -> Result<usize, Unfit> {
    let [input] = facts.inputs.as_slice() else {
        return Err(Unfit::Inputs(facts.inputs.len()));
    };
    let wanted = preprocessing.extents();
    let other = |found: String| Unfit::Input {
        name: input.name.clone(),
        element: preprocessing.element,
        expected: wanted,
        found,
    };
    let Some([batch, rest @ ..]) = input.shape.as_deref() else {
        return Err(other("no shape".to_owned()));
    };
    let fits = |extent: &DeclaredExtent, wanted: usize| match extent {
        DeclaredExtent::Fixed(found) => *found == wanted as u64,
        DeclaredExtent::Named(_) | DeclaredExtent::Unset => true,
    };
    let all_fit = rest.len() == wanted.len()
        && rest
            .iter()
            .zip(wanted)
            .all(|(extent, wanted)| fits(extent, wanted));
    // What is prepared in f32 is rounded to halves.
    let is_element = |element| match preprocessing.element {
        Element::F32 => is_readable(element),
        other => element == other,
    };
    if !all_fit || !input.element().is_some_and(is_element) {
        let shape = input.expected(&Names::new());
        return Err(other(format!("{} {shape}", input.element_type)));
    }
    match batch {
        DeclaredExtent::Fixed(batch @ 1..=MOST_AT_ONCE) => Ok(whole(*batch)),
        DeclaredExtent::Fixed(batch) => Err(Unfit::Batch(*batch)),
        DeclaredExtent::Named(_) | DeclaredExtent::Unset => Ok(1),
    }
}

/// A number that one of the limits above bounds.
fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
