use longhand_tensor::{Float, sum};
use ndarray::{Array2, ArrayRef2};

use crate::Loss;
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
        let n = F::from_f64(y.len() as f64);
        let squares = sum(y.iter().zip(target).map(|(&y, &t)| (y - t) * (y - t)));
        squares / n // L = Σ (y − t)² / N
    }

    #[track_caller]
    fn loss_and_grad(&self, mut y: Array2<F>, target: &Array2<F>) -> (F, Array2<F>) {
        let loss = self.loss(&y, target);
        let two_over_n = F::from_f64(2.0 / y.len() as f64);
        y.zip_mut_with(target, |y, &t| *y = two_over_n * (*y - t)); // dy = 2·(y − t) / N
        (loss, y)
    }
}
