use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ndarray::{ArrayView2, ArrayView3};

/// Images of one size side by side, as a PNG picture in a `data:` address.
pub(crate) fn gray_strip(images: ArrayView3<'_, u8>, chosen: &[usize]) -> String {
    let (_, rows, columns) = images.dim();
    let mut pixels = Vec::with_capacity(chosen.len() * rows * columns);
    for r in 0..rows {
        for &i in chosen {
            pixels.extend((0..columns).map(|c| 255 - images[[i, r, c]])); // ink is dark
        }
    }
    png(chosen.len() * columns, rows, png::ColorType::Grayscale, &pixels)
}

/// Each column of `weights` as an image of `columns` pixels a row, side by side: orange where it is positive, blue where it is negative,
/// white where it is zero, the strongest colour for the largest absolute value of all.
pub(crate) fn weight_strip(weights: ArrayView2<'_, f32>, columns: usize) -> String {
    let largest = weights.iter().fold(0f32, |m, w| m.max(w.abs())).max(f32::MIN_POSITIVE);
    let (features, units) = weights.dim();
    let rows = features / columns;
    let mut pixels = Vec::with_capacity(3 * features * units);
    for r in 0..rows {
        for unit in 0..units {
            for c in 0..columns {
                let share = weights[[r * columns + c, unit]] / largest;
                let end = if share > 0.0 { [200.0, 80.0, 0.0] } else { [0.0, 90.0, 181.0] };
                pixels.extend(
                    end.map(|end: f32| (255.0 + (end - 255.0) * share.abs()).round() as u8),
                );
            }
        }
    }
    png(units * columns, rows, png::ColorType::Rgb, &pixels)
}

fn png(width: usize, height: usize, color: png::ColorType, pixels: &[u8]) -> String {
    let mut bytes = vec![];
    if width * height > 0 {
        let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
        encoder.set_color(color);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().expect("writing to memory");
        writer.write_image_data(pixels).expect("as many pixels as the header says");
    }
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes))
}
