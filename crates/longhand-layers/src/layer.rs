use std::fmt;
use std::marker::PhantomData;

use longhand_tensor::{Float, Parameters};
use ndarray::{Array2, ArrayRef2};

use crate::Chain;

/// A differentiable map over the rows of a batch.
///
/// `forward` takes `&self` and returns the output together with a cache, whatever `backward` will need. Nothing is stored
/// in the layer: a model can be shared by threads for inference, and a layer used twice has two caches and one gradient.
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

    /// The output, and what `backward` needs.
    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache);

    /// Given `dy`, the gradient at the output, adds the gradient of the parameters to `grad` and returns `dx`, the
    /// gradient at the input.
    fn backward(&self, cache: Self::Cache, dy: Array2<F>, grad: &mut Self) -> Array2<F>;

    /// As [`backward`](Layer::backward), without `dx`: a model's first layer needs none, and it is a third of its work.
    fn backward_params(&self, cache: Self::Cache, dy: Array2<F>, grad: &mut Self) {
        self.backward(cache, dy, grad);
    }

    /// Name and shape of each parameter, in the order of [`params`](Parameters::params): one list for every layer that this
    /// one is composed of. Unless a layer says more, its parameters are called `param0`, `param1` and are flat.
    fn shapes(&self) -> Vec<Shapes> {
        let flat = |(i, param): (usize, &&[F])| (format!("param{i}"), vec![param.len()]);
        vec![self.params().iter().enumerate().map(flat).collect()]
    }

    /// The parameters with names and shapes, for files and messages: `0.weight [784, 30]` is the weight of the first of the
    /// composed layers.
    ///
    /// ```
    /// use longhand_layers::{Layer, Linear, Relu, ndarray::array};
    ///
    /// let model = Linear::from_arrays(array![[1., 2.]], Some(array![3., 4.]))
    ///     .then(Relu)
    ///     .then(Linear::from_arrays(array![[5.], [6.]], None));
    /// let names: Vec<String> = model.named_params().iter().map(|p| p.to_string()).collect();
    /// assert_eq!(names, ["0.weight [1, 2]", "0.bias [2]", "2.weight [2, 1]"]);
    /// assert_eq!(model.named_params()[2].values, [5., 6.]);
    /// ```
    fn named_params(&self) -> Vec<NamedParam<'_, F>> {
        let named = |(layer, shapes): (usize, Shapes)| {
            shapes.into_iter().map(move |(name, shape)| (format!("{layer}.{name}"), shape))
        };
        let names: Vec<_> = self.shapes().into_iter().enumerate().flat_map(named).collect();
        let params = self.params();
        let lengths: Vec<usize> = params.iter().map(|p| p.len()).collect();
        assert!(
            names
                .iter()
                .map(|(_, shape)| shape.iter().product::<usize>())
                .eq(lengths.iter().copied()),
            "shapes {names:?} do not fit the parameters, which are of lengths {lengths:?}"
        );
        let named = names.into_iter().zip(params);
        named.map(|((name, shape), values)| NamedParam { name, shape, values }).collect()
    }

    /// This layer, and `next` on its output.
    fn then<B: Layer<F>>(self, next: B) -> Chain<Self, B> {
        Chain { first: self, second: next }
    }
}

/// What a layer of type `L` remembers of a forward pass, for its backward pass. Only `forward` makes one, and it cannot be
/// cloned.
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

/// Names and shapes of a layer's parameters.
pub type Shapes = Vec<(String, Vec<usize>)>;

/// A parameter with its name and its shape. Displayed as `0.weight [784, 30]`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedParam<'a, F> {
    /// Position of the layer among the composed ones, a dot, and the layer's name for the parameter.
    pub name: String,
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
    /// The values, last dimension fastest.
    pub values: &'a [F],
}

impl<F> fmt::Display for NamedParam<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.name, self.shape)
    }
}
