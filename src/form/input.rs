//! What the graph takes: how images lie in memory, of what elements they are, and what it does to pixels itself.

/// How images lie in memory, and of what elements they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputFormat {
    /// `[batch, channels, height, width]`, of the form's element type.
    #[default]
    Nchw,
    /// `[batch, height, width, channels]`, of the form's element type.
    Nhwc,
    /// `[batch, height, width, channels]`, of bytes from 0 to 255.
    Uint8Nhwc,
}

/// What a graph does to the pixels of its input, channel by channel: `(pixel − mean) / std`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalize {
    /// Mean of each channel, on the input's scale.
    pub mean: [f64; 3],
    /// Standard deviation of each channel; not 0.
    pub std: [f64; 3],
}

impl InputFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Nchw, Self::Nhwc, Self::Uint8Nhwc];

    /// As in `--input-format`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nchw => "nchw",
            Self::Nhwc => "nhwc",
            Self::Uint8Nhwc => "uint8-nhwc",
        }
    }

    /// The format called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Whether channels follow the width.
    #[must_use]
    pub fn channels_last(self) -> bool {
        self != Self::Nchw
    }
}
