use longhand_tensor::Float;
use ndarray::{Array2, ArrayRef2, ArrayViewMut1};

use crate::Loss;

/// Cross-entropy of the softmax of **logits** (not of probabilities) against integer class labels, mean over the batch.
///
/// For one row of logits `z` with label `t`, softmax gives `p[k] = exp(z[k]) / Σ_j exp(z[j])`, and the loss is
///
/// ```text
/// L = −ln p[t] = lse(z) − z[t],   lse(z) = ln Σ_j exp(z[j]) = m + ln Σ_j exp(z[j] − m)
/// ```
///
/// With `m = max z` no exponential overflows and the sum is at least 1, so the loss is finite for all finite logits.
///
/// # Derivation
/// `∂lse/∂z[k] = exp(z[k]) / Σ_j exp(z[j]) = p[k]` and `∂z[t]/∂z[k] = [k = t]`, so `∂L/∂z[k] = p[k] − [k = t]`. The mean over
/// `n` rows divides by `n`:
///
/// ```text
/// dz[r,k] = (p[r,k] − [k = t_r]) / n
/// ```
///
/// # Shapes
/// Logits and their gradient `[n, classes]`, labels `[n]`, each below `classes`.
///
/// # Panics
/// The batch is empty, there are not as many labels as rows, or a label is not below the number of classes.
///
/// Source: C. Bishop, *Pattern Recognition and Machine Learning*, 2006, section 4.3.4; as `torch.nn.CrossEntropyLoss`.
///
/// ```
/// use longhand_layers::{Loss, SoftmaxCrossEntropy, ndarray::{Array2, array}};
///
/// // Four equal logits: each class has probability 1/4.
/// let (loss, dlogits) = SoftmaxCrossEntropy.loss_and_grad(Array2::<f64>::zeros((1, 4)), &[2]);
/// assert!((loss - 4f64.ln()).abs() < 1e-15);
/// assert_eq!(dlogits, array![[0.25, 0.25, -0.75, 0.25]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SoftmaxCrossEntropy;

impl SoftmaxCrossEntropy {
    #[track_caller]
    fn expect_labels<F>(logits: &ArrayRef2<F>, labels: &[usize]) {
        let (rows, classes) = logits.dim();
        assert!(
            rows > 0,
            "SoftmaxCrossEntropy: the batch is empty, expected at least one row of logits"
        );
        assert!(
            labels.len() == rows,
            "SoftmaxCrossEntropy: {} labels for logits of {rows} × {classes}, expected {rows}",
            labels.len()
        );
        if let Some(row) = labels.iter().position(|&t| t >= classes) {
            let label = labels[row];
            panic!(
                "SoftmaxCrossEntropy: label {label} in row {row}, expected one below {classes} for logits of {rows} × {classes}"
            );
        }
    }

    /// Replaces a row of logits by its softmax times `scale`, and returns `lse(z) − z[t]`.
    fn row<F: Float>(mut z: ArrayViewMut1<'_, F>, label: usize, scale: F) -> F {
        let max = z.iter().fold(z[0], |m, &z| if z > m { z } else { m });
        let to_label = max - z[label];
        z.mapv_inplace(|z| (z - max).exp());
        let sum = z.sum();
        z.mapv_inplace(|e| e / sum * scale); // p[k]·scale
        sum.ln() + to_label // m + ln Σ exp(z − m) − z[t]
    }
}

impl<F: Float> Loss<F> for SoftmaxCrossEntropy {
    type Target = [usize];

    #[track_caller]
    fn loss(&self, logits: &ArrayRef2<F>, labels: &[usize]) -> F {
        self.loss_and_grad(logits.to_owned(), labels).0
    }

    #[track_caller]
    fn loss_and_grad(&self, mut logits: Array2<F>, labels: &[usize]) -> (F, Array2<F>) {
        SoftmaxCrossEntropy::expect_labels(&logits, labels);
        let n = F::from_f64(labels.len() as f64);
        let mut loss = F::zero();
        for (mut z, &label) in logits.rows_mut().into_iter().zip(labels) {
            loss += SoftmaxCrossEntropy::row(z.view_mut(), label, F::one() / n);
            z[label] -= F::one() / n; // dz[k] = (p[k] − [k = t]) / n
        }
        (loss / n, logits)
    }
}
