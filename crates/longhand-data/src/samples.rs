use longhand_tensor::{Float, from_bytes, in_parts, recycle, unspecified_at_line};
use ndarray::{Array2, Axis};

use crate::{Batch, Data};

/// Samples that are numbers already, one per row, with targets of the type `T`.
///
/// Features should be of the order of 1: divide pixels by 255, and subtract the mean of other
/// features and divide by their standard deviation. With features of 0 to 255 the first outputs are
/// some hundred times too large, and so are the first steps: hidden units die, and the accuracy
/// stays that of guessing. The sign is a loss before training far above ln of the number of
/// classes.
///
/// ```
/// use longhand_data::{Data, Samples};
/// use ndarray::array;
///
/// let samples = Samples::new(array![[1., 2.], [3., 4.]], vec!["small", "large"]);
/// let batch = samples.batch(&[1]);
/// assert_eq!((batch.x, batch.targets), (array![[3., 4.]], vec!["large"]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Samples<F, T = Vec<usize>> {
    x: Array2<F>,
    /// The same as bytes, where all numbers are bytes divided by 255, as pixels are: of these a quarter has
    /// to be read to make a batch.
    bytes: Option<Vec<u8>>,
    targets: T,
}

impl<F: Float, T: Targets> Samples<F, T> {
    /// Samples `[n, features]` and a target for each: a `Vec` of anything, or an array with one row
    /// for each sample.
    ///
    /// # Panics
    /// There are not as many targets as samples.
    #[track_caller]
    pub fn new(x: Array2<F>, targets: T) -> Samples<F, T> {
        let (samples, found) = (x.nrows(), targets.count());
        assert!(
            found == samples,
            "Samples: {found} targets, expected {samples} as there are samples"
        );
        let x = if x.is_standard_layout() { x } else { x.as_standard_layout().into_owned() };
        let bytes = bytes_of(x.as_slice().expect("standard layout"));
        Samples { x, bytes, targets }
    }

    /// The samples, `[n, features]`.
    pub fn x(&self) -> &Array2<F> {
        &self.x
    }

    /// The targets.
    pub fn targets(&self) -> &T {
        &self.targets
    }
}

/// The bytes that these numbers are, divided by 255.
fn bytes_of<F: Float>(numbers: &[F]) -> Option<Vec<u8>> {
    let mut bytes = vec![];
    let mut back = [F::zero(); 1024];
    for numbers in numbers.chunks(back.len()) {
        let first = bytes.len();
        bytes.extend(numbers.iter().map(|x| (x.to_f64() * 255.0).round() as u8));
        let back = &mut back[..numbers.len()];
        from_bytes(&bytes[first..], back);
        // (A negative zero has another inverse.)
        let same = |(&x, &y): (&F, &F)| x == y && F::one() / x == F::one() / y;
        if !numbers.iter().zip(&*back).all(same) {
            return None;
        }
    }
    Some(bytes)
}

impl<F: Float, T: Targets> Data<F> for Samples<F, T> {
    type Targets = T;

    fn len(&self) -> usize {
        self.x.nrows()
    }

    fn batch_into(&self, positions: &[usize], batch: &mut Batch<F, T>) {
        let columns = self.x.ncols();
        recycle(std::mem::take(&mut batch.x));
        batch.x = unspecified_at_line(positions.len(), columns);
        let (from, to) = (self.x.as_slice(), batch.x.as_slice_mut());
        let (from, to) = (from.expect("standard layout"), to.expect("standard layout"));
        let bytes = self.bytes.as_deref();
        in_parts(to, columns.max(1), |at, rows| {
            let rows = rows.chunks_exact_mut(columns.max(1));
            for (row, &i) in rows.zip(&positions[at / columns.max(1)..]) {
                let sample = i * columns..(i + 1) * columns;
                match bytes {
                    Some(bytes) => from_bytes(&bytes[sample], row),
                    None => row.copy_from_slice(&from[sample]),
                }
            }
        });
        self.targets.select_into(positions, &mut batch.targets);
    }
}

/// Targets that can be gathered into a batch: a `Vec`, or an array with one row for each sample.
pub trait Targets: Default {
    /// How many there are.
    fn count(&self) -> usize;

    /// Replaces `batch` by the targets at these positions.
    fn select_into(&self, positions: &[usize], batch: &mut Self);
}

impl<T: Clone> Targets for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn select_into(&self, positions: &[usize], batch: &mut Vec<T>) {
        batch.clear();
        batch.extend(positions.iter().map(|&i| self[i].clone()));
    }
}

impl<F: Float> Targets for Array2<F> {
    fn count(&self) -> usize {
        self.nrows()
    }

    fn select_into(&self, positions: &[usize], batch: &mut Array2<F>) {
        *batch = self.select(Axis(0), positions);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_batch_holds_the_rows_that_were_asked_for_whatever_the_layout() {
        let x = array![[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]];
        for x in [x.clone(), x.t().as_standard_layout().into_owned().reversed_axes()] {
            let samples = Samples::new(x, array![[10.0], [20.0], [30.0]]);
            let mut batch = Batch::default();
            for positions in [&[2, 0, 2][..], &[1], &[]] {
                samples.batch_into(positions, &mut batch);
                assert_eq!(batch.x, samples.x().select(Axis(0), positions));
                assert_eq!(batch.targets, samples.targets().select(Axis(0), positions));
            }
        }
        assert_eq!(
            Samples::<f32>::new(Array2::zeros((2, 0)), vec![0, 1]).batch(&[1]).x.dim(),
            (1, 0)
        );
    }

    /// Pixels are kept as bytes, and any other number as it is: the numbers are the same to the bit.
    #[test]
    fn numbers_are_what_they_were() {
        let pixels: Vec<f32> = (0..3000).map(|i| (i % 256) as f32 / 255.0).collect();
        for (at, other) in
            [(0, None), (5, Some(0.3)), (2999, Some(2.0)), (7, Some(f32::NAN)), (256, Some(-0.0))]
        {
            let mut numbers = pixels.clone();
            other.inspect(|&other| numbers[at] = other);
            let x = Array2::from_shape_vec((30, 100), numbers).unwrap();
            let samples = Samples::new(x.clone(), vec![0; 30]);
            assert_eq!(samples.bytes.is_some(), other.is_none());
            let batch = samples.batch(&(0..30).collect::<Vec<_>>()).x;
            assert!(
                batch.iter().zip(&x).all(|(found, x)| found.to_bits() == x.to_bits()),
                "{other:?}"
            );
        }
    }

    #[test]
    #[should_panic = "Samples: 1 targets, expected 2 as there are samples"]
    fn as_many_targets_as_samples() {
        Samples::<f32>::new(Array2::zeros((2, 3)), vec![0]);
    }
}
