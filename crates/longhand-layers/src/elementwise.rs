//! Layers that map each number by itself: the loops over numbers, and shapes that must agree.

use longhand_tensor::{Float, in_parts, unspecified, zip_parts};
use ndarray::{Array2, ArrayRef2};

/// `dx = dy · derivative(v)` for every pair of elements, `v` being what the layer remembered.
#[track_caller]
pub(crate) fn scale_gradient<F: Float>(
    layer: &dyn std::fmt::Display,
    remembered: &Array2<F>,
    dy: Array2<F>,
    derivative: impl Fn(F) -> F + Sync,
) -> Array2<F> {
    map_gradient(layer, remembered, dy, |dy, v| dy * derivative(v))
}

/// `f(x)` for every element, in the memory of `x` if that has standard layout; on several threads where there are
/// many.
pub(crate) fn map<F: Float>(x: Array2<F>, f: impl Fn(F) -> F + Sync) -> Array2<F> {
    let mut x = in_standard_layout(x);
    in_parts(flat_mut(&mut x), 1, |_, x| x.iter_mut().for_each(|x| *x = f(*x)));
    x
}

/// The array, or a copy where its numbers do not follow each other row by row.
pub(crate) fn in_standard_layout<T: Clone>(array: Array2<T>) -> Array2<T> {
    if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() }
}

/// The numbers of an array in standard layout.
pub(crate) fn flat_mut<T>(array: &mut Array2<T>) -> &mut [T] {
    array.as_slice_mut().expect("standard layout")
}

/// `f(x)` for every element, in an array of its own.
pub(crate) fn map_ref<F: Float>(x: &ArrayRef2<F>, f: impl Fn(F) -> F + Sync) -> Array2<F> {
    map_to(unspecified(x.nrows(), x.ncols()), x, f)
}

/// `after(x, f(before(x)))` for every element, `f` being a function of many numbers at once, such as
/// `exp_in_place`.
pub(crate) fn map_through<F: Float>(
    x: &ArrayRef2<F>,
    before: impl Fn(F) -> F + Sync,
    f: fn(&mut [F]),
    after: impl Fn(F, F) -> F + Sync,
) -> Array2<F> {
    /// Numbers that stay in the nearest cache from one of the three passes to the next.
    const BLOCK: usize = 1024;
    let mut y = unspecified(x.nrows(), x.ncols());
    let x = x.as_standard_layout();
    let (to, from) = (y.as_slice_mut(), x.as_slice());
    zip_parts(to.expect("standard layout"), from.expect("standard layout"), |y, x| {
        for (y, x) in y.chunks_mut(BLOCK).zip(x.chunks(BLOCK)) {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = before(x));
            f(y);
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = after(x, *y));
        }
    });
    y
}

/// `dx = dy · derivative(x, [f(u), ..])` for every element, where `[u, ..] = before(x)`, and each `f` is
/// a function of many numbers at once.
#[track_caller]
pub(crate) fn scale_gradient_through<F: Float, const N: usize>(
    layer: &dyn std::fmt::Display,
    x: &Array2<F>,
    dy: Array2<F>,
    before: impl Fn(F) -> [F; N] + Sync,
    functions: [fn(&mut [F]); N],
    derivative: impl Fn(F, [F; N]) -> F + Sync,
) -> Array2<F> {
    const BLOCK: usize = 256;
    let (rows, columns) = x.dim();
    crate::shape::expect_shape(layer, "output gradient", &dy, Some(rows), columns);
    let mut dy = in_standard_layout(dy);
    let x = x.as_standard_layout();
    let (to, from) = (dy.as_slice_mut(), x.as_slice());
    // Of a length that the compiler knows: no bounds are checked in the loop.
    let block = |dy: &mut [F; BLOCK], x: &[F; BLOCK]| {
        let mut values = [[F::zero(); BLOCK]; N];
        for i in 0..BLOCK {
            let u = before(x[i]);
            (0..N).for_each(|k| values[k][i] = u[k]);
        }
        values.iter_mut().zip(functions).for_each(|(values, f)| f(values));
        for i in 0..BLOCK {
            dy[i] *= derivative(x[i], std::array::from_fn(|k| values[k][i]));
        }
    };
    zip_parts(to.expect("standard layout"), from.expect("standard layout"), |dy, x| {
        let ((dy, last), (x, last_x)) = (dy.as_chunks_mut(), x.as_chunks());
        dy.iter_mut().zip(x).for_each(|(dy, x)| block(dy, x));
        let (mut rest, mut rest_x) = ([F::zero(); BLOCK], [F::zero(); BLOCK]);
        rest[..last.len()].copy_from_slice(last);
        rest_x[..last.len()].copy_from_slice(last_x);
        block(&mut rest, &rest_x);
        last.copy_from_slice(&rest[..last.len()]);
    });
    dy
}

/// Whether a condition holds, for every element.
pub(crate) fn where_true<F: Float>(
    x: &ArrayRef2<F>,
    condition: impl Fn(F) -> bool + Sync,
) -> Array2<bool> {
    map_to(Array2::default(x.dim()), x, condition)
}

fn map_to<F: Float, T: Send>(
    mut to: Array2<T>,
    x: &ArrayRef2<F>,
    f: impl Fn(F) -> T + Sync,
) -> Array2<T> {
    let x = x.as_standard_layout();
    let (to_slice, x) = (to.as_slice_mut(), x.as_slice());
    zip_parts(to_slice.expect("standard layout"), x.expect("standard layout"), |to, x| {
        to.iter_mut().zip(x).for_each(|(to, &x)| *to = f(x));
    });
    to
}

/// `dx = f(dy, v)` for every pair of elements, `v` being what the layer remembered; on several threads where there
/// are many.
#[track_caller]
pub(crate) fn map_gradient<F: Float, T: Copy + Sync>(
    layer: &dyn std::fmt::Display,
    remembered: &Array2<T>,
    dy: Array2<F>,
    f: impl Fn(F, T) -> F + Sync,
) -> Array2<F> {
    let (rows, columns) = remembered.dim();
    crate::shape::expect_shape(layer, "output gradient", &dy, Some(rows), columns);
    let (mut dy, remembered) = (in_standard_layout(dy), remembered.as_standard_layout());
    zip_parts(
        flat_mut(&mut dy),
        remembered.as_slice().expect("standard layout"),
        |dy, remembered| {
            dy.iter_mut().zip(remembered).for_each(|(dy, &v)| *dy = f(*dy, v));
        },
    );
    dy
}
