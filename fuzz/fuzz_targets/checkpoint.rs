//! Checkpoints in any container, pickled modules included, and what is made of their names.
#![no_main]

use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx_fuzz::{file, read_all};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::open(&file("", input)) {
        read_all(&checkpoint);
    }
});
