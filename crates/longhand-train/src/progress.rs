use longhand_layers::Float;

use crate::{Epoch, Metric, Score};

/// How far a run has come. With the model and the optimizer, this is what is needed to go on with
/// it: see [`Training::resume`](crate::Training::resume).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress<V> {
    /// The epochs that are complete, beginning with epoch 0, before training.
    pub history: Vec<Epoch<V>>,
    /// What has been done of the next one.
    pub partial: Partial,
}

impl<V> Progress<V> {
    /// The epoch that is trained next, or whose training has begun; 0 where the model has not been
    /// evaluated yet.
    pub fn epoch(&self) -> usize {
        self.history.len()
    }

    /// Notes that an epoch is complete: what its batches gave, and what the validation set gave.
    pub fn end_epoch(&mut self, train: Score<V>, valid: Score<V>) {
        let (epoch, samples) = (self.epoch(), self.partial.samples);
        self.history.push(Epoch { epoch, train, valid, samples });
        self.partial = Partial::default();
    }
}

/// Losses and metrics of batches, added up in f64.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Partial {
    /// Batches that were added.
    pub steps: usize,
    /// The sum of the losses of their samples.
    pub loss: f64,
    /// The sum of what is measured of their samples.
    pub metric: f64,
    /// Their samples.
    pub samples: usize,
}

impl Partial {
    /// Adds a batch: the mean loss of its samples, and the sum of what is measured of them.
    pub fn add(&mut self, mean_loss: f64, metric: f64, samples: usize) {
        self.steps += 1;
        self.loss += mean_loss * samples as f64;
        self.metric += metric;
        self.samples += samples;
    }

    /// The means over the samples: of the accuracy, the share of samples classified correctly.
    pub fn mean(&self) -> Score<f64> {
        let n = self.samples as f64;
        Score { loss: self.loss / n, metric: self.metric / n }
    }

    /// The means as a metric has them.
    pub(crate) fn score<F: Float, T: ?Sized, K: Metric<F, T>>(&self, k: &K) -> Score<K::Value> {
        let Score { loss, metric } = self.mean();
        Score { loss, metric: k.value(metric) }
    }
}
