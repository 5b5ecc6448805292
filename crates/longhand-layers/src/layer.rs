use std::marker::PhantomData;

use longhand_tensor::{Float, Parameters, recycle};
use ndarray::{Array2, ArrayRef2};

use crate::Chain;

/// A differentiable map over the rows of a batch.
///
/// `forward` takes `&self` and returns the output together with a cache, whatever `backward` will
/// need. Nothing is stored in the layer: a model can be shared by threads for inference, and a
/// layer used twice has two caches and one gradient.
///
/// ```
/// use longhand_layers::{Layer, Relu, ndarray::array};
///
/// let (y, cache) = Relu.forward(array![[-1., 2.]]);
/// assert_eq!(y, array![[0., 2.]]);
/// let dx = Relu.backward(cache, array![[10., 10.]], &mut Relu);
/// assert_eq!(dx, array![[0., 10.]]);
/// ```
///
/// A backward without a forward, or a second one through the same cache does not compile:
///
/// ```compile_fail,E0382
/// # use longhand_layers::{Layer, Relu, ndarray::array};
/// let (y, cache) = Relu.forward(array![[-1., 2.]]);
/// Relu.backward(cache, array![[10., 10.]], &mut Relu);
/// Relu.backward(cache, array![[10., 10.]], &mut Relu); // use of moved value: `cache`
/// ```
pub trait Layer<F: Float>: Parameters<F> {
    /// What `backward` needs to know of the forward pass.
    type Cache;

    /// The output alone, for using a trained model.
    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F>;

    /// The output alone, where the input is needed no more: its memory may become the output's.
    fn infer_owned(&self, x: Array2<F>) -> Array2<F> {
        let y = self.infer(&x);
        recycle(x);
        y
    }

    /// The output, and what `backward` needs.
    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache);

    /// Given `dy`, the gradient at the output, adds the gradient of the parameters to `grad` and
    /// returns `dx`, the gradient at the input.
    fn backward(&self, cache: Self::Cache, dy: Array2<F>, grad: &mut Self) -> Array2<F>;

    /// As [`backward`](Layer::backward), without `dx`: a model's first layer needs none, and it is
    /// a third of its work.
    fn backward_params(&self, cache: Self::Cache, dy: Array2<F>, grad: &mut Self) {
        self.backward(cache, dy, grad);
    }

    /// This layer, and `next` on its output.
    fn then<B: Layer<F>>(self, next: B) -> Chain<Self, B> {
        Chain { first: self, second: next }
    }
}

/// Whether a layer learns anything. What comes first and does not needs no gradient.
pub(crate) fn has_parameters<F: Float>(layer: &impl Layer<F>) -> bool {
    let mut any = false;
    Parameters::zip([], [layer], &mut |[], [_]| any = true);
    any
}

/// What a layer of type `L` remembers of a forward pass, for its backward pass. Only `forward`
/// makes one, and it cannot be cloned.
///
/// ```compile_fail,E0308
/// # use longhand_layers::{Layer, Relu, ndarray::array};
/// Relu.backward(array![[1., 2.]], array![[10., 10.]], &mut Relu); // expected `Saved<Relu, _>`
/// ```
#[derive(Debug)]
pub struct Saved<L, T> {
    pub(crate) value: T,
    layer: PhantomData<fn() -> L>,
}

impl<L, T> Saved<L, T> {
    pub(crate) fn new(value: T) -> Saved<L, T> {
        Saved { value, layer: PhantomData }
    }
}
