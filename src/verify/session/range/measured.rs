//! What is known of the values of a file after some of its cases have run.

use crate::onnx::file::ModelFile;
use crate::runtime::outcome::Trouble;
use crate::tensor::{Element, NamedTensor};
use crate::verify::bisect::ComputedValue;
use crate::verify::plan::Case;
use crate::verify::range::{KnownOperands, Magnitudes, RangeCase, ValueRange, reduction_depth};
use crate::verify::trace::{Constants, name_of};
use std::collections::BTreeMap;

/// What a file is run with once.
pub struct Given {
    /// The case.
    pub case: Case,
    /// Its inputs.
    pub inputs: Vec<NamedTensor>,
    /// The values that the file computes from them.
    pub list: Vec<ComputedValue>,
}

impl Given {
    fn elements(&self) -> usize {
        self.inputs.iter().map(|input| input.data.len()).sum()
    }
}

/// The values of a file over all cases so far.
#[derive(Default)]
pub struct Measured {
    /// The cases.
    pub cases: Vec<RangeCase>,
    /// The first case, and the first of those with the fewest elements, with their indices; one where they are the same.
    pub kept: Vec<(usize, Given)>,
    values: BTreeMap<String, Measurement>,
}

/// A value over all cases so far.
struct Measurement {
    element: Element,
    shape: Vec<usize>,
    magnitudes: Magnitudes,
    case: usize,
}

impl Measured {
    /// Begins a case with its inputs.
    pub fn begin(&mut self, given: &Given, pictures: Vec<String>) {
        self.cases.push(RangeCase {
            batch: given.case.batch,
            size: given.case.size,
            pictures,
        });
        given.inputs.iter().for_each(|input| self.add_value(input));
    }

    /// Adds values of the case that was begun last; a runtime that does not give each of `names` is in trouble.
    pub fn add(
        &mut self,
        names: &[&str],
        outputs: impl Iterator<Item = NamedTensor>,
    ) -> Result<(), Trouble> {
        let outputs: BTreeMap<String, NamedTensor> = outputs
            .map(|output| (output.name.clone(), output))
            .collect();
        for &name in names {
            let output = outputs.get(name).ok_or_else(|| Trouble::Refused {
                message: format!("it did not give the marked value `{name}`"),
            })?;
            self.add_value(output);
        }
        Ok(())
    }

    fn add_value(&mut self, tensor: &NamedTensor) {
        let case = self.cases.len().saturating_sub(1);
        let found = Magnitudes::of(tensor.data.iter().copied());
        if let Some(known) = self.values.get_mut(&tensor.name) {
            if known.magnitudes.add(&found) {
                known.case = case;
            }
            return;
        }
        let first = Measurement {
            element: tensor.element,
            shape: tensor.shape.clone(),
            magnitudes: found,
            case,
        };
        self.values.insert(tensor.name.clone(), first);
    }

    /// Ends a case; what it was given is kept where it is the first or the smallest.
    pub fn keep(&mut self, given: Given) {
        let index = self.cases.len().saturating_sub(1);
        let smaller = |(_, kept): &(usize, Given)| given.elements() < kept.elements();
        if self.kept.last().is_none_or(smaller) {
            self.kept.truncate(1);
            self.kept.push((index, given));
        }
    }

    /// The floating-point inputs and results of a file's nodes, in its order.
    pub fn ranges(&self, model: &ModelFile) -> Vec<ValueRange> {
        let known = KnownValues {
            measured: self,
            model,
            constants: Constants::new(model),
        };
        let contents = &model.contents;
        let inputs = contents.inputs.iter();
        let inputs = inputs.filter_map(|input| self.range(input.name()));
        let mut ranges: Vec<ValueRange> = inputs.collect();
        for node in &contents.nodes {
            for output in &node.output {
                let Some(range) = self.range(output) else {
                    continue;
                };
                ranges.push(ValueRange {
                    node: Some(name_of(node)),
                    op_type: Some(node.op_type().to_owned()),
                    reduction_depth: reduction_depth(node, &known),
                    ..range
                });
            }
        }
        ranges
    }

    fn range(&self, name: &str) -> Option<ValueRange> {
        let found = self.values.get(name)?;
        found.element.is_float().then(|| ValueRange {
            value: name.to_owned(),
            node: None,
            op_type: None,
            element: found.element,
            shape: found.shape.clone(),
            share_f16: found.magnitudes.share(Element::F16),
            share_bf16: found.magnitudes.share(Element::Bf16),
            magnitudes: found.magnitudes,
            case: found.case,
            reduction_depth: None,
            move_f16: None,
            move_bf16: None,
        })
    }
}

/// Shapes as they were measured in the first case, and constants of the file.
struct KnownValues<'a> {
    measured: &'a Measured,
    model: &'a ModelFile,
    constants: Constants<'a>,
}

impl KnownOperands for KnownValues<'_> {
    fn shape(&self, value: &str) -> Option<Vec<u64>> {
        if let Some(found) = self.measured.values.get(value) {
            return Some(found.shape.iter().map(|&extent| extent as u64).collect());
        }
        let dims = self.model.initializer(value)?.dims.iter();
        dims.map(|&extent| u64::try_from(extent).ok()).collect()
    }

    fn constant(&self, value: &str) -> Option<Vec<f64>> {
        self.constants.get(value)
    }
}
