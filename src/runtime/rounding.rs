//! What the reference rounds where it is to show what rounding does.

use crate::tensor::Element;
use serde::{Deserialize, Serialize};

/// What a run of the reference rounds; everything else stays f64, and integers stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Every result of a node, to the type that the file gives it, as other runtimes always round.
    OwnTypes,
    /// One value, an input of the graph or the result of a node, to this type.
    Value {
        /// Its name.
        name: String,
        /// The type.
        element: Element,
    },
    /// Every initializer, to this type.
    Initializers(Element),
    /// Every input of the graph, initializer and result of a node, to this type.
    Everything(Element),
}

impl Rounding {
    /// The type to which the result of a node is rounded, where it has type `own` in the file.
    pub(super) fn of_result(&self, own: Element) -> Option<Element> {
        match self {
            Self::OwnTypes => Some(own),
            Self::Everything(element) => Some(*element),
            Self::Value { .. } | Self::Initializers(_) => None,
        }
    }

    /// The type to which initializers are rounded.
    pub(super) fn of_initializer(&self) -> Option<Element> {
        match self {
            Self::Initializers(element) | Self::Everything(element) => Some(*element),
            Self::OwnTypes | Self::Value { .. } => None,
        }
    }

    /// The type to which inputs of the graph are rounded.
    pub(super) fn of_input(&self) -> Option<Element> {
        match self {
            Self::Everything(element) => Some(*element),
            Self::OwnTypes | Self::Value { .. } | Self::Initializers(_) => None,
        }
    }
}
