use longhand_tensor::Float;
use ndarray::{Array2, Zip};

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
    derivative: impl Fn(F) -> F,
) -> Array2<F> {
    map_gradient(layer, remembered, dy, |dy, v| dy * derivative(v))
}

/// `dx = f(dy, v)` for every pair of elements, `v` being what the layer remembered.
#[track_caller]
pub(crate) fn map_gradient<F: Float, T: Copy>(
    layer: &dyn std::fmt::Display,
    remembered: &Array2<T>,
    mut dy: Array2<F>,
    f: impl Fn(F, T) -> F,
) -> Array2<F> {
    let (rows, columns) = remembered.dim();
    crate::shape::expect_shape(layer, "output gradient", &dy, Some(rows), columns);
    Zip::from(&mut dy).and(remembered).for_each(|dy, &v| *dy = f(*dy, v));
    dy
}
