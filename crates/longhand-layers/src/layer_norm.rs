use std::fmt;

use longhand_tensor::{
    Float, add_sum_rows, for_rows, parameters, recycle, sum_products, sum_slice, unspecified,
};
use ndarray::{Array1, Array2, ArrayRef2};

use crate::Layer;
use crate::elementwise::{flat_mut, in_standard_layout};
use crate::layer::Saved;
use crate::shape::expect_shape;

/// Layer normalisation: each row is brought to mean 0 and variance 1, then scaled by `γ` (`weight`)
/// and shifted by `β` (`bias`).
///
/// For one row of `k` features, with mean `μ`, variance `v = Σ (x − μ)² / k` and `s = 1/√(v + ε)`:
///
/// ```text
/// h = (x − μ)·s        y = h·γ + β
/// ```
///
/// # Derivation
/// `dγ = Σ_r dy[r]·h[r]` and `dβ = Σ_r dy[r]`, elementwise, summed over the rows; `dh = dy·γ`. For
/// `dx`, `h[j]` depends on `x[i]` directly, through `μ` and through `s`: from `∂μ/∂x[i] = 1/k` and
/// `∂s/∂x[i] = −s³·(x[i] − μ)/k = −s²·h[i]/k` follows `∂h[j]/∂x[i] = s·([i = j] − 1/k −
/// h[j]·h[i]/k)`. Summed over `j` with `dh[j]`:
///
/// ```text
/// dx[i] = s·(dh[i] − mean(dh) − h[i]·mean(dh·h))
/// ```
///
/// Source: J. L. Ba, J. R. Kiros, G. Hinton, *Layer Normalization*, 2016; as `torch.nn.LayerNorm`.
///
/// # Shapes
/// `x, y, dx, dy: [n, features]`, `weight, bias: [features]`.
///
/// # Panics
/// `forward`, `infer` and `backward` panic where an array has another shape.
///
/// ```
/// use longhand_layers::{Layer, LayerNorm, ndarray::array};
///
/// let mut layer = LayerNorm::new(2);
/// layer.epsilon = 0.0;
/// assert_eq!(layer.infer(&array![[10., 14.]]), array![[-1., 1.]]); // mean 12, variance 4
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm<F> {
    // Private, so that they stay in standard layout, as parameters must be.
    weight: Array1<F>,
    bias: Array1<F>,
    /// What keeps a constant row from a division by zero: `ε`, 1e-5 by default.
    pub epsilon: f64,
}

impl<F: Float> LayerNorm<F> {
    /// A layer for rows of `features` numbers, with `γ = 1`, `β = 0`, `ε = 1e-5`.
    pub fn new(features: usize) -> LayerNorm<F> {
        LayerNorm { weight: Array1::ones(features), bias: Array1::zeros(features), epsilon: 1e-5 }
    }

    /// A layer of given scale `γ` and shift `β`, with `ε = 1e-5`.
    ///
    /// # Shapes
    /// `weight, bias: [features]`.
    ///
    /// # Panics
    /// The two differ in length.
    ///
    /// ```
    /// use longhand_layers::{LayerNorm, ndarray::array};
    /// let layer = LayerNorm::from_arrays(array![2., 3.], array![0., 1.]);
    /// assert_eq!((layer.weight()[1], layer.bias()[1]), (3., 1.));
    /// ```
    #[track_caller]
    pub fn from_arrays(weight: Array1<F>, bias: Array1<F>) -> LayerNorm<F> {
        let (features, length) = (weight.len(), bias.len());
        assert!(
            features == length,
            "LayerNorm: bias is of length {length}, expected {features} as the weight is"
        );
        LayerNorm {
            weight: weight.as_standard_layout().into_owned(),
            bias: bias.as_standard_layout().into_owned(),
            epsilon: 1e-5,
        }
    }

    /// The scale `γ`, `[features]`.
    pub fn weight(&self) -> &Array1<F> {
        &self.weight
    }

    /// The shift `β`, `[features]`.
    pub fn bias(&self) -> &Array1<F> {
        &self.bias
    }

    /// `γ` and `β`.
    fn scale_and_shift(&self) -> (&[F], &[F]) {
        let standard = "standard layout";
        (self.weight.as_slice().expect(standard), self.bias.as_slice().expect(standard))
    }

    /// Writes `h` of a row, and says what `s` is.
    #[inline(always)]
    fn normalise(epsilon: F, x: &[F], h: &mut [F]) -> F {
        let k = F::from_f64(x.len() as f64);
        let mean = sum_slice(x) / k;
        h.iter_mut().zip(x).for_each(|(h, &x)| *h = x - mean);
        let variance = sum_products(h, h) / k;
        let s = F::one() / (variance + epsilon).sqrt();
        h.iter_mut().for_each(|h| *h *= s); // h = (x − μ)·s
        s
    }
}

parameters!(LayerNorm<F> { weight, bias } without { epsilon });

impl<F: Float> Layer<F> for LayerNorm<F> {
    /// `h`, and `s` of each row.
    type Cache = Saved<Self, (Array2<F>, Array2<F>)>;

    #[track_caller]
    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        let x = x.as_standard_layout();
        expect_shape(self, "input", &x, None, self.weight.len());
        let mut y = unspecified(x.nrows(), x.ncols());
        let ((gamma, beta), epsilon) = (self.scale_and_shift(), F::from_f64(self.epsilon));
        for_rows(x.nrows(), [flat_mut(&mut y)], [flat(&x)], |[y], [x]| {
            Self::normalise(epsilon, x, y);
            for ((y, &gamma), &beta) in y.iter_mut().zip(gamma).zip(beta) {
                *y = *y * gamma + beta; // y = h·γ + β
            }
        });
        y
    }

    #[track_caller]
    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        expect_shape(self, "input", &x, None, self.weight.len());
        let (rows, columns) = x.dim();
        let x = in_standard_layout(x);
        let (mut y, mut h, mut s) =
            (unspecified(rows, columns), unspecified(rows, columns), unspecified(rows, 1));
        let ((gamma, beta), epsilon) = (self.scale_and_shift(), F::from_f64(self.epsilon));
        let changed = [flat_mut(&mut y), flat_mut(&mut h), flat_mut(&mut s)];
        for_rows(rows, changed, [flat(&x)], |[y, h, s], [x]| {
            s[0] = Self::normalise(epsilon, x, h);
            for (((y, &h), &gamma), &beta) in y.iter_mut().zip(&*h).zip(gamma).zip(beta) {
                *y = h * gamma + beta; // y = h·γ + β
            }
        });
        recycle(x);
        (y, Saved::new((h, s)))
    }

    #[track_caller]
    fn backward(&self, saved: Self::Cache, dy: Array2<F>, grad: &mut Self) -> Array2<F> {
        let (mut h, s) = saved.value;
        let (rows, columns) = h.dim();
        expect_shape(self, "output gradient", &dy, Some(rows), columns);
        let (found, expected) = (grad.weight.len(), self.weight.len());
        assert!(found == expected, "{self}: gradient is for {found} features, expected {expected}");
        let dy = in_standard_layout(dy);
        let mut dx = unspecified(rows, columns);
        let ((gamma, _), k) = (self.scale_and_shift(), F::from_f64(columns as f64));
        for_rows(
            rows,
            [flat_mut(&mut dx), flat_mut(&mut h)],
            [flat(&dy), flat(&s)],
            |[dx, h], [dy, s]| {
                for ((dh, &dy), &gamma) in dx.iter_mut().zip(dy).zip(gamma) {
                    *dh = dy * gamma; // dh = dy·γ
                }
                let (mean, mean_with_h, s) = (sum_slice(dx) / k, sum_products(dx, h) / k, s[0]);
                for ((dx, h), &dy) in dx.iter_mut().zip(h).zip(dy) {
                    *dx = s * (*dx - mean - *h * mean_with_h); // dx = s·(dh − mean(dh) − h·mean(dh·h))
                    *h *= dy; // dy·h, for dγ
                }
            },
        );
        add_sum_rows(&dy, &mut grad.bias); // dβ += Σ_r dy[r]
        add_sum_rows(&h, &mut grad.weight); // dγ += Σ_r dy[r]·h[r]
        recycle(h);
        recycle(dy);
        dx
    }
}

fn flat<F>(array: &ArrayRef2<F>) -> &[F] {
    array.as_slice().expect("standard layout")
}

impl<F: Float> fmt::Display for LayerNorm<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LayerNorm({})", self.weight.len())
    }
}
