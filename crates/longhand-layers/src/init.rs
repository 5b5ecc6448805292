//! Initial values of parameters, drawn from a generator that the caller seeds.
//!
//! | function | distribution | made for |
//! |---|---|---|
//! | [`Linear::new`](crate::Linear::new) | uniform in `±1/√in` | what `torch.nn.Linear` does |
//! | [`xavier_uniform`], [`xavier_normal`] | variance `gain²·2/(in + out)` | sigmoid, tanh |
//! | [`kaiming_uniform`], [`kaiming_normal`] | variance `gain²/in` | ReLU, with the gain `√2` |
//!
//! The draws are made here from the generator's raw bits, so that with a generator whose values are
//! guaranteed, such as [`rand::rngs::Xoshiro256PlusPlus`], the same seed gives the same parameters
//! in every version of every dependency.
//!
//! ```
//! use longhand_layers::{Linear, init, ndarray::Array1, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
//!
//! let rng = &mut Xoshiro256PlusPlus::seed_from_u64(0);
//! let weight = init::kaiming_normal(784, 100, init::RELU_GAIN, rng);
//! let layer = Linear::<f32>::from_arrays(weight, Some(Array1::zeros(100)));
//! let variance = layer.weight().mapv(|w| w * w).mean().unwrap();
//! assert!((variance * 784.0 / 2.0 - 1.0).abs() < 0.05);
//! ```

use std::f64::consts::SQRT_2;

use longhand_tensor::Float;
use ndarray::{Array, Array2, Dimension, ShapeArg};
use rand::Rng;

/// What keeps the variance through a ReLU, which loses half of it: `√2`.
pub const RELU_GAIN: f64 = SQRT_2;

/// What PyTorch recommends (`torch.nn.init.calculate_gain`) for tanh: `5/3`.
pub const TANH_GAIN: f64 = 5.0 / 3.0;

/// Uniform draws from `[-bound, bound)`, in steps of `bound / 2^23`, computed in f64 and then
/// rounded to `F`.
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
    Array::from_shape_simple_fn(shape.into_shape_and_order().0, || F::from_f64(bound * unit(rng)))
}

/// Normal draws of mean 0, by the polar method (G. Marsaglia, T. A. Bray, 1964): of a point drawn
/// from the unit disc, at squared distance `s` from the centre, one coordinate times `√(−2·ln s /
/// s)`.
///
/// ```
/// use longhand_layers::{init, ndarray::Array1, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
///
/// let rng = &mut Xoshiro256PlusPlus::seed_from_u64(0);
/// let draws: Array1<f64> = init::normal(10_000, 3.0, rng);
/// assert!(draws.mean().unwrap().abs() < 0.1);
/// assert!((draws.std(1.0) - 3.0).abs() < 0.1);
/// ```
pub fn normal<F: Float, D: Dimension>(
    shape: impl ShapeArg<Dim = D>,
    standard_deviation: f64,
    rng: &mut impl Rng,
) -> Array<F, D> {
    Array::from_shape_simple_fn(shape.into_shape_and_order().0, || {
        loop {
            let (u, v) = (unit(rng), unit(rng));
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return F::from_f64(standard_deviation * u * (-2.0 * Float::ln(s) / s).sqrt());
            }
        }
    })
}

/// 24 bits in `[-1, 1)`.
fn unit(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 40) as f64 / f64::from(1 << 23) - 1.0
}

/// Uniform in `±gain·√(6 / (in + out))`. Source: X. Glorot, Y. Bengio, *Understanding the
/// difficulty of training deep feedforward neural networks*, 2010, equation 16.
///
/// # Shapes
/// Result `[in_features, out_features]`.
///
/// ```
/// use longhand_layers::{init, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
/// let rng = &mut Xoshiro256PlusPlus::seed_from_u64(0);
/// let weight = init::xavier_uniform::<f32>(4, 2, 1.0, rng); // √(6 / 6) = 1
/// assert!(weight.iter().all(|w| w.abs() <= 1.0));
/// ```
pub fn xavier_uniform<F: Float>(
    in_features: usize,
    out_features: usize,
    gain: f64,
    rng: &mut impl Rng,
) -> Array2<F> {
    let bound = gain * (6.0 / (in_features + out_features) as f64).sqrt();
    uniform((in_features, out_features), bound, rng)
}

/// Normal with standard deviation `gain·√(2 / (in + out))`. Source: as [`xavier_uniform`], equation
/// 12.
///
/// # Shapes
/// Result `[in_features, out_features]`.
///
/// ```
/// use longhand_layers::{init, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
/// let rng = &mut Xoshiro256PlusPlus::seed_from_u64(0);
/// let weight = init::xavier_normal::<f64>(150, 50, init::TANH_GAIN, rng); // 5/3·√(2 / 200) = 1/6
/// assert!((weight.std(1.0) - 1.0 / 6.0).abs() < 0.005);
/// ```
pub fn xavier_normal<F: Float>(
    in_features: usize,
    out_features: usize,
    gain: f64,
    rng: &mut impl Rng,
) -> Array2<F> {
    let deviation = gain * (2.0 / (in_features + out_features) as f64).sqrt();
    normal((in_features, out_features), deviation, rng)
}

/// Uniform in `±gain·√(3 / in)`. Source: K. He et al., *Delving Deep into Rectifiers*, 2015,
/// section 2.2.
///
/// # Shapes
/// Result `[in_features, out_features]`.
///
/// ```
/// use longhand_layers::{init, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
/// let rng = &mut Xoshiro256PlusPlus::seed_from_u64(0);
/// let weight = init::kaiming_uniform::<f32>(6, 5, init::RELU_GAIN, rng); // √2·√(3 / 6) = 1
/// assert!(weight.iter().all(|w| w.abs() <= 1.0));
/// ```
pub fn kaiming_uniform<F: Float>(
    in_features: usize,
    out_features: usize,
    gain: f64,
    rng: &mut impl Rng,
) -> Array2<F> {
    uniform((in_features, out_features), gain * (3.0 / in_features as f64).sqrt(), rng)
}

/// Normal with standard deviation `gain / √in`. Source: as [`kaiming_uniform`].
///
/// # Shapes
/// Result `[in_features, out_features]`.
///
/// ```
/// use longhand_layers::{init, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
/// let rng = &mut Xoshiro256PlusPlus::seed_from_u64(0);
/// let weight = init::kaiming_normal::<f64>(100, 100, 1.0, rng); // 1 / √100 = 0.1
/// assert!((weight.std(1.0) - 0.1).abs() < 0.003);
/// ```
pub fn kaiming_normal<F: Float>(
    in_features: usize,
    out_features: usize,
    gain: f64,
    rng: &mut impl Rng,
) -> Array2<F> {
    normal((in_features, out_features), gain / (in_features as f64).sqrt(), rng)
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
        // A half is a power of two: nothing is rounded.
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(42);
        let single: Array1<f32> = uniform(6, 0.5, rng);
        assert_eq!(single.mapv(f64::from), golden);
        // 1/28 is what a first layer of 784 features draws from.
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(42);
        let single: Array1<f32> = uniform(6, 1.0 / 28.0, rng);
        assert_eq!(single, golden.mapv(|g| (2.0 * g / 28.0) as f32));
    }
}
