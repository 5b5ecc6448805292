use longhand_layers::ndarray::Array2;
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
