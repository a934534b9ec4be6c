//! The processor as programs see it: runtimes choose their kernels by its vector extensions, and round differently for it.

use serde::Serialize;

/// What this process sees of the processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Processor {
    /// Instruction set, such as `x86_64`.
    pub architecture: &'static str,
    /// Vector extensions for which runtimes have kernels of their own, as far as they are here.
    pub features: Vec<&'static str>,
}

impl Processor {
    /// Looks at the processor that this process runs on.
    #[must_use]
    pub fn here() -> Self {
        Self {
            architecture: std::env::consts::ARCH,
            features: features(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let found = [
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    here(&found)
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    use std::arch::is_aarch64_feature_detected;
    let found = [
        ("neon", is_aarch64_feature_detected!("neon")),
        ("fp16", is_aarch64_feature_detected!("fp16")),
        ("bf16", is_aarch64_feature_detected!("bf16")),
        ("i8mm", is_aarch64_feature_detected!("i8mm")),
        ("sve", is_aarch64_feature_detected!("sve")),
    ];
    here(&found)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn here(found: &[(&'static str, bool)]) -> Vec<&'static str> {
    let present = found.iter().filter(|(_, present)| *present);
    present.map(|(name, _)| *name).collect()
}
