//! The prefix that a caller asks for, in place of the one that would be found.

/// What parts the components of names: in PyTorch's, and in Keras's and TensorFlow's.
pub(super) const SEPARATORS: [char; 2] = ['.', '/'];

/// What stands before the names that are asked for, without the last separator; empty is the network without a prefix.
pub(super) struct Asked(pub(super) String);

impl Asked {
    pub(super) fn new(prefix: &str) -> Self {
        Self(prefix.trim_end_matches(SEPARATORS).to_owned())
    }

    /// Where a name goes on after the prefix and its separator, if it begins so.
    pub(super) fn start_of(&self, name: &str) -> Option<usize> {
        if self.0.is_empty() {
            return Some(0);
        }
        let rest = name.strip_prefix(&self.0)?;
        rest.starts_with(SEPARATORS).then_some(self.0.len() + 1)
    }
}
