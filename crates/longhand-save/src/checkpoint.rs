//! A whole run in a file, to be taken up again.

use std::collections::BTreeMap;
use std::path::Path;

use longhand_optim::{OptimizerState, Resumable};
use longhand_tensor::Parameters;
use longhand_train::{Best, EarlyStopping, Epoch, Partial, Progress, Score};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::parameters;
use crate::tensors::{Stored, Tensor, Tensors, write};

const VERSION: u32 = 1;

/// No run makes more steps: at a microsecond each, that is 35 years.
const MOST_STEPS: u64 = 1 << 50;

/// What an epoch is in a file: training and validation score, and samples.
const COLUMNS: usize = 5;

/// What belongs to a run and is the caller's to say. It comes back as it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// How the run was asked for, in any form.
    pub settings: String,
    /// What tells its data from others, such as a hash.
    pub data: String,
    /// Its seed.
    pub seed: u64,
    /// How long each epoch took.
    pub seconds: Vec<f64>,
}

/// What is measured beside the loss, as a file can hold it: a number, or nothing.
pub trait Measured: Copy {
    #[doc(hidden)]
    fn to_number(self) -> f64;
    #[doc(hidden)]
    fn from_number(number: f64) -> Self;
}

impl Measured for f64 {
    fn to_number(self) -> f64 {
        self
    }
    fn from_number(number: f64) -> f64 {
        number
    }
}

impl Measured for () {
    fn to_number(self) -> f64 {
        0.0
    }
    fn from_number(_: f64) {}
}

/// All of a checkpoint but its arrays.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    checkpoint: u32,
    settings: String,
    data: String,
    seed: u64,
    /// The optimizer's options, numbers and steps.
    optimizer: String,
    numbers: BTreeMap<String, f64>,
    steps: u64,
    /// The epoch that is being trained: its batches that are done, and their sums.
    partial: (usize, f64, f64, usize),
    /// The best epoch and its loss, of an early stop.
    best: Option<(usize, f64)>,
}

/// Writes all that a run needs to be taken up again: model, optimizer, progress, the best model of
/// an early stop, and what the caller wants to know of it. The file is there whole or not at all;
/// while it is written, the one before is there still.
///
/// # Errors
/// It cannot be written, or a parameter is NaN or infinite.
///
/// ```
/// use longhand_layers::{Linear, MeanSquaredError, ndarray::array};
/// use longhand_optim::Adam;
/// use longhand_save::{Checkpoint, Record, save_checkpoint};
/// use longhand_train::{Epoch, Progress, Samples, Training};
/// use std::ops::ControlFlow;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("checkpoint.safetensors");
/// let line = Samples::new(array![[0.0], [1.0]], array![[1.0], [3.0]]);
/// let fresh = Linear::<f32>::from_arrays(array![[0.0]], Some(array![0.0]));
/// let adam = Adam { learning_rate: 0.1, ..Adam::default() };
/// let training = Training { loss: MeanSquaredError, metric: (), epochs: 5, batch_size: 1, seed: 1 };
///
/// // A run that stops after three epochs, and writes itself down.
/// let (mut model, mut optimizer, mut progress) = (fresh.clone(), adam.init(&fresh), Progress::default());
/// let mut stop = |epoch: &Epoch<()>, _: &_| if epoch.epoch == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
/// training.resume(&mut progress, &mut model, &mut optimizer, &line, &line, &mut stop).unwrap();
/// save_checkpoint(&path, &Record::default(), &model, &mut optimizer, &progress, None)?;
///
/// // Another program goes on with it.
/// let (mut model, mut optimizer) = (fresh.clone(), adam.init(&fresh));
/// let mut progress = Checkpoint::open(&path)?.restore(&mut model, &mut optimizer, None)?;
/// training.resume(&mut progress, &mut model, &mut optimizer, &line, &line, &mut ()).unwrap();
///
/// // The weights are those of a run that was never stopped.
/// let (mut unbroken, mut optimizer) = (fresh.clone(), adam.init(&fresh));
/// training.run(&mut unbroken, &mut optimizer, &line, &line, &mut ()).unwrap();
/// assert_eq!(model, unbroken);
/// # Ok::<(), longhand_save::Error>(())
/// ```
pub fn save_checkpoint<F: Stored, M: Parameters<F>, V: Measured>(
    path: impl AsRef<Path>,
    record: &Record,
    model: &M,
    optimizer: &mut impl Resumable<F, M>,
    progress: &Progress<V>,
    stopping: Option<&EarlyStopping<M>>,
) -> Result<(), Error> {
    let path = path.as_ref();
    let mut tensors = vec![];
    let (options, steps) = (optimizer.options(), optimizer.steps());
    let state = optimizer.state();
    let best = stopping.and_then(|stopping| stopping.best.as_ref());
    let append = |tensors: &mut _| {
        parameters::append(tensors, "model.", model)?;
        for (name, moment) in &state.models {
            parameters::append(tensors, &format!("{name}."), &**moment)?;
        }
        best.map_or(Ok(()), |best| parameters::append(tensors, "best.", &best.model))
    };
    append(&mut tensors).map_err(|kind| kind.at(path))?;
    let row = |e: &Epoch<V>| {
        let [train, valid] = [e.train, e.valid].map(|s| [s.loss, s.metric.to_number()]);
        [train[0], train[1], valid[0], valid[1], e.samples as f64]
    };
    let (rows, seconds) = (progress.history.iter().flat_map(row), record.seconds.iter().copied());
    tensors.push(("history".to_owned(), Tensor::new(vec![progress.history.len(), COLUMNS], rows)));
    tensors.push(("seconds".to_owned(), Tensor::new(vec![record.seconds.len()], seconds)));
    let Partial { steps: done, loss, metric, samples } = progress.partial;
    let description = Description {
        checkpoint: VERSION,
        settings: record.settings.clone(),
        data: record.data.clone(),
        seed: record.seed,
        optimizer: options,
        numbers: state.numbers.into_iter().map(|(name, n)| (name.to_owned(), *n)).collect(),
        steps,
        partial: (done, loss, metric, samples),
        best: best.map(|best| (best.epoch, best.loss)),
    };
    let description = serde_json::to_string(&description).expect("texts and numbers");
    write(path, tensors, Some(description))
}

/// The checkpoint of a run, read from a file.
#[derive(Debug)]
pub struct Checkpoint {
    /// What the caller has written into it.
    pub record: Record,
    file: Tensors,
    description: Description,
}

impl Checkpoint {
    /// Reads a file that [`save_checkpoint`] has written.
    ///
    /// # Errors
    /// It cannot be read, is no safetensors file or damaged, or no checkpoint.
    pub fn open(path: impl AsRef<Path>) -> Result<Checkpoint, Error> {
        let path = path.as_ref();
        let file = Tensors::open(path)?;
        Checkpoint::from_tensors(file).map_err(|kind| kind.at(path))
    }

    fn from_tensors(file: Tensors) -> Result<Checkpoint, ErrorKind> {
        let content = |reason: String| ErrorKind::Content(reason);
        let none = "expected the checkpoint of a run, found a model or other tensors";
        let text = file.metadata.as_ref().ok_or_else(|| content(none.to_owned()))?;
        #[derive(Deserialize)]
        struct Version {
            checkpoint: Option<u32>,
        }
        let damaged = |error: serde_json::Error| {
            content(format!(
                "expected the checkpoint of a run, found one that cannot be read ({error})"
            ))
        };
        match serde_json::from_str(text).map_err(damaged)? {
            Version { checkpoint: Some(VERSION) } => {}
            Version { checkpoint: None } => return Err(content(none.to_owned())),
            Version { checkpoint: Some(other) } => {
                return Err(content(format!(
                    "expected a checkpoint of version {VERSION}, found {other}; go on with the version of longhand that wrote it"
                )));
            }
        }
        let description: Description = serde_json::from_str(text).map_err(damaged)?;
        let seconds = file.shape("seconds").and_then(|shape| shape.first().copied()).unwrap_or(0);
        file.check::<f64>("seconds", &[seconds])?;
        let epochs = file.shape("history").and_then(|shape| shape.first().copied()).unwrap_or(0);
        file.check::<f64>("history", &[epochs, COLUMNS])?;
        let record = Record {
            settings: description.settings.clone(),
            data: description.data.clone(),
            seed: description.seed,
            seconds: file.values("seconds").collect(),
        };
        Ok(Checkpoint { record, file, description })
    }

    /// Gives model and optimizer, and an early stop if there is one, what they were, and says how far
    /// the run had come. The optimizer must have been made with the same options.
    ///
    /// # Errors
    /// The checkpoint is of a model of other widths, or of an optimizer with other options, or lacks
    /// something. Nothing is changed then.
    pub fn restore<F: Stored, M: Parameters<F>, V: Measured>(
        &self,
        model: &mut M,
        optimizer: &mut impl Resumable<F, M>,
        stopping: Option<&mut EarlyStopping<M>>,
    ) -> Result<Progress<V>, Error> {
        self.check(model, optimizer, stopping.is_some())
            .map_err(|kind| kind.at(&self.file.path))?;
        let (file, Description { numbers, steps, partial, best, .. }) =
            (&self.file, &self.description);
        parameters::fill(file, "model.", model);
        let OptimizerState { models, numbers: own } = optimizer.state();
        for (name, moment) in models {
            parameters::fill(file, &format!("{name}."), moment);
        }
        for (name, number) in own {
            *number = numbers[name];
        }
        optimizer.set_steps(*steps);
        model.set_step(*steps);
        if let Some(stopping) = stopping {
            stopping.best = best.map(|(epoch, loss)| {
                let mut best = Best { epoch, loss, model: model.clone() };
                parameters::fill(file, "best.", &mut best.model);
                best
            });
        }
        let rows: Vec<f64> = file.values("history").collect();
        let history = rows.chunks_exact(COLUMNS).enumerate().map(|(epoch, row)| {
            let score = |at: usize| Score { loss: row[at], metric: V::from_number(row[at + 1]) };
            Epoch { epoch, train: score(0), valid: score(2), samples: row[4] as usize }
        });
        let (steps, loss, metric, samples) = *partial;
        let partial = Partial { steps, loss, metric, samples };
        Ok(Progress { history: history.collect(), partial })
    }

    fn check<F: Stored, M: Parameters<F>>(
        &self,
        model: &M,
        optimizer: &mut impl Resumable<F, M>,
        stops: bool,
    ) -> Result<(), ErrorKind> {
        let (file, description) = (&self.file, &self.description);
        let options = optimizer.options();
        if options != description.optimizer {
            let found = &description.optimizer;
            return Err(ErrorKind::Content(format!(
                "expected the checkpoint of {options}, found one of {found}"
            )));
        }
        let mut names = parameters::check(file, "model.", model)?;
        let OptimizerState { models, numbers } = optimizer.state();
        for (name, moment) in models {
            names.append(&mut parameters::check(file, &format!("{name}."), &*moment)?);
        }
        for (name, _) in numbers {
            let possible = |number: &f64| number.is_finite() && *number >= 0.0;
            if !description.numbers.get(name).is_some_and(possible) {
                return Err(ErrorKind::Content(format!(
                    "expected the optimizer's {name}, 0 or more, found none"
                )));
            }
        }
        let epochs = file.shape("history").map_or(0, |shape| shape[0]);
        match (stops, description.best) {
            (false, Some(_)) => {
                let reason = "expected a run without early stopping, found one with it";
                return Err(ErrorKind::Content(reason.to_owned()));
            }
            (true, Some((best, _))) if best >= epochs => {
                let reason = format!("expected the best of {epochs} epochs, found epoch {best}");
                return Err(ErrorKind::Content(reason));
            }
            (true, Some(_)) => names.append(&mut parameters::check(file, "best.", model)?),
            (_, None) => {}
        }
        if description.steps > MOST_STEPS || !description.partial.1.is_finite() {
            let reason = format!("expected the steps of a run, found {}", description.steps);
            return Err(ErrorKind::Content(reason));
        }
        names.extend(["history", "seconds"].map(str::to_owned));
        file.check_no_more("", &names)
    }
}
