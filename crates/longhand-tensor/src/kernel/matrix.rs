//! An operand, as slices of its rows.

use std::ops::Range;

use crate::scalar::Scalar;

/// A matrix whose rows are contiguous, `stride` apart.
#[derive(Clone, Copy)]
pub struct Matrix<'a, F> {
    pub data: &'a [F],
    pub rows: usize,
    pub columns: usize,
    pub stride: usize,
}

impl<'a, F> Matrix<'a, F> {
    /// A matrix in standard layout: `data[r * columns + c]`.
    pub fn new(data: &'a [F], rows: usize, columns: usize) -> Matrix<'a, F> {
        assert_eq!(data.len(), rows * columns, "a matrix has rows · columns elements");
        Matrix { data, rows, columns, stride: columns }
    }

    /// Rows `from..to`.
    pub fn rows_between(self, from: usize, to: usize) -> Matrix<'a, F> {
        let end = if to == self.rows { self.data.len() } else { to * self.stride };
        Matrix { data: &self.data[from * self.stride..end], rows: to - from, ..self }
    }

    /// Columns `from..to`.
    pub fn columns_between(self, from: usize, to: usize) -> Matrix<'a, F> {
        let data = if self.rows == 0 { self.data } else { &self.data[from..] };
        Matrix { data, columns: to - from, ..self }
    }

    /// These rows and columns.
    pub fn part(self, rows: &Range<usize>, columns: &Range<usize>) -> Matrix<'a, F> {
        self.rows_between(rows.start, rows.end).columns_between(columns.start, columns.end)
    }

    #[inline(always)]
    pub fn row(&self, r: usize) -> &'a [F] {
        &self.data[r * self.stride..][..self.columns]
    }
}

impl<F: Scalar> Matrix<'_, F> {
    /// The rows with zeros behind them, as many as make them `columns` long.
    pub fn widened(self, columns: usize) -> Vec<F> {
        let mut wide = vec![F::zero(); self.rows * columns];
        for (r, wide) in wide.chunks_exact_mut(columns).enumerate() {
            wide[..self.columns].copy_from_slice(self.row(r));
        }
        wide
    }

    /// The columns, one after the other.
    pub fn transposed(self) -> Vec<F> {
        let mut columns = vec![F::zero(); self.rows * self.columns];
        for i in 0..self.rows {
            for (to, &x) in columns.iter_mut().skip(i).step_by(self.rows).zip(self.row(i)) {
                *to = x;
            }
        }
        columns
    }
}
