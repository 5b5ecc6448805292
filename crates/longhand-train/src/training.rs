use std::fmt;
use std::ops::ControlFlow;
use std::time::Instant;

use longhand_layers::{Float, Layer, Loss};
use longhand_mnist::shuffled;
use longhand_optim::Optimizer;
use ndarray::{ArrayRef1, ArrayRef2};

use crate::{Batch, Data, Epoch, Observer, Score, Step};

/// Rows that are evaluated at a time.
const EVALUATED_AT_ONCE: usize = 1000;

/// What to train with. See the [crate's page](crate) for a whole run.
#[derive(Clone, Debug)]
pub struct Training<L, F> {
    /// What is minimised.
    pub loss: L,
    /// How a row of outputs is read as a class: [`argmax`](crate::argmax) for logits.
    pub answer: fn(&ArrayRef1<F>) -> usize,
    /// How often each training sample is seen; 0 only evaluates.
    pub epochs: usize,
    /// Samples per update; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Decides the order of the samples in every epoch.
    pub seed: u64,
}

impl<F: Float, L: Loss<F, Target = [usize]>> Training<L, F> {
    /// Trains the model and returns what every epoch gave, beginning with epoch 0, before training.
    ///
    /// # Errors
    /// The loss is no longer finite, or a million times what it was at the start. The model is left as it was then.
    ///
    /// # Panics
    /// The batch size is 0, a set is empty, or the shapes of data and model do not fit.
    pub fn run<M: Layer<F>>(
        &self,
        model: &mut M,
        optimizer: &mut impl Optimizer<F, M>,
        train: &impl Data<F>,
        valid: &impl Data<F>,
        observer: &mut impl Observer,
    ) -> Result<Vec<Epoch>, Diverged> {
        let evaluate =
            |model: &M, data: &dyn Data<F>| evaluate(model, &self.loss, self.answer, data);
        let (at_start, valid_at_start) = (evaluate(model, train), evaluate(model, valid));
        let mut history =
            vec![Epoch { train: at_start, valid: valid_at_start, ..Epoch::default() }];
        let mut go_on = observer.epoch(&history[0]);
        let mut grad = model.zeros_like();
        for epoch in 1..=self.epochs {
            if go_on.is_break() {
                break;
            }
            let start = Instant::now();
            let score = self.epoch(epoch, model, &mut grad, optimizer, train, observer)?;
            let ControlFlow::Continue(train_score) = score else { break };
            let seconds = start.elapsed().as_secs_f64();
            let valid = evaluate(model, valid);
            for loss in [train_score.loss, valid.loss] {
                if !(loss.is_finite() && loss <= 1e6 * (1.0 + at_start.loss)) {
                    return Err(Diverged { epoch, step: None, loss });
                }
            }
            history.push(Epoch { epoch, train: train_score, valid, seconds, samples: train.len() });
            go_on = observer.epoch(&history[epoch]);
        }
        Ok(history)
    }

    /// One epoch of [`run`](Training::run): every sample once, in an order of the epoch's own. `grad` is overwritten.
    ///
    /// Returns the mean over the batches, or `Break` where the observer stopped it.
    ///
    /// # Errors
    /// The loss of a batch is not finite. The model is left as it was before that batch.
    ///
    /// # Panics
    /// The batch size is 0, the set is empty, or the shapes of data and model do not fit.
    pub fn epoch<M: Layer<F>>(
        &self,
        epoch: usize,
        model: &mut M,
        grad: &mut M,
        optimizer: &mut impl Optimizer<F, M>,
        train: &impl Data<F>,
        observer: &mut impl Observer,
    ) -> Result<ControlFlow<(), Score>, Diverged> {
        assert!(self.batch_size > 0, "Training: batch_size is 0, expected 1 or more");
        let mut sum = Sum::default();
        let order = shuffled(train.len(), self.seed, epoch as u64);
        let steps = order.len().div_ceil(self.batch_size);
        for (positions, step) in order.chunks(self.batch_size).zip(1..) {
            let mut batch = Batch::default();
            train.batch_into(positions, &mut batch);
            let (y, cache) = model.forward(batch.x);
            let correct = count_correct(&y, &batch.labels, self.answer);
            let (loss, dy) = self.loss.loss_and_grad(y, &batch.labels);
            let loss = loss.to_f64();
            if !loss.is_finite() {
                return Err(Diverged { epoch, step: Some(step), loss });
            }
            grad.set_zero();
            model.backward_params(cache, dy, grad);
            optimizer.step(model, grad);
            sum.add(loss, correct, positions.len());
            if observer.step(&Step { epoch, step, steps, loss }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(sum.score()))
    }
}

/// Loss and accuracy of a model over a whole data set, 1000 samples at a time.
///
/// # Panics
/// The set is empty, or the shapes of data and model do not fit.
pub fn evaluate<F: Float, M: Layer<F>>(
    model: &M,
    loss: &impl Loss<F, Target = [usize]>,
    answer: fn(&ArrayRef1<F>) -> usize,
    data: &dyn Data<F>,
) -> Score {
    assert!(!data.is_empty(), "evaluate: expected at least one sample");
    let (mut sum, mut batch) = (Sum::default(), Batch::default());
    for chunk in (0..data.len()).collect::<Vec<_>>().chunks(EVALUATED_AT_ONCE) {
        data.batch_into(chunk, &mut batch);
        let y = model.infer(&batch.x);
        let correct = count_correct(&y, &batch.labels, answer);
        sum.add(loss.loss(&y, &batch.labels).to_f64(), correct, chunk.len());
    }
    sum.score()
}

fn count_correct<F>(
    y: &ArrayRef2<F>,
    labels: &[usize],
    answer: fn(&ArrayRef1<F>) -> usize,
) -> usize {
    y.rows().into_iter().zip(labels).filter(|(y, label)| answer(y) == **label).count()
}

/// Mean losses and right answers of batches, added up in f64.
#[derive(Default)]
struct Sum {
    loss: f64,
    correct: usize,
    samples: usize,
}

impl Sum {
    fn add(&mut self, mean_loss: f64, correct: usize, samples: usize) {
        self.loss += mean_loss * samples as f64;
        self.correct += correct;
        self.samples += samples;
    }

    fn score(&self) -> Score {
        let n = self.samples as f64;
        Score { loss: self.loss / n, accuracy: self.correct as f64 / n }
    }
}

/// Training was stopped because the loss grew beyond use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diverged {
    /// The epoch in which it happened.
    pub epoch: usize,
    /// The step of the epoch, from 1, whose loss was not finite; `None` where it showed at the epoch's end.
    pub step: Option<usize>,
    /// The loss.
    pub loss: f64,
}

impl fmt::Display for Diverged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "training diverged: the loss is {} ", self.loss)?;
        match self.step {
            Some(step) => write!(f, "in step {step} of epoch {}", self.epoch)?,
            None => write!(f, "at the end of epoch {}", self.epoch)?,
        }
        write!(f, "; try a smaller learning rate")
    }
}

impl std::error::Error for Diverged {}
