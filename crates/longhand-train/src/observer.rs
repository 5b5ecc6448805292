use std::ops::ControlFlow;

/// Loss and accuracy over a set of samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Mean loss of a sample.
    pub loss: f64,
    /// Share of samples answered rightly, 0 to 1.
    pub accuracy: f64,
}

/// What is known after an epoch. Epoch 0 is before training, with both sets evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Epoch {
    /// The epoch's number.
    pub epoch: usize,
    /// The mean over the epoch's own batches, each as it was before its own update (epoch 0: the training set evaluated).
    pub train: Score,
    /// The validation set, evaluated after the epoch.
    pub valid: Score,
    /// Seconds that the epoch's training took, without the evaluation.
    pub seconds: f64,
    /// Samples that were trained on in those seconds.
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

/// Is told what happens in training, and may stop it by returning [`ControlFlow::Break`].
///
/// ```
/// use std::ops::ControlFlow;
/// use longhand_train::{Epoch, Observer};
///
/// /// Stops when the validation loss has not improved for three epochs.
/// struct Patience { best: f64, since: usize }
///
/// impl Observer for Patience {
///     fn epoch(&mut self, epoch: &Epoch) -> ControlFlow<()> {
///         if epoch.valid.loss < self.best {
///             (self.best, self.since) = (epoch.valid.loss, epoch.epoch);
///         }
///         if epoch.epoch - self.since < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
///     }
/// }
///
/// let mut patience = Patience { best: f64::INFINITY, since: 0 };
/// assert!(patience.epoch(&Epoch::default()).is_continue());
/// assert!(patience.epoch(&Epoch { epoch: 3, ..Epoch::default() }).is_break());
/// ```
pub trait Observer {
    /// After every batch.
    fn step(&mut self, _step: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Before training, and after every epoch.
    fn epoch(&mut self, _epoch: &Epoch) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Observes nothing.
impl Observer for () {}
