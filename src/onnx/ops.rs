//! The operators that are written.

/// Placeholder until the operator set lands.
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {}
