//! Why no state dict of a container can be read without losing a part of the model.

use super::known;
use super::left_out::GroupKind;
use super::packed::Packed;
use crate::files::foreign::{self, Foreign};
use crate::weights::TensorInfo;
use crate::weights::names::Naming;
use std::fmt;

/// A tensor's name in the container, and its shape.
pub type Listed = (String, Vec<u64>);

/// One of several networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundNetwork {
    /// What stands before its names, without the last dot.
    pub place: String,
    /// Whose names it has.
    pub naming: Naming,
    /// Its tensors, without what stands before their names.
    pub tensors: Vec<TensorInfo>,
    /// The published network that it is, once it is recognised.
    pub network: Option<&'static str>,
}

/// Why no state dict can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Tensors beside the network that nothing accounts for: a module around it may compute with them.
    Beside {
        /// What stands before the network's names, without the last dot.
        root: String,
        /// The tensors.
        tensors: Vec<Listed>,
    },
    /// Several networks, none of which is to be preferred.
    Several {
        /// Each one.
        networks: Vec<FoundNetwork>,
    },
    /// Averages that have averaged nothing yet.
    Idle {
        /// What stands before the averages' names, without the last dot.
        root: String,
        /// The counter that is zero.
        counter: String,
    },
    /// The only network is below a name of what no model computes with, such as `teacher`.
    State {
        /// What stands before the network's names, without the last dot.
        root: String,
        /// What the name says.
        kind: GroupKind,
    },
    /// Weights are stored in a form that is not read.
    Packed {
        /// The form.
        form: Packed,
        /// The tensors that show it.
        tensors: Vec<Listed>,
    },
    /// No tensor's name begins with the prefix that was asked for.
    NothingBelow {
        /// The prefix.
        prefix: String,
        /// With what names begin.
        found: Vec<String>,
    },
    /// Two tensors of the network have one name without the wrappers in it.
    Twice {
        /// The first in the container.
        one: String,
        /// The second.
        other: String,
    },
}

/// Tensors that an error lists.
const MOST_LISTED: usize = 100;

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beside { root, tensors } => {
                write!(
                    f,
                    "the network below `{}` is not the whole model: nothing accounts for {} beside it",
                    root.shown(),
                    counted(tensors.len())
                )?;
                list(f, tensors)
            }
            Self::Several { networks } => {
                f.write_str("the checkpoint has several networks, and none is preferred:")?;
                networks
                    .iter()
                    .try_for_each(|found| write!(f, "\n  {found}"))
            }
            Self::Idle { root, counter } => write!(
                f,
                "the averages in `{}` have averaged nothing yet: `{}` is 0",
                root.shown(),
                counter.shown()
            ),
            Self::State { root, kind } => write!(
                f,
                "the only network is below `{}`, which is left out by its name ({kind})",
                root.shown()
            ),
            Self::Packed { form, tensors } => {
                write!(
                    f,
                    "expected the network's weights as they are, found {} of {form}",
                    counted(tensors.len())
                )?;
                list(f, tensors)
            }
            Self::NothingBelow { prefix, found } => write!(
                f,
                "expected tensors whose names begin with `{}.`, found names that begin with {}",
                prefix.shown(),
                foreign::names(found)
            ),
            Self::Twice { one, other } => write!(
                f,
                "`{}` and `{}` are one tensor of the network once the wrappers' names are removed",
                one.shown(),
                other.shown()
            ),
        }
    }
}

impl fmt::Display for FoundNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str("without a prefix")?,
            place => write!(f, "`{}`", place.shown())?,
        }
        write!(
            f,
            ": {}, names of {}",
            counted(self.tensors.len()),
            self.naming
        )?;
        match self.network {
            Some(network) => write!(f, ", {network}"),
            None => Ok(()),
        }
    }
}

impl Refusal {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Beside { tensors, .. } if tensors.iter().all(is_averaged) => AVERAGES.to_owned(),
            Self::Beside { .. } => WHOLE.to_owned(),
            Self::State { .. } => "it is read where its prefix is asked for".to_owned(),
            Self::Packed { form, .. } => form.hint().to_owned(),
            Self::NothingBelow { .. } => "give what stands before the names of the network, without the network's own names".to_owned(),
            Self::Twice { .. } => {
                "save the state dict of the module that is inside the wrapper, as a plain state dict".to_owned()
            }
            Self::Idle { .. } => "save the weights that were trained alone, as a plain state dict".to_owned(),
            Self::Several { .. } => {
                "if the model computes with several of them, export it with `torch.onnx.export`".to_owned()
            }
        }
    }
}

const WHOLE: &str = "a module around the network may compute with them, in a `forward` that the checkpoint does not hold: export that module with \
    `torch.onnx.export`, or, if its `forward` never uses them, save the state dict without them";

const AVERAGES: &str = "they look like averages of the weights, whose names do not tell which weight each is: copy them into the model in the \
    training framework, and save its state dict";

/// Whether a tensor is of averages by its name.
fn is_averaged((name, _): &Listed) -> bool {
    name.split('.').any(known::is_average)
}

fn counted(tensors: usize) -> String {
    match tensors {
        1 => "1 tensor".to_owned(),
        more => format!("{more} tensors"),
    }
}

fn list(f: &mut fmt::Formatter<'_>, tensors: &[Listed]) -> fmt::Result {
    for (name, shape) in tensors.iter().take(MOST_LISTED) {
        write!(f, "\n  `{}`: {}", name.shown(), foreign::shape(shape))?;
    }
    match tensors.len().saturating_sub(MOST_LISTED) {
        0 => Ok(()),
        more => write!(f, "\n  … and {more} more"),
    }
}
