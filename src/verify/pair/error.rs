//! Why two files are no pair.

use crate::files::foreign::Foreign;

/// Why two files cannot be held against each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// They take or give different numbers of values, under different names.
    #[error("the first file has the {kind} {first}, the second has {second}, expected as many", first = first.shown(), second = second.shown())]
    Count {
        /// `inputs` or `outputs`.
        kind: &'static str,
        /// Names in the first.
        first: String,
        /// Names in the second.
        second: String,
    },
    /// An input that both have cannot be given to both.
    #[error(
        "input `{input}` is {first} in the first file and {second} in the second, expected one that fits both", input = input.shown(), first = first.shown(), second = second.shown())]
    Input {
        /// Its name in the first.
        input: String,
        /// Its type in the first.
        first: String,
        /// Its type in the second.
        second: String,
    },
    /// One graph normalises its pixels, and the other's are normalised with other numbers before it.
    #[error(
        "pictures are normalised with {first} for the first file and with {second} for the second, expected the same for both",
        first = first.shown(),
        second = second.shown()
    )]
    Normals {
        /// Mean and deviation of the first.
        first: String,
        /// Mean and deviation of the second.
        second: String,
    },
}
