//! The arithmetic of the products. Every output element has one accumulator, to which the products are added in ascending
//! order of the summed index by fused multiply-adds. That fixes the bits of the result: neither the width of the vectors,
//! nor the shape of the tiles, nor leaving out products with zero can change them, since `fma(0, w, acc) = acc` for every
//! finite `w`. The sign of a zero would be the exception: so every finished sum has `+0` added to it. (A negative zero that
//! the caller wants added to may stay or become positive.)
//!
//! All access is through slices: nothing here can read or write past an operand.

use crate::Float;
use crate::simd::Simd;

/// A matrix in standard layout: `data[r * columns + c]`.
#[derive(Clone, Copy)]
pub struct Matrix<'a, F> {
    pub data: &'a [F],
    pub rows: usize,
    pub columns: usize,
}

impl<'a, F> Matrix<'a, F> {
    #[inline(always)]
    fn row(&self, r: usize) -> &'a [F] {
        &self.data[r * self.columns..][..self.columns]
    }
}

/// One bit for every element that is not zero, 64 to a word, row after row.
pub(crate) struct NonZero {
    words: Vec<u64>,
    per_row: usize,
    pub count: usize,
}

impl NonZero {
    #[inline(always)]
    pub(crate) fn of_rows<F: Float>(x: Matrix<'_, F>) -> NonZero {
        let per_row = x.columns.div_ceil(64);
        let mut words = Vec::with_capacity(x.rows * per_row);
        let mut count = 0;
        for r in 0..x.rows {
            for elements in x.row(r).chunks(64) {
                let word = bits(elements);
                count += word.count_ones() as usize;
                words.push(word);
            }
        }
        NonZero { words, per_row, count }
    }
}

/// Which of up to 64 elements are not zero.
#[inline(always)]
fn bits<F: Float>(elements: &[F]) -> u64 {
    let mut ones = [0u8; 64];
    for (one, &e) in ones.iter_mut().zip(elements) {
        *one = u8::from(e != F::zero());
    }
    // Eight bytes of 0 or 1 become eight bits: the multiplication moves byte i to bit 56 + i, and none of them meet.
    let mut word = 0;
    for eight in ones.as_chunks().0.iter().rev() {
        word = word << 8 | u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    }
    word
}

/// The columns of a matrix, as vectors `first..end` that are held in registers at once.
///
/// The last vector of a row is moved left until it fits, over columns that its neighbour computes to the same bits; both
/// are in one block, so that each has read its columns before either writes.
#[inline(always)]
fn blocks(columns: usize, lanes: usize) -> impl Iterator<Item = (usize, usize)> {
    let vectors = columns.div_ceil(lanes);
    let count = vectors.div_ceil(4);
    (0..count).map(move |b| (vectors * b / count, vectors * (b + 1) / count))
}

/// Where the vectors of a block begin.
#[inline(always)]
fn columns_at<const C: usize>(first: usize, lanes: usize, columns: usize) -> [usize; C] {
    let mut at = [0; C];
    for (c, at) in at.iter_mut().enumerate() {
        *at = ((first + c) * lanes).min(columns - lanes);
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

/// `acc += x·row`.
#[inline(always)]
fn add_scaled<F: Float, V: Simd<F>, const C: usize>(
    acc: &mut [V; C],
    x: F,
    row: &[F],
    at: [usize; C],
) {
    let x = V::splat(x);
    for c in 0..C {
        acc[c] = x.mul_add(V::load(&row[at[c]..]), acc[c]);
    }
}

/// Writes the vectors of a block, and makes every zero a positive one.
#[inline(always)]
fn store<F: Float, V: Simd<F>, const C: usize>(acc: [V; C], row: &mut [F], at: [usize; C]) {
    for c in 0..C {
        acc[c].add(V::splat(F::zero())).store(&mut row[at[c]..]);
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

/// `y += x·W`, leaving out the zeros of `x`. `W` has more than `V::LANES` columns.
#[inline(always)]
pub(crate) fn sparse_rows<F: Float, V: Simd<F>>(
    x: Matrix<'_, F>,
    nonzero: &NonZero,
    w: Matrix<'_, F>,
    y: &mut [F],
) {
    for (first, end) in blocks(w.columns, V::LANES) {
        with_vectors!(end - first, C => {
            let at = columns_at::<C>(first, V::LANES, w.columns);
            for r in 0..x.rows {
                let (x, y) = (x.row(r), &mut y[r * w.columns..][..w.columns]);
                let words = &nonzero.words[r * nonzero.per_row..][..nonzero.per_row];
                let mut acc = load::<F, V, C>(y, at);
                for (i, &word) in words.iter().enumerate() {
                    let mut word = word;
                    while word != 0 {
                        let k = 64 * i + word.trailing_zeros() as usize;
                        word &= word - 1;
                        add_scaled(&mut acc, x[k], w.row(k), at);
                    }
                }
                store(acc, y, at);
            }
        });
    }
}

/// As [`sparse_rows`], for a `W` of at most `W` columns, which fit into registers for eight rows of `x` at once. What is left
/// out are the columns of `x` that are zero in all of these.
///
/// A row of `W` is read as `W` elements, whatever follows it, and what was computed of that is dropped.
#[inline(always)]
pub(crate) fn sparse_rows_narrow<F: Float, V: Simd<F>, const W: usize>(
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    y: &mut [F],
) {
    // The last rows are followed by fewer elements: they are read from a copy with zeros behind it.
    let whole = w.data.len().saturating_sub(W) / w.columns;
    let mut last = w.data[(whole * w.columns).min(w.data.len())..].to_vec();
    last.resize(last.len() + W, F::zero());
    let row = |k: usize| match k < whole {
        true => &w.data[k * w.columns..][..W],
        false => &last[(k - whole) * w.columns..][..W],
    };
    let (mut any, mut alive) = (vec![0u32; x.columns], vec![0u32; x.columns]);
    with_vectors!(w.columns.div_ceil(V::LANES), C => {
        let mut r = 0;
        while r < x.rows {
            let rows = if x.rows - r >= 8 { 8 } else { 1 };
            let x = Matrix { data: &x.data[r * x.columns..][..rows * x.columns], rows, columns: x.columns };
            let y = &mut y[r * w.columns..][..rows * w.columns];
            let alive = columns_alive(x, &mut any, &mut alive);
            match rows {
                8 => narrow_tile::<F, V, W, 8, C>(x, alive, row, y),
                _ => narrow_tile::<F, V, W, 1, C>(x, alive, row, y),
            }
            r += rows;
        }
    });
}

/// The columns that are not zero in every row.
#[inline(always)]
fn columns_alive<'a, F: Float>(
    x: Matrix<'_, F>,
    any: &mut [u32],
    alive: &'a mut [u32],
) -> &'a [u32] {
    any.fill(0);
    for r in 0..x.rows {
        for (any, &x) in any.iter_mut().zip(x.row(r)) {
            *any |= u32::from(x != F::zero());
        }
    }
    let mut n = 0;
    for (k, &any) in (0..).zip(&*any) {
        alive[n] = k; // without a branch: what is not alive is written over
        n += any as usize;
        if n == alive.len() {
            break;
        }
    }
    &alive[..n]
}

/// `y += x·W` for `R` rows, over the columns of `x` that are alive.
#[inline(always)]
fn narrow_tile<'w, F: Float + 'w, V: Simd<F>, const W: usize, const R: usize, const C: usize>(
    x: Matrix<'_, F>,
    alive: &[u32],
    row: impl Fn(usize) -> &'w [F],
    y: &mut [F],
) {
    let at = columns_at::<C>(0, V::LANES, C * V::LANES);
    let columns = y.len() / R;
    let mut sums = [F::zero(); W];
    let mut acc = [[V::splat(F::zero()); C]; R];
    for (acc, y) in acc.iter_mut().zip(y.chunks_exact(columns)) {
        sums[..columns].copy_from_slice(y);
        *acc = load(&sums, at);
    }
    let mut rows = [x.data; R];
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
    for (acc, y) in acc.into_iter().zip(y.chunks_exact_mut(columns)) {
        store(acc, &mut sums, at);
        y.copy_from_slice(&sums[..columns]);
    }
}

/// For up to 32 rows from `r0` on: for every column, one bit for each row in which it is not zero.
#[inline(always)]
fn bits_of_columns<F: Float>(x: Matrix<'_, F>, r0: usize, nonzero: &mut [u32]) {
    nonzero.fill(0);
    for r in 0..32.min(x.rows - r0) {
        for (word, &x) in nonzero.iter_mut().zip(x.row(r0 + r)) {
            *word |= u32::from(x != F::zero()) << r;
        }
    }
}

/// `dW += xᵀ·dy`, leaving out the zeros of `x`. `dy` has at least `V::LANES` columns.
#[inline(always)]
pub(crate) fn sparse_transposed<F: Float, V: Simd<F>>(
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    dw: &mut [F],
) {
    let mut nonzero = vec![0u32; x.columns];
    for r0 in (0..x.rows).step_by(32) {
        bits_of_columns(x, r0, &mut nonzero);
        for (first, end) in blocks(dy.columns, V::LANES) {
            with_vectors!(end - first, C => {
                let at = columns_at::<C>(first, V::LANES, dy.columns);
                for (i, &word) in nonzero.iter().enumerate() {
                    if word == 0 {
                        continue;
                    }
                    let dw = &mut dw[i * dy.columns..][..dy.columns];
                    let mut acc = load::<F, V, C>(dw, at);
                    let mut word = word;
                    while word != 0 {
                        let r = r0 + word.trailing_zeros() as usize;
                        word &= word - 1;
                        add_scaled(&mut acc, x.data[r * x.columns + i], dy.row(r), at);
                    }
                    store(acc, dw, at);
                }
            });
        }
    }
}

/// As [`sparse_transposed`], for a `dy` of fewer columns than a vector has lanes, at most `W`. A row of `dW` is read and
/// written by way of a copy that is as long as a vector.
#[inline(always)]
pub(crate) fn sparse_transposed_narrow<F: Float, V: Simd<F>, const W: usize>(
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    dw: &mut [F],
) {
    let mut nonzero = vec![0u32; x.columns];
    let mut rows = [[F::zero(); W]; 32];
    for r0 in (0..x.rows).step_by(32) {
        bits_of_columns(x, r0, &mut nonzero);
        for (r, row) in (r0..x.rows).zip(&mut rows) {
            row[..dy.columns].copy_from_slice(dy.row(r));
        }
        for (i, &word) in nonzero.iter().enumerate() {
            if word == 0 {
                continue;
            }
            let dw = &mut dw[i * dy.columns..][..dy.columns];
            let mut copy = [F::zero(); W];
            copy[..dw.len()].copy_from_slice(dw);
            let mut acc = V::load(&copy);
            let mut word = word;
            while word != 0 {
                let r = word.trailing_zeros() as usize;
                word &= word - 1;
                let x = V::splat(x.data[(r0 + r) * x.columns + i]);
                acc = x.mul_add(V::load(&rows[r]), acc);
            }
            acc.add(V::splat(F::zero())).store(&mut copy);
            dw.copy_from_slice(&copy[..dw.len()]);
        }
    }
}

/// `C += A·B` of dense matrices given by functions that copy parts of them: `pack_a(r, out)` writes rows `r..r + MR` as
/// `out[k][row]`, `pack_b(j, out)` writes columns `j..j + NV·LANES` as `out[k][column]`, both with zeros past the edge.
#[inline(always)]
pub(crate) fn dense<F: Float, V: Simd<F>, const MR: usize, const NV: usize>(
    (m, k, n): (usize, usize, usize),
    pack_a: impl Fn(usize, usize, &mut [F]),
    pack_b: impl Fn(usize, usize, &mut [F]),
    c: &mut [F],
) {
    let nr = NV * V::LANES;
    let tiles = m.div_ceil(MR);
    let mut a = vec![F::zero(); tiles * k * MR];
    let mut b = vec![F::zero(); k * nr];
    for tile in 0..tiles {
        pack_a(tile * MR, MR, &mut a[tile * k * MR..][..k * MR]);
    }
    let mut edge = vec![F::zero(); MR * nr];
    for j in (0..n).step_by(nr) {
        pack_b(j, nr, &mut b);
        let columns = nr.min(n - j);
        for tile in 0..tiles {
            let (r, a) = (tile * MR, &a[tile * k * MR..][..k * MR]);
            let rows = MR.min(m - r);
            if rows == MR && columns == nr {
                multiply_tile::<F, V, MR, NV>(a, &b, &mut c[r * n + j..], n);
                continue;
            }
            for i in 0..rows {
                edge[i * nr..][..columns].copy_from_slice(&c[(r + i) * n + j..][..columns]);
            }
            multiply_tile::<F, V, MR, NV>(a, &b, &mut edge, nr);
            for i in 0..rows {
                c[(r + i) * n + j..][..columns].copy_from_slice(&edge[i * nr..][..columns]);
            }
        }
    }
}

/// Adds the product of packed `a` and `b` to `MR` rows of `NV` vectors, `stride` apart in `c`.
#[inline(always)]
fn multiply_tile<F: Float, V: Simd<F>, const MR: usize, const NV: usize>(
    a: &[F],
    b: &[F],
    c: &mut [F],
    stride: usize,
) {
    let at = columns_at::<NV>(0, V::LANES, NV * V::LANES);
    let mut acc = [[V::splat(F::zero()); NV]; MR];
    for i in 0..MR {
        acc[i] = load(&c[i * stride..], at);
    }
    for (a, b) in a.as_chunks::<MR>().0.iter().zip(b.chunks_exact(NV * V::LANES)) {
        for i in 0..MR {
            add_scaled(&mut acc[i], a[i], b, at);
        }
    }
    for i in 0..MR {
        store(acc[i], &mut c[i * stride..], at);
    }
}
