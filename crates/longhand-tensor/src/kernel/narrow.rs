//! Products of few columns, or of small batches: the output layer, small hidden ones, and wider ones of few samples.
//!
//! Sums stay in registers, and what is left out is what several sums have a zero for: of `x·W`, columns of `x` that are zero in all of a few
//! rows; of `xᵀ·dy`, rows of `x` that are zero in all of a few columns. That leaves out less than each sum's own zeros would, and needs no
//! list for each sum and no branch for each zero.

use super::{Matrix, blocks, columns_alive, columns_at, load, rows_alive, store, with_vectors};
use crate::Float;
use crate::simd::{Simd, TOGETHER};

/// `y = b + x·W`, in strips of at most `W` columns.
#[inline(always)]
pub(crate) fn narrow_rows<F: Float, V: Simd<F>, const W: usize>(
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    skip: bool,
    y: &mut [&mut [F]],
) {
    let least = V::LANES.min(8);
    if w.columns < least {
        // Shorter rows go by way of copies that are as long.
        let (wide_w, mut wide_y) = (w.widened(least), vec![F::zero(); x.rows * least]);
        let wide_bias = bias.map(|bias| Matrix::new(bias, 1, bias.len()).widened(least));
        let w = Matrix::new(&wide_w, w.rows, least);
        let mut rows: Vec<_> = wide_y.chunks_exact_mut(least).collect();
        rows_in_strips::<F, V, W>(x, w, wide_bias.as_deref(), skip, &mut rows);
        for (y, wide) in y.iter_mut().zip(rows) {
            y.copy_from_slice(&wide[..y.len()]);
        }
        return;
    }
    rows_in_strips::<F, V, W>(x, w, bias, skip, y);
}

#[inline(always)]
fn rows_in_strips<F: Float, V: Simd<F>, const W: usize>(
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    skip: bool,
    y: &mut [&mut [F]],
) {
    let mut alive = F::with_kept(|kept| std::mem::take(&mut kept.alive));
    // As many rows as leave registers for the sums of all of them.
    let many = if w.columns.min(W).div_ceil(V::LANES) <= 2 { 4 } else { 2 };
    let mut r = 0;
    while r < x.rows {
        let rows = if x.rows - r >= many { many } else { 1 };
        let y = &mut y[r..r + rows];
        let x = x.rows_between(r, r + rows);
        let alive = columns_alive::<F, V>(x, skip, &mut alive);
        if const { V::LANES > 8 } && w.columns < V::LANES {
            match rows {
                4 => rows_tile::<F, V, 4, 1, true>(x, alive, w, bias, [0], y),
                _ => rows_tile::<F, V, 1, 1, true>(x, alive, w, bias, [0], y),
            }
        } else {
            for (first, end) in blocks(w.columns, V::LANES, W / V::LANES) {
                with_vectors!(end - first, C => {
                    let at = columns_at::<C>(first, V::LANES, w.columns);
                    match rows {
                        4 if const { C <= 2 } => {
                            rows_tile::<F, V, 4, C, false>(x, alive, w, bias, at, y)
                        }
                        2 => rows_tile::<F, V, 2, C, false>(x, alive, w, bias, at, y),
                        1 => rows_tile::<F, V, 1, C, false>(x, alive, w, bias, at, y),
                        _ => unreachable!("no strip is wider than the first"),
                    }
                });
            }
        }
        r += rows;
    }
    F::with_kept(|kept| kept.alive = alive);
}

#[inline(always)]
fn rows_tile<F: Float, V: Simd<F>, const R: usize, const C: usize, const SHORT: bool>(
    x: Matrix<'_, F>,
    alive: &[u32],
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    at: [usize; C],
    y: &mut [&mut [F]],
) {
    let mut acc = [[V::splat(F::zero()); C]; R];
    if let Some(bias) = bias {
        acc = [load_columns::<F, V, C, SHORT>(bias, at); R];
    }
    let mut rows = [x.row(0); R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = x.row(r);
    }
    for &k in alive {
        let w = load_columns::<F, V, C, SHORT>(w.row(k as usize), at);
        for r in 0..R {
            let x = V::splat(rows[r][k as usize]);
            for c in 0..C {
                acc[r][c] = x.mul_add(w[c], acc[r][c]);
            }
        }
    }
    for (acc, y) in acc.into_iter().zip(y) {
        store_columns::<F, V, C, SHORT>(acc, y, at);
    }
}

/// Loads the vectors of a block, or the one vector that a `SHORT` row is a part of.
#[inline(always)]
fn load_columns<F: Float, V: Simd<F>, const C: usize, const SHORT: bool>(
    row: &[F],
    at: [usize; C],
) -> [V; C] {
    if SHORT { [V::load_first(row); C] } else { load(row, at) }
}

/// Writes what [`load_columns`] loads, and makes every zero a positive one.
#[inline(always)]
fn store_columns<F: Float, V: Simd<F>, const C: usize, const SHORT: bool>(
    acc: [V; C],
    row: &mut [F],
    at: [usize; C],
) {
    if SHORT { acc[0].add(V::splat(F::zero())).store_first(row) } else { store(acc, row, at) }
}

/// Rows that are gone through together: one bit for each.
const ROWS: usize = u32::BITS as usize;

/// `dW += xᵀ·dy`.
#[inline(always)]
pub(crate) fn narrow_transposed<F: Float, V: Simd<F>>(
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    skip: bool,
    dw: &mut [F],
) {
    let least = V::LANES.min(8);
    if dy.columns < least {
        // Shorter rows go by way of copies that are as long.
        let wide_dy = dy.widened(least);
        let mut wide_dw = Matrix::new(dw, x.columns, dy.columns).widened(least);
        transposed::<F, V>(x, Matrix::new(&wide_dy, dy.rows, least), skip, &mut wide_dw);
        for (dw, wide) in dw.chunks_exact_mut(dy.columns).zip(wide_dw.chunks_exact(least)) {
            dw.copy_from_slice(&wide[..dw.len()]);
        }
        return;
    }
    transposed::<F, V>(x, dy, skip, dw);
}

#[inline(always)]
fn transposed<F: Float, V: Simd<F>>(x: Matrix<'_, F>, dy: Matrix<'_, F>, skip: bool, dw: &mut [F]) {
    let mut alive = F::with_kept(|kept| std::mem::take(&mut kept.alive));
    for r in (0..x.rows).step_by(ROWS) {
        let rows = r..x.rows.min(r + ROWS);
        let (x, dy) = (x.rows_between(rows.start, rows.end), dy.rows_between(rows.start, rows.end));
        let alive = rows_alive::<F, V>(x, skip, &mut alive);
        if const { V::LANES > 8 } && dy.columns < V::LANES {
            transposed_columns::<F, V, 1, true>(x, alive, dy, [0], dw);
            continue;
        }
        for (first, end) in blocks(dy.columns, V::LANES, V::REGISTERS / 8) {
            with_vectors!(end - first, C => {
                let at = columns_at::<C>(first, V::LANES, dy.columns);
                transposed_columns::<F, V, C, false>(x, alive, dy, at, dw);
            });
        }
    }
    F::with_kept(|kept| kept.alive = alive);
}

/// `dW += xᵀ·dy` of the columns in some vectors, which begin at `at`.
#[inline(always)]
fn transposed_columns<F: Float, V: Simd<F>, const C: usize, const SHORT: bool>(
    x: Matrix<'_, F>,
    alive: &[u32],
    dy: Matrix<'_, F>,
    at: [usize; C],
    dw: &mut [F],
) {
    let mut gradients = [[V::splat(F::zero()); C]; ROWS];
    for (r, gradients) in gradients.iter_mut().enumerate().take(dy.rows) {
        *gradients = load_columns::<F, V, C, SHORT>(dy.row(r), at);
    }
    let columns = dy.columns;
    let (dw, rest) = dw.split_at_mut(x.columns / TOGETHER * TOGETHER * columns);
    for (i, (dw, &alive)) in dw.chunks_exact_mut(TOGETHER * columns).zip(alive).enumerate() {
        transposed_tile::<F, V, C, TOGETHER, SHORT>(x, i * TOGETHER, alive, &gradients, at, dw);
    }
    for (i, dw) in rest.chunks_exact_mut(columns).enumerate() {
        let k = x.columns / TOGETHER * TOGETHER + i;
        let alive = alive[k / TOGETHER];
        transposed_tile::<F, V, C, 1, SHORT>(x, k, alive, &gradients, at, dw);
    }
}

/// `P` rows of `dW`, from row `k` on.
#[inline(always)]
fn transposed_tile<F: Float, V: Simd<F>, const C: usize, const P: usize, const SHORT: bool>(
    x: Matrix<'_, F>,
    k: usize,
    mut alive: u32,
    gradients: &[[V; C]; ROWS],
    at: [usize; C],
    dw: &mut [F],
) {
    if alive == 0 {
        return;
    }
    let columns = dw.len() / P;
    let mut acc = [[V::splat(F::zero()); C]; P];
    for p in 0..P {
        acc[p] = load_columns::<F, V, C, SHORT>(&dw[p * columns..][..columns], at);
    }
    while alive != 0 {
        let r = alive.trailing_zeros() as usize;
        alive &= alive - 1;
        let x: &[F; P] = x.row(r)[k..].first_chunk().expect("P columns");
        for p in 0..P {
            let x = V::splat(x[p]);
            for c in 0..C {
                acc[p][c] = x.mul_add(gradients[r][c], acc[p][c]);
            }
        }
    }
    for p in 0..P {
        store_columns::<F, V, C, SHORT>(acc[p], &mut dw[p * columns..][..columns], at);
    }
}
