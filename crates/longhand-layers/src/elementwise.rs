use longhand_tensor::{Float, in_parts, zip_parts};
use ndarray::{Array2, ArrayRef2};

/// What all layers have that map each number by itself and learn nothing: no parameters, and shapes that must agree.
macro_rules! no_parameters {
    ($layer:ty) => {
        impl<F: longhand_tensor::Float> longhand_tensor::Parameters<F> for $layer {
            fn params(&self) -> Vec<&[F]> {
                vec![]
            }

            fn params_mut(&mut self) -> Vec<&mut [F]> {
                vec![]
            }

            fn zeros_like(&self) -> Self {
                self.clone()
            }
        }
    };
}
pub(crate) use no_parameters;

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

/// `f(x)` for every element, on several threads where there are many.
pub(crate) fn map_into<F: Float>(mut x: Array2<F>, f: impl Fn(F) -> F + Sync) -> Array2<F> {
    // In whatever order the elements are stored, unless there are gaps between them.
    match x.as_slice_memory_order_mut() {
        Some(x) => in_parts(x, 1, |_, x| x.iter_mut().for_each(|x| *x = f(*x))),
        None => x.mapv_inplace(f),
    }
    x
}

/// Writes `f(x)` for every element to an array in standard layout, whatever that holds.
pub(crate) fn map_to<F: Float, T: Send>(
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

/// `dx = f(dy, v)` for every pair of elements, `v` being what the layer remembered.
#[track_caller]
pub(crate) fn map_gradient<F: Float, T: Copy + Sync>(
    layer: &dyn std::fmt::Display,
    remembered: &Array2<T>,
    mut dy: Array2<F>,
    f: impl Fn(F, T) -> F + Sync,
) -> Array2<F> {
    let (rows, columns) = remembered.dim();
    crate::shape::expect_shape(layer, "output gradient", &dy, Some(rows), columns);
    match (dy.as_slice_mut(), remembered.as_slice()) {
        (Some(dy), Some(remembered)) => zip_parts(dy, remembered, |dy, remembered| {
            dy.iter_mut().zip(remembered).for_each(|(dy, &v)| *dy = f(*dy, v));
        }),
        _ => dy.zip_mut_with(remembered, |dy, &v| *dy = f(*dy, v)),
    }
    dy
}
