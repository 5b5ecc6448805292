use std::fmt;

use longhand_tensor::{Float, parameters};
use ndarray::{Array2, ArrayRef2};

use crate::Layer;
use crate::layer::has_parameters;

/// Two layers, one after the other: `y = second(first(x))`. Made by [`Layer::then`].
///
/// Backward is the chain rule: `dy` goes through `second`, what comes out of it goes through
/// `first`.
///
/// ```
/// use longhand_layers::{Layer, Linear, Relu, ndarray::array};
///
/// let model = Linear::from_arrays(array![[1., -1.]], Some(array![0., 0.]))
///     .then(Relu)
///     .then(Linear::from_arrays(array![[2.], [3.]], None));
/// assert_eq!(model.infer(&array![[5.], [-5.]]), array![[2. * 5.], [3. * 5.]]);
/// assert_eq!(model.to_string(), "Linear(1 -> 2), Relu, Linear(2 -> 1)");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Chain<A, B> {
    /// The layer next to the input.
    pub first: A,
    /// The layer next to the output.
    pub second: B,
}

parameters!(Chain < A, B > [first, second]);

impl<F: Float, A: Layer<F>, B: Layer<F>> Layer<F> for Chain<A, B> {
    type Cache = (A::Cache, B::Cache);

    #[track_caller]
    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        self.second.infer_owned(self.first.infer(x)) // y = second(first(x))
    }

    #[track_caller]
    fn infer_owned(&self, x: Array2<F>) -> Array2<F> {
        self.second.infer_owned(self.first.infer_owned(x))
    }

    #[track_caller]
    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        let (h, first) = self.first.forward(x);
        let (y, second) = self.second.forward(h);
        (y, (first, second))
    }

    #[track_caller]
    fn backward(&self, (first, second): Self::Cache, dy: Array2<F>, grad: &mut Self) -> Array2<F> {
        let dh = self.second.backward(second, dy, &mut grad.second);
        self.first.backward(first, dh, &mut grad.first)
    }

    #[track_caller]
    fn backward_params(&self, (first, second): Self::Cache, dy: Array2<F>, grad: &mut Self) {
        if !has_parameters(&self.first) {
            return self.second.backward_params(second, dy, &mut grad.second);
        }
        let dh = self.second.backward(second, dy, &mut grad.second);
        self.first.backward_params(first, dh, &mut grad.first);
    }
}

impl<A: fmt::Display, B: fmt::Display> fmt::Display for Chain<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.first, self.second)
    }
}
