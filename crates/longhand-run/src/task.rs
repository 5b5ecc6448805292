//! What the examples train nets for.

use std::borrow::Cow;

use longhand_layers::{Layer, Linear, Loss, SoftmaxCrossEntropy, mlp};
use longhand_mnist::Dataset;
use longhand_optim::{Optimizer, Sgd};
use longhand_train::{Accuracy, Diverged, Epoch, Metric, Training};

use crate::{CrossEntropy, generator};

/// What nets are trained for, and what is expected of them.
#[derive(Clone, Debug)]
pub struct Task<L, K> {
    /// What is minimised.
    pub loss: L,
    /// The share of images classified correctly.
    pub metric: K,
    /// Outputs of a net.
    pub outputs: usize,
    /// Learning rates of plain SGD: with one layer, and with more.
    pub rates: [f64; 2],
    /// What the loss is when all outputs are zero, in words.
    pub guess: Cow<'static, str>,
    /// How far from that it may be when the outputs have a standard deviation of `σ`.
    pub tolerance: fn(f64) -> f64,
    /// The least loss of a net that gives the same answer for every image.
    pub constant: f64,
    /// The least loss there is.
    pub least: f64,
}

/// The homework's learning rates: with one layer, and with more.
pub const RATES: [f64; 2] = [0.05, 0.1];

/// The homework's, for so many classes.
pub fn classification(classes: usize) -> Task<SoftmaxCrossEntropy, Accuracy> {
    Task {
        loss: SoftmaxCrossEntropy,
        metric: Accuracy,
        outputs: classes,
        rates: RATES,
        guess: format!("ln {classes}").into(),
        // Logits that vary by σ within an image raise the logarithm of their sum by σ²/2, and that
        // of the label is off by σ.
        tolerance: |deviation| deviation + deviation * deviation / 2.0,
        constant: (classes as f64).ln(),
        least: 0.0,
    }
}

/// The same with another loss.
pub(crate) fn classification_by(
    loss: CrossEntropy,
    classes: usize,
) -> Task<CrossEntropy, Accuracy> {
    let least = loss.least(classes);
    let Task { metric, outputs, rates, guess, tolerance, constant, .. } = classification(classes);
    Task { loss, metric, outputs, rates, guess, tolerance, constant, least }
}

impl<L, K> Task<L, K>
where
    L: Loss<f32, Target = [usize]> + Clone,
    K: Metric<f32, [usize], Value = f64> + Clone,
{
    /// The widths of a net for these pictures that has hidden layers of these widths; a single width
    /// of 0 is no layer.
    pub fn widths(&self, digits: &Dataset, hidden: &[usize]) -> Vec<usize> {
        let hidden = hidden.iter().copied().filter(|&width| width > 0);
        [digits.train.features()].into_iter().chain(hidden).chain([self.outputs]).collect()
    }

    /// Plain SGD with the task's learning rate for a net of these widths.
    pub fn sgd(&self, widths: &[usize]) -> Sgd {
        Sgd { learning_rate: self.rates[usize::from(widths.len() > 2)], ..Sgd::default() }
    }

    /// Trains a model; returns what every epoch gave.
    ///
    /// # Errors
    /// Training diverges.
    pub fn train<M: Layer<f32>>(
        &self,
        model: &mut M,
        optimizer: &mut impl Optimizer<f32, M>,
        digits: &Dataset,
        (epochs, batch_size, seed): (usize, usize, u64),
    ) -> Result<Vec<Epoch<f64>>, Diverged<f64>> {
        let (loss, metric) = (self.loss.clone(), self.metric.clone());
        let training = Training { loss, metric, epochs, batch_size, seed };
        training.run(model, optimizer, &digits.train, &digits.test, &mut ())
    }

    /// Trains a net of these widths with the task's own SGD; returns what every epoch gave.
    ///
    /// # Errors
    /// Training diverges.
    pub fn train_net(
        &self,
        widths: &[usize],
        digits: &Dataset,
        (epochs, batch_size, seed): (usize, usize, u64),
    ) -> Result<Vec<Epoch<f64>>, Diverged<f64>> {
        let (sgd, rng) = (self.sgd(widths), &mut generator(seed));
        let how = (epochs, batch_size, seed);
        if let [inputs, outputs] = *widths {
            let mut model = Linear::new(inputs, outputs, rng);
            let mut optimizer = sgd.init(&model);
            return self.train(&mut model, &mut optimizer, digits, how);
        }
        let mut model = mlp(widths, rng);
        let mut optimizer = sgd.init(&model);
        self.train(&mut model, &mut optimizer, digits, how)
    }
}
