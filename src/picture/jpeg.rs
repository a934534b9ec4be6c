//! Whether a JPEG file has all of its parts: the decoder fills what is missing with grey, in silence.

use super::error::DecodeError;

/// Samples along each side of a block.
const SIDE: u64 = 8;
/// Bits that the coefficients of a block take at least: one code for the first and, unless they come in scans of their own,
/// one that ends the others. A code has at least one bit (ITU-T T.81, annex F).
const SEQUENTIAL_BITS: u64 = 2;
const PROGRESSIVE_BITS: u64 = 1;

/// What a frame's header says.
struct Frame {
    bits: u64,
    width: u64,
    height: u64,
    /// Identifier, and sampling factors.
    components: Vec<(u8, [u64; 2])>,
}

/// Walks through the segments (ITU-T T.81, annex B): a thumbnail inside a segment has an end of its own. In coded data `FF` is
/// followed by 0 or by a restart marker.
///
/// # Errors
/// [`DecodeError::CutOff`] without an end-of-image marker, [`DecodeError::NoData`] where the coded data is too short for the
/// frame's size or lacks a component.
pub(super) fn expect_whole(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut frame = None;
    let mut scanned = Vec::new();
    let (mut at, mut coded) = (2, 0);
    while let Some(&[first, marker]) = bytes.get(at..at + 2) {
        match (first, marker) {
            (0xFF, 0xD9) => return expect_data(frame, &scanned, coded),
            // Fill byte.
            (0xFF, 0xFF) => at += 1,
            // Stuffed zero: a byte of coded data.
            (0xFF, 0x00) => (at, coded) = (at + 2, coded + 1),
            // TEM or restart: no length follows.
            (0xFF, 0x01 | 0xD0..=0xD8) => at += 2,
            (0xFF, _) => {
                let Some(&[high, low]) = bytes.get(at + 2..at + 4) else {
                    break;
                };
                let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
                let segment = bytes.get(at + 4..end).unwrap_or_default();
                match marker {
                    0xC0..=0xC2 => frame = Frame::parse(segment, marker == 0xC2),
                    // Of each component an identifier and its tables.
                    0xDA => {
                        let count = segment.first().copied().unwrap_or_default();
                        let components = segment.iter().skip(1).step_by(2);
                        scanned.extend(components.take(usize::from(count)).copied());
                    }
                    _ => {}
                }
                at = end;
            }
            _ => (at, coded) = (at + 1, coded + 1),
        }
    }
    Err(DecodeError::CutOff)
}

fn expect_data(frame: Option<Frame>, scanned: &[u8], coded: u64) -> Result<(), DecodeError> {
    // Other frames are for the decoder to refuse.
    let Some(frame) = frame else {
        return Ok(());
    };
    let expected = (frame.blocks() * frame.bits).div_ceil(8);
    let mut components = frame.components.iter();
    if coded < expected || components.any(|(component, _)| !scanned.contains(component)) {
        return Err(DecodeError::NoData {
            expected,
            found: coded,
        });
    }
    Ok(())
}

impl Frame {
    fn parse(segment: &[u8], is_progressive: bool) -> Option<Self> {
        let (&[_, a, b, c, d, count], components) = segment.split_first_chunk()?;
        let components = components.chunks_exact(3).take(usize::from(count));
        Some(Self {
            bits: if is_progressive {
                PROGRESSIVE_BITS
            } else {
                SEQUENTIAL_BITS
            },
            height: u16::from_be_bytes([a, b]).into(),
            width: u16::from_be_bytes([c, d]).into(),
            components: components
                .map(|component| {
                    let factors = [component[1] >> 4, component[1] & 0x0F];
                    (component[0], factors.map(u64::from))
                })
                .collect(),
        })
    }

    /// Blocks of all components, without the padding of units of several blocks.
    fn blocks(&self) -> u64 {
        let most = |axis: usize| {
            let factors = self.components.iter().map(|(_, factors)| factors[axis]);
            factors.max().unwrap_or(1).max(1)
        };
        let most = [most(0), most(1)];
        let along =
            |extent: u64, factor: u64, most: u64| (extent * factor).div_ceil(most).div_ceil(SIDE);
        self.components
            .iter()
            .map(|(_, [across, down])| {
                along(self.width, *across, most[0]) * along(self.height, *down, most[1])
            })
            .sum()
    }
}
