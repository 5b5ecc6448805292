use longhand_data::{generator, shuffle_first};
use rand::Rng;
use rand::rngs::Xoshiro256PlusPlus;

use crate::dataset::digit_names;
use crate::{Dataset, Error, Split};

/// `n` positions of each class, ascending. `stream` tells the draws of one seed from each other.
pub(crate) fn draw_per_class(
    set: &Dataset,
    split: &Split,
    name: &'static str,
    n: usize,
    seed: u64,
    stream: u64,
) -> Result<Vec<usize>, Error> {
    let mut drawn = Vec::with_capacity(split.len().min(n.saturating_mul(split.classes())));
    // Streams of draws count down from the top, those of epochs up from 1.
    let mut rng = generator(seed, u64::MAX - stream);
    for class in 0..split.classes() {
        let of_class = |&i: &usize| usize::from(split.labels()[i]) == class;
        let mut positions: Vec<usize> = (0..split.len()).filter(of_class).collect();
        if positions.len() < n {
            let (available, class) = (positions.len(), set.class_names[class].clone());
            let what = if set.class_names == digit_names() { "digit" } else { "class" };
            return Err(Error::PerClass { split: name, what, class, asked: n, available });
        }
        // By content, so that the draw does not depend on the order in which a source lists its
        // images.
        let pixels = |i: usize| split.image(i).to_slice().expect("standard layout");
        positions.sort_by(|&a, &b| pixels(a).cmp(pixels(b)).then(a.cmp(&b)));
        shuffle_first(&mut positions, n, &mut rng);
        drawn.extend_from_slice(&positions[..n]);
    }
    drawn.sort_unstable();
    Ok(drawn)
}

/// The generator of one image in one epoch.
pub(crate) fn image_generator(seed: u64, epoch: u64, position: u64) -> Xoshiro256PlusPlus {
    generator(generator(seed, epoch).next_u64(), position)
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn the_draw_does_not_depend_on_the_order_of_the_source() {
        let images = Array3::from_shape_fn((200, 2, 2), |(i, r, c)| (i * 7 + r * 3 + c) as u8);
        let labels: Vec<u8> = (0..200).map(|i| (i % 10) as u8).collect();
        let split = Split::new(images, labels);
        let backwards = split.select(&(0..200).rev().collect::<Vec<_>>());
        let set = |split: &Split| Dataset {
            train: split.clone(),
            test: split.clone(),
            class_names: crate::dataset::digit_names(),
            source: "".into(),
        };
        let draw_per_class = |split: &Split, name, n, seed, stream| {
            draw_per_class(&set(split), split, name, n, seed, stream)
        };
        let drawn = |split: &Split| {
            let positions = draw_per_class(split, "training", 5, 42, 0).unwrap();
            assert!(positions.is_sorted());
            let mut images: Vec<Vec<u8>> =
                positions.iter().map(|&i| split.image(i).iter().copied().collect()).collect();
            images.sort();
            images
        };
        assert_eq!(drawn(&split), drawn(&backwards));
        let other_seed = draw_per_class(&split, "training", 5, 43, 0).unwrap();
        assert_ne!(draw_per_class(&split, "training", 5, 42, 0).unwrap(), other_seed);
        let other_stream = draw_per_class(&split, "test", 5, 42, 1).unwrap();
        assert_ne!(draw_per_class(&split, "training", 5, 42, 0).unwrap(), other_stream);
    }
}
