//! Pictures loaded as graph inputs, against what timm, torchvision, efficientnet_pytorch and TensorFlow make of them.

use efficientnet_onnx::metadata::{Framing, Interpolation, Normal, Preprocessing, Sampling};
use efficientnet_onnx::picture::{self, Orientation};
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use std::path::Path;

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/preprocessing")
        .join(name)
}

/// What a library feeds its network (tests/fixtures/preprocessing/make.py).
fn answer(file: &str, name: &str) -> Vec<f32> {
    let source = Checkpoint::open(&fixture(file)).expect("a fixture");
    let mut values = vec![f32::NAN; 3 * 16 * 16];
    let tensor = source.open(name).expect("a tensor");
    tensor.fill(0, &mut values).expect("its values");
    values
}

/// Largest difference from the answer, on both pictures.
fn difference(file: &str, case: &str, preprocessing: &Preprocessing) -> f32 {
    let mut largest = 0.0f32;
    for name in ["cat", "eye"] {
        let path = fixture(&format!("{name}.png"));
        let found = picture::load(&path, preprocessing, Orientation::Recorded)
            .expect("a picture")
            .values;
        let expected = answer(file, &format!("{name}.{case}"));
        let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        largest = differences.fold(largest, |a, b| if b <= a { a } else { b });
    }
    largest
}

/// A byte's step is at least 0.0078 here: within 1e-6, no byte is off by one.
#[test]
fn every_librarys_own_transform_is_followed() {
    use Framing::{Cover, CropPadding, Stretch};
    use Interpolation::{Bicubic, Bilinear};
    use Sampling::{Antialias, HalfPixel, Legacy};
    const TORCH: &str = "torch.safetensors";
    const TENSORFLOW: &str = "tensorflow.safetensors";
    for (file, case, normal, framing, interpolation, sampling) in [
        // floor(16 / 0.82) is 19, floor(16 / 0.9) is 17.
        (
            TORCH,
            "timm-center-0.82-bicubic",
            Normal::IMAGENET,
            Cover([19, 19]),
            Bicubic,
            Antialias,
        ),
        (
            TORCH,
            "timm-center-0.9-bilinear",
            Normal::HALF,
            Cover([17, 17]),
            Bilinear,
            Antialias,
        ),
        (
            TORCH,
            "timm-squash-0.82-bicubic",
            Normal::HALF,
            Stretch([19, 19]),
            Bicubic,
            Antialias,
        ),
        (
            TORCH,
            "timm-squash-1-bicubic",
            Normal::HALF,
            Stretch([16, 16]),
            Bicubic,
            Antialias,
        ),
        (
            TORCH,
            "torchvision-19-bilinear",
            Normal::IMAGENET,
            Cover([19, 19]),
            Bilinear,
            Antialias,
        ),
        (
            TORCH,
            "torchvision-16-bicubic",
            Normal::IMAGENET,
            Cover([16, 16]),
            Bicubic,
            Antialias,
        ),
        (
            TORCH,
            "lukemelas",
            Normal::IMAGENET,
            Cover([16, 16]),
            Bicubic,
            Antialias,
        ),
        (
            TENSORFLOW,
            "tf-v1",
            Normal::IMAGENET,
            CropPadding(2),
            Bicubic,
            Legacy,
        ),
        (
            TENSORFLOW,
            "tf-lite",
            Normal::LITE,
            CropPadding(2),
            Bilinear,
            Legacy,
        ),
        (
            TENSORFLOW,
            "tf-v2",
            Normal::V2,
            Stretch([16, 16]),
            Bilinear,
            HalfPixel,
        ),
        (
            TENSORFLOW,
            "tf-v2-bicubic",
            Normal::V2,
            Stretch([16, 16]),
            Bicubic,
            HalfPixel,
        ),
    ] {
        let record = Preprocessing::rgb([16, 16], normal, framing, interpolation, sampling);
        let found = difference(file, case, &record);
        assert!(found <= 1e-6, "{case}: {found:e}");
        // Anything else would be seen.
        for other in [Antialias, HalfPixel, Legacy]
            .into_iter()
            .filter(|other| *other != sampling)
        {
            let wrong = Preprocessing {
                sampling: other,
                ..record.clone()
            };
            assert!(difference(file, case, &wrong) > 0.05, "{case} {other:?}");
        }
    }
}
