//! Nodes that mix the rows of a batch, draw random numbers or fix the batch, all by the definition of their operator.

use crate::onnx::file::{ModelFile, small_tensor};
use crate::onnx::proto::{AttributeProto, NodeProto};
use crate::verify::lineage::{Does, RowNode};
use std::collections::BTreeMap;

/// Operators that quantise with the range of all elements of their operand.
const QUANTISES: [&str; 3] = [
    "DynamicQuantizeLinear",
    "DynamicQuantizeLSTM",
    "DynamicQuantizeMatMul",
];
/// Operators that draw random numbers.
const DRAWS: [&str; 6] = [
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
];
/// Results of BatchNormalization in inference. Before its version 14 more of them mean training.
const NORMALISED: usize = 1;

/// Constants of a file that are small enough to be read.
pub struct Constants<'a> {
    file: &'a ModelFile,
    computed: BTreeMap<&'a str, Vec<f64>>,
}

impl<'a> Constants<'a> {
    /// The initializers of a file, and the results of its Constant nodes.
    pub fn new(file: &'a ModelFile) -> Self {
        let constants = file
            .contents
            .nodes
            .iter()
            .filter(|node| node.op_type() == "Constant");
        let computed = constants.filter_map(|node| {
            let attribute = node.attribute.first()?;
            let value = match attribute.name() {
                "value" => small_tensor(attribute.t.as_deref()?)?,
                "value_int" => vec![attribute.i() as f64],
                "value_ints" => attribute.ints.iter().map(|&value| value as f64).collect(),
                "value_float" => vec![attribute.f().into()],
                _ => return None,
            };
            Some((node.output.first()?.as_str(), value))
        });
        Self {
            file,
            computed: computed.collect(),
        }
    }

    /// The elements of a constant, if it is one.
    pub fn get(&self, name: &str) -> Option<Vec<f64>> {
        if let Some(value) = self.computed.get(name) {
            return Some(value.clone());
        }
        self.file.small_constant(self.file.initializer(name)?)
    }

    fn operand(&self, node: &NodeProto, index: usize) -> Option<Vec<f64>> {
        let name = node.input.get(index).filter(|name| !name.is_empty())?;
        self.get(name)
    }
}

/// What a node does to rows. `batch_first` says whether the first dimension of a value is known to be the batch.
pub fn site(
    node: &NodeProto,
    constants: &Constants<'_>,
    batch_first: &dyn Fn(&str) -> bool,
) -> Option<RowNode> {
    let does = does(node, constants, batch_first)?;
    Some(RowNode {
        node: name_of(node),
        op_type: node.op_type().to_owned(),
        does,
    })
}

pub fn name_of(node: &NodeProto) -> String {
    match node.name() {
        "" => node.output.first().cloned().unwrap_or_default(),
        name => name.to_owned(),
    }
}

fn does(
    node: &NodeProto,
    constants: &Constants<'_>,
    batch_first: &dyn Fn(&str) -> bool,
) -> Option<Does> {
    match node.op_type() {
        op_type if QUANTISES.contains(&op_type) => Some(Does::QuantisesBatch),
        op_type if DRAWS.contains(&op_type) => Some(Does::Draws),
        "BatchNormalization" => {
            let trains = match int(node, "training_mode") {
                Some(mode) => mode != 0,
                None => {
                    let wanted = node.output.iter().filter(|name| !name.is_empty()).count();
                    wanted > NORMALISED || int(node, "is_test") == Some(0)
                }
            };
            trains.then_some(Does::NormalisesBatch)
        }
        "MeanVarianceNormalization" => {
            let axes = attribute(node, "axes");
            axes.is_none_or(|axes| axes.ints.contains(&0))
                .then_some(Does::NormalisesBatch)
        }
        "Dropout" => {
            let flag = |value: Option<Vec<f64>>| {
                value.is_some_and(|value| value.first().is_some_and(|flag| *flag != 0.0))
            };
            let drops = constants
                .operand(node, 1)
                .is_none_or(|ratio| flag(Some(ratio)));
            let trains = flag(constants.operand(node, 2)) || int(node, "is_test") == Some(0);
            (trains && drops).then_some(Does::DropsOut)
        }
        "Reshape" => fixed_extent(constants.operand(node, 1).or_else(|| {
            let shape = attribute(node, "shape")?;
            Some(shape.ints.iter().map(|&extent| extent as f64).collect())
        })),
        "Expand" => {
            fixed_extent(constants.operand(node, 1)).filter(|does| *does != Does::FixesBatch(1))
        }
        op_type if op_type.starts_with("Reduce") => {
            let axes = match attribute(node, "axes") {
                Some(axes) => Some(axes.ints.iter().map(|&axis| axis as f64).collect()),
                None if node.input.get(1).is_some_and(|name| !name.is_empty()) => {
                    Some(constants.operand(node, 1)?)
                }
                None => None,
            };
            let reduces = match axes {
                Some(axes) if axes.is_empty() => int(node, "noop_with_empty_axes") != Some(1),
                None => int(node, "noop_with_empty_axes") != Some(1),
                Some(axes) => {
                    axes.contains(&0.0) && node.input.first().is_some_and(|name| batch_first(name))
                }
            };
            reduces.then_some(Does::ReducesBatch)
        }
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is an integer within these bounds"
)]
fn fixed_extent(shape: Option<Vec<f64>>) -> Option<Does> {
    let first = *shape?.first()?;
    (1.0..1e15)
        .contains(&first)
        .then_some(Does::FixesBatch(first as u64))
}

/// An attribute of a node.
pub fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute
        .iter()
        .find(|attribute| attribute.name() == name)
}

fn int(node: &NodeProto, name: &str) -> Option<i64> {
    attribute(node, name)?.i
}
