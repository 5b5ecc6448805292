//! How a product is computed: decided from its kind and shape alone.
//!
//! Every function here is pure. Nothing is read from operands, nothing is computed.

use std::ops::Range;

use crate::tuning::{
    FEWEST_COLUMNS, PART, SPREADS, STRIPS_UP_TO, SUMMED_IN_GROUPS, SUMMED_IN_STRIPS, strip,
    worth_threads,
};

/// What is multiplied with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `y = b + x·W`.
    Rows,
    /// `dx = dy·Wᵀ`.
    TransposedRight,
    /// `dW += xᵀ·dy`.
    TransposedLeft,
    /// `W += scale·(xᵀ·dy)` of sums that are finished at once ([`finishes`]), and whether adding the scale times zero changes nothing.
    Scaled { vanishes: bool },
}

/// The sizes of a product. Multiplied, they are the number of multiplications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows of the left operand.
    pub rows: usize,
    /// Columns of the left operand.
    pub inner: usize,
    /// Columns of `y`, `dx` or `dy`.
    pub columns: usize,
}

impl Shape {
    pub fn multiplications(self) -> usize {
        self.rows * self.inner * self.columns
    }
}

/// How a product is computed on one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// There is nothing to write.
    Nothing,
    /// By way of copies that have as many columns as the kernels need.
    Widen,
    /// By way of a transposed copy of the right operand.
    Transpose,
    /// In strips of columns. Zeros are left out if `skip` says so.
    Strips { skip: bool },
    /// In groups of rows. Zeros are left out if `skip` says so.
    Groups { skip: bool },
}

/// How a product is computed. `skip` says whether its zeros may be left out at all.
pub fn plan<F>(kind: Kind, shape: Shape, skip: bool) -> Plan {
    let Shape { rows, columns, .. } = shape;
    let strips = columns <= strip::<F>() || (rows > 1 && columns <= STRIPS_UP_TO);
    let narrow = columns < FEWEST_COLUMNS;
    match kind {
        _ if columns == 0 => Plan::Nothing,
        Kind::TransposedRight if strips => Plan::Transpose,
        Kind::TransposedRight => Plan::Groups { skip },
        _ if narrow => Plan::Widen,
        Kind::Rows if strips => Plan::Strips { skip },
        Kind::Rows => Plan::Groups { skip },
        Kind::TransposedLeft | Kind::Scaled { .. } => {
            let skip = skip && kind != Kind::Scaled { vanishes: false };
            if in_strips::<F>(shape) { Plan::Strips { skip } } else { Plan::Groups { skip } }
        }
    }
}

/// Whether `dW += xᵀ·dy` is computed in strips. Of few rows there is little to list: each row of `dW` is
/// written once.
fn in_strips<F>(Shape { rows, columns, .. }: Shape) -> bool {
    columns <= strip::<F>() || rows <= SUMMED_IN_STRIPS || columns <= STRIPS_UP_TO
}

/// Whether the sums of `xᵀ·dy` are finished in registers, so that they can be scaled there. A sum of nothing
/// has no end.
pub fn finishes<F>(shape: Shape) -> bool {
    let at_once = if in_strips::<F>(shape) { SUMMED_IN_STRIPS } else { SUMMED_IN_GROUPS };
    (1..=at_once).contains(&shape.rows)
}

/// On how many of these threads a product is computed: on all of them, or on one.
pub fn threads_for(shape: Shape, threads: usize) -> usize {
    let worth = shape.multiplications() >= worth_threads(shape.rows, shape.columns);
    if worth { threads } else { 1 }
}

/// Whether a product leaves its weights in the caches of the threads that computed it.
pub fn spreads(shape: Shape) -> bool {
    shape.multiplications() >= SPREADS
}

/// Where a result is cut into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Rows,
    Columns,
}

/// Where a product is cut: the longer side of `y` or `dx`, so that the larger operand is gone
/// through once in all. `dW` is cut between its rows, which belong to columns of `x`.
pub fn cut(kind: Kind, shape: Shape) -> Cut {
    match kind {
        Kind::Rows | Kind::TransposedRight if shape.columns > shape.rows => Cut::Columns,
        _ => Cut::Rows,
    }
}

/// `0..n` in about `parts` ranges, which begin at multiples of [`PART`].
pub fn ranges(n: usize, parts: usize) -> impl Iterator<Item = Range<usize>> {
    let each = n.div_ceil(parts).next_multiple_of(PART).max(PART);
    (0..n).step_by(each).map(move |from| from..n.min(from + each))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape((rows, inner, columns): (usize, usize, usize)) -> Shape {
        Shape { rows, inner, columns }
    }

    #[test]
    fn every_shape_has_its_plan() {
        let (rows, right, left) = (Kind::Rows, Kind::TransposedRight, Kind::TransposedLeft);
        let (step, growth) = (Kind::Scaled { vanishes: true }, Kind::Scaled { vanishes: false });
        let (strips, groups) = (Plan::Strips { skip: true }, Plan::Groups { skip: true });
        let dense = Plan::Strips { skip: false };
        for (kind, sizes, expected) in [
            (rows, (16, 784, 0), Plan::Nothing),
            (rows, (16, 784, 7), Plan::Widen),
            (rows, (16, 784, 8), strips),
            (rows, (1, 784, 32), strips),
            (rows, (1, 784, 33), groups),
            (rows, (2, 784, 256), strips),
            (rows, (2, 784, 257), groups),
            (rows, (0, 784, 300), groups),
            (right, (16, 10, 0), Plan::Nothing),
            (right, (16, 10, 7), Plan::Transpose),
            (right, (16, 10, 256), Plan::Transpose),
            (right, (1, 10, 33), groups),
            (right, (128, 10, 800), groups),
            (left, (16, 784, 0), Plan::Nothing),
            (left, (16, 784, 3), Plan::Widen),
            (left, (16, 784, 30), strips),
            (left, (64, 784, 800), strips),
            (left, (65, 784, 800), groups),
            (left, (65, 784, 256), strips),
            (left, (0, 784, 800), strips),
            (step, (16, 784, 3), Plan::Widen),
            (step, (64, 784, 800), strips),
            (growth, (64, 784, 800), dense),
            (step, (65, 784, 800), groups),
            (growth, (65, 784, 800), Plan::Groups { skip: false }),
        ] {
            assert_eq!(plan::<f32>(kind, shape(sizes), true), expected, "{kind:?} {sizes:?}");
        }
        assert_eq!(plan::<f32>(rows, shape((16, 784, 30)), false), dense);
        assert_eq!(plan::<f64>(rows, shape((1, 784, 7)), true), Plan::Widen);
        assert_eq!(plan::<f64>(rows, shape((1, 784, 8)), true), strips);
        assert_eq!(plan::<f64>(rows, shape((1, 784, 17)), true), groups);
    }

    #[test]
    fn sums_are_finished_at_once_or_not() {
        for (sizes, expected) in [
            ((64, 784, 3), true),
            ((65, 784, 3), false),
            ((64, 784, 800), true),
            ((65, 784, 256), false),
            ((65, 784, 800), true),
            ((256, 784, 800), true),
            ((257, 784, 800), false),
            ((0, 784, 800), false),
        ] {
            assert_eq!(finishes::<f32>(shape(sizes)), expected, "{sizes:?}");
        }
    }

    #[test]
    fn a_product_has_threads_where_they_pay() {
        for (sizes, threads, on_all, on_many) in [
            ((16, 784, 30), 2, false, true),
            ((16, 784, 10), 2, false, false),
            ((1, 784, 668), 2, false, true),
            ((1, 784, 669), 2, true, true),
            ((127, 784, 30), 2, false, true),
            ((128, 784, 30), 2, true, true),
            ((64, 784, 63), 4, false, true),
            ((64, 784, 128), 4, true, true),
            ((100, 784, 40), 4, false, true),
            ((0, 784, 10), 2, false, false),
        ] {
            let expected = if on_all { threads } else { 1 };
            assert_eq!(threads_for(shape(sizes), threads), expected, "{sizes:?}");
            assert_eq!(spreads(shape(sizes)), on_many, "{sizes:?}");
        }
    }

    #[test]
    fn the_longer_side_is_cut_into_whole_vectors() {
        for (kind, sizes, expected) in [
            (Kind::Rows, (128, 784, 800), Cut::Columns),
            (Kind::Rows, (1000, 784, 800), Cut::Rows),
            (Kind::TransposedRight, (16, 10, 17), Cut::Columns),
            (Kind::TransposedRight, (16, 10, 16), Cut::Rows),
            (Kind::TransposedLeft, (16, 10, 800), Cut::Rows),
        ] {
            assert_eq!(cut(kind, shape(sizes)), expected, "{kind:?} {sizes:?}");
        }
        let all = |n, parts| ranges(n, parts).collect::<Vec<_>>();
        assert_eq!(all(100, 2), [0..64, 64..100]);
        assert_eq!(all(17, 5), [0..16, 16..17]);
        assert_eq!(all(0, 2), []);
    }
}
