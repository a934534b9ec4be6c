//! A first convolution trained on colour pictures, for another number of input channels.
//!
//! As timm does (`models/_manipulate.py`, `adapt_input_conv`): one channel gets the sum of the three; more
//! repeat them, scaled so that the sum over channels stays.

use super::{SourceError, TensorInfo, TensorReader, TensorSource};

/// Channels that a stem must have to be adapted.
pub const COLOURS: u64 = 3;

/// A source whose stem takes another number of channels.
pub struct AdaptedStem<'a> {
    source: Box<dyn TensorSource + 'a>,
    tensors: Vec<TensorInfo>,
    stem: &'a str,
    channels: usize,
}

impl<'a> AdaptedStem<'a> {
    /// Adapts the tensor `stem`, `[filters, 3, height, width]`, to so many channels.
    #[must_use]
    pub fn new(source: Box<dyn TensorSource + 'a>, stem: &'a str, channels: u64) -> Self {
        let mut tensors = source.tensors().to_vec();
        for tensor in tensors.iter_mut().filter(|tensor| tensor.name == stem) {
            tensor.shape[1] = channels;
        }
        let channels = usize::try_from(channels).unwrap_or(usize::MAX);
        Self {
            source,
            tensors,
            stem,
            channels,
        }
    }
}

impl TensorSource for AdaptedStem<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let reader = self.source.open(name)?;
        let tensors = self.source.tensors();
        match tensors.iter().find(|tensor| tensor.name == name) {
            Some(tensor) if name == self.stem => {
                let window = tensor.shape[2..].iter().product::<u64>();
                Ok(Box::new(Stem {
                    reader,
                    window: usize::try_from(window).unwrap_or(usize::MAX),
                    channels: self.channels,
                }))
            }
            _ => Ok(reader),
        }
    }
}

struct Stem<'a> {
    reader: Box<dyn TensorReader + 'a>,
    /// Elements of one channel of one filter.
    window: usize,
    channels: usize,
}

impl Stem<'_> {
    fn read(&self, filter: usize, channel: usize, place: usize) -> Result<f32, SourceError> {
        let mut value = [0.0];
        let colours = 3;
        let offset = (filter * colours + channel) * self.window + place;
        self.reader.fill(offset, &mut value)?;
        Ok(value[0])
    }
}

impl TensorReader for Stem<'_> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "timm scales in single precision"
    )]
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let scale = (COLOURS as f64 / self.channels as f64) as f32;
        for (index, value) in (offset..).zip(out) {
            let place = index % self.window;
            let channel = index / self.window % self.channels;
            let filter = index / self.window / self.channels;
            *value = if self.channels == 1 {
                let [red, green, blue] = [0, 1, 2].map(|colour| self.read(filter, colour, place));
                red? + green? + blue?
            } else {
                self.read(filter, channel % 3, place)? * scale
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Element;

    /// Two filters of three channels and two places: 0, 1, 2, …
    struct Twelve([TensorInfo; 1]);

    struct Ramp;

    impl TensorReader for Ramp {
        fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
            for (index, value) in out.iter_mut().enumerate() {
                *value = (offset + index) as f32;
            }
            Ok(())
        }
    }

    impl TensorSource for Twelve {
        fn tensors(&self) -> &[TensorInfo] {
            &self.0
        }

        fn open<'a>(&'a self, _name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
            Ok(Box::new(Ramp))
        }
    }

    fn adapted(channels: u64) -> (Vec<u64>, Vec<f32>) {
        let source = Twelve([TensorInfo {
            name: "stem".to_owned(),
            shape: vec![2, 3, 1, 2],
            element: Element::F32,
        }]);
        let stem = AdaptedStem::new(Box::new(&source), "stem", channels);
        let shape = stem.tensors()[0].shape.clone();
        let elements = shape.iter().product::<u64>();
        let mut values = vec![0.0; usize::try_from(elements).unwrap()];
        for (index, piece) in values.chunks_mut(3).enumerate() {
            let reader = stem.open("stem").unwrap();
            reader.fill(index * 3, piece).unwrap();
        }
        (shape, values)
    }

    /// timm 1.0.31: `adapt_input_conv(n, torch.arange(12.).reshape(2, 3, 1, 2))`.
    #[test]
    fn channels_are_summed_or_repeated_as_timm_does() {
        let (shape, values) = adapted(1);
        assert_eq!(shape, [2, 1, 1, 2]);
        assert_eq!(values, [6.0, 9.0, 24.0, 27.0]);
        let (shape, values) = adapted(4);
        assert_eq!(shape, [2, 4, 1, 2]);
        let expected = [
            0.0, 0.75, 1.5, 2.25, 3.0, 3.75, 0.0, 0.75, 4.5, 5.25, 6.0, 6.75, 7.5, 8.25, 4.5, 5.25,
        ];
        assert_eq!(values, expected);
    }
}
