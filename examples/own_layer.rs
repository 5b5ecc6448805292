//! A layer of your own: Swish, `y = x·σ(b·x)` with a learned `b` for every feature, from its
//! equations to trained digits.
//!
//! Derivation, with `s = σ(b·x)` and `σ′ = σ·(1 − σ)`:
//! `∂y/∂x = s + x·b·s·(1 − s)` and `∂y/∂b = x²·s·(1 − s)`, the latter summed over the batch.
//! (P. Ramachandran, B. Zoph, Q. Le, *Searching for Activation Functions*, 2017.)

use longhand_layers::ndarray::{Array1, Array2, ArrayRef2, Axis};
use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Float, Layer, SoftmaxCrossEntropy, gradcheck, mlp_with, parameters};
use longhand_train::{Accuracy, Training};
use std::io::Write;

#[derive(Clone)]
struct Swish<F> {
    b: Array1<F>,
}
parameters!(Swish<F> { b });

impl<F: Float> Swish<F> {
    fn new(features: usize) -> Swish<F> {
        Swish { b: Array1::ones(features) }
    }

    /// `s = σ(b·x)`
    fn gate(&self, x: &ArrayRef2<F>) -> Array2<F> {
        (x.to_owned() * &self.b).mapv_into(|bx| F::one() / (F::one() + (-bx).exp()))
    }
}

impl<F: Float> Layer<F> for Swish<F> {
    type Cache = (Array2<F>, Array2<F>);

    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        self.gate(x) * x // y = x·s
    }

    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        let s = self.gate(&x);
        (&x * &s, (x, s))
    }

    fn backward(&self, (x, s): Self::Cache, dy: Array2<F>, grad: &mut Self) -> Array2<F> {
        let ds = s.mapv(|s| s * (F::one() - s)); // s·(1 − s)
        grad.b += &(&dy * &x * &x * &ds).sum_axis(Axis(0)); // db += Σ_r dy·x²·s·(1 − s)
        dy * (s + x * ds * &self.b) // dx = dy·(s + x·b·s·(1 − s))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(42);
    gradcheck::layer(&Swish::new(5), &longhand_layers::init::normal((7, 5), 1.0, rng))?;

    let digits = longhand_mnist::Dataset::embedded();
    let mut model = mlp_with::<f32, _>(&[784, 30, 10], |_| Swish::new(30), rng);
    let mut sgd = longhand_optim::Sgd { learning_rate: 0.1, ..Default::default() }.init(&model);
    let (loss, metric) = (SoftmaxCrossEntropy, Accuracy);
    let training = Training { loss, metric, epochs: 10, batch_size: 16, seed: 42 };
    let history = training.run(&mut model, &mut sgd, &digits.train, &digits.test, &mut ())?;
    let accuracy = history[10].valid.metric;
    writeln!(std::io::stdout(), "gradients right; validation accuracy {accuracy:.4}")?;
    Ok(())
}
