use std::fmt;

use longhand_tensor::{Float, Parameters, add_matmul_tn, add_sum_rows, affine, matmul_nt};
use ndarray::{Array1, Array2, ArrayRef2};
use rand::Rng;

use crate::shape::expect_shape;
use crate::{Layer, init};

/// A fully connected layer: `y = x·W + b`.
///
/// `weight` is `[in_features, out_features]`, so that the product needs no transpose. (`torch.nn.Linear` stores
/// `[out_features, in_features]`: transpose on the way in and out.)
///
/// # Derivation
/// Written out, `y[r,j] = Σ_i x[r,i]·W[i,j] + b[j]`. The loss depends on `W[i,j]` through `y[r,j]` of every row `r`, with
/// `∂y[r,j]/∂W[i,j] = x[r,i]`; on `b[j]` likewise, with `∂y[r,j]/∂b[j] = 1`; and on `x[r,i]` through `y[r,j]` of every
/// column `j`, with `∂y[r,j]/∂x[r,i] = W[i,j]`. The chain rule sums over those paths:
///
/// ```text
/// dW[i,j] = Σ_r x[r,i]·dy[r,j]      dW = xᵀ·dy
/// db[j]   = Σ_r dy[r,j]             db = column sums of dy
/// dx[r,i] = Σ_j dy[r,j]·W[i,j]      dx = dy·Wᵀ
/// ```
///
/// # Shapes
/// `x, dx: [n, in_features]`, `y, dy: [n, out_features]`.
///
/// # Panics
/// `forward`, `infer` and `backward` panic where an array has another shape.
///
/// ```
/// use longhand_layers::{Layer, Linear, Parameters, ndarray::array};
///
/// let layer = Linear::from_arrays(array![[1., 2.], [3., 4.]], array![10., 20.]);
/// let (y, cache) = layer.forward(array![[1., 1.]]);
/// assert_eq!(y, array![[1. + 3. + 10., 2. + 4. + 20.]]);
///
/// let mut grad = layer.zeros_like();
/// let dx = layer.backward(cache, array![[1., 0.]], &mut grad);
/// assert_eq!(dx, array![[1., 3.]]);
/// assert_eq!(grad.weight(), array![[1., 0.], [1., 0.]]);
/// assert_eq!(grad.bias(), array![1., 0.]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<F> {
    // Private, because `params` hands them out as slices: they must stay in standard layout.
    weight: Array2<F>,
    bias: Array1<F>,
}

impl<F: Float> Linear<F> {
    /// A layer initialised as `torch.nn.Linear` is: weights and biases uniform in `±1/√in_features`.
    ///
    /// ```
    /// use longhand_layers::{Linear, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
    ///
    /// let rng = &mut Xoshiro256PlusPlus::seed_from_u64(0);
    /// let layer = Linear::<f32>::new(100, 10, rng);
    /// assert!(layer.weight().iter().chain(layer.bias()).all(|w| w.abs() <= 0.1));
    /// ```
    pub fn new(in_features: usize, out_features: usize, rng: &mut impl Rng) -> Linear<F> {
        let bound = 1.0 / (in_features as f64).sqrt();
        Linear {
            weight: init::uniform((in_features, out_features), bound, rng),
            bias: init::uniform(out_features, bound, rng),
        }
    }

    /// A layer of given parameters.
    ///
    /// # Shapes
    /// `weight: [in_features, out_features]`, `bias: [out_features]`.
    ///
    /// # Panics
    /// `bias` is not as long as `weight` has columns.
    #[track_caller]
    pub fn from_arrays(weight: Array2<F>, bias: Array1<F>) -> Linear<F> {
        assert_eq!(bias.len(), weight.ncols(), "Linear: as many biases as columns of the weight");
        Linear {
            weight: weight.as_standard_layout().into_owned(),
            bias: bias.as_standard_layout().into_owned(),
        }
    }

    /// The weight, `[in_features, out_features]`.
    pub fn weight(&self) -> &Array2<F> {
        &self.weight
    }

    /// The bias, `[out_features]`.
    pub fn bias(&self) -> &Array1<F> {
        &self.bias
    }

    /// Width of the input.
    pub fn in_features(&self) -> usize {
        self.weight.nrows()
    }

    /// Width of the output.
    pub fn out_features(&self) -> usize {
        self.weight.ncols()
    }

    #[track_caller]
    fn expect_backward(&self, x: &ArrayRef2<F>, dy: &ArrayRef2<F>, grad: &Self) {
        expect_shape(self, "output gradient", dy, Some(x.nrows()), self.out_features());
        let (rows, columns) = self.weight.dim();
        expect_shape(self, "gradient to add to", &grad.weight, Some(rows), columns);
    }
}

impl<F: Float> Parameters<F> for Linear<F> {
    fn params(&self) -> Vec<&[F]> {
        let (weight, bias) = (self.weight.as_slice(), self.bias.as_slice());
        vec![weight.expect("standard layout"), bias.expect("standard layout")]
    }

    fn params_mut(&mut self) -> Vec<&mut [F]> {
        let (weight, bias) = (self.weight.as_slice_mut(), self.bias.as_slice_mut());
        vec![weight.expect("standard layout"), bias.expect("standard layout")]
    }

    fn zeros_like(&self) -> Self {
        Linear { weight: Array2::zeros(self.weight.dim()), bias: Array1::zeros(self.bias.dim()) }
    }
}

impl<F: Float> Layer<F> for Linear<F> {
    type Cache = Array2<F>;

    #[track_caller]
    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        expect_shape(self, "input", x, None, self.in_features());
        affine(x, &self.weight, &self.bias) // y = x·W + b
    }

    #[track_caller]
    fn forward(&self, x: Array2<F>) -> (Array2<F>, Array2<F>) {
        (self.infer(&x), x)
    }

    #[track_caller]
    fn backward(&self, x: Array2<F>, dy: Array2<F>, grad: &mut Self) -> Array2<F> {
        let dx = matmul_nt(&dy, &self.weight); // dx = dy·Wᵀ
        self.backward_params(x, dy, grad);
        dx
    }

    #[track_caller]
    fn backward_params(&self, x: Array2<F>, dy: Array2<F>, grad: &mut Self) {
        self.expect_backward(&x, &dy, grad);
        add_matmul_tn(&x, &dy, &mut grad.weight); // dW += xᵀ·dy
        add_sum_rows(&dy, &mut grad.bias); // db += Σ_r dy[r]
    }
}

impl<F: Float> fmt::Display for Linear<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Linear({} -> {})", self.in_features(), self.out_features())
    }
}
