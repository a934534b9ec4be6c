//! One picture for two files that take it otherwise: channels first or last, levels or normalised values, other elements.

use crate::files::foreign::Foreign;
use crate::memory::{Buffer, NoMemory};
use crate::metadata::Normal;
use crate::tensor::{Element, NamedTensor};
use crate::verify::facts::{DeclaredExtent, FileFacts};

/// How a file takes pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Taken {
    element: Element,
    channels_last: bool,
    range: Range,
}

/// What a file takes a pixel as.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Range {
    /// A level from 0 to 255, which the graph normalises so.
    Levels(Normal),
    /// A value that was normalised so.
    Normalised(Normal),
    /// Nothing is known.
    Unknown,
}

/// What becomes of a picture between two files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Turn {
    from: Taken,
    to: Taken,
}

/// Numbers that two files normalise one picture with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct OtherNormals(pub(super) [Normal; 2]);

impl Taken {
    /// How a file takes its pictures; none where its primary input is no batch of them.
    pub(super) fn of(facts: &FileFacts) -> Option<Self> {
        let index = facts.primary();
        let input = facts.inputs.get(index)?;
        let axes = facts.axes(index);
        let is_batch = input.shape.as_ref().is_some_and(|shape| shape.len() == 4);
        axes.size.filter(|_| is_batch)?;
        Some(Self {
            element: input.element()?,
            channels_last: axes.channels_last,
            range: match (facts.inside, facts.normal) {
                (Some(inside), _) => Range::Levels(inside),
                (None, Some(normal)) => Range::Normalised(normal),
                (None, None) => Range::Unknown,
            },
        })
    }

    /// Whether a picture for this file has every value of one for the other, and not the other way around.
    pub(super) fn is_coarser(self, other: Self) -> bool {
        let rank = |taken: Self| match (taken.element, taken.range) {
            (Element::U8, _) => 3,
            (_, Range::Levels(_)) => 2,
            (Element::F16 | Element::Bf16, _) => 1,
            _ => 0,
        };
        rank(self) > rank(other)
    }

    /// A shape of the other file in this file's order of dimensions.
    pub(super) fn in_order(
        self,
        shape: &[DeclaredExtent],
        other: Self,
    ) -> Option<Vec<DeclaredExtent>> {
        let [batch, second, third, last] = shape else {
            return None;
        };
        let order = match (other.channels_last, self.channels_last) {
            (true, false) => [batch, last, second, third],
            (false, true) => [batch, third, last, second],
            _ => [batch, second, third, last],
        };
        Some(order.map(Clone::clone).to_vec())
    }
}

impl Turn {
    /// What becomes of a picture for one file, so that the other takes it; none where one cannot be made of the other.
    ///
    /// # Errors
    /// If one graph normalises pixels, and the other's are normalised with other numbers before it.
    pub(super) fn new(from: Taken, to: Taken) -> Result<Option<Self>, OtherNormals> {
        let are_known = match (from.range, to.range) {
            (Range::Levels(own), Range::Normalised(other))
            | (Range::Normalised(own), Range::Levels(other)) => {
                if own != other {
                    return Err(OtherNormals([own, other]));
                }
                true
            }
            (Range::Levels(_), Range::Levels(_)) => true,
            _ => false,
        };
        let are_floats = from.element.is_float() && to.element.is_float();
        let fit = from.element == to.element || are_floats || are_known;
        Ok(fit.then_some(Self { from, to }))
    }

    /// The picture for the other file, under the name that it has there.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(super) fn apply(self, input: &NamedTensor, name: &str) -> Result<NamedTensor, NoMemory> {
        let what = format_args!("input `{}`", name.shown());
        let Self { from, to } = self;
        let [batch, second, third, last] = input.shape[..] else {
            return Ok(NamedTensor {
                name: name.to_owned(),
                ..input.copy()?
            });
        };
        let (channels, pixels) = if from.channels_last {
            (last, second * third)
        } else {
            (second, third * last)
        };
        let sides = if from.channels_last {
            [second, third]
        } else {
            [third, last]
        };
        let normal = match (from.range, to.range) {
            (Range::Levels(normal), Range::Normalised(_)) => Some(normal),
            _ => None,
        };
        let value = |row: usize, channel: usize, pixel: usize| {
            let place = if from.channels_last {
                pixel * channels + channel
            } else {
                channel * pixels + pixel
            };
            let value = input.data[row * channels * pixels + place];
            let value = normal.map_or(value, |Normal { mean, std }| {
                (value - mean[channel % 3]) / std[channel % 3]
            });
            to.element.nearest(value)
        };
        let mut data = Buffer::with_room(input.data.len(), what)?;
        for row in 0..batch {
            for outer in 0..if to.channels_last { pixels } else { channels } {
                let inner = 0..if to.channels_last { channels } else { pixels };
                data.extend(inner.map(|inner| {
                    if to.channels_last {
                        value(row, inner, outer)
                    } else {
                        value(row, outer, inner)
                    }
                }));
            }
        }
        let [height, width] = sides;
        Ok(NamedTensor {
            name: name.to_owned(),
            shape: if to.channels_last {
                vec![batch, height, width, channels]
            } else {
                vec![batch, channels, height, width]
            },
            element: to.element,
            data,
        })
    }
}
