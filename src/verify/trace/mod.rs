//! What becomes of the rows of a batch on their way through a graph: which outputs depend on them, which nodes mix
//! them, and which outputs are random.

mod layout;
mod site;

pub use layout::channels_last;
pub(super) use site::{Constants, attribute, name_of};

use super::facts::{Declared, DeclaredExtent, FileFacts};
use super::layout::Rows;
use super::lineage::{Does, Lineage, RowNode};
use crate::onnx::file::ModelFile;
use crate::onnx::proto::{GraphProto, NodeProto, ValueInfoProto};
use site::site;
use std::collections::BTreeMap;

/// Operators that tell of a value only its shape.
const SHAPES: [&str; 2] = ["Shape", "Size"];
/// Operators whose result has as many rows as the elements decide.
const SELECTS: [&str; 4] = ["Compress", "NonMaxSuppression", "NonZero", "Unique"];

/// All that following the rows tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traced {
    /// What becomes of the rows.
    pub lineage: Lineage,
    /// Outputs that depend on random numbers: the first node that draws them.
    pub random: BTreeMap<String, RowNode>,
}

/// What is known of a value.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Whether it depends on rows of the images.
    rows: bool,
    /// Whether elements decide how many rows it has.
    selected: bool,
    /// The node that mixed the rows, an index of sites.
    mixed: Option<usize>,
    /// The node that drew random numbers, an index of sites.
    random: Option<usize>,
}

impl Known {
    fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows || other.rows,
            selected: self.selected || other.selected,
            mixed: self.mixed.or(other.mixed),
            random: self.random.or(other.random),
        }
    }
}

/// Follows the rows of the inputs of `facts` through `file`.
#[must_use]
pub fn trace(file: &ModelFile, facts: &FileFacts) -> Traced {
    let contents = &file.contents;
    let constants = Constants::new(file);
    let batch = batch_name(facts);
    let declared: BTreeMap<&str, &ValueInfoProto> = contents
        .inputs
        .iter()
        .chain(&contents.value_info)
        .chain(&contents.outputs)
        .map(|info| (info.name(), info))
        .collect();
    let batch_first = |name: &str| {
        let info = declared.get(name).copied();
        info.is_some_and(|info| first_name(info).is_some_and(|name| batch == Some(name)))
    };
    let mut known = BTreeMap::<&str, Known>::new();
    for (index, input) in facts.inputs.iter().enumerate() {
        let rows = facts.rows(index) == Rows::OfImages;
        let entry = Known {
            rows,
            ..Known::default()
        };
        known.insert(&input.name, entry);
    }
    let (mut sites, mut traced) = (Vec::<RowNode>::new(), Traced::default());
    for node in &contents.nodes {
        let mut found = Known::default();
        read_by(node, &mut |name| {
            found = found.and(known.get(name).copied().unwrap_or_default());
        });
        if SHAPES.contains(&node.op_type()) {
            found = Known::default();
        }
        found.selected |= SELECTS.contains(&node.op_type());
        let mut of_node = Vec::new();
        inside(node, &mut |inner| {
            of_node.extend(site(inner, &constants, &batch_first));
        });
        for site in of_node {
            match site.does {
                does if does.is_random() => {
                    found.random.get_or_insert(sites.len());
                }
                _ if !found.rows => continue,
                Does::FixesBatch(_) => {
                    traced.lineage.fixes_batch.push(site);
                    continue;
                }
                _ => {
                    found.mixed.get_or_insert(sites.len());
                }
            }
            sites.push(site);
        }
        for output in node.output.iter().filter(|name| !name.is_empty()) {
            known.insert(output, found);
        }
    }
    for output in &contents.outputs {
        let name = output.name();
        let found = known.get(name).copied().unwrap_or_default();
        let of_batch = first_name(output).is_some_and(|name| batch == Some(name));
        if !found.rows || found.selected && !of_batch {
            traced.lineage.without_rows.insert(name.to_owned());
        }
        let at = |index: Option<usize>| index.and_then(|index| sites.get(index)).cloned();
        if let Some(site) = at(found.mixed) {
            traced.lineage.mixed.insert(name.to_owned(), site);
        }
        if let Some(site) = at(found.random) {
            traced.random.insert(name.to_owned(), site);
        }
    }
    traced
}

/// The name of the batch.
fn batch_name(facts: &FileFacts) -> Option<&str> {
    let primary = facts.primary();
    let input: &Declared = facts.inputs.get(primary)?;
    match input.shape.as_ref()?.get(facts.axes(primary).batch?)? {
        DeclaredExtent::Named(name) => Some(name),
        DeclaredExtent::Fixed(_) | DeclaredExtent::Unset => None,
    }
}

/// The name of the first dimension of a value.
fn first_name(info: &ValueInfoProto) -> Option<&str> {
    use crate::onnx::proto::{tensor_shape_proto::dimension::Value, type_proto};
    match info.r#type.as_ref()?.value.as_ref()? {
        type_proto::Value::TensorType(tensor) => {
            match tensor.shape.as_ref()?.dim.first()?.value.as_ref()? {
                Value::DimParam(name) => Some(name),
                Value::DimValue(_) => None,
            }
        }
        _ => None,
    }
}

/// Tells the name of every value that a node reads, in the graphs of its attributes too.
pub(super) fn read_by<'a>(node: &'a NodeProto, tell: &mut dyn FnMut(&'a str)) {
    for name in node.input.iter().filter(|name| !name.is_empty()) {
        tell(name);
    }
    for graph in graphs(node) {
        graph.node.iter().for_each(|inner| read_by(inner, tell));
        // A branch may give an outer value as it is.
        graph.output.iter().for_each(|output| tell(output.name()));
    }
}

/// Tells a node, and every node of the graphs of its attributes.
fn inside(node: &NodeProto, tell: &mut dyn FnMut(&NodeProto)) {
    tell(node);
    for graph in graphs(node) {
        graph.node.iter().for_each(|inner| inside(inner, tell));
    }
}

fn graphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute
        .iter()
        .flat_map(|attribute| attribute.g.as_deref().into_iter().chain(&attribute.graphs))
}
