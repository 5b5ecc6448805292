use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// The numbers `0..n` in an order that depends on the seed and the epoch only: a new order every
/// epoch.
///
/// The shuffle is written out here (R. Durstenfeld, *Algorithm 235*, 1964) on the raw bits of a
/// generator whose values are guaranteed, so that no dependency can change it.
///
/// ```
/// use longhand_data::shuffled;
/// assert_eq!(shuffled(5, 42, 1), shuffled(5, 42, 1));
/// assert_ne!(shuffled(5, 42, 1), shuffled(5, 42, 2));
/// ```
pub fn shuffled(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    shuffle_first(&mut order, n, &mut generator(seed, epoch));
    order
}

/// Draws `n` of the items at random and puts them first: a Fisher-Yates shuffle that stops there.
///
/// # Panics
/// There are fewer than `n` items.
pub fn shuffle_first<T>(items: &mut [T], n: usize, rng: &mut impl Rng) {
    for i in 0..n {
        let rest = (items.len() - i) as u128;
        let drawn = (u128::from(rng.next_u64()) * rest) >> 64; // in 0..rest; the bias is below rest / 2^64
        items.swap(i, i + drawn as usize);
    }
}

/// A generator of its own for every pair of seed and stream.
pub fn generator(seed: u64, stream: u64) -> Xoshiro256PlusPlus {
    let mixed = |n| Xoshiro256PlusPlus::seed_from_u64(n).next_u64();
    Xoshiro256PlusPlus::seed_from_u64(mixed(seed) ^ mixed(stream).rotate_left(32))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden values, computed independently by tests/reference/draws.py from the published
    /// xoshiro256++.
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
}
