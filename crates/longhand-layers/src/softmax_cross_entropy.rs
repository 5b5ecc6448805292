use longhand_tensor::{Float, exp_in_place, ln_in_place, sum};
use ndarray::{Array2, ArrayRef2};

use crate::Loss;
use crate::loss::expect_batch;

/// Cross-entropy of the softmax of **logits** (not of probabilities) against integer class labels, mean over the batch.
///
/// For one row of logits `z` with label `t`, softmax gives `p[k] = exp(z[k]) / Σ_j exp(z[j])`, and the loss is
///
/// ```text
/// l = −ln p[t] = lse(z) − z[t],   lse(z) = ln Σ_j exp(z[j]) = m + ln Σ_j exp(z[j] − m)
/// ```
///
/// With `m = max z` no exponential overflows and the sum is at least 1, so the loss is finite
/// as long as the differences between logits, added up over the batch, are.
///
/// In general the target is a distribution `q` over the classes: `l = −Σ_k q[k]·ln p[k]`. Label smoothing `ε` makes it
/// `q[k] = (1 − ε)·[k = t] + ε/K`, class weights multiply `q[k]` by `w[k]`, and the mean over the batch then divides by the
/// sum of the labels' weights: `L = Σ_r l[r] / Σ_r w[t_r]`. Without either, `q[k] = [k = t]` and the divisor is `n`.
///
/// # Derivation
/// From `∂lse/∂z[k] = exp(z[k]) / Σ_j exp(z[j]) = p[k]` follows `∂(−ln p[j])/∂z[k] = p[k] − [k = j]`. So
/// `∂l/∂z[k] = Σ_j q[j]·(p[k] − [k = j]) = p[k]·Σ_j q[j] − q[k]`, and
///
/// ```text
/// dz[r,k] = (p[r,k]·Σ_j q[r,j] − q[r,k]) / Σ_r w[t_r]       plain: dz[r,k] = (p[r,k] − [k = t_r]) / n
/// ```
///
/// Source: C. Bishop, *Pattern Recognition and Machine Learning*, 2006, section 4.3.4; label smoothing: C. Szegedy et al.,
/// *Rethinking the Inception Architecture*, 2016; as `torch.nn.CrossEntropyLoss`.
///
/// # Shapes
/// Logits and their gradient `[n, classes]`, labels `[n]`, each below `classes`.
///
/// # Panics
/// The batch is empty, there are not as many labels as rows, a label is not below the number of classes, or there are not as
/// many class weights as classes.
///
/// ```
/// use longhand_layers::{Loss, SoftmaxCrossEntropy, ndarray::{Array2, array}};
///
/// // Four equal logits: each class has probability 1/4.
/// let logits = Array2::<f64>::zeros((1, 4));
/// let (loss, dlogits) = SoftmaxCrossEntropy::default().loss_and_grad(logits.clone(), &[2]);
/// assert!((loss - 4f64.ln()).abs() < 1e-15);
/// assert_eq!(dlogits, array![[0.25, 0.25, -0.75, 0.25]]);
///
/// // Smoothed by 0.5, the target is 0.5 + 0.125 for the label and 0.125 for the others.
/// let smoothed = SoftmaxCrossEntropy { label_smoothing: 0.5, ..Default::default() };
/// assert_eq!(smoothed.loss_and_grad(logits, &[2]).1, array![[0.125, 0.125, -0.375, 0.125]]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoftmaxCrossEntropy {
    /// The share `ε` of each target that is spread evenly over all classes; 0 by default.
    pub label_smoothing: f64,
    /// How much each class counts; all the same by default.
    pub class_weights: Option<Vec<f64>>,
}

impl SoftmaxCrossEntropy {
    #[track_caller]
    fn expect_labels<F>(&self, logits: &ArrayRef2<F>, labels: &[usize]) {
        let (rows, classes) = logits.dim();
        expect_batch("SoftmaxCrossEntropy", logits.dim());
        assert!(
            labels.len() == rows,
            "SoftmaxCrossEntropy: {} labels, expected {rows} as the logits are {rows} × {classes}",
            labels.len()
        );
        if let Some(row) = labels.iter().position(|&t| t >= classes) {
            let label = labels[row];
            panic!(
                "SoftmaxCrossEntropy: label of row {row} is {label}, expected one below {classes} as the logits are \
                 {rows} × {classes}"
            );
        }
        let smoothing = self.label_smoothing;
        assert!(
            (0.0..=1.0).contains(&smoothing),
            "SoftmaxCrossEntropy: label_smoothing is {smoothing}, expected 0 to 1"
        );
        if let Some(weights) = &self.class_weights {
            assert!(
                weights.len() == classes,
                "SoftmaxCrossEntropy: {} class weights, expected {classes} as the logits are {rows} × {classes}",
                weights.len()
            );
        }
    }

    fn weight<F: Float>(&self, class: usize) -> F {
        self.class_weights.as_ref().map_or(F::one(), |w| F::from_f64(w[class]))
    }

    /// The loss, summed over the batch; the logits are replaced by its gradient.
    fn sum_and_grad<F: Float>(&self, z: &mut [F], classes: usize, labels: &[usize]) -> (F, F) {
        let divisor = sum(labels.iter().map(|&t| self.weight::<F>(t)));
        // Without smoothing, q is zero but at the label.
        let support = |t| if self.label_smoothing == 0.0 { t..t + 1 } else { 0..classes };
        let spread = self.label_smoothing / classes as f64;
        let of_label = F::from_f64(1.0 - self.label_smoothing + spread);
        let of_others = F::from_f64(spread);
        let q = |k, t| self.weight::<F>(k) * if k == t { of_label } else { of_others };

        let mut targets = Vec::with_capacity(labels.len()); // Σ_k q[k] and Σ_k q[k]·(z[k] − m)
        for (z, &t) in z.chunks_exact_mut(classes).zip(labels) {
            let max = z.iter().fold(z[0], |m, &z| if z > m { z } else { m });
            z.iter_mut().for_each(|z| *z -= max);
            let q_dot_z = sum(support(t).map(|k| q(k, t) * z[k]));
            targets.push((sum(support(t).map(|k| q(k, t))), q_dot_z));
        }
        exp_in_place(z);
        let mut lse = Vec::with_capacity(labels.len());
        for ((z, &t), &(q_sum, _)) in z.chunks_exact_mut(classes).zip(labels).zip(&targets) {
            let total = sum(z.iter().copied());
            let scale = q_sum / (total * divisor);
            z.iter_mut().for_each(|e| *e *= scale);
            for k in support(t) {
                z[k] -= q(k, t) / divisor; // dz[k] = (p[k]·Σ_j q[j] − q[k]) / divisor
            }
            lse.push(total);
        }
        ln_in_place(&mut lse);
        // l = Σ_k q[k]·(ln Σ_j exp(z[j] − m) − (z[k] − m))
        let losses =
            lse.iter().zip(&targets).map(|(&lse, &(q_sum, q_dot_z))| q_sum * lse - q_dot_z);
        (sum(losses), divisor)
    }
}

impl<F: Float> Loss<F> for SoftmaxCrossEntropy {
    type Target = [usize];

    #[track_caller]
    fn loss(&self, logits: &ArrayRef2<F>, labels: &[usize]) -> F {
        self.loss_and_grad(logits.to_owned(), labels).0
    }

    #[track_caller]
    fn loss_and_grad(&self, logits: Array2<F>, labels: &[usize]) -> (F, Array2<F>) {
        self.expect_labels(&logits, labels);
        let classes = logits.ncols();
        let mut z = match logits.is_standard_layout() {
            true => logits,
            false => logits.as_standard_layout().into_owned(),
        };
        let (sum, divisor) =
            self.sum_and_grad(z.as_slice_mut().expect("standard layout"), classes, labels);
        (sum / divisor, z)
    }
}
