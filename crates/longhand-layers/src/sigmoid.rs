use std::fmt;

use longhand_tensor::{Float, exp_in_place, parameters};
use ndarray::{Array2, ArrayRef2};

use crate::Layer;
use crate::elementwise::{map_ref, map_through, scale_gradient};
use crate::layer::Saved;

/// Logistic function: `y = σ(x) = 1 / (1 + exp(−x))`.
///
/// # Derivation
/// `∂y/∂x = exp(−x) / (1 + exp(−x))² = σ(x)·(1 − σ(x))`, so `dx = dy · y·(1 − y)`, and the output
/// is enough to remember.
///
/// Source: C. Bishop, *Pattern Recognition and Machine Learning*, 2006, section 4.2 and equation
/// 4.88.
///
/// # Shapes
/// `x, y, dx, dy: [n, any]`.
///
/// ```
/// use longhand_layers::{Layer, Sigmoid, ndarray::array};
///
/// let (y, cache) = Sigmoid.forward(array![[0., -1e9, 1e9]]);
/// assert_eq!(y, array![[0.5, 0., 1.]]);
/// assert_eq!(Sigmoid.backward(cache, array![[8., 8., 8.]], &mut Sigmoid), array![[2., 0., 0.]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sigmoid;

parameters!(Sigmoid {});

/// `σ(x)`, of `x` and `e = exp(−|x|)`.
fn sigmoid_of<F: Float>(x: F, e: F) -> F {
    if x >= F::zero() { F::one() / (F::one() + e) } else { e / (F::one() + e) }
}

impl<F: Float> Layer<F> for Sigmoid {
    type Cache = Saved<Self, Array2<F>>;

    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        map_through(x, |x| -x.abs(), exp_in_place, sigmoid_of) // y = σ(x), from e = exp(−|x|)
    }

    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        let y = self.infer_owned(x);
        (map_ref(&y, |y| y), Saved::new(y))
    }

    #[track_caller]
    fn backward(&self, y: Self::Cache, dy: Array2<F>, _grad: &mut Self) -> Array2<F> {
        scale_gradient(self, &y.value, dy, |y| y * (F::one() - y)) // dx = dy · y·(1 − y)
    }
}

impl fmt::Display for Sigmoid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sigmoid")
    }
}
