use longhand_layers::ndarray::{Array2, ArrayRef2};
use longhand_layers::{Float, Loss, SoftmaxCrossEntropy, WeightedSoftmaxCrossEntropy};

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
}

impl<F: Float> Loss<F> for CrossEntropy {
    type Target = [usize];

    fn loss(&self, logits: &ArrayRef2<F>, labels: &[usize]) -> F {
        match self {
            CrossEntropy::Plain(loss) => loss.loss(logits, labels),
            CrossEntropy::Smoothed(loss) => loss.loss(logits, labels),
        }
    }

    fn loss_and_grad(&self, logits: Array2<F>, labels: &[usize]) -> (F, Array2<F>) {
        match self {
            CrossEntropy::Plain(loss) => loss.loss_and_grad(logits, labels),
            CrossEntropy::Smoothed(loss) => loss.loss_and_grad(logits, labels),
        }
    }
}
