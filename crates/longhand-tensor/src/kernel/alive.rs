//! Where operands of strips are not zero.

use super::matrix::Matrix;
use crate::scalar::Scalar;
use crate::simd::Simd;
use crate::tuning::{COLUMNS_TOGETHER, MOST_LANES, SUMMED_IN_STRIPS, WORTH_LOOKING};

/// The columns in which some row is not zero; all of them, if zeros are not to be left out. Of one,
/// two or four rows.
#[inline(always)]
pub fn columns_alive<'a, F: Scalar, V: Simd<F>>(
    isa: V::Isa,
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
        1 => list_alive::<F, V, 1>(isa, x, alive),
        2 => list_alive::<F, V, 2>(isa, x, alive),
        4 => list_alive::<F, V, 4>(isa, x, alive),
        _ => unreachable!("as many rows as a tile has"),
    };
    &alive[..n]
}

#[inline(always)]
fn list_alive<F: Scalar, V: Simd<F>, const R: usize>(
    isa: V::Isa,
    x: Matrix<'_, F>,
    alive: &mut [u32],
) -> usize {
    let mut rows = [x.row(0); R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = x.row(r);
    }
    let (mut n, mut k) = (0, 0);
    while k + V::LANES <= x.columns {
        let mut any = V::load(isa, &rows[0][k..]);
        for row in &rows[1..] {
            any = any.or(V::load(isa, &row[k..]));
        }
        n += V::positions(isa, any.nonzero(), k as u32, &mut alive[n..]);
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

/// For each [`COLUMNS_TOGETHER`] columns one bit for every row, of 1 to [`SUMMED_IN_STRIPS`], that
/// is not zero in all of them; for all rows, if zeros are not to be left out.
#[inline(always)]
pub fn rows_alive<'a, F: Scalar, V: Simd<F>>(
    isa: V::Isa,
    x: Matrix<'_, F>,
    skip: bool,
    alive: &'a mut [u64],
) -> &'a [u64] {
    if !skip || x.columns < WORTH_LOOKING {
        alive.fill(u64::MAX >> (SUMMED_IN_STRIPS - x.rows));
        return alive;
    }
    let each = V::LANES / COLUMNS_TOGETHER;
    let whole = x.columns / V::LANES;
    for (i, alive) in alive.chunks_exact_mut(each).enumerate().take(whole) {
        for first in (0..x.rows).step_by(32) {
            let x = x.rows_between(first, x.rows.min(first + 32));
            let mut bits = [0; MOST_LANES / COLUMNS_TOGETHER];
            V::rows_alive(isa, &x.data[i * V::LANES..], x.stride, x.rows, &mut bits[..each]);
            for (alive, bits) in alive.iter_mut().zip(bits) {
                *alive = if first == 0 { bits.into() } else { *alive | u64::from(bits) << first };
            }
        }
    }
    for (i, alive) in alive.iter_mut().enumerate().skip(whole * each) {
        *alive = 0;
        for r in 0..x.rows {
            for &x in x.row(r)[i * COLUMNS_TOGETHER..].iter().take(COLUMNS_TOGETHER) {
                *alive |= u64::from(x != F::zero()) << r;
            }
        }
    }
    alive
}
