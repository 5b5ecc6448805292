use std::fmt;

use longhand_tensor::{Float, Parameters};
use ndarray::{Array2, ArrayRef2, Zip};

use crate::Layer;
use crate::shape::expect_shape;

/// Rectified linear unit: `y = max(x, 0)`.
///
/// # Derivation
/// `y` depends on its own `x` only, with `dy/dx = 1` where `x > 0` and `0` where `x < 0`. At `x = 0` the derivative does not
/// exist; `0` is taken, as PyTorch does. So `dx = dy · [x > 0]`, and since `y > 0` exactly where `x > 0`, the output is
/// enough to remember. NaN passes through forward, and backward its gradient does.
///
/// # Shapes
/// `x, y, dx, dy: [n, any]`.
///
/// Source: V. Nair, G. Hinton, *Rectified Linear Units Improve Restricted Boltzmann Machines*, 2010.
///
/// ```
/// use longhand_layers::{Layer, Relu, ndarray::array};
/// assert_eq!(Relu.infer(&array![[-3., 0., 3.]]), array![[0., 0., 3.]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relu;

impl Relu {
    /// `max(x, 0)` that keeps NaN, as no comparison with NaN holds.
    fn relu<F: Float>(x: F) -> F {
        if x <= F::zero() { F::zero() } else { x }
    }
}

impl<F: Float> Parameters<F> for Relu {
    fn params(&self) -> Vec<&[F]> {
        vec![]
    }

    fn params_mut(&mut self) -> Vec<&mut [F]> {
        vec![]
    }

    fn zeros_like(&self) -> Self {
        Relu
    }
}

impl<F: Float> Layer<F> for Relu {
    type Cache = Array2<F>;

    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        x.mapv(Relu::relu)
    }

    fn forward(&self, x: Array2<F>) -> (Array2<F>, Array2<F>) {
        let y = x.mapv_into(Relu::relu);
        (y.clone(), y)
    }

    #[track_caller]
    fn backward(&self, y: Array2<F>, mut dy: Array2<F>, _grad: &mut Self) -> Array2<F> {
        expect_shape(self, "output gradient", &dy, Some(y.nrows()), y.ncols());
        Zip::from(&mut dy).and(&y).for_each(|dy, &y| {
            if y == F::zero() {
                *dy = F::zero(); // dx = dy · [x > 0]
            }
        });
        dy
    }
}

impl fmt::Display for Relu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Relu")
    }
}
