//! The index of TensorFlow's checkpoints. What is built for fuzzing takes any checksum.
#![no_main]

use efficientnet_onnx::internals::TensorFlow;
use efficientnet_onnx_fuzz::{file, read_all};
use std::sync::Once;

static DATA: Once = Once::new();

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    DATA.call_once(|| {
        file(".data-00000-of-00001", &[0; 2000]);
    });
    if let Ok(source) = TensorFlow::open(&file(".index", input)) {
        read_all(&source);
    }
});
