//! The training loop: epochs over shuffled batches, the same for every model, loss and optimizer.
//!
//! [`Training::run`] is the loop; it fits on one screen and is meant to be read. It knows no file, no plot and no terminal:
//! an [`Observer`] is told what happens.
//!
//! ```
//! use longhand_layers::{Linear, SoftmaxCrossEntropy, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
//! use longhand_optim::Sgd;
//! use longhand_train::{Samples, Training, argmax, evaluate};
//! use ndarray::array;
//!
//! // Which of two numbers is the larger?
//! let train = Samples::new(array![[0., 1.], [2., 1.], [0., 3.], [3., 2.]], vec![1, 0, 1, 0]);
//! let valid = Samples::new(array![[0., 2.], [5., 1.]], vec![1, 0]);
//!
//! let mut model = Linear::<f64>::new(2, 2, &mut Xoshiro256PlusPlus::seed_from_u64(1));
//! let training = Training { loss: SoftmaxCrossEntropy::default(), answer: argmax, epochs: 50, batch_size: 2, seed: 1 };
//! let mut sgd = Sgd { learning_rate: 0.5, ..Sgd::default() }.init(&model);
//! let history = training.run(&mut model, &mut sgd, &train, &valid, &mut ())?;
//!
//! assert_eq!(history.len(), 51); // row 0 is before training
//! assert_eq!(history[50].valid.accuracy, 1.0);
//! assert_eq!(evaluate(&model, &training.loss, argmax, &valid), history[50].valid);
//! # Ok::<(), longhand_train::Diverged>(())
//! ```

mod data;
mod observer;
mod training;

pub use data::{Data, Samples};
pub use longhand_mnist::Batch;
pub use longhand_tensor::argmax;
pub use observer::{Epoch, Observer, Score, Step};
pub use training::{Diverged, Training, evaluate};
