use longhand_layers::Float;
use longhand_mnist::{Batch, Split};
use ndarray::{Array2, Axis};

/// Samples with class labels, from which the loop takes batches.
pub trait Data<F: Float> {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts the samples at these positions into a batch, one per row, in place of what it held.
    fn batch_into(&self, positions: &[usize], batch: &mut Batch<F>);
}

/// Samples that are numbers already: one per row.
///
/// ```
/// use longhand_train::{Data, Samples};
/// use ndarray::array;
/// let samples = Samples::new(array![[1., 2.], [3., 4.]], vec![0, 1]);
/// let mut batch = longhand_train::Batch::default();
/// samples.batch_into(&[1], &mut batch);
/// assert_eq!((batch.x, batch.labels), (array![[3., 4.]], vec![1]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Samples<F> {
    x: Array2<F>,
    labels: Vec<usize>,
}

impl<F: Float> Samples<F> {
    /// Samples `[n, features]` and their `n` labels.
    ///
    /// # Panics
    /// There are not as many labels as samples.
    #[track_caller]
    pub fn new(x: Array2<F>, labels: Vec<usize>) -> Samples<F> {
        assert_eq!(x.nrows(), labels.len(), "Samples: as many labels as rows");
        Samples { x, labels }
    }
}

impl<F: Float> Data<F> for Samples<F> {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn batch_into(&self, positions: &[usize], batch: &mut Batch<F>) {
        batch.x = self.x.select(Axis(0), positions);
        batch.labels = positions.iter().map(|&i| self.labels[i]).collect();
    }
}

/// Digits: pixels divided by 255.
impl<F: Float> Data<F> for Split {
    fn len(&self) -> usize {
        Split::len(self)
    }

    fn batch_into(&self, positions: &[usize], batch: &mut Batch<F>) {
        Split::batch_into(self, positions, batch);
    }
}
