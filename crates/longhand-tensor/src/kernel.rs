//! The arithmetic of the products, and what its kernels share.
//!
//! Every output element has one accumulator, to which the products are added in ascending order of
//! the summed index by fused multiply-adds. That fixes the bits of the result. Neither the width of
//! the vectors can change them, nor the shape of the tiles, nor blocks of the summed index (an
//! accumulator may rest in memory between two of them), nor leaving out products with zero, since
//! `fma(0, w, acc) = acc` for every finite `w`. The sign of a zero would be the exception: so every
//! finished sum has `+0` added to it. (A negative zero that the caller wants added to may stay or
//! become positive.)
//!
//! All access is through slices: nothing here can read or write past an operand. All memory that a
//! kernel needs besides is handed to it as [`Scratch`].
//!
//! Every function is `#[inline(always)]`, and has loops instead of closures: what is not inlined
//! into a function of `compiled`, and every closure, is compiled for the baseline CPU.

mod alive;
pub mod groups;
pub mod matrix;
pub mod strips;

use crate::scalar::Scalar;
use crate::simd::Simd;

/// Memory for kernels to work in. What it holds when a kernel begins is of no importance.
pub struct Scratch<F> {
    pub strips: strips::Scratch<F>,
    pub lists: groups::Lists<F>,
}

impl<F: Scalar> Scratch<F> {
    pub const fn new() -> Scratch<F> {
        Scratch { strips: strips::Scratch::new(), lists: groups::Lists::new() }
    }
}

/// The columns of a matrix, as vectors `first..end` that are held in registers at once, at most
/// `most`.
///
/// The last vector of a row is moved left until it fits, over columns that its neighbour computes
/// to the same bits; both are in one block, so that each has read its columns before either writes.
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

/// Loads the vectors of a block.
#[inline(always)]
fn load<F: Scalar, V: Simd<F>, const C: usize>(isa: V::Isa, row: &[F], at: [usize; C]) -> [V; C] {
    let mut vectors = [V::splat(isa, F::zero()); C];
    for c in 0..C {
        vectors[c] = V::load(isa, &row[at[c]..]);
    }
    vectors
}

/// What products are added to: what stands in a row, or zeros if their sum is to be scaled.
#[inline(always)]
fn begin<F: Scalar, V: Simd<F>, const C: usize>(
    isa: V::Isa,
    scale: Option<F>,
    row: &[F],
    at: [usize; C],
) -> [V; C] {
    if scale.is_some() { [V::splat(isa, F::zero()); C] } else { load(isa, row, at) }
}

/// Writes sums, or adds them times the scale to what stands in a row. Makes every zero of a sum a
/// positive one.
#[inline(always)]
fn finish<F: Scalar, V: Simd<F>, const C: usize>(
    isa: V::Isa,
    mut sums: [V; C],
    scale: Option<F>,
    row: &mut [F],
    at: [usize; C],
) {
    for sum in &mut sums {
        *sum = sum.add(V::splat(isa, F::zero()));
    }
    if let Some(scale) = scale {
        let before: [V; C] = load(isa, row, at);
        for c in 0..C {
            sums[c] = before[c].add(V::splat(isa, scale).mul(sums[c]));
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
