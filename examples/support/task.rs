//! What the examples train: nets of linear layers, and what these are trained for.

// Each example is a program of its own, and has a part of this.
#![allow(dead_code)]

use longhand_layers::ndarray::ArrayRef1;
use longhand_layers::rand::rngs::Xoshiro256PlusPlus;
use longhand_layers::{Chain, Float, Layer, Linear, Loss, Relu, SoftmaxCrossEntropy};
use longhand_mnist::{Dataset, Split};
use longhand_optim::{Optimizer, Sgd};
use longhand_train::{Epoch, Training, argmax};

use super::command::Failure;

pub const PIXELS: usize = 28 * 28;
pub const CLASSES: usize = Split::CLASSES;

/// Linear layers with ReLU between them.
pub type Net<F> = Chain<Vec<Chain<Linear<F>, Relu>>, Linear<F>>;

/// A net from the pixels to so many outputs.
pub fn net<F: Float>(hidden: &[usize], outputs: usize, rng: &mut Xoshiro256PlusPlus) -> Net<F> {
    let mut width = PIXELS;
    let mut layers = vec![];
    for &next in hidden {
        layers.push(Linear::new(width, next, rng).then(Relu));
        width = next;
    }
    layers.then(Linear::new(width, outputs, rng))
}

/// What nets are trained for.
pub struct Task<L> {
    pub loss: L,
    pub answer: fn(&ArrayRef1<f32>) -> usize,
    pub outputs: usize,
    /// Learning rates of plain SGD: with one layer, and with more.
    pub rates: [f64; 2],
    /// What the loss is when all outputs are zero, in words.
    pub guess: &'static str,
    /// How far from that it may be when the outputs have a standard deviation of `σ`.
    pub tolerance: fn(f64) -> f64,
}

/// The homework's.
pub const CLASSIFICATION: Task<SoftmaxCrossEntropy> = Task {
    loss: SoftmaxCrossEntropy { label_smoothing: 0.0, class_weights: None },
    answer: argmax,
    outputs: CLASSES,
    rates: [0.05, 0.1],
    guess: "ln 10",
    // Logits that vary by σ within an image raise the logarithm of their sum by σ²/2, and that of the label is off by σ.
    tolerance: |deviation| deviation + deviation * deviation / 2.0,
};

/// The hidden layers that a single width stands for: none where it is 0.
pub fn hidden_layers(width: usize) -> Vec<usize> {
    if width == 0 { vec![] } else { vec![width] }
}

impl<L: Loss<f32, Target = [usize]> + Clone> Task<L> {
    /// What a net with these hidden widths is trained with.
    pub fn sgd(&self, hidden: &[usize]) -> Sgd {
        Sgd { learning_rate: self.rates[usize::from(!hidden.is_empty())], ..Sgd::default() }
    }

    /// The trained model, and what every epoch gave.
    pub fn train<M: Layer<f32>>(
        &self,
        mut model: M,
        optimizer: &mut impl Optimizer<f32, M>,
        digits: &Dataset,
        epochs: usize,
        batch_size: usize,
        seed: u64,
    ) -> Result<(M, Vec<Epoch>), Failure> {
        let training =
            Training { loss: self.loss.clone(), answer: self.answer, epochs, batch_size, seed };
        let history = training.run(&mut model, optimizer, &digits.train, &digits.test, &mut ());
        Ok((model, history.map_err(|diverged| Failure::Run(diverged.to_string()))?))
    }
}
