use longhand_tensor::{Float, exp_in_place, sum};
use ndarray::Array2;

/// The softmax of each row: `p[k] = exp(z[k]) / Σ_j exp(z[j])`, the probabilities that logits stand
/// for.
///
/// The largest logit of a row is subtracted first, which changes nothing in the quotient: so no
/// exponential overflows.
///
/// Source: C. Bishop, *Pattern Recognition and Machine Learning*, 2006, equation 4.105.
///
/// # Shapes
/// `z, p: [n, classes]`.
///
/// ```
/// use longhand_layers::{ndarray::array, softmax};
/// assert_eq!(softmax(array![[1e30, 1e30], [0., 1e30]]), array![[0.5, 0.5], [0., 1.]]);
/// ```
pub fn softmax<F: Float>(z: Array2<F>) -> Array2<F> {
    let (mut e, totals) = exp_and_sum(shifted(z));
    for (mut row, total) in e.rows_mut().into_iter().zip(totals) {
        row.mapv_inplace(|e| e / total);
    }
    e
}

/// The logarithm of the softmax of each row: `ln p[k] = z[k] − lse(z)` with `lse(z) = ln Σ_j
/// exp(z[j])`. It is finite where the probability itself is too small for a number.
///
/// # Shapes
/// `z`, result: `[n, classes]`.
///
/// ```
/// use longhand_layers::{log_softmax, ndarray::array};
/// assert_eq!(log_softmax(array![[0., 1e4]]), array![[-1e4, 0.]]);
/// assert_eq!(log_softmax(array![[7f64, 7.]]), array![[-2f64.ln(), -2f64.ln()]]);
/// ```
pub fn log_softmax<F: Float>(z: Array2<F>) -> Array2<F> {
    let mut z = shifted(z);
    let (_, totals) = exp_and_sum(z.clone());
    for (mut row, total) in z.rows_mut().into_iter().zip(totals) {
        let lse = total.ln();
        row.mapv_inplace(|z| z - lse);
    }
    z
}

/// `z[k] − max z` in each row, in standard layout.
pub(crate) fn shifted<F: Float>(z: Array2<F>) -> Array2<F> {
    let mut z = match z.is_standard_layout() {
        true => z,
        false => z.as_standard_layout().into_owned(),
    };
    let columns = z.ncols().max(1);
    for z in z.as_slice_mut().expect("standard layout").chunks_exact_mut(columns) {
        let max = z.iter().fold(z[0], |m, &z| if z > m { z } else { m });
        z.iter_mut().for_each(|z| *z -= max);
    }
    z
}

/// `exp(z[k])`, and its sum over each row.
pub(crate) fn exp_and_sum<F: Float>(mut z: Array2<F>) -> (Array2<F>, Vec<F>) {
    let columns = z.ncols().max(1);
    let e = z.as_slice_mut().expect("standard layout");
    exp_in_place(e);
    let totals = e.chunks_exact(columns).map(|e| sum(e.iter().copied())).collect();
    (z, totals)
}
