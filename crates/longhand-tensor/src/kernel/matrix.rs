//! An operand, as slices of its rows.

use std::ops::Range;

use crate::scalar::Scalar;
use crate::simd::prefetch_line;
use crate::tuning::{SQUARE, TRANSPOSED_AT_ONCE};

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

    /// Writes the columns: column `c` from `out[c * stride]` on.
    ///
    /// Compiled for the baseline CPU: instructions that scatter a vector are slower.
    #[inline(never)]
    pub fn transpose(self, out: &mut [F], stride: usize) {
        let mut r = 0;
        while r + TRANSPOSED_AT_ONCE <= self.rows {
            self.transpose_rows::<TRANSPOSED_AT_ONCE>(r, out, stride);
            r += TRANSPOSED_AT_ONCE;
        }
        while r + SQUARE <= self.rows {
            self.transpose_rows::<SQUARE>(r, out, stride);
            r += SQUARE;
        }
        for r in r..self.rows {
            self.row(r).iter().enumerate().for_each(|(c, &x)| out[c * stride + r] = x);
        }
    }

    /// Writes these rows: of some columns at a time all of them, so that a line of the cache is full before it
    /// is left.
    #[inline(always)]
    fn transpose_rows<const R: usize>(self, first: usize, out: &mut [F], stride: usize) {
        let rows: [&[F]; R] = std::array::from_fn(|i| self.row(first + i));
        let (squares, rest) = (self.columns / SQUARE, self.columns % SQUARE);
        for c in (0..squares).map(|square| square * SQUARE) {
            if c % TRANSPOSED_AT_ONCE == 0 {
                for next in rows.iter().filter_map(|row| row.get(c + TRANSPOSED_AT_ONCE)) {
                    prefetch_line(next); // no CPU foresees jumps of a row
                }
            }
            let mut lines = out[c * stride + first..].chunks_mut(stride);
            let columns: [&mut [F]; SQUARE] =
                std::array::from_fn(|_| &mut lines.next().expect("a column")[..R]);
            for i in (0..R).step_by(SQUARE) {
                let square: [&[F; SQUARE]; SQUARE] =
                    std::array::from_fn(|j| rows[i + j][c..].first_chunk().expect("a square"));
                let [w, x, y, z] = square;
                for j in 0..SQUARE {
                    let column = columns[j][i..].first_chunk_mut();
                    *column.expect("a square") = [w[j], x[j], y[j], z[j]];
                }
            }
        }
        for c in self.columns - rest..self.columns {
            rows.iter().enumerate().for_each(|(i, row)| out[c * stride + first + i] = row[c]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of parts of a matrix, to places that are further apart than they need be, with nothing between them
    /// written.
    #[test]
    fn columns_are_written_one_after_the_other() {
        for (rows, columns) in
            [(0, 3), (3, 0), (1, 1), (4, 4), (5, 18), (16, 7), (23, 33), (39, 16)]
        {
            let data: Vec<f32> = (0..rows * (columns + 2)).map(|i| i as f32).collect();
            let whole = Matrix::new(&data, rows, columns + 2);
            let stride = rows + 3;
            let mut out = vec![-1.0; columns * stride];
            whole.columns_between(1, columns + 1).transpose(&mut out, stride);
            for (c, column) in out.chunks(stride).enumerate() {
                let expected = (0..rows).map(|r| whole.row(r)[c + 1]);
                assert!(column[..rows].iter().copied().eq(expected), "{rows} {columns} {c}");
                assert_eq!(column[rows..], [-1.0; 3], "{rows} {columns} {c}");
            }
        }
    }
}
