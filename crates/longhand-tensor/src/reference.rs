//! The products as they are defined: one loop for each index and nothing else. They are what the
//! kernels compute, in a time that nobody would wait for; and what the tests hold these against.
//!
//! ```
//! use longhand_tensor::{affine, add_matmul_tn, matmul_nt, ndarray::array, reference};
//!
//! let (x, w, b) = (array![[1., 2.], [3., 4.]], array![[5., 6.], [7., 8.]], array![9., 10.]);
//! assert_eq!(reference::affine(&x, &w, &b), affine(&x, &w, &b));
//! assert_eq!(reference::matmul_nt(&x, &w), matmul_nt(&x, &w));
//! let (mut slow, mut fast) = (w.clone(), w.clone());
//! reference::add_matmul_tn(&x, &w, &mut slow);
//! add_matmul_tn(&x, &w, &mut fast);
//! assert_eq!(slow, fast);
//! ```

use ndarray::{Array2, ArrayRef1, ArrayRef2};

use crate::Float;

/// `y[r,j] = b[j] + Σ_i x[r,i]·W[i,j]`, as [`affine`](crate::affine).
///
/// # Panics
/// An index is out of bounds, as the shapes do not fit.
pub fn affine<F: Float>(x: &ArrayRef2<F>, w: &ArrayRef2<F>, b: &ArrayRef1<F>) -> Array2<F> {
    Array2::from_shape_fn((x.nrows(), w.ncols()), |(r, j)| {
        let mut y = b[j];
        for i in 0..x.ncols() {
            y = x[[r, i]].mul_add(w[[i, j]], y);
        }
        y
    })
}

/// `dx[r,i] = Σ_j dy[r,j]·W[i,j]`, as [`matmul_nt`](crate::matmul_nt).
///
/// # Panics
/// An index is out of bounds, as the shapes do not fit.
pub fn matmul_nt<F: Float>(dy: &ArrayRef2<F>, w: &ArrayRef2<F>) -> Array2<F> {
    Array2::from_shape_fn((dy.nrows(), w.nrows()), |(r, i)| {
        let mut dx = F::zero();
        for j in 0..dy.ncols() {
            dx = dy[[r, j]].mul_add(w[[i, j]], dx);
        }
        dx
    })
}

/// `dW[i,j] += Σ_r x[r,i]·dy[r,j]`, as [`add_matmul_tn`](crate::add_matmul_tn) of up to 256 rows.
/// (Of more, that adds sums of 256 rows in a tree, which is more accurate.)
///
/// # Panics
/// An index is out of bounds, as the shapes do not fit.
pub fn add_matmul_tn<F: Float>(x: &ArrayRef2<F>, dy: &ArrayRef2<F>, dw: &mut ArrayRef2<F>) {
    for ((i, j), dw) in dw.indexed_iter_mut() {
        for r in 0..x.nrows() {
            *dw = x[[r, i]].mul_add(dy[[r, j]], *dw);
        }
    }
}
