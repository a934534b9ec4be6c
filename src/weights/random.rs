//! A counter-based generator: any element of any tensor can be drawn alone, on any thread.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011),
//! keyed by SHA-256 of what identifies the tensor. Draws are made [`LANES`] counters at a time, in plain loops
//! that the compiler turns into vector instructions.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is compiled for the vectors of its caller"
)]

use super::normal::box_muller;
use sha2::{Digest, Sha256};

const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Counters that are drawn together.
const LANES: usize = 32;
/// Random words that a counter gives.
const WORDS: usize = 4;

/// What [`LANES`] counters give: element `word · LANES + lane`.
type Group<T> = [T; GROUP];
const GROUP: usize = WORDS * LANES;

/// How words become numbers.
#[derive(Clone, Copy, Debug)]
enum Distribution {
    Normal { mean: f32, deviation: f32 },
    Uniform { bound: f32 },
}

impl Distribution {
    #[inline(always)]
    fn spread(self, words: &Group<u32>, out: &mut Group<f32>) {
        match self {
            Self::Normal { mean, deviation } => {
                for pairs in [0, 2 * LANES] {
                    for first in pairs..pairs + LANES {
                        let [cosine, sine] = box_muller(words[first], words[first + LANES]);
                        out[first] = mean + deviation * cosine;
                        out[first + LANES] = mean + deviation * sine;
                    }
                }
            }
            Self::Uniform { bound } => {
                for (uniform, word) in out.iter_mut().zip(words) {
                    *uniform =
                        bound * ((word >> 8).cast_signed() as f32 * (1.0 / 8_388_608.0) - 1.0);
                }
            }
        }
    }
}

/// An endless, randomly accessible stream of draws.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: [u32; 2],
    nonce: [u32; 2],
}

impl Stream {
    /// The stream of one tensor: seed, rule and name decide it, and nothing else.
    #[must_use]
    pub fn new(seed: u64, rule: &str, name: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(seed.to_le_bytes());
        for part in [rule, name] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        let digest = hasher.finalize();
        let word = |at: usize| {
            (0..4).fold(0, |word, byte| {
                word | u32::from(digest[at + byte]) << (8 * byte)
            })
        };
        Self {
            key: [word(0), word(4)],
            nonce: [word(8), word(12)],
        }
    }

    /// Two independent numbers in [0, 1) with 32 random bits each, for a counter.
    #[must_use]
    pub fn uniform_pair(&self, counter: u64) -> [f64; 2] {
        let words = self.words(counter);
        [words[0], words[1]].map(|word| f64::from(word) / 4_294_967_296.0)
    }

    /// Fills `out` with the elements from `offset` on: normals of a mean and a deviation, by Box–Muller.
    ///
    /// The first two words of a counter give a pair, and the last two another.
    pub fn fill_normal(&self, offset: usize, out: &mut [f32], mean: f32, deviation: f32) {
        self.fill(offset, out, Distribution::Normal { mean, deviation });
    }

    /// Fills `out` with the elements from `offset` on: uniform in [-bound, bound), with 24 random bits each.
    pub fn fill_uniform(&self, offset: usize, out: &mut [f32], bound: f32) {
        self.fill(offset, out, Distribution::Uniform { bound });
    }

    /// Draws with the widest vectors that the processor has. They give the same bits, as every product and every sum is
    /// rounded on its own.
    fn fill(&self, offset: usize, out: &mut [f32], distribution: Distribution) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "the processor was asked just now")]
            unsafe {
                self.fill_avx2(offset, out, distribution);
            }
            return;
        }
        self.fill_groups(offset, out, distribution);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn fill_avx2(&self, offset: usize, out: &mut [f32], distribution: Distribution) {
        self.fill_groups(offset, out, distribution);
    }

    #[inline(always)]
    fn fill_groups(&self, offset: usize, out: &mut [f32], distribution: Distribution) {
        let mut words = [0; GROUP];
        let mut drawn = [0.0; GROUP];
        let (mut index, mut skipped) = ((offset / GROUP) as u64, offset % GROUP);
        let mut rest = out;
        while !rest.is_empty() {
            self.group(index, &mut words);
            distribution.spread(&words, &mut drawn);
            let (now, later) = rest.split_at_mut((GROUP - skipped).min(rest.len()));
            now.copy_from_slice(&drawn[skipped..skipped + now.len()]);
            (rest, index, skipped) = (later, index + 1, 0);
        }
    }

    #[inline(always)]
    fn group(&self, index: u64, out: &mut Group<u32>) {
        for lane in 0..LANES {
            let words = self.words(index * LANES as u64 + lane as u64);
            for (word, value) in words.iter().enumerate() {
                out[word * LANES + lane] = *value;
            }
        }
    }

    #[inline(always)]
    fn words(&self, counter: u64) -> [u32; WORDS] {
        let [low, high] = [low_half(counter), low_half(counter >> 32)];
        philox([low, high, self.nonce[0], self.nonce[1]], self.key)
    }
}

/// Keeps its words in the lower halves of 64 bits, as a product of such halves is one vector instruction. Spelled out, as
/// `map` of an array is a call that is not inlined without LTO, and costs four times the whole.
#[inline(always)]
fn philox(counter: [u32; WORDS], mut key: [u32; 2]) -> [u32; WORDS] {
    let [first, second, third, fourth] = counter;
    let mut words = [
        u64::from(first),
        u64::from(second),
        u64::from(third),
        u64::from(fourth),
    ];
    for _ in 0..ROUNDS {
        let products = [
            u64::from(low_half(words[0])) * MULTIPLIERS[0],
            u64::from(low_half(words[2])) * MULTIPLIERS[1],
        ];
        words = [
            (products[1] >> 32) ^ words[1] ^ u64::from(key[0]),
            products[1],
            (products[0] >> 32) ^ words[3] ^ u64::from(key[1]),
            products[0],
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    [
        low_half(words[0]),
        low_half(words[1]),
        low_half(words[2]),
        low_half(words[3]),
    ]
}

#[expect(clippy::cast_possible_truncation, reason = "half is what is asked for")]
#[inline]
fn low_half(word: u64) -> u32 {
    word as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published known answers of philox4x32-10 (Random123, `kat_vectors`).
    #[test]
    fn known_answers() {
        let cases = [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [u32::MAX; 4],
                [u32::MAX; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox(counter, key), expected);
        }
    }

    #[test]
    fn any_part_of_a_stream_is_that_of_the_whole() {
        let stream = Stream::new(1, "test", "parts");
        let mut whole = [0.0; 1000];
        stream.fill_normal(0, &mut whole, 0.0, 1.0);
        for (start, length) in [(0, 1), (1, 3), (127, 2), (128, 128), (500, 500), (999, 1)] {
            let mut part = vec![0.0; length];
            stream.fill_normal(start, &mut part, 0.0, 1.0);
            assert_eq!(part, whole[start..start + length]);
        }
    }

    #[test]
    fn vectors_of_any_width_draw_the_same_bits() {
        let stream = Stream::new(3, "test", "widths");
        let (mean, deviation) = (0.25, 1.5);
        for distribution in [
            Distribution::Normal { mean, deviation },
            Distribution::Uniform { bound: 0.3 },
        ] {
            let (mut wide, mut plain) = ([0.0; 2000], [0.0; 2000]);
            stream.fill(77, &mut wide, distribution);
            stream.fill_groups(77, &mut plain, distribution);
            assert_eq!(wide.map(f32::to_bits), plain.map(f32::to_bits));
        }
    }

    #[test]
    fn normals_have_the_moments_of_a_standard_normal() {
        let stream = Stream::new(7, "test", "normals");
        let mut draws = vec![0.0; 100_000];
        stream.fill_normal(0, &mut draws, 0.0, 1.0);
        let draws: Vec<f64> = draws.into_iter().map(f64::from).collect();
        let moment = |power: i32| draws.iter().map(|draw| draw.powi(power)).sum::<f64>() / 1e5;
        // Four standard errors of each sample moment: sqrt(1, 2, 15, 96) / sqrt(100,000) · 4.
        for (power, expected, tolerance) in [
            (1, 0.0, 0.013),
            (2, 1.0, 0.018),
            (3, 0.0, 0.049),
            (4, 3.0, 0.124),
        ] {
            let found = moment(power);
            assert!(
                (found - expected).abs() < tolerance,
                "moment {power}: {found}"
            );
        }
    }

    #[test]
    fn streams_differ_by_seed_rule_and_name() {
        let first = Stream::new(0, "probe", "a").uniform_pair(3);
        for (seed, rule, name) in [(1, "probe", "a"), (0, "official", "a"), (0, "probe", "b")] {
            assert_ne!(first, Stream::new(seed, rule, name).uniform_pair(3));
        }
        assert_eq!(first, Stream::new(0, "probe", "a").uniform_pair(3));
    }
}
