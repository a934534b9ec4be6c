//! External data of tensors that are no initializers of the graph: of sparse ones, of attributes, in subgraphs, functions and
//! training information. Nothing here reads such a tensor, but runtimes do.

use super::budget::{Budget, Kind};
use super::external::{External, ExternalError};
use super::wire::{Fault, Payload, Wire, malformed};
use crate::onnx::proto::StringStringEntryProto;
use prost::Message as _;
use std::fs::File;
use std::ops::Range;

/// A tensor whose elements are in another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherTensor {
    /// Whose it is, in words: ``attribute `value` of node `Constant_0` ``.
    pub owner: String,
    entries: Vec<(String, String)>,
}

impl OtherTensor {
    /// The file that holds its elements, not yet looked at.
    ///
    /// # Errors
    /// If the entries of `external_data` do not say where.
    pub fn external(&self) -> Result<External, ExternalError> {
        External::from_entries(&self.entries)
    }
}

/// How deep messages may nest; prost's own limit.
const DEPTH_LIMIT: usize = 100;
/// `TensorProto.DataLocation.EXTERNAL`.
pub const EXTERNAL: u64 = 1;

/// A message that may hold tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Model,
    Training,
    Function,
    /// The model's own graph, whose initializers are known.
    MainGraph,
    Graph,
    Node,
    Attribute,
    Sparse,
    Tensor,
}

impl Holder {
    /// The message in a field, by field number, as `proto/onnx.proto` has them.
    fn inner(self, number: u32) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) => Self::MainGraph,
            (Self::Model, 20) => Self::Training,
            (Self::Model, 25) => Self::Function,
            (Self::Training, 1 | 2) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::MainGraph | Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::MainGraph | Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::Sparse,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => Self::Tensor,
            _ => return None,
        })
    }

    /// The number of the field with its name, and what the name is called in words.
    fn name(self) -> Option<(u32, &'static str)> {
        match self {
            Self::Function => Some((1, "function")),
            Self::Node => Some((3, "node")),
            Self::Attribute => Some((1, "attribute")),
            Self::Tensor => Some((8, "tensor")),
            _ => None,
        }
    }

    /// What it is called in words where it has no name.
    fn kind(self) -> Option<&'static str> {
        match self {
            Self::Training => Some("training information"),
            Self::Sparse => Some("a sparse tensor"),
            _ => None,
        }
    }
}

/// Finds them in a file of that length.
pub fn find(
    wire: &mut Wire<&File>,
    budget: &mut Budget,
    length: u64,
) -> Result<Vec<OtherTensor>, Fault> {
    let mut search = Search {
        wire,
        budget,
        found: Vec::new(),
    };
    search.look(Holder::Model, &(0..length), &mut Vec::new())?;
    Ok(search.found)
}

struct Search<'s, 'f> {
    wire: &'s mut Wire<&'f File>,
    budget: &'s mut Budget,
    found: Vec<OtherTensor>,
}

impl Search<'_, '_> {
    /// Looks into a message; `owners` are those around it, the outermost first.
    fn look(
        &mut self,
        holder: Holder,
        range: &Range<u64>,
        owners: &mut Vec<String>,
    ) -> Result<(), Fault> {
        if owners.len() > DEPTH_LIMIT {
            let reason = format!("messages are nested deeper than {DEPTH_LIMIT}");
            return Err(malformed(range.start, reason));
        }
        let mut inner = Vec::new();
        let mut name = None;
        let mut entries = Vec::new();
        let mut is_external = false;
        self.wire.seek(range.start)?;
        while let Some((number, payload)) = self.wire.field(range.end)? {
            match payload {
                Payload::Bytes(range) if holder == Holder::Tensor && number == 13 => {
                    entries.push(range);
                }
                Payload::Varint(location) if holder == Holder::Tensor && number == 14 => {
                    is_external = location == EXTERNAL;
                }
                Payload::Bytes(range) => {
                    if holder.name().is_some_and(|(field, _)| field == number) {
                        name = Some(range);
                    } else if let Some(kind) = holder.inner(number) {
                        self.budget.take_dimension()?;
                        inner.push((kind, range));
                    }
                }
                _ => {}
            }
        }
        if !is_external && inner.is_empty() {
            return Ok(());
        }
        owners.push(self.owner(holder, name)?);
        if is_external {
            let entries = entries.iter().map(|range| self.entry(range));
            let entries = entries.collect::<Result<_, Fault>>()?;
            self.found.push(OtherTensor {
                owner: in_words(owners),
                entries,
            });
        }
        for (kind, range) in inner {
            self.look(kind, &range, owners)?;
        }
        owners.pop();
        Ok(())
    }

    /// What a message is called; empty where that says nothing.
    fn owner(&mut self, holder: Holder, name: Option<Range<u64>>) -> Result<String, Fault> {
        let (Some((_, what)), Some(range)) = (holder.name(), name) else {
            return Ok(holder.kind().unwrap_or_default().to_owned());
        };
        let bytes = self.wire.read(&range)?;
        self.budget.take_text(bytes.len())?;
        let name = String::from_utf8_lossy(&bytes);
        Ok(if name.is_empty() {
            String::new()
        } else {
            format!("{what} `{name}`")
        })
    }

    fn entry(&mut self, range: &Range<u64>) -> Result<(String, String), Fault> {
        let bytes = self.wire.read(range)?;
        self.budget.take_message(Kind::Entry, &bytes)?;
        let entry = StringStringEntryProto::decode(bytes.as_slice())
            .map_err(|error| malformed(range.start, error))?;
        Ok((
            entry.key.unwrap_or_default(),
            entry.value.unwrap_or_default(),
        ))
    }
}

/// The innermost three of those that have a name, the innermost first.
fn in_words(owners: &[String]) -> String {
    let named = owners.iter().rev().filter(|owner| !owner.is_empty());
    let named: Vec<&str> = named.take(3).map(String::as_str).collect();
    if named.is_empty() {
        "a tensor".to_owned()
    } else {
        named.join(" of ")
    }
}
