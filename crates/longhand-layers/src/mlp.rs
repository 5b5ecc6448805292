use longhand_tensor::Float;
use rand::Rng;

use crate::{Chain, Layer, Linear, Relu};

/// A multilayer perceptron: linear layers with an activation `A` after each but the last. Made by
/// [`mlp`] and [`mlp_with`].
pub type Mlp<F, A = Relu> = Chain<Vec<Chain<Linear<F>, A>>, Linear<F>>;

/// A multilayer perceptron of these widths, from the input's to the output's, with ReLU after each
/// layer but the last. Layers are initialised by [`Linear::new`], the one next to the input first.
///
/// # Panics
/// There are fewer than two widths.
///
/// ```
/// use longhand_layers::{Parameters, mlp, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
///
/// let rng = &mut Xoshiro256PlusPlus::seed_from_u64(42);
/// let model = mlp::<f32>(&[784, 30, 10], rng);
/// assert_eq!(model.count(), 784 * 30 + 30 + 30 * 10 + 10);
/// ```
#[track_caller]
pub fn mlp<F: Float>(widths: &[usize], rng: &mut impl Rng) -> Mlp<F> {
    mlp_with(widths, |_| Relu, rng)
}

/// The same with any activation: `between(0)` stands after the first layer, `between(1)` after the
/// second.
///
/// # Panics
/// There are fewer than two widths.
///
/// ```
/// use longhand_layers::{Chain, Dropout, Tanh, mlp_with, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
///
/// let rng = &mut Xoshiro256PlusPlus::seed_from_u64(42);
/// // Each dropout layer has a seed of its own.
/// let between = |i| Chain { first: Tanh, second: Dropout::new(0.5, i as u64) };
/// let model = mlp_with::<f32, _>(&[784, 100, 50, 10], between, rng);
/// # assert_eq!(model.first.len(), 2);
/// ```
#[track_caller]
pub fn mlp_with<F: Float, A: Layer<F>>(
    widths: &[usize],
    mut between: impl FnMut(usize) -> A,
    rng: &mut impl Rng,
) -> Mlp<F, A> {
    let [hidden @ .., last, outputs] = widths else {
        panic!("mlp: {} widths, expected two or more", widths.len());
    };
    let ends = hidden.iter().skip(1).chain([last]);
    let pairs = hidden.iter().zip(ends).enumerate();
    let body: Vec<_> =
        pairs.map(|(i, (&from, &to))| Linear::new(from, to, rng).then(between(i))).collect();
    body.then(Linear::new(*last, *outputs, rng))
}
