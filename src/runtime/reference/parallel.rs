//! Work on parts of a result by all cores.

use rayon::prelude::*;

/// Elements that one task computes at least.
pub const CHUNK: usize = 1 << 14;

/// Calls `work` with the number of each part of `size` elements (the last may have fewer) and the part itself. The
/// call is dynamic, once a part: rayon's machinery for each operator alone took a tenth of this crate's build.
pub fn parts<T: Send>(values: &mut [T], size: usize, work: &(dyn Fn(usize, &mut [T]) + Sync)) {
    values
        .par_chunks_mut(size)
        .enumerate()
        .for_each(|(number, part)| work(number, part));
}
