use longhand_tensor::{Float, Parameters};

use crate::optimizer::{expect_below_1, expect_not_negative, formula, steps_and_learning_rate};
use crate::{Optimizer, OptimizerState, Resumable};

/// Stochastic gradient descent, with momentum, Nesterov momentum and weight decay, as
/// `torch.optim.SGD`.
///
/// With gradient `g`, parameters `θ`, learning rate `η`, momentum `μ`, dampening `τ` and weight
/// decay `λ`:
///
/// ```text
/// d = g + λ·θ                  L2 weight decay: λ/2·‖θ‖² added to the loss
/// v ← μ·v + (1 − τ)·d          velocity; v = d in the first step
/// θ ← θ − η·v                  Nesterov: θ − η·(d + μ·v)        without momentum: θ − η·d
/// ```
///
/// Sources: H. Robbins, S. Monro, 1951; B. Polyak, 1964 (momentum); I. Sutskever et al., *On the
/// importance of initialization and momentum in deep learning*, 2013 (Nesterov momentum in this
/// form).
///
/// ```
/// use longhand_layers::{Linear, ndarray::array};
/// use longhand_optim::{Optimizer, Sgd};
///
/// let mut model = Linear::from_arrays(array![[8.0]], None);
/// let grad = Linear::from_arrays(array![[1.0]], None);
/// let mut sgd = Sgd { learning_rate: 1.0, momentum: 0.5, ..Sgd::default() }.init(&model);
/// sgd.step(&mut model, &grad); // v = 1
/// sgd.step(&mut model, &grad); // v = 1.5
/// assert_eq!(model.weight(), array![[8.0 - 1.0 - 1.5]]);
/// // The state is plain to see: to take a run up again, keep it with the model.
/// assert_eq!((sgd.steps, sgd.velocity.unwrap().weight()[[0, 0]]), (2, 1.5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// The learning rate `η`; 1e-3 by default.
    pub learning_rate: f64,
    /// The momentum `μ`; 0 by default.
    pub momentum: f64,
    /// The dampening `τ` of the momentum; 0 by default.
    pub dampening: f64,
    /// Nesterov momentum; off by default.
    pub nesterov: bool,
    /// The weight decay `λ`; 0 by default.
    pub weight_decay: f64,
}

impl Default for Sgd {
    fn default() -> Sgd {
        Sgd {
            learning_rate: 1e-3,
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
            weight_decay: 0.0,
        }
    }
}

impl Sgd {
    /// The optimizer for a model. There is a velocity only where there is momentum.
    ///
    /// # Panics
    /// The learning rate or the weight decay is negative or not finite, the momentum or the
    /// dampening is not in `0..1`, or there is Nesterov momentum without momentum or with
    /// dampening.
    #[track_caller]
    pub fn init<F: Float, M: Parameters<F>>(self, model: &M) -> SgdState<M> {
        expect_not_negative("Sgd: learning_rate", self.learning_rate);
        expect_not_negative("Sgd: weight_decay", self.weight_decay);
        expect_below_1("Sgd: momentum", self.momentum);
        assert!(
            (0.0..=1.0).contains(&self.dampening),
            "Sgd: dampening is {}, expected 0 to 1",
            self.dampening
        );
        assert!(
            !self.nesterov || (self.momentum > 0.0 && self.dampening == 0.0),
            "Sgd: nesterov with momentum {} and dampening {}, expected momentum above 0 and no dampening",
            self.momentum,
            self.dampening
        );
        let velocity = (self.momentum != 0.0).then(|| model.zeros_like());
        SgdState { options: self, velocity, steps: 0 }
    }
}

/// [`Sgd`] for one model, with all that a run needs to be taken up again.
#[derive(Clone, Debug, PartialEq)]
pub struct SgdState<M> {
    /// The options, learning rate included.
    options: Sgd,
    /// The velocity `v`, where there is momentum.
    pub velocity: Option<M>,
    /// Number of steps made.
    pub steps: u64,
}

impl<M> SgdState<M> {
    /// The options. The learning rate is changed by [`Optimizer::set_learning_rate`], the others
    /// are those of [`Sgd::init`].
    pub fn options(&self) -> &Sgd {
        &self.options
    }
}

/// The options in one step.
#[derive(Clone, Copy)]
struct Now {
    options: Sgd,
    first: bool,
}

formula! {
    /// Without momentum.
    fn decayed<F>(now: Now) -> [1] of [1] {
        let [eta, lambda] = [now.options.learning_rate, now.options.weight_decay].map(F::from_f64);
        move |[p], [g]| {
            let d = g + lambda * p; // d = g + λ·θ
            [p - eta * d] // θ ← θ − η·d
        }
    }
}

formula! {
    /// With momentum.
    fn moved<F>(now: Now) -> [2] of [1] {
        let Sgd { learning_rate, momentum, dampening, nesterov, weight_decay } = now.options;
        let [eta, mu, undamped, lambda] =
            [learning_rate, momentum, 1.0 - dampening, weight_decay].map(F::from_f64);
        move |[p, v], [g]| {
            let d = if lambda == F::zero() { g } else { g + lambda * p }; // d = g + λ·θ
            let v = if now.first { d } else { mu * v + undamped * d }; // v ← μ·v + (1 − τ)·d
            [p - eta * if nesterov { d + mu * v } else { v }, v] // θ ← θ − η·v
        }
    }
}

impl<F: Float, M: Parameters<F>> Optimizer<F, M> for SgdState<M> {
    #[track_caller]
    fn update(&mut self, model: &mut M, grad: &M) {
        let options = Now { options: self.options, first: self.steps == 0 };
        let Sgd { learning_rate, weight_decay, .. } = self.options;
        match &mut self.velocity {
            None if weight_decay == 0.0 => model.add_scaled(F::from_f64(-learning_rate), grad), // θ ← θ − η·g
            None => M::zip([model], [grad], &mut |p, g| decayed(p, g, options)),
            Some(velocity) => M::zip([model, velocity], [grad], &mut |pv, g| moved(pv, g, options)),
        }
    }

    steps_and_learning_rate!();
}

impl<F: Float, M: Parameters<F>> Resumable<F, M> for SgdState<M> {
    fn options(&self) -> String {
        format!("{:?}", Sgd { learning_rate: 0.0, ..self.options })
    }

    fn state(&mut self) -> OptimizerState<'_, M> {
        let models = self.velocity.iter_mut().map(|velocity| ("velocity", velocity)).collect();
        let numbers = vec![("learning_rate", &mut self.options.learning_rate)];
        OptimizerState { models, numbers }
    }
}
