use ndarray::{ArrayRef1, ArrayRef2};

use crate::Float;

/// `db += Σ_r dy[r]`, the sum over the rows.
///
/// # Shapes
/// `dy: [n, out]`, `db: [out]`.
///
/// # Panics
/// The widths differ.
///
/// ```
/// use longhand_tensor::{add_sum_rows, ndarray::array};
/// let mut db = array![100., 100.];
/// add_sum_rows(&array![[1., 2.], [3., 4.]], &mut db);
/// assert_eq!(db, array![104., 106.]);
/// ```
#[track_caller]
pub fn add_sum_rows<F: Float>(dy: &ArrayRef2<F>, db: &mut ArrayRef1<F>) {
    for row in dy.rows() {
        *db += &row;
    }
}

/// The position of the largest element; of the first of several equal ones. NaN is never the largest.
///
/// # Panics
/// The row is empty.
///
/// ```
/// use longhand_tensor::{argmax, ndarray::array};
/// assert_eq!(argmax(&array![1., 7., 3., 7.]), 1);
/// ```
#[track_caller]
pub fn argmax<F: Float>(row: &ArrayRef1<F>) -> usize {
    assert!(!row.is_empty(), "argmax of an empty row");
    let is_nan = |value: F| value.partial_cmp(&value).is_none();
    let mut best = 0;
    for (i, &value) in row.iter().enumerate() {
        if value > row[best] || (is_nan(row[best]) && !is_nan(value)) {
            best = i;
        }
    }
    best
}
