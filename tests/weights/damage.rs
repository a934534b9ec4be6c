//! Small checkpoints with a few bytes changed at random: a reader refuses them or not, but never goes down.

use efficientnet_onnx::internals::TensorFlow;
use efficientnet_onnx::tensor::{SourceError, TensorSource};
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use std::fs;
use std::path::Path;

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints");
    fs::read(folder.join(name)).expect("a fixture")
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        data,
    ]
    .concat()
}

/// Elements that are read of one tensor: a network asks only for tensors of its own shapes.
const MOST_ELEMENTS: u64 = 1 << 20;

/// What a reader does with a file; the error, if it refuses the file or a tensor of it.
fn read_all(path: &Path) -> Result<(), SourceError> {
    read_tensors(&Checkpoint::open(path)?)
}

fn read_tensors(checkpoint: &dyn TensorSource) -> Result<(), SourceError> {
    for tensor in checkpoint.tensors() {
        let mut extents = tensor.shape.iter();
        let elements = extents.try_fold(1u64, |product, &extent| product.checked_mul(extent));
        let elements = elements.unwrap_or(u64::MAX).min(MOST_ELEMENTS);
        let mut values = vec![0.0; usize::try_from(elements).expect("a small number")];
        checkpoint.open(&tensor.name)?.fill(0, &mut values)?;
    }
    Ok(())
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same damage on every run.
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((mixed ^ (mixed >> 31)) >> 16).expect("48 bits")
}

#[test]
fn damage_anywhere_is_an_error_or_nothing() {
    let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"v":{"dtype":"BF16","shape":[1,1],"data_offsets":[8,10]}}"#;
    let files = [
        fixture("zip.pth"),
        fixture("legacy.pth"),
        fixture("tar.pth"),
        fixture("keras_2_weights.h5"),
        fixture("keras_many_latest.h5"),
        fixture("keras_cut.h5"),
        fixture("keras_cut_latest.h5"),
        safetensors(header, &[0; 10]),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("damaged");
    let mut state = 1;
    for (index, whole) in files.iter().enumerate() {
        let mut refused = 0;
        for _ in 0..1500 {
            let mut damaged = whole.clone();
            for _ in 0..=random(&mut state) % 3 {
                let at = random(&mut state) % damaged.len();
                damaged[at] = random(&mut state).to_le_bytes()[0];
            }
            if random(&mut state).is_multiple_of(4) {
                damaged.truncate(random(&mut state) % damaged.len());
            }
            fs::write(&path, &damaged).expect("a file");
            refused += usize::from(read_all(&path).is_err());
            // Writing over a file waits for the disk on some file systems.
            fs::remove_file(&path).expect("a file");
        }
        // Some damage only changes a value, or hits what nobody reads.
        assert!(
            refused > 300,
            "file {index}: {refused} of 1500 were refused"
        );
    }
}

/// The kept inputs of `fuzz/`, through the same readers.
#[test]
fn what_fuzzing_kept_is_an_error_or_nothing() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let list = |folder: &Path| {
        let entries = fs::read_dir(folder).expect("a folder");
        entries
            .map(|entry| entry.expect("an entry").path())
            .collect::<Vec<_>>()
    };
    for target in list(&corpus) {
        let inputs = list(&target);
        // An index alone is told from its name, and these have none.
        let is_index = target.ends_with("tensorflow");
        let read = |input: &Path| {
            if is_index {
                TensorFlow::open(input).and_then(|source| read_tensors(&source))
            } else {
                read_all(input)
            }
        };
        let refused = inputs.iter().filter(|input| read(input).is_err()).count();
        assert!(
            refused > 0,
            "{}: none of {} was refused",
            target.display(),
            inputs.len()
        );
    }
}
