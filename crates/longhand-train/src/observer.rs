use std::ops::ControlFlow;

use crate::Diverged;

/// Loss and metric over a set of samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score<V> {
    /// Mean loss of a sample: that of each batch, weighted by its number of samples. (With class
    /// weights a batch's own loss is a weighted mean, so this depends on how the set was cut into
    /// batches.)
    pub loss: f64,
    /// The value of the metric: of `Accuracy`, the share of samples classified correctly, 0 to 1.
    pub metric: V,
}

/// What is known after an epoch. Epoch 0 is before training, with both sets evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Epoch<V> {
    /// The epoch's number.
    pub epoch: usize,
    /// The mean over the epoch's own batches, each as it was before its own update (epoch 0: the
    /// training set evaluated).
    pub train: Score<V>,
    /// The validation set, evaluated after the epoch.
    pub valid: Score<V>,
    /// Samples that were trained on.
    pub samples: usize,
}

/// One batch has been trained on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The epoch's number, from 1.
    pub epoch: usize,
    /// The step's number in the epoch, from 1.
    pub step: usize,
    /// Number of steps in an epoch.
    pub steps: usize,
    /// Mean loss of the batch before its update.
    pub loss: f64,
}

/// Whether training goes on, or the error that ends it.
pub type Flow<E> = Result<ControlFlow<()>, E>;

/// Is told what happens in training and shown the model, and may stop it: by
/// [`ControlFlow::Break`], or by an error, which [`Training::run`](crate::Training::run) then
/// returns.
///
/// `()`, a closure that is told of epochs, [`EarlyStopping`](crate::EarlyStopping) and pairs of
/// these are observers. The two of a pair have the same `Error`; an observer with an error of its
/// own holds an early stop itself and asks [`EarlyStopping::note`](crate::EarlyStopping::note).
///
/// ```
/// use longhand_layers::{MeanSquaredError, Linear, ndarray::array};
/// use longhand_optim::Sgd;
/// use longhand_train::{Diverged, EarlyStopping, Epoch, Samples, Training};
/// use std::ops::ControlFlow;
///
/// let line = Samples::new(array![[0.0], [1.0]], array![[1.0], [3.0]]);
/// let mut model = Linear::from_arrays(array![[0.0]], Some(array![0.0]));
/// let mut sgd = Sgd { learning_rate: 0.1, ..Sgd::default() }.init(&model);
/// let training = Training { loss: MeanSquaredError, metric: (), epochs: 200, batch_size: 2, seed: 1 };
///
/// let print = |epoch: &Epoch<()>, _model: &Linear<f64>| {
///     println!("{} {}", epoch.epoch, epoch.valid.loss);
///     ControlFlow::Continue(())
/// };
/// let mut observers = (print, EarlyStopping::new(3));
/// training.run(&mut model, &mut sgd, &line, &line, &mut observers)?;
/// observers.1.restore(&mut model); // the weights of the best epoch
/// # Ok::<(), Diverged<()>>(())
/// ```
pub trait Observer<M, V> {
    /// What may end training beside divergence. An observer that does not fail says `Diverged<V>`.
    type Error: From<Diverged<V>>;

    /// After every batch.
    ///
    /// # Errors
    /// What the observer does has failed: training ends.
    fn step(&mut self, _step: &Step, _model: &M) -> Flow<Self::Error> {
        Ok(ControlFlow::Continue(()))
    }

    /// Before training, and after every epoch.
    ///
    /// # Errors
    /// What the observer does has failed: training ends.
    fn epoch(&mut self, _epoch: &Epoch<V>, _model: &M) -> Flow<Self::Error> {
        Ok(ControlFlow::Continue(()))
    }
}

/// Observes nothing.
impl<M, V> Observer<M, V> for () {
    type Error = Diverged<V>;
}

/// Is told of epochs.
impl<M, V, C: FnMut(&Epoch<V>, &M) -> ControlFlow<()>> Observer<M, V> for C {
    type Error = Diverged<V>;

    fn epoch(&mut self, epoch: &Epoch<V>, model: &M) -> Flow<Self::Error> {
        Ok(self(epoch, model))
    }
}

/// Both are told of everything; either may stop it.
impl<M, V, A: Observer<M, V>, B: Observer<M, V, Error = A::Error>> Observer<M, V> for (A, B) {
    type Error = A::Error;

    fn step(&mut self, step: &Step, model: &M) -> Flow<Self::Error> {
        Ok(either(self.0.step(step, model)?, self.1.step(step, model)?))
    }

    fn epoch(&mut self, epoch: &Epoch<V>, model: &M) -> Flow<Self::Error> {
        Ok(either(self.0.epoch(epoch, model)?, self.1.epoch(epoch, model)?))
    }
}

fn either(a: ControlFlow<()>, b: ControlFlow<()>) -> ControlFlow<()> {
    if a.is_break() { a } else { b }
}
