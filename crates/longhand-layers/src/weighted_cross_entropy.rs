use longhand_tensor::{Float, ln_in_place, sum};
use ndarray::Array2;

use crate::Loss;
use crate::loss::expect_labels;
use crate::softmax::{exp_and_sum, shifted};

/// [`SoftmaxCrossEntropy`](crate::SoftmaxCrossEntropy) against softened targets: with label
/// smoothing, class weights, or both.
///
/// The target of a row with label `t` is a distribution `q` over the `K` classes, and `l = −Σ_k
/// q[k]·ln p[k]`. Label smoothing `ε` makes it `q[k] = (1 − ε)·[k = t] + ε/K`, class weights
/// multiply `q[k]` by `w[k]`. The mean over the batch divides by the sum of the labels' weights: `L
/// = Σ_r l[r] / Σ_r w[t_r]`, which is NaN where these add up to 0, as in PyTorch.
///
/// # Derivation
/// `∂(−ln p[j])/∂z[k] = p[k] − [k = j]`, so `∂l/∂z[k] = Σ_j q[j]·(p[k] − [k = j]) = p[k]·Σ_j q[j] −
/// q[k]`, and
///
/// ```text
/// dz[r,k] = (p[r,k]·Σ_j q[r,j] − q[r,k]) / Σ_r w[t_r]
/// ```
///
/// Source: C. Szegedy et al., *Rethinking the Inception Architecture*, 2016; as
/// `torch.nn.CrossEntropyLoss` with `label_smoothing` and `weight`.
///
/// # Shapes
/// Logits and their gradient `[n, classes]`, labels `[n]`, each below `classes`.
///
/// # Panics
/// As [`SoftmaxCrossEntropy`](crate::SoftmaxCrossEntropy); the smoothing is not in `0..=1`; there
/// are not as many weights as classes, or one is negative or not finite.
///
/// ```
/// use longhand_layers::{Loss, WeightedSoftmaxCrossEntropy, ndarray::{Array2, array}};
///
/// // Smoothed by 0.5, the target is 0.5 + 0.125 for the label and 0.125 for the others.
/// let loss = WeightedSoftmaxCrossEntropy { label_smoothing: 0.5, class_weights: None };
/// let (_, dlogits) = loss.loss_and_grad(Array2::<f64>::zeros((1, 4)), &[2]);
/// assert_eq!(dlogits, array![[0.125, 0.125, -0.375, 0.125]]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightedSoftmaxCrossEntropy {
    /// The share `ε` of each target that is spread evenly over all classes; 0 by default.
    pub label_smoothing: f64,
    /// How much each class counts; all the same by default.
    pub class_weights: Option<Vec<f64>>,
}

impl WeightedSoftmaxCrossEntropy {
    #[track_caller]
    fn expect_options(&self, classes: usize) {
        let smoothing = self.label_smoothing;
        assert!(
            (0.0..=1.0).contains(&smoothing),
            "WeightedSoftmaxCrossEntropy: label_smoothing is {smoothing}, expected 0 to 1"
        );
        let Some(weights) = &self.class_weights else { return };
        assert!(
            weights.len() == classes,
            "WeightedSoftmaxCrossEntropy: {} class weights, expected {classes} as there are classes",
            weights.len()
        );
        if let Some(class) = weights.iter().position(|&w| !(w >= 0.0 && w.is_finite())) {
            let weight = weights[class];
            panic!(
                "WeightedSoftmaxCrossEntropy: the weight of class {class} is {weight}, expected a finite number, 0 or more"
            );
        }
    }

    fn weight<F: Float>(&self, class: usize) -> F {
        self.class_weights.as_ref().map_or(F::one(), |w| F::from_f64(w[class]))
    }
}

impl<F: Float> Loss<F> for WeightedSoftmaxCrossEntropy {
    type Target = [usize];

    #[track_caller]
    fn loss_and_grad(&self, logits: Array2<F>, labels: &[usize]) -> (F, Array2<F>) {
        let classes = logits.ncols();
        expect_labels("WeightedSoftmaxCrossEntropy", &logits, labels);
        self.expect_options(classes);
        let spread = self.label_smoothing / classes as f64; // ε/K
        let of_label = F::from_f64(1.0 - self.label_smoothing + spread);
        let of_others = F::from_f64(spread);
        let q = |k, t| self.weight::<F>(k) * if k == t { of_label } else { of_others };
        let divisor = sum(labels.iter().map(|&t| self.weight::<F>(t))); // Σ_r w[t_r]

        let z = shifted(logits); // z − m
        let of_row = |(r, &t): (usize, &usize)| {
            (sum((0..classes).map(|k| q(k, t))), sum((0..classes).map(|k| q(k, t) * z[[r, k]])))
        };
        let targets: Vec<(F, F)> = labels.iter().enumerate().map(of_row).collect(); // Σ_k q[k], Σ_k q[k]·z[k]
        let (mut dz, totals) = exp_and_sum(z); // exp(z − m), Σ_j exp(z[j] − m)
        for (r, (&t, &(q_sum, _))) in labels.iter().zip(&targets).enumerate() {
            let scale = q_sum / (totals[r] * divisor);
            for (k, dz) in dz.row_mut(r).iter_mut().enumerate() {
                *dz = *dz * scale - q(k, t) / divisor; // dz[k] = (p[k]·Σ_j q[j] − q[k]) / divisor
            }
        }
        let mut lse = totals;
        ln_in_place(&mut lse);
        // l = Σ_k q[k]·(lse − z[k])
        let losses =
            lse.iter().zip(&targets).map(|(&lse, &(q_sum, q_dot_z))| q_sum * lse - q_dot_z);
        (sum(losses) / divisor, dz)
    }
}
