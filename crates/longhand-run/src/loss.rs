use longhand_layers::ndarray::{Array2, ArrayRef2};
use longhand_layers::{
    Float, Loss, MeanSquaredError, SoftmaxCrossEntropy, WeightedSoftmaxCrossEntropy,
};
use longhand_train::{Accuracy, Metric, RootMeanSquaredError};

use crate::Answers;

/// The homework's cross-entropy, or that against smoothed labels.
#[derive(Clone, Debug, PartialEq)]
pub enum CrossEntropy {
    /// Against the labels.
    Plain(SoftmaxCrossEntropy),
    /// Against labels that are smoothed.
    Smoothed(WeightedSoftmaxCrossEntropy),
}

impl CrossEntropy {
    /// With so much label smoothing, 0 for none.
    pub fn new(label_smoothing: f64) -> CrossEntropy {
        match label_smoothing {
            0.0 => CrossEntropy::Plain(SoftmaxCrossEntropy),
            _ => CrossEntropy::Smoothed(WeightedSoftmaxCrossEntropy {
                label_smoothing,
                class_weights: None,
            }),
        }
    }

    /// The least loss that there is over so many classes: the entropy of the smoothed labels,
    /// `−p·ln p − (C − 1)·q·ln q` with `q = ε/C` and `p = 1 − ε + q`.
    pub(crate) fn least(&self, classes: usize) -> f64 {
        let CrossEntropy::Smoothed(loss) = self else { return 0.0 };
        let q = loss.label_smoothing / classes as f64;
        let p = 1.0 - loss.label_smoothing + q;
        -p * Float::ln(p) - (classes - 1) as f64 * q * Float::ln(q)
    }
}

impl<F: Float> Loss<F> for CrossEntropy {
    type Target = [usize];

    fn loss_and_grad(&self, logits: Array2<F>, labels: &[usize]) -> (F, Array2<F>) {
        match self {
            CrossEntropy::Plain(loss) => loss.loss_and_grad(logits, labels),
            CrossEntropy::Smoothed(loss) => loss.loss_and_grad(logits, labels),
        }
    }
}

/// What is minimised: the cross-entropy of classes, or the mean squared error of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective(pub CrossEntropy);

impl Loss<f32> for Objective {
    type Target = Answers;

    fn loss(&self, y: &ArrayRef2<f32>, answers: &Answers) -> f32 {
        match answers {
            Answers::Labels(labels) => self.0.loss(y, labels),
            Answers::Numbers(numbers) => MeanSquaredError.loss(y, numbers),
        }
    }

    fn loss_and_grad(&self, y: Array2<f32>, answers: &Answers) -> (f32, Array2<f32>) {
        match answers {
            Answers::Labels(labels) => self.0.loss_and_grad(y, labels),
            Answers::Numbers(numbers) => MeanSquaredError.loss_and_grad(y, numbers),
        }
    }
}

/// What is measured beside the loss: the accuracy of classes; of numbers, the root of the mean
/// squared error, in their own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// The share of samples classified correctly.
    Accuracy,
    /// The root of the mean squared error, times the standard deviation of the numbers.
    Error {
        /// The standard deviation.
        deviation: f64,
    },
}

impl Measure {
    /// What it is called in tables and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Measure::Accuracy => "accuracy",
            Measure::Error { .. } => "rmse",
        }
    }
}

impl Metric<f32, Answers> for Measure {
    type Value = f64;

    fn of_batch(&self, y: &ArrayRef2<f32>, answers: &Answers) -> f64 {
        match answers {
            Answers::Labels(labels) => Accuracy.of_batch(y, labels),
            Answers::Numbers(numbers) => RootMeanSquaredError.of_batch(y, numbers),
        }
    }

    fn value(&self, mean: f64) -> f64 {
        match self {
            Measure::Accuracy => mean,
            Measure::Error { deviation } => mean.sqrt() * deviation,
        }
    }
}
