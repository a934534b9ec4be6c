//! One budget of bytes for the process, from which everything is taken whose size a file names: inputs that are made from
//! declared shapes, outputs that a worker sends, groups of pictures, decoded files, tensors that are held whole.
//!
//! [`reserve`] takes bytes from the budget before they are allocated and gives a [`Reservation`], which gives them back when
//! it is dropped. A [`Buffer`] is a vector with its reservation. What does not fit is [`NoMemory`], with what it needs and
//! what the limit is. Small structures (names, nodes, tables of contents) have fixed limits where they are read, and are
//! not counted here.
//!
//! The limit is [`default_limit`] until [`set_limit`] changes it.
//!
//! ```
//! use efficientnet_onnx::memory::{self, Buffer};
//!
//! # fn main() -> Result<(), memory::NoMemory> {
//! let row: Buffer<f64> = Buffer::filled(1000, 0.0, "a row")?;
//! assert_eq!(row.len(), 1000);
//!
//! let refused = memory::reserve(u64::MAX, "the table").expect_err("more than any machine has");
//! assert_eq!((refused.needs, refused.limit), (u64::MAX, memory::limit()));
//! # Ok(())
//! # }
//! ```

mod buffer;
mod ledger;
mod refusal;
mod system;

pub use buffer::Buffer;
pub use ledger::Reservation;
pub use refusal::{Amount, NoMemory};
pub use system::default_limit;

use ledger::Ledger;
use std::fmt::Display;

static PROCESS: Ledger = Ledger::unset();

/// The most bytes that may be in use at once in this process.
#[must_use]
pub fn limit() -> u64 {
    PROCESS.limit()
}

/// Sets the limit of this process, in bytes. What is in use already stays.
pub fn set_limit(bytes: u64) {
    PROCESS.set_limit(bytes);
}

/// Bytes of the limit that are not in use.
#[must_use]
pub fn left() -> u64 {
    PROCESS.left()
}

/// Takes so many bytes from the budget of this process, for `what`: a noun that errors begin with.
///
/// # Errors
/// If they are more than are left.
pub fn reserve(bytes: u64, what: impl Display) -> Result<Reservation, NoMemory> {
    PROCESS.reserve(bytes, what)
}

/// Whether so many bytes would fit what is left of the budget, without taking them.
///
/// # Errors
/// If they are more than are left.
pub fn check(bytes: u64, what: impl Display) -> Result<(), NoMemory> {
    if bytes <= left() {
        return Ok(());
    }
    Err(PROCESS.refuse(bytes, what, false))
}

/// Makes room in a vector for so many more elements, whose bytes are reserved elsewhere or soon given back.
///
/// # Errors
/// If they are more than are left of the budget, or the system gives no memory.
pub fn make_room<T>(values: &mut Vec<T>, count: usize, what: impl Display) -> Result<(), NoMemory> {
    let bytes = bytes_of::<T>(count);
    check(bytes, &what)?;
    values
        .try_reserve_exact(count)
        .map_err(|_| PROCESS.refuse(bytes, what, true))
}

/// So many equal elements in a vector, whose bytes are soon given back.
///
/// # Errors
/// As [`make_room`].
pub fn filled<T: Clone>(count: usize, value: T, what: impl Display) -> Result<Vec<T>, NoMemory> {
    let mut values = Vec::new();
    make_room(&mut values, count, what)?;
    values.resize(count, value);
    Ok(values)
}

/// Bytes of so many elements.
fn bytes_of<T>(count: usize) -> u64 {
    (count as u64).saturating_mul(size_of::<T>() as u64)
}
