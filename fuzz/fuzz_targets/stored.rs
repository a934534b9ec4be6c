//! Tensors in `.npy`, `.npz` and `.pb` files; the first byte says which.
#![no_main]

use efficientnet_onnx::stored;
use efficientnet_onnx_fuzz::file;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((kind, contents)) = input.split_first() else {
        return;
    };
    let ending = [".npy", ".npz", ".pb"][usize::from(kind % 3)];
    let _ = stored::read(&file(ending, contents));
});
