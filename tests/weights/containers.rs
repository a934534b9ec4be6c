//! Checkpoints as other programs wrote them: small ones in every container, and the real Lite ones.

use efficientnet_onnx::tensor::{Element, TensorSource};
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::names::Naming;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/checkpoints")
        .join(name)
}

fn real(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/.data")
        .join(name);
    assert!(
        path.exists(),
        "`{}` is not there: run `tests/run --set-up-only`",
        path.display()
    );
    path
}

fn values(source: &dyn TensorSource, name: &str) -> Vec<f32> {
    let tensor = source
        .tensors()
        .iter()
        .find(|tensor| tensor.name == name)
        .expect("a listed tensor");
    let elements = usize::try_from(tensor.shape.iter().product::<u64>()).expect("it fits memory");
    let mut values = vec![f32::NAN; elements];
    source
        .open(name)
        .expect("a readable tensor")
        .fill(0, &mut values)
        .expect("a readable tensor");
    values
}

/// What `fixtures/checkpoints/make.py` saves, worked out by hand.
fn expected() -> Vec<(&'static str, Vec<u64>, Element, Vec<f32>)> {
    let ramp: Vec<f32> = (0..24u8)
        .map(|index| f32::from(index) / 8.0 - 1.0)
        .collect();
    // A third of an eighth, rounded to double and to single, is rounded to single.
    let third = |index: usize| ramp[index] / 3.0;
    // Element [out, in, height, width] lies at height · 12 + width · 6 + in · 3 + out.
    let strided = (0..24).map(|flat| {
        let (out, channel, height, width) = (flat / 8, flat / 4 % 2, flat / 2 % 2, flat % 2);
        ramp[height * 12 + width * 6 + channel * 3 + out]
    });
    vec![
        ("brain", vec![4], Element::Bf16, ramp[..4].to_vec()),
        ("contiguous", vec![2, 3, 4], Element::F32, ramp.clone()),
        ("double", vec![4], Element::F64, (0..4).map(third).collect()),
        ("half", vec![4], Element::F16, ramp[..4].to_vec()),
        ("offset", vec![4], Element::F32, ramp[5..9].to_vec()),
        ("scalar", vec![], Element::F32, vec![2.5]),
        ("strided", vec![3, 2, 2, 2], Element::F32, strided.collect()),
    ]
}

#[test]
fn every_container_gives_the_same_tensors() {
    // PyTorch of the tar files' time had no bfloat16 and no tensor without dimensions.
    for (file, absent) in [
        ("zip.pth", &[][..]),
        ("legacy.pth", &[]),
        ("tar.pth", &["brain", "scalar"]),
    ] {
        let checkpoint = Checkpoint::open(&fixture(file)).expect("a readable checkpoint");
        let expected: Vec<_> = expected()
            .into_iter()
            .filter(|(name, ..)| !absent.contains(name))
            .collect();
        let found: Vec<_> = checkpoint
            .tensors()
            .iter()
            .map(|tensor| {
                let name = expected
                    .iter()
                    .find(|row| row.0 == tensor.name)
                    .map_or("not expected", |row| row.0);
                (
                    name,
                    tensor.shape.clone(),
                    tensor.element,
                    values(&checkpoint, &tensor.name),
                )
            })
            .collect();
        assert_eq!(found, expected, "{file}");
        assert_eq!(checkpoint.name(), file);
        assert_eq!(checkpoint.naming(), None);
    }
}

#[test]
fn the_content_tells_the_container_and_not_the_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("legacy.safetensors");
    std::fs::copy(fixture("legacy.pth"), &path).expect("a copy");
    assert_eq!(
        Checkpoint::open(&path)
            .expect("a readable checkpoint")
            .tensors()
            .len(),
        7
    );
}

#[test]
fn a_piece_of_a_tensor_is_that_piece() {
    let checkpoint = Checkpoint::open(&fixture("zip.pth")).expect("a readable checkpoint");
    let whole = values(&checkpoint, "strided");
    let mut piece = [0.0; 5];
    checkpoint
        .open("strided")
        .expect("a tensor")
        .fill(7, &mut piece)
        .expect("a piece");
    assert_eq!(piece, whole[7..12]);
}

/// A published file, and what PyTorch 2.15.0 reads from it.
struct Real {
    file: &'static str,
    sha256: &'static str,
    tensors: usize,
    /// SHA-256 of every floating-point tensor, `contiguous()`, sorted by name.
    contents: &'static str,
    /// Tensor, flat index, value: `state_dict[name].flatten()[index]`.
    values: [(&'static str, usize, f64); 4],
}

const REAL: [Real; 3] = [
    Real {
        file: "efficientnet-lite0-57934424.pth",
        sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        tensors: 247,
        contents: "6fbcb2f4eea243f0f9f110f09365ddd9af67ba57d9318859f25b124c78e7228c",
        values: [
            ("_conv_stem.weight", 0, -1.110_336_065_292_358_4),
            ("_conv_stem.weight", 860, 5.960_464_477_539_063e-8),
            ("_fc.weight", 1_278_721, -0.053_279_545_158_147_81),
            ("_bn1.running_var", 1279, 11.043_568_611_145_02),
        ],
    },
    Real {
        file: "efficientnet-lite1-77cc7160.pth",
        sha256: "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        tensors: 322,
        contents: "5f07815330c98e4089528ccaed4806f92fecc84f3e42698c5e66968ce8683b94",
        values: [
            ("_conv_stem.weight", 0, 0.298_087_120_056_152_34),
            ("_conv_stem.weight", 860, 0.010_117_769_241_333_008),
            ("_fc.weight", 1_278_721, -0.060_489_494_353_532_79),
            ("_bn1.running_var", 1279, 9.417_510_986_328_125),
        ],
    },
    Real {
        file: "efficientnet-lite2-9656183e.pth",
        sha256: "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        tensors: 322,
        contents: "7eb6faaef97a839b7453d8689e383f905a6176d3f3451b22439db77babbd3d00",
        values: [
            ("_conv_stem.weight", 0, 0.087_553_717_195_987_7),
            ("_conv_stem.weight", 860, 0.142_197_459_936_141_97),
            ("_fc.weight", 1_278_721, -0.103_251_188_993_453_98),
            ("_bn1.running_var", 1279, 8.662_761_688_232_422),
        ],
    },
];

#[test]
fn real_lite_checkpoints_have_the_values_that_pytorch_reads() {
    for Real {
        file,
        sha256,
        tensors,
        contents,
        values: samples,
    } in REAL
    {
        let checkpoint = Checkpoint::open(&real(file)).expect("a readable checkpoint");
        checkpoint.start_hashing();
        // The first comes from the thread that was started, the second is computed on the spot.
        for _ in 0..2 {
            assert_eq!(
                checkpoint.sha256().expect("a readable file"),
                sha256,
                "{file}"
            );
        }
        assert_eq!(checkpoint.tensors().len(), tensors, "{file}");
        assert_eq!(checkpoint.naming(), Some(Naming::Lukemelas), "{file}");
        assert_eq!(checkpoint.classes(Naming::Lukemelas), Some(1000), "{file}");
        assert_eq!(checkpoint.in_channels(Naming::Lukemelas), Some(3), "{file}");
        for (name, index, value) in samples {
            assert_eq!(
                f64::from(values(&checkpoint, name)[index]),
                value,
                "{file} {name} {index}"
            );
        }
        let mut names: Vec<_> = checkpoint
            .tensors()
            .iter()
            .map(|tensor| tensor.name.as_str())
            .collect();
        names.sort_unstable();
        let mut hasher = Sha256::new();
        for name in names {
            for value in values(&checkpoint, name) {
                hasher.update(value.to_le_bytes());
            }
        }
        let digest = hasher
            .finalize()
            .iter()
            .fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").expect("a string takes all");
                text
            });
        assert_eq!(digest, contents, "{file}");
    }
}
