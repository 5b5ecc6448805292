use std::fmt;

use longhand_tensor::{Float, Parameters, recycle};
use ndarray::{Array2, ArrayRef2};

use crate::Layer;
use crate::layer::Shapes;

/// Two layers, one after the other: `y = second(first(x))`. Made by [`Layer::then`].
///
/// Backward is the chain rule: `dy` goes through `second`, what comes out of it goes through `first`.
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

impl<F: Float, A: Parameters<F>, B: Parameters<F>> Parameters<F> for Chain<A, B> {
    fn params(&self) -> Vec<&[F]> {
        let mut params = self.first.params();
        params.extend(self.second.params());
        params
    }

    fn params_mut(&mut self) -> Vec<&mut [F]> {
        let mut params = self.first.params_mut();
        params.extend(self.second.params_mut());
        params
    }

    fn zeros_like(&self) -> Self {
        Chain { first: self.first.zeros_like(), second: self.second.zeros_like() }
    }

    fn set_zero(&mut self) {
        self.first.set_zero();
        self.second.set_zero();
    }

    #[track_caller]
    fn add_scaled(&mut self, a: F, other: &Self) {
        self.first.add_scaled(a, &other.first);
        self.second.add_scaled(a, &other.second);
    }

    fn set_step(&mut self, step: u64) {
        self.first.set_step(step);
        self.second.set_step(step);
    }
}

impl<F: Float, A: Layer<F>, B: Layer<F>> Layer<F> for Chain<A, B> {
    type Cache = (A::Cache, B::Cache);

    fn shapes(&self) -> Vec<Shapes> {
        [self.first.shapes(), self.second.shapes()].concat()
    }

    #[track_caller]
    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        let h = self.first.infer(x);
        let y = self.second.infer(&h);
        recycle(h);
        y
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
        let dh = self.second.backward(second, dy, &mut grad.second);
        self.first.backward_params(first, dh, &mut grad.first);
    }
}

impl<A: fmt::Display, B: fmt::Display> fmt::Display for Chain<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.first, self.second)
    }
}

/// Layers of one type in a row, as many as the vector holds: depth chosen at run time. An empty vector passes its input on.
///
/// ```
/// use longhand_layers::{Layer, Linear, Relu, ndarray::array};
///
/// let double = || Linear::from_arrays(array![[2.]], None).then(Relu);
/// let hidden = vec![double(), double(), double()];
/// assert_eq!(hidden.infer(&array![[1.]]), array![[8.]]);
/// ```
impl<F: Float, L: Layer<F>> Layer<F> for Vec<L> {
    type Cache = Vec<L::Cache>;

    fn shapes(&self) -> Vec<Shapes> {
        self.iter().flat_map(L::shapes).collect()
    }

    #[track_caller]
    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        let Some((first, rest)) = self.split_first() else { return x.to_owned() };
        rest.iter().fold(first.infer(x), |h, layer| {
            let y = layer.infer(&h);
            recycle(h);
            y
        })
    }

    #[track_caller]
    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        let mut caches = Vec::with_capacity(self.len());
        let y = self.iter().fold(x, |h, layer| {
            let (h, cache) = layer.forward(h);
            caches.push(cache);
            h
        });
        (y, caches)
    }

    #[track_caller]
    fn backward(&self, caches: Self::Cache, dy: Array2<F>, grad: &mut Self) -> Array2<F> {
        expect_as_many(self, &caches, grad);
        let layers = self.iter().zip(caches).zip(grad);
        layers.rev().fold(dy, |dh, ((layer, cache), grad)| layer.backward(cache, dh, grad))
    }

    #[track_caller]
    fn backward_params(&self, mut caches: Self::Cache, dy: Array2<F>, grad: &mut Self) {
        expect_as_many(self, &caches, grad);
        let Some(first) = self.first() else { return };
        let rest = self[1..].iter().zip(caches.drain(1..)).zip(&mut grad[1..]);
        let dh = rest.rev().fold(dy, |dh, ((layer, cache), grad)| layer.backward(cache, dh, grad));
        let cache = caches.pop().expect("the first layer's cache");
        first.backward_params(cache, dh, &mut grad[0]);
    }
}

#[track_caller]
fn expect_as_many<L, C>(layers: &[L], caches: &[C], grad: &[L]) {
    let (expected, caches, grads) = (layers.len(), caches.len(), grad.len());
    assert!(
        caches == expected && grads == expected,
        "Vec of {expected} layers: {caches} caches and gradients of {grads} layers, expected {expected} of each"
    );
}
