//! The arithmetic of the products. Every output element has one accumulator, to which the products are added in ascending
//! order of the summed index by fused multiply-adds. That fixes the bits of the result: neither the width of the vectors,
//! nor the shape of the tiles, nor leaving out products with zero can change them, since `fma(0, w, acc) = acc` for every
//! finite `w`. The sign of a zero would be the exception: so every finished sum has `+0` added to it. (A negative zero that
//! the caller wants added to may stay or become positive.)
//!
//! All access is through slices: nothing here can read or write past an operand.

use crate::Float;
use crate::simd::Simd;

/// Rows of a standard-layout matrix: `data[r * stride + c]`.
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

/// Calls `$body` with the number of vectors in a block as a constant. A narrow matrix has at most 3.
macro_rules! with_vectors {
    ($count:expr, $narrow:expr, $C:ident => $body:expr) => {
        with_vectors!(@ $count, $narrow, $C => $body, [1 2 3] [4])
    };
    (@ $count:expr, $narrow:expr, $C:ident => $body:expr, [$($few:literal)*] [$($many:literal)*]) => {
        match $count {
            $($few => { const $C: usize = $few; $body })*
            _ if $narrow => unreachable!("a narrow matrix has at most 3 vectors"),
            $($many => { const $C: usize = $many; $body })*
            _ => unreachable!("a block has at most 4 vectors"),
        }
    };
}

/// `y += x·W`, leaving out the zeros of `x`. `W` has at least `V::LANES` columns; where `NARROW`, at most 3 vectors.
#[inline(always)]
pub(crate) fn sparse_rows<F: Float, V: Simd<F>, const NARROW: bool>(
    x: Matrix<'_, F>,
    nonzero: &NonZero,
    w: Matrix<'_, F>,
    y: &mut [F],
) {
    for (first, end) in blocks(w.columns, V::LANES) {
        with_vectors!(end - first, NARROW, C => {
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

/// `dW += xᵀ·dy`, leaving out the zeros of `x`. `dy` has at least `V::LANES` columns; where `NARROW`, at most 3 vectors.
#[inline(always)]
pub(crate) fn sparse_transposed<F: Float, V: Simd<F>, const NARROW: bool>(
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    dw: &mut [F],
) {
    let mut nonzero = vec![0u32; x.columns];
    // 32 rows at a time: for every column, one bit for each row in which it is not zero.
    for r0 in (0..x.rows).step_by(32) {
        nonzero.fill(0);
        for r in 0..32.min(x.rows - r0) {
            for (word, &x) in nonzero.iter_mut().zip(x.row(r0 + r)) {
                *word |= u32::from(x != F::zero()) << r;
            }
        }
        for (first, end) in blocks(dy.columns, V::LANES) {
            with_vectors!(end - first, NARROW, C => {
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
