use std::f64::consts::PI;

use longhand_tensor::{Float, Parameters};

use crate::optimizer::expect_not_negative;
use crate::{Optimizer, OptimizerState, Resumable};

/// How the learning rate changes over the steps of a run.
///
/// ```
/// use longhand_optim::Schedule;
///
/// let halved = Schedule::Step { every: 10, factor: 0.5 };
/// assert_eq!(halved.learning_rate(0.1, 0), 0.1);
/// assert_eq!(halved.learning_rate(0.1, 25), 0.025);
///
/// let cosine = Schedule::Cosine { steps: 100, lowest: 0.0 };
/// assert!((cosine.learning_rate(0.1, 50) - 0.05).abs() < 1e-15);
///
/// let warm_up = Schedule::WarmUp { steps: 4, from: 0.0 };
/// assert_eq!([0, 1, 2, 4, 9].map(|step| warm_up.learning_rate(1.0, step)), [0.0, 0.25, 0.5, 1.0, 1.0]);
/// assert_eq!(Schedule::WarmUp { steps: 0, from: 0.0 }.learning_rate(1.0, 0), 1.0);
/// assert_eq!(Schedule::Cosine { steps: 0, lowest: 0.5 }.learning_rate(1.0, 0), 0.5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    /// The learning rate as it is.
    #[default]
    Constant,
    /// Multiplied by `factor` after every `every` steps: `η·factor^⌊t / every⌋`, as `StepLR`.
    Step {
        /// Steps between two changes; 0 counts as 1.
        every: u64,
        /// What the learning rate is multiplied by.
        factor: f64,
    },
    /// Multiplied by `factor` after every step: `η·factorᵗ`, as `ExponentialLR`.
    Exponential {
        /// What the learning rate is multiplied by.
        factor: f64,
    },
    /// Half a cosine from `η` down to `lowest` in `steps` steps, and `lowest` from then on:
    /// `lowest + (η − lowest)·(1 + cos(π·t / steps)) / 2`, as `CosineAnnealingLR`.
    ///
    /// Source: I. Loshchilov, F. Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts*,
    /// 2016, equation 5.
    Cosine {
        /// Steps to the lowest learning rate.
        steps: u64,
        /// The lowest learning rate.
        lowest: f64,
    },
    /// A straight line from `from·η` up to `η` in `steps` steps, and `η` from then on, as
    /// `LinearLR`.
    WarmUp {
        /// Steps to the full learning rate.
        steps: u64,
        /// The share of the learning rate to begin with.
        from: f64,
    },
    /// Up to `η` and down again, each half a cosine: from `η / 25` to `η` in the first 30 % of the
    /// steps, then to `η / 250000`, as `OneCycleLR` with its defaults.
    ///
    /// Source: L. Smith, N. Topin, *Super-Convergence*, 2017.
    OneCycle {
        /// Steps of the whole run; fewer than 2 count as 2.
        steps: u64,
    },
}

impl Schedule {
    /// The learning rate of a step, counted from 0, where the optimizer's own is `base`.
    pub fn learning_rate(self, base: f64, step: u64) -> f64 {
        // Half a cosine from `a` at 0 to `b` at 1.
        let cosine = |a: f64, b: f64, at: f64| b + (a - b) * (1.0 + Float::cos(PI * at)) / 2.0;
        // Of no steps at all, the end is reached at once.
        let share = |steps: u64| if step >= steps { 1.0 } else { step as f64 / steps as f64 };
        match self {
            Schedule::Constant => base,
            Schedule::Step { every, factor } => base * power(factor, step / every.max(1)),
            Schedule::Exponential { factor } => base * power(factor, step),
            Schedule::Cosine { steps, lowest } => cosine(base, lowest, share(steps)),
            Schedule::WarmUp { steps, from } => base * (from + (1.0 - from) * share(steps)),
            Schedule::OneCycle { steps } => {
                let steps = steps.max(2) as f64;
                let (lowest, last, top) = (base / 25.0, steps - 1.0, 0.3 * steps - 1.0);
                let at = (step as f64).min(last);
                if at <= top {
                    cosine(lowest, base, at / top)
                } else {
                    cosine(base, lowest / 1e4, (at - top) / (last - top))
                }
            }
        }
    }
}

/// An optimizer whose learning rate follows a schedule. To a training loop it is an optimizer like
/// any other.
///
/// ```
/// use longhand_layers::{Linear, ndarray::array};
/// use longhand_optim::{Optimizer, Schedule, Scheduled, Sgd};
///
/// let mut model = Linear::from_arrays(array![[8.0]], None);
/// let grad = Linear::from_arrays(array![[1.0]], None);
/// let sgd = Sgd { learning_rate: 1.0, ..Sgd::default() }.init(&model);
/// let mut optimizer = Scheduled { optimizer: sgd, schedule: Schedule::Exponential { factor: 0.5 }, base: 1.0 };
/// optimizer.step(&mut model, &grad);
/// optimizer.step(&mut model, &grad);
/// assert_eq!(model.weight(), array![[8.0 - 1.0 - 0.5]]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled<O> {
    /// What makes the steps.
    pub optimizer: O,
    /// How its learning rate changes.
    pub schedule: Schedule,
    /// The learning rate that the schedule refers to.
    pub base: f64,
}

impl<F: Float, M: Parameters<F>, O: Optimizer<F, M>> Optimizer<F, M> for Scheduled<O> {
    #[track_caller]
    fn update(&mut self, model: &mut M, grad: &M) {
        self.optimizer.set_learning_rate(Optimizer::<F, M>::learning_rate(self));
        self.optimizer.update(model, grad);
    }

    fn steps(&self) -> u64 {
        self.optimizer.steps()
    }

    fn set_steps(&mut self, steps: u64) {
        self.optimizer.set_steps(steps);
    }

    fn learning_rate(&self) -> f64 {
        self.schedule.learning_rate(self.base, self.optimizer.steps())
    }

    /// Changes the learning rate that the schedule refers to.
    #[track_caller]
    fn set_learning_rate(&mut self, learning_rate: f64) {
        expect_not_negative("learning_rate", learning_rate);
        self.base = learning_rate;
    }
}

impl<F: Float, M: Parameters<F>, O: Resumable<F, M>> Resumable<F, M> for Scheduled<O> {
    fn options(&self) -> String {
        format!("{}, {:?}", self.optimizer.options(), self.schedule)
    }

    fn state(&mut self) -> OptimizerState<'_, M> {
        let mut state = self.optimizer.state();
        state.numbers.push(("base", &mut self.base));
        state
    }
}

/// `base` to a whole power, by squaring: the same bits on every platform.
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut result = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result
}
