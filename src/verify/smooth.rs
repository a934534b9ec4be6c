//! Noise that looks like a picture: a few waves as long as the picture and longer, and a little grain, from black to
//! white. It knows no file.

use crate::metadata::Normal;
use crate::weights::random::Stream;
use std::f64::consts::TAU;

/// Waves over each channel.
const WAVES: usize = 6;
/// Whole waves along a side, at most, in either direction.
const MOST_CYCLES: f64 = 3.0;
/// How far a wave goes from the middle, in levels from 0 to 255.
const SWING: f64 = 40.0;
/// Standard deviation of the grain, in levels.
const GRAIN: f32 = 6.0;
/// What levels are normalised with where a file does not say: from −1 to 1.
const FALLBACK: Normal = Normal {
    mean: [127.5; 3],
    std: [127.5; 3],
};

/// Fills `out` with the image of that number: channels of `size`, normalised, or levels as they are without `normal`.
pub fn fill(
    stream: &Stream,
    image: u64,
    size: [usize; 2],
    normal: Option<Normal>,
    out: &mut [f32],
) {
    let [height, width] = size;
    let plane = (height * width).max(1);
    let channels = out.len().div_ceil(plane);
    stream.fill_normal(
        usize::try_from(image).unwrap_or_default() * out.len(),
        out,
        0.0,
        GRAIN,
    );
    for (channel, values) in out.chunks_mut(plane).enumerate() {
        let number = image * channels as u64 + channel as u64;
        let waves = waves(stream, number);
        for (at, value) in values.iter_mut().enumerate() {
            let (down, across) = (at / width.max(1), at % width.max(1));
            let (down, across) = (down as f64 / height as f64, across as f64 / width as f64);
            let sum: f64 = waves
                .iter()
                .map(|[y, x, phase]| libm::sin(TAU * (y * down + x * across + phase)))
                .sum();
            let level = (127.5 + SWING * sum + f64::from(*value)).clamp(0.0, 255.0);
            *value = normalised(level, normal, channel);
        }
    }
}

/// Levels for integers, normalised pictures for the others.
pub fn normal_of(integers: bool, normal: Option<Normal>) -> Option<Normal> {
    (!integers).then(|| normal.unwrap_or(FALLBACK))
}

/// Cycles down and across, and the phase, of each wave. They are drawn far beyond the grain of any image.
fn waves(stream: &Stream, number: u64) -> [[f64; 3]; WAVES] {
    std::array::from_fn(|wave| {
        let counter = u64::MAX / 2 + 2 * (number * WAVES as u64 + wave as u64);
        let [y, x] = stream.uniform_pair(counter);
        let [phase, _] = stream.uniform_pair(counter + 1);
        let cycles = |part: f64| MOST_CYCLES * (2.0 * part - 1.0);
        [cycles(y), cycles(x), phase]
    })
}

#[expect(clippy::cast_possible_truncation, reason = "inputs of graphs are f32")]
fn normalised(level: f64, normal: Option<Normal>, channel: usize) -> f32 {
    match normal {
        Some(Normal { mean, std }) => ((level - mean[channel % 3]) / std[channel % 3]) as f32,
        None => level as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(seed: u64, number: u64) -> Vec<f32> {
        let mut out = vec![0.0; 3 * 32 * 48];
        let stream = Stream::new(seed, "noise", "input");
        fill(&stream, number, [32, 48], normal_of(false, None), &mut out);
        out
    }

    #[test]
    fn neighbours_are_alike_and_the_whole_range_is_used() {
        let made = image(0, 0);
        let steps = made
            .chunks(48)
            .flat_map(|row| row.windows(2).map(|pair| (pair[0] - pair[1]).abs()));
        let (count, sum) = steps.fold((0.0, 0.0), |(count, sum), step| (count + 1.0, sum + step));
        let mean = made.iter().sum::<f32>() / made.len() as f32;
        let deviation = (made.iter().map(|value| (value - mean).powi(2)).sum::<f32>()
            / made.len() as f32)
            .sqrt();
        // White noise of this deviation would have steps of 1.13 times it.
        assert!(sum / count < deviation / 3.0, "{} {deviation}", sum / count);
        assert!(deviation > 0.3 && mean.abs() < 0.5, "{deviation} {mean}");
        assert!(made.iter().all(|value| (-1.0..=1.0).contains(value)));
    }

    #[test]
    fn an_image_is_decided_by_seed_and_number() {
        assert_eq!(image(1, 2), image(1, 2));
        assert_ne!(image(1, 2), image(1, 3));
        assert_ne!(image(1, 2), image(2, 2));
    }

    #[test]
    fn the_range_is_that_of_the_preprocessing() {
        let normal = Normal {
            mean: [0.0, 100.0, 200.0],
            std: [255.0, 1.0, 1.0],
        };
        let mut out = vec![0.0; 3 * 64];
        fill(
            &Stream::new(0, "noise", "x"),
            0,
            [8, 8],
            normal_of(false, Some(normal)),
            &mut out,
        );
        assert!(out[..64].iter().all(|value| (0.0..=1.0).contains(value)));
        assert!(
            out[64..128]
                .iter()
                .any(|value| *value > 20.0 || *value < -20.0)
        );
        let mut levels = vec![0.0; 3 * 64];
        fill(
            &Stream::new(0, "noise", "x"),
            0,
            [8, 8],
            normal_of(true, Some(normal)),
            &mut levels,
        );
        for (at, (mean, std)) in [(0, (0.0, 255.0)), (64, (100.0, 1.0)), (128, (200.0, 1.0))] {
            assert!((out[at] * std + mean - levels[at]).abs() < 1e-3, "{at}");
        }
    }
}
