use std::fmt;

use longhand_tensor::{Float, StepCounter, map_positions, parameters};
use ndarray::{Array2, ArrayRef2};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use crate::Layer;
use crate::layer::Saved;
use crate::shape::expect_shape;

/// Inverted dropout: in training `y = x·m`, where each element of the mask `m` is 0 with
/// probability `p` and `1/(1 − p)` otherwise; [`infer`](Layer::infer) leaves `x` as it is, which is
/// what `y` is on average.
///
/// # Masks
/// The mask follows from `seed`, `step` and the position of the element in the batch, from nothing
/// else. `step` is a plain field: an optimizer sets it, through
/// [`Parameters::set_step`](crate::Parameters::set_step), to the number of steps it has made, so
/// that each step has masks of its own and a training loop needs no line for it. To take up a run
/// again, set it to what it was. Two dropout layers of one model are given two seeds.
///
/// # Derivation
/// The mask does not depend on `x`, so `∂y/∂x = m` and `dx = dy·m`.
///
/// Source: N. Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from
/// Overfitting*, 2014.
///
/// # Shapes
/// `x, y, dx, dy: [n, any]`.
///
/// ```
/// use longhand_layers::{Dropout, Layer, Parameters, ndarray::Array2};
///
/// let mut dropout = Dropout::new(0.75, 42);
/// assert_eq!((dropout.probability(), dropout.seed, dropout.step.0), (0.75, 42, 0));
/// let x = Array2::<f64>::ones((100, 100));
/// assert_eq!(dropout.infer(&x), x);
///
/// let (y, _) = dropout.forward(x.clone());
/// assert!(y.iter().all(|&y| y == 0.0 || y == 4.0)); // 1 / (1 − 0.75)
/// assert!((y.mean().unwrap() - 1.0).abs() < 0.1);
///
/// assert_eq!(dropout.forward(x.clone()).0, y); // the same step: the same mask
/// Parameters::<f64>::set_step(&mut dropout, 1); // what an optimizer does
/// assert_ne!(dropout.forward(x).0, y);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// The probability `p` of leaving an element out.
    probability: f64,
    /// Tells the masks of one layer from those of another.
    pub seed: u64,
    /// How many steps the optimizer has made.
    pub step: StepCounter,
}

impl Dropout {
    /// A layer at step 0.
    ///
    /// # Panics
    /// The probability is not in `0..=1`.
    #[track_caller]
    pub fn new(probability: f64, seed: u64) -> Dropout {
        assert!(
            (0.0..=1.0).contains(&probability),
            "Dropout: probability is {probability}, expected 0 to 1"
        );
        Dropout { probability, seed, step: StepCounter(0) }
    }

    /// The probability of leaving an element out.
    pub fn probability(&self) -> f64 {
        self.probability
    }

    /// `x·m` in the memory of `x`, with the mask of a step.
    fn masked<F: Float>(&self, x: Array2<F>, step: u64) -> Array2<F> {
        let bits = Xoshiro256PlusPlus::seed_from_u64(self.seed.rotate_left(32) ^ step).next_u64();
        let key = [bits as u32, (bits >> 32) as u32];
        let (zero, kept) = (F::zero(), F::from_f64(1.0 / (1.0 - self.probability)));
        let all = self.probability == 1.0;
        let left_out = (self.probability * 2f64.powi(32)) as u32;
        let mut y = if x.is_standard_layout() { x } else { x.as_standard_layout().into_owned() };
        map_positions(y.as_slice_mut().expect("standard layout"), move |i, x| {
            x * if all || mixed(i, key) < left_out { zero } else { kept }
        });
        y
    }
}

/// Uniform bits that depend on a position and a key: a hash of the position, into which the second half
/// of the key goes between two rounds, so that the bits of one key are no shift of another's.
///
/// Source of the constants: C. Wellons, *Prospecting for Hash Functions*, 2018, `triple32`, whose output
/// bits differ from fair coins by 0.02 on average, for every bit of the input.
#[inline]
fn mixed(position: u32, key: [u32; 2]) -> u32 {
    let x = position.wrapping_add(key[0]);
    let x = (x ^ (x >> 17)).wrapping_mul(0xed5a_d4bb).wrapping_add(key[1]);
    let x = (x ^ (x >> 11)).wrapping_mul(0xac4c_1b51);
    let x = (x ^ (x >> 15)).wrapping_mul(0x3184_8bab);
    x ^ (x >> 14)
}

parameters!(Dropout { step } without { probability, seed });

impl<F: Float> Layer<F> for Dropout {
    type Cache = Saved<Self, ((usize, usize), u64)>;

    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        x.to_owned()
    }

    fn infer_owned(&self, x: Array2<F>) -> Array2<F> {
        x
    }

    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        let saved = Saved::new((x.dim(), self.step.0)); // enough to have the mask again
        (self.masked(x, self.step.0), saved) // y = x·m
    }

    #[track_caller]
    fn backward(&self, saved: Self::Cache, dy: Array2<F>, _grad: &mut Self) -> Array2<F> {
        let ((rows, columns), step) = saved.value;
        expect_shape(self, "output gradient", &dy, Some(rows), columns);
        self.masked(dy, step) // dx = dy·m
    }
}

impl fmt::Display for Dropout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dropout({})", self.probability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of many elements are left out.
    fn left_out(dropout: &Dropout, shape: (usize, usize)) -> Vec<bool> {
        dropout.forward(Array2::<f32>::ones(shape)).0.iter().map(|&y| y == 0.0).collect()
    }

    /// How far a count of `n` trials is from the expected one, in standard deviations.
    fn deviations(count: usize, n: usize, p: f64) -> f64 {
        (count as f64 - n as f64 * p).abs() / (n as f64 * p * (1.0 - p)).sqrt()
    }

    #[test]
    fn masks_are_as_if_each_element_were_drawn_by_itself() {
        let n = 1 << 20;
        for p in [0.1, 0.2, 0.5, 0.9] {
            let mut dropout = Dropout::new(p, 42);
            let first = left_out(&dropout, (n / 64, 64));
            let count = first.iter().filter(|out| **out).count();
            assert!(deviations(count, n, p) < 4.5, "{p}: {count} of {n}");
            // Neighbours in a row, in a column, and further on do not depend on each other.
            for distance in [1, 2, 3, 31, 63, 64, 65, 128, 1024, 65_536] {
                let pairs = (0..n - distance).filter(|&i| first[i] && first[i + distance]).count();
                assert!(deviations(pairs, n - distance, p * p) < 4.5, "{p}, {distance} apart");
            }
            // Neither do the masks of other steps and other layers.
            for (seed, step) in [(42, 1), (42, 2), (42, 1 << 32), (43, 0), (44, 0), (42 << 32, 0)] {
                (dropout.seed, dropout.step) = (seed, StepCounter(step));
                let other = left_out(&dropout, (n / 64, 64));
                let both = first.iter().zip(&other).filter(|(a, b)| **a && **b).count();
                assert!(deviations(both, n, p * p) < 4.5, "{p}, seed {seed}, step {step}");
            }
        }
    }

    #[test]
    fn the_bits_of_one_key_are_no_shift_of_those_of_another() {
        let same = (0..10_000).filter(|&i| mixed(i + 1, [5, 7]) == mixed(i, [6, 8])).count();
        assert_eq!(same, 0);
    }

    #[test]
    fn each_position_is_left_out_in_its_share_of_the_steps() {
        let steps = 4000;
        let mut counts = vec![0; 100];
        for step in 0..steps {
            let dropout = Dropout { step: StepCounter(step as u64), ..Dropout::new(0.3, 7) };
            let out = left_out(&dropout, (10, 10));
            counts.iter_mut().zip(out).for_each(|(count, out)| *count += usize::from(out));
        }
        assert!(counts.iter().all(|&count| deviations(count, steps, 0.3) < 4.5), "{counts:?}");
    }

    #[test]
    fn everything_and_nothing_can_be_left_out() {
        let x = Array2::<f64>::ones((3, 4));
        assert_eq!(Dropout::new(0.0, 1).forward(x.clone()).0, x);
        assert!(left_out(&Dropout::new(1.0, 1), (50, 50)).iter().all(|out| *out));
        // However it is stored, an element has the mask of its position.
        let dropout = Dropout::new(0.5, 1);
        let turned = Array2::<f64>::ones((4, 3)).reversed_axes();
        assert_eq!(dropout.forward(turned).0, dropout.forward(x).0);
    }
}
