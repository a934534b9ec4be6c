//! Why a picture cannot be loaded, and which preprocessing cannot be followed.

use super::limits::{FILE_LIMIT, FRAME_LIMIT, MEMORY_LIMIT, PIXEL_LIMIT, SIZE_LIMIT};
use crate::files::foreign::{Foreign, said};
use crate::memory::NoMemory;
use crate::metadata::{Framing, Normal, PREPROCESSING_KEY};
use crate::tensor::Element;
use std::io;
use std::path::PathBuf;

/// Why a picture cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file cannot be read.
    #[error("cannot read the picture `{}`: {source}", path.shown(), source = said(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The file is longer than 256 MiB.
    #[error("cannot read the picture `{}`: expected at most {} MiB, found more", path.shown(), FILE_LIMIT >> 20)]
    FileTooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a whole JPEG or PNG picture of an accepted size.
    #[error("cannot decode the picture `{}`: {source}", path.shown())]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The resized picture, before it is cropped, would not fit in memory.
    #[error("cannot resize the picture: it is too long and thin, {width}x{height}")]
    TooThin {
        /// Columns of the picture.
        width: u32,
        /// Rows of the picture.
        height: u32,
    },
    /// Reading or preparing it does not fit the memory limit.
    #[error("cannot prepare the picture: {0}")]
    Memory(#[from] NoMemory),
    /// The preprocessing cannot be followed, whatever the picture.
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
}

/// Why bytes are not decoded as a picture.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are of another format, or of none that is known.
    #[error("expected JPEG or PNG, found {}", found.as_deref().unwrap_or("neither"))]
    Format {
        /// The format's name, if it is known.
        found: Option<String>,
    },
    /// The picture has more than 2^27 pixels, or takes more than 512 MiB when decoded.
    #[error("expected at most {PIXEL_LIMIT} pixels and {} MiB when decoded, found more", MEMORY_LIMIT >> 20)]
    TooLarge,
    /// Decoding it does not fit the memory limit.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// A JPEG file ends before its end-of-image marker.
    #[error("the file is cut off: it has no end-of-image marker")]
    CutOff,
    /// The coded data of a JPEG file is shorter than any picture of its size has, or lacks a component.
    #[error(
        "the file is damaged: its coded data has {found} bytes, expected at least {expected} that hold every component"
    )]
    NoData {
        /// Bytes that its size needs at least.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The file is damaged, or uses a feature that the decoder lacks; in the decoder's words.
    #[error("{text}", text = .0.shown())]
    Damaged(String),
}

impl From<image::ImageError> for DecodeError {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::Limits(_) => Self::TooLarge,
            error => Self::Damaged(error.to_string()),
        }
    }
}

/// What of a preprocessing record cannot be followed, as it was found.
#[derive(Debug, thiserror::Error)]
pub enum PreprocessingError {
    /// An order of dimensions other than `NCHW` and `NHWC`.
    #[error("`{PREPROCESSING_KEY}`: expected layout `NCHW` or `NHWC`, found {text:?}", text = .0.shown())]
    Layout(String),
    /// An element type other than `f32` and `u8`.
    #[error("`{PREPROCESSING_KEY}`: expected element `f32` or `u8`, found `{0}`")]
    Element(Element),
    /// An order of colour channels other than `RGB`.
    #[error("`{PREPROCESSING_KEY}`: expected channels `RGB`, found {text:?}", text = .0.shown())]
    Channels(String),
    /// A mean or a standard deviation that is not finite, or a standard deviation of 0.
    #[error(
        "`{PREPROCESSING_KEY}`: expected mean and std finite and std not 0, found ({:?}, {:?})",
        .0.mean,
        .0.std
    )]
    Normal(Normal),
    /// A picture would be resized to less than the input's size, or to more than 16384 pixels.
    #[error("`{PREPROCESSING_KEY}`: expected framing from the size to {FRAME_LIMIT}, found {0:?}")]
    Framing(Framing),
    /// A height or width of the input that is 0 or more than 8192.
    #[error("`{PREPROCESSING_KEY}`: expected size from 1 to {SIZE_LIMIT}, found {0:?}")]
    Size([u64; 2]),
}
