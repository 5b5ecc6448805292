//! Initial values of parameters, drawn from a generator that the caller seeds.
//!
//! The draws are made here from the generator's raw bits, so that with a generator whose values are guaranteed, such as
//! [`rand::rngs::Xoshiro256PlusPlus`], the same seed gives the same parameters in every version of every dependency.

use longhand_tensor::Float;
use ndarray::{Array, Dimension, ShapeArg};
use rand::Rng;

/// Uniform draws from `[-bound, bound)`, in steps of `bound / 2^23`: exact in f32, and the same numbers in f64.
///
/// ```
/// use longhand_layers::{init, ndarray::Array1, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
///
/// let rng = &mut Xoshiro256PlusPlus::seed_from_u64(0);
/// let draws: Array1<f32> = init::uniform(1000, 0.5, rng);
/// assert!(draws.iter().all(|d| (-0.5..0.5).contains(d)));
/// ```
pub fn uniform<F: Float, D: Dimension>(
    shape: impl ShapeArg<Dim = D>,
    bound: f64,
    rng: &mut impl Rng,
) -> Array<F, D> {
    Array::from_shape_simple_fn(shape.into_shape_and_order().0, || {
        let unit = (rng.next_u64() >> 40) as f64 / f64::from(1 << 23) - 1.0; // [-1, 1), 24 bits
        F::from_f64(bound * unit)
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};
    use rand::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::uniform;

    /// Golden values, computed independently by tests/reference/draws.py.
    #[test]
    fn uniform_draws_are_fixed() {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(42);
        let draws: Array1<f64> = uniform(6, 0.5, rng);
        let golden = array![
            0.3143051266670227,
            -0.1811789870262146,
            0.48389410972595215,
            0.2011355757713318,
            0.2935044765472412,
            0.08809846639633179
        ];
        assert_eq!(draws, golden);
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(42);
        let single: Array1<f32> = uniform(6, 0.5, rng);
        assert_eq!(single.mapv(f64::from), golden);
    }
}
