//! Products of any width, in tiles of two rows that registers hold.
//!
//! In pseudo-code, for `C += A·B`, where the rows of `A` are called its lines:
//!
//! ```text
//! for ks in 0..K, by LISTED_AT_ONCE.1:
//!   for lines in the lines of A, by LISTED_AT_ONCE.0:
//!     bits[i] = one bit for every k in ks: A[i,k] is not zero
//!     pairs   = the lines, each next to one whose bits are like its own
//!     for part in ks, by SUMMED_IN_PAIRS:
//!       list[part, i, j] = (k, A[i,k], A[j,k]) for each k in part where either is not zero
//!     for block in the columns of C, by 4 vectors:
//!       for part in ks:
//!         panel[k] = B[k, block] for each k that any line needs
//!         for (i, j) in pairs:
//!           acc_i, acc_j = C[i, block], C[j, block]
//!           for (k, a_i, a_j) in list[part, i, j]:
//!             b = panel[k]
//!             acc_i, acc_j = a_i·b + acc_i, a_j·b + acc_j
//!           C[i, block], C[j, block] = acc_i, acc_j
//! ```
//!
//! 1. **Two lines share a list.** What both have a zero for is left out. Of digits, and of what a
//!    ReLU leaves, that is nearly as much as each line's own zeros if the two are alike. A vector
//!    of `B` is loaded once for both, and 2 × 4 sums hide the latency of a multiply-add. Four lines
//!    instead of two were 20 % slower (784-800-10): more zeros are multiplied.
//! 2. **Lines that are alike are looked for**, among [`NEIGHBOURS`]. What is compared is a bit for
//!    each element: an exclusive or and a count for each 64.
//! 3. **Lists take the branches out of the loop.** A branch for each zero could not be predicted.
//!    The lists are made once, and used for every block of columns.
//! 4. **Rows of `B` are copied to a panel** that begins where a cache line does: a load that
//!    crosses one takes twice as long. For few lines the copy would cost more, and `B` is read
//!    where it is. A transposed `B` is copied in any case, and that is when it is transposed.
//! 5. **The summed index is cut into parts**, so that a panel stays in the cache while all lines
//!    use it. A sum rests in `C` between two parts. If it is to be scaled, there is one part.
//! 6. **The next rows of `C` are asked for** while a pair is being summed: no CPU could foresee
//!    which they are.

use std::ops::Range;

use super::matrix::Matrix;
use super::{begin, blocks, columns_at, finish, load, with_vectors};
use crate::scalar::Scalar;
use crate::simd::{Simd, prefetch_line};
use crate::tuning::{
    LINE, LISTED_AT_ONCE, NEIGHBOURS, SUMMED_IN_PAIRS, TRANSPOSED_AT_ONCE, VECTORS, WORTH_A_COPY,
};

/// The left operand, whose lines are a matrix's rows or its columns.
#[derive(Clone, Copy)]
pub enum Left<'a, F> {
    Rows(Matrix<'a, F>),
    Columns(Matrix<'a, F>),
}

/// The right operand, whose rows are a matrix's rows or its columns.
#[derive(Clone, Copy)]
pub enum Right<'a, F> {
    Rows(Matrix<'a, F>),
    Columns(Matrix<'a, F>),
}

/// `C += A·B`, with at least as many columns as a vector has lanes; or, of sums of 1 to
/// [`SUMMED_IN_PAIRS`] products and with a scale, `C += scale·(A·B)`.
#[inline(always)]
pub fn pairs<F: Scalar, V: Simd<F>, const PANEL: usize>(
    isa: V::Isa,
    a: Left<'_, F>,
    b: Right<'_, F>,
    skip: bool,
    scale: Option<F>,
    c: &mut [&mut [F]],
    lists: &mut Lists<F>,
) {
    const { assert!(PANEL == VECTORS * V::LANES, "a panel holds the vectors of a block") };
    let (lines, length) = match a {
        Left::Rows(a) => (a.rows, a.columns),
        Left::Columns(a) => (a.columns, a.rows),
    };
    assert!(
        scale.is_none() || (1..=SUMMED_IN_PAIRS).contains(&length),
        "a sum must be finished before it is scaled"
    );
    for k in (0..length).step_by(LISTED_AT_ONCE.1) {
        let ks = k..length.min(k + LISTED_AT_ONCE.1);
        for line in (0..lines).step_by(LISTED_AT_ONCE.0) {
            let part = line..lines.min(line + LISTED_AT_ONCE.0);
            let a = match a {
                Left::Rows(a) => Left::Rows(a.part(&part, &ks)),
                Left::Columns(a) => Left::Columns(a.part(&ks, &part)),
            };
            lists.fill::<V>(isa, a, skip, scale.is_some());
            lists.multiply::<V, PANEL>(isa, &ks, b, scale, &mut c[part]);
        }
    }
}

/// What is not zero in pairs of lines, and the memory that a product needs besides.
pub struct Lists<F> {
    /// One bit for every element, in whole words for each line.
    bits: Vec<u64>,
    /// The lines in the order in which they are paired.
    order: Vec<usize>,
    /// The bits of both lines of each pair, and of all lines.
    either: Vec<u64>,
    any: Vec<u64>,
    parts: Vec<Part>,
    alive: Vec<u32>,
    /// For each part and pair a list; positions are counted from the beginning of the part.
    elements: Vec<Element<F>>,
    /// Where each list ends.
    ends: Vec<usize>,
    positions: Vec<u32>,
    /// Rows of the right operand.
    panel: Vec<F>,
}

/// A position and what both lines have there.
type Element<F> = (u32, [F; 2]);

/// A part of the summed index, and where the positions of what is not zero in any line are.
struct Part {
    ks: Range<usize>,
    alive: Range<usize>,
}

impl<F: Scalar> Lists<F> {
    pub const fn new() -> Lists<F> {
        Lists {
            bits: vec![],
            order: vec![],
            either: vec![],
            any: vec![],
            parts: vec![],
            alive: vec![],
            elements: vec![],
            ends: vec![],
            positions: vec![],
            panel: vec![],
        }
    }

    /// Lists what is not zero in `a`; `at_once`, so that every sum is of one part.
    #[inline(always)]
    fn fill<V: Simd<F>>(&mut self, isa: V::Isa, a: Left<'_, F>, skip: bool, at_once: bool) {
        // An element of line `i` is at `i * line + k * step`.
        let (a, lines, line, length, step) = match a {
            Left::Rows(a) => (a.data, a.rows, a.stride, a.columns, 1),
            Left::Columns(a) => (a.data, a.columns, 1, a.rows, a.stride),
        };
        let words = length.div_ceil(64);
        self.find::<V>(isa, a, (lines, line), (length, step), skip);
        self.pair_up(lines, words, skip);

        self.either.clear();
        self.any.clear();
        self.any.resize(words, 0);
        for pair in self.order.chunks(2) {
            let (one, two) = (pair[0] * words, pair[pair.len() - 1] * words);
            for i in 0..words {
                let either = self.bits[one + i] | self.bits[two + i];
                self.either.push(either);
                self.any[i] |= either;
            }
        }
        let mut left = 0;
        for word in &self.either {
            left += word.count_ones() as usize;
        }
        let most = 4 * left > lines * length && !at_once;
        let summed = if most { SUMMED_IN_PAIRS / 2 } else { SUMMED_IN_PAIRS };
        self.parts.clear();
        self.alive.clear();
        self.elements.clear();
        self.ends.clear();
        self.positions.resize(SUMMED_IN_PAIRS + V::LANES, 0);
        let positions = &mut self.positions;
        for ks in parts(length, summed) {
            let n = positions_of::<F, V>(isa, &self.any, &ks, positions);
            self.alive.extend_from_slice(&positions[..n]);
            let end = self.alive.len();
            self.parts.push(Part { ks: ks.clone(), alive: end - n..end });
            for (pair, either) in self.order.chunks(2).zip(self.either.chunks(words)) {
                let n = positions_of::<F, V>(isa, either, &ks, positions);
                let one = &a[pair[0] * line + ks.start * step..];
                let positions = positions[..n].iter().map(|&k| (k, k as usize * step));
                match pair {
                    [_, two] => {
                        let two = &a[two * line + ks.start * step..];
                        self.elements.extend(positions.map(|(k, at)| (k, [one[at], two[at]])));
                    }
                    _ => {
                        self.elements.extend(positions.map(|(k, at)| (k, [one[at], F::zero()])));
                    }
                }
                self.ends.push(self.elements.len());
            }
        }
    }

    /// Sets the bits of all elements that are not zero, or of all.
    #[inline(always)]
    fn find<V: Simd<F>>(
        &mut self,
        isa: V::Isa,
        a: &[F],
        (lines, line): (usize, usize),
        (length, step): (usize, usize),
        skip: bool,
    ) {
        let words = length.div_ceil(64);
        self.bits.clear();
        self.bits.resize(lines * words, 0);
        if !skip {
            for bits in self.bits.chunks_mut(words) {
                bits.fill(u64::MAX);
                bits[words - 1] >>= words * 64 - length;
            }
        } else if step == 1 {
            for (i, bits) in self.bits.chunks_mut(words).enumerate() {
                let line = &a[i * line..][..length];
                let mut k = 0;
                while k + V::LANES <= length {
                    bits[k / 64] |= u64::from(V::load(isa, &line[k..]).nonzero()) << (k % 64);
                    k += V::LANES;
                }
                for k in k..length {
                    bits[k / 64] |= u64::from(line[k] != F::zero()) << (k % 64);
                }
            }
        } else {
            // Sixteen columns at a time.
            for from in (0..lines).step_by(16) {
                let there = 16.min(lines - from);
                for half in 0..length.div_ceil(32) {
                    let mut bits = [0u32; 16];
                    for k in half * 32..length.min(half * 32 + 32) {
                        let row = &a[k * step + from..][..there];
                        let mut elements = [F::zero(); 16];
                        match row.first_chunk() {
                            Some(row) => elements = *row,
                            None => elements[..there].copy_from_slice(row),
                        }
                        let bit = 1 << (k % 32);
                        for (bits, x) in bits.iter_mut().zip(elements) {
                            *bits |= if x == F::zero() { 0 } else { bit };
                        }
                    }
                    for (i, bits) in bits.into_iter().enumerate().take(there) {
                        self.bits[(from + i) * words + half / 2] |=
                            u64::from(bits) << (half % 2 * 32);
                    }
                }
            }
        }
    }

    /// Puts those next to each other that differ in the fewest places in whether they are zero.
    #[inline(always)]
    fn pair_up(&mut self, lines: usize, words: usize, skip: bool) {
        self.order.clear();
        self.order.extend(0..lines);
        if !skip {
            return;
        }
        let bits_of = |line: usize| &self.bits[line * words..][..words];
        for near in self.order.chunks_mut(NEIGHBOURS) {
            for i in (2..near.len()).step_by(2) {
                let (mut least, mut partner) = (u32::MAX, 0);
                for (j, &other) in near.iter().enumerate().skip(i - 1) {
                    let mut different = 0;
                    for (a, b) in bits_of(near[i - 2]).iter().zip(bits_of(other)) {
                        different += (a ^ b).count_ones();
                    }
                    if different < least {
                        (least, partner) = (different, j);
                    }
                }
                near.swap(i - 1, partner);
            }
        }
    }

    /// Adds to `c` the product with rows `ks` of `b`, or this times the scale; of `b` up to `PANEL`
    /// columns are copied at a time.
    #[inline(always)]
    fn multiply<V: Simd<F>, const PANEL: usize>(
        &mut self,
        isa: V::Isa,
        ks: &Range<usize>,
        b: Right<'_, F>,
        scale: Option<F>,
        c: &mut [&mut [F]],
    ) {
        let n = c[0].len();
        // A load that crosses a cache line takes twice as long: the copies begin where one begins.
        let mut panel = std::mem::take(&mut self.panel);
        panel.resize(SUMMED_IN_PAIRS * PANEL + V::LANES, F::zero());
        let line = panel.as_ptr().align_offset(LINE).min(V::LANES);
        let rows = panel[line..].as_chunks_mut::<PANEL>().0;
        for (first, end) in blocks(n, V::LANES, VECTORS) {
            with_vectors!(end - first, C => {
                let at = columns_at::<C>(first, V::LANES, n);
                self.multiply_columns::<V, C, PANEL>(isa, ks.start, b, scale, rows, (c, at));
            });
        }
        self.panel = panel;
    }

    /// The same of the columns in the vectors that begin at `at`; `from` is the first of the rows.
    #[inline(always)]
    fn multiply_columns<V: Simd<F>, const C: usize, const PANEL: usize>(
        &self,
        isa: V::Isa,
        from: usize,
        b: Right<'_, F>,
        scale: Option<F>,
        panel: &mut [[F; PANEL]],
        (c, at): (&mut [&mut [F]], [usize; C]),
    ) {
        let copied_at = columns_at::<C>(0, V::LANES, PANEL);
        let mut start = 0;
        for (part, ends) in self.parts.iter().zip(self.ends.chunks(c.len().div_ceil(2))) {
            let ks = from + part.ks.start..from + part.ks.end;
            let lists = (start, ends);
            start = ends[ends.len() - 1];
            match b {
                Right::Rows(b) if c.len() < WORTH_A_COPY => {
                    let b = b.rows_between(ks.start, ks.end);
                    add_lists::<F, V, C>(
                        isa,
                        &self.order,
                        &self.elements,
                        lists,
                        (b, at),
                        scale,
                        (c, at),
                    );
                    continue;
                }
                Right::Rows(b) => {
                    for &k in &self.alive[part.alive.clone()] {
                        let row: [V; C] = load(isa, b.row(ks.start + k as usize), at);
                        for c in 0..C {
                            row[c].store(&mut panel[k as usize][copied_at[c]..]);
                        }
                    }
                }
                Right::Columns(b) => {
                    for c in 0..C {
                        let columns = at[c]..at[c] + V::LANES;
                        transpose(b.part(&columns, &ks), panel, copied_at[c]);
                    }
                }
            }
            let copy = Matrix::new(panel[..ks.len()].as_flattened(), ks.len(), PANEL);
            let copy = (copy, copied_at);
            add_lists::<F, V, C>(isa, &self.order, &self.elements, lists, copy, scale, (c, at));
        }
    }
}

/// `0..n` in parts of `each` at most: evenly, since a part of a few takes nearly as long as a whole
/// one, and whole vectors.
#[inline(always)]
fn parts(n: usize, each: usize) -> impl Iterator<Item = Range<usize>> {
    let each = n.div_ceil(n.div_ceil(each)).next_multiple_of(16);
    (0..n).step_by(each).map(move |from| from..n.min(from + each))
}

/// Lists the bits that are set in a part, which begins at a multiple of 16, counted from there.
#[inline(always)]
fn positions_of<F: Scalar, V: Simd<F>>(
    isa: V::Isa,
    bits: &[u64],
    ks: &Range<usize>,
    out: &mut [u32],
) -> usize {
    let mut n = 0;
    for k in ks.clone().step_by(V::LANES) {
        let lanes = (bits[k / 64] >> (k % 64)) as u32 & (u32::MAX >> (32 - V::LANES));
        n += V::positions(isa, lanes, (k - ks.start) as u32, &mut out[n..]);
    }
    n
}

/// Writes the columns of `b` as rows, from element `at` of these on. Compiled for the baseline CPU:
/// instructions that scatter a vector are slower.
#[inline(never)]
fn transpose<F: Scalar, const N: usize>(b: Matrix<'_, F>, out: &mut [[F; N]], at: usize) {
    // A few columns at a time: what is written stays in the cache until each of its rows has been
    // there.
    for (k, out) in
        (0..b.columns).step_by(TRANSPOSED_AT_ONCE).zip(out.chunks_mut(TRANSPOSED_AT_ONCE))
    {
        for i in 0..b.rows {
            let row = &b.row(i)[k..];
            if let Some(next) = row.get(TRANSPOSED_AT_ONCE) {
                prefetch_line(next); // no CPU foresees jumps of a row
            }
            for (out, &x) in out.iter_mut().zip(row) {
                out[at + i] = x;
            }
        }
    }
}

/// Adds to the rows of `c`, paired in this order, what the lists say: products with rows of `b`, or
/// their sums times the scale. The lists are those that end at `ends`, the first of them beginning
/// at `start`. Vectors begin at `from` in `b`, and at `at` in `c`.
#[inline(always)]
fn add_lists<F: Scalar, V: Simd<F>, const C: usize>(
    isa: V::Isa,
    order: &[usize],
    elements: &[Element<F>],
    (mut start, ends): (usize, &[usize]),
    (b, from): (Matrix<'_, F>, [usize; C]),
    scale: Option<F>,
    (c, at): (&mut [&mut [F]], [usize; C]),
) {
    for (i, (pair, &end)) in order.chunks(2).zip(ends).enumerate() {
        let list = &elements[start..end];
        start = end;
        if ends.get(i + 1).is_some_and(|&next| next > end) {
            for &row in order[2 * i + 2..].iter().take(2) {
                for at in at {
                    prefetch_line(&c[row][at]);
                }
            }
        }
        if list.is_empty() {
            continue;
        }
        if let [one, two] = *pair {
            let [one, two] = c.get_disjoint_mut([one, two]).expect("two rows");
            let mut acc = [begin::<F, V, C>(isa, scale, one, at), begin(isa, scale, two, at)];
            for &(k, x) in list {
                let (row, x) = (b.row(k as usize), [V::splat(isa, x[0]), V::splat(isa, x[1])]);
                for c in 0..C {
                    let w = V::load(isa, &row[from[c]..]);
                    for i in 0..2 {
                        acc[i][c] = x[i].mul_add(w, acc[i][c]);
                    }
                }
            }
            finish(isa, acc[0], scale, one, at);
            finish(isa, acc[1], scale, two, at);
        } else {
            let mut acc: [V; C] = begin(isa, scale, c[pair[0]], at);
            for &(k, [x, _]) in list {
                let (row, x) = (b.row(k as usize), V::splat(isa, x));
                for c in 0..C {
                    acc[c] = x.mul_add(V::load(isa, &row[from[c]..]), acc[c]);
                }
            }
            finish(isa, acc, scale, c[pair[0]], at);
        }
    }
}
