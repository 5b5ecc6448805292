//! As many layers as are there: `Vec` for a depth chosen at run time, `Option` for a layer that may
//! be left out.

use longhand_tensor::Float;
use ndarray::{Array2, ArrayRef2};

use crate::Layer;
use crate::layer::has_parameters;

/// Layers of one type in a row, as many as the vector holds: depth chosen at run time. An empty
/// vector passes its input on.
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

    #[track_caller]
    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        let Some((first, rest)) = self.split_first() else { return x.to_owned() };
        rest.iter().fold(first.infer(x), |h, layer| layer.infer_owned(h))
    }

    #[track_caller]
    fn infer_owned(&self, x: Array2<F>) -> Array2<F> {
        self.iter().fold(x, |h, layer| layer.infer_owned(h))
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
        // What comes before the first layer that learns needs no gradient.
        let Some(first) = self.iter().position(has_parameters) else { return };
        let rest =
            self[first + 1..].iter().zip(caches.drain(first + 1..)).zip(&mut grad[first + 1..]);
        let dh = rest.rev().fold(dy, |dh, ((layer, cache), grad)| layer.backward(cache, dh, grad));
        let cache = caches.pop().expect("the first layer's cache");
        self[first].backward_params(cache, dh, &mut grad[first]);
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

/// A layer that may be left out: without it, the input is passed on.
///
/// ```
/// use longhand_layers::{Dropout, Layer, Linear, ndarray::array};
///
/// let probability = 0.0;
/// let dropout = (probability > 0.0).then(|| Dropout::new(probability, 1));
/// let model = Linear::from_arrays(array![[2.]], None).then(dropout);
/// assert_eq!(model.forward(array![[3.]]).0, array![[6.]]);
/// ```
impl<F: Float, L: Layer<F>> Layer<F> for Option<L> {
    type Cache = Option<L::Cache>;

    #[track_caller]
    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        match self {
            Some(layer) => layer.infer(x),
            None => x.to_owned(),
        }
    }

    #[track_caller]
    fn infer_owned(&self, x: Array2<F>) -> Array2<F> {
        match self {
            Some(layer) => layer.infer_owned(x),
            None => x,
        }
    }

    #[track_caller]
    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        match self {
            Some(layer) => {
                let (y, cache) = layer.forward(x);
                (y, Some(cache))
            }
            None => (x, None),
        }
    }

    #[track_caller]
    fn backward(&self, cache: Self::Cache, dy: Array2<F>, grad: &mut Self) -> Array2<F> {
        match (self, cache, grad) {
            (Some(layer), Some(cache), Some(grad)) => layer.backward(cache, dy, grad),
            (None, None, None) => dy,
            _ => panic!(
                "Option of a layer: layer, cache and gradient must all be there, or none of them"
            ),
        }
    }

    #[track_caller]
    fn backward_params(&self, cache: Self::Cache, dy: Array2<F>, grad: &mut Self) {
        match (self, cache, grad) {
            (Some(layer), Some(cache), Some(grad)) => layer.backward_params(cache, dy, grad),
            (None, None, None) => {}
            _ => panic!(
                "Option of a layer: layer, cache and gradient must all be there, or none of them"
            ),
        }
    }
}
