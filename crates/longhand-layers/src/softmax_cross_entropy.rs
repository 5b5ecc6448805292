use longhand_tensor::{Float, ln_in_place, sum};
use ndarray::Array2;

use crate::Loss;
use crate::loss::expect_labels;
use crate::softmax::{exp_and_sum, shifted};

/// Cross-entropy of the softmax of **logits** (not of probabilities) against integer class labels,
/// mean over the batch.
///
/// For one row of logits `z` with label `t`, softmax gives `p[k] = exp(z[k]) / Σ_j exp(z[j])`, and
/// the loss is
///
/// ```text
/// l = −ln p[t] = lse(z) − z[t],   lse(z) = ln Σ_j exp(z[j]) = m + ln Σ_j exp(z[j] − m)
/// ```
///
/// With `m = max z` no exponential overflows and the sum is at least 1, so the loss is finite
/// as long as the differences between logits, added up over the batch, are.
///
/// # Derivation
/// From `∂lse/∂z[k] = exp(z[k]) / Σ_j exp(z[j]) = p[k]` follows `∂l/∂z[k] = p[k] − [k = t]`. The
/// mean over `n` rows divides by `n`:
///
/// ```text
/// dz[r,k] = (p[r,k] − [k = t_r]) / n
/// ```
///
/// Label smoothing and class weights:
/// [`WeightedSoftmaxCrossEntropy`](crate::WeightedSoftmaxCrossEntropy).
///
/// Source: C. Bishop, *Pattern Recognition and Machine Learning*, 2006, section 4.3.4; as
/// `torch.nn.CrossEntropyLoss`.
///
/// # Shapes
/// Logits and their gradient `[n, classes]`, labels `[n]`, each below `classes`.
///
/// # Panics
/// The batch is empty, there are not as many labels as rows, or a label is not below the number of
/// classes.
///
/// ```
/// use longhand_layers::{Loss, SoftmaxCrossEntropy, ndarray::{Array2, array}};
///
/// // Four equal logits: each class has probability 1/4.
/// let (loss, dlogits) = SoftmaxCrossEntropy.loss_and_grad(Array2::<f64>::zeros((1, 4)), &[2]);
/// assert!((loss - 4f64.ln()).abs() < 1e-15);
/// assert_eq!(dlogits, array![[0.25, 0.25, -0.75, 0.25]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoftmaxCrossEntropy;

impl<F: Float> Loss<F> for SoftmaxCrossEntropy {
    type Target = [usize];

    #[track_caller]
    fn loss_and_grad(&self, logits: Array2<F>, labels: &[usize]) -> (F, Array2<F>) {
        expect_labels("SoftmaxCrossEntropy", &logits, labels);
        let n = F::from_f64(labels.len() as f64);
        let z = shifted(logits); // z − m
        let z_at_label: Vec<F> = labels.iter().enumerate().map(|(r, &t)| z[[r, t]]).collect();
        let (mut dz, totals) = exp_and_sum(z); // exp(z − m), Σ_j exp(z[j] − m)
        for ((mut dz, &t), &total) in dz.rows_mut().into_iter().zip(labels).zip(&totals) {
            let scale = F::one() / (total * n);
            dz.mapv_inplace(|e| (e * scale).normal_or_zero()); // p / n
            dz[t] -= F::one() / n; // dz = (p − onehot) / n
        }
        let mut lse = totals;
        ln_in_place(&mut lse); // lse(z − m)
        let losses = lse.iter().zip(&z_at_label).map(|(&lse, &z)| lse - z); // l = lse(z) − z[t]
        (sum(losses) / n, dz)
    }
}
