//! The products of a linear layer, as callers see them: arrays and shapes.

use std::sync::Mutex;

use ndarray::{Array2, ArrayRef1, ArrayRef2, CowArray, Ix2};

use crate::Float;
use crate::arrays::{recycle, unspecified};
use crate::kernel::matrix::Matrix;
use crate::plan::{self, Shape};
use crate::pool::{for_each_part, spread, threads};
use crate::product::Product;
use crate::rows::add_scaled_here;
use crate::sums::Tree;
use crate::tuning::{PART, USED_AT_ONCE};

/// Rows of a batch over which a weight's gradient is summed one after the other. Of more rows, sums
/// of so many are added in a tree, so that the error does not grow with the number of rows. It decides
/// bits, and so is not in `tuning`. The kernels finish sums of so many rows at once.
const ROWS_OF_A_RUN: usize = 256;

/// `x·W`.
///
/// A zero in `x` may be skipped, and then contributes nothing even where its weight is infinite or
/// NaN.
///
/// # Shapes
/// `x: [n, in]`, `w: [in, out]`, result `[n, out]`.
///
/// # Panics
/// The shapes do not fit.
#[track_caller]
pub fn matmul<F: Float>(x: &ArrayRef2<F>, w: &ArrayRef2<F>) -> Array2<F> {
    rows(x, w, None)
}

/// `x·W + b`, with `b` added to every row.
///
/// A zero in `x` may be skipped, and then contributes nothing even where its weight is infinite or
/// NaN.
///
/// # Shapes
/// `x: [n, in]`, `w: [in, out]`, `b: [out]`, result `[n, out]`.
///
/// # Panics
/// The shapes do not fit.
#[track_caller]
pub fn affine<F: Float>(x: &ArrayRef2<F>, w: &ArrayRef2<F>, b: &ArrayRef1<F>) -> Array2<F> {
    let b = b.as_standard_layout();
    rows(x, w, Some(b.as_slice().expect("standard layout")))
}

#[track_caller]
fn rows<F: Float>(x: &ArrayRef2<F>, w: &ArrayRef2<F>, bias: Option<&[F]>) -> Array2<F> {
    let mut y = unspecified(x.nrows(), bias.map_or(w.ncols(), <[F]>::len));
    expect_fit("x·W", x, w, y.dim(), x.ncols() == w.nrows() && y.ncols() == w.ncols());
    let (x, w) = (x.as_standard_layout(), w.as_standard_layout());
    let out = rows_mut(&mut y);
    F::multiply(Product::Rows { x: matrix(&x), w: matrix(&w), bias, y: out });
    y
}

/// `dy·Wᵀ`.
///
/// A zero in `dy` may be skipped, and then contributes nothing even where its weight is infinite or
/// NaN.
///
/// # Shapes
/// `dy: [n, out]`, `w: [in, out]`, result `[n, in]`.
///
/// # Panics
/// The shapes do not fit.
#[track_caller]
pub fn matmul_nt<F: Float>(dy: &ArrayRef2<F>, w: &ArrayRef2<F>) -> Array2<F> {
    let mut dx = unspecified(dy.nrows(), w.nrows());
    expect_fit("dy·Wᵀ", dy, w, dx.dim(), dy.ncols() == w.ncols());
    let (dy, w) = (dy.as_standard_layout(), w.as_standard_layout());
    let out = rows_mut(&mut dx);
    F::multiply(Product::TransposedRight { dy: matrix(&dy), w: matrix(&w), dx: out });
    dx
}

/// `dW += xᵀ·dy`.
///
/// A zero in `x` may be skipped, and then contributes nothing even where `dy` is infinite or NaN.
///
/// # Shapes
/// `x: [n, in]`, `dy: [n, out]`, `dw: [in, out]`.
///
/// # Panics
/// The shapes do not fit.
#[track_caller]
pub fn add_matmul_tn<F: Float>(x: &ArrayRef2<F>, dy: &ArrayRef2<F>, dw: &mut ArrayRef2<F>) {
    transposed_left(x, dy, None, dw);
}

/// `W += a·(xᵀ·dy)`: what [`add_matmul_tn`] to zeros and then [`add_scaled`](crate::add_scaled)
/// give, to the last bit, in one pass.
///
/// A zero in `x` may be skipped, and then contributes nothing even where `dy` is infinite or NaN.
///
/// # Shapes
/// `x: [n, in]`, `dy: [n, out]`, `w: [in, out]`.
///
/// # Panics
/// The shapes do not fit.
///
/// ```
/// use longhand_tensor::{add_scaled_matmul_tn, ndarray::array};
/// let mut w = array![[100.], [100.]];
/// add_scaled_matmul_tn(&array![[1., 2.]], &array![[10.]], -0.5, &mut w);
/// assert_eq!(w, array![[100. - 0.5 * 10.], [100. - 0.5 * 20.]]);
/// ```
#[track_caller]
pub fn add_scaled_matmul_tn<F: Float>(
    x: &ArrayRef2<F>,
    dy: &ArrayRef2<F>,
    a: F,
    w: &mut ArrayRef2<F>,
) {
    transposed_left(x, dy, Some(a), w);
}

type OnRows<'a, F, const N: usize> = dyn Fn([&mut [F]; N], &[F]) + Sync + 'a;

/// Works out `dW = xᵀ·dy` some rows at a time, and calls `f` with these rows, while they are in a cache, and
/// with the same rows of `changed`; on several threads where the product is large enough. The bits are those
/// of [`add_matmul_tn`] to zeros.
///
/// # Shapes
/// `x: [n, in]`, `dy: [n, out]`, each of `changed`: `in·out` numbers.
pub(crate) fn for_rows_of_matmul_tn<F: Float, const N: usize>(
    (x, dy): (&ArrayRef2<F>, &ArrayRef2<F>),
    mut changed: [&mut [F]; N],
    f: &OnRows<'_, F, N>,
) {
    let (x, dy) = (x.as_standard_layout(), dy.as_standard_layout());
    let (x, dy) = (matrix(&x), matrix(&dy));
    let shape = Shape { rows: x.rows, inner: x.columns, columns: dy.columns };
    let parts: Vec<_> = plan::ranges(x.columns, plan::threads_for(shape, threads()))
        .map(|rows| {
            let changed = changed.each_mut().map(|c| first_rows(c, rows.len(), dy.columns));
            Mutex::new(Some((x.columns_between(rows.start, rows.end), changed)))
        })
        .collect();
    if plan::spreads(shape) {
        spread(parts.len());
    }
    let at_once = USED_AT_ONCE.div_ceil(dy.columns.max(1)).next_multiple_of(PART);
    for_each_part(parts.len(), &|i| {
        let part = parts[i].lock().map(|mut part| part.take());
        let (x, mut changed) = part.ok().flatten().expect("each part is taken once");
        for from in (0..x.columns).step_by(at_once) {
            let x = x.columns_between(from, x.columns.min(from + at_once));
            let dw = matmul_tn_here(x, dy);
            let numbers = dw.as_slice().expect("standard layout");
            f(changed.each_mut().map(|c| first_rows(c, x.columns, dy.columns)), numbers);
            recycle(dw);
        }
    });
}

/// `xᵀ·dy` on this thread.
fn matmul_tn_here<F: Float>(x: Matrix<'_, F>, dy: Matrix<'_, F>) -> Array2<F> {
    let add = |mut earlier: Array2<F>, later: Array2<F>| {
        let (sum, term) = (earlier.as_slice_mut(), later.as_slice());
        add_scaled_here(sum.expect("standard layout"), F::one(), term.expect("standard layout"));
        recycle(later);
        earlier
    };
    let mut runs = Tree::new();
    for run in 0..x.rows.div_ceil(ROWS_OF_A_RUN).max(1) {
        let (from, to) = (run * ROWS_OF_A_RUN, x.rows.min((run + 1) * ROWS_OF_A_RUN));
        let (x, dy) = (x.rows_between(from, to), dy.rows_between(from, to));
        let mut sum = unspecified(x.columns, dy.columns);
        sum.fill(F::zero());
        let dw = sum.as_slice_mut().expect("standard layout");
        F::multiply_here(Product::TransposedLeft { x, dy, scale: None, dw });
        runs.push(sum, add);
    }
    runs.total(add).expect("there is one run at least")
}

/// Takes rows from the beginning of a matrix.
fn first_rows<'a, F>(matrix: &mut &'a mut [F], rows: usize, columns: usize) -> &'a mut [F] {
    matrix.split_off_mut(..rows * columns).expect("as many rows")
}

#[track_caller]
fn transposed_left<F: Float>(
    x: &ArrayRef2<F>,
    dy: &ArrayRef2<F>,
    scale: Option<F>,
    dw: &mut ArrayRef2<F>,
) {
    expect_fit_tn(x, dy, dw.dim());
    let (x, dy) = (x.as_standard_layout(), dy.as_standard_layout());
    if let Some(dw) = dw.as_slice_mut() {
        let shape = Shape { rows: x.nrows(), inner: x.ncols(), columns: dy.ncols() };
        let at_once = match scale {
            Some(_) => plan::finishes::<F>(shape),
            None => shape.rows <= ROWS_OF_A_RUN,
        };
        if at_once {
            let (x, dy) = (matrix(&x), matrix(&dy));
            return F::multiply(Product::TransposedLeft { x, dy, scale, dw });
        }
        let a = scale.unwrap_or(F::one());
        return for_rows_of_matmul_tn((&x, &dy), [dw], &|[w], dw| add_scaled_here(w, a, dw));
    }
    let mut copy = dw.to_owned().as_standard_layout().into_owned();
    transposed_left(&x, &dy, scale, &mut copy);
    dw.assign(&copy);
}

#[track_caller]
pub(crate) fn expect_fit_tn<F>(x: &ArrayRef2<F>, dy: &ArrayRef2<F>, out: (usize, usize)) {
    let fit = x.nrows() == dy.nrows() && out == (x.ncols(), dy.ncols());
    expect_fit("dW += xᵀ·dy", x, dy, out, fit);
}

fn matrix<'a, F: Float>(array: &'a CowArray<'_, F, Ix2>) -> Matrix<'a, F> {
    let data = array.as_slice().expect("standard layout");
    Matrix::new(data, array.nrows(), array.ncols())
}

fn rows_mut<F>(array: &mut Array2<F>) -> Vec<&mut [F]> {
    let columns = array.ncols().max(1);
    array.as_slice_mut().expect("standard layout").chunks_exact_mut(columns).collect()
}

#[track_caller]
fn expect_fit<F>(
    product: &str,
    left: &ArrayRef2<F>,
    right: &ArrayRef2<F>,
    out: (usize, usize),
    fit: bool,
) {
    if !fit {
        wrong_shapes(product, left.dim(), right.dim(), out);
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn wrong_shapes(
    product: &str,
    left: (usize, usize),
    right: (usize, usize),
    out: (usize, usize),
) -> ! {
    panic!(
        "{product}: operands of {} × {} and {} × {} with a result of {} × {} do not fit",
        left.0, left.1, right.0, right.1, out.0, out.1
    );
}
