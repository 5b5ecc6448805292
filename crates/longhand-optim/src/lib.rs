//! Optimizers, gradient clipping and learning-rate schedules. They see the numbers of
//! [`Parameters`](longhand_tensor::Parameters), and neither shapes nor layers.
//!
//! An optimizer's options are a plain struct with defaults; [`init`](Sgd::init) gives it its state
//! for a model. Velocities and moments are values of the model's own type.
//!
//! ```
//! use longhand_layers::{Layer, Linear, Loss, MeanSquaredError, Parameters, ndarray::array};
//! use longhand_optim::{Optimizer, Sgd};
//!
//! // y = 2·x, learned from two points.
//! let (x, target) = (array![[1.0f64], [2.0]], array![[2.0], [4.0]]);
//! let mut model = Linear::from_arrays(array![[0.0]], None);
//! let mut grad = model.zeros_like();
//! let mut sgd = Sgd { learning_rate: 0.1, momentum: 0.5, ..Sgd::default() }.init(&model);
//! for _ in 0..100 {
//!     let (y, cache) = model.forward(x.clone());
//!     let (_loss, dy) = MeanSquaredError.loss_and_grad(y, &target);
//!     grad.set_zero();
//!     model.backward_params(cache, dy, &mut grad);
//!     sgd.step(&mut model, &grad);
//! }
//! assert!((model.weight()[[0, 0]] - 2.0).abs() < 1e-9);
//! ```

mod adam;
mod clip;
mod optimizer;
mod rmsprop;
mod schedule;
mod sgd;

pub use adam::{Adam, AdamState, AdamW};
pub use clip::{Clipped, clip_global_norm};
pub use optimizer::{Optimizer, OptimizerState, Resumable};
pub use rmsprop::{RmsProp, RmsPropState};
pub use schedule::{Schedule, Scheduled};
pub use sgd::{Sgd, SgdState};

/// The program of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
