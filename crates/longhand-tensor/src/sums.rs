//! Sums in a fixed tree: runs of 16 numbers are added one after the other, and their sums in pairs,
//! the sums of pairs in pairs, and so on. The order depends on nothing but the number of terms, and
//! the error grows with the logarithm of that number. (A sum of ones in f32, added one after the
//! other, stops at 2²⁴.)

use ndarray::{Array1, ArrayRef1, ArrayRef2};

use crate::Float;

/// Terms that are added one after the other.
const RUN: usize = 16;

/// The sums of runs so far: at level `l`, that of `2^l` runs, where the binary digit `l` of the
/// number of runs is 1.
pub(crate) struct Tree<T> {
    levels: Vec<T>,
    runs: usize,
}

impl<T> Tree<T> {
    pub fn new() -> Tree<T> {
        Tree { levels: vec![], runs: 0 }
    }

    /// Adds the sum of the next run, as a binary counter counts: `add(earlier, later)`.
    pub fn push(&mut self, mut run: T, add: impl Fn(T, T) -> T) {
        let carries = self.runs.trailing_ones();
        for _ in 0..carries {
            let earlier = self.levels.pop().expect("a sum for each digit that is 1");
            run = add(earlier, run);
        }
        self.levels.push(run);
        self.runs += 1;
    }

    /// The sum of all runs, if there was one.
    pub fn total(mut self, add: impl Fn(T, T) -> T) -> Option<T> {
        let mut total = self.levels.pop()?;
        while let Some(earlier) = self.levels.pop() {
            total = add(earlier, total);
        }
        Some(total)
    }
}

/// The sum of numbers, in an order that depends on nothing but how many there are. (A sum whose
/// order a library chooses may change with its version and with an array's layout, and with it the
/// last bits of a seeded run.)
///
/// ```
/// assert_eq!(longhand_tensor::sum([0.25f32, 0.5]), 0.75);
/// assert_eq!(longhand_tensor::sum(std::iter::repeat_n(1.0f32, 20_000_000)), 2e7); // one by one: 16777216
/// ```
pub fn sum<F: Float>(numbers: impl IntoIterator<Item = F>) -> F {
    let mut numbers = numbers.into_iter();
    let mut tree = Tree::new();
    loop {
        let (mut run, mut terms) = (F::zero(), 0);
        for number in numbers.by_ref().take(RUN) {
            run += number;
            terms += 1;
        }
        if tree.runs == 0 && terms < RUN {
            return run;
        }
        if terms > 0 {
            tree.push(run, |a, b| a + b);
        }
        if terms < RUN {
            return tree.total(|a, b| a + b).unwrap_or_default();
        }
    }
}

/// Sums that are made side by side, of terms 16 apart.
const LANES: usize = 16;

/// The sum of numbers in a slice, many at once: of each 256, the sums of those 16 apart, which are then
/// added in pairs, and the sums of such blocks in a tree. The order depends on nothing but how many
/// there are.
#[inline]
pub fn sum_slice<F: Float>(numbers: &[F]) -> F {
    let one = [F::one(); LANES * RUN];
    let blocks = numbers.chunks(LANES * RUN);
    in_tree(blocks.map(|block| block_sum(block, &one[..block.len()], |x, _| x)))
}

/// The sum of the products of numbers at the same places, in the order of [`sum_slice`].
///
/// # Panics
/// The slices are not of one length.
#[inline]
#[track_caller]
pub fn sum_products<F: Float>(a: &[F], b: &[F]) -> F {
    assert_eq!(a.len(), b.len(), "sum_products: slices of one length");
    let blocks = a.chunks(LANES * RUN).zip(b.chunks(LANES * RUN));
    in_tree(blocks.map(|(a, b)| block_sum(a, b, |a, b| a * b)))
}

#[inline]
fn block_sum<F: Float>(a: &[F], b: &[F], term: impl Fn(F, F) -> F) -> F {
    let mut lanes = [F::zero(); LANES];
    let (mut rows, mut others) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in rows.by_ref().zip(others.by_ref()) {
        for lane in 0..LANES {
            lanes[lane] += term(a[lane], b[lane]);
        }
    }
    for (lane, (&a, &b)) in lanes.iter_mut().zip(rows.remainder().iter().zip(others.remainder())) {
        *lane += term(a, b);
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            let other = lanes[lane + width];
            lanes[lane] += other;
        }
    }
    lanes[0]
}

#[inline]
fn in_tree<F: Float>(mut sums: impl Iterator<Item = F>) -> F {
    let Some(first) = sums.next() else { return F::zero() };
    let Some(second) = sums.next() else { return first };
    let mut tree = Tree::new();
    [first, second].into_iter().chain(sums).for_each(|sum| tree.push(sum, |a, b| a + b));
    tree.total(|a, b| a + b).unwrap_or_default()
}

/// `db += Σ_r dy[r]`, the sum over the rows.
///
/// # Shapes
/// `dy: [n, out]`, `db: [out]`.
///
/// # Panics
/// The widths differ.
///
/// ```
/// use longhand_tensor::{add_sum_rows, ndarray::array};
/// let mut db = array![100., 100.];
/// add_sum_rows(&array![[1., 2.], [3., 4.]], &mut db);
/// assert_eq!(db, array![104., 106.]);
/// ```
#[track_caller]
pub fn add_sum_rows<F: Float>(dy: &ArrayRef2<F>, db: &mut ArrayRef1<F>) {
    let (rows, columns) = dy.dim();
    assert!(
        columns == db.len(),
        "db += Σ_r dy[r]: rows of {rows} × {columns} do not fit a sum of length {}",
        db.len()
    );
    if rows <= RUN {
        dy.rows().into_iter().for_each(|row| *db += &row);
        return;
    }
    let mut tree = Tree::new();
    for rows in dy.axis_chunks_iter(ndarray::Axis(0), RUN) {
        let mut run = Array1::zeros(columns);
        rows.rows().into_iter().for_each(|row| run += &row);
        tree.push(run, |earlier, later| earlier + &later);
    }
    if let Some(total) = tree.total(|earlier, later| earlier + &later) {
        *db += &total;
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn sums_of_many_terms_are_right() {
        for n in [0, 1, 15, 16, 17, 31, 32, 33, 1000, 100_000] {
            let exact = (1..=n).map(|i| 1.0 / f64::from(i)).sum::<f64>();
            let found = f64::from(sum((1..=n).map(|i| 1.0 / i as f32)));
            assert!((found - exact).abs() <= 3e-7 * exact, "{n}: {found} {exact}");
        }
        let found = f64::from(sum(std::iter::repeat_n(0.1f32, 47_040_000)));
        assert!((found / (47_040_000.0 * f64::from(0.1f32)) - 1.0).abs() < 6e-7, "{found}");
        assert_eq!(sum([1e16, 1.0, -1e16]), 0.0, "few terms are added in their order");
    }

    #[test]
    fn sums_side_by_side_are_right_and_of_products_too() {
        for n in [0, 1, 15, 16, 17, 255, 256, 257, 1000, 100_000] {
            let a: Vec<f32> = (1..=n).map(|i| 1.0 / i as f32).collect();
            let b: Vec<f32> = (1..=n).map(|i| (i % 7) as f32 - 2.5).collect();
            let exact: f64 = a.iter().map(|&a| f64::from(a)).sum();
            assert!((f64::from(sum_slice(&a)) - exact).abs() <= 3e-7 * exact, "{n}");
            let products = || a.iter().zip(&b).map(|(&a, &b)| f64::from(a) * f64::from(b));
            let (exact, size) = (products().sum::<f64>(), products().map(f64::abs).sum::<f64>());
            assert!((f64::from(sum_products(&a, &b)) - exact).abs() <= 3e-7 * size, "{n}");
        }
        let ones = vec![0.1f32; 1 << 24];
        let exact = f64::from(1 << 24) * f64::from(0.1f32);
        assert!((f64::from(sum_slice(&ones)) / exact - 1.0).abs() < 6e-7);
    }

    #[test]
    fn sums_over_many_rows_are_right_and_are_added() {
        for rows in [1, 16, 17, 48, 1000, 60_000] {
            let dy = Array2::from_elem((rows, 3), 0.1f32);
            let mut db = Array1::from_elem(3, 1.0f32);
            add_sum_rows(&dy, &mut db);
            let exact = 1.0 + rows as f64 * f64::from(0.1f32);
            assert!(
                db.iter().all(|&db| (f64::from(db) / exact - 1.0).abs() < 6e-7),
                "{rows}: {db}"
            );
        }
    }
}
