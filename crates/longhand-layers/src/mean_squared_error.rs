use longhand_tensor::{Float, sum_products};
use ndarray::{Array2, ArrayRef2};

use crate::Loss;
use crate::elementwise::{map, map_gradient};
use crate::loss::expect_target;

/// Mean squared error: `L = Σ (y − t)² / N`, the mean over all `N` elements of the batch.
///
/// # Derivation
/// Each element stands in one term of the sum only, so `dy = ∂L/∂y = 2·(y − t) / N`.
///
/// Source: C. Bishop, *Pattern Recognition and Machine Learning*, 2006, section 1.1; as
/// `torch.nn.MSELoss`.
///
/// # Shapes
/// `y, target, dy: [n, any]`.
///
/// # Panics
/// The batch is empty, or the target has another shape.
///
/// ```
/// use longhand_layers::{Loss, MeanSquaredError, ndarray::array};
/// let (loss, dy) = MeanSquaredError.loss_and_grad(array![[3., 0.]], &array![[1., 0.]]);
/// assert_eq!((loss, dy), (2., array![[2., 0.]]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeanSquaredError;

impl<F: Float> Loss<F> for MeanSquaredError {
    type Target = Array2<F>;

    #[track_caller]
    fn loss(&self, y: &ArrayRef2<F>, target: &Array2<F>) -> F {
        expect_target("MeanSquaredError", y, target);
        of_differences(&(&y.view() - target)) // L = Σ (y − t)² / N
    }

    #[track_caller]
    fn loss_and_grad(&self, y: Array2<F>, target: &Array2<F>) -> (F, Array2<F>) {
        expect_target("MeanSquaredError", &y, target);
        let d = map_gradient(&"MeanSquaredError", target, y, |y, t| y - t);
        let loss = of_differences(&d);
        let two_over_n = F::from_f64(2.0 / d.len() as f64);
        (loss, map(d, |d| two_over_n * d)) // dy = 2·(y − t) / N
    }
}

/// `Σ d² / N`
fn of_differences<F: Float>(d: &Array2<F>) -> F {
    let d = d.as_standard_layout();
    let d = d.as_slice().expect("standard layout");
    sum_products(d, d) / F::from_f64(d.len() as f64)
}
