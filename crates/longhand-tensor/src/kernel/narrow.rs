//! Products of few columns, at most as many as registers hold for several rows at once: the output layer, and small hidden ones.
//! Several rows of `x` are gone through together, over the columns in which any of them is not zero: that leaves out less than
//! each row's own zeros would, and needs no list for each row and no branch for each zero.

use super::{Matrix, columns_at, load, store, with_vectors};
use crate::Float;
use crate::simd::Simd;

/// `y = b + x·W` for a `W` of at most `W` columns.
///
/// A row of `W` is read as whole vectors, whatever follows it, and what was computed of that is dropped.
#[inline(always)]
pub(crate) fn narrow_rows<F: Float, V: Simd<F>, const W: usize>(
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    skip: bool,
    y: &mut [&mut [F]],
) {
    // Rows that fewer than W elements are left for are read from a copy with zeros behind it.
    let whole = w.data.len().checked_sub(W).map_or(0, |last| last / w.stride + 1);
    let rest = &w.data[w.data.len().min(whole * w.stride)..];
    let mut last = [[F::zero(); W]; 2]; // fewer than W elements, and W more to read
    last.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
    let row = |k: usize| match k < whole {
        true => &w.data[k * w.stride..][..W],
        false => &last.as_flattened()[(k - whole) * w.stride..][..W],
    };
    let mut start = [F::zero(); W];
    if let Some(bias) = bias {
        start[..bias.len()].copy_from_slice(bias);
    }
    let mut alive = vec![0; x.columns + V::LANES];
    with_vectors!(w.columns.div_ceil(V::LANES), C => {
        const R: usize = if C == 1 { 8 } else if C == 2 { 4 } else { 2 };
        let mut r = 0;
        while r < x.rows {
            let rows = if x.rows - r >= R { R } else { 1 };
            let y = &mut y[r..r + rows];
            let x = x.rows_between(r, r + rows);
            let alive = columns_alive::<F, V>(x, skip, &mut alive);
            match rows {
                1 => rows_tile::<F, V, W, 1, C>(x, alive, row, &start, y),
                _ => rows_tile::<F, V, W, R, C>(x, alive, row, &start, y),
            }
            r += rows;
        }
    });
}

/// The columns that are not zero in every row; all of them, if zeros are not to be left out.
#[inline(always)]
pub(super) fn columns_alive<'a, F: Float, V: Simd<F>>(
    x: Matrix<'_, F>,
    skip: bool,
    alive: &'a mut [u32],
) -> &'a [u32] {
    if !skip {
        for (k, alive) in (0..).zip(&mut *alive) {
            *alive = k;
        }
        return &alive[..x.columns];
    }
    let (mut n, mut k) = (0, 0);
    while k + V::LANES <= x.columns {
        let mut any = V::load(&x.row(0)[k..]);
        for r in 1..x.rows {
            any = any.or(V::load(&x.row(r)[k..]));
        }
        n += V::positions(any.nonzero(), k as u32, &mut alive[n..]);
        k += V::LANES;
    }
    for k in k..x.columns {
        let mut any = false;
        for r in 0..x.rows {
            any |= x.row(r)[k] != F::zero();
        }
        alive[n] = k as u32;
        n += usize::from(any);
    }
    &alive[..n]
}

#[inline(always)]
fn rows_tile<'w, F: Float + 'w, V: Simd<F>, const W: usize, const R: usize, const C: usize>(
    x: Matrix<'_, F>,
    alive: &[u32],
    row: impl Fn(usize) -> &'w [F],
    start: &[F; W],
    y: &mut [&mut [F]],
) {
    let at = columns_at::<C>(0, V::LANES, C * V::LANES);
    let mut acc = [load::<F, V, C>(start, at); R];
    let mut rows = [x.row(0); R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = x.row(r);
    }
    for &k in alive {
        let w = load::<F, V, C>(row(k as usize), at);
        for r in 0..R {
            let x = V::splat(rows[r][k as usize]);
            for c in 0..C {
                acc[r][c] = x.mul_add(w[c], acc[r][c]);
            }
        }
    }
    let mut sums = [F::zero(); W];
    for (acc, y) in acc.into_iter().zip(y) {
        store(acc, &mut sums, at);
        y.copy_from_slice(&sums[..y.len()]);
    }
}

/// `dW += xᵀ·dy` for a `dy` of at most four vectors `H`: vectors `V` where it has as many columns as these have lanes, `H` otherwise.
#[inline(always)]
pub(crate) fn narrow_transposed<F: Float, V: Simd<F>, H: Simd<F>>(
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    skip: bool,
    dw: &mut [F],
) {
    if dy.columns >= V::LANES {
        transposed::<F, V, V>(x, dy, skip, dw);
    } else if dy.columns >= H::LANES {
        transposed::<F, V, H>(x, dy, skip, dw);
    } else {
        // Rows of less than a vector go by way of copies that are as long as one.
        let lanes = H::LANES;
        let mut wide_dy = vec![F::zero(); dy.rows * lanes];
        let mut wide_dw = vec![F::zero(); x.columns * lanes];
        for (r, wide) in wide_dy.chunks_exact_mut(lanes).enumerate() {
            wide[..dy.columns].copy_from_slice(dy.row(r));
        }
        for (dw, wide) in dw.chunks_exact(dy.columns).zip(wide_dw.chunks_exact_mut(lanes)) {
            wide[..dw.len()].copy_from_slice(dw);
        }
        transposed::<F, V, H>(x, Matrix::new(&wide_dy, dy.rows, lanes), skip, &mut wide_dw);
        for (dw, wide) in dw.chunks_exact_mut(dy.columns).zip(wide_dw.chunks_exact(lanes)) {
            dw.copy_from_slice(&wide[..dw.len()]);
        }
    }
}

/// Looks for zeros with vectors `V`, computes with vectors `H`.
#[inline(always)]
fn transposed<F: Float, V: Simd<F>, H: Simd<F>>(
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    skip: bool,
    dw: &mut [F],
) {
    let mut alive = vec![0; x.columns + V::LANES];
    with_vectors!(dy.columns.div_ceil(H::LANES), C => {
        const R: usize = if C <= 2 { 8 } else { 4 }; // so many rows of dy stay in registers
        let mut r = 0;
        while r < x.rows {
            let rows = if x.rows - r >= R { R } else { 1 };
            let (x, dy) = (x.rows_between(r, r + rows), dy.rows_between(r, r + rows));
            let alive = columns_alive::<F, V>(x, skip, &mut alive);
            match rows {
                1 => transposed_tile::<F, H, 1, C>(x, alive, dy, dw),
                _ => transposed_tile::<F, H, R, C>(x, alive, dy, dw),
            }
            r += rows;
        }
    });
}

/// How many rows of `dW` ahead are asked for: they lie in no order that the CPU would foresee.
const AHEAD: usize = 8;

#[inline(always)]
fn transposed_tile<F: Float, V: Simd<F>, const R: usize, const C: usize>(
    x: Matrix<'_, F>,
    alive: &[u32],
    dy: Matrix<'_, F>,
    dw: &mut [F],
) {
    let at = columns_at::<C>(0, V::LANES, dy.columns);
    let mut rows = [x.row(0); R];
    let mut gradients = [[V::splat(F::zero()); C]; R];
    for r in 0..R {
        rows[r] = x.row(r);
        gradients[r] = load(dy.row(r), at);
    }
    for (i, &k) in alive.iter().enumerate() {
        if let Some(&ahead) = alive.get(i + AHEAD) {
            let row = &dw[ahead as usize * dy.columns..][..dy.columns];
            V::prefetch(row);
            V::prefetch(&row[at[C - 1]..]);
        }
        let dw = &mut dw[k as usize * dy.columns..][..dy.columns];
        let mut acc = load::<F, V, C>(dw, at);
        for r in 0..R {
            let x = V::splat(rows[r][k as usize]);
            for c in 0..C {
                acc[c] = x.mul_add(gradients[r][c], acc[c]);
            }
        }
        store(acc, dw, at);
    }
}
