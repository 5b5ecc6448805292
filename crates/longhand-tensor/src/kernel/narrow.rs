//! Products in strips of few columns, at most as many as registers hold for several rows at once: the output layer, small hidden ones, and
//! wider ones of small batches.
//! Several rows of `x` are gone through together, over the columns in which any of them is not zero: that leaves out less than
//! each row's own zeros would, and needs no list for each row and no branch for each zero.

use std::ops::Range;

use super::{Matrix, blocks, columns_alive, columns_at, load, store, with_vectors};
use crate::Float;
use crate::simd::{Simd, prefetch_line};

/// `y = b + x·W`, in strips of at most `W` columns.
#[inline(always)]
pub(crate) fn narrow_rows<F: Float, V: Simd<F>, const W: usize>(
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    skip: bool,
    y: &mut [&mut [F]],
) {
    let mut strips = Vec::with_capacity(w.columns.div_ceil(W));
    for from in (0..w.columns).step_by(W) {
        strips.push(Strip::<F, W>::new(w, bias, from..w.columns.min(from + W)));
    }
    let mut alive = vec![0; x.columns + V::LANES];
    // As many rows as leave registers for the sums of all of them.
    let many = match w.columns.min(W).div_ceil(V::LANES) {
        1 => 8,
        2 => 4,
        _ => 2,
    };
    let mut r = 0;
    while r < x.rows {
        let rows = if x.rows - r >= many { many } else { 1 };
        let y = &mut y[r..r + rows];
        let x = x.rows_between(r, r + rows);
        let alive = columns_alive::<F, V>(x, skip, &mut alive);
        for strip in &strips {
            with_vectors!(strip.columns.len().div_ceil(V::LANES), C => {
                match rows {
                    8 if const { C == 1 } => rows_tile::<F, V, W, 8, C>(x, alive, strip, y),
                    4 if const { C <= 2 } => rows_tile::<F, V, W, 4, C>(x, alive, strip, y),
                    2 => rows_tile::<F, V, W, 2, C>(x, alive, strip, y),
                    1 => rows_tile::<F, V, W, 1, C>(x, alive, strip, y),
                    _ => unreachable!("no strip is wider than the first"),
                }
            });
        }
        r += rows;
    }
}

/// Some columns of the right operand.
///
/// A row is read as whole vectors, whatever follows it, and what was computed of that is dropped.
struct Strip<'a, F, const W: usize> {
    w: Matrix<'a, F>,
    columns: Range<usize>,
    start: [F; W],
    /// So many rows can be read as `W` elements; the others from a copy with zeros behind it: fewer than `W` elements, and `W` more to read.
    whole: usize,
    last: [[F; W]; 2],
}

impl<'a, F: Float, const W: usize> Strip<'a, F, W> {
    #[inline(always)]
    fn new(w: Matrix<'a, F>, bias: Option<&[F]>, columns: Range<usize>) -> Strip<'a, F, W> {
        let w = w.columns_between(columns.start, columns.end);
        let whole = w.data.len().checked_sub(W).map_or(0, |last| last / w.stride + 1);
        let rest = &w.data[w.data.len().min(whole * w.stride)..];
        let (mut start, mut last) = ([F::zero(); W], [[F::zero(); W]; 2]);
        last.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
        if let Some(bias) = bias {
            start[..columns.len()].copy_from_slice(&bias[columns.clone()]);
        }
        Strip { w, columns, start, whole, last }
    }

    /// What gives a row of the strip; copies of its fields, so that they stay in registers.
    #[inline(always)]
    fn rows<'s>(&'s self) -> impl Fn(usize) -> &'s [F] {
        let (data, stride, whole) = (self.w.data, self.w.stride, self.whole);
        move |k| match k < whole {
            true => &data[k * stride..][..W],
            false => &self.last.as_flattened()[(k - whole) * stride..][..W],
        }
    }
}

#[inline(always)]
fn rows_tile<F: Float, V: Simd<F>, const W: usize, const R: usize, const C: usize>(
    x: Matrix<'_, F>,
    alive: &[u32],
    strip: &Strip<'_, F, W>,
    y: &mut [&mut [F]],
) {
    let at = columns_at::<C>(0, V::LANES, C * V::LANES);
    let mut acc = [load::<F, V, C>(&strip.start, at); R];
    let mut rows = [x.row(0); R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = x.row(r);
    }
    let row = strip.rows();
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
        y[strip.columns.clone()].copy_from_slice(&sums[..strip.columns.len()]);
    }
}

/// `dW += xᵀ·dy`.
#[inline(always)]
pub(crate) fn narrow_transposed<F: Float, V: Simd<F>>(
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    skip: bool,
    dw: &mut [F],
) {
    let least = V::LANES.min(8);
    if dy.columns >= least {
        return transposed::<F, V>(x, dy, skip, dw);
    }
    // Shorter rows go by way of copies that are as long.
    let mut wide_dy = vec![F::zero(); dy.rows * least];
    let mut wide_dw = vec![F::zero(); x.columns * least];
    for (r, wide) in wide_dy.chunks_exact_mut(least).enumerate() {
        wide[..dy.columns].copy_from_slice(dy.row(r));
    }
    for (dw, wide) in dw.chunks_exact(dy.columns).zip(wide_dw.chunks_exact_mut(least)) {
        wide[..dw.len()].copy_from_slice(dw);
    }
    transposed::<F, V>(x, Matrix::new(&wide_dy, dy.rows, least), skip, &mut wide_dw);
    for (dw, wide) in dw.chunks_exact_mut(dy.columns).zip(wide_dw.chunks_exact(least)) {
        dw.copy_from_slice(&wide[..dw.len()]);
    }
}

#[inline(always)]
fn transposed<F: Float, V: Simd<F>>(x: Matrix<'_, F>, dy: Matrix<'_, F>, skip: bool, dw: &mut [F]) {
    let mut alive = vec![0; x.columns + V::LANES];
    // So many rows of dy stay in registers.
    let many = if dy.columns.div_ceil(V::LANES) <= 2 { 8 } else { 4 };
    let mut r = 0;
    while r < x.rows {
        let rows = if x.rows - r >= many { many } else { 1 };
        let (x, dy) = (x.rows_between(r, r + rows), dy.rows_between(r, r + rows));
        let alive = columns_alive::<F, V>(x, skip, &mut alive);
        r += rows;
        if dy.columns < V::LANES {
            match rows {
                8 => short_tile::<F, V, 8>(x, alive, dy, dw),
                _ => short_tile::<F, V, 1>(x, alive, dy, dw),
            }
            continue;
        }
        for (first, end) in blocks(dy.columns, V::LANES) {
            with_vectors!(end - first, C => {
                let at = columns_at::<C>(first, V::LANES, dy.columns);
                match rows {
                    8 if const { C <= 2 } => transposed_tile::<F, V, 8, C>(x, alive, dy, at, dw),
                    4 => transposed_tile::<F, V, 4, C>(x, alive, dy, at, dw),
                    1 => transposed_tile::<F, V, 1, C>(x, alive, dy, at, dw),
                    _ => unreachable!("no block is wider than all columns"),
                }
            });
        }
    }
}

/// Rows of `dW` that are shorter than a vector, but not by more than half.
#[inline(always)]
fn short_tile<F: Float, V: Simd<F>, const R: usize>(
    x: Matrix<'_, F>,
    alive: &[u32],
    dy: Matrix<'_, F>,
    dw: &mut [F],
) {
    let mut rows = [x.row(0); R];
    let mut gradients = [V::splat(F::zero()); R];
    for r in 0..R {
        rows[r] = x.row(r);
        gradients[r] = V::load_first(dy.row(r));
    }
    for &k in alive {
        let dw = &mut dw[k as usize * dy.columns..][..dy.columns];
        let mut acc = V::load_first(dw);
        for r in 0..R {
            acc = V::splat(rows[r][k as usize]).mul_add(gradients[r], acc);
        }
        acc.add(V::splat(F::zero())).store_first(dw);
    }
}

/// How many rows of `dW` ahead are asked for: they lie in no order that the CPU would foresee.
const AHEAD: usize = 8;

#[inline(always)]
fn transposed_tile<F: Float, V: Simd<F>, const R: usize, const C: usize>(
    x: Matrix<'_, F>,
    alive: &[u32],
    dy: Matrix<'_, F>,
    at: [usize; C],
    dw: &mut [F],
) {
    let mut rows = [x.row(0); R];
    let mut gradients = [[V::splat(F::zero()); C]; R];
    for r in 0..R {
        rows[r] = x.row(r);
        gradients[r] = load(dy.row(r), at);
    }
    for (i, &k) in alive.iter().enumerate() {
        if let Some(&ahead) = alive.get(i + AHEAD) {
            let row = &dw[ahead as usize * dy.columns..][..dy.columns];
            prefetch_line(&row[at[0]]);
            prefetch_line(&row[at[C - 1]]);
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
