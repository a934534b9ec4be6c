//! Arrays in pickles and `.npz` files, TorchScript and exported programs; the first byte says which.
#![no_main]

use efficientnet_onnx::internals::{Npz, Plain};
use efficientnet_onnx_fuzz::{file, read_all};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((kind, contents)) = input.split_first() else {
        return;
    };
    let path = file("", contents);
    match kind % 4 {
        0 => drop(Plain::pickle(&path).map(|source| read_all(&source))),
        1 => drop(Plain::script(&path).map(|source| read_all(&source))),
        2 => drop(Plain::exported(&path).map(|(source, _)| read_all(&source))),
        _ => drop(Npz::open(&path).map(|source| read_all(&source))),
    }
});
