//! Images as PNG pictures and in characters.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ndarray::{ArrayRef2, ArrayView2, ArrayView3};

/// An image of bytes, 255 for ink, in characters. A line stands for two rows of pixels, because
/// characters are twice as high as wide.
///
/// ```
/// use longhand_report::in_characters;
/// use ndarray::array;
/// assert_eq!(in_characters(&array![[0, 255], [0, 255], [128, 0]]), [" @", "="]);
/// ```
pub fn in_characters(image: &ArrayRef2<u8>) -> Vec<String> {
    const SHADES: &[u8; 10] = b" .:-=+*#%@";
    let rows = image.nrows();
    let line = |row: usize| {
        let below = (row + 1).min(rows - 1);
        let pairs = image.row(row).into_iter().zip(image.row(below));
        let ink = pairs.map(|(&a, &b)| (usize::from(a) + usize::from(b)) / 2);
        let line: String =
            ink.map(|ink| char::from(SHADES[ink * (SHADES.len() - 1) / 255])).collect();
        line.trim_end().to_owned()
    };
    (0..rows).step_by(2).map(line).collect()
}

/// Images of one size as a PNG picture, at most `in_row` of them side by side. The rest of the last row
/// is white.
pub(crate) fn gray(images: ArrayView3<'_, u8>, chosen: &[usize], in_row: usize) -> Vec<u8> {
    let (_, rows, columns) = images.dim();
    let in_row = in_row.min(chosen.len()).max(1);
    let mut pixels = vec![];
    for line in chosen.chunks(in_row) {
        for r in 0..rows {
            for place in 0..in_row {
                let image = line.get(place);
                pixels.extend(
                    (0..columns).map(|c| image.map_or(255, |&i| 255 - images[[i, r, c]])), // ink is dark
                );
            }
        }
    }
    let height = chosen.len().div_ceil(in_row) * rows;
    png(in_row * columns, height, png::ColorType::Grayscale, &pixels)
}

/// The share of the weights that are coloured as strongly as there is: the largest few would leave all
/// others pale.
const STRONGEST: f64 = 0.005;

/// The absolute weight that has the strongest colour.
fn strongest(weights: ArrayView2<'_, f32>) -> f32 {
    let mut sizes: Vec<f32> = weights.iter().map(|w| w.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let at = ((1.0 - STRONGEST) * sizes.len() as f64) as usize;
    sizes.get(at.min(sizes.len().saturating_sub(1))).copied().unwrap_or(0.0).max(f32::MIN_POSITIVE)
}

/// Orange for a positive weight, blue for a negative one, white for zero.
fn colour(weight: f32, strongest: f32) -> [u8; 3] {
    let share = (weight / strongest).clamp(-1.0, 1.0);
    let end = if share > 0.0 { [190.0, 70.0, 0.0] } else { [0.0, 80.0, 170.0] };
    end.map(|end: f32| (255.0 + (end - 255.0) * share.abs()).round() as u8)
}

/// Each column of `weights` as an image with rows of `columns` pixels, at most `in_row` of them side by side.
pub(crate) fn diverging(weights: ArrayView2<'_, f32>, columns: usize, in_row: usize) -> Vec<u8> {
    let strongest = strongest(weights);
    let (features, units) = weights.dim();
    let (rows, in_row) = (features / columns, in_row.min(units).max(1));
    let (width, height) = (in_row * columns, units.div_ceil(in_row) * rows);
    let mut pixels = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            let unit = y / rows * in_row + x / columns;
            let weight = weights.get([y % rows * columns + x % columns, unit]);
            pixels.extend(weight.map_or([255; 3], |&w| colour(w, strongest)));
        }
    }
    png(width, height, png::ColorType::Rgb, &pixels)
}

/// The digits, 3 × 5 pixels each, row by row from the top: the highest of three bits is at the left.
const DIGITS: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 3, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 2, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];

/// The same with a margin, each image under its number.
pub(crate) fn numbered(
    weights: ArrayView2<'_, f32>,
    columns: usize,
    in_row: usize,
    scale: usize,
) -> Vec<u8> {
    const MARGIN: usize = 8;
    const LABEL: usize = 16; // digits of 2 × 2 pixels a point, with space above and below
    let strongest = strongest(weights);
    let (features, units) = weights.dim();
    let (rows, in_row) = (features / columns, in_row.clamp(1, units.max(1)));
    // A number has up to two digits, of eight pixels each.
    let (tile_width, tile_height) =
        ((columns * scale).max(16) + MARGIN, rows * scale + LABEL + MARGIN);
    let (width, height) = (in_row * tile_width, units.div_ceil(in_row) * tile_height);
    let mut pixels = vec![255u8; 3 * width * height];
    let mut set = |x: usize, y: usize, colour: [u8; 3]| {
        pixels[3 * (y * width + x)..][..3].copy_from_slice(&colour);
    };
    for unit in 0..units {
        let left = unit % in_row * tile_width + MARGIN / 2;
        let top = unit / in_row * tile_height + MARGIN / 2;
        for (at, digit) in unit.to_string().bytes().enumerate() {
            for (r, bits) in DIGITS[usize::from(digit - b'0')].into_iter().enumerate() {
                for c in (0..3).filter(|c| bits >> (2 - c) & 1 == 1) {
                    for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                        set(left + 8 * at + 2 * c + dx, top + 2 * r + dy, [40; 3]);
                    }
                }
            }
        }
        for y in 0..rows * scale {
            for x in 0..columns * scale {
                let weight = weights[[y / scale * columns + x / scale, unit]];
                set(left + x, top + LABEL + y, colour(weight, strongest));
            }
        }
    }
    png(width, height, png::ColorType::Rgb, &pixels)
}

/// A PNG picture as a `data:` URL.
pub(crate) fn address(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png))
}

fn png(width: usize, height: usize, color: png::ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    if width * height > 0 {
        let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
        encoder.set_color(color);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().expect("writing to memory");
        writer.write_image_data(pixels).expect("as many pixels as the header says");
    }
    bytes
}
