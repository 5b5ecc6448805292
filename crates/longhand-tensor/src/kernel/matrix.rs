//! An operand, as slices of its rows.

use std::ops::Range;

use crate::scalar::Scalar;
use crate::tuning::SQUARE;

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

    /// Writes the columns, one after the other: by squares, so that a line of the cache that is written to is
    /// full before it is left.
    pub fn transpose(self, columns: &mut [F]) {
        let whole = |n: usize| n / SQUARE * SQUARE;
        for r in (0..whole(self.rows)).step_by(SQUARE) {
            for c in (0..whole(self.columns)).step_by(SQUARE) {
                let mut square = [[F::zero(); SQUARE]; SQUARE];
                for (i, line) in square.iter_mut().enumerate() {
                    *line = *self.row(r + i)[c..].first_chunk().expect("a square");
                }
                for j in 0..SQUARE {
                    let column: Option<&mut [F; SQUARE]> =
                        columns[(c + j) * self.rows + r..].first_chunk_mut();
                    *column.expect("a square") = std::array::from_fn(|i| square[i][j]);
                }
            }
        }
        // What is left at the end of each row, and the last rows.
        for r in 0..self.rows {
            let from = if r < whole(self.rows) { whole(self.columns) } else { 0 };
            for (c, &x) in self.row(r).iter().enumerate().skip(from) {
                columns[c * self.rows + r] = x;
            }
        }
    }
}
