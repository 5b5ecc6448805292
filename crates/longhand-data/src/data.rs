use longhand_tensor::Float;
use ndarray::Array2;

/// Samples as rows of numbers, and what the model's outputs are to be compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<F, T> {
    /// The samples, `[n, features]`.
    pub x: Array2<F>,
    /// A target for each sample: `Vec<usize>` for class labels, `Array2<F>` for numbers, or
    /// anything else.
    pub targets: T,
}

impl<F: Float, T: Default> Default for Batch<F, T> {
    fn default() -> Batch<F, T> {
        Batch { x: Array2::zeros((0, 0)), targets: T::default() }
    }
}

/// A set of samples from which batches are taken.
///
/// ```
/// use longhand_data::{Batch, Data};
/// use ndarray::Array2;
///
/// /// The whole numbers below `0`, and whether each is odd. Nothing is stored.
/// struct Parity(usize);
///
/// impl Data<f32> for Parity {
///     type Targets = Vec<usize>;
///     fn len(&self) -> usize {
///         self.0
///     }
///     fn batch_into(&self, positions: &[usize], batch: &mut Batch<f32, Vec<usize>>) {
///         batch.x = Array2::from_shape_fn((positions.len(), 8), |(r, bit)| (positions[r] >> bit & 1) as f32);
///         batch.targets = positions.iter().map(|n| n % 2).collect();
///     }
/// }
///
/// assert_eq!(Parity(256).batch(&[5]).x.row(0).to_vec(), [1., 0., 1., 0., 0., 0., 0., 0.]);
/// ```
pub trait Data<F: Float> {
    /// The targets of a batch.
    type Targets: Default;

    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts the samples at these positions into a batch, one per row. What the batch held is
    /// overwritten, and its memory may be used again.
    fn batch_into(&self, positions: &[usize], batch: &mut Batch<F, Self::Targets>);

    /// The samples at these positions, one per row.
    fn batch(&self, positions: &[usize]) -> Batch<F, Self::Targets> {
        let mut batch = Batch::default();
        self.batch_into(positions, &mut batch);
        batch
    }
}
