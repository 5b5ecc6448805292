use std::ops::ControlFlow;

use crate::{Diverged, Epoch, Flow, Observer};

/// Stops training when the validation loss has not improved for some epochs, and keeps the weights
/// of the best one.
///
/// Epoch 0 begins a new run: what was kept of an earlier one is forgotten. See [`Observer`] for an
/// example.
#[derive(Clone, Debug)]
pub struct EarlyStopping<M> {
    patience: usize,
    /// What has been kept. To take up a run again, set it to what it was.
    pub best: Option<Best<M>>,
}

/// The best epoch so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Best<M> {
    /// Its number.
    pub epoch: usize,
    /// Its validation loss, the lowest.
    pub loss: f64,
    /// The model as it was then.
    pub model: M,
}

impl<M> EarlyStopping<M> {
    /// Stops after `patience` epochs without improvement; with 0, after the first.
    pub fn new(patience: usize) -> EarlyStopping<M> {
        EarlyStopping { patience, best: None }
    }

    /// Gives the model the weights of the best epoch.
    pub fn restore(self, model: &mut M) {
        if let Some(best) = self.best {
            *model = best.model;
        }
    }

    /// Takes note of an epoch, for an observer that has an early stop inside.
    pub fn note<V>(&mut self, epoch: &Epoch<V>, model: &M) -> ControlFlow<()>
    where
        M: Clone,
    {
        let loss = epoch.valid.loss;
        let other_run = |best: &Best<M>| epoch.epoch <= best.epoch;
        if self.best.as_ref().is_none_or(|best| other_run(best) || loss < best.loss) {
            self.best = Some(Best { epoch: epoch.epoch, loss, model: model.clone() });
        }
        let since = self.best.as_ref().map_or(0, |best| epoch.epoch - best.epoch);
        if since > 0 && since >= self.patience {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

impl<M: Clone, V> Observer<M, V> for EarlyStopping<M> {
    type Error = Diverged<V>;

    fn epoch(&mut self, epoch: &Epoch<V>, model: &M) -> Flow<Self::Error> {
        Ok(self.note(epoch, model))
    }
}
