//! The three containers of `torch.save`.
#![no_main]

use efficientnet_onnx::internals::{Container, Pytorch};
use efficientnet_onnx_fuzz::{file, read_all};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let container = match input {
        [b'P', b'K', ..] => Container::Zip,
        [0x80, ..] => Container::Legacy,
        _ => Container::Tar,
    };
    if let Ok(source) = Pytorch::open(&file("", input), container) {
        read_all(&source);
    }
});
