//! Products of up to some hundred columns, and gradients of small batches, however wide.
//!
//! Sums stay in registers, and what is left out is what several sums have a zero for: of `x·W`, columns of `x` that are zero in all of a few
//! rows; of `xᵀ·dy`, rows of `x` that are zero in all of a few columns. That leaves out less than each sum's own zeros would, and needs no
//! list for each sum and no branch for each zero.

use super::{
    Matrix, ROWS, begin, blocks, columns_alive, columns_at, finish, load, rows_alive, with_vectors,
};
use crate::Float;
use crate::simd::{Simd, TOGETHER};

/// `y = b + x·W`, in strips of at most `W` columns. There are at least as many as half a vector has lanes.
#[inline(always)]
pub(crate) fn narrow_rows<F: Float, V: Simd<F>, const W: usize>(
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    skip: bool,
    y: &mut [&mut [F]],
) {
    if const { V::Half::LANES < V::LANES } && w.columns < V::LANES {
        rows_in_strips::<F, V, V::Half, W>(x, w, bias, skip, y);
    } else {
        rows_in_strips::<F, V, V, W>(x, w, bias, skip, y);
    }
}

/// The same with zeros looked for in vectors of type `V`, and sums in vectors of type `T`.
#[inline(always)]
fn rows_in_strips<F: Float, V: Simd<F>, T: Simd<F>, const W: usize>(
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    skip: bool,
    y: &mut [&mut [F]],
) {
    let mut alive = F::with_kept(|kept| std::mem::take(&mut kept.alive));
    // As many rows as leave registers for the sums of all of them.
    let many = if w.columns.min(W).div_ceil(T::LANES) <= 2 { 4 } else { 2 };
    let mut r = 0;
    while r < x.rows {
        let rows = if x.rows - r >= many { many } else { 1 };
        let y = &mut y[r..r + rows];
        let x = x.rows_between(r, r + rows);
        let alive = columns_alive::<F, V>(x, skip, &mut alive);
        for (first, end) in blocks(w.columns, T::LANES, W / T::LANES) {
            with_vectors!(end - first, C => {
                let at = columns_at::<C>(first, T::LANES, w.columns);
                match rows {
                    4 if const { C <= 2 } => rows_tile::<F, T, 4, C>(x, alive, w, bias, at, y),
                    2 if const { C * T::LANES <= W } => {
                        rows_tile::<F, T, 2, C>(x, alive, w, bias, at, y)
                    }
                    1 if const { C * T::LANES <= W } => {
                        rows_tile::<F, T, 1, C>(x, alive, w, bias, at, y)
                    }
                    _ => unreachable!("no strip is wider than the first"),
                }
            });
        }
        r += rows;
    }
    F::with_kept(|kept| kept.alive = alive);
}

#[inline(always)]
fn rows_tile<F: Float, T: Simd<F>, const R: usize, const C: usize>(
    x: Matrix<'_, F>,
    alive: &[u32],
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    at: [usize; C],
    y: &mut [&mut [F]],
) {
    let mut acc = [[T::splat(F::zero()); C]; R];
    if let Some(bias) = bias {
        acc = [load(bias, at); R];
    }
    let mut rows = [x.row(0); R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = x.row(r);
    }
    for &k in alive {
        let w: [T; C] = load(w.row(k as usize), at);
        for r in 0..R {
            let x = T::splat(rows[r][k as usize]);
            for c in 0..C {
                acc[r][c] = x.mul_add(w[c], acc[r][c]);
            }
        }
    }
    for (acc, y) in acc.into_iter().zip(y) {
        finish(acc, None, y, at);
    }
}

/// `dW += xᵀ·dy`; or, of 1 to [`ROWS`] rows and with a scale, `W += scale·(xᵀ·dy)`. There are at least as many columns as half a vector has
/// lanes.
#[inline(always)]
pub(crate) fn narrow_transposed<F: Float, V: Simd<F>>(
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    skip: bool,
    scale: Option<F>,
    dw: &mut [F],
) {
    if const { V::Half::LANES < V::LANES } && dy.columns < V::LANES {
        transposed::<F, V, V::Half>(x, dy, skip, scale, dw);
    } else {
        transposed::<F, V, V>(x, dy, skip, scale, dw);
    }
}

/// The same with zeros looked for in vectors of type `V`, and sums in vectors of type `T`.
#[inline(always)]
fn transposed<F: Float, V: Simd<F>, T: Simd<F>>(
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    skip: bool,
    scale: Option<F>,
    dw: &mut [F],
) {
    assert!(scale.is_none() || x.rows <= ROWS, "a sum must be finished before it is scaled");
    let mut alive = F::with_kept(|kept| std::mem::take(&mut kept.rows));
    for r in (0..x.rows).step_by(ROWS) {
        let rows = r..x.rows.min(r + ROWS);
        let (x, dy) = (x.rows_between(rows.start, rows.end), dy.rows_between(rows.start, rows.end));
        let alive = rows_alive::<F, V>(x, skip, &mut alive);
        for (first, end) in blocks(dy.columns, T::LANES, T::REGISTERS / 8) {
            with_vectors!(end - first, C => {
                if const { C <= T::REGISTERS / 8 } {
                    let at = columns_at::<C>(first, T::LANES, dy.columns);
                    // One function for each, so that no row is asked.
                    match scale {
                        None => transposed_columns::<F, T, C>(x, alive, dy, at, None, dw),
                        Some(_) => transposed_columns::<F, T, C>(x, alive, dy, at, scale, dw),
                    }
                }
            });
        }
    }
    F::with_kept(|kept| kept.rows = alive);
}

/// The same of the columns in some vectors, which begin at `at`.
#[inline(always)]
fn transposed_columns<F: Float, T: Simd<F>, const C: usize>(
    x: Matrix<'_, F>,
    alive: &[u64],
    dy: Matrix<'_, F>,
    at: [usize; C],
    scale: Option<F>,
    dw: &mut [F],
) {
    let columns = dy.columns;
    for at in at {
        assert!(at <= columns && columns - at >= T::LANES, "vectors are within a row"); // so that it need not be asked for each row
    }
    let mut gradients = [[T::splat(F::zero()); C]; ROWS];
    for (r, gradients) in gradients.iter_mut().enumerate().take(dy.rows) {
        *gradients = load(dy.row(r), at);
    }
    let gradients = &gradients;
    for (i, &alive) in alive.iter().enumerate() {
        if alive == 0 {
            continue;
        }
        let k = i * TOGETHER;
        let dw = &mut dw[k * columns..];
        if k + TOGETHER <= x.columns {
            transposed_tile::<F, T, C, TOGETHER>(
                (x, k),
                alive,
                gradients,
                (columns, at),
                scale,
                dw,
            );
        } else {
            for (k, dw) in (k..).zip(dw.chunks_exact_mut(columns)) {
                transposed_tile::<F, T, C, 1>((x, k), alive, gradients, (columns, at), scale, dw);
            }
        }
    }
}

/// The first `P` rows of `dw`, which belong to the columns of `x` from `k` on.
#[inline(always)]
fn transposed_tile<F: Float, T: Simd<F>, const C: usize, const P: usize>(
    (x, k): (Matrix<'_, F>, usize),
    mut alive: u64,
    gradients: &[[T; C]; ROWS],
    (columns, at): (usize, [usize; C]),
    scale: Option<F>,
    dw: &mut [F],
) {
    let mut acc = [[T::splat(F::zero()); C]; P];
    for p in 0..P {
        acc[p] = begin(scale, &dw[p * columns..][..columns], at);
    }
    while alive != 0 {
        let r = alive.trailing_zeros() as usize;
        alive &= alive - 1;
        let x: &[F; P] = x.data[r * x.stride + k..].first_chunk().expect("P columns");
        for p in 0..P {
            let x = T::splat(x[p]);
            for c in 0..C {
                acc[p][c] = x.mul_add(gradients[r][c], acc[p][c]);
            }
        }
    }
    let mut rest = dw;
    for acc in acc {
        let (row, rows) = rest.split_at_mut(columns);
        rest = rows;
        finish(acc, scale, row, at);
    }
}
