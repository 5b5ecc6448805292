use std::fmt;

use longhand_tensor::{Float, StepCounter, parameters};
use ndarray::{Array2, ArrayRef2};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use crate::Layer;
use crate::elementwise::scale_gradient;
use crate::layer::Saved;

/// Inverted dropout: in training `y = x·m`, where each element of the mask `m` is 0 with
/// probability `p` and `1/(1 − p)` otherwise; [`infer`](Layer::infer) leaves `x` as it is, which is
/// what `y` is on average.
///
/// # Masks
/// The mask follows from `seed`, `step` and the position of the element in the batch, from nothing
/// else. `step` is a plain field: an optimizer sets it, through
/// [`Parameters::set_step`](crate::Parameters::set_step), to the number of steps it has made, so
/// that each step has masks of its own and a training loop needs no line for it. To take up a run
/// again, set it to what it was. Two dropout layers of one model are given two seeds.
///
/// # Derivation
/// The mask does not depend on `x`, so `∂y/∂x = m` and `dx = dy·m`.
///
/// Source: N. Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from
/// Overfitting*, 2014.
///
/// # Shapes
/// `x, y, dx, dy: [n, any]`.
///
/// ```
/// use longhand_layers::{Dropout, Layer, Parameters, ndarray::Array2};
///
/// let mut dropout = Dropout::new(0.75, 42);
/// assert_eq!((dropout.probability(), dropout.seed, dropout.step.0), (0.75, 42, 0));
/// let x = Array2::<f64>::ones((100, 100));
/// assert_eq!(dropout.infer(&x), x);
///
/// let (y, _) = dropout.forward(x.clone());
/// assert!(y.iter().all(|&y| y == 0.0 || y == 4.0)); // 1 / (1 − 0.75)
/// assert!((y.mean().unwrap() - 1.0).abs() < 0.1);
///
/// assert_eq!(dropout.forward(x.clone()).0, y); // the same step: the same mask
/// Parameters::<f64>::set_step(&mut dropout, 1); // what an optimizer does
/// assert_ne!(dropout.forward(x).0, y);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// The probability `p` of leaving an element out.
    probability: f64,
    /// Tells the masks of one layer from those of another.
    pub seed: u64,
    /// How many steps the optimizer has made.
    pub step: StepCounter,
}

impl Dropout {
    /// A layer at step 0.
    ///
    /// # Panics
    /// The probability is not in `0..=1`.
    #[track_caller]
    pub fn new(probability: f64, seed: u64) -> Dropout {
        assert!(
            (0.0..=1.0).contains(&probability),
            "Dropout: probability is {probability}, expected 0 to 1"
        );
        Dropout { probability, seed, step: StepCounter(0) }
    }

    /// The probability of leaving an element out.
    pub fn probability(&self) -> f64 {
        self.probability
    }

    fn mask<F: Float>(&self, shape: (usize, usize)) -> Array2<F> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed.rotate_left(32) ^ self.step.0);
        let kept = F::from_f64(1.0 / (1.0 - self.probability));
        Array2::from_shape_simple_fn(shape, || {
            let unit = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64; // [0, 1)
            if unit < self.probability { F::zero() } else { kept }
        })
    }
}

parameters!(Dropout { step } without { probability, seed });

impl<F: Float> Layer<F> for Dropout {
    type Cache = Saved<Self, Array2<F>>;

    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        x.to_owned()
    }

    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        let m = self.mask(x.dim());
        (x * &m, Saved::new(m)) // y = x·m
    }

    #[track_caller]
    fn backward(&self, m: Self::Cache, dy: Array2<F>, _grad: &mut Self) -> Array2<F> {
        scale_gradient(self, &m.value, dy, |m| m) // dx = dy·m
    }
}

impl fmt::Display for Dropout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dropout({})", self.probability)
    }
}
