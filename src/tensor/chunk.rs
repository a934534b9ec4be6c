//! The pieces in which many tensors are written, and how many of them are there at a time.

use std::ops::Range;

/// Bytes of a chunk: small enough for several to stay in the cache until they are written, which halves the
/// time that the system takes for it, and large enough to be worth a thread's waking.
pub(super) const CHUNK: usize = 1 << 18;
/// Chunks per thread that are filled before the next ones are handed out.
const CHUNKS_PER_THREAD: usize = 2;
/// Chunks that are filled at a time at most, however many threads there are: 16 MiB.
const MOST_CHUNKS: usize = 64;

/// A part of a buffer.
pub(super) struct Chunk {
    pub(super) buffer: Vec<u8>,
    pub(super) bytes: Range<usize>,
}

/// Chunks that are filled at a time by the current pool.
pub(super) fn batch_chunks() -> usize {
    (rayon::current_num_threads() * CHUNKS_PER_THREAD).min(MOST_CHUNKS)
}
