//! The operands of a product, and parts of them.

use std::ops::Range;

use crate::kernel::matrix::Matrix;
use crate::plan::{self, Cut, Kind, Shape};
use crate::scalar::{Scalar, vanishes};

/// A product to be computed, all operands of fitting shapes. What is written is given as rows, or
/// in standard layout. `y` and `dx` may hold anything.
pub enum Product<'a, F> {
    /// `y = b + x·W`, without a bias `y = x·W`.
    Rows { x: Matrix<'a, F>, w: Matrix<'a, F>, bias: Option<&'a [F]>, y: Vec<&'a mut [F]> },
    /// `dx = dy·Wᵀ`.
    TransposedRight { dy: Matrix<'a, F>, w: Matrix<'a, F>, dx: Vec<&'a mut [F]> },
    /// `dW += xᵀ·dy`; or, with a scale, `W += scale·(xᵀ·dy)`, product and sum rounded one after the
    /// other.
    TransposedLeft { x: Matrix<'a, F>, dy: Matrix<'a, F>, scale: Option<F>, dw: &'a mut [F] },
}

impl<'a, F: Scalar> Product<'a, F> {
    pub fn kind(&self) -> Kind {
        match *self {
            Product::Rows { .. } => Kind::Rows,
            Product::TransposedRight { .. } => Kind::TransposedRight,
            Product::TransposedLeft { scale: None, .. } => Kind::TransposedLeft,
            Product::TransposedLeft { scale: Some(scale), .. } => {
                Kind::Scaled { vanishes: vanishes(scale) }
            }
        }
    }

    pub fn shape(&self) -> Shape {
        let (left, columns) = match self {
            Product::Rows { x, w, .. } => (x, w.columns),
            Product::TransposedRight { dy, w, .. } => (dy, w.rows),
            Product::TransposedLeft { x, dy, .. } => (x, dy.columns),
        };
        Shape { rows: left.rows, inner: left.columns, columns }
    }

    /// The same product as about `parts` products of a part of the result each.
    pub fn split(self, parts: usize) -> Vec<Product<'a, F>> {
        let cut = plan::cut(self.kind(), self.shape());
        match (self, cut) {
            (Product::Rows { x, w, bias, y }, Cut::Columns) => {
                columns_each(y, plan::ranges(w.columns, parts))
                    .map(|(columns, y)| Product::Rows {
                        x,
                        w: w.columns_between(columns.start, columns.end),
                        bias: bias.map(|bias| &bias[columns]),
                        y,
                    })
                    .collect()
            }
            (Product::Rows { x, w, bias, y }, Cut::Rows) => {
                rows_each(y, plan::ranges(x.rows, parts))
                    .map(|(rows, y)| {
                        let x = x.rows_between(rows.start, rows.end);
                        Product::Rows { x, w, bias, y }
                    })
                    .collect()
            }
            (Product::TransposedRight { dy, w, dx }, Cut::Columns) => {
                columns_each(dx, plan::ranges(w.rows, parts))
                    .map(|(columns, dx)| {
                        let w = w.rows_between(columns.start, columns.end);
                        Product::TransposedRight { dy, w, dx }
                    })
                    .collect()
            }
            (Product::TransposedRight { dy, w, dx }, Cut::Rows) => {
                rows_each(dx, plan::ranges(dy.rows, parts))
                    .map(|(rows, dx)| {
                        let dy = dy.rows_between(rows.start, rows.end);
                        Product::TransposedRight { dy, w, dx }
                    })
                    .collect()
            }
            (Product::TransposedLeft { x, dy, scale, mut dw }, _) => plan::ranges(x.columns, parts)
                .map(|columns| Product::TransposedLeft {
                    x: x.columns_between(columns.start, columns.end),
                    dy,
                    scale,
                    dw: dw.split_off_mut(..columns.len() * dy.columns).expect("rows of dW"),
                })
                .collect(),
        }
    }
}

/// Each range of rows with these rows.
fn rows_each<F>(
    mut rows: Vec<&mut [F]>,
    ranges: impl Iterator<Item = Range<usize>>,
) -> impl Iterator<Item = (Range<usize>, Vec<&mut [F]>)> {
    ranges.map(move |range| {
        let rest = rows.split_off(range.len());
        (range, std::mem::replace(&mut rows, rest))
    })
}

/// Each range of columns with this part of every row.
fn columns_each<'a, F>(
    mut rows: Vec<&'a mut [F]>,
    ranges: impl Iterator<Item = Range<usize>>,
) -> impl Iterator<Item = (Range<usize>, Vec<&'a mut [F]>)> {
    ranges.map(move |range| {
        let part = |row: &mut &'a mut [F]| row.split_off_mut(..range.len()).expect("columns");
        let part = rows.iter_mut().map(part).collect();
        (range, part)
    })
}
