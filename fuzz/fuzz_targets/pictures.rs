//! JPEG and PNG files.
#![no_main]

use efficientnet_onnx::architecture::Family;
use efficientnet_onnx::metadata::Preprocessing;
use efficientnet_onnx::picture::load;
use efficientnet_onnx_fuzz::file;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let preprocessing = Preprocessing::tensorflow(Family::ALL[0].baseline, [8, 8]);
    let _ = load(&file("", input), &preprocessing);
});
