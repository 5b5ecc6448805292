use longhand_tensor::{Float, Parameters};

use crate::optimizer::{expect_below_1, expect_not_negative, steps_and_learning_rate};
use crate::{Optimizer, OptimizerState, Resumable};

/// RMSprop: steps divided by the root of a running mean of the squared gradient, as
/// `torch.optim.RMSprop`.
///
/// With gradient `g`, parameters `θ`, learning rate `η`, decay rate `α`, momentum `μ`, weight decay
/// `λ`:
///
/// ```text
/// d = g + λ·θ
/// v ← α·v + (1 − α)·d²
/// s = d / (√v + ε)             centred: v − a² instead of v, with a ← α·a + (1 − α)·d
/// b ← μ·b + s                  with momentum
/// θ ← θ − η·b                  without momentum: θ − η·s
/// ```
///
/// Sources: T. Tieleman, G. Hinton, *Neural Networks for Machine Learning*, lecture 6.5, 2012;
/// centred: A. Graves, *Generating Sequences With Recurrent Neural Networks*, 2013, section 4.2.
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
    ///
    /// # Panics
    /// The decay rate or the momentum is not in `0..1`, or the learning rate, the weight decay or
    /// epsilon is negative or not finite.
    #[track_caller]
    pub fn init<F: Float, M: Parameters<F>>(self, model: &M) -> RmsPropState<M> {
        expect_not_negative("RmsProp: learning_rate", self.learning_rate);
        expect_not_negative("RmsProp: epsilon", self.epsilon);
        expect_not_negative("RmsProp: weight_decay", self.weight_decay);
        expect_below_1("RmsProp: momentum", self.momentum);
        assert!(
            (0.0..=1.0).contains(&self.alpha),
            "RmsProp: alpha is {}, expected 0 to 1",
            self.alpha
        );
        let mean = self.centered.then(|| model.zeros_like());
        let buffer = (self.momentum != 0.0).then(|| model.zeros_like());
        RmsPropState { options: self, square: model.zeros_like(), mean, buffer, steps: 0 }
    }
}

/// [`RmsProp`] for one model, with all that a run needs to be taken up again.
#[derive(Clone, Debug, PartialEq)]
pub struct RmsPropState<M> {
    /// The options, learning rate included.
    options: RmsProp,
    /// The mean square `v`.
    pub square: M,
    /// The mean `a`, where centred.
    pub mean: Option<M>,
    /// The momentum's buffer `b`, where there is momentum.
    pub buffer: Option<M>,
    /// Number of steps made.
    pub steps: u64,
}

impl<M> RmsPropState<M> {
    /// The options. The learning rate is changed by [`Optimizer::set_learning_rate`], the others
    /// are those of [`RmsProp::init`].
    pub fn options(&self) -> &RmsProp {
        &self.options
    }
}

impl<F: Float, M: Parameters<F>> Optimizer<F, M> for RmsPropState<M> {
    #[track_caller]
    fn update(&mut self, model: &mut M, grad: &M) {
        let RmsProp { learning_rate, alpha, epsilon, momentum, weight_decay, .. } = self.options;
        let [eta, fresh, alpha, epsilon, mu, lambda] =
            [learning_rate, 1.0 - alpha, alpha, epsilon, momentum, weight_decay].map(F::from_f64);
        let decayed = move |g: F, p: F| g + lambda * p; // d = g + λ·θ
        let square = move |v: F, d: F| alpha * v + fresh * d * d; // v ← α·v + (1 − α)·d²
        let mean = move |a: F, d: F| alpha * a + fresh * d; // a ← α·a + (1 − α)·d
        let scaled = move |d: F, v: F| d / (v.sqrt() + epsilon); // s = d / (√v + ε)
        let smoothed = move |b: F, s: F| mu * b + s; // b ← μ·b + s
        let squares = &mut self.square;
        match (&mut self.mean, &mut self.buffer) {
            (None, None) => M::each([model, squares], [grad], move |[p, v], [g]| {
                let d = decayed(g, p);
                let v = square(v, d);
                [p - eta * scaled(d, v), v] // θ ← θ − η·s
            }),
            (None, Some(buffer)) => {
                M::each([model, squares, buffer], [grad], move |[p, v, b], [g]| {
                    let d = decayed(g, p);
                    let v = square(v, d);
                    let b = smoothed(b, scaled(d, v));
                    [p - eta * b, v, b] // θ ← θ − η·b
                })
            }
            (Some(means), None) => {
                M::each([model, squares, means], [grad], move |[p, v, a], [g]| {
                    let d = decayed(g, p);
                    let (v, a) = (square(v, d), mean(a, d));
                    [p - eta * scaled(d, v - a * a), v, a]
                })
            }
            (Some(means), Some(buffer)) => {
                M::each([model, squares, means, buffer], [grad], move |[p, v, a, b], [g]| {
                    let d = decayed(g, p);
                    let (v, a) = (square(v, d), mean(a, d));
                    let b = smoothed(b, scaled(d, v - a * a));
                    [p - eta * b, v, a, b]
                });
            }
        }
    }

    steps_and_learning_rate!();
}

impl<F: Float, M: Parameters<F>> Resumable<F, M> for RmsPropState<M> {
    fn options(&self) -> String {
        format!("{:?}", RmsProp { learning_rate: 0.0, ..self.options })
    }

    fn state(&mut self) -> OptimizerState<'_, M> {
        let mean = self.mean.iter_mut().map(|mean| ("mean", mean));
        let buffer = self.buffer.iter_mut().map(|buffer| ("buffer", buffer));
        let models = [("square", &mut self.square)].into_iter().chain(mean).chain(buffer).collect();
        let numbers = vec![("learning_rate", &mut self.options.learning_rate)];
        OptimizerState { models, numbers }
    }
}
