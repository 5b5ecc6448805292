use std::fmt;

use longhand_tensor::{Float, LazyMatrix, add_sum_rows, affine, matmul, matmul_nt, parameters};
use ndarray::{Array1, Array2, ArrayRef2};
use rand::Rng;

use crate::layer::Saved;
use crate::shape::{expect_dim, expect_shape};
use crate::{Layer, init};

/// A fully connected layer: `y = x·W + b`, or `y = x·W` without a bias.
///
/// `weight` is `[in_features, out_features]`, so that the product needs no transpose.
/// (`torch.nn.Linear` stores `[out_features, in_features]`: transpose on the way in and out.)
///
/// # Derivation
/// Written out, `y[r,j] = Σ_i x[r,i]·W[i,j] + b[j]`. The loss depends on `W[i,j]` through `y[r,j]`
/// of every row `r`, with `∂y[r,j]/∂W[i,j] = x[r,i]`; on `b[j]` likewise, with `∂y[r,j]/∂b[j] = 1`;
/// and on `x[r,i]` through `y[r,j]` of every column `j`, with `∂y[r,j]/∂x[r,i] = W[i,j]`. The chain
/// rule sums over those paths:
///
/// ```text
/// dW[i,j] = Σ_r x[r,i]·dy[r,j]      dW = xᵀ·dy
/// db[j]   = Σ_r dy[r,j]             db = column sums of dy
/// dx[r,i] = Σ_j dy[r,j]·W[i,j]      dx = dy·Wᵀ
/// ```
///
/// A gradient keeps `x` and `dy` of its first batch, and works `dW` out when somebody looks at it:
/// see [`LazyMatrix`].
///
/// Source: I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, 2016, section 6.5.
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
/// let layer = Linear::from_arrays(array![[1., 2.], [3., 4.]], Some(array![10., 20.]));
/// let (y, cache) = layer.forward(array![[1., 1.]]);
/// assert_eq!(y, array![[1. + 3. + 10., 2. + 4. + 20.]]);
///
/// let mut grad = layer.zeros_like();
/// let dx = layer.backward(cache, array![[1., 0.]], &mut grad);
/// assert_eq!(dx, array![[1., 3.]]);
/// assert_eq!(grad.weight(), array![[1., 0.], [1., 0.]]);
/// assert_eq!(grad.bias(), Some(&array![1., 0.]));
/// assert_eq!((layer.in_features(), layer.out_features()), (2, 2));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<F: Float> {
    // Private, so that they stay in standard layout, as parameters must be.
    weight: LazyMatrix<F>,
    bias: Option<Array1<F>>,
}

impl<F: Float> Linear<F> {
    /// A layer initialised as `torch.nn.Linear` is: weights and biases uniform in
    /// `±1/√in_features`.
    ///
    /// ```
    /// use longhand_layers::{Linear, Parameters, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
    ///
    /// let rng = &mut Xoshiro256PlusPlus::seed_from_u64(0);
    /// let layer = Linear::<f32>::new(100, 10, rng);
    /// assert!(layer.params().iter().all(|p| p.iter().all(|w| w.abs() <= 0.1)));
    /// ```
    pub fn new(in_features: usize, out_features: usize, rng: &mut impl Rng) -> Linear<F> {
        let bound = 1.0 / (in_features.max(1) as f64).sqrt();
        Linear {
            weight: LazyMatrix::new(init::uniform((in_features, out_features), bound, rng)),
            bias: Some(init::uniform(out_features, bound, rng)),
        }
    }

    /// A layer of given parameters; `None` for a layer without bias.
    ///
    /// # Shapes
    /// `weight: [in_features, out_features]`, `bias: [out_features]`.
    ///
    /// # Panics
    /// `bias` is not as long as `weight` has columns.
    #[track_caller]
    pub fn from_arrays(weight: Array2<F>, bias: Option<Array1<F>>) -> Linear<F> {
        if let Some(bias) = &bias {
            let (length, columns) = (bias.len(), weight.ncols());
            assert!(
                length == columns,
                "Linear: bias is of length {length}, expected {columns} as the weight is {} × {columns}",
                weight.nrows()
            );
        }
        Linear {
            weight: LazyMatrix::new(weight),
            bias: bias.map(|bias| bias.as_standard_layout().into_owned()),
        }
    }

    /// The same layer without its bias.
    ///
    /// ```
    /// use longhand_layers::{Layer, Linear, ndarray::array};
    /// let layer = Linear::from_arrays(array![[3.]], Some(array![100.])).without_bias();
    /// assert_eq!(layer.infer(&array![[2.]]), array![[6.]]);
    /// ```
    pub fn without_bias(self) -> Linear<F> {
        Linear { bias: None, ..self }
    }

    /// The weight, `[in_features, out_features]`.
    pub fn weight(&self) -> &Array2<F> {
        self.weight.get()
    }

    /// The bias, `[out_features]`, if there is one.
    pub fn bias(&self) -> Option<&Array1<F>> {
        self.bias.as_ref()
    }

    /// Width of the input.
    pub fn in_features(&self) -> usize {
        self.weight.dim().0
    }

    /// Width of the output.
    pub fn out_features(&self) -> usize {
        self.weight.dim().1
    }

    #[track_caller]
    fn expect_backward(&self, x: &ArrayRef2<F>, dy: &ArrayRef2<F>, grad: &Self) {
        expect_shape(self, "input of the forward pass", x, None, self.in_features());
        expect_shape(self, "output gradient", dy, Some(x.nrows()), self.out_features());
        expect_dim(self, &"gradient's weight", grad.weight.dim(), self.weight.dim());
        let with = |bias: &Option<Array1<F>>| if bias.is_some() { "with" } else { "without" };
        let (found, expected) = (with(&grad.bias), with(&self.bias));
        assert!(
            found == expected,
            "{self}: gradient is {found} bias, expected one {expected} bias"
        );
    }
}

parameters!(Linear<F> { weight, bias });

impl<F: Float> Layer<F> for Linear<F> {
    type Cache = Saved<Self, Array2<F>>;

    #[track_caller]
    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        expect_shape(self, "input", x, None, self.in_features());
        match &self.bias {
            Some(bias) => affine(x, self.weight(), bias), // y = x·W + b
            None => matmul(x, self.weight()),             // y = x·W
        }
    }

    #[track_caller]
    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        (self.infer(&x), Saved::new(x))
    }

    #[track_caller]
    fn backward(&self, x: Self::Cache, dy: Array2<F>, grad: &mut Self) -> Array2<F> {
        self.expect_backward(&x.value, &dy, grad);
        let dx = matmul_nt(&dy, self.weight()); // dx = dy·Wᵀ
        self.backward_params(x, dy, grad);
        dx
    }

    #[track_caller]
    fn backward_params(&self, x: Self::Cache, dy: Array2<F>, grad: &mut Self) {
        let x = x.value;
        self.expect_backward(&x, &dy, grad);
        if let Some(dbias) = &mut grad.bias {
            add_sum_rows(&dy, dbias); // db += Σ_r dy[r]
        }
        grad.weight.add_matmul_tn(x, dy); // dW += xᵀ·dy
    }
}

impl<F: Float> fmt::Display for Linear<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Linear({} -> {})", self.in_features(), self.out_features())
    }
}
