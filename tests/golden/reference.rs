//! What timm computed: the files in `golden/logits`, and the inputs that they are for.

use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::path::Path;

/// The logits of one variant.
pub struct Golden {
    /// An even input size and an odd one.
    pub sizes: [u64; 2],
    /// SHA-256 of the tensors of the weights, as `weights export` writes them.
    pub weights_sha256: String,
    logits: BTreeMap<String, Vec<f64>>,
}

impl Golden {
    pub fn read(variant: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("golden/logits/{variant}.safetensors"));
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("a safetensors file");
        let metadata = header
            .metadata()
            .clone()
            .expect("`generate.py` writes metadata");
        assert_eq!(metadata["variant"], variant);
        let size = |key: &str| metadata[key].parse().expect("a number of pixels");
        let logits = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let logits = logits.iter().map(|(name, tensor)| {
            assert_eq!(
                (tensor.dtype(), tensor.shape()),
                (Dtype::F64, &[1000][..]),
                "{name}"
            );
            let numbers = tensor.data().as_chunks().0;
            (
                name.to_owned(),
                numbers
                    .iter()
                    .map(|bytes| f64::from_le_bytes(*bytes))
                    .collect(),
            )
        });
        Self {
            sizes: [size("even_size"), size("odd_size")],
            weights_sha256: metadata["weights_sha256"].clone(),
            logits: logits.collect(),
        }
    }

    /// The correct logits of an input.
    pub fn right(&self, size: u64, input: u32) -> &[f64] {
        self.row(size, &format!("input_{input}"))
    }

    /// Whether the file has that mistake at that size.
    pub fn has(&self, size: u64, mistake: &str) -> bool {
        self.logits.contains_key(&format!("{size}.{mistake}"))
    }

    /// Every row but the correct ones: size and mistake.
    pub fn mistakes(&self) -> impl Iterator<Item = (u64, &str)> {
        let parts = self
            .logits
            .keys()
            .map(|name| name.split_once('.').expect("size, dot, name"));
        parts
            .filter(|(_, name)| !name.starts_with("input_"))
            .map(|(size, name)| (size.parse().expect("a number of pixels"), name))
    }

    /// The row `SIZE.NAME` of the file: of the first input, but for `input_1`.
    pub fn row(&self, size: u64, name: &str) -> &[f64] {
        self.logits
            .get(&format!("{size}.{name}"))
            .unwrap_or_else(|| panic!("no logits `{size}.{name}`"))
    }
}

/// Input number `which`, as `noise` in `golden/generate.py` makes it, bit for bit: MurmurHash3's 32-bit
/// finaliser (public domain, Austin Appleby) of the flat index, spread over ±sqrt(3).
pub fn noise(size: u64, which: u32) -> Vec<f32> {
    let offset = which.wrapping_mul(0x9E37_79B9);
    let elements = u32::try_from(3 * size * size).expect("golden inputs are small");
    let element = |index: u32| {
        let mut hash = index.wrapping_add(offset);
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
        hash ^= hash >> 16;
        let uniform = f64::from(hash) / 2_147_483_648.0 - 1.0;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounded once, as in Python"
        )]
        let rounded = (uniform * 3.0_f64.sqrt()) as f32;
        rounded
    };
    (0..elements).map(element).collect()
}

/// Largest difference in proportion to the largest of `base`; infinite if anything is not a number.
pub fn difference(found: &[f64], base: &[f64]) -> f64 {
    assert_eq!(found.len(), base.len());
    if found.iter().chain(base).any(|logit| !logit.is_finite()) {
        return f64::INFINITY;
    }
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    largest(
        &mut found
            .iter()
            .zip(base)
            .map(|(found, base)| (found - base).abs()),
    ) / magnitude(base)
}

/// The largest absolute value.
pub fn magnitude(logits: &[f64]) -> f64 {
    logits
        .iter()
        .fold(0.0, |largest, logit| logit.abs().max(largest))
}

/// As hashes are written.
#[expect(clippy::format_collect, reason = "64 characters")]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of the inputs' little-endian bytes, as numpy gave them: without
/// this, a wrong input would look like a wrong network.
#[test]
fn noise_is_what_numpy_made() {
    use sha2::{Digest, Sha256};
    for (size, which, expected) in NUMPY_NOISE {
        let bytes: Vec<u8> = noise(size, which)
            .into_iter()
            .flat_map(f32::to_le_bytes)
            .collect();
        let digest = hexadecimal(&Sha256::digest(bytes));
        assert_eq!(digest, expected, "{size}, input {which}");
    }
}

const NUMPY_NOISE: [(u64, u32, &str); 3] = [
    (
        224,
        0,
        "48d32c3b79c4714e5de565573876fadfba8ed392265706b90af075e143e54709",
    ),
    (
        224,
        1,
        "2beb610b7bcf76abb597f67c192c0061e82adb43713d52472ef6cb2fa14f3443",
    ),
    (
        95,
        1,
        "17f9876e5cbd3005a4cbcc6b89847435f02d358134de85fb3b3674a88ccc1ace",
    ),
];
