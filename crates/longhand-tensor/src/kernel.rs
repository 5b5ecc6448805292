//! The arithmetic of the products, and what its kernels share.
//!
//! Every output element has one accumulator, to which the products are added in ascending order of the summed index by fused
//! multiply-adds. That fixes the bits of the result: neither the width of the vectors, nor the shape of the tiles, nor blocks of
//! the summed index (an accumulator may rest in memory between two of them), nor leaving out products with zero can change
//! them, since `fma(0, w, acc) = acc` for every finite `w`. The sign of a zero would be the exception: so every finished sum has
//! `+0` added to it. (A negative zero that the caller wants added to may stay or become positive.)
//!
//! All access is through slices: nothing here can read or write past an operand.

mod narrow;
mod pairs;

pub(crate) use narrow::{Gradients, narrow_rows, narrow_transposed};
pub(crate) use pairs::{Left, Lists, Right, SUMMED_AT_ONCE, pairs};

use std::ops::Range;

use crate::Float;
use crate::simd::{MOST_LANES, Simd, TOGETHER};

/// A matrix whose rows are contiguous, `stride` apart.
#[derive(Clone, Copy)]
pub struct Matrix<'a, F> {
    data: &'a [F],
    pub rows: usize,
    pub columns: usize,
    stride: usize,
}

impl<'a, F> Matrix<'a, F> {
    /// A matrix in standard layout: `data[r * columns + c]`.
    pub fn new(data: &'a [F], rows: usize, columns: usize) -> Matrix<'a, F> {
        assert_eq!(data.len(), rows * columns, "a matrix has rows · columns elements");
        Matrix { data, rows, columns, stride: columns }
    }

    /// Rows `from..to`.
    pub fn rows_between(self, from: usize, to: usize) -> Matrix<'a, F> {
        let end = if to == self.rows { self.data.len() } else { to * self.stride };
        Matrix { data: &self.data[from * self.stride..end], rows: to - from, ..self }
    }

    /// Columns `from..to`.
    pub fn columns_between(self, from: usize, to: usize) -> Matrix<'a, F> {
        let data = if self.rows == 0 { self.data } else { &self.data[from..] };
        Matrix { data, columns: to - from, ..self }
    }

    /// These rows and columns.
    fn part(self, rows: &Range<usize>, columns: &Range<usize>) -> Matrix<'a, F> {
        self.rows_between(rows.start, rows.end).columns_between(columns.start, columns.end)
    }

    #[inline(always)]
    fn row(&self, r: usize) -> &'a [F] {
        &self.data[r * self.stride..][..self.columns]
    }
}

impl<F: Float> Matrix<'_, F> {
    /// The rows with zeros behind them, as many as make them `columns` long.
    pub fn widened(self, columns: usize) -> Vec<F> {
        let mut wide = vec![F::zero(); self.rows * columns];
        for (r, wide) in wide.chunks_exact_mut(columns).enumerate() {
            wide[..self.columns].copy_from_slice(self.row(r));
        }
        wide
    }

    /// The columns, one after the other.
    pub fn transposed(self) -> Vec<F> {
        let mut columns = vec![F::zero(); self.rows * self.columns];
        for i in 0..self.rows {
            for (to, &x) in columns.iter_mut().skip(i).step_by(self.rows).zip(self.row(i)) {
                *to = x;
            }
        }
        columns
    }
}

/// Columns of `x` from which on zeros are looked for.
const WORTH_LOOKING: usize = 128;

/// The columns in which some row is not zero; all of them, if zeros are not to be left out. Of one, two or four rows.
#[inline(always)]
fn columns_alive<'a, F: Float, V: Simd<F>>(
    x: Matrix<'_, F>,
    skip: bool,
    alive: &'a mut [u32],
) -> &'a [u32] {
    if !skip || x.columns < WORTH_LOOKING {
        let alive = &mut alive[..x.columns];
        for (k, alive) in (0..).zip(&mut *alive) {
            *alive = k;
        }
        return alive;
    }
    let n = match x.rows {
        1 => list_alive::<F, V, 1>(x, alive),
        2 => list_alive::<F, V, 2>(x, alive),
        4 => list_alive::<F, V, 4>(x, alive),
        _ => unreachable!("as many rows as a tile has"),
    };
    &alive[..n]
}

#[inline(always)]
fn list_alive<F: Float, V: Simd<F>, const R: usize>(x: Matrix<'_, F>, alive: &mut [u32]) -> usize {
    let mut rows = [x.row(0); R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = x.row(r);
    }
    let (mut n, mut k) = (0, 0);
    while k + V::LANES <= x.columns {
        let mut any = V::load(&rows[0][k..]);
        for row in &rows[1..] {
            any = any.or(V::load(&row[k..]));
        }
        n += V::positions(any.nonzero(), k as u32, &mut alive[n..]);
        k += V::LANES;
    }
    for k in k..x.columns {
        let mut any = false;
        for row in &rows {
            any |= row[k] != F::zero();
        }
        alive[n] = k as u32;
        n += usize::from(any);
    }
    n
}

/// Rows of which [`rows_alive`] tells at once: one bit for each.
pub(crate) const ROWS: usize = u64::BITS as usize;

/// For each [`TOGETHER`] columns one bit for every row, of 1 to [`ROWS`], that is not zero in all of them; for all rows, if zeros are not to
/// be left out.
#[inline(always)]
fn rows_alive<'a, F: Float, V: Simd<F>>(
    x: Matrix<'_, F>,
    skip: bool,
    alive: &'a mut [u64],
) -> &'a [u64] {
    if !skip || x.columns < WORTH_LOOKING {
        alive.fill(u64::MAX >> (ROWS - x.rows));
        return alive;
    }
    let each = V::LANES / TOGETHER;
    let whole = x.columns / V::LANES;
    for (i, alive) in alive.chunks_exact_mut(each).enumerate().take(whole) {
        for first in (0..x.rows).step_by(32) {
            let x = x.rows_between(first, x.rows.min(first + 32));
            let mut bits = [0; MOST_LANES / TOGETHER];
            V::rows_alive(&x.data[i * V::LANES..], x.stride, x.rows, &mut bits[..each]);
            for (alive, bits) in alive.iter_mut().zip(bits) {
                *alive = if first == 0 { bits.into() } else { *alive | u64::from(bits) << first };
            }
        }
    }
    for (i, alive) in alive.iter_mut().enumerate().skip(whole * each) {
        *alive = 0;
        for r in 0..x.rows {
            for &x in x.row(r)[i * TOGETHER..].iter().take(TOGETHER) {
                *alive |= u64::from(x != F::zero()) << r;
            }
        }
    }
    alive
}

/// The columns of a matrix, as vectors `first..end` that are held in registers at once, at most `most`.
///
/// The last vector of a row is moved left until it fits, over columns that its neighbour computes to the same bits; both
/// are in one block, so that each has read its columns before either writes.
#[inline(always)]
fn blocks(columns: usize, lanes: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let vectors = columns.div_ceil(lanes);
    let count = vectors.div_ceil(most);
    (0..count).map(move |b| (vectors * b / count, vectors * (b + 1) / count))
}

/// Where the vectors of a block begin: that of a row which is shorter than a vector, with the row.
#[inline(always)]
fn columns_at<const C: usize>(first: usize, lanes: usize, columns: usize) -> [usize; C] {
    let mut at = [0; C];
    for (c, at) in at.iter_mut().enumerate() {
        *at = ((first + c) * lanes).min(columns.saturating_sub(lanes));
    }
    at
}

/// Loads the vectors of a block. (Loops instead of closures here and below: a closure is compiled for the baseline CPU.)
#[inline(always)]
fn load<F: Float, V: Simd<F>, const C: usize>(row: &[F], at: [usize; C]) -> [V; C] {
    let mut vectors = [V::splat(F::zero()); C];
    for c in 0..C {
        vectors[c] = V::load(&row[at[c]..]);
    }
    vectors
}

/// What products are added to: what stands in a row, or zeros if their sum is to be scaled.
#[inline(always)]
fn begin<F: Float, V: Simd<F>, const C: usize>(
    scale: Option<F>,
    row: &[F],
    at: [usize; C],
) -> [V; C] {
    if scale.is_some() { [V::splat(F::zero()); C] } else { load(row, at) }
}

/// Writes sums, or adds them times the scale to what stands in a row. Makes every zero of a sum a positive one.
#[inline(always)]
fn finish<F: Float, V: Simd<F>, const C: usize>(
    mut sums: [V; C],
    scale: Option<F>,
    row: &mut [F],
    at: [usize; C],
) {
    for sum in &mut sums {
        *sum = sum.add(V::splat(F::zero()));
    }
    if let Some(scale) = scale {
        let before: [V; C] = load(row, at);
        for c in 0..C {
            sums[c] = before[c].add(V::splat(scale).mul(sums[c]));
        }
    }
    for c in 0..C {
        sums[c].store(&mut row[at[c]..]);
    }
}

/// Calls `$body` with the number of vectors in a block as a constant.
macro_rules! with_vectors {
    ($count:expr, $C:ident => $body:expr) => {
        match $count {
            1 => {
                const $C: usize = 1;
                $body
            }
            2 => {
                const $C: usize = 2;
                $body
            }
            3 => {
                const $C: usize = 3;
                $body
            }
            4 => {
                const $C: usize = 4;
                $body
            }
            _ => unreachable!("a block has 1 to 4 vectors"),
        }
    };
}
use with_vectors;
