//! A file as far as classifying is concerned: its input, its preprocessing, its output and its names of classes.

use super::answer;
use super::report::Guess;
use crate::cli::exit::{Failure, Status};
use crate::cli::text;
use efficientnet_onnx::labels::Labels;
use efficientnet_onnx::metadata::{
    HEAD_KEY, Head, LABELS_KEY, PREPROCESSING_KEY, Preprocessing, RECIPE_KEY, Recipe, Untrained,
};
use efficientnet_onnx::network::ClassActivation;
use efficientnet_onnx::onnx::check::{self, Level};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::picture;
use efficientnet_onnx::tensor::NamedTensor;
use efficientnet_onnx::verify::plan::{self, Case, Content};
use efficientnet_onnx::verify::read;
use efficientnet_onnx::verify::subject::{Extent, Names, Subject};
use std::path::Path;

/// Outputs that name classes, best first, and whether the activation has been applied.
const OUTPUTS: [(&str, bool); 2] = [("logits", false), ("probabilities", true)];

/// Pictures at once.
const MOST_AT_ONCE: u64 = 1024;
/// More classes than any known data set has.
const MOST_CLASSES: u64 = 1 << 24;

/// What a file says.
#[derive(Debug)]
pub struct Model {
    /// How it wants pictures.
    pub preprocessing: Preprocessing,
    /// Pictures that it takes at once.
    pub batch: usize,
    /// What turns logits into probabilities.
    pub activation: ClassActivation,
    /// What of the weights is not trained.
    pub untrained: Untrained,
    subject: Subject,
    size: [usize; 2],
    output: (&'static str, bool),
    classes: usize,
    labels: Labels,
}

impl Model {
    /// Reads what `path` says.
    ///
    /// # Errors
    ///
    /// If it is no ONNX file, does not say how pictures are prepared, or is not made for pictures so prepared.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let file = ModelFile::open(path).map_err(Failure::bad_input)?;
        let shown = path.display();
        let json = file.metadata(PREPROCESSING_KEY).ok_or_else(|| {
            let failure = Failure::bad_input(format_args!(
                "`{shown}` does not say how pictures are prepared: it has no metadata `{PREPROCESSING_KEY}`"
            ));
            let recipe = file.metadata(RECIPE_KEY);
            let recipe = recipe.and_then(|text| serde_json::from_str::<Recipe>(text).ok());
            failure.hint(match recipe {
                Some(recipe) if recipe.in_channels != 3 => format!(
                    "its input has {}, and only pictures of 3 can be prepared: run it by a program of your own",
                    text::counted(recipe.in_channels, "channel")
                ),
                Some(recipe) if recipe.architecture.is_some() => {
                    "nobody has said it of a network of one's own: run it by a program of your own".to_owned()
                }
                _ => "emit it again with this program, which says it of published networks".to_owned(),
            })
        })?;
        let preprocessing: Preprocessing = serde_json::from_str(json).map_err(|error| {
            Failure::bad_input(format_args!(
                "`{shown}`: metadata `{PREPROCESSING_KEY}` cannot be read: {error}"
            ))
        })?;
        let size = picture::input_size(&preprocessing)?.map(|side| side as usize);
        let subject = read::subject(&file).with_all_readable();
        let bad = |problem: String| Failure::bad_input(format_args!("`{shown}`: {problem}"));
        subject
            .check_size(preprocessing.size)
            .map_err(|error| bad(error.to_string()).hint(text::OTHER_SIZE))?;
        let batch = batch(&subject, size).map_err(bad)?;
        let (output, classes) = output(&subject)
            .map_err(|problem| bad(problem).hint("emit the model again with `--outputs logits`"))?;
        let activation = activation(&file, output, classes).map_err(bad)?;
        let labels = Labels::of(file.metadata(LABELS_KEY), classes)
            .map_err(|error| bad(format!("metadata `{LABELS_KEY}`: {error}")))?;
        refuse_if_broken(&file)?;
        Ok(Self {
            preprocessing,
            batch,
            activation,
            untrained: read::untrained(&file),
            subject,
            size,
            output,
            classes,
            labels,
        })
    }

    /// What is known of the file.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Outputs that are not read, such as strings.
    pub fn leave_out(&self) -> Vec<String> {
        self.subject.leave_out()
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The class of that number or name, whichever case it is in.
    pub fn class_of(&self, text: &str) -> Option<usize> {
        let named = || {
            let is = |class: &usize| {
                let name = self.labels.name(*class);
                name.is_some_and(|name| name.eq_ignore_ascii_case(text))
            };
            (0..self.classes).find(is)
        };
        let number = text.parse().ok().filter(|class| *class < self.classes);
        number.or_else(named)
    }

    /// Elements of one prepared picture.
    pub fn row_elements(&self) -> usize {
        3 * self.size[0] * self.size[1]
    }

    /// Time for so many pictures: as for `verify`.
    pub fn seconds(&self, pictures: usize) -> u64 {
        let case = Case {
            batch: pictures.next_multiple_of(self.batch) as u64,
            size: Some(self.preprocessing.size),
            images: Vec::new(),
            names: Names::new(),
            content: Content::Given,
        };
        plan::default_seconds(&self.subject, &[case])
    }

    /// The graph's input: at most [`Self::batch`] pictures, and zeros where there are fewer.
    pub fn input(&self, pictures: &[Vec<f32>]) -> NamedTensor {
        let mut data = pictures.concat();
        data.resize(self.batch * self.row_elements(), 0.0);
        let shape = vec![self.batch, 3, self.size[0], self.size[1]];
        NamedTensor::single(&self.subject.inputs[0].name, shape, &data)
    }

    /// One row of probabilities for each picture of the batch.
    ///
    /// # Errors
    ///
    /// If the runtime gave something else than finite numbers in rows, as many as there are pictures.
    pub fn rows(&self, outputs: &[NamedTensor]) -> Result<Vec<Vec<f64>>, Failure> {
        let (name, applied) = self.output;
        let wrong = |problem: String| Failure {
            status: Status::Disagrees,
            message: format!("output `{name}`: {problem}"),
            hint: None,
        };
        let output = outputs
            .iter()
            .find(|output| output.name == name)
            .ok_or_else(|| wrong("the runtime gave no such output".into()))?;
        if output.shape != [self.batch, self.classes]
            || output.data.len() != self.batch * self.classes
        {
            let expected = [self.batch, self.classes];
            return Err(wrong(format!(
                "expected shape {expected:?}, found {:?}",
                output.shape
            )));
        }
        if let Some(value) = output.data.iter().find(|value| !value.is_finite()) {
            return Err(wrong(format!("expected finite numbers, found {value}")));
        }
        Ok(output
            .data
            .chunks(self.classes)
            .map(|row| match self.activation {
                _ if applied => row.to_vec(),
                ClassActivation::Softmax => answer::softmax(row),
                ClassActivation::Sigmoid => answer::sigmoid(row),
            })
            .collect())
    }

    /// The `count` most probable classes of a row, by name.
    pub fn top(&self, row: &[f64], count: usize) -> Vec<Guess> {
        answer::top(row, count)
            .into_iter()
            .map(|class| Guess {
                class,
                name: self.labels.name(class).map(str::to_owned),
                probability: row[class],
            })
            .collect()
    }
}

/// What the file says of its logits.
fn activation(
    file: &ModelFile,
    (output, applied): (&str, bool),
    classes: usize,
) -> Result<ClassActivation, String> {
    let recorded = file.metadata(HEAD_KEY);
    if recorded.is_none() && applied && classes == 1 && file.metadata(RECIPE_KEY).is_some() {
        // Earlier versions wrote a softmax, whatever the number of classes.
        return Err(format!(
            "its `{output}` are a softmax of one class, which is 1 for every picture: emit it again from its checkpoint"
        ));
    }
    let head = Head::read(recorded, classes as u64);
    let head = head.map_err(|error| format!("metadata `{HEAD_KEY}` cannot be read: {error}"))?;
    Ok(head.activation)
}

/// A file that breaks ONNX's rules is not for any runtime to see.
fn refuse_if_broken(file: &ModelFile) -> Result<(), Failure> {
    let findings = check::check(file);
    match findings
        .iter()
        .find(|finding| finding.level == Level::Error)
    {
        Some(finding) => Err(Failure {
            status: Status::Disagrees,
            message: format!(
                "`{}` breaks a rule, so it is not run: {finding}",
                file.path.display()
            ),
            hint: Some("`verify` lists everything that is wrong with it".to_owned()),
        }),
        None => Ok(()),
    }
}

/// The output that names classes, and how many.
fn output(subject: &Subject) -> Result<((&'static str, bool), usize), String> {
    let (known, declared) = OUTPUTS
        .into_iter()
        .find_map(|known| {
            Some((
                known,
                subject
                    .outputs
                    .iter()
                    .find(|output| output.name == known.0)?,
            ))
        })
        .ok_or_else(|| {
            let found: Vec<&str> = (subject.outputs.iter())
                .map(|output| output.name.as_str())
                .collect();
            format!(
                "expected an output `logits` or `probabilities`, found `{}`",
                found.join("`, `").escape_debug()
            )
        })?;
    match declared.shape.as_deref() {
        Some(&[_, Extent::Fixed(classes @ 1..=MOST_CLASSES)]) => Ok((known, whole(classes))),
        _ => Err(format!(
            "expected output `{}` to be [batch, classes], found {}",
            known.0,
            declared.expected(&Names::new())
        )),
    }
}

/// How many pictures of `size` the one input takes at once; a symbolic batch is 1.
fn batch(subject: &Subject, size: [usize; 2]) -> Result<usize, String> {
    let [input] = subject.inputs.as_slice() else {
        return Err(format!(
            "expected one input, found {}",
            subject.inputs.len()
        ));
    };
    let [height, width] = size;
    let expected = format!(
        "expected input `{}` to be f32 [batch, 3, {height}, {width}]",
        input.name
    );
    let Some([batch, rest @ ..]) = input.shape.as_deref() else {
        return Err(format!("{expected}, found no shape"));
    };
    let fits = |extent: &Extent, wanted: usize| match extent {
        Extent::Fixed(found) => *found == wanted as u64,
        Extent::Named(_) | Extent::Unset => true,
    };
    let wanted = [3, height, width];
    let all_fit = rest.len() == wanted.len()
        && rest
            .iter()
            .zip(wanted)
            .all(|(extent, wanted)| fits(extent, wanted));
    if !all_fit || input.element_type != "f32" {
        return Err(format!(
            "{expected}, found {} {}",
            input.element_type,
            input.expected(&Names::new())
        ));
    }
    match batch {
        Extent::Fixed(batch @ 1..=MOST_AT_ONCE) => Ok(whole(*batch)),
        Extent::Fixed(batch) => Err(format!(
            "expected a batch from 1 to {MOST_AT_ONCE}, found {batch}"
        )),
        Extent::Named(_) | Extent::Unset => Ok(1),
    }
}

/// A number that one of the limits above bounds.
fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
