use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use crate::{Error, Split};

/// The numbers `0..n` in an order that depends on the seed and the epoch only: a new order every epoch.
///
/// The shuffle is written out here (R. Durstenfeld, *Algorithm 235*, 1964) on the raw bits of a generator whose values
/// are guaranteed, so that no dependency can change it.
///
/// ```
/// use longhand_mnist::shuffled;
/// assert_eq!(shuffled(5, 42, 1), shuffled(5, 42, 1));
/// assert_ne!(shuffled(5, 42, 1), shuffled(5, 42, 2));
/// ```
pub fn shuffled(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    shuffle_first(&mut order, n, &mut generator(seed, epoch));
    order
}

/// `n` positions of each class, ascending. `stream` tells the draws of one seed from each other.
pub(crate) fn draw_per_class(
    split: &Split,
    name: &'static str,
    n: usize,
    seed: u64,
    stream: u64,
) -> Result<Vec<usize>, Error> {
    let mut drawn = Vec::with_capacity(n.min(split.len()) * Split::CLASSES);
    // Streams of draws count down from the top, those of epochs up from 1.
    let mut rng = generator(seed, u64::MAX - stream);
    for digit in 0..Split::CLASSES {
        let of_digit = |&i: &usize| usize::from(split.labels()[i]) == digit;
        let mut positions: Vec<usize> = (0..split.len()).filter(of_digit).collect();
        if positions.len() < n {
            let available = positions.len();
            return Err(Error::PerClass { split: name, digit, asked: n, available });
        }
        // By content, so that the draw does not depend on the order in which a source lists its images.
        let pixels = |i: usize| split.image(i).to_slice().expect("standard layout");
        positions.sort_by(|&a, &b| pixels(a).cmp(pixels(b)).then(a.cmp(&b)));
        shuffle_first(&mut positions, n, &mut rng);
        drawn.extend_from_slice(&positions[..n]);
    }
    drawn.sort_unstable();
    Ok(drawn)
}

/// Fisher-Yates, stopped when the first `n` are drawn.
fn shuffle_first(items: &mut [usize], n: usize, rng: &mut impl Rng) {
    for i in 0..n {
        let rest = (items.len() - i) as u128;
        let drawn = (u128::from(rng.next_u64()) * rest) >> 64; // in 0..rest; the bias is below rest / 2^64
        items.swap(i, i + drawn as usize);
    }
}

/// The generator of one image in one epoch.
pub(crate) fn image_generator(seed: u64, epoch: u64, position: u64) -> Xoshiro256PlusPlus {
    generator(generator(seed, epoch).next_u64(), position)
}

/// An own generator for every pair of seed and stream.
fn generator(seed: u64, stream: u64) -> Xoshiro256PlusPlus {
    let mixed = |n| Xoshiro256PlusPlus::seed_from_u64(n).next_u64();
    Xoshiro256PlusPlus::seed_from_u64(mixed(seed) ^ mixed(stream).rotate_left(32))
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    /// Golden values, computed independently by tests/reference/draws.py from the published xoshiro256++.
    #[test]
    fn shuffle_is_fixed() {
        assert_eq!(shuffled(10, 42, 1), [5, 2, 9, 0, 3, 4, 1, 6, 8, 7]);
        assert_eq!(shuffled(10, 42, 2), [1, 8, 0, 7, 3, 4, 2, 9, 5, 6]);
        assert_eq!(shuffled(10, u64::MAX, 1), [0, 2, 1, 9, 8, 7, 6, 4, 3, 5]);
    }

    #[test]
    fn every_order_is_a_permutation_and_they_are_spread() {
        let mut first = [0; 7];
        for epoch in 0..7000 {
            let mut order = shuffled(7, 1, epoch);
            first[order[0]] += 1;
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2, 3, 4, 5, 6]);
        }
        // 1000 expected each, standard deviation 29.
        assert!(first.iter().all(|&n| (850..1150).contains(&n)), "{first:?}");
    }

    #[test]
    fn the_draw_does_not_depend_on_the_order_of_the_source() {
        let images = Array3::from_shape_fn((200, 2, 2), |(i, r, c)| (i * 7 + r * 3 + c) as u8);
        let labels: Vec<u8> = (0..200).map(|i| (i % 10) as u8).collect();
        let split = Split::new(images, labels);
        let backwards = split.select(&(0..200).rev().collect::<Vec<_>>());
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
