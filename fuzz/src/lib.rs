//! What every target does: put the input into a file, open it, read every tensor.

use efficientnet_onnx::tensor::TensorSource;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A folder in memory, where the system has one.
fn folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory.to_path_buf()
    } else {
        std::env::temp_dir()
    }
}

/// A file of this process with these contents.
///
/// # Panics
/// If it cannot be written.
pub fn file(ending: &str, contents: &[u8]) -> PathBuf {
    let path = folder().join(format!("fuzz-{}{ending}", std::process::id()));
    File::create(&path)
        .and_then(|mut file| file.write_all(contents))
        .expect("a file");
    path
}

/// Elements that are read of one tensor: a network asks only for tensors of its own shapes.
const MOST_ELEMENTS: u64 = 1 << 20;

/// Reads every tensor, or is told why not.
pub fn read_all(source: &dyn TensorSource) {
    for tensor in source.tensors() {
        let elements = tensor
            .shape
            .iter()
            .try_fold(1u64, |product, &extent| product.checked_mul(extent));
        let Some(elements) = elements.filter(|&elements| elements <= MOST_ELEMENTS) else {
            continue;
        };
        if let Ok(reader) = source.open(&tensor.name) {
            let mut values = vec![0.0; usize::try_from(elements).expect("a small number")];
            let _ = reader.fill(0, &mut values);
        }
    }
}
