use std::fmt;

use longhand_tensor::{Float, parameters};
use ndarray::{Array2, ArrayRef2};

use crate::Layer;
use crate::elementwise::{map, map_gradient, map_ref, where_true};
use crate::layer::Saved;

/// Rectified linear unit: `y = max(x, 0)`.
///
/// # Derivation
/// `y` depends on its own `x` only, with `∂y/∂x = 1` where `x > 0` and `0` where `x < 0`. At `x =
/// 0` the derivative does not exist; `0` is taken, as PyTorch does. So `dx = dy · [x > 0]`, and
/// what is to be remembered is one `bool` for each element. NaN passes through: forward it stays
/// NaN, backward its gradient is `dy`.
///
/// Source: V. Nair, G. Hinton, *Rectified Linear Units Improve Restricted Boltzmann Machines*,
/// 2010.
///
/// # Shapes
/// `x, y, dx, dy: [n, any]`.
///
/// ```
/// use longhand_layers::{Layer, Relu, ndarray::array};
/// assert_eq!(Relu.infer(&array![[-3., 0., 3.]]), array![[0., 0., 3.]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relu;

parameters!(Relu {});

/// `max(x, 0)` that keeps NaN, as no comparison with NaN holds, and -0, as PyTorch does.
fn relu<F: Float>(x: F) -> F {
    if x < F::zero() { F::zero() } else { x }
}

impl<F: Float> Layer<F> for Relu {
    type Cache = Saved<Self, Array2<bool>>;

    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        map_ref(x, relu) // y = max(x, 0)
    }

    fn infer_owned(&self, x: Array2<F>) -> Array2<F> {
        map(x, relu)
    }

    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        let y = map(x, relu); // y = max(x, 0)
        let alive = where_true(&y, |y| y != F::zero()); // [x > 0]
        (y, Saved::new(alive))
    }

    #[track_caller]
    fn backward(&self, alive: Self::Cache, dy: Array2<F>, _grad: &mut Self) -> Array2<F> {
        // dx = dy · [x > 0], by choosing: 0 times an infinite dy would be NaN
        map_gradient(self, &alive.value, dy, |dy, alive| if alive { dy } else { F::zero() })
    }
}

impl fmt::Display for Relu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Relu")
    }
}
