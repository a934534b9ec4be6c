//! From a file to what is to be verified.

use super::facts::{Declared, DeclaredExtent, FileFacts, OmittedOutput, SIGMOID, Why};
use super::plan::{self, Case, PlanError};
use super::trace::{channels_last, trace};
use crate::metadata::claims::Claims;
use crate::metadata::{ORIGIN_KEY, Origin, Recipe, Untrained};
use crate::onnx::file::{Contents, Initializer, ModelFile};
use crate::onnx::proto::{NodeProto, TypeProto, ValueInfoProto, tensor_shape_proto, type_proto};
use crate::onnx::{cost, element};
use crate::tensor::{Element, NamedTensor};
use crate::weights::init::Rule;
use std::collections::{BTreeMap, BTreeSet};

/// Height and width where the file does not say what it was made for: those of EfficientNet-B0.
const FALLBACK_SIZE: [u64; 2] = [224, 224];

/// Multiply-adds of a weight, at most, where a node's are not known: as if all were used at each position of an eighth of
/// 224 pixels.
const MOST_USES: u64 = 28 * 28;

/// What a file declares, and what of its metadata its graph bears out.
#[must_use]
pub fn facts(file: &ModelFile) -> FileFacts {
    let claims = Claims::read(file);
    let drawn = untrained(file).all;
    let is_drawn = |by: Rule| drawn.as_ref().is_some_and(|drawn| drawn.rule == by.name());
    let recipe = claims.recipe.as_ref();
    let contents = &file.contents;
    let stored: BTreeSet<&str> = contents
        .initializers
        .iter()
        .map(|initializer| initializer.name.as_str())
        .collect();
    let fed = |value: &&ValueInfoProto| !stored.contains(value.name());
    let weights = contents
        .initializers
        .iter()
        .filter_map(Initializer::element_count)
        .fold(0, u64::saturating_add);
    let default_size = recipe.map_or(FALLBACK_SIZE, |recipe| recipe.default_size);
    let mut facts = FileFacts {
        inputs: contents.inputs.iter().filter(fed).map(declared).collect(),
        channels_last: channels_last(contents),
        is_own: recipe.is_some(),
        default_size,
        size_steps: claims.size_steps,
        any_size: recipe.is_some_and(Recipe::takes_any_size),
        weights,
        normal: claims
            .preprocessing
            .as_ref()
            .map(|preprocessing| preprocessing.normal),
        inside: recipe
            .and_then(|recipe| recipe.normalize)
            .or_else(|| claims.preprocessing.as_ref()?.inside),
        constant_weights: is_drawn(Rule::Constant) && claims.constant_weights(file),
        is_skeleton: claims.is_skeleton(file),
        untrained: is_drawn(Rule::Official),
        ..FileFacts::default()
    };
    let traced = trace(file, &facts);
    facts.lineage = traced.lineage;
    for (place, output) in contents.outputs.iter().enumerate() {
        let declared = declared(output);
        let why = match traced.random.get(&declared.name) {
            _ if declared.element().is_none() => Some(Why::Type(kind(output, &declared))),
            random => random.cloned().map(Why::Random),
        };
        match why {
            Some(why) => facts.left_out.push(OmittedOutput {
                declared,
                place,
                why,
            }),
            None => facts.outputs.push(declared),
        }
    }
    facts.sigmoids = sigmoids(contents, &facts.outputs);
    facts.precision = precision(contents, &facts.outputs);
    measure(file, &claims, &mut facts);
    facts.contradictions = claims.contradictions;
    facts
}

/// What an output is that is not a tensor of numbers or bools.
fn kind(output: &ValueInfoProto, declared: &Declared) -> String {
    use type_proto::Value;
    let value = output.r#type.as_ref().and_then(|kind| kind.value.as_ref());
    match value {
        Some(Value::TensorType(_)) => format!("a tensor of {}", declared.element_type),
        Some(Value::SequenceType(_)) => "a sequence".to_owned(),
        Some(Value::MapType(_)) => "a map".to_owned(),
        Some(Value::OptionalType(_)) => "an optional value".to_owned(),
        _ => "not a tensor".to_owned(),
    }
}

/// What of the weights is not trained, as far as the file says.
#[must_use]
pub fn untrained(file: &ModelFile) -> Untrained {
    let origin = file
        .metadata(ORIGIN_KEY)
        .and_then(|text| serde_json::from_str::<Origin>(text).ok());
    origin.as_ref().map(Origin::untrained).unwrap_or_default()
}

/// Outputs whose node is a Sigmoid.
fn sigmoids(contents: &Contents, outputs: &[Declared]) -> BTreeSet<String> {
    let nodes = contents.nodes.iter();
    let sigmoids = nodes.filter(|node| node.op_type() == SIGMOID && node.domain().is_empty());
    let made: BTreeSet<&str> = sigmoids
        .flat_map(|node| node.output.iter().map(String::as_str))
        .collect();
    let names = outputs.iter().map(|output| output.name.as_str());
    names
        .filter(|name| made.contains(name))
        .map(str::to_owned)
        .collect()
}

/// Names of all values on the way to these outputs, those that graphs inside of nodes take from around them included.
fn on_the_way(contents: &Contents, outputs: &[Declared]) -> BTreeSet<String> {
    let mut makers: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, node) in contents.nodes.iter().enumerate() {
        makers.extend(node.output.iter().map(|name| (name.as_str(), index)));
    }
    let mut found = BTreeSet::new();
    let mut looked_at = BTreeSet::new();
    let mut open: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
    while let Some(name) = open.pop() {
        if name.is_empty() || !found.insert(name.to_owned()) {
            continue;
        }
        let maker = makers.get(name).filter(|index| looked_at.insert(**index));
        // Nodes of inner graphs are looked through one after the other; their own values are no one's outside.
        let mut nodes: Vec<&NodeProto> = maker
            .map(|&index| &contents.nodes[index])
            .into_iter()
            .collect();
        while let Some(node) = nodes.pop() {
            open.extend(node.input.iter().map(String::as_str));
            for attribute in &node.attribute {
                for graph in attribute.g.as_deref().into_iter().chain(&attribute.graphs) {
                    open.extend(graph.output.iter().map(ValueInfoProto::name));
                    nodes.extend(&graph.node);
                }
            }
        }
    }
    found
}

/// The type of most constants on the way to an output, or of an output if that is less precise: a scalar that is less
/// precise than all the others decides nothing, and neither does what nothing uses.
fn precision(contents: &Contents, outputs: &[Declared]) -> Element {
    // The least precise first, so that it wins a draw.
    let floats = [Element::Bf16, Element::F16, Element::F32];
    let used = on_the_way(contents, outputs);
    let elements = |element: Element| {
        let stored = contents.initializers.iter();
        let stored = stored.filter(|initializer| used.contains(&initializer.name));
        let of_type =
            stored.filter(|initializer| initializer.data_type == element::number(element));
        of_type
            .filter_map(Initializer::element_count)
            .fold(0, u64::saturating_add)
    };
    let counts = floats.map(elements);
    let most = counts.into_iter().max().filter(|&most| most > 0);
    let of_most = most.and_then(|most| counts.iter().position(|&count| count == most));
    let of_output = floats.iter().position(|element| {
        let name = element.to_string();
        outputs.iter().any(|output| output.element_type == name)
    });
    let least = of_most.into_iter().chain(of_output).min();
    least.map_or(Element::F32, |place| floats[place])
}

/// Counts the multiply-adds of a file at the first inputs that it is tried with, whose size becomes its default if it has no
/// recipe. Where no inputs can be planned, no node can be counted. A recipe's own count is reported where the graph is the
/// one that it describes; time limits are set by the count here alone.
fn measure(file: &ModelFile, claims: &Claims, facts: &mut FileFacts) {
    let nodes = &file.contents.nodes;
    match first_case(facts) {
        Err(_) => facts.uncounted = nodes.iter().map(cost::label).collect(),
        Ok((case, shapes)) => {
            match cost::count(file, &shapes) {
                Ok(count) => {
                    facts.macs = count.macs / case.batch.max(1);
                    facts.uncounted = count.uncounted;
                }
                Err(error) => facts.uncounted = vec![error.to_string()],
            }
            if claims.recipe.is_none() {
                facts.default_size = case.size.unwrap_or(facts.default_size);
            }
        }
    }
    facts.work = match facts.uncounted.as_slice() {
        [] => facts.macs,
        _ => facts.macs.max(facts.weights.saturating_mul(MOST_USES)),
    };
    if let Some(recipe) = claims.recipe.as_ref().filter(|_| claims.is_described) {
        facts.macs = recipe.macs;
        facts.uncounted.clear();
    }
}

/// Shapes of inputs by name.
pub(super) type Shapes = Vec<(String, Vec<u64>)>;

/// The first inputs that a file is tried with, and their shapes.
///
/// # Errors
/// If an input cannot be made, or the file has no input or no output.
pub(super) fn first_case(facts: &FileFacts) -> Result<(Case, Shapes), PlanError> {
    let cases = plan::cases(facts)?;
    let case = cases.into_iter().next().ok_or(PlanError::Nothing("case"))?;
    let shapes = facts.inputs.iter().enumerate().map(|(index, input)| {
        let (_, shape) = plan::input_type(facts, &case, index)?;
        Ok((input.name.clone(), shape))
    });
    let shapes = shapes.collect::<Result<_, PlanError>>()?;
    Ok((case, shapes))
}

fn declared(value: &ValueInfoProto) -> Declared {
    let tensor = match &value.r#type {
        Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..
        }) => Some(tensor),
        _ => None,
    };
    let number = tensor.map(type_proto::Tensor::elem_type);
    let held = number.and_then(|number| element::from_number(number).ok());
    let element_type = match held.filter(|element| NamedTensor::holds(*element)) {
        Some(element) => element.to_string(),
        None => number
            .and_then(element::name_of_number)
            .unwrap_or_else(|| "unknown".to_owned()),
    };
    let shape = tensor
        .and_then(|tensor| tensor.shape.as_ref())
        .map(|shape| shape.dim.iter().map(extent).collect());
    Declared {
        name: value.name().to_owned(),
        element_type,
        shape,
    }
}

fn extent(dimension: &tensor_shape_proto::Dimension) -> DeclaredExtent {
    use tensor_shape_proto::dimension::Value;
    match &dimension.value {
        Some(Value::DimValue(extent)) => {
            u64::try_from(*extent).map_or(DeclaredExtent::Unset, DeclaredExtent::Fixed)
        }
        Some(Value::DimParam(name)) if !name.is_empty() => DeclaredExtent::Named(name.clone()),
        _ => DeclaredExtent::Unset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::file::Data;
    use crate::onnx::proto::{AttributeProto, GraphProto};

    #[test]
    fn the_type_of_most_constants_decides_or_that_of_an_output_if_it_is_less_precise() {
        let (single, half, bfloat16, integer) = (1, 10, 16, 7);
        for (constants, output, expected) in [
            (&[(single, 4), (integer, 9)][..], "f32", Element::F32),
            (&[(single, 4), (half, 1)], "f32", Element::F32),
            (&[(single, 4), (half, 5)], "f32", Element::F16),
            (&[(single, 4), (half, 4)], "f32", Element::F16),
            (
                &[(single, 4), (half, 4), (bfloat16, 4)],
                "f32",
                Element::Bf16,
            ),
            (&[(single, 4)], "f16", Element::F16),
            (&[(half, 4)], "bf16", Element::Bf16),
            (&[(half, 4)], "i64", Element::F16),
            (&[], "f16", Element::F16),
            (&[], "i64", Element::F32),
        ] {
            let initializer = |(place, &(data_type, elements)): (usize, &(i32, i64))| Initializer {
                name: format!("c{place}"),
                dims: vec![elements],
                data_type,
                data: Data::None,
            };
            let sum = NodeProto {
                input: (0..constants.len())
                    .map(|place| format!("c{place}"))
                    .collect(),
                output: vec!["sum".into()],
                ..NodeProto::default()
            };
            let mut contents = Contents {
                initializers: constants.iter().enumerate().map(initializer).collect(),
                nodes: vec![sum],
                ..Contents::default()
            };
            let outputs = [Declared {
                name: "sum".into(),
                element_type: output.to_owned(),
                shape: None,
            }];
            let found = precision(&contents, &outputs);
            assert_eq!(found, expected, "{constants:?} {output}");
            // What nothing uses, or only what is no output, changes nothing.
            let many = [(bfloat16, 1 << 40), (bfloat16, 1 << 40)];
            let many = many.iter().enumerate();
            contents
                .initializers
                .extend(many.map(|(place, one)| initializer((100 + place, one))));
            contents.nodes.push(NodeProto {
                input: vec!["c101".into(), "sum".into()],
                output: vec!["aside".into()],
                ..NodeProto::default()
            });
            assert_eq!(precision(&contents, &outputs), expected, "unused");
            // Within a graph of a node it counts.
            let inner = GraphProto {
                node: vec![NodeProto {
                    input: vec!["c100".into()],
                    ..NodeProto::default()
                }],
                ..GraphProto::default()
            };
            contents.nodes[0].attribute.push(AttributeProto {
                g: Some(Box::new(inner)),
                ..AttributeProto::default()
            });
            assert_eq!(precision(&contents, &outputs), Element::Bf16, "inside");
        }
    }
}
