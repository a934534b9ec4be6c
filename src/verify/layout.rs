//! Which axes of an input are the batch, the height and the width, and which inputs have a row for each image.

use super::facts::{Declared, DeclaredExtent, FileFacts};

/// Channels of pictures: grey, colour, colour and transparency.
const CHANNELS: [u64; 3] = [1, 3, 4];
/// What exporters call symbolic heights and widths.
const SIDES: [&str; 4] = ["h", "w", "height", "width"];

/// The axes of an input, as far as they have a meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Axes {
    /// The batch.
    pub batch: Option<usize>,
    /// Height and width of images.
    pub size: Option<[usize; 2]>,
    /// Whether channels follow the width, as in pictures that are held in memory.
    pub channels_last: bool,
}

impl Axes {
    /// The height and width that a shape has here.
    #[must_use]
    pub fn size_of<T: Copy>(self, shape: &[T]) -> Option<[T; 2]> {
        let [height, width] = self.size?;
        Some([*shape.get(height)?, *shape.get(width)?])
    }
}

/// What an input holds for each image of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// A row of its own.
    OfImages,
    /// As many rows as there are images, all of one content: nothing says that they belong to the images.
    Equal,
    /// No rows: one value, whatever the batch.
    None,
}

/// The axes of an input. `channels_last` is what the nodes that read it tell.
#[must_use]
pub fn axes(input: &Declared, channels_last: Option<bool>) -> Axes {
    let picture = |batch, size, channels_last| Axes {
        batch,
        size: Some(size),
        channels_last,
    };
    match input.shape.as_deref().unwrap_or_default() {
        [] => Axes::default(),
        [_, second, third, last] => {
            let last_by_count = match (is_channels(second), is_channels(last)) {
                (false, true) => Some(true),
                (true, false) => Some(false),
                _ => None,
            };
            let last_by_name = match (is_side(second), is_side(last)) {
                (true, false) if is_side(third) => Some(true),
                (false, true) if is_side(third) => Some(false),
                _ => None,
            };
            if last_by_count.or(last_by_name).or(channels_last) == Some(true) {
                picture(Some(0), [1, 2], true)
            } else {
                picture(Some(0), [2, 3], false)
            }
        }
        // One picture without a batch. A sequence for each image has a fixed extent in these places.
        [height, width, last] if is_symbolic(height) && is_symbolic(width) && is_channels(last) => {
            picture(None, [0, 1], true)
        }
        [first, height, width]
            if is_channels(first) && is_symbolic(height) && is_symbolic(width) =>
        {
            picture(None, [1, 2], false)
        }
        _ => Axes {
            batch: Some(0),
            ..Axes::default()
        },
    }
}

fn is_channels(extent: &DeclaredExtent) -> bool {
    matches!(extent, DeclaredExtent::Fixed(extent) if CHANNELS.contains(extent))
}

fn is_symbolic(extent: &DeclaredExtent) -> bool {
    !matches!(extent, DeclaredExtent::Fixed(_))
}

fn is_side(extent: &DeclaredExtent) -> bool {
    matches!(extent, DeclaredExtent::Named(name) if SIDES.contains(&name.to_lowercase().as_str()))
}

impl FileFacts {
    /// The axes of the input at `index`.
    #[must_use]
    pub(super) fn axes(&self, index: usize) -> Axes {
        self.inputs.get(index).map_or_else(Axes::default, |input| {
            axes(input, self.channels_last.get(&input.name).copied())
        })
    }

    /// The input whose batch and size are those of a case: the first of images, and where there are several, the first
    /// of them with a symbolic batch; else the first that is no scalar; else the first.
    #[must_use]
    pub(super) fn primary(&self) -> usize {
        let is_image = |index: &usize| self.axes(*index).size.is_some();
        let has_axes = |index: &usize| self.axes(*index) != Axes::default();
        let has_symbolic_batch =
            |index: &usize| is_image(index) && self.batch_extent(*index).is_some_and(is_symbolic);
        let all = || 0..self.inputs.len();
        all()
            .find(has_symbolic_batch)
            .or_else(|| all().find(is_image))
            .or_else(|| all().find(has_axes))
            .unwrap_or(0)
    }

    /// What the input at `index` holds for each image.
    #[must_use]
    pub(super) fn rows(&self, index: usize) -> Rows {
        let primary = self.primary();
        match (self.batch_extent(primary), self.batch_extent(index)) {
            _ if index == primary => Rows::OfImages,
            (Some(DeclaredExtent::Fixed(1)), Some(_)) if self.is_single(index) => Rows::None,
            (Some(one), Some(two)) if one == two => Rows::OfImages,
            (Some(_), Some(DeclaredExtent::Named(_) | DeclaredExtent::Unset)) => Rows::Equal,
            _ => Rows::None,
        }
    }

    fn batch_extent(&self, index: usize) -> Option<&DeclaredExtent> {
        let shape = self.inputs.get(index)?.shape.as_deref()?;
        shape.get(self.axes(index).batch?)
    }

    /// Whether every extent is 1.
    fn is_single(&self, index: usize) -> bool {
        let mut extents = self.inputs[index].shape.iter().flatten();
        extents.all(|extent| *extent == DeclaredExtent::Fixed(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extents(text: &str) -> Vec<DeclaredExtent> {
        let extent = |word: &str| match word.parse() {
            Ok(number) => DeclaredExtent::Fixed(number),
            Err(_) if word == "?" => DeclaredExtent::Unset,
            Err(_) => DeclaredExtent::Named(word.to_owned()),
        };
        text.split_whitespace().map(extent).collect()
    }

    fn declared(name: &str, shape: &str) -> Declared {
        Declared {
            name: name.to_owned(),
            element_type: "f32".to_owned(),
            shape: Some(extents(shape)),
        }
    }

    #[test]
    fn height_and_width_are_found_by_channels_then_names_then_the_nodes() {
        for (shape, by_nodes, size, channels_last) in [
            ("b 3 224 224", None, Some([2, 3]), false),
            ("b h w 3", None, Some([1, 2]), true),
            ("b ? ? 4", Some(false), Some([1, 2]), true),
            ("1 224 224 1", None, Some([1, 2]), true),
            ("b 3 h w", Some(true), Some([2, 3]), false),
            // As many channels in both places: the names, then the nodes, then the usual order.
            ("b height width c", None, Some([1, 2]), true),
            ("b c H W", Some(true), Some([2, 3]), false),
            ("b 3 ? 3", Some(true), Some([1, 2]), true),
            ("b 3 4 4", None, Some([2, 3]), false),
            ("? ? ? ?", None, Some([2, 3]), false),
            ("? ? ? ?", Some(true), Some([1, 2]), true),
            ("h w 3", None, Some([0, 1]), true),
            ("3 ? ?", None, Some([1, 2]), false),
            ("b 8 3", None, None, false),
            ("b 3", None, None, false),
        ] {
            let found = axes(&declared("x", shape), by_nodes);
            assert_eq!(
                (found.size, found.channels_last),
                (size, channels_last),
                "{shape}"
            );
        }
        assert_eq!(axes(&declared("x", ""), None), Axes::default());
    }

    #[test]
    fn only_an_input_with_the_batch_of_the_images_has_their_rows() {
        for (inputs, primary, rows) in [
            (&["b 3 8 8", ""][..], 0, &[Rows::OfImages, Rows::None][..]),
            (&["", "b 3 8 8"], 1, &[Rows::None, Rows::OfImages]),
            (&["1 1 h w", "b 3 h w"], 1, &[Rows::None, Rows::OfImages]),
            (&["b 3 8 8", "b 2"], 0, &[Rows::OfImages, Rows::OfImages]),
            (&["? 3 8 8", "? 2"], 0, &[Rows::OfImages, Rows::OfImages]),
            (&["b 3 8 8", "m 2"], 0, &[Rows::OfImages, Rows::Equal]),
            (&["b 3 8 8", "? 2"], 0, &[Rows::OfImages, Rows::Equal]),
            // As large as the larger batch by chance.
            (&["b 3 8 8", "3 1 1"], 0, &[Rows::OfImages, Rows::None]),
            (&["2 3 8 8", "2"], 0, &[Rows::OfImages, Rows::OfImages]),
            (&["1 3 8 8", "1"], 0, &[Rows::OfImages, Rows::None]),
            (&["h w 3", "2"], 0, &[Rows::OfImages, Rows::None]),
            (&["b 6", "4 6"], 0, &[Rows::OfImages, Rows::None]),
        ] {
            let facts = FileFacts {
                inputs: inputs
                    .iter()
                    .enumerate()
                    .map(|(index, shape)| declared(&index.to_string(), shape))
                    .collect(),
                ..FileFacts::default()
            };
            assert_eq!(facts.primary(), primary, "{inputs:?}");
            let found: Vec<Rows> = (0..inputs.len()).map(|index| facts.rows(index)).collect();
            assert_eq!(found, rows, "{inputs:?}");
        }
    }
}
