//! `src/onnx/proto.rs` is what prost makes of `proto/onnx.proto`; `BLESS=1` writes it anew.

use std::path::Path;

const HEADER: &str = "//! ONNX's messages, generated from `proto/onnx.proto`: the wire format and nothing else.
//!
//! Do not edit: `BLESS=1 cargo test --release --test tidy` writes this file.
#![allow(missing_docs, reason = \"the schema does not describe every enum value and segment bound\")]
#![allow(clippy::all, clippy::pedantic, reason = \"generated code\")]

";

#[test]
fn the_generated_code_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors =
        protox::compile(["onnx.proto"], [root.join("proto")]).expect("the schema compiles");
    let folder = tempfile::tempdir().expect("a temporary folder");
    prost_build::Config::new()
        .out_dir(folder.path())
        .bytes([".onnx.TensorProto.raw_data"])
        // An attribute rarely has one of these; inline they would make it three times as large.
        .boxed(".onnx.AttributeProto.t")
        .boxed(".onnx.AttributeProto.g")
        .boxed(".onnx.AttributeProto.tp")
        .boxed(".onnx.AttributeProto.sparse_tensor")
        .compile_fds(descriptors)
        .expect("prost generates code");
    let generated =
        std::fs::read_to_string(folder.path().join("onnx.rs")).expect("prost wrote onnx.rs");
    let expected = format!("{HEADER}{generated}");

    let committed = root.join("src/onnx/proto.rs");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&committed, &expected).expect("the generated file can be written");
    }
    let found = std::fs::read_to_string(&committed).unwrap_or_default();
    assert!(
        found == expected,
        "src/onnx/proto.rs is not what proto/onnx.proto gives; run `BLESS=1 cargo test --release --test tidy`"
    );
}
