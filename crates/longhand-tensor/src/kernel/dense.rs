//! Dense products, in tiles that registers hold, of operands packed in the order in which they are read.

use std::ops::Range;

use super::{Matrix, add_scaled, columns_at, load, store};
use crate::Float;
use crate::simd::Simd;

/// Products that are summed before the next ones are packed: as many as keep a panel of the right operand in the first-level cache.
const SUMMED_AT_ONCE: usize = 256;

/// `C += A·B` of dense matrices of shapes `(m, k) (k, n)`, given by functions that copy parts of them: `pack_a(r, ks, out)` writes rows
/// `r..r + MR` as `out[k][row]`, `pack_b(j, ks, out)` writes columns `j..j + NV·LANES` as `out[k][column]`, for `k` in `ks`, both with
/// zeros past the edge.
#[inline(always)]
pub(crate) fn dense<F: Float, V: Simd<F>, const MR: usize, const NV: usize>(
    (m, k, n): (usize, usize, usize),
    pack_a: impl Fn(usize, Range<usize>, &mut [F]),
    pack_b: impl Fn(usize, Range<usize>, &mut [F]),
    c: &mut [&mut [F]],
) {
    let nr = NV * V::LANES;
    let tiles = m.div_ceil(MR);
    let summed = SUMMED_AT_ONCE.min(k);
    let mut packed_a = vec![F::zero(); tiles * summed * MR];
    let mut packed_b = vec![F::zero(); summed * nr];
    let mut edge = vec![F::zero(); MR * nr];
    let mut edge: Vec<_> = edge.chunks_exact_mut(nr).collect();
    for from in (0..k).step_by(SUMMED_AT_ONCE) {
        let ks = from..k.min(from + SUMMED_AT_ONCE);
        let a = &mut packed_a[..tiles * ks.len() * MR];
        let b = &mut packed_b[..ks.len() * nr];
        for (tile, a) in a.chunks_exact_mut(ks.len() * MR).enumerate() {
            pack_a(tile * MR, ks.clone(), a);
        }
        for j in (0..n).step_by(nr) {
            pack_b(j, ks.clone(), b);
            let columns = nr.min(n - j);
            for (tile, a) in a.chunks_exact(ks.len() * MR).enumerate() {
                let r = tile * MR;
                let rows = MR.min(m - r);
                if rows == MR && columns == nr {
                    multiply_tile::<F, V, MR, NV>(a, b, &mut c[r..], j);
                    continue;
                }
                for (edge, c) in edge.iter_mut().zip(&c[r..r + rows]) {
                    edge[..columns].copy_from_slice(&c[j..][..columns]);
                }
                multiply_tile::<F, V, MR, NV>(a, b, &mut edge, 0);
                for (edge, c) in edge.iter().zip(&mut c[r..r + rows]) {
                    c[j..][..columns].copy_from_slice(&edge[..columns]);
                }
            }
        }
    }
}

/// Adds the product of packed `a` and `b` to `NV` vectors from column `j` on of the first `MR` rows of `c`.
#[inline(always)]
fn multiply_tile<F: Float, V: Simd<F>, const MR: usize, const NV: usize>(
    a: &[F],
    b: &[F],
    c: &mut [&mut [F]],
    j: usize,
) {
    let at = columns_at::<NV>(0, V::LANES, NV * V::LANES);
    let mut acc = [[V::splat(F::zero()); NV]; MR];
    for i in 0..MR {
        acc[i] = load(&c[i][j..], at);
    }
    for (a, b) in a.as_chunks::<MR>().0.iter().zip(b.chunks_exact(NV * V::LANES)) {
        for i in 0..MR {
            add_scaled(&mut acc[i], a[i], b, at);
        }
    }
    for i in 0..MR {
        store(acc[i], &mut c[i][j..], at);
    }
}

/// Packs rows of `a` as `out[k][row]`: for a left operand, or a right one that is to be transposed.
#[inline(always)]
pub(crate) fn columns_of<F: Float, V: Simd<F>, const N: usize>(
    a: Matrix<'_, F>,
) -> impl Fn(usize, Range<usize>, &mut [F]) {
    move |from, ks, out| {
        let (out, there) = (out.as_chunks_mut::<N>().0, N.min(a.rows - from));
        if there < N {
            out.as_flattened_mut().fill(F::zero());
        }
        // Sixteen columns at a time: what is written stays in the cache until each of its rows has been there.
        for k in (0..ks.len()).step_by(16) {
            let columns = 16.min(ks.len() - k);
            for i in 0..there {
                let row = &a.row(from + i)[ks.start + k..ks.end];
                if row.len() > 16 {
                    V::prefetch(&row[16..]); // the next columns: no CPU foresees jumps of a row
                }
                for (out, &a) in out[k..].iter_mut().zip(&row[..columns]) {
                    out[i] = a;
                }
            }
        }
    }
}

/// Packs columns of `b` as `out[k][column]`: for a right operand, or a left one that is to be transposed.
#[inline(always)]
pub(crate) fn rows_of<F: Float, const N: usize>(
    b: Matrix<'_, F>,
) -> impl Fn(usize, Range<usize>, &mut [F]) {
    move |from, ks, out| {
        let there = N.min(b.columns - from);
        for (out, k) in out.as_chunks_mut::<N>().0.iter_mut().zip(ks) {
            let row = &b.row(k)[from..];
            match row.first_chunk() {
                Some(row) => *out = *row,
                None => {
                    out[..there].copy_from_slice(&row[..there]);
                    out[there..].fill(F::zero());
                }
            }
        }
    }
}
