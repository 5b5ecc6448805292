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

/// Images of one size as a PNG picture, `in_row` of them side by side. The rest of the last row is
/// white.
pub(crate) fn gray(images: ArrayView3<'_, u8>, chosen: &[usize], in_row: usize) -> Vec<u8> {
    let (_, rows, columns) = images.dim();
    let mut pixels = vec![];
    for line in chosen.chunks(in_row.max(1)) {
        for r in 0..rows {
            for place in 0..in_row {
                let image = line.get(place);
                pixels.extend(
                    (0..columns).map(|c| image.map_or(255, |&i| 255 - images[[i, r, c]])), // ink is dark
                );
            }
        }
    }
    let height = chosen.len().div_ceil(in_row.max(1)) * rows;
    png(in_row * columns, height, png::ColorType::Grayscale, &pixels)
}

/// Each column of `weights` as an image with rows of `columns` pixels, `in_row` of them side by
/// side. Positive weights are orange, negative ones blue, and zero is white. The largest absolute
/// value has the strongest colour.
pub(crate) fn diverging(weights: ArrayView2<'_, f32>, columns: usize, in_row: usize) -> Vec<u8> {
    let largest = weights.iter().fold(0f32, |m, w| m.max(w.abs())).max(f32::MIN_POSITIVE);
    let (features, units) = weights.dim();
    let rows = features / columns;
    let mut pixels = Vec::with_capacity(3 * features * units);
    for first in (0..units).step_by(in_row.max(1)) {
        for r in 0..rows {
            for unit in first..first + in_row {
                for c in 0..columns {
                    let weight = weights.get([r * columns + c, unit]);
                    let share = weight.map_or(0.0, |w| w / largest);
                    let end = if share > 0.0 { [200.0, 80.0, 0.0] } else { [0.0, 90.0, 181.0] };
                    pixels.extend(
                        end.map(|end: f32| (255.0 + (end - 255.0) * share.abs()).round() as u8),
                    );
                }
            }
        }
    }
    let height = units.div_ceil(in_row.max(1)) * rows;
    png(in_row * columns, height, png::ColorType::Rgb, &pixels)
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
