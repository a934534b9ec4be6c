//! NumPy's files: `.npy`, one array, and `.npz`, a zip archive of them.
//!
//! Files come from anyone: nothing is allocated by a size that a file declares unless it fits the memory budget of the
//! process. It knows no tensor's meaning.

pub(crate) mod npy;
pub(crate) mod npz;
