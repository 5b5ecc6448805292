use std::fmt;

use crate::Epoch;

/// Training was stopped because the loss was not finite, or a million times the initial one.
#[derive(Clone, Debug, PartialEq)]
pub struct Diverged<V> {
    /// The epoch in which it happened; 0 where the loss was not finite before training.
    pub epoch: usize,
    /// The step of the epoch, from 1, whose loss was not finite; `None` where it showed at the
    /// epoch's end or before training.
    pub step: Option<usize>,
    /// Before training: the set, and its first sample whose own loss is not finite.
    pub sample: Option<(Set, usize)>,
    /// The loss.
    pub loss: f64,
    /// The epochs before, beginning with epoch 0.
    pub history: Vec<Epoch<V>>,
}

/// One of the two sets of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// The samples that the model is trained on.
    Training,
    /// The samples that it is evaluated on.
    Validation,
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Set::Training => "training",
            Set::Validation => "validation",
        })
    }
}

impl<V> fmt::Display for Diverged<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diverged { epoch, step, sample, loss, .. } = self;
        match (sample, step) {
            (Some((set, sample)), _) => write!(
                f,
                "the loss of the {set} set is {loss} before training, first in sample {sample} (from 0): look for NaN or infinite values in \
                 the samples, the targets or the weights"
            ),
            (None, Some(step)) => write!(
                f,
                "training diverged: the loss is {loss} in step {step} of epoch {epoch}; try a smaller learning rate"
            ),
            (None, None) => write!(
                f,
                "training diverged: the loss is {loss} at the end of epoch {epoch}; try a smaller learning rate"
            ),
        }
    }
}

impl<V: fmt::Debug> std::error::Error for Diverged<V> {}
