//! More images from those there are: shifted and scaled a little.

use ndarray::{Array2, ArrayView2, Axis, concatenate, stack};
use rand::Rng;

use crate::Split;
use crate::draw::image_generator;

/// How far an image is shifted at most, in each direction, as a share of its side: 1.4 of 28 pixels.
const SHIFT: f64 = 0.05;
/// By how much its height and its width are scaled at most, each by itself.
const SCALE: f64 = 0.15;

impl Split {
    /// The images, and `copies` of each that are shifted by up to a twentieth of the side and scaled by
    /// up to 15 %, in height and width by themselves. Drawings differ in just that. A net
    /// that has learned from copies reads them better.
    ///
    /// What becomes of an image follows from the seed, its position and the number of its copy.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")] {
    /// let few = longhand_mnist::Dataset::embedded().train.select(&[0, 1, 2]);
    /// let more = few.with_copies(2, 42);
    /// assert_eq!(more.len(), 9);
    /// assert_eq!(more.select(&[0, 1, 2]), few);
    /// assert_eq!(more.labels()[3..6], *few.labels());
    /// assert_ne!(more.image(3), few.image(0));
    /// # }
    /// ```
    pub fn with_copies(&self, copies: usize, seed: u64) -> Split {
        let mut images = vec![self.images().view()];
        let changed: Vec<_> = (1..=copies)
            .filter(|_| !self.is_empty())
            .map(|copy| {
                let of_image = |i| shifted_and_scaled(self.image(i), seed, copy as u64, i as u64);
                let all: Vec<Array2<u8>> = (0..self.len()).map(of_image).collect();
                let views: Vec<_> = all.iter().map(|image| image.view()).collect();
                stack(Axis(0), &views).expect("images of one size")
            })
            .collect();
        images.extend(changed.iter().map(|images| images.view()));
        let images = concatenate(Axis(0), &images).expect("images of one size");
        let labels = self.labels().repeat(images.len_of(Axis(0)) / self.len().max(1));
        Split::of_classes(images, labels, self.classes())
    }
}

fn shifted_and_scaled(
    image: ArrayView2<'_, u8>,
    seed: u64,
    copy: u64,
    position: u64,
) -> Array2<u8> {
    let mut rng = image_generator(seed, copy, position);
    // Between −1 and 1.
    let mut draw = || (rng.next_u64() >> 11) as f64 / (1u64 << 52) as f64 - 1.0;
    let (rows, columns) = image.dim();
    // Where a pixel of the new image lies in the old one, along one direction.
    let mut along = |side: usize| {
        let (shift, scale) = (SHIFT * side as f64 * draw(), 1.0 + SCALE * draw());
        let middle = (side as f64 - 1.0) / 2.0;
        move |new: usize| (new as f64 - middle - shift) / scale + middle
    };
    let (row, column) = (along(rows), along(columns));
    Array2::from_shape_fn((rows, columns), |(r, c)| between(&image, row(r), column(c)))
}

/// The ink at a place between four pixels, in proportion to how near they are. Outside, there is none.
fn between(image: &ArrayView2<'_, u8>, row: f64, column: f64) -> u8 {
    let (top, left) = (row.floor(), column.floor());
    let mut ink = 0.0;
    for (r, height) in [(top, 1.0 - (row - top)), (top + 1.0, row - top)] {
        for (c, width) in [(left, 1.0 - (column - left)), (left + 1.0, column - left)] {
            let pixel = if r < 0.0 || c < 0.0 { None } else { image.get((r as usize, c as usize)) };
            ink += height * width * f64::from(pixel.copied().unwrap_or(0));
        }
    }
    ink.round() as u8
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn copies_are_near_their_image_and_depend_on_the_seed_alone() {
        let dot = |(_, r, c): (usize, usize, usize)| {
            if (9..12).contains(&r) && c == 20 { 200 } else { 0 }
        };
        let split = Split::new(Array3::from_shape_fn((2, 28, 28), dot), vec![3, 4]);
        let copies = split.with_copies(20, 7);
        assert_eq!(copies, split.with_copies(20, 7));
        assert_ne!(copies, split.with_copies(20, 8));
        let mut places = vec![];
        for i in 2..copies.len() {
            let image = copies.image(i).mapv(f64::from);
            let ink = image.sum();
            // As much ink, but for what scaling adds or takes away.
            assert!((0.7..1.35).contains(&(ink / 600.0)), "{ink}");
            let mean = |axis| -> f64 {
                let lines = image.sum_axis(axis);
                lines.iter().enumerate().map(|(at, ink)| at as f64 * ink).sum::<f64>() / ink
            };
            let (row, column) = (mean(Axis(1)), mean(Axis(0)));
            assert!((row - 10.0).abs() < 2.2 && (column - 20.0).abs() < 2.6, "{row}, {column}");
            places.push(row);
        }
        let spread = |f: fn(f64, f64) -> f64| places.iter().copied().reduce(f).unwrap();
        assert!(spread(f64::max) - spread(f64::min) > 1.0, "{places:?}");
    }

    #[test]
    fn an_image_that_is_neither_shifted_nor_scaled_is_as_it_was() {
        let image = Array2::from_shape_fn((5, 7), |(r, c)| (r * 7 + c) as u8);
        let same =
            Array2::from_shape_fn((5, 7), |(r, c)| between(&image.view(), r as f64, c as f64));
        assert_eq!(same, image);
        let half = between(&image.view(), 1.5, 2.0);
        assert_eq!(half, 13); // between 9 and 16
        assert_eq!(between(&image.view(), -1.0, 0.0), 0);
    }
}
