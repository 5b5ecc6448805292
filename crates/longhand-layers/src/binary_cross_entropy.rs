use longhand_tensor::{Float, exp_in_place, ln_in_place, recycle, sum_slice};
use ndarray::{Array2, ArrayRef2, Zip};

use crate::elementwise::{map_gradient, map_through};
use crate::loss::expect_target;
use crate::{Layer, Loss, Sigmoid};

/// Cross-entropy of the sigmoid of **logits** (not of probabilities) against targets between 0 and
/// 1, mean over all `N` elements of the batch: several yes-or-no questions at once.
///
/// With `p = σ(z)`, one element's loss is `l = −t·ln p − (1 − t)·ln(1 − p)`. As `ln p = −ln(1 +
/// exp(−z))` and `ln(1 − p) = −z − ln(1 + exp(−z))`, that is `l = z·(1 − t) + ln(1 + exp(−z))`. For
/// negative `z` the exponential would overflow; there `ln(1 + exp(−z)) = −z + ln(1 + exp(z))`:
///
/// ```text
/// l = z·(1 − t) + ln(1 + exp(−z))    for z ≥ 0
/// l = −z·t + ln(1 + exp(z))          for z < 0
/// ```
///
/// Neither subtracts one large number from another, as `max(z, 0) − z·t` would.
///
/// # Derivation
/// `∂ ln(1 + exp(−z))/∂z = −exp(−z) / (1 + exp(−z)) = p − 1`, so `∂l/∂z = 1 − t + p − 1`, and with
/// the mean `dz = (σ(z) − t) / N`.
///
/// Source: C. Bishop, *Pattern Recognition and Machine Learning*, 2006, section 4.3.2; as
/// `torch.nn.BCEWithLogitsLoss`.
///
/// # Shapes
/// Logits, target and gradient `[n, any]`.
///
/// # Panics
/// The batch is empty, or the target has another shape.
///
/// ```
/// use longhand_layers::{BinaryCrossEntropyWithLogits, Loss, ndarray::array};
/// let loss = BinaryCrossEntropyWithLogits;
/// let (l, dz) = loss.loss_and_grad(array![[0.0f64, 0.0]], &array![[1., 0.]]); // p = 1/2
/// assert!((l - 2f64.ln()).abs() < 1e-15);
/// assert_eq!(dz, array![[-0.25, 0.25]]);
/// assert_eq!(loss.loss(&array![[1e30, -1e30]], &array![[1., 0.]]), 0.);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BinaryCrossEntropyWithLogits;

impl<F: Float> Loss<F> for BinaryCrossEntropyWithLogits {
    type Target = Array2<F>;

    #[track_caller]
    fn loss(&self, z: &ArrayRef2<F>, target: &Array2<F>) -> F {
        expect_target("BinaryCrossEntropyWithLogits", z, target);
        let mut losses = map_through(z, |z| -z.abs(), ln_1p_of_exp, |_, l| l); // ln(1 + exp(−|z|))
        Zip::from(&mut losses).and(z).and(target).for_each(|l, &z, &t| {
            *l += if z < F::zero() { -z * t } else { z * (F::one() - t) }; // + z·(1 − t) or −z·t
        });
        let loss = sum_slice(losses.as_slice().expect("standard layout"));
        recycle(losses);
        loss / F::from_f64(z.len() as f64)
    }

    #[track_caller]
    fn loss_and_grad(&self, z: Array2<F>, target: &Array2<F>) -> (F, Array2<F>) {
        let loss = self.loss(&z, target);
        let n = F::from_f64(z.len() as f64);
        let p = Sigmoid.infer_owned(z);
        let dz = map_gradient(&"BinaryCrossEntropyWithLogits", target, p, |p, t| (p - t) / n); // dz = (σ(z) − t) / N
        (loss, dz)
    }
}

/// Replaces each `x`, which is not positive, by `ln(1 + exp(x))`. With `e = exp(x)` and `u = 1 + e` rounded,
/// that is `ln u + (e − (u − 1)) / u`: the quotient is what was lost when `u` was rounded.
fn ln_1p_of_exp<F: Float>(numbers: &mut [F]) {
    exp_in_place(numbers);
    let mut logarithms = [F::zero(); 256];
    for numbers in numbers.chunks_mut(logarithms.len()) {
        let logarithms = &mut logarithms[..numbers.len()];
        logarithms.iter_mut().zip(&*numbers).for_each(|(u, &e)| *u = F::one() + e);
        ln_in_place(logarithms);
        for (e, &ln) in numbers.iter_mut().zip(&*logarithms) {
            let u = F::one() + *e;
            *e = ln + (*e - (u - F::one())) / u;
        }
    }
}
