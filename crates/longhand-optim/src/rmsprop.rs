use longhand_tensor::{Float, Parameters};

use crate::optimizer::{expect_below_1, expect_not_negative, formula, steps_and_learning_rate};
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

/// The options as numbers of one type, and the parts of the formula.
#[derive(Clone, Copy)]
struct Rule<F> {
    eta: F,
    alpha: F,
    fresh: F,
    epsilon: F,
    mu: F,
    lambda: F,
}

impl<F: Float> Rule<F> {
    fn new(options: RmsProp) -> Rule<F> {
        let RmsProp { learning_rate, alpha, epsilon, momentum, weight_decay, .. } = options;
        let [eta, alpha, fresh, epsilon, mu, lambda] =
            [learning_rate, alpha, 1.0 - alpha, epsilon, momentum, weight_decay].map(F::from_f64);
        Rule { eta, alpha, fresh, epsilon, mu, lambda }
    }

    /// d = g + λ·θ
    #[inline(always)]
    fn decayed(self, g: F, p: F) -> F {
        g + self.lambda * p
    }

    /// v ← α·v + (1 − α)·d²
    #[inline(always)]
    fn square(self, v: F, d: F) -> F {
        self.alpha * v + self.fresh * d * d
    }

    /// a ← α·a + (1 − α)·d
    #[inline(always)]
    fn mean(self, a: F, d: F) -> F {
        self.alpha * a + self.fresh * d
    }

    /// s = d / (√v + ε)
    #[inline(always)]
    fn scaled(self, d: F, v: F) -> F {
        d / (v.sqrt() + self.epsilon)
    }

    /// b ← μ·b + s
    #[inline(always)]
    fn smoothed(self, b: F, s: F) -> F {
        self.mu * b + s
    }
}

formula! {
    fn moved<F>(options: RmsProp) -> [2] of [1] {
        let rule = Rule::new(options);
        move |[p, v], [g]| {
            let d = rule.decayed(g, p);
            let v = rule.square(v, d);
            [p - rule.eta * rule.scaled(d, v), v] // θ ← θ − η·s
        }
    }
}

formula! {
    /// With momentum.
    fn moved_smoothly<F>(options: RmsProp) -> [3] of [1] {
        let rule = Rule::new(options);
        move |[p, v, b], [g]| {
            let d = rule.decayed(g, p);
            let v = rule.square(v, d);
            let b = rule.smoothed(b, rule.scaled(d, v));
            [p - rule.eta * b, v, b] // θ ← θ − η·b
        }
    }
}

formula! {
    /// Centred: with v − a² in place of v.
    fn moved_centred<F>(options: RmsProp) -> [3] of [1] {
        let rule = Rule::new(options);
        move |[p, v, a], [g]| {
            let d = rule.decayed(g, p);
            let (v, a) = (rule.square(v, d), rule.mean(a, d));
            [p - rule.eta * rule.scaled(d, v - a * a), v, a]
        }
    }
}

formula! {
    /// Both.
    fn moved_centred_smoothly<F>(options: RmsProp) -> [4] of [1] {
        let rule = Rule::new(options);
        move |[p, v, a, b], [g]| {
            let d = rule.decayed(g, p);
            let (v, a) = (rule.square(v, d), rule.mean(a, d));
            let b = rule.smoothed(b, rule.scaled(d, v - a * a));
            [p - rule.eta * b, v, a, b]
        }
    }
}

impl<F: Float, M: Parameters<F>> Optimizer<F, M> for RmsPropState<M> {
    #[track_caller]
    fn update(&mut self, model: &mut M, grad: &M) {
        let (options, squares) = (self.options, &mut self.square);
        match (&mut self.mean, &mut self.buffer) {
            (None, None) => {
                M::zip([model, squares], [grad], &mut |pv, g| moved(pv, g, options));
            }
            (None, Some(buffer)) => M::zip([model, squares, buffer], [grad], &mut |pvb, g| {
                moved_smoothly(pvb, g, options);
            }),
            (Some(means), None) => M::zip([model, squares, means], [grad], &mut |pva, g| {
                moved_centred(pva, g, options);
            }),
            (Some(means), Some(buffer)) => {
                M::zip([model, squares, means, buffer], [grad], &mut |pvab, g| {
                    moved_centred_smoothly(pvab, g, options);
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
