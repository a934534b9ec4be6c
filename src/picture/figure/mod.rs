//! Heat maps over pictures, side by side in one figure: a row for each picture, a column for each network.
//!
//! Every panel has the picture in grey under the colours of its map, a few lines of text, and a colour bar with the smallest
//! and the largest number of that map. The first column has the picture alone.

mod canvas;
mod colours;
mod heat;
mod lettering;

pub use heat::HeatMap;

use super::limits::PIXEL_LIMIT;
use super::pixels::Pixels;
use crate::files::foreign::Foreign;
use crate::memory::NoMemory;
use canvas::{Canvas, Place};
use colours::colour;
use lettering::{LINE, fitted, width, wrapped};

/// Pixels of the largest figure: of the largest picture that [`super::load`] reads.
const MOST_PIXELS: u64 = PIXEL_LIMIT;
/// The longer side of a picture in a panel.
const SIDE: u32 = 256;
/// Around the figure, and between its parts.
const GAP: u32 = 16;
/// Between a picture and what is written under it.
const PAD: u32 = 4;
/// How much of a pixel's colour is the map's.
const OPACITY: f64 = 0.55;
/// Height of a colour bar.
const BAR: u32 = 12;
const INK: [f64; 3] = [32.0; 3];

/// What a figure shows.
#[derive(Debug)]
pub struct Figure<'a> {
    /// One for each column of maps: lines above it.
    pub columns: Vec<Vec<String>>,
    /// One for each picture.
    pub rows: Vec<FigureRow<'a>>,
    /// What is written below all.
    pub caption: String,
}

/// A picture and its maps.
#[derive(Debug)]
pub struct FigureRow<'a> {
    /// The picture's name.
    pub name: String,
    /// The picture, which the first column has alone.
    pub picture: &'a Pixels,
    /// One for each column; none where there is no map.
    pub panels: Vec<Option<Panel<'a>>>,
}

/// A map over a picture.
#[derive(Debug)]
pub struct Panel<'a> {
    /// The picture as the network saw it.
    pub picture: &'a Pixels,
    /// The map.
    pub map: &'a HeatMap,
    /// Lines below it.
    pub lines: Vec<String>,
}

/// Why a figure is not drawn.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// It has more than 2^27 pixels.
    #[error("expected a figure of at most {MOST_PIXELS} pixels, found {}x{}", size[0], size[1])]
    TooLarge {
        /// Its height and width.
        size: [u32; 2],
    },
    /// It does not fit the memory limit.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// It cannot be encoded as PNG.
    #[error("cannot encode the figure: {text}", text = .0.shown())]
    Encoding(String),
}

impl Figure<'_> {
    /// Draws the figure, as the bytes of a PNG file.
    ///
    /// The same figure gives the same bytes everywhere.
    ///
    /// # Errors
    /// If it is too large, or does not fit the memory limit.
    pub fn png(&self) -> Result<Vec<u8>, FigureError> {
        let wide = across(self.columns.len() + 1);
        let caption = wrapped(&self.caption, wide.saturating_sub(2 * GAP));
        let head = lines(self.columns.iter().map(Vec::len).max().unwrap_or(0));
        let heights = self.rows.iter().map(FigureRow::height);
        let rows = heights.fold(0, u32::saturating_add);
        let foot = lines(caption.len());
        let parts = [GAP, head, PAD, rows, foot, GAP];
        let high = parts.into_iter().fold(0, u32::saturating_add);
        let mut canvas = Canvas::new([high, wide])?;
        for (index, heading) in self.columns.iter().enumerate() {
            let left = across(index + 1);
            write(&mut canvas, [GAP, left], &all_fitted(heading));
        }
        let mut top = GAP + head + PAD;
        for row in &self.rows {
            row.draw(&mut canvas, top)?;
            top += row.height();
        }
        write(&mut canvas, [top, GAP], &caption);
        canvas.png()
    }
}

/// Where a column begins; the first has the pictures alone.
fn across(column: usize) -> u32 {
    let column = u32::try_from(column).unwrap_or(u32::MAX);
    GAP.saturating_add(column.saturating_mul(SIDE + GAP))
}

/// The height of so many lines.
fn lines(count: usize) -> u32 {
    u32::try_from(count)
        .unwrap_or(u32::MAX)
        .saturating_mul(LINE)
}

/// Lines that a column has room for.
fn all_fitted(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| fitted(line, SIDE)).collect()
}

/// Writes lines one below the other.
fn write(canvas: &mut Canvas, [mut top, left]: Place, lines: &[String]) {
    for line in lines {
        canvas.text([top, left], line, INK);
        top = top.saturating_add(LINE);
    }
}

/// Height and width in a panel: the longer side is as long as that.
fn shown(size: [u32; 2]) -> [u32; 2] {
    let longest = u64::from(size[0].max(size[1]).max(1));
    size.map(|side| {
        let scaled = (2 * u64::from(side) * u64::from(SIDE) + longest) / (2 * longest);
        u32::try_from(scaled).unwrap_or(SIDE).clamp(1, SIDE)
    })
}

impl FigureRow<'_> {
    fn panels(&self) -> impl Iterator<Item = &Panel<'_>> {
        self.panels.iter().flatten()
    }

    /// The height of the tallest picture.
    fn tallest(&self) -> u32 {
        let pictures = self.panels().map(|panel| panel.picture);
        let heights = pictures
            .chain([self.picture])
            .map(|picture| shown(picture.size())[0]);
        heights.max().unwrap_or(0)
    }

    /// Lines under the pictures.
    fn depth(&self) -> usize {
        self.panels()
            .map(|panel| panel.lines.len())
            .max()
            .unwrap_or(0)
            .max(1)
    }

    fn height(&self) -> u32 {
        let parts = [self.tallest(), PAD, BAR, PAD, lines(self.depth() + 1), GAP];
        parts.into_iter().fold(0, u32::saturating_add)
    }

    fn draw(&self, canvas: &mut Canvas, top: u32) -> Result<(), FigureError> {
        let below = top + self.tallest() + PAD;
        let picture = self.picture.resized(shown(self.picture.size()))?;
        canvas.picture([top, across(0)], &picture);
        canvas.text([below, across(0)], &fitted(&self.name, SIDE), INK);
        for (column, panel) in (1..).zip(&self.panels) {
            if let Some(panel) = panel {
                panel.draw(canvas, [top, across(column)], below)?;
            }
        }
        Ok(())
    }
}

impl Panel<'_> {
    fn draw(&self, canvas: &mut Canvas, [top, left]: Place, below: u32) -> Result<(), FigureError> {
        let size = shown(self.picture.size());
        let picture = self.picture.resized(size)?;
        let stretched = self.map.stretched(size)?;
        let [least, most] = self.map.range();
        let share = |value: f64| {
            let span = most - least;
            if span > 0.0 {
                (value - least) / span
            } else {
                0.0
            }
        };
        canvas.area([top, left], size, |row, column| {
            let place = row as usize * size[1] as usize + column as usize;
            let heat = colour(share(stretched[place]));
            let grey = luma(picture.at(row, column));
            heat.map(|level| grey + OPACITY * (level - grey))
        });
        let end = f64::from(SIDE - 1);
        canvas.area([below, left], [BAR, SIDE], |_, column| {
            colour(f64::from(column) / end)
        });
        let numbers = below + BAR + PAD;
        canvas.text([numbers, left], &number(least), INK);
        let right = number(most);
        canvas.text([numbers, left + SIDE - width(&right)], &right, INK);
        write(canvas, [numbers + LINE, left], &all_fitted(&self.lines));
        Ok(())
    }
}

/// Grey of the same lightness (ITU-R BT.601).
fn luma([red, green, blue]: [u8; 3]) -> f64 {
    0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)
}

/// A number with three digits, or in powers of ten where it is very large or small.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e5).contains(&size) => format!("{value:.2e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests;
