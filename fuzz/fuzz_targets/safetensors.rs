//! safetensors.
#![no_main]

use efficientnet_onnx::internals::Safetensors;
use efficientnet_onnx_fuzz::{file, read_all};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(source) = Safetensors::open(&file("", input)) {
        read_all(&source);
    }
});
