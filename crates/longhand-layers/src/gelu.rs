use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};
use std::fmt;

use longhand_tensor::{Float, erf_in_place, exp_in_place, parameters, tanh_in_place};
use ndarray::{Array2, ArrayRef2};

use crate::Layer;
use crate::elementwise::{map_through, scale_gradient_through};
use crate::layer::Saved;

/// Gaussian error linear unit: `y = x·Φ(x)`, `Φ` being the distribution function of the standard
/// normal distribution.
///
/// # Derivation
/// Exact: `Φ(x) = (1 + erf(x/√2)) / 2`, whose derivative is the density `φ(x) = exp(−x²/2) /
/// √(2π)`. By the product rule `∂y/∂x = Φ(x) + x·φ(x)`.
///
/// Tanh form: `y = x·(1 + t)/2` with `t = tanh(u)`, `u = √(2/π)·(x + 0.044715·x³)`. Then `∂t/∂x =
/// (1 − t²)·u′` with `u′ = √(2/π)·(1 + 3·0.044715·x²)`, and `∂y/∂x = (1 + t)/2 + x·(1 − t²)·u′/2`.
///
/// Both forms remember `x`; `dx = dy · ∂y/∂x`.
///
/// Source: D. Hendrycks, K. Gimpel, *Gaussian Error Linear Units (GELUs)*, 2016; as
/// `torch.nn.GELU`.
///
/// # Shapes
/// `x, y, dx, dy: [n, any]`.
///
/// ```
/// use longhand_layers::{Gelu, Layer, ndarray::array};
///
/// // Φ(0) = 1/2; far out Φ is 0 or 1.
/// for gelu in [Gelu::Exact, Gelu::Tanh] {
///     let (y, cache) = gelu.forward(array![[0., -100., 100.]]);
///     assert_eq!(y, array![[0., 0., 100.]]);
///     assert_eq!(gelu.backward(cache, array![[8., 8., 8.]], &mut gelu.clone()), array![[4., 0., 8.]]);
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gelu {
    /// With the error function.
    #[default]
    Exact,
    /// With the approximation by `tanh`, `approximate="tanh"` in PyTorch.
    Tanh,
}

parameters!(
    enum Gelu {
        Exact,
        Tanh,
    }
);

impl Gelu {
    /// `√(2/π)`
    const SCALE: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
    const CUBIC: f64 = 0.044715;

    /// `u = √(2/π)·(x + 0.044715·x³)`
    fn inner<F: Float>(x: F) -> F {
        F::from_f64(Gelu::SCALE) * (x + F::from_f64(Gelu::CUBIC) * x * x * x)
    }
}

/// `x/√2`
fn scaled<F: Float>(x: F) -> F {
    x * F::from_f64(FRAC_1_SQRT_2)
}

impl<F: Float> Layer<F> for Gelu {
    type Cache = Saved<Self, Array2<F>>;

    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        let (half, one) = (F::from_f64(0.5), F::one());
        match self {
            Gelu::Exact => map_through(x, scaled, erf_in_place, |x, erf| x * half * (one + erf)), // x·Φ(x)
            Gelu::Tanh => map_through(x, Gelu::inner, tanh_in_place, |x, t| x * half * (one + t)), // x·(1 + t)/2
        }
    }

    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        (self.infer(&x), Saved::new(x))
    }

    #[track_caller]
    fn backward(&self, x: Self::Cache, dy: Array2<F>, _grad: &mut Self) -> Array2<F> {
        let (half, one, x) = (F::from_f64(0.5), F::one(), &x.value);
        match self {
            Gelu::Exact => {
                let root = F::from_f64(1.0 / (2.0 * PI).sqrt());
                let f: [fn(&mut [F]); 2] = [erf_in_place, exp_in_place];
                let before = |x| [scaled(x), -half * x * x];
                scale_gradient_through(self, x, dy, before, f, |x, [erf, e]| {
                    half * (one + erf) + x * (e * root) // dx = dy·(Φ(x) + x·φ(x))
                })
            }
            Gelu::Tanh => {
                let f: [fn(&mut [F]); 1] = [tanh_in_place];
                let before = |x| [Gelu::inner(x)];
                scale_gradient_through(self, x, dy, before, f, |x, [t]| {
                    let du = one + F::from_f64(3.0 * Gelu::CUBIC) * x * x;
                    let du = F::from_f64(Gelu::SCALE) * du;
                    half * (one + t) + half * x * (one - t * t) * du // dx = dy·((1 + t)/2 + x·(1 − t²)·u′/2)
                })
            }
        }
    }
}

impl fmt::Display for Gelu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Gelu::Exact => "Gelu",
            Gelu::Tanh => "Gelu(tanh)",
        })
    }
}
