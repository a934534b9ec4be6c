//! Limits on pictures and on what is made of them, so that a hostile file takes bounded memory.

/// Largest file that is read, in bytes.
pub const FILE_LIMIT: u64 = 256 << 20;
/// Largest picture that is decoded, in pixels: a 108-megapixel photograph fits.
pub const PIXEL_LIMIT: u64 = 1 << 27;
/// Most memory for the decoded picture, in bytes.
pub const MEMORY_LIMIT: u64 = 512 << 20;
/// Largest height or width of an input that a picture is prepared for.
pub const SIZE_LIMIT: u64 = 8192;
/// Largest height or width that a picture is resized to before it is cropped to that.
pub const FRAME_LIMIT: u64 = 2 * SIZE_LIMIT;
