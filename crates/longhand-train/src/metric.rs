use std::fmt::Debug;

pub use longhand_layers::argmax;
use longhand_layers::{Float, Loss, MeanSquaredError};
use ndarray::{Array2, ArrayRef2};

/// What is measured beside the loss.
///
/// ```
/// use longhand_train::{Accuracy, Metric};
/// use ndarray::array;
/// let logits = array![[1.0, 2.0], [3.0, 0.0]];
/// assert_eq!(Accuracy.of_batch(&logits, &[1, 1]), 1.0); // one of two
/// assert_eq!(Metric::<f64, [usize]>::value(&Accuracy, 1.0 / 2.0), 0.5);
/// ```
pub trait Metric<F: Float, T: ?Sized> {
    /// What a set is said to have: a number, or `()` where nothing is measured.
    type Value: Copy + Debug + Default + PartialEq;

    /// What is added up over the samples, of a batch: for the accuracy, how many are classified
    /// correctly.
    fn of_batch(&self, y: &ArrayRef2<F>, target: &T) -> f64;

    /// The value of a set, from the mean over its samples.
    fn value(&self, mean: f64) -> Self::Value;
}

/// Nothing is measured beside the loss.
impl<F: Float, T: ?Sized> Metric<F, T> for () {
    type Value = ();

    fn of_batch(&self, _: &ArrayRef2<F>, _: &T) -> f64 {
        0.0
    }

    fn value(&self, _: f64) {}
}

/// The share of samples whose largest output is that of their label, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accuracy;

impl<F: Float> Metric<F, [usize]> for Accuracy {
    type Value = f64;

    fn of_batch(&self, y: &ArrayRef2<F>, labels: &[usize]) -> f64 {
        let rows = y.rows().into_iter().zip(labels);
        rows.filter(|(y, label)| argmax(y) == **label).count() as f64
    }

    fn value(&self, mean: f64) -> f64 {
        mean
    }
}

/// The share of logits that are on the side of 0 on which their target is of 1/2, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BinaryAccuracy;

impl<F: Float> Metric<F, Array2<F>> for BinaryAccuracy {
    type Value = f64;

    fn of_batch(&self, z: &ArrayRef2<F>, target: &Array2<F>) -> f64 {
        let half = F::from_f64(0.5);
        let right = z.iter().zip(target).filter(|(z, t)| (**z > F::zero()) == (**t > half));
        right.count() as f64 / z.ncols() as f64
    }

    fn value(&self, mean: f64) -> f64 {
        mean
    }
}

/// The root of the mean squared error, in the unit of the targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RootMeanSquaredError;

impl<F: Float> Metric<F, Array2<F>> for RootMeanSquaredError {
    type Value = f64;

    fn of_batch(&self, y: &ArrayRef2<F>, target: &Array2<F>) -> f64 {
        MeanSquaredError.loss(y, target).to_f64() * y.nrows() as f64
    }

    fn value(&self, mean: f64) -> f64 {
        mean.sqrt()
    }
}

/// Targets of a batch, as a loss or metric compares with them: `Vec<T>` as `[T]`, anything else as
/// it is.
#[diagnostic::on_unimplemented(
    message = "this data has targets `{Self}`, the loss or metric compares with `{T}`",
    label = "targets of another kind",
    note = "class labels are `Vec<usize>`, for the cross-entropy and `Accuracy`; numbers are `Array2<F>`, for the squared error and the binary cross-entropy"
)]
pub trait AsTarget<T: ?Sized> {
    /// The targets.
    fn as_target(&self) -> &T;
}

impl<T> AsTarget<[T]> for Vec<T> {
    fn as_target(&self) -> &[T] {
        self
    }
}

impl<T> AsTarget<T> for T {
    fn as_target(&self) -> &T {
        self
    }
}
