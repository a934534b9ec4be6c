//! The ONNX decoder.
#![no_main]

use efficientnet_onnx::onnx::file::{InitializerSource, ModelFile};
use efficientnet_onnx_fuzz::{file, read_all};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(model) = ModelFile::open(&file("", input))
        && let Ok(source) = InitializerSource::new(model)
    {
        read_all(&source);
    }
});
