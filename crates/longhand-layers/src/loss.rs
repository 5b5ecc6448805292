use longhand_tensor::Float;
use ndarray::{Array2, ArrayRef2};

/// A number that says how far a batch of outputs is from its targets, and its gradient.
///
/// ```
/// use longhand_layers::{Loss, MeanSquaredError, ndarray::array};
///
/// let (y, target) = (array![[1.], [5.]], array![[1.], [3.]]);
/// assert_eq!(MeanSquaredError.loss(&y, &target), 2.); // (0² + 2²) / 2
/// let (loss, dy) = MeanSquaredError.loss_and_grad(y, &target);
/// assert_eq!((loss, dy), (2., array![[0.], [2.]])); // 2·(y − target) / 2
/// ```
pub trait Loss<F: Float> {
    /// What the outputs are compared with: `[usize]` for class labels, `Array2<F>` for numbers.
    type Target: ?Sized;

    /// The loss alone, a mean over the batch. Where it takes less work than with the gradient, a loss
    /// has its own.
    #[track_caller]
    fn loss(&self, y: &ArrayRef2<F>, target: &Self::Target) -> F {
        self.loss_and_grad(y.to_owned(), target).0
    }

    /// The loss and `dy`, its gradient with respect to `y`.
    fn loss_and_grad(&self, y: Array2<F>, target: &Self::Target) -> (F, Array2<F>);
}

/// Panics unless the batch has a sample and the target has the shape of `y`.
#[track_caller]
pub(crate) fn expect_target<F>(loss: &str, y: &ArrayRef2<F>, target: &ArrayRef2<F>) {
    expect_batch(loss, y.dim());
    let ((rows, columns), (found_rows, found_columns)) = (y.dim(), target.dim());
    assert!(
        y.dim() == target.dim(),
        "{loss}: target is {found_rows} × {found_columns}, expected {rows} × {columns} as the output is"
    );
}

/// Panics unless the batch has at least one element.
#[track_caller]
pub(crate) fn expect_batch(loss: &str, (rows, columns): (usize, usize)) {
    assert!(
        rows > 0 && columns > 0,
        "{loss}: the batch is empty: output is {rows} × {columns}, expected at least 1 × 1"
    );
}

/// Panics unless the batch has a sample and every row of logits a label below the number of
/// classes.
#[track_caller]
pub(crate) fn expect_labels<F>(loss: &str, logits: &ArrayRef2<F>, labels: &[usize]) {
    let (rows, classes) = logits.dim();
    expect_batch(loss, logits.dim());
    assert!(
        labels.len() == rows,
        "{loss}: {} labels, expected {rows} as the logits are {rows} × {classes}",
        labels.len()
    );
    if let Some(row) = labels.iter().position(|&t| t >= classes) {
        let label = labels[row];
        panic!(
            "{loss}: label of row {row} is {label}, expected one below {classes} as the logits are {rows} × {classes}"
        );
    }
}
