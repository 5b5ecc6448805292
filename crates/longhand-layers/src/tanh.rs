use std::fmt;

use longhand_tensor::{Float, parameters, tanh_in_place};
use ndarray::{Array2, ArrayRef2};

use crate::Layer;
use crate::elementwise::{map_ref, map_through, scale_gradient};
use crate::layer::Saved;

/// Hyperbolic tangent: `y = tanh(x)`.
///
/// # Derivation
/// `tanh = sinh / cosh`, so `∂y/∂x = (cosh² − sinh²) / cosh² = 1 − tanh²(x)`, and `dx = dy · (1 −
/// y²)`: the output is enough to remember.
///
/// Source: Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, *Efficient BackProp*, 1998, section 4.4.
///
/// # Shapes
/// `x, y, dx, dy: [n, any]`.
///
/// ```
/// use longhand_layers::{Layer, Tanh, ndarray::array};
///
/// let (y, cache) = Tanh.forward(array![[0., -1e9, 1e9]]);
/// assert_eq!(y, array![[0., -1., 1.]]);
/// assert_eq!(Tanh.backward(cache, array![[8., 8., 8.]], &mut Tanh), array![[8., 0., 0.]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tanh;

parameters!(Tanh {});

impl<F: Float> Layer<F> for Tanh {
    type Cache = Saved<Self, Array2<F>>;

    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        map_through(x, |x| x, tanh_in_place, |_, y| y) // y = tanh(x)
    }

    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        let y = self.infer_owned(x);
        (map_ref(&y, |y| y), Saved::new(y))
    }

    #[track_caller]
    fn backward(&self, y: Self::Cache, dy: Array2<F>, _grad: &mut Self) -> Array2<F> {
        scale_gradient(self, &y.value, dy, |y| F::one() - y * y) // dx = dy · (1 − y²)
    }
}

impl fmt::Display for Tanh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tanh")
    }
}
