//! Products of up to some hundred columns, and gradients of small batches, however wide.
//!
//! In pseudo-code, for `y = b + x·W`:
//!
//! ```text
//! for rows in the rows of x, by 4:
//!   alive = each k where x[r,k] is not zero for some r in rows
//!   for strip in the columns of W, by 32:
//!     acc[r] = b[strip] for each r in rows
//!     for k in alive:
//!       w = W[k, strip]
//!       acc[r] = x[r,k]·w + acc[r] for each r in rows
//!     y[r, strip] = acc[r] for each r in rows
//! ```
//!
//! and for `dW += xᵀ·dy`:
//!
//! ```text
//! for rows in the rows of x, by 64:
//!   alive[i] = one bit for each r in rows: x[r,k] is not zero for some k of 4·i..4·i+4
//!   for strip in the columns of dy, by 2 or 4 vectors:
//!     copy[r] = dy[r, strip] for each r in rows
//!     for ks in the columns of x, by 4, where alive[ks/4] is not 0:
//!       acc[k] = dW[k, strip] for each k in ks
//!       for r in the bits of alive[ks/4]:
//!         d = copy[r]
//!         acc[k] = x[r,k]·d + acc[k] for each k in ks
//!       dW[k, strip] = acc[k] for each k in ks
//! ```
//!
//! 1. **Sums stay in registers** from their first product to their last.
//! 2. **What is left out is what four sums have a zero for.** That leaves out less than each sum's
//!    own zeros would: of MNIST's pixels 39 % are multiplied in `x·W` and 28 % in `xᵀ·dy`, where
//!    19 % are not zero. But four sums share the loads, and there is no branch for each zero.
//! 3. **Zeros are found by comparing vectors**, up to 16 elements at a time. In `x·W` what is found
//!    is a list of positions. In `xᵀ·dy` it is a bit for each row, so that the next row is a count
//!    of trailing zeros away.
//! 4. **Rows of `dW` that nothing is added to are not touched.** A gradient that is to be scaled
//!    and added to a weight is never in memory: its sums go to the weight from registers.
//! 5. **`dy` is copied** to where every vector of it lies in one cache line.
//! 6. **The last vector of a row overlaps its neighbour** where columns are not whole vectors (see
//!    [`blocks`]). Rows shorter than a vector have a type of their own, [`Simd::Part`].
//! 7. **What the inner loop would check is asserted before it**: that a row is short enough, and
//!    that vectors are within it.

use super::alive::{columns_alive, rows_alive};
use super::matrix::Matrix;
use super::{begin, blocks, columns_at, finish, load, with_vectors};
use crate::scalar::Scalar;
use crate::simd::Simd;
use crate::tuning::{
    COLUMNS_TOGETHER, MOST_LANES, ROWS_TOGETHER, SUMMED_IN_STRIPS, VECTORS, strip,
};

/// Memory for strips to work in.
pub struct Scratch<F> {
    /// Columns of a left operand in which something is not zero.
    columns: Vec<u32>,
    /// Rows of it, as bits.
    rows: Vec<u64>,
    gradients: Option<Box<Gradients<F>>>,
}

impl<F> Scratch<F> {
    pub const fn new() -> Scratch<F> {
        Scratch { columns: vec![], rows: vec![], gradients: None }
    }
}

/// `y = b + x·W`, in strips of columns. There are at least as many as half a vector has lanes.
#[inline(always)]
pub fn rows<F: Scalar, V: Simd<F>>(
    isa: V::Isa,
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    skip: bool,
    y: &mut [&mut [F]],
    scratch: &mut Scratch<F>,
) {
    let alive = &mut scratch.columns;
    if const { V::Part::LEAST < V::LANES } && w.columns < V::LANES {
        rows_in_strips::<F, V, V::Part>(isa, x, w, bias, skip, y, alive);
    } else {
        rows_in_strips::<F, V, V>(isa, x, w, bias, skip, y, alive);
    }
}

/// The same with zeros looked for in vectors of type `V`, and sums in vectors of type `T`.
#[inline(always)]
fn rows_in_strips<F: Scalar, V: Simd<F>, T: Simd<F, Isa = V::Isa>>(
    isa: V::Isa,
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    skip: bool,
    y: &mut [&mut [F]],
    alive: &mut Vec<u32>,
) {
    alive.resize(x.columns, 0);
    const HALF: usize = ROWS_TOGETHER / 2;
    // As many rows as leave registers for the sums of all of them.
    let few_vectors = w.columns.min(strip::<F>()).div_ceil(T::LANES) <= 2;
    let many = if few_vectors { ROWS_TOGETHER } else { HALF };
    let mut r = 0;
    while r < x.rows {
        let rows = if x.rows - r >= many { many } else { 1 };
        let y = &mut y[r..r + rows];
        let x = x.rows_between(r, r + rows);
        let alive = columns_alive::<F, V>(isa, x, skip, alive);
        if const { T::VECTORS == 1 } {
            // A row is one block. Where this is not said, the loop of the tile lacks a register,
            // and takes 12 % longer (784-10).
            match rows {
                1 => rows_tile::<F, T, 1, 1>(isa, x, alive, w, bias, [0], y),
                _ => rows_tile::<F, T, ROWS_TOGETHER, 1>(isa, x, alive, w, bias, [0], y),
            }
        } else {
            for (first, end) in blocks(w.columns, T::LANES, strip::<F>() / T::LANES) {
                with_vectors!(end - first, C => {
                    let at = columns_at::<C>(first, T::LANES, w.columns);
                    match rows {
                        ROWS_TOGETHER if const { C <= 2 } => {
                            rows_tile::<F, T, ROWS_TOGETHER, C>(isa, x, alive, w, bias, at, y)
                        }
                        // (Where two vectors fill a strip, there are always four rows or one.)
                        HALF if const { C * T::LANES <= strip::<F>() && 2 * T::LANES < strip::<F>() } => {
                            rows_tile::<F, T, HALF, C>(isa, x, alive, w, bias, at, y)
                        }
                        1 if const { C * T::LANES <= strip::<F>() } => {
                            rows_tile::<F, T, 1, C>(isa, x, alive, w, bias, at, y)
                        }
                        _ => unreachable!("no strip is wider than the first"),
                    }
                });
            }
        }
        r += rows;
    }
}

#[inline(always)]
fn rows_tile<F: Scalar, T: Simd<F>, const R: usize, const C: usize>(
    isa: T::Isa,
    x: Matrix<'_, F>,
    alive: &[u32],
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    at: [usize; C],
    y: &mut [&mut [F]],
) {
    let mut acc = [[T::splat(isa, F::zero()); C]; R];
    if let Some(bias) = bias {
        acc = [load(isa, bias, at); R];
    }
    let mut rows = [x.row(0); R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = x.row(r);
    }
    expect_short(w.stride);
    expect_short(w.columns);
    for &k in alive {
        let k = k as usize;
        let w = w.data.get(k * w.stride..k * w.stride + w.columns).expect("a row");
        let w: [T; C] = load(isa, w, at);
        for r in 0..R {
            let x = T::splat(isa, rows[r][k]);
            for c in 0..C {
                acc[r][c] = x.mul_add(w[c], acc[r][c]);
            }
        }
    }
    for (acc, y) in acc.into_iter().zip(y) {
        finish(isa, acc, None, y, at);
    }
}

/// `dW += xᵀ·dy`; or, of 1 to [`SUMMED_IN_STRIPS`] rows and with a scale, `W += scale·(xᵀ·dy)`.
/// There are at least as many columns as half a vector has lanes.
#[inline(always)]
pub fn transposed<F: Scalar, V: Simd<F>>(
    isa: V::Isa,
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    skip: bool,
    scale: Option<F>,
    dw: &mut [F],
    scratch: &mut Scratch<F>,
) {
    if const { V::Part::LEAST < V::LANES } && dy.columns < V::LANES {
        transposed_in_strips::<F, V, V::Part>(isa, x, dy, skip, scale, dw, scratch);
    } else {
        transposed_in_strips::<F, V, V>(isa, x, dy, skip, scale, dw, scratch);
    }
}

/// The same with zeros looked for in vectors of type `V`, and sums in vectors of type `T`.
#[inline(always)]
fn transposed_in_strips<F: Scalar, V: Simd<F>, T: Simd<F, Isa = V::Isa>>(
    isa: V::Isa,
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    skip: bool,
    scale: Option<F>,
    dw: &mut [F],
    scratch: &mut Scratch<F>,
) {
    let once = x.rows <= SUMMED_IN_STRIPS;
    assert!(scale.is_none() || once, "a sum must be finished before it is scaled");
    let gradients = &mut **scratch.gradients.get_or_insert_default();
    let alive = &mut scratch.rows;
    alive.resize(x.columns.div_ceil(COLUMNS_TOGETHER), 0);
    for r in (0..x.rows).step_by(SUMMED_IN_STRIPS) {
        let rows = r..x.rows.min(r + SUMMED_IN_STRIPS);
        let (x, dy) = (x.rows_between(rows.start, rows.end), dy.rows_between(rows.start, rows.end));
        let alive = rows_alive::<F, V>(isa, x, skip, alive);
        for (first, end) in blocks(dy.columns, T::LANES, T::REGISTERS / 8) {
            with_vectors!(end - first, C => {
                if const { C <= T::REGISTERS / 8 && C <= T::VECTORS } {
                    let at = columns_at::<C>(first, T::LANES, dy.columns);
                    gradients.copy::<T, C>(isa, dy, at);
                    let dy = (&*gradients, dy.columns);
                    // One function for each, so that no row is asked.
                    match scale {
                        None => transposed_columns::<F, T, C>(isa, x, alive, dy, at, None, dw),
                        Some(_) => transposed_columns::<F, T, C>(isa, x, alive, dy, at, scale, dw),
                    }
                }
            });
        }
    }
}

/// Rows of `dy`, of each the columns that are held in registers at once, beginning where a cache
/// line does.
#[repr(align(64))]
struct Gradients<F>([[F; MOST_LANES * VECTORS]; SUMMED_IN_STRIPS]);

impl<F: Scalar> Default for Box<Gradients<F>> {
    fn default() -> Box<Gradients<F>> {
        Box::new(Gradients([[F::zero(); MOST_LANES * VECTORS]; SUMMED_IN_STRIPS]))
    }
}

impl<F: Scalar> Gradients<F> {
    /// Copies the columns in the vectors that begin at `at`.
    #[inline(always)]
    fn copy<T: Simd<F>, const C: usize>(&mut self, isa: T::Isa, dy: Matrix<'_, F>, at: [usize; C]) {
        for (r, to) in self.0.iter_mut().enumerate().take(dy.rows) {
            let row: [T; C] = load(isa, dy.row(r), at);
            for (c, vector) in row.into_iter().enumerate() {
                vector.store(&mut to[c * T::LANES..]);
            }
        }
    }

    #[inline(always)]
    fn row<T: Simd<F>, const C: usize>(&self, isa: T::Isa, r: usize) -> [T; C] {
        let mut row = [T::splat(isa, F::zero()); C];
        for (c, vector) in row.iter_mut().enumerate() {
            *vector = T::load(isa, &self.0[r][c * T::LANES..]);
        }
        row
    }
}

/// The same of the columns in some vectors, which begin at `at`.
#[inline(always)]
fn transposed_columns<F: Scalar, T: Simd<F>, const C: usize>(
    isa: T::Isa,
    x: Matrix<'_, F>,
    alive: &[u64],
    (dy, columns): (&Gradients<F>, usize),
    at: [usize; C],
    scale: Option<F>,
    dw: &mut [F],
) {
    for at in at {
        assert!(at <= columns && columns - at >= T::LEAST, "vectors are within a row"); // so that it need not be asked for each row
    }
    expect_short(x.stride);
    expect_short(columns);
    let mut tiles = dw.chunks_exact_mut(COLUMNS_TOGETHER * columns);
    for ((i, &alive), dw) in alive.iter().enumerate().zip(&mut tiles) {
        if alive != 0 {
            let x = (&x.data[i * COLUMNS_TOGETHER..], x.stride);
            transposed_tile::<F, T, C, COLUMNS_TOGETHER>(isa, x, alive, dy, at, scale, dw);
        }
    }
    let first = x.columns / COLUMNS_TOGETHER * COLUMNS_TOGETHER;
    for (k, dw) in (first..).zip(tiles.into_remainder().chunks_exact_mut(columns)) {
        let x = (&x.data[k..], x.stride);
        transposed_tile::<F, T, C, 1>(isa, x, alive[k / COLUMNS_TOGETHER], dy, at, scale, dw);
    }
}

/// `P` rows of `dw`, which belong to the first columns of `x`.
#[inline(always)]
fn transposed_tile<F: Scalar, T: Simd<F>, const C: usize, const P: usize>(
    isa: T::Isa,
    (x, stride): (&[F], usize),
    mut alive: u64,
    dy: &Gradients<F>,
    at: [usize; C],
    scale: Option<F>,
    dw: &mut [F],
) {
    let columns = dw.len() / P;
    let mut acc = [[T::splat(isa, F::zero()); C]; P];
    for p in 0..P {
        acc[p] = begin(isa, scale, &dw[p * columns..][..columns], at);
    }
    while alive != 0 {
        let r = alive.trailing_zeros() as usize;
        alive &= alive - 1;
        let x = x.get(r * stride..r * stride + P).expect("P columns");
        let dy: [T; C] = dy.row(isa, r);
        for p in 0..P {
            let x = T::splat(isa, x[p]);
            for c in 0..C {
                acc[p][c] = x.mul_add(dy[c], acc[p][c]);
            }
        }
    }
    for p in 0..P {
        finish(isa, acc[p], scale, &mut dw[p * columns..][..columns], at);
    }
}

/// Of a row so long, `r * length + length` cannot be too large a number for any `r` of 32 bits. It
/// is checked before the loop, so that the loop need not check it.
#[inline(always)]
fn expect_short(length: usize) {
    assert!(length <= u32::MAX as usize, "a row has at most 2³² − 1 elements");
}
