//! Products of any width, in tiles of two or four rows that registers hold.
//!
//! In pseudo-code, for `C += A·B`, where the rows of `A` are called its lines:
//!
//! ```text
//! for ks in 0..K, by LISTED_AT_ONCE.1:
//!   for lines in the lines of A, by LISTED_AT_ONCE.0:
//!     bits[i] = one bit for every k in ks: A[i,k] is not zero
//!     groups  = the lines, those whose bits are alike together, by 2 or 4
//!     for part in ks, by SUMMED_IN_GROUPS:
//!       list[part, group] = (k, A[i,k] for i in group) for each k in part where any is not zero
//!     for part in ks:
//!       for block in the columns of C, by 4 vectors:
//!         panel[k] = B[k, block] for each k that any line needs
//!         for group in groups:
//!           acc[i] = C[i, block] for i in group
//!           for (k, a) in list[part, group]:
//!             b = panel[k]
//!             acc[i] = a[i]·b + acc[i] for i in group
//!           C[i, block] = acc[i] for i in group
//! ```
//!
//! 1. **The lines of a group share a list.** What all of them have a zero for is left out. Of digits,
//!    and of what a ReLU leaves, two lines leave out nearly as much as each line's own zeros, if they
//!    are alike. A vector of `B` is loaded once for the group, and its sums hide the latency of a
//!    multiply-add.
//! 2. **How many lines a group has depends on the zeros that are found.** More lines multiply more
//!    zeros, and load less. So the products that each size of a group would make are counted from the
//!    bits, and the size that takes the least time by [`COST_OF_A_PRODUCT`] is taken: two lines for
//!    digits, four where nothing is zero.
//! 3. **Lines that are alike are looked for**, among [`NEIGHBOURS`]. What is compared is a bit for
//!    each element: an exclusive or and a count for each 64. Pairs are grouped in the same way.
//! 4. **Lists take the branches out of the loop.** A branch for each zero could not be predicted.
//!    The lists are made once, and used for every block of columns.
//! 5. **Rows of `B` are copied to a panel** that begins where a cache line does: a load that
//!    crosses one takes twice as long. The first group copies them as it multiplies, if it needs all of
//!    them. For few lines the copy would cost more, and `B` is read where it is. A transposed `B` is
//!    copied in any case, and that is when it is transposed.
//! 6. **The summed index is cut into parts**, so that a panel stays in the cache while all lines
//!    use it. A sum rests in `C` between two parts. If it is to be scaled, there is one part.
//! 7. **The next rows of `C` are asked for** while a group is being summed: no CPU could foresee
//!    which they are.

use std::ops::Range;

use super::matrix::Matrix;
use super::{begin, finish, load};
use crate::scalar::Scalar;
use crate::simd::{Simd, prefetch_line};
use crate::tuning::{
    AT_ONCE, COPIED_AHEAD, COST_OF_A_PRODUCT, LINE, LISTED_AT_ONCE, MOST_LINES, NEIGHBOURS,
    SUMMED_IN_GROUPS, VECTORS, WORTH_A_COPY,
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
/// [`SUMMED_IN_GROUPS`] products and with a scale, `C += scale·(A·B)`.
#[inline(always)]
pub fn groups<F: Scalar, V: Simd<F>, const PANEL: usize>(
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
        scale.is_none() || (1..=SUMMED_IN_GROUPS).contains(&length),
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
            match (b, &mut c[part]) {
                (Right::Rows(b), [c]) if scale.is_none() => {
                    lists.add_line::<V>(isa, b.rows_between(ks.start, ks.end), c);
                }
                (b, c) => lists.multiply::<V, PANEL>(isa, &ks, b, scale, c),
            }
        }
    }
}

/// What is not zero in groups of lines, and the memory that a product needs besides.
pub struct Lists<F> {
    /// One bit for every element, in whole words for each line.
    bits: Vec<u64>,
    /// The lines in the order in which they are grouped.
    order: Vec<usize>,
    /// How many lines each group has, in that order: 4, 2 or 1.
    sizes: Vec<usize>,
    /// The bits of any line of each group, and of all lines.
    any_of_group: Vec<u64>,
    any: Vec<u64>,
    parts: Vec<Part>,
    alive: Vec<u32>,
    /// For each part and group a list of positions, counted from the beginning of the part, and of
    /// what each line has there.
    positions: Vec<u32>,
    values: Vec<F>,
    /// Where each list ends, in both.
    ends: Vec<(usize, usize)>,
    /// Positions of one list.
    found: Vec<u32>,
    /// Rows of the right operand.
    panel: Vec<F>,
}

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
            sizes: vec![],
            any_of_group: vec![],
            any: vec![],
            parts: vec![],
            alive: vec![],
            positions: vec![],
            values: vec![],
            ends: vec![],
            found: vec![],
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
        let size = self.group::<V>((lines, length), words, skip);

        self.sizes.clear();
        self.any_of_group.clear();
        self.any.clear();
        self.any.resize(words, 0);
        let (mut at, mut left, mut size_here) = (0, 0, size);
        while at < lines {
            while size_here > lines - at {
                size_here /= 2;
            }
            for i in 0..words {
                let any = self.any_of(&self.order[at..at + size_here], words, i);
                self.any_of_group.push(any);
                self.any[i] |= any;
                left += any.count_ones() as usize;
            }
            self.sizes.push(size_here);
            at += size_here;
        }
        let many = 2 * size * left > lines * length;
        let summed = match size {
            _ if at_once => SUMMED_IN_GROUPS,
            2 if many => SUMMED_IN_GROUPS / 2,
            MOST_LINES => 2 * SUMMED_IN_GROUPS,
            _ => SUMMED_IN_GROUPS,
        };
        self.parts.clear();
        self.alive.clear();
        self.positions.clear();
        self.values.clear();
        self.ends.clear();
        self.found.resize(summed + V::LANES, 0);
        for ks in parts(length, summed) {
            let n = positions_of::<F, V>(isa, &self.any, &ks, &mut self.found);
            self.alive.extend_from_slice(&self.found[..n]);
            let end = self.alive.len();
            self.parts.push(Part { ks: ks.clone(), alive: end - n..end });
            let mut at = 0;
            for (&size, any) in self.sizes.iter().zip(self.any_of_group.chunks(words)) {
                let n = positions_of::<F, V>(isa, any, &ks, &mut self.found);
                let found = &self.found[..n];
                let group = &self.order[at..at + size];
                at += size;
                self.positions.extend_from_slice(found);
                let from = (&a[ks.start * step..], line, step);
                match size {
                    MOST_LINES => {
                        list_values::<F, MOST_LINES>(from, group, found, &mut self.values)
                    }
                    2 => list_values::<F, 2>(from, group, found, &mut self.values),
                    _ => list_values::<F, 1>(from, group, found, &mut self.values),
                }
                self.ends.push((self.positions.len(), self.values.len()));
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

    /// Puts lines next to each other that are alike in where they are zero, and says how many make a
    /// group.
    #[inline(always)]
    fn group<V: Simd<F>>(
        &mut self,
        (lines, length): (usize, usize),
        words: usize,
        skip: bool,
    ) -> usize {
        self.order.clear();
        self.order.extend(0..lines);
        if !skip {
            return most_lines::<F, V>();
        }
        self.pair_up(lines, words, 1);
        if const { V::REGISTERS < 32 } {
            return 2;
        }
        let in_pairs = self.products(2, words);
        // Where pairs leave out most, fours would multiply too many zeros.
        if 2 * in_pairs < lines * length {
            return 2;
        }
        self.pair_up(lines, words, 2);
        let [of_pairs, of_fours] = COST_OF_A_PRODUCT;
        let pairs_are_faster = of_pairs * in_pairs < of_fours * self.products(MOST_LINES, words);
        if pairs_are_faster { 2 } else { MOST_LINES }
    }

    /// How many products groups of so many lines make.
    #[inline(always)]
    fn products(&self, size: usize, words: usize) -> usize {
        let mut products = 0;
        for group in self.order.chunks(size) {
            for i in 0..words {
                products += group.len() * self.any_of(group, words, i).count_ones() as usize;
            }
        }
        products
    }

    /// The bits of any of these lines, in a word.
    #[inline(always)]
    fn any_of(&self, group: &[usize], words: usize, word: usize) -> u64 {
        let mut any = 0;
        for &line in group {
            any |= self.bits[line * words + word];
        }
        any
    }

    /// Puts those of `half` lines next to each other that differ in the fewest places in whether they
    /// are zero. The first half of such a pair stays where it is.
    #[inline(always)]
    fn pair_up(&mut self, lines: usize, words: usize, half: usize) {
        // Only whole halves are paired.
        let whole = lines / half * half;
        if half > 1 {
            self.any_of_group.clear();
            for group in self.order[..whole].chunks(half) {
                for i in 0..words {
                    let any = self.any_of(group, words, i);
                    self.any_of_group.push(any);
                }
            }
        }
        for from in (0..whole).step_by(NEIGHBOURS) {
            let near = (whole - from).min(NEIGHBOURS) / half;
            // The halves that are here, by their number, as they are moved.
            let mut halves = [0; NEIGHBOURS];
            for (i, h) in halves.iter_mut().enumerate() {
                *h = i;
            }
            let bits_of = |h: usize| match half {
                1 => &self.bits[self.order[from + h] * words..][..words],
                _ => &self.any_of_group[(from / half + h) * words..][..words],
            };
            for i in (2..near).step_by(2) {
                let (mut fewest, mut partner) = (u32::MAX, i - 1);
                for j in i - 1..near {
                    let mut different = 0;
                    for (a, b) in bits_of(halves[i - 2]).iter().zip(bits_of(halves[j])) {
                        different += (a ^ b).count_ones();
                    }
                    if different < fewest {
                        (fewest, partner) = (different, j);
                    }
                }
                halves.swap(i - 1, partner);
            }
            let mut before = [0; NEIGHBOURS];
            before[..near * half].copy_from_slice(&self.order[from..from + near * half]);
            for (to, &h) in self.order[from..].chunks_mut(half).zip(&halves[..near]) {
                to.copy_from_slice(&before[h * half..(h + 1) * half]);
            }
        }
    }

    /// Adds to `c` the product of a single line with `b`. Nothing is used twice, so what counts is to read
    /// rows of `b` from end to end, some at a time.
    #[inline(always)]
    fn add_line<V: Simd<F>>(&self, isa: V::Isa, b: Matrix<'_, F>, c: &mut [F]) {
        let mut start = 0;
        for (part, end) in self.parts.iter().zip(&self.ends) {
            let b = b.rows_between(part.ks.start, part.ks.end);
            let (positions, values) = (&self.positions[start..end.0], &self.values[start..end.1]);
            start = end.0;
            let (of_several, rest) = positions.as_chunks::<AT_ONCE>();
            let (values, rest_values) = values.as_chunks::<AT_ONCE>();
            for (positions, values) in of_several.iter().zip(values) {
                add_rows::<F, V, AT_ONCE>(isa, *positions, *values, b, c);
            }
            for (&k, &x) in rest.iter().zip(rest_values) {
                add_rows::<F, V, 1>(isa, [k], [x], b, c);
            }
        }
        for c in c {
            *c = *c + F::zero(); // every zero of a sum is a positive one
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
        panel.resize(2 * SUMMED_IN_GROUPS * PANEL + V::LANES, F::zero());
        let line = panel.as_ptr().align_offset(LINE).min(V::LANES);
        let rows = panel[line..].as_chunks_mut::<PANEL>().0;
        for part in 0..self.parts.len() {
            for vectors in blocks(n.div_ceil(V::LANES)) {
                let part = (part, ks.start);
                if vectors.len() > HALF {
                    let at = columns_at::<VECTORS>(vectors, V::LANES, n);
                    self.multiply_columns::<V, VECTORS, PANEL>(isa, part, b, scale, rows, (c, at));
                } else {
                    let at = columns_at::<HALF>(vectors, V::LANES, n);
                    self.multiply_columns::<V, HALF, PANEL>(isa, part, b, scale, rows, (c, at));
                }
            }
        }
        self.panel = panel;
    }

    /// The same of one part, and of the columns in the vectors that begin at `at`; `from` is the first
    /// of the rows.
    #[inline(always)]
    fn multiply_columns<V: Simd<F>, const C: usize, const PANEL: usize>(
        &self,
        isa: V::Isa,
        (number, from): (usize, usize),
        b: Right<'_, F>,
        scale: Option<F>,
        panel: &mut [[F; PANEL]],
        (c, at): (&mut [&mut [F]], [usize; C]),
    ) {
        let part = &self.parts[number];
        let ks = from + part.ks.start..from + part.ks.end;
        let mut first = 0;
        match b {
            Right::Rows(b) if c.len() < WORTH_A_COPY => {
                let b = Direct { b: b.rows_between(ks.start, ks.end), at };
                return self.add_lists::<V, C>(isa, (number, first), b, scale, (c, at));
            }
            Right::Rows(b) if self.copies_first::<V>(number) => {
                // The first group needs all rows, and copies them as it goes.
                let b = Direct { b: b.rows_between(ks.start, ks.end), at };
                let list = self.first_list(number);
                let (b, group) =
                    (Copying { b, needed: list.0, panel }, &self.order[..self.sizes[0]]);
                if const { V::REGISTERS == 32 } {
                    add_group::<F, V, C, MOST_LINES>(isa, group, list, b, scale, (c, at));
                } else {
                    add_group::<F, V, C, 2>(isa, group, list, b, scale, (c, at));
                }
                first = 1;
            }
            Right::Rows(b) => {
                for &k in &self.alive[part.alive.clone()] {
                    let row: [V; C] = load(isa, b.row(ks.start + k as usize), at);
                    store(row, &mut panel[k as usize]);
                }
            }
            Right::Columns(b) => {
                for (c, at) in at.into_iter().enumerate() {
                    let columns = at..at + V::LANES;
                    let panel = &mut panel.as_flattened_mut()[c * V::LANES..];
                    b.part(&columns, &ks).transpose(panel, PANEL);
                }
            }
        }
        self.add_lists::<V, C>(isa, (number, first), Panel(panel), scale, (c, at));
    }

    /// Whether the first group of a part goes through all rows that any group needs, with as many lines
    /// as a group may have.
    #[inline(always)]
    fn copies_first<V: Simd<F>>(&self, part: usize) -> bool {
        let needed = self.parts[part].alive.len();
        self.sizes[0] == most_lines::<F, V>() && self.first_list(part).0.len() == needed
    }

    /// The positions and values of the first group in a part.
    #[inline(always)]
    fn first_list(&self, part: usize) -> (&[u32], &[F]) {
        let first = part * self.sizes.len();
        let (from, to) = (self.begins(first), self.ends[first]);
        (&self.positions[from.0..to.0], &self.values[from.1..to.1])
    }

    /// Where a list begins.
    #[inline(always)]
    fn begins(&self, list: usize) -> (usize, usize) {
        list.checked_sub(1).map_or((0, 0), |last| self.ends[last])
    }

    /// Adds to the rows of `c` what the lists of a part say, from that of the group `first` on: products
    /// with rows of `b`, or their sums times the scale. Vectors begin at `at` in `c`.
    #[inline(always)]
    fn add_lists<V: Simd<F>, const C: usize>(
        &self,
        isa: V::Isa,
        (part, first): (usize, usize),
        mut b: impl Rows<F, V, C>,
        scale: Option<F>,
        (c, at): (&mut [&mut [F]], [usize; C]),
    ) {
        let lists = part * self.sizes.len()..(part + 1) * self.sizes.len();
        let (mut line, mut start) = (0, self.begins(lists.start));
        for (i, (&size, &end)) in self.sizes.iter().zip(&self.ends[lists]).enumerate() {
            let group = &self.order[line..line + size];
            line += size;
            let list = (&self.positions[start.0..end.0], &self.values[start.1..end.1]);
            start = end;
            if i < first {
                continue;
            }
            if let Some(next) = self.order.get(line..line + size) {
                for &row in next {
                    for at in at {
                        prefetch_line(&c[row][at]);
                    }
                }
            }
            if list.0.is_empty() {
                continue;
            }
            let c = (&mut *c, at);
            match size {
                MOST_LINES if const { V::REGISTERS == 32 } => {
                    add_group::<F, V, C, MOST_LINES>(isa, group, list, &mut b, scale, c);
                }
                2 => add_group::<F, V, C, 2>(isa, group, list, &mut b, scale, c),
                1 => add_group::<F, V, C, 1>(isa, group, list, &mut b, scale, c),
                _ => unreachable!("as many lines as registers hold the sums of"),
            }
        }
    }
}

/// The lines of the largest group. Few registers hold no more sums than those of two.
#[inline(always)]
fn most_lines<F: Scalar, V: Simd<F>>() -> usize {
    if V::REGISTERS == 32 { MOST_LINES } else { 2 }
}

/// The vectors of a row in blocks of [`VECTORS`] or less, the last of two at least if there are so many: a
/// vector that overlaps its neighbour, as in [`blocks`](super::blocks), is in the neighbour's block.
#[inline(always)]
fn blocks(vectors: usize) -> impl Iterator<Item = Range<usize>> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let left = vectors - first;
        let size = if left == VECTORS + 1 { VECTORS - 1 } else { left.min(VECTORS) };
        first += size;
        (size > 0).then_some(first - size..first)
    })
}

/// Where the vectors of a block begin. Where there are fewer than `C`, the last is there again: so blocks
/// of two sizes suffice.
#[inline(always)]
fn columns_at<const C: usize>(vectors: Range<usize>, lanes: usize, columns: usize) -> [usize; C] {
    let mut at = [0; C];
    for (c, at) in at.iter_mut().enumerate() {
        *at = ((vectors.start + c).min(vectors.end - 1) * lanes).min(columns - lanes);
    }
    at
}

/// Half of the largest block.
const HALF: usize = VECTORS / 2;

/// Rows of the right operand, of each the vectors of a block.
trait Rows<F: Scalar, V: Simd<F>, const C: usize> {
    /// Row `k`, which the list has at `i`.
    fn row(&mut self, isa: V::Isa, i: usize, k: usize) -> [V; C];
}

/// The operand itself, and where the vectors begin in its rows.
struct Direct<'a, F, const C: usize> {
    b: Matrix<'a, F>,
    at: [usize; C],
}

impl<F: Scalar, V: Simd<F>, const C: usize> Rows<F, V, C> for Direct<'_, F, C> {
    #[inline(always)]
    fn row(&mut self, isa: V::Isa, _: usize, k: usize) -> [V; C] {
        load(isa, self.b.row(k), self.at)
    }
}

/// A copy of the operand's block.
struct Panel<'a, F, const PANEL: usize>(&'a [[F; PANEL]]);

impl<F: Scalar, V: Simd<F>, const C: usize, const PANEL: usize> Rows<F, V, C>
    for Panel<'_, F, PANEL>
{
    #[inline(always)]
    fn row(&mut self, isa: V::Isa, _: usize, k: usize) -> [V; C] {
        load(isa, &self.0[k], columns_at::<C>(0..C, V::LANES, PANEL))
    }
}

/// The operand itself, of which a copy is made on the way. The rows that will be needed are asked for
/// some time before, as no CPU could foresee jumps of a row.
struct Copying<'a, F, const C: usize, const PANEL: usize> {
    b: Direct<'a, F, C>,
    needed: &'a [u32],
    panel: &'a mut [[F; PANEL]],
}

impl<F: Scalar, V: Simd<F>, const C: usize, const PANEL: usize> Rows<F, V, C>
    for Copying<'_, F, C, PANEL>
{
    #[inline(always)]
    fn row(&mut self, isa: V::Isa, i: usize, k: usize) -> [V; C] {
        if let Some(&next) = self.needed.get(i + COPIED_AHEAD) {
            let next = self.b.b.row(next as usize);
            for at in self.b.at {
                prefetch_line(&next[at]);
            }
        }
        let row = self.b.row(isa, i, k);
        store(row, &mut self.panel[k]);
        row
    }
}

impl<F: Scalar, V: Simd<F>, const C: usize, R: Rows<F, V, C>> Rows<F, V, C> for &mut R {
    #[inline(always)]
    fn row(&mut self, isa: V::Isa, i: usize, k: usize) -> [V; C] {
        (**self).row(isa, i, k)
    }
}

/// Writes vectors one after the other.
#[inline(always)]
fn store<F: Scalar, V: Simd<F>, const C: usize>(row: [V; C], to: &mut [F]) {
    for (c, vector) in row.into_iter().enumerate() {
        vector.store(&mut to[c * V::LANES..]);
    }
}

/// Adds to `c` these rows of `b` times these numbers, one after the other.
#[inline(always)]
fn add_rows<F: Scalar, V: Simd<F>, const R: usize>(
    isa: V::Isa,
    positions: [u32; R],
    values: [F; R],
    b: Matrix<'_, F>,
    c: &mut [F],
) {
    let n = c.len();
    let mut rows = [&b.data[..0]; R];
    let mut x = [V::splat(isa, F::zero()); R];
    for r in 0..R {
        rows[r] = &b.row(positions[r] as usize)[..n];
        x[r] = V::splat(isa, values[r]);
    }
    let mut at = 0;
    while at + V::LANES <= n {
        let mut sum = V::load(isa, &c[at..]);
        for r in 0..R {
            sum = x[r].mul_add(V::load(isa, &rows[r][at..]), sum);
        }
        sum.store(&mut c[at..]);
        at += V::LANES;
    }
    for i in at..n {
        for r in 0..R {
            c[i] = values[r].fused(rows[r][i], c[i]);
        }
    }
}

/// Appends what each line of a group has at these positions.
#[inline(always)]
fn list_values<F: Scalar, const R: usize>(
    (a, line, step): (&[F], usize, usize),
    group: &[usize],
    found: &[u32],
    values: &mut Vec<F>,
) {
    let mut lines = [a; R];
    for r in 0..R {
        lines[r] = &a[group[r] * line..];
    }
    let before = values.len();
    values.resize(before + found.len() * R, F::zero());
    for (&k, to) in found.iter().zip(values[before..].as_chunks_mut::<R>().0) {
        for r in 0..R {
            to[r] = lines[r][k as usize * step];
        }
    }
}

/// Adds to the rows of `c` in a group what its list says.
#[inline(always)]
fn add_group<F: Scalar, V: Simd<F>, const C: usize, const R: usize>(
    isa: V::Isa,
    group: &[usize],
    (positions, values): (&[u32], &[F]),
    mut b: impl Rows<F, V, C>,
    scale: Option<F>,
    (c, at): (&mut [&mut [F]], [usize; C]),
) {
    let group: [usize; R] = *group.first_chunk().expect("as many lines as the group has");
    let rows = c.get_disjoint_mut(group).expect("different rows");
    let mut acc = [[V::splat(isa, F::zero()); C]; R];
    for r in 0..R {
        acc[r] = begin(isa, scale, rows[r], at);
    }
    for (i, (&k, values)) in positions.iter().zip(values.as_chunks::<R>().0).enumerate() {
        let row = b.row(isa, i, k as usize);
        for r in 0..R {
            let x = V::splat(isa, values[r]);
            for c in 0..C {
                acc[r][c] = x.mul_add(row[c], acc[r][c]);
            }
        }
    }
    for (acc, row) in acc.into_iter().zip(rows) {
        finish(isa, acc, scale, row, at);
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
