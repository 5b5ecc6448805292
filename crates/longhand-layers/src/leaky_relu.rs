use std::fmt;

use longhand_tensor::{Float, parameters};
use ndarray::{Array2, ArrayRef2};

use crate::Layer;
use crate::elementwise::scale_gradient;
use crate::layer::Saved;

/// Leaky rectified linear unit: `y = x` where `x > 0`, `y = a·x` elsewhere, with a small slope `a`.
///
/// # Derivation
/// `∂y/∂x = 1` where `x > 0` and `a` where `x < 0`; at `x = 0` it is taken to be `a`, as PyTorch
/// does. So `dx = dy · (1 if x > 0, else a)`. NaN passes through, with the derivative `a`.
///
/// Source: A. Maas, A. Hannun, A. Ng, *Rectifier Nonlinearities Improve Neural Network Acoustic
/// Models*, 2013.
///
/// # Shapes
/// `x, y, dx, dy: [n, any]`.
///
/// ```
/// use longhand_layers::{LeakyRelu, Layer, ndarray::array};
/// let layer = LeakyRelu { slope: 0.25 };
/// assert_eq!(layer.infer(&array![[-4., 0., 4.]]), array![[-1., 0., 4.]]);
/// assert_eq!(LeakyRelu::default().slope, 0.01);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    /// The slope `a` below zero; 0.01 by default.
    pub slope: f64,
}

impl Default for LeakyRelu {
    fn default() -> LeakyRelu {
        LeakyRelu { slope: 0.01 }
    }
}

parameters!(LeakyRelu {} without { slope });

impl<F: Float> Layer<F> for LeakyRelu {
    type Cache = Saved<Self, Array2<F>>;

    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        let a = F::from_f64(self.slope);
        x.mapv(|x| if x <= F::zero() { a * x } else { x })
    }

    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        (self.infer(&x), Saved::new(x))
    }

    #[track_caller]
    fn backward(&self, x: Self::Cache, dy: Array2<F>, _grad: &mut Self) -> Array2<F> {
        let a = F::from_f64(self.slope);
        // By a table: a branch on numbers of any sign is guessed wrong half of the time.
        scale_gradient(self, &x.value, dy, |x| [a, F::one()][usize::from(x > F::zero())]) // dx = dy · (1 or a)
    }
}

impl fmt::Display for LeakyRelu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeakyRelu({})", self.slope)
    }
}
