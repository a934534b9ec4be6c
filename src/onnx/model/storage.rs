//! Where the data of tensors goes.

use crate::tensor::Element;

/// Bytes of the largest [`Alignment`].
pub(super) const LARGEST_ALIGNMENT: usize = 1 << 16;

/// Where tensor data goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Into the model itself; only below 2 GiB.
    Inline,
    /// Into a file of this name beside the model.
    External {
        /// Name without a folder.
        location: String,
        /// Where in that file.
        layout: ExternalLayout,
    },
    /// Nowhere: what stands for all initializers begins at one place of a file of this name beside the model, for those of
    /// each element type, and variances at another.
    Shared {
        /// Name without a folder.
        location: String,
        /// Where those places may be.
        alignment: Alignment,
    },
}

/// Elements in the external file, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// The name under which the source of tensors has them.
    pub(super) name: &'a str,
    pub(super) element: Element,
    pub(super) elements: usize,
    pub(super) offset: u64,
}

impl Piece<'_> {
    pub(super) fn bytes(&self) -> u64 {
        let size = self.element.encoded_size().expect("a type that is written");
        self.elements as u64 * size as u64
    }

    /// Where it ends in the file.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.bytes()
    }
}

/// How tensors lie in a file of external data. By default all of them are there, each at a multiple of 4096 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExternalLayout {
    /// Where a tensor may start.
    pub alignment: Alignment,
    /// Tensors of fewer bytes stay in the model.
    pub threshold: u64,
}

/// Tensors in an external file start at multiples of so many bytes: a power of two, at most 65536.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alignment(u64);

impl Alignment {
    /// An alignment of so many bytes; none if that is not a power of two or more than 65536.
    #[must_use]
    pub fn new(bytes: u64) -> Option<Self> {
        let legal = bytes.is_power_of_two() && bytes <= LARGEST_ALIGNMENT as u64;
        legal.then_some(Self(bytes))
    }

    /// So many bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl Default for Alignment {
    /// 4096 bytes: a page, so that tensors can be memory-mapped.
    fn default() -> Self {
        Self(4096)
    }
}
