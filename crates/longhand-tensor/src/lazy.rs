use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use ndarray::Array2;

use crate::Float;
use crate::arrays::{recycle, unspecified_at_line};
use crate::matmul::{add_matmul_tn, add_scaled_matmul_tn, expect_fit_tn, for_rows_of_matmul_tn};
use crate::pool::{self, in_parts};
use crate::rows::add_scaled;
use crate::tuning::WORTH_PARTS;

/// The weight of a linear layer, or its gradient `dW = xᵀ·dy`, which is kept as its two factors
/// until somebody wants to see its numbers.
///
/// Plain gradient descent never does: `W ← W − η·(xᵀ·dy)` is worked out in one pass over `W`, in
/// which the numbers of `dW` are in registers or near them. It skips the rows of `W` for which all
/// of `x` is zero. [`get`](LazyMatrix::get) computes the numbers, and from then on each product is
/// added to them at once. The bits are the same in either case.
///
/// ```
/// use longhand_tensor::{LazyMatrix, ndarray::array};
///
/// let mut weight = LazyMatrix::new(array![[1.], [2.]]);
/// let mut grad = LazyMatrix::zeros(2, 1);
/// grad.add_matmul_tn(array![[3., 4.]], array![[10.]]);
/// weight.add_scaled(-0.5, &grad);
/// assert_eq!(weight.get(), array![[1. - 0.5 * 30.], [2. - 0.5 * 40.]]);
/// assert_eq!(grad.get(), array![[30.], [40.]]); // worked out here
/// ```
#[derive(Clone)]
pub struct LazyMatrix<F> {
    /// Rows and columns, while there are no numbers, which may be replaced by others.
    dim: (usize, usize),
    /// The numbers, if anybody has wanted to see them.
    numbers: OnceLock<Array2<F>>,
    /// While there are no numbers: the factors `x` and `dy` of what they are, which without these
    /// is zero.
    product: Option<(Array2<F>, Array2<F>)>,
}

impl<F: Float> LazyMatrix<F> {
    /// A matrix with these numbers.
    pub fn new(numbers: Array2<F>) -> LazyMatrix<F> {
        let mut copy = unspecified_at_line(numbers.nrows(), numbers.ncols());
        copy.assign(&numbers);
        LazyMatrix { dim: copy.dim(), numbers: OnceLock::from(copy), product: None }
    }

    /// A matrix of zeros, which takes no memory yet.
    pub fn zeros(rows: usize, columns: usize) -> LazyMatrix<F> {
        LazyMatrix { dim: (rows, columns), numbers: OnceLock::new(), product: None }
    }

    /// Rows and columns.
    pub fn dim(&self) -> (usize, usize) {
        self.numbers.get().map_or(self.dim, Array2::dim)
    }

    /// The numbers, in standard layout unless they were replaced by an array of another one.
    pub fn get(&self) -> &Array2<F> {
        self.numbers.get_or_init(|| {
            let mut numbers = Array2::zeros(self.dim);
            if let Some((x, dy)) = &self.product {
                add_matmul_tn(x, dy, &mut numbers);
            }
            numbers
        })
    }

    /// The numbers, to be changed.
    pub fn get_mut(&mut self) -> &mut Array2<F> {
        self.get();
        self.forget_product();
        self.numbers.get_mut().expect("the numbers are there")
    }

    /// Makes all of it zero.
    pub fn set_zero(&mut self) {
        self.forget_product();
        if let Some(numbers) = self.numbers.get_mut() {
            in_parts(flat(numbers), 1, |_, part| part.fill(F::zero()));
        }
    }

    /// `self += xᵀ·dy`.
    ///
    /// # Shapes
    /// `x: [n, rows]`, `dy: [n, columns]`.
    ///
    /// # Panics
    /// The shapes do not fit.
    #[track_caller]
    pub fn add_matmul_tn(&mut self, x: Array2<F>, dy: Array2<F>) {
        if self.numbers.get().is_none() && self.product.is_none() {
            expect_fit_tn(&x, &dy, self.dim);
            self.product = Some((x, dy));
            return;
        }
        add_matmul_tn(&x, &dy, self.get_mut());
        recycle(x);
        recycle(dy);
    }

    /// `self += a·other`, the product and the sum rounded one after the other.
    ///
    /// # Panics
    /// The shapes differ.
    #[track_caller]
    pub fn add_scaled(&mut self, a: F, other: &LazyMatrix<F>) {
        let (here, there) = (self.dim(), other.dim());
        assert!(
            here == there,
            "LazyMatrix::add_scaled: {} × {} is added to {} × {}",
            there.0,
            there.1,
            here.0,
            here.1
        );
        let numbers = self.get_mut();
        match (other.numbers.get(), &other.product) {
            (None, Some((x, dy))) => add_scaled_matmul_tn(x, dy, a, numbers),
            _ => {
                let other = other.get().as_standard_layout();
                add_scaled(flat(numbers), a, other.as_slice().expect("standard layout"));
            }
        }
    }

    /// The factors of a product that nobody has looked at yet, if it is better worked out in parts.
    fn large_product(&self) -> Option<(&Array2<F>, &Array2<F>)> {
        let (x, dy) = self.product.as_ref().filter(|_| self.numbers.get().is_none())?;
        (self.dim.0 * self.dim.1 >= WORTH_PARTS).then_some((x, dy))
    }

    fn forget_product(&mut self) {
        if let Some((x, dy)) = self.product.take() {
            recycle(x);
            recycle(dy);
        }
    }
}

/// The numbers of a parameter that is read, one row after the other. Those of a gradient that is still two
/// factors are worked out when they are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a, F: Float>(Source<'a, F>);

#[derive(Clone, Copy, Debug)]
enum Source<'a, F: Float> {
    Slice(&'a [F]),
    Lazy(&'a LazyMatrix<F>),
}

impl<'a, F: Float> Numbers<'a, F> {
    pub(crate) fn of_slice(numbers: &'a [F]) -> Numbers<'a, F> {
        Numbers(Source::Slice(numbers))
    }

    pub(crate) fn of_lazy(matrix: &'a LazyMatrix<F>) -> Numbers<'a, F> {
        Numbers(Source::Lazy(matrix))
    }

    fn slice(self) -> &'a [F] {
        match self.0 {
            Source::Slice(numbers) => numbers,
            Source::Lazy(matrix) => {
                matrix.get().as_slice().expect("an array of parameters is in standard layout")
            }
        }
    }
}

impl<F: Float> Deref for Numbers<'_, F> {
    type Target = [F];

    fn deref(&self) -> &[F] {
        self.slice()
    }
}

/// Calls `f` with parts of the slices that are cut at the same places, on several threads where that pays. A
/// large gradient that is still two factors is worked out part by part.
pub fn in_parts_of<F: Float, const N: usize, const M: usize>(
    changed: [&mut [F]; N],
    read: [Numbers<'_, F>; M],
    f: impl Fn([&mut [F]; N], [&[F]; M]) + Sync,
) {
    if let [Numbers(Source::Lazy(gradient))] = read[..]
        && let Some((x, dy)) = gradient.large_product()
    {
        return for_rows_of_matmul_tn((x, dy), changed, &|changed, dw| f(changed, [dw; M]));
    }
    pool::in_parts_of(changed, read.map(Numbers::slice), f);
}

/// The numbers one row after the other: moved, where they are in another order.
fn flat<F: Float>(numbers: &mut Array2<F>) -> &mut [F] {
    if !numbers.is_standard_layout() {
        *numbers = numbers.as_standard_layout().into_owned();
    }
    numbers.as_slice_mut().expect("standard layout")
}

impl<F: Float> PartialEq for LazyMatrix<F> {
    fn eq(&self, other: &LazyMatrix<F>) -> bool {
        self.get() == other.get()
    }
}

impl<F: Float> fmt::Debug for LazyMatrix<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn numbers(rows: usize, columns: usize, seed: usize) -> Array2<f32> {
        let number = |i: usize, j: usize| ((i * 31 + j * 17 + seed * 7) % 23) as f32 / 23.0;
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            if (i + j) % 3 == 0 { 0.0 } else { number(i, j) - 0.5 }
        })
    }

    /// Whenever somebody looks, and whoever does not, the numbers are those of products added one
    /// after the other.
    #[test]
    fn who_looks_changes_nothing() {
        let (m, n) = if cfg!(miri) { (7, 5) } else { (40, 30) };
        let factors = |i| (numbers(5, m, i), numbers(5, n, i + 9));
        for looks in 0..8 {
            let (mut lazy, mut sum) = (LazyMatrix::zeros(m, n), Array2::zeros((m, n)));
            let (mut weight, mut expected) = (LazyMatrix::new(numbers(m, n, 3)), numbers(m, n, 3));
            for round in 0..2 {
                for i in 0..=round {
                    let (x, dy) = factors(i);
                    add_matmul_tn(&x, &dy, &mut sum);
                    lazy.add_matmul_tn(x, dy);
                    if looks >> i & 1 == 1 {
                        assert_eq!(lazy.get(), sum);
                    }
                }
                weight.add_scaled(-0.3, &lazy);
                expected.zip_mut_with(&sum, |w, g| *w += -0.3 * g);
                assert_eq!(weight.get(), expected, "{looks} {round}");
                assert_eq!(lazy.clone(), LazyMatrix::new(sum.clone()));
                if looks & 4 == 4 {
                    lazy.set_zero();
                    sum.fill(0.0);
                }
            }
        }
    }

    /// A large gradient is never whole in memory when a formula is applied to it, and the bits are the same.
    #[test]
    #[cfg_attr(miri, ignore = "large")]
    fn a_large_gradient_comes_in_parts() {
        let (rows, columns) = (2048, WORTH_PARTS / 2048 + 5);
        let factors = |m| (numbers(m, rows, 1), numbers(m, columns, 2));
        for m in [3, 257] {
            let (x, dy) = factors(m);
            let (mut lazy, mut seen) =
                (LazyMatrix::zeros(rows, columns), vec![0.0; rows * columns]);
            lazy.add_matmul_tn(x, dy);
            in_parts_of([&mut seen], [Numbers::of_lazy(&lazy)], |[seen], [dw]| {
                seen.copy_from_slice(dw);
            });
            assert!(lazy.numbers.get().is_none());
            assert_eq!(lazy.get().as_slice(), Some(&seen[..]));
        }
    }

    #[test]
    fn zeros_take_no_memory_and_are_zeros_all_the_same() {
        let mut lazy = LazyMatrix::<f32>::zeros(2, 3);
        let mut weight = LazyMatrix::new(Array2::ones((2, 3)));
        weight.add_scaled(5.0, &lazy.clone());
        assert!(lazy.numbers.get().is_none());
        assert_eq!(weight.get(), Array2::<f32>::ones((2, 3)));
        lazy.add_matmul_tn(array![[1.0, 2.0]], array![[1.0, 0.0, 3.0]]);
        assert!(lazy.numbers.get().is_none());
        assert_eq!(*lazy.get_mut(), array![[1.0, 0.0, 3.0], [2.0, 0.0, 6.0]]);
        lazy.set_zero();
        assert_eq!(lazy.get(), Array2::<f32>::zeros((2, 3)));
    }

    #[test]
    fn a_weight_begins_where_a_cache_line_does() {
        for rows in [1, 3, 500] {
            let numbers = numbers(rows, 7, 1);
            for layout in [numbers.clone(), numbers.clone().reversed_axes()] {
                let weight = LazyMatrix::new(layout.clone());
                assert_eq!(weight.get(), layout);
                assert!(weight.get().is_standard_layout());
                assert_eq!(weight.get().as_ptr().align_offset(64), 0);
            }
        }
    }

    #[test]
    #[should_panic = "LazyMatrix::add_scaled: 3 × 2 is added to 2 × 3"]
    fn a_matrix_of_another_shape_is_not_added() {
        LazyMatrix::new(Array2::<f32>::ones((2, 3))).add_scaled(1.0, &LazyMatrix::zeros(3, 2));
    }

    #[test]
    #[should_panic = "LazyMatrix::add_scaled: 3 × 2 is added to 2 × 3"]
    fn numbers_of_another_shape_are_not_added() {
        let other = LazyMatrix::new(Array2::ones((3, 2)));
        LazyMatrix::new(Array2::<f32>::ones((2, 3))).add_scaled(1.0, &other);
    }

    /// Numbers may be replaced by others, of another shape and another layout.
    #[test]
    fn numbers_that_are_replaced_have_their_own_shape() {
        let mut lazy = LazyMatrix::<f32>::zeros(2, 3);
        *lazy.get_mut() = numbers(5, 4, 1).reversed_axes();
        assert_eq!(lazy.dim(), (4, 5));
        let mut sum = LazyMatrix::new(numbers(4, 5, 2));
        sum.add_scaled(2.0, &lazy);
        lazy.add_scaled(2.0, &LazyMatrix::new(numbers(4, 5, 3)));
        let of = |seed| numbers(4, 5, seed);
        assert_eq!(sum.get(), of(2) + numbers(5, 4, 1).reversed_axes() * 2.0);
        assert_eq!(lazy.get(), numbers(5, 4, 1).reversed_axes() + of(3) * 2.0);
        *lazy.get_mut() = numbers(5, 4, 1).reversed_axes();
        lazy.set_zero();
        assert_eq!(lazy.get(), Array2::<f32>::zeros((4, 5)));
    }

    #[test]
    #[should_panic = "operands of 1 × 2 and 1 × 4 with a result of 2 × 3 do not fit"]
    fn factors_that_do_not_fit_are_found_when_they_come() {
        LazyMatrix::<f32>::zeros(2, 3).add_matmul_tn(array![[1.0, 2.0]], Array2::ones((1, 4)));
    }
}
