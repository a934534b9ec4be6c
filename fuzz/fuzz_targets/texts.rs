//! Texts: class names, architecture files, timm's `config.json` and Keras's description of a model; the first byte says which.
#![no_main]

use efficientnet_onnx::architecture::design::{parse_file, write_file};
use efficientnet_onnx::hub::config::Config;
use efficientnet_onnx::internals::ModelConfig;
use efficientnet_onnx::labels;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((kind, contents)) = input.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(contents);
    match kind % 4 {
        0 => drop(labels::read(contents)),
        1 => {
            if let Ok(design) = parse_file(&text)
                && let Some(written) = write_file(&design)
            {
                assert_eq!(parse_file(&written).ok(), Some(design));
            }
        }
        2 => drop(Config::parse(contents)),
        _ => drop(ModelConfig::parse(&text, "a file")),
    }
});
