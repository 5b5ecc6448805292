use std::ops::ControlFlow;

use longhand_data::shuffled;
use longhand_layers::{Float, Layer, Loss};
use longhand_optim::Optimizer;

use crate::{
    AsTarget, Batch, Data, Diverged, Epoch, Metric, Observer, Partial, Progress, Score, Set, Step,
};

/// Rows that are evaluated at a time.
const EVALUATED_AT_ONCE: usize = 1000;

/// What to train with. See the [crate's page](crate) for a whole run.
#[derive(Clone, Debug)]
pub struct Training<L, K> {
    /// What is minimised.
    pub loss: L,
    /// What is measured beside the loss; `()` for nothing.
    pub metric: K,
    /// How often each training sample is seen; 0 only evaluates.
    pub epochs: usize,
    /// Samples per update; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Decides the order of the samples in every epoch.
    pub seed: u64,
}

impl<L, K> Training<L, K> {
    /// Trains the model and returns what every epoch gave, beginning with epoch 0, before training.
    ///
    /// # Errors
    /// The loss is not finite before training, is no longer finite, or is a million times what it
    /// was at the start. The model is left as it was then. Or the observer has failed.
    ///
    /// # Panics
    /// The batch size is 0, a set is empty, or the shapes of data and model do not fit.
    #[track_caller]
    pub fn run<F, M, D, O>(
        &self,
        model: &mut M,
        optimizer: &mut impl Optimizer<F, M>,
        train: &D,
        valid: &impl Data<F, Targets = D::Targets>,
        observer: &mut O,
    ) -> Result<Vec<Epoch<K::Value>>, O::Error>
    where
        F: Float,
        M: Layer<F>,
        L: Loss<F>,
        K: Metric<F, L::Target>,
        D: Data<F, Targets: AsTarget<L::Target>>,
        O: Observer<M, K::Value>,
    {
        let mut progress = Progress::default();
        self.resume(&mut progress, model, optimizer, train, valid, observer)?;
        Ok(progress.history)
    }

    /// As [`run`](Training::run), from wherever a run has come to: [`Progress::default`] is its
    /// start. Where the observer stops it, `progress`, the model and the optimizer are what is needed
    /// to go on, with the same bits as if it had not been stopped.
    ///
    /// # Errors
    /// As those of [`run`](Training::run).
    ///
    /// # Panics
    /// As [`run`](Training::run).
    ///
    /// ```
    /// use longhand_layers::{Linear, MeanSquaredError, ndarray::array};
    /// use longhand_optim::Sgd;
    /// use longhand_train::{Diverged, Epoch, Progress, Samples, Training};
    /// use std::ops::ControlFlow;
    ///
    /// let line = Samples::new(array![[0.0], [1.0]], array![[1.0], [3.0]]);
    /// let mut model = Linear::from_arrays(array![[0.0]], Some(array![0.0]));
    /// let mut sgd = Sgd { learning_rate: 0.1, ..Sgd::default() }.init(&model);
    /// let training = Training { loss: MeanSquaredError, metric: (), epochs: 5, batch_size: 1, seed: 1 };
    ///
    /// let mut pause = |epoch: &Epoch<()>, _: &Linear<f64>| match epoch.epoch {
    ///     2 => ControlFlow::Break(()),
    ///     _ => ControlFlow::Continue(()),
    /// };
    /// let mut progress = Progress::default();
    /// training.resume(&mut progress, &mut model, &mut sgd, &line, &line, &mut pause)?;
    /// assert_eq!(progress.epoch(), 3); // what is trained next
    /// training.resume(&mut progress, &mut model, &mut sgd, &line, &line, &mut pause)?;
    /// assert_eq!(progress.history.len(), 6); // epochs 0 to 5
    /// # Ok::<(), Diverged<()>>(())
    /// ```
    #[track_caller]
    pub fn resume<F, M, D, O>(
        &self,
        progress: &mut Progress<K::Value>,
        model: &mut M,
        optimizer: &mut impl Optimizer<F, M>,
        train: &D,
        valid: &impl Data<F, Targets = D::Targets>,
        observer: &mut O,
    ) -> Result<(), O::Error>
    where
        F: Float,
        M: Layer<F>,
        L: Loss<F>,
        K: Metric<F, L::Target>,
        D: Data<F, Targets: AsTarget<L::Target>>,
        O: Observer<M, K::Value>,
    {
        if progress.history.is_empty() {
            let start = Epoch {
                train: self.before(model, train, Set::Training)?,
                valid: self.before(model, valid, Set::Validation)?,
                ..Epoch::default()
            };
            progress.history.push(start);
            if observer.epoch(&start, model)?.is_break() {
                return Ok(());
            }
        }
        let initial = progress.history[0].train.loss;
        let mut grad = model.zeros_like();
        while progress.epoch() <= self.epochs {
            let epoch = progress.epoch();
            let Progress { history, partial } = &mut *progress;
            let steps = self.steps(epoch, partial, model, &mut grad, optimizer, train, observer);
            match steps {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return Ok(()),
                Err(Stopped::Observer(error)) => return Err(error),
                Err(Stopped::Diverged { step, loss }) => {
                    let (step, history) = (Some(step), history.clone());
                    return Err(Diverged { epoch, step, sample: None, loss, history }.into());
                }
            }
            let train_score = partial.score(&self.metric);
            let valid = evaluate(model, &self.loss, &self.metric, valid);
            for loss in [train_score.loss, valid.loss] {
                if blew_up(loss, initial) {
                    let history = history.clone();
                    return Err(Diverged { epoch, step: None, sample: None, loss, history }.into());
                }
            }
            progress.end_epoch(train_score, valid);
            if observer.epoch(&progress.history[epoch], model)?.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// One epoch of [`run`](Training::run): every sample once, in an order of the epoch's own.
    /// `grad` is overwritten.
    ///
    /// Returns the mean over the batches, or nothing where the observer stopped it.
    ///
    /// # Errors
    /// The loss of a batch is not finite: the model is left as it was before that batch. Or the
    /// observer has failed.
    ///
    /// # Panics
    /// The batch size is 0, the set is empty, or the shapes of data and model do not fit.
    #[track_caller]
    pub fn epoch<F, M, D, O>(
        &self,
        epoch: usize,
        model: &mut M,
        grad: &mut M,
        optimizer: &mut impl Optimizer<F, M>,
        train: &D,
        observer: &mut O,
    ) -> Result<Option<Score<K::Value>>, Stopped<O::Error>>
    where
        F: Float,
        M: Layer<F>,
        L: Loss<F>,
        K: Metric<F, L::Target>,
        D: Data<F, Targets: AsTarget<L::Target>>,
        O: Observer<M, K::Value>,
    {
        let mut partial = Partial::default();
        let flow = self.steps(epoch, &mut partial, model, grad, optimizer, train, observer)?;
        Ok(flow.is_continue().then(|| partial.score(&self.metric)))
    }

    /// The steps of an epoch that are not done yet.
    #[allow(clippy::too_many_arguments)] // each is a thing of its own
    #[track_caller]
    fn steps<F, M, D, O>(
        &self,
        epoch: usize,
        partial: &mut Partial,
        model: &mut M,
        grad: &mut M,
        optimizer: &mut impl Optimizer<F, M>,
        train: &D,
        observer: &mut O,
    ) -> Result<ControlFlow<()>, Stopped<O::Error>>
    where
        F: Float,
        M: Layer<F>,
        L: Loss<F>,
        K: Metric<F, L::Target>,
        D: Data<F, Targets: AsTarget<L::Target>>,
        O: Observer<M, K::Value>,
    {
        assert!(self.batch_size > 0, "Training: batch_size is 0, expected 1 or more");
        let order = shuffled(train.len(), self.seed, epoch as u64);
        let steps = order.len().div_ceil(self.batch_size);
        for (positions, step) in order.chunks(self.batch_size).zip(1..).skip(partial.steps) {
            let batch = train.batch(positions);
            let target = batch.targets.as_target();
            let (y, cache) = model.forward(batch.x);
            let metric = self.metric.of_batch(&y, target);
            let (loss, dy) = self.loss.loss_and_grad(y, target);
            let loss = loss.to_f64();
            if !loss.is_finite() {
                return Err(Stopped::Diverged { step, loss });
            }
            grad.set_zero();
            model.backward_params(cache, dy, grad);
            optimizer.step(model, grad);
            partial.add(loss, metric, positions.len());
            let told = observer.step(&Step { epoch, step, steps, loss }, model);
            if told.map_err(Stopped::Observer)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The score of a set before training, which must be finite.
    fn before<F, M, D>(
        &self,
        model: &M,
        data: &D,
        set: Set,
    ) -> Result<Score<K::Value>, Diverged<K::Value>>
    where
        F: Float,
        M: Layer<F>,
        L: Loss<F>,
        K: Metric<F, L::Target>,
        D: Data<F, Targets: AsTarget<L::Target>>,
    {
        let score = evaluate(model, &self.loss, &self.metric, data);
        if score.loss.is_finite() {
            return Ok(score);
        }
        let finite = |i: &usize| {
            let Batch { x, targets } = data.batch(&[*i]);
            self.loss.loss(&model.infer(&x), targets.as_target()).is_finite()
        };
        let sample = (0..data.len()).find(|i| !finite(i)).unwrap_or(0);
        Err(Diverged {
            epoch: 0,
            step: None,
            sample: Some((set, sample)),
            loss: score.loss,
            history: vec![],
        })
    }
}

/// Whether a loss has grown beyond use: it is not finite, or a million times the initial one. A
/// one-layer model with a learning rate of 1e30 never leaves the range of f32, and learns nothing
/// all the same.
pub fn blew_up(loss: f64, initial: f64) -> bool {
    !(loss.is_finite() && loss <= 1e6 * (1.0 + initial))
}

/// Why an epoch ended early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stopped<E> {
    /// The loss of a batch was not finite.
    Diverged {
        /// The step, from 1.
        step: usize,
        /// The loss.
        loss: f64,
    },
    /// The observer has failed.
    Observer(E),
}

/// Loss and metric of a model over a whole data set, 1000 samples at a time.
///
/// # Panics
/// The set is empty, or the shapes of data and model do not fit.
#[track_caller]
pub fn evaluate<F, M, L, K, D>(model: &M, loss: &L, metric: &K, data: &D) -> Score<K::Value>
where
    F: Float,
    M: Layer<F>,
    L: Loss<F>,
    K: Metric<F, L::Target>,
    D: Data<F, Targets: AsTarget<L::Target>> + ?Sized,
{
    assert!(!data.is_empty(), "evaluate: expected at least one sample");
    let (mut sum, mut batch) = (Partial::default(), Batch::default());
    for positions in (0..data.len()).collect::<Vec<_>>().chunks(EVALUATED_AT_ONCE) {
        data.batch_into(positions, &mut batch);
        let (y, target) = (model.infer(&batch.x), batch.targets.as_target());
        let of_batch = metric.of_batch(&y, target);
        sum.add(loss.loss(&y, target).to_f64(), of_batch, positions.len());
    }
    sum.score(metric)
}
