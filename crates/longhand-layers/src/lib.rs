//! Neural network layers and losses whose forward and backward passes are written out by hand.
//!
//! A [`Layer`]'s `forward` returns its output and a cache, and `backward` consumes that cache:
//! calling it first, or twice, does not compile. Layers are joined by [`Layer::then`]. A gradient
//! is a value of the model's own type. The whole of training is:
//!
//! ```
//! use longhand_layers::ndarray::array;
//! use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
//! use longhand_layers::{Layer, Linear, Loss, Parameters, Relu, SoftmaxCrossEntropy};
//!
//! // Exclusive or, which no single linear layer can learn.
//! let x = array![[0., 0.], [0., 1.], [1., 0.], [1., 1.]];
//! let labels = [0, 1, 1, 0];
//!
//! let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
//! let mut model = Linear::<f64>::new(2, 8, rng).then(Relu).then(Linear::new(8, 2, rng));
//! let mut grad = model.zeros_like();
//! for _ in 0..500 {
//!     let (logits, cache) = model.forward(x.clone());
//!     let (_loss, dlogits) = SoftmaxCrossEntropy.loss_and_grad(logits, &labels);
//!     grad.set_zero();
//!     model.backward_params(cache, dlogits, &mut grad);
//!     model.add_scaled(-0.5, &grad); // what longhand_optim::Sgd does
//! }
//! assert!(SoftmaxCrossEntropy.loss(&model.infer(&x), &labels) < 0.01);
//! ```
//!
//! # Layers chosen at run time
//!
//! A `Vec` of layers is a layer, and so is an `Option` of one. An [`Activation`] is read from a word
//! such as `tanh`. For other lists of layers of different types, [`one_of!`] writes an enum of them.
//!
//! # Conventions
//!
//! Inside the layers `x, y` are input and output, and `dfoo` is the gradient of the loss with
//! respect to `foo`. A batch has one sample per row. A wrong shape is a bug in the calling program
//! and panics with the layer and both shapes.

mod activation;
mod binary_cross_entropy;
mod chain;
mod containers;
mod dropout;
mod elementwise;
mod gelu;
pub mod gradcheck;
pub mod init;
mod layer;
mod layer_norm;
mod leaky_relu;
mod linear;
mod loss;
mod mean_squared_error;
mod mlp;
mod one_of;
mod relu;
mod shape;
mod sigmoid;
mod softmax;
mod softmax_cross_entropy;
mod tanh;
mod weighted_cross_entropy;

pub use activation::{Activation, ActivationCache, UnknownActivation};
pub use binary_cross_entropy::BinaryCrossEntropyWithLogits;
pub use chain::Chain;
pub use dropout::Dropout;
pub use gelu::Gelu;
pub use layer::{Layer, Saved};
pub use layer_norm::LayerNorm;
pub use leaky_relu::LeakyRelu;
pub use linear::Linear;
pub use longhand_tensor::{
    Float, NamedParam, Numbers, Parameters, StepCounter, Visit, Walk, argmax, parameters,
};
pub use loss::Loss;
pub use mean_squared_error::MeanSquaredError;
pub use mlp::{Mlp, mlp, mlp_with};
pub use ndarray;
pub use rand;
pub use relu::Relu;
pub use sigmoid::Sigmoid;
pub use softmax::{log_softmax, softmax};
pub use softmax_cross_entropy::SoftmaxCrossEntropy;
pub use tanh::Tanh;
pub use weighted_cross_entropy::WeightedSoftmaxCrossEntropy;

/// The program of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
