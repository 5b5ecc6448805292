//! Reads a picture and brings its ink to the size, the place and the strength that MNIST's digits have.

use std::io::BufReader;
use std::path::Path;

use longhand_idx::open_file;
use ndarray::{Array1, Array2, ArrayRef2, ArrayView2, Axis, s};
use png::{ColorType, Decoder, Transformations};

use crate::Error;

/// Rows and columns of an image of MNIST, and of the box that its ink is fitted into.
const SIDE: usize = 28;
const BOX: usize = 20;

/// A picture with more pixels is refused: it is no digit, and decoding it would take gigabytes.
const MOST_PIXELS: usize = 100_000_000;

/// Contrast of ink and ground, of 255, below which a picture is empty.
const FAINTEST: u8 = 32;

/// What of the strongest ink counts as ink, where its box is measured; and what is left of it
/// between: less is noise of a camera, or shade.
const EDGE: f64 = 0.25;
const NOISE: f64 = 0.1;

/// The ink of a picture of any size, grey, coloured or transparent, dark on bright or bright on
/// dark.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// How much ink there is, `[rows, columns]`, 0 for the ground and 255 for the most there can be.
    pub ink: Array2<u8>,
    /// Whether the picture is dark on bright, and so had to be inverted.
    pub inverted: bool,
}

impl Picture {
    /// Reads a PNG picture. What is transparent is ground; other than that, the ground is what most
    /// of the border shows, and the ink is what differs from it.
    ///
    /// # Errors
    /// The file is no PNG, is damaged, or has more than 100 million pixels. The message names it.
    pub fn read(path: impl AsRef<Path>) -> Result<Picture, Error> {
        let decoded = Decoded::read(path.as_ref())?;
        Ok(Picture::of(&decoded.on_its_ground()))
    }

    /// The ink of a grey picture.
    ///
    /// ```
    /// use longhand_mnist::Picture;
    /// use ndarray::array;
    ///
    /// let picture = Picture::of(&array![[250, 250, 250], [250, 10, 250], [250, 250, 250]]);
    /// assert_eq!(picture.ink, array![[0, 0, 0], [0, 240, 0], [0, 0, 0]]);
    /// assert!(picture.inverted);
    /// ```
    pub fn of(grey: &ArrayRef2<u8>) -> Picture {
        let (rows, columns) = grey.dim();
        let at_border =
            |(r, c): (usize, usize)| r == 0 || c == 0 || r + 1 == rows || c + 1 == columns;
        let border = grey.indexed_iter().filter(|(at, _)| at_border(*at));
        let mut border: Vec<u8> = border.map(|(_, &grey)| grey).collect();
        border.sort_unstable();
        let ground = border.get(border.len() / 2).copied().unwrap_or(0);
        let ink = |inverted: bool, p: u8| match inverted {
            true => ground.saturating_sub(p),
            false => p.saturating_sub(ground),
        };
        let mass =
            |inverted| -> u64 { grey.iter().map(|&p| u64::from(ink(inverted, p)).pow(2)).sum() };
        let inverted = mass(true) > mass(false);
        Picture { ink: grey.mapv(|p| ink(inverted, p)), inverted }
    }

    /// Whether nothing can be seen on it.
    pub fn is_empty(&self) -> bool {
        self.ink.iter().all(|&ink| ink < FAINTEST)
    }

    /// The ink as MNIST has its digits: fitted into a box of 20 × 20, with its centre of mass in the
    /// middle of 28 × 28 pixels, as strong as it can be. What is so already is left as it is.
    ///
    /// Source: Y. LeCun, C. Cortes, C. Burges, *The MNIST database of handwritten digits*, 1998.
    ///
    /// ```
    /// use longhand_mnist::{Picture, is_centred};
    /// use ndarray::{Array2, s};
    ///
    /// let mut grey = Array2::from_elem((60, 90), 255u8); // white paper
    /// grey.slice_mut(s![5..45, 70..78]).fill(40);        // a one in a corner
    /// let image = Picture::of(&grey).centred();
    /// assert!(is_centred(&image));
    /// let expected = Array2::from_shape_fn((28, 28), |(r, c)| {
    ///     if (4..24).contains(&r) && (12..16).contains(&c) { 255 } else { 0 }
    /// });
    /// assert_eq!(image, expected);
    /// ```
    pub fn centred(&self) -> Array2<u8> {
        if is_centred(&self.ink) || self.is_empty() {
            return if self.ink.dim() == (SIDE, SIDE) {
                self.ink.clone()
            } else {
                Array2::zeros((SIDE, SIDE))
            };
        }
        let strongest = f64::from(self.strongest());
        let is_ink = |&ink: &u8| f64::from(ink) > EDGE * strongest;
        let [rows, columns] = [Axis(0), Axis(1)].map(|along| extent(&self.ink, along, is_ink));
        let longest = rows.len().max(columns.len()) as f64;
        let size = |length: usize| ((BOX * length) as f64 / longest).round().max(1.0) as usize;
        let (height, width) = (size(rows.len()), size(columns.len()));
        let fitted = self.resample(&self.ink.slice(s![rows, columns]), height, width);
        let strongest = fitted.iter().copied().fold(0.0, f64::max);
        let [row, column] = centre(&fitted);
        let place = |centre: f64, size: usize| {
            // Halves go down, as in MNIST.
            ((SIDE / 2) as f64 - centre - 0.5).ceil().clamp(0.0, (SIDE - size) as f64) as usize
        };
        let (top, left) = (place(row, height), place(column, width));
        let mut image = Array2::zeros((SIDE, SIDE));
        let mut inside = image.slice_mut(s![top..top + height, left..left + width]);
        inside.zip_mut_with(&fitted, |pixel, ink| *pixel = (255.0 * ink / strongest).round() as u8);
        image
    }

    /// The whole picture with so many rows and columns, as strong as it can be. What has this size
    /// is left as it is.
    ///
    /// # Panics
    /// There are no rows or columns.
    pub fn resized(&self, rows: usize, columns: usize) -> Array2<u8> {
        assert!(rows > 0 && columns > 0, "Picture: {rows} × {columns}, expected rows and columns");
        if self.ink.dim() == (rows, columns) {
            return self.ink.clone();
        }
        if self.is_empty() {
            return Array2::zeros((rows, columns));
        }
        let fitted = self.resample(&self.ink.view(), rows, columns);
        let strongest = fitted.iter().copied().fold(0.0, f64::max);
        fitted.mapv(|ink| (255.0 * ink / strongest).round() as u8)
    }

    fn strongest(&self) -> u8 {
        self.ink.iter().copied().max().unwrap_or(0).max(1)
    }

    /// A part of the ink with so many rows and columns, as shares of the strongest and without noise:
    /// each pixel is the mean over what it covers.
    fn resample(&self, part: &ArrayView2<'_, u8>, rows: usize, columns: usize) -> Array2<f64> {
        let strongest = f64::from(self.strongest());
        let share = |ink: u8| {
            let share = f64::from(ink) / strongest;
            if share < NOISE { 0.0 } else { share }
        };
        let (down, across) = (covered(part.nrows(), rows), covered(part.ncols(), columns));
        let mut image = Array2::zeros((rows, columns));
        for (row, parts) in down.iter().enumerate() {
            for &(from_row, height) in parts {
                let line = part.row(from_row);
                for (column, parts) in across.iter().enumerate() {
                    let ink: f64 = parts.iter().map(|&(at, width)| width * share(line[at])).sum();
                    image[[row, column]] += height * ink;
                }
            }
        }
        image
    }
}

/// For each pixel of a new line: the pixels of the old one that it covers, with the share of it that
/// lies on each.
fn covered(from: usize, to: usize) -> Vec<Vec<(usize, f64)>> {
    let scale = from as f64 / to as f64;
    let of_pixel = |new: usize| {
        let (start, end) = (new as f64 * scale, (new + 1) as f64 * scale);
        let overlap = |old: usize| (end.min((old + 1) as f64) - start.max(old as f64)).max(0.0);
        let last = (end.ceil() as usize).min(from);
        (start as usize..last).map(|old| (old, overlap(old) / scale)).collect()
    };
    (0..to).map(of_pixel).collect()
}

/// Whether an image is as those of MNIST are: 28 × 28 pixels, with its ink in a box of 20 × 20 whose
/// longer side it fills, and its centre of mass within half a pixel of the middle. All images of
/// MNIST are.
pub fn is_centred(image: &ArrayRef2<u8>) -> bool {
    if image.dim() != (SIDE, SIDE) || image.iter().all(|&ink| ink == 0) {
        return false;
    }
    let ink = image.mapv(f64::from);
    let lit = |line: ArrayView2<'_, f64>, axis| -> usize {
        let lit: Vec<usize> =
            (0..SIDE).filter(|&i| line.index_axis(axis, i).iter().any(|&ink| ink > 0.0)).collect();
        lit[lit.len() - 1] - lit[0] + 1
    };
    let (height, width) = (lit(ink.view(), Axis(0)), lit(ink.view(), Axis(1)));
    let middle = (SIDE / 2) as f64;
    (BOX - 1..=BOX).contains(&height.max(width))
        && centre(&ink).iter().all(|at| (at - middle).abs() <= 0.53)
}

/// The centre of mass: row and column.
fn centre(ink: &Array2<f64>) -> [f64; 2] {
    let all = ink.sum();
    [Axis(1), Axis(0)].map(|other| {
        let sums: Array1<f64> = ink.sum_axis(other);
        sums.iter().enumerate().map(|(at, sum)| at as f64 * sum).sum::<f64>() / all
    })
}

/// From where to where there is ink, along an axis.
fn extent(ink: &Array2<u8>, along: Axis, is_ink: impl Fn(&u8) -> bool) -> std::ops::Range<usize> {
    let lit = |at: &usize| ink.index_axis(along, *at).iter().any(&is_ink);
    let length = ink.len_of(along);
    let first = (0..length).find(lit).unwrap_or(0);
    let last = (0..length).rev().find(lit).unwrap_or(length - 1);
    first..last + 1
}

/// A picture in grey, with how opaque each pixel is.
pub(crate) struct Decoded {
    pub rows: usize,
    pub columns: usize,
    /// Grey value and opacity.
    pub pixels: Vec<[u8; 2]>,
}

pub(crate) fn fault(path: &Path, reason: impl Into<String>) -> Error {
    Error::Picture { path: path.to_owned(), reason: reason.into() }
}

impl Decoded {
    pub fn read(path: &Path) -> Result<Decoded, Error> {
        Decoded::read_if(path, |rows, columns| match rows.saturating_mul(columns) {
            0..=MOST_PIXELS => Ok(()),
            _ => Err(format!(
                "expected a picture of at most {MOST_PIXELS} pixels, found {rows} × {columns}; make it smaller"
            )),
        })
    }

    /// Reads a picture whose rows and columns, which are known before its pixels, are as they should
    /// be.
    pub fn read_if(
        path: &Path,
        size: impl FnOnce(usize, usize) -> Result<(), String>,
    ) -> Result<Decoded, Error> {
        let damaged = |e: &dyn std::fmt::Display| {
            fault(
                path,
                format!("expected a PNG picture, found {e}; convert it to PNG, or get it again"),
            )
        };
        let file = open_file(path).map_err(|e| fault(path, e.to_string()))?;
        let mut decoder = Decoder::new(BufReader::new(file));
        decoder.set_transformations(Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(|e| damaged(&e))?;
        let (width, height) = reader.info().size();
        let (rows, columns) = (height as usize, width as usize);
        size(rows, columns).map_err(|reason| fault(path, reason))?;
        // The size is known not to be large by now.
        let mut buffer = vec![0; reader.output_buffer_size().unwrap_or(0)];
        let frame = reader.next_frame(&mut buffer).map_err(|e| damaged(&e))?;
        let buffer = &buffer[..frame.buffer_size()];
        let pixels = match frame.color_type {
            ColorType::Grayscale => buffer.iter().map(|&grey| [grey, 255]).collect(),
            ColorType::GrayscaleAlpha => buffer.chunks(2).map(|p| [p[0], p[1]]).collect(),
            ColorType::Rgb => buffer.chunks(3).map(|p| [grey(p), 255]).collect(),
            _ => buffer.chunks(4).map(|p| [grey(p), p[3]]).collect(),
        };
        Ok(Decoded { rows, columns, pixels })
    }

    fn is_border(&self, i: usize) -> bool {
        let (row, column) = (i / self.columns, i % self.columns);
        row == 0 || column == 0 || row + 1 == self.rows || column + 1 == self.columns
    }

    /// Whether there is ink that is dark on a transparent ground: nothing of it would show on black.
    /// The ground is what is at the border, the ink is what is more opaque.
    pub fn has_dark_ink(&self) -> bool {
        let border = (0..self.pixels.len()).filter(|&i| self.is_border(i));
        let border: Vec<f64> = border.map(|i| f64::from(self.pixels[i][1])).collect();
        let ground = border.iter().sum::<f64>() / border.len() as f64;
        let (mut weight, mut ink) = (0.0, 0.0);
        for &[grey, alpha] in &self.pixels {
            let above = (f64::from(alpha) - ground).max(0.0);
            weight += above;
            ink += above * f64::from(grey);
        }
        ground < 127.5 && weight > 0.0 && ink < 127.5 * weight
    }

    /// What shows on a ground that the ink stands out from: white for dark ink, black for other.
    fn on_its_ground(&self) -> Array2<u8> {
        let white = self.has_dark_ink();
        let shown = |&[grey, alpha]: &[u8; 2]| match white {
            true => 255 - on_black([255 - grey, alpha]),
            false => on_black([grey, alpha]),
        };
        let grey = self.pixels.iter().map(shown).collect();
        Array2::from_shape_vec((self.rows, self.columns), grey).expect("a value for each pixel")
    }
}

/// The luma of red, green and blue (ITU-R BT.601), in whole numbers.
fn grey(pixel: &[u8]) -> u8 {
    let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
}

/// What shows of a grey value and its opacity on a black ground.
pub(crate) fn on_black([grey, alpha]: [u8; 2]) -> u8 {
    ((u32::from(grey) * u32::from(alpha) + 127) / 255) as u8
}
