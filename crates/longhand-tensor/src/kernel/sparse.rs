//! Products that leave out every zero of their left operand, for right ones of any width from a vector's lanes on.

use super::{Matrix, add_scaled, blocks, columns_alive, columns_at, load, store, with_vectors};
use crate::Float;
use crate::simd::Simd;

/// About how many columns of `x` are summed before the next ones are looked at: of so many rows of `W` a part of four vectors stays
/// in the caches next to the core.
const SUMMED_AT_ONCE: usize = 256;

/// How many these are exactly: about as many in each part, since a part of a few columns costs nearly as much as a whole one, and whole
/// vectors.
fn summed_at_once(columns: usize) -> usize {
    let parts = (columns + SUMMED_AT_ONCE / 2) / SUMMED_AT_ONCE;
    columns.div_ceil(parts.max(1)).next_multiple_of(16).max(16)
}

/// Rows of `x` that are added before the next ones are looked at, by the same measure of `dy`.
const ROWS_AT_ONCE: usize = 128;

/// What is not zero, as positions and values, in lists one after the other.
struct Lists<F> {
    elements: Vec<(u32, F)>,
    /// Where each list ends.
    ends: Vec<usize>,
}

impl<F: Float> Lists<F> {
    #[inline(always)]
    fn list(&self, i: usize) -> &[(u32, F)] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.elements[start..self.ends[i]]
    }

    /// Room for a quarter of the elements; it grows if there are more.
    #[inline(always)]
    fn new(x: Matrix<'_, F>) -> Lists<F> {
        let elements = Vec::with_capacity(x.rows * x.columns / 4);
        Lists { elements, ends: Vec::with_capacity(x.rows.max(x.columns)) }
    }

    /// For each row, a list of each `summed` of its columns, counted from the first of these.
    #[inline(always)]
    fn of_rows<V: Simd<F>>(x: Matrix<'_, F>, summed: usize) -> Lists<F> {
        let mut lists = Lists::new(x);
        let mut positions = vec![0; summed + V::LANES];
        for r in 0..x.rows {
            for x in x.row(r).chunks(summed) {
                let (mut n, mut k) = (0, 0);
                while k + V::LANES <= x.len() {
                    n += V::positions(V::load(&x[k..]).nonzero(), k as u32, &mut positions[n..]);
                    k += V::LANES;
                }
                for (k, &x) in (k as u32..).zip(&x[k..]) {
                    positions[n] = k;
                    n += usize::from(x != F::zero());
                }
                lists.elements.extend(positions[..n].iter().map(|&k| (k, x[k as usize])));
                lists.ends.push(lists.elements.len());
            }
        }
        lists
    }

    /// For each column of up to `ROWS_AT_ONCE` rows, a list of its rows.
    #[inline(always)]
    fn of_columns(x: Matrix<'_, F>) -> Lists<F> {
        let mut lists = Lists::new(x);
        for from in (0..x.columns).step_by(16) {
            // Sixteen columns at a time. Bit `r % 64` of word `r / 64` of a column says whether it is not zero in row `r`.
            let mut words = [[0u64; 16]; ROWS_AT_ONCE / 64];
            let columns = 16.min(x.columns - from);
            for r in 0..x.rows {
                let (row, words) = (&x.row(r)[from..][..columns], &mut words[r / 64]);
                for (word, &x) in words.iter_mut().zip(row) {
                    *word |= u64::from(x != F::zero()) << (r % 64);
                }
            }
            for i in 0..columns {
                for (words, first) in words.iter().zip((0..).step_by(64)) {
                    let mut word = words[i];
                    while word != 0 {
                        let r = first + word.trailing_zeros();
                        lists.elements.push((r, x.data[r as usize * x.stride + from + i]));
                        word &= word - 1;
                    }
                }
                lists.ends.push(lists.elements.len());
            }
        }
        lists
    }
}

/// Copies a matrix block by block, each block row after row: where its vectors are aligned, as a load that crosses a cache line
/// takes twice as long, and where a block's rows are next to each other. Other rows than these are left out.
#[inline(always)]
fn copy_blocks<F: Float, V: Simd<F>>(
    w: Matrix<'_, F>,
    rows: impl Iterator<Item = usize>,
    copy: &mut Vec<V>,
) {
    copy.resize(w.rows * w.columns.div_ceil(V::LANES), V::splat(F::zero()));
    for k in rows {
        let row = w.row(k);
        for (first, end) in blocks(w.columns, V::LANES) {
            let to = &mut copy[w.rows * first + k * (end - first)..][..end - first];
            for (c, to) in to.iter_mut().enumerate() {
                *to = V::load(&row[columns_at::<1>(first + c, V::LANES, w.columns)[0]..]);
            }
        }
    }
}

/// `acc += Σ x·row` over the positions and values of a list.
#[inline(always)]
fn add_list<F: Float, V: Simd<F>, const C: usize>(
    acc: &mut [V; C],
    list: &[(u32, F)],
    panel: &[[V; C]],
) {
    for &(k, x) in list {
        let (x, row) = (V::splat(x), &panel[k as usize]);
        for c in 0..C {
            acc[c] = x.mul_add(row[c], acc[c]);
        }
    }
}

/// `y += x·W`.
#[inline(always)]
pub(crate) fn sparse_rows<F: Float, V: Simd<F>>(
    x: Matrix<'_, F>,
    w: Matrix<'_, F>,
    y: &mut [&mut [F]],
) {
    let summed = summed_at_once(x.columns);
    let lists = Lists::of_rows::<V>(x, summed);
    let parts = x.columns.div_ceil(summed);
    if x.rows < WORTH_A_COPY {
        return few_rows::<F, V>(&lists, summed, w, y);
    }
    let (mut copy, mut alive) = (vec![], vec![0; x.columns + V::LANES]);
    let mut alive = columns_alive::<F, V>(x, true, &mut alive);
    for part in 0..parts {
        let from = part * summed;
        let w = w.rows_between(from, w.rows.min(from + summed));
        let (these, later) =
            alive.split_at(alive.partition_point(|&k| (k as usize) < from + w.rows));
        copy_blocks(w, these.iter().map(|&k| k as usize - from), &mut copy);
        alive = later;
        for (first, end) in blocks(w.columns, V::LANES) {
            with_vectors!(end - first, C => {
                let at = columns_at::<C>(first, V::LANES, w.columns);
                let panel = copy[w.rows * first..][..w.rows * C].as_chunks::<C>().0;
                for (r, y) in y.iter_mut().enumerate() {
                    let mut acc = load::<F, V, C>(y, at);
                    add_list(&mut acc, lists.list(r * parts + part), panel);
                    store(acc, y, at);
                }
            });
        }
    }
}

/// Rows of `x` from which on the rows of `W` are used often enough to be copied first.
const WORTH_A_COPY: usize = 32;

#[inline(always)]
fn few_rows<F: Float, V: Simd<F>>(
    lists: &Lists<F>,
    summed: usize,
    w: Matrix<'_, F>,
    y: &mut [&mut [F]],
) {
    let parts = w.rows.div_ceil(summed);
    for (first, end) in blocks(w.columns, V::LANES) {
        with_vectors!(end - first, C => {
            let at = columns_at::<C>(first, V::LANES, w.columns);
            for (r, y) in y.iter_mut().enumerate() {
                let mut acc = load::<F, V, C>(y, at);
                for part in 0..parts {
                    for &(k, x) in lists.list(r * parts + part) {
                        let row = w.row(part * summed + k as usize);
                        add_scaled(&mut acc, x, row, at);
                    }
                }
                store(acc, y, at);
            }
        });
    }
}

/// `dW += xᵀ·dy`.
#[inline(always)]
pub(crate) fn sparse_transposed<F: Float, V: Simd<F>>(
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    dw: &mut [F],
) {
    // The blocks are gone through outside, so that a block of dW is still in the cache when the next rows are added to it.
    let mut chunks = vec![];
    for from in (0..x.rows).step_by(ROWS_AT_ONCE) {
        let to = x.rows.min(from + ROWS_AT_ONCE);
        let mut copy = vec![];
        copy_blocks::<F, V>(dy.rows_between(from, to), 0..to - from, &mut copy);
        chunks.push((to - from, Lists::of_columns(x.rows_between(from, to)), copy));
    }
    for (first, end) in blocks(dy.columns, V::LANES) {
        with_vectors!(end - first, C => {
            let at = columns_at::<C>(first, V::LANES, dy.columns);
            for (rows, lists, copy) in &chunks {
                let panel = copy[rows * first..][..rows * C].as_chunks::<C>().0;
                for (i, dw) in dw.chunks_exact_mut(dy.columns).enumerate() {
                    let list = lists.list(i);
                    if list.is_empty() {
                        continue;
                    }
                    let mut acc = load::<F, V, C>(dw, at);
                    add_list(&mut acc, list, panel);
                    store(acc, dw, at);
                }
            }
        });
    }
}
