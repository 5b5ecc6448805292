//! Optimizers. They see the flat slices of [`Parameters`], and neither shapes nor layers.
//!
//! ```
//! use longhand_optim::{Optimizer, Sgd};
//! # #[derive(Clone)]
//! # struct Model([f32; 2]);
//! # impl longhand_tensor::Parameters<f32> for Model {
//! #     fn params(&self) -> Vec<&[f32]> { vec![&self.0] }
//! #     fn params_mut(&mut self) -> Vec<&mut [f32]> { vec![&mut self.0] }
//! #     fn zeros_like(&self) -> Model { Model([0.; 2]) }
//! # }
//! // `Model` stands for any type that implements `Parameters`.
//! let (mut model, grad) = (Model([1.0, 2.0]), Model([0.5, -0.5]));
//! Sgd { learning_rate: 0.5 }.step(&mut model, &grad);
//! assert_eq!(model.0, [0.75, 2.25]);
//! ```

use longhand_tensor::{Float, Parameters};

/// A rule that moves a model against its gradient.
pub trait Optimizer<F: Float, M: Parameters<F>> {
    /// Moves the model one step.
    ///
    /// # Panics
    /// Model and gradient have different parameters.
    fn step(&mut self, model: &mut M, grad: &M);
}

/// Stochastic gradient descent: `θ ← θ − η·dθ`.
///
/// Source: H. Robbins, S. Monro, *A Stochastic Approximation Method*, 1951; as `torch.optim.SGD` without momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd<F> {
    /// The step size `η`.
    pub learning_rate: F,
}

impl<F: Float, M: Parameters<F>> Optimizer<F, M> for Sgd<F> {
    fn step(&mut self, model: &mut M, grad: &M) {
        let (params, grads) = (model.params_mut(), grad.params());
        assert_eq!(params.len(), grads.len(), "Sgd: the gradient has another number of parameters");
        for (param, dparam) in params.into_iter().zip(grads) {
            assert_eq!(param.len(), dparam.len(), "Sgd: a gradient has another length");
            for (p, &dp) in param.iter_mut().zip(dparam) {
                *p -= self.learning_rate * dp;
            }
        }
    }
}
