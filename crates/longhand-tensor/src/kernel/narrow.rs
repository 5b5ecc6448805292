//! Products of up to some hundred columns, and gradients of small batches, however wide.
//!
//! Sums stay in registers, and what is left out is what several sums have a zero for: of `x·W`, columns of `x` that are zero in all of a few
//! rows; of `xᵀ·dy`, rows of `x` that are zero in all of a few columns. That leaves out less than each sum's own zeros would, and needs no
//! list for each sum and no branch for each zero.

use super::{
    Matrix, ROWS, begin, blocks, columns_alive, columns_at, finish, load, rows_alive, with_vectors,
};
use crate::Float;
use crate::simd::{MOST_LANES, MOST_VECTORS, Simd, TOGETHER};

/// `y = b + x·W`, in strips of at most `W` columns. There are at least as many as half a vector has lanes.
#[inline(always)]
pub(crate) fn narrow_rows<F: Float, V: Simd<F>, const W: usize>(
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    bias: Option<&[F]>,
    skip: bool,
    y: &mut [&mut [F]],
) {
    if const { V::Part::LEAST < V::LANES } && w.columns < V::LANES {
        rows_in_strips::<F, V, V::Part, W>(x, w, bias, skip, y);
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
    alive.resize(x.columns, 0);
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
                    4 if const { C <= 2 && C <= T::VECTORS } => rows_tile::<F, T, 4, C>(x, alive, w, bias, at, y),
                    2 if const { C * T::LANES <= W && C <= T::VECTORS } => {
                        rows_tile::<F, T, 2, C>(x, alive, w, bias, at, y)
                    }
                    1 if const { C * T::LANES <= W && C <= T::VECTORS } => {
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
    expect_short(w.stride);
    expect_short(w.columns);
    for &k in alive {
        let k = k as usize;
        let w = w.data.get(k * w.stride..k * w.stride + w.columns).expect("a row");
        let w: [T; C] = load(w, at);
        for r in 0..R {
            let x = T::splat(rows[r][k]);
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
    if const { V::Part::LEAST < V::LANES } && dy.columns < V::LANES {
        transposed::<F, V, V::Part>(x, dy, skip, scale, dw);
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
    let (mut alive, gradients) =
        F::with_kept(|kept| (std::mem::take(&mut kept.rows), kept.gradients.take()));
    let mut gradients = gradients.unwrap_or_default();
    alive.resize(x.columns.div_ceil(TOGETHER), 0);
    for r in (0..x.rows).step_by(ROWS) {
        let rows = r..x.rows.min(r + ROWS);
        let (x, dy) = (x.rows_between(rows.start, rows.end), dy.rows_between(rows.start, rows.end));
        let alive = rows_alive::<F, V>(x, skip, &mut alive);
        for (first, end) in blocks(dy.columns, T::LANES, T::REGISTERS / 8) {
            with_vectors!(end - first, C => {
                if const { C <= T::REGISTERS / 8 && C <= T::VECTORS } {
                    let at = columns_at::<C>(first, T::LANES, dy.columns);
                    gradients.copy::<T, C>(dy, at);
                    let dy = (&*gradients, dy.columns);
                    // One function for each, so that no row is asked.
                    match scale {
                        None => transposed_columns::<F, T, C>(x, alive, dy, at, None, dw),
                        Some(_) => transposed_columns::<F, T, C>(x, alive, dy, at, scale, dw),
                    }
                }
            });
        }
    }
    F::with_kept(|kept| (kept.rows, kept.gradients) = (alive, Some(gradients)));
}

/// Rows of `dy`, of each the columns that are held in registers at once, beginning where a cache line does.
#[repr(align(64))]
pub struct Gradients<F>([[F; MOST_LANES * MOST_VECTORS]; ROWS]);

impl<F: Float> Default for Box<Gradients<F>> {
    fn default() -> Box<Gradients<F>> {
        Box::new(Gradients([[F::zero(); MOST_LANES * MOST_VECTORS]; ROWS]))
    }
}

impl<F: Float> Gradients<F> {
    /// Copies the columns in the vectors that begin at `at`.
    #[inline(always)]
    fn copy<T: Simd<F>, const C: usize>(&mut self, dy: Matrix<'_, F>, at: [usize; C]) {
        for (r, to) in self.0.iter_mut().enumerate().take(dy.rows) {
            let row: [T; C] = load(dy.row(r), at);
            for (c, vector) in row.into_iter().enumerate() {
                vector.store(&mut to[c * T::LANES..]);
            }
        }
    }

    #[inline(always)]
    fn row<T: Simd<F>, const C: usize>(&self, r: usize) -> [T; C] {
        let mut row = [T::splat(F::zero()); C];
        for (c, vector) in row.iter_mut().enumerate() {
            *vector = T::load(&self.0[r][c * T::LANES..]);
        }
        row
    }
}

/// The same of the columns in some vectors, which begin at `at`.
#[inline(always)]
fn transposed_columns<F: Float, T: Simd<F>, const C: usize>(
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
    let mut tiles = dw.chunks_exact_mut(TOGETHER * columns);
    for ((i, &alive), dw) in alive.iter().enumerate().zip(&mut tiles) {
        if alive != 0 {
            let x = (&x.data[i * TOGETHER..], x.stride);
            transposed_tile::<F, T, C, TOGETHER>(x, alive, dy, at, scale, dw);
        }
    }
    let first = x.columns / TOGETHER * TOGETHER;
    for (k, dw) in (first..).zip(tiles.into_remainder().chunks_exact_mut(columns)) {
        let x = (&x.data[k..], x.stride);
        transposed_tile::<F, T, C, 1>(x, alive[k / TOGETHER], dy, at, scale, dw);
    }
}

/// `P` rows of `dw`, which belong to the first columns of `x`.
#[inline(always)]
fn transposed_tile<F: Float, T: Simd<F>, const C: usize, const P: usize>(
    (x, stride): (&[F], usize),
    mut alive: u64,
    dy: &Gradients<F>,
    at: [usize; C],
    scale: Option<F>,
    dw: &mut [F],
) {
    let columns = dw.len() / P;
    let mut acc = [[T::splat(F::zero()); C]; P];
    for p in 0..P {
        acc[p] = begin(scale, &dw[p * columns..][..columns], at);
    }
    while alive != 0 {
        let r = alive.trailing_zeros() as usize;
        alive &= alive - 1;
        let x = x.get(r * stride..r * stride + P).expect("P columns");
        let dy: [T; C] = dy.row(r);
        for p in 0..P {
            let x = T::splat(x[p]);
            for c in 0..C {
                acc[p][c] = x.mul_add(dy[c], acc[p][c]);
            }
        }
    }
    for p in 0..P {
        finish(acc[p], scale, &mut dw[p * columns..][..columns], at);
    }
}

/// Of a row so long, `r * length + length` cannot be too large a number for any `r` of 32 bits: known once, it needs not be asked in the loop.
#[inline(always)]
fn expect_short(length: usize) {
    assert!(length <= u32::MAX as usize, "a row has at most 2³² − 1 elements");
}
