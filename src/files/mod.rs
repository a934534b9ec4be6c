//! Files that are written: complete under their final name or not there at all, and never in place of one that is read. Files
//! that are read: regular ones only.
//!
//! An [`OutputFile`] that is a regular file is written in a temporary folder beside its target and renamed when it is
//! complete. Devices and pipes are written through. [`Inputs`] are the files that no output may replace, [`open_input`] opens
//! each of them, [`within`] keeps what a file names in the file's own folder, and [`room`] says whether the disk has space.
//! [`foreign`] shows text that is not ours.
//!
//! What is temporary is a [`TemporaryFolder`] or a [`TemporaryFile`]. A program that ends while threads are at work, as on
//! Ctrl-C, calls [`abandon`], which removes them.

mod commit;
mod ending;
mod error;
pub mod foreign;
mod inputs;
mod left;
mod lock;
mod metered;
mod note;
mod open;
mod output;
mod parts;
mod place;
pub mod room;
mod temporary;
#[cfg(all(test, unix))]
mod tests;
mod within;

pub use commit::Superseded;
pub use ending::{Abandoned, abandon};
pub use error::OutputError;
pub use inputs::Inputs;
pub(crate) use metered::Metered;
pub use note::OutputNote;
pub use open::{has_file, open_input, read_input};
pub use output::{OutputFile, Staged, refuse_same};
pub use temporary::{TemporaryFile, TemporaryFolder};
pub use within::{WithinError, inside, within};
