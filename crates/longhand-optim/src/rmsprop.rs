use longhand_tensor::{Float, Parameters};

use crate::Optimizer;
use crate::optimizer::expect_same;

/// RMSprop: steps divided by the root of a running mean of the squared gradient, as `torch.optim.RMSprop`.
///
/// With gradient `g`, parameters `θ`, learning rate `η`, decay rate `α`, momentum `μ`, weight decay `λ`:
///
/// ```text
/// d = g + λ·θ
/// v ← α·v + (1 − α)·d²
/// s = d / (√v + ε)             centred: v − a² in place of v, with a ← α·a + (1 − α)·d
/// b ← μ·b + s                  with momentum
/// θ ← θ − η·b                  without momentum: θ − η·s
/// ```
///
/// Sources: T. Tieleman, G. Hinton, *Neural Networks for Machine Learning*, lecture 6.5, 2012; centred: A. Graves,
/// *Generating Sequences With Recurrent Neural Networks*, 2013, section 4.2.
///
/// ```
/// use longhand_layers::{Linear, ndarray::array};
/// use longhand_optim::{Optimizer, RmsProp};
///
/// let mut model = Linear::from_arrays(array![[1.0]], None);
/// let grad = Linear::from_arrays(array![[3.0]], None);
/// // v = (1 − 0.75)·3² and √v = 1.5, so s = 3 / 1.5 = 2.
/// let options = RmsProp { learning_rate: 0.25, alpha: 0.75, epsilon: 0.0, ..RmsProp::default() };
/// let mut rmsprop = options.init(&model);
/// rmsprop.step(&mut model, &grad);
/// assert_eq!(model.weight(), array![[1.0 - 0.25 * 2.0]]);
/// assert_eq!((rmsprop.steps, rmsprop.square.weight()[[0, 0]]), (1, 2.25));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// The learning rate `η`; 0.01 by default.
    pub learning_rate: f64,
    /// The decay rate `α`; 0.99 by default.
    pub alpha: f64,
    /// What keeps the denominator from zero: `ε`, 1e-8 by default.
    pub epsilon: f64,
    /// The momentum `μ`; 0 by default.
    pub momentum: f64,
    /// Divide by the root of the variance instead of the mean square; off by default.
    pub centered: bool,
    /// The weight decay `λ`, as a part of the gradient; 0 by default.
    pub weight_decay: f64,
}

impl Default for RmsProp {
    fn default() -> RmsProp {
        let (learning_rate, alpha, epsilon) = (0.01, 0.99, 1e-8);
        RmsProp { learning_rate, alpha, epsilon, momentum: 0.0, centered: false, weight_decay: 0.0 }
    }
}

impl RmsProp {
    /// The optimizer for a model.
    pub fn init<F: Float, M: Parameters<F>>(self, model: &M) -> RmsPropState<M> {
        let mean = self.centered.then(|| model.zeros_like());
        let buffer = (self.momentum != 0.0).then(|| model.zeros_like());
        RmsPropState { options: self, square: model.zeros_like(), mean, buffer, steps: 0 }
    }
}

/// [`RmsProp`] for one model, with all that a run needs to be taken up again.
#[derive(Clone, Debug, PartialEq)]
pub struct RmsPropState<M> {
    /// The options, learning rate included.
    pub options: RmsProp,
    /// The mean square `v`.
    pub square: M,
    /// The mean `a`, where centred.
    pub mean: Option<M>,
    /// The momentum's buffer `b`, where there is momentum.
    pub buffer: Option<M>,
    /// Number of steps made.
    pub steps: u64,
}

impl<F: Float, M: Parameters<F>> Optimizer<F, M> for RmsPropState<M> {
    fn step(&mut self, model: &mut M, grad: &M) {
        expect_same("RmsProp", "the gradient", model, grad);
        expect_same("RmsProp", "the mean square", model, &self.square);
        let RmsProp { learning_rate, alpha, epsilon, momentum, weight_decay, .. } = self.options;
        let [eta, fresh, alpha, epsilon, mu, lambda] =
            [learning_rate, 1.0 - alpha, alpha, epsilon, momentum, weight_decay].map(F::from_f64);
        let mut means = self.mean.as_mut().map(|m| m.params_mut().into_iter());
        let mut buffers = self.buffer.as_mut().map(|b| b.params_mut().into_iter());
        let squares = self.square.params_mut();
        for ((params, grads), square) in
            model.params_mut().into_iter().zip(grad.params()).zip(squares)
        {
            let mut mean = means.as_mut().and_then(Iterator::next);
            let mut buffer = buffers.as_mut().and_then(Iterator::next);
            for i in 0..params.len() {
                let d = grads[i] + lambda * params[i]; // d = g + λ·θ
                square[i] = alpha * square[i] + fresh * d * d; // v ← α·v + (1 − α)·d²
                let mut v = square[i];
                if let Some(a) = &mut mean {
                    a[i] = alpha * a[i] + fresh * d; // a ← α·a + (1 − α)·d
                    v -= a[i] * a[i];
                }
                let mut s = d / (v.sqrt() + epsilon);
                if let Some(b) = &mut buffer {
                    b[i] = mu * b[i] + s; // b ← μ·b + s
                    s = b[i];
                }
                params[i] -= eta * s; // θ ← θ − η·s
            }
        }
        self.steps += 1;
        model.set_step(self.steps);
    }

    fn learning_rate(&self) -> f64 {
        self.options.learning_rate
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.options.learning_rate = learning_rate;
    }
}
