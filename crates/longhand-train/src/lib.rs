//! The training loop: epochs over shuffled batches, the same for every model, loss, metric,
//! optimizer and kind of target.
//!
//! [`Training::run`] is the loop; it fits on one screen and is meant to be read. It knows no file,
//! no plot, no terminal and no clock: an [`Observer`] is told what happens.
//!
//! ```
//! use longhand_layers::{Linear, SoftmaxCrossEntropy, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
//! use longhand_optim::Sgd;
//! use longhand_train::{Accuracy, Diverged, Samples, Training, evaluate};
//! use ndarray::array;
//!
//! // Which of two numbers is the larger?
//! let train = Samples::new(array![[0., 1.], [2., 1.], [0., 3.], [3., 2.]], vec![1, 0, 1, 0]);
//! let valid = Samples::new(array![[0., 2.], [5., 1.]], vec![1, 0]);
//!
//! let mut model = Linear::<f64>::new(2, 2, &mut Xoshiro256PlusPlus::seed_from_u64(1));
//! let mut sgd = Sgd { learning_rate: 0.5, ..Sgd::default() }.init(&model);
//! let training = Training { loss: SoftmaxCrossEntropy, metric: Accuracy, epochs: 50, batch_size: 2, seed: 1 };
//! let history = training.run(&mut model, &mut sgd, &train, &valid, &mut ())?;
//!
//! assert_eq!(history.len(), 51); // row 0 is before training
//! assert_eq!(history[50].valid.metric, 1.0);
//! assert_eq!(evaluate(&model, &training.loss, &training.metric, &valid), history[50].valid);
//! # Ok::<(), Diverged<f64>>(())
//! ```
//!
//! # Losses and targets
//!
//! | targets of the samples | loss | metric |
//! |---|---|---|
//! | class labels, `Vec<usize>` | `SoftmaxCrossEntropy`, `WeightedSoftmaxCrossEntropy` | [`Accuracy`] |
//! | numbers, `Array2` | `MeanSquaredError` | [`RootMeanSquaredError`] |
//! | yes or no, `Array2` of 1 and 0 | `BinaryCrossEntropyWithLogits` | [`BinaryAccuracy`] |
//! | any, `Vec<T>` | a loss of your own whose target is `[T]` | `()` for none, or one of your own |
//!
//! ```
//! use longhand_layers::{BinaryCrossEntropyWithLogits, mlp, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
//! use longhand_optim::Adam;
//! use longhand_train::{BinaryAccuracy, Diverged, Samples, Training};
//! use ndarray::array;
//!
//! // Exclusive or, with one output: yes or no.
//! let xor = Samples::new(array![[0., 0.], [0., 1.], [1., 0.], [1., 1.]], array![[0.], [1.], [1.], [0.]]);
//! let mut model = mlp::<f64>(&[2, 8, 1], &mut Xoshiro256PlusPlus::seed_from_u64(1));
//! let mut adam = Adam { learning_rate: 0.05, ..Adam::default() }.init(&model);
//! let (loss, metric) = (BinaryCrossEntropyWithLogits, BinaryAccuracy);
//! let training = Training { loss, metric, epochs: 200, batch_size: 4, seed: 1 };
//! let history = training.run(&mut model, &mut adam, &xor, &xor, &mut ())?;
//! assert_eq!(history[200].valid.metric, 1.0);
//! # Ok::<(), Diverged<f64>>(())
//! ```

mod diverged;
mod early_stopping;
mod metric;
mod observer;
mod progress;
mod training;

pub use diverged::{Diverged, Set};
pub use early_stopping::{Best, EarlyStopping};
pub use longhand_data::{Batch, Data, Samples, shuffled};
pub use metric::{Accuracy, AsTarget, BinaryAccuracy, Metric, RootMeanSquaredError, argmax};
pub use observer::{Epoch, Flow, Observer, Score, Step};
pub use progress::{Partial, Progress};
pub use training::{Stopped, Training, blew_up, evaluate};

/// The program of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
