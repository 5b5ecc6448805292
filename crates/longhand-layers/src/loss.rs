use longhand_tensor::Float;
use ndarray::{Array2, ArrayRef2};

/// A scalar that says how far a batch of outputs is from its targets, and its gradient.
pub trait Loss<F: Float> {
    /// What the outputs are compared with: `[usize]` for class labels.
    type Target: ?Sized;

    /// The loss alone, a mean over the batch.
    fn loss(&self, y: &ArrayRef2<F>, target: &Self::Target) -> F;

    /// The loss and `dy`, its gradient with respect to `y`.
    fn loss_and_grad(&self, y: Array2<F>, target: &Self::Target) -> (F, Array2<F>);
}
