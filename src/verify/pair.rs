//! Two files that should compute the same: what belongs to what, and the report.

mod error;
mod picture;

pub use self::error::PairError;
use self::picture::{OtherNormals, Taken, Turn};
use super::facts::{Declared, DeclaredExtent, FileFacts};
use super::judge::verdict;
use super::note::VerifyNote;
use super::plan::{Case, name_dimensions};
use super::report::{FilePair, Report};
use super::{ReferenceRun, VerifySettings, judge_against};
use crate::memory::NoMemory;
use crate::runtime::process::Run;
use crate::tensor::{Element, NamedTensor};

/// Two files, the first of which is the reference run.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The first, with every extent that either of them fixes, and pictures as the coarser takes them: what cases are planned
    /// for.
    pub planned: FileFacts,
    /// The second.
    second: FileFacts,
    /// For each input of the second the index of the first's; outputs likewise.
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    /// What becomes of pictures of a case for each file, and their index among the first's inputs.
    turns: Option<(usize, [Turn; 2])>,
    /// Which file's pictures the cases have: that of the second where not all that the first takes can be made one for it.
    plans_second: bool,
}

impl Pair {
    /// Pairs the inputs and outputs of two files by name, or where the names are not the same, by their order.
    ///
    /// # Errors
    /// If there are not as many, or no input fits both.
    pub fn new(first: &FileFacts, second: FileFacts) -> Result<Self, PairError> {
        let inputs = partners("inputs", &first.inputs, &second.inputs)?;
        let outputs = partners("outputs", &first.outputs, &second.outputs)?;
        let mut planned = first.clone();
        planned.precision = coarser(first.precision, second.precision);
        // Each is 1 or `SIZE_STEP`.
        planned.size_steps = [0, 1].map(|axis| first.size_steps[axis].max(second.size_steps[axis]));
        let pictures = pictures(first, &second, &inputs)?;
        for (place, (other, &index)) in second.inputs.iter().zip(&inputs).enumerate() {
            if let Some((taken, _)) = pictures.filter(|_| place == second.primary()) {
                turn(&mut planned, &second, index, taken)?;
                continue;
            }
            let input = &mut planned.inputs[index];
            let mismatch = PairError::Input {
                input: input.name.clone(),
                first: describe(input),
                second: describe(other),
            };
            if input.element_type != other.element_type || !narrow(input, other) {
                return Err(mismatch);
            }
        }
        let mut second = second;
        second.precision = planned.precision;
        Ok(Self {
            plans_second: pictures.is_some_and(|([one, two], _)| two.is_coarser(one)),
            turns: pictures.map(|(_, turns)| (first.primary(), turns)),
            planned,
            second,
            inputs,
            outputs,
        })
    }

    /// Which of the two files' records says how pictures are prepared for a case.
    #[must_use]
    pub fn picture_file(&self) -> usize {
        usize::from(self.plans_second)
    }

    /// The inputs of a case as the first file takes them.
    ///
    /// # Errors
    /// If there is no memory for the copies.
    pub fn for_first(&self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, NoMemory> {
        let turned = |(index, input): (usize, &NamedTensor)| match self.turns {
            Some((picture, [turn, _])) if picture == index => turn.apply(input, &input.name),
            _ => input.copy(),
        };
        inputs.iter().enumerate().map(turned).collect()
    }

    /// The inputs of a case under the names that they have in the second file.
    ///
    /// # Errors
    /// If there is no memory for the copies.
    pub fn for_second(&self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, NoMemory> {
        let renamed = |(declared, &index): (&Declared, &usize)| {
            if let Some((picture, [_, turn])) = self.turns
                && picture == index
            {
                return turn.apply(&inputs[index], &declared.name);
            }
            Ok(NamedTensor {
                name: declared.name.clone(),
                ..inputs[index].copy()?
            })
        };
        self.second
            .inputs
            .iter()
            .zip(&self.inputs)
            .map(renamed)
            .collect()
    }

    /// The report of `runs` of the second file against a run of the first.
    #[must_use]
    pub fn judge(
        &self,
        settings: &VerifySettings,
        files: [&str; 2],
        cases: &[Case],
        reference: &Run,
        mut runs: Vec<Run>,
    ) -> Report {
        let name = format!("{} of {}", reference.runtime, files[0]);
        let against = ReferenceRun {
            name: &name,
            runtime: Some(reference.runtime),
            place: None,
            cases: &reference.outcome.cases,
        };
        let mut second = self.second.clone();
        for Run { outcome, .. } in &mut runs {
            let cases = outcome.cases.iter_mut().chain(&mut outcome.tf32_cases);
            for output in cases.flat_map(|case| &mut case.outputs) {
                output.name = self.name_in_first(&output.name);
            }
        }
        let lineage = &mut second.lineage;
        lineage.without_rows = std::mem::take(&mut lineage.without_rows)
            .iter()
            .map(|name| self.name_in_first(name))
            .collect();
        lineage.mixed = std::mem::take(&mut lineage.mixed)
            .into_iter()
            .map(|(name, site)| (self.name_in_first(&name), site))
            .collect();
        for output in &mut second.outputs {
            output.name = self.name_in_first(&output.name);
        }
        let mut cases = cases.to_vec();
        for case in &mut cases {
            name_dimensions(&second, case);
        }
        let mut report = judge_against(
            settings,
            &self.planned,
            &cases,
            Some(ReferenceRun {
                place: Some(0),
                ..against
            }),
            std::slice::from_ref(reference),
        );
        let others = judge_against(settings, &second, &cases, Some(against), &runs);
        for note in others.notes.into_iter().chain(self.other_types()) {
            if !report.notes.contains(&note) {
                report.notes.push(note);
            }
        }
        for runtime in &mut report.runtimes {
            runtime.file = Some(files[0].to_owned());
        }
        for mut runtime in others.runtimes {
            runtime.file = Some(files[1].to_owned());
            report.runtimes.push(runtime);
        }
        report.pair = Some(FilePair {
            other: files[1].to_owned(),
            tensors: None,
        });
        report.fixed_batch = report.fixed_batch.or(others.fixed_batch);
        report.verdict = verdict(&report.runtimes, false);
        report
    }

    /// Names of the outputs of the second that are not compared.
    #[must_use]
    pub fn leave_out_of_second(&self) -> Vec<String> {
        self.second.leave_out()
    }

    /// The outputs that are of one element type in the first file and of another in the second.
    fn other_types(&self) -> Vec<VerifyNote> {
        let pairs = self.second.outputs.iter().zip(&self.outputs);
        let pairs = pairs.map(|(second, &index)| (&self.planned.outputs[index], second));
        pairs
            .filter(|(first, second)| first.element_type != second.element_type)
            .map(|(first, second)| VerifyNote::OtherType {
                output: first.name.clone(),
                first: first.element_type.clone(),
                second: second.element_type.clone(),
            })
            .collect()
    }

    /// What the first file calls an output of the second.
    #[must_use]
    pub fn name_in_first(&self, name: &str) -> String {
        let partner = self
            .second
            .outputs
            .iter()
            .zip(&self.outputs)
            .find(|(declared, _)| declared.name == name);
        partner.map_or_else(
            || name.to_owned(),
            |(_, &index)| self.planned.outputs[index].name.clone(),
        )
    }
}

/// How each file takes pictures, and what becomes of those of a case for each.
type Pictures = ([Taken; 2], [Turn; 2]);

/// How pictures for both files are made, where the primary inputs of both are pictures and belong together.
fn pictures(
    first: &FileFacts,
    second: &FileFacts,
    inputs: &[usize],
) -> Result<Option<Pictures>, PairError> {
    if inputs.get(second.primary()) != Some(&first.primary()) {
        return Ok(None);
    }
    let (Some(one), Some(two)) = (Taken::of(first), Taken::of(second)) else {
        return Ok(None);
    };
    let of_case = if two.is_coarser(one) { two } else { one };
    let turn = |to| Turn::new(of_case, to);
    let turns = turn(one).and_then(|to_one| Ok((to_one, turn(two)?)));
    match turns {
        Ok((Some(to_one), Some(to_two))) => Ok(Some(([one, two], [to_one, to_two]))),
        Ok(_) => Ok(None),
        Err(OtherNormals(_)) => {
            let shown = |facts: &FileFacts| {
                let normal = facts.inside.or(facts.normal);
                normal.map_or_else(String::new, |normal| {
                    format!("mean {:?} and deviation {:?}", normal.mean, normal.std)
                })
            };
            Err(PairError::Normals {
                first: shown(first),
                second: shown(second),
            })
        }
    }
}

/// Plans pictures as the coarser of two files takes them, with every extent that either fixes.
fn turn(
    planned: &mut FileFacts,
    second: &FileFacts,
    index: usize,
    [one, two]: [Taken; 2],
) -> Result<(), PairError> {
    let other = &second.inputs[second.primary()];
    let input = &planned.inputs[index];
    let mismatch = PairError::Input {
        input: input.name.clone(),
        first: describe(input),
        second: describe(other),
    };
    let (mut own, mut theirs) = (input.clone(), other.clone());
    let plans_second = two.is_coarser(one);
    if plans_second {
        std::mem::swap(&mut own, &mut theirs);
    }
    let [taken, of_other] = if plans_second { [two, one] } else { [one, two] };
    let shape = theirs.shape.as_deref().unwrap_or_default();
    theirs.shape = taken.in_order(shape, of_other);
    if !narrow(&mut own, &theirs) {
        return Err(mismatch);
    }
    let name = input.name.clone();
    if plans_second {
        let last = second.channels_last.get(&other.name).copied();
        planned.channels_last.remove(&name);
        planned
            .channels_last
            .extend(last.map(|last| (name.clone(), last)));
        planned.normal = second.normal;
        planned.inside = second.inside;
    }
    planned.inputs[index] = Declared { name, ..own };
    Ok(())
}

/// The less precise of two types.
fn coarser(one: Element, two: Element) -> Element {
    let rank = |element| match element {
        Element::Bf16 => 2,
        Element::F16 => 1,
        _ => 0,
    };
    if rank(two) > rank(one) { two } else { one }
}

/// For each of `second` the index of its partner in `first`.
fn partners(
    kind: &'static str,
    first: &[Declared],
    second: &[Declared],
) -> Result<Vec<usize>, PairError> {
    let by_name: Option<Vec<usize>> = second
        .iter()
        .map(|declared| first.iter().position(|other| other.name == declared.name))
        .collect();
    if let Some(by_name) = by_name.filter(|found| found.len() == first.len()) {
        return Ok(by_name);
    }
    if first.len() == second.len() {
        return Ok((0..first.len()).collect());
    }
    let names = |all: &[Declared]| {
        let names: Vec<String> = all
            .iter()
            .map(|declared| format!("`{}`", declared.name))
            .collect();
        names.join(", ")
    };
    Err(PairError::Count {
        kind,
        first: names(first),
        second: names(second),
    })
}

/// Fixes what `other` fixes; false if both fix something else.
fn narrow(input: &mut Declared, other: &Declared) -> bool {
    let Some(extents) = &other.shape else {
        return true;
    };
    let Some(own) = &mut input.shape else {
        input.shape.clone_from(&other.shape);
        return true;
    };
    if own.len() != extents.len() {
        return false;
    }
    for (own, extent) in own.iter_mut().zip(extents) {
        match (&*own, extent) {
            (DeclaredExtent::Fixed(one), DeclaredExtent::Fixed(two)) if one != two => return false,
            (DeclaredExtent::Named(_) | DeclaredExtent::Unset, DeclaredExtent::Fixed(_)) => {
                *own = extent.clone()
            }
            _ => {}
        }
    }
    true
}

fn describe(declared: &Declared) -> String {
    let shape = declared.expected(&super::facts::Names::new());
    format!("{} {shape}", declared.element_type)
}

#[cfg(test)]
mod tests;
