//! Keras's `.h5`.
#![no_main]

use efficientnet_onnx::internals::Keras;
use efficientnet_onnx_fuzz::{file, read_all};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(source) = Keras::open(&file("", input)) {
        read_all(&source);
    }
});
