use longhand_tensor::{Float, Parameters};

use crate::optimizer::{expect_below_1, expect_not_negative, formula, steps_and_learning_rate};
use crate::{Optimizer, OptimizerState, Resumable};

/// Adam: steps scaled by running means of the gradient and of its square, as `torch.optim.Adam`.
///
/// With gradient `g`, parameters `θ`, learning rate `η`, decay rates `β₁`, `β₂`, weight decay `λ`,
/// in step `t` from 1:
///
/// ```text
/// d = g + λ·θ
/// m ← β₁·m + (1 − β₁)·d        m̂ = m / (1 − β₁ᵗ)
/// v ← β₂·v + (1 − β₂)·d²       v̂ = v / (1 − β₂ᵗ)
/// θ ← θ − η·m̂ / (√v̂ + ε)
/// ```
///
/// Source: D. Kingma, J. Ba, *Adam: A Method for Stochastic Optimization*, 2014, algorithm 1.
///
/// ```
/// use longhand_layers::{Linear, ndarray::array};
/// use longhand_optim::{Adam, Optimizer};
///
/// // In the first step m̂ = g and √v̂ = |g|: every parameter moves by the learning rate.
/// let mut model = Linear::from_arrays(array![[1.0, 1.0]], None);
/// let grad = Linear::from_arrays(array![[5.0, -0.01]], None);
/// let mut adam = Adam { learning_rate: 0.25, epsilon: 0.0, ..Adam::default() }.init(&model);
/// adam.step(&mut model, &grad);
/// assert!((model.weight()[[0, 0]] - 0.75f64).abs() < 1e-15);
/// assert!((model.weight()[[0, 1]] - 1.25f64).abs() < 1e-15);
/// assert_eq!((adam.steps, adam.powers), (1, (0.9, 0.999)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// The learning rate `η`; 1e-3 by default.
    pub learning_rate: f64,
    /// The decay rates `β₁` and `β₂`; 0.9 and 0.999 by default.
    pub betas: (f64, f64),
    /// What keeps the denominator from zero: `ε`, 1e-8 by default.
    pub epsilon: f64,
    /// The weight decay `λ`, as a part of the gradient; 0 by default.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Adam {
        Adam { learning_rate: 1e-3, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.0 }
    }
}

impl Adam {
    /// The optimizer for a model.
    ///
    /// # Panics
    /// A beta is not in `0..1`, or the learning rate, the weight decay or epsilon is negative or
    /// not finite.
    #[track_caller]
    pub fn init<F: Float, M: Parameters<F>>(self, model: &M) -> AdamState<M> {
        AdamState::new("Adam", self, false, model)
    }
}

/// Adam with decoupled weight decay, as `torch.optim.AdamW`: the decay is no part of the gradient,
/// and so is not scaled with it.
///
/// ```text
/// θ ← θ − η·λ·θ, and then as Adam with d = g
/// ```
///
/// Source: I. Loshchilov, F. Hutter, *Decoupled Weight Decay Regularization*, 2017, algorithm 2.
///
/// ```
/// use longhand_layers::{Linear, ndarray::array};
/// use longhand_optim::{AdamW, Optimizer};
///
/// let mut model = Linear::from_arrays(array![[8.0]], None);
/// let grad = Linear::from_arrays(array![[0.0]], None);
/// AdamW { learning_rate: 0.5, weight_decay: 0.25, ..AdamW::default() }.init(&model).step(&mut model, &grad);
/// assert_eq!(model.weight(), array![[8.0 - 0.5 * 0.25 * 8.0]]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// The learning rate `η`; 1e-3 by default.
    pub learning_rate: f64,
    /// The decay rates `β₁` and `β₂`; 0.9 and 0.999 by default.
    pub betas: (f64, f64),
    /// What keeps the denominator from zero: `ε`, 1e-8 by default.
    pub epsilon: f64,
    /// The weight decay `λ`; 0.01 by default.
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> AdamW {
        AdamW { learning_rate: 1e-3, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.01 }
    }
}

impl AdamW {
    /// The optimizer for a model.
    ///
    /// # Panics
    /// As [`Adam::init`].
    #[track_caller]
    pub fn init<F: Float, M: Parameters<F>>(self, model: &M) -> AdamState<M> {
        let AdamW { learning_rate, betas, epsilon, weight_decay } = self;
        AdamState::new("AdamW", Adam { learning_rate, betas, epsilon, weight_decay }, true, model)
    }
}

/// [`Adam`] or [`AdamW`] for one model, with all that a run needs to be taken up again.
#[derive(Clone, Debug, PartialEq)]
pub struct AdamState<M> {
    /// The options, learning rate included.
    options: Adam,
    /// Whether the weight decay is decoupled, as in [`AdamW`].
    decoupled: bool,
    /// The first moment `m`, the mean of the gradient.
    pub mean: M,
    /// The second moment `v`, the mean of its square.
    pub square: M,
    /// `β₁ᵗ` and `β₂ᵗ`, multiplied up step by step, as a power function may differ between
    /// platforms.
    pub powers: (f64, f64),
    /// Number of steps made, `t`.
    pub steps: u64,
}

impl<M> AdamState<M> {
    #[track_caller]
    fn new<F: Float>(name: &str, options: Adam, decoupled: bool, model: &M) -> AdamState<M>
    where
        M: Parameters<F>,
    {
        expect_not_negative(&format!("{name}: learning_rate"), options.learning_rate);
        expect_not_negative(&format!("{name}: epsilon"), options.epsilon);
        expect_not_negative(&format!("{name}: weight_decay"), options.weight_decay);
        expect_below_1(&format!("{name}: betas.0"), options.betas.0);
        expect_below_1(&format!("{name}: betas.1"), options.betas.1);
        let (mean, square) = (model.zeros_like(), model.zeros_like());
        AdamState { options, decoupled, mean, square, powers: (1.0, 1.0), steps: 0 }
    }

    /// The options. The learning rate is changed by [`Optimizer::set_learning_rate`], the others
    /// are those of [`Adam::init`].
    pub fn options(&self) -> &Adam {
        &self.options
    }
}

/// The numbers of one step.
#[derive(Clone, Copy)]
struct Now {
    betas: [f64; 2],
    rate: f64,
    correction: f64,
    epsilon: f64,
    shrink: f64,
    l2: f64,
}

formula! {
    fn moved<F>(now: Now) -> [3] of [1] {
        let [b1, b2] = now.betas.map(F::from_f64);
        // 1 − β is computed before it is rounded to F: in f32 it would lose most of its digits.
        let [fresh1, fresh2] = now.betas.map(|beta| F::from_f64(1.0 - beta));
        let [rate, correction, epsilon, shrink, l2] =
            [now.rate, now.correction, now.epsilon, now.shrink, now.l2].map(F::from_f64);
        move |[p, m, v], [g]| {
            let p = p * shrink; // θ ← θ − η·λ·θ
            let d = g + l2 * p; // d = g + λ·θ
            let m = b1 * m + fresh1 * d; // m ← β₁·m + (1 − β₁)·d
            let v = b2 * v + fresh2 * d * d; // v ← β₂·v + (1 − β₂)·d²
            [p - rate * m / (v.sqrt() / correction + epsilon), m, v] // θ ← θ − η·m̂ / (√v̂ + ε)
        }
    }
}

impl<F: Float, M: Parameters<F>> Optimizer<F, M> for AdamState<M> {
    #[track_caller]
    fn update(&mut self, model: &mut M, grad: &M) {
        let Adam { learning_rate, betas: (beta1, beta2), epsilon, weight_decay } = self.options;
        self.powers = (self.powers.0 * beta1, self.powers.1 * beta2);
        let (shrink, l2) = match self.decoupled {
            true => (1.0 - learning_rate * weight_decay, 0.0),
            false => (1.0, weight_decay),
        };
        let now = Now {
            betas: [beta1, beta2],
            rate: learning_rate / (1.0 - self.powers.0), // η / (1 − β₁ᵗ)
            correction: (1.0 - self.powers.1).sqrt(),    // √(1 − β₂ᵗ)
            epsilon,
            shrink,
            l2,
        };
        M::zip([model, &mut self.mean, &mut self.square], [grad], &mut |pmv, g| {
            moved(pmv, g, now);
        });
    }

    steps_and_learning_rate!();
}

impl<F: Float, M: Parameters<F>> Resumable<F, M> for AdamState<M> {
    fn options(&self) -> String {
        let decoupled = if self.decoupled { ", decoupled" } else { "" };
        format!("{:?}{decoupled}", Adam { learning_rate: 0.0, ..self.options })
    }

    fn state(&mut self) -> OptimizerState<'_, M> {
        OptimizerState {
            models: vec![("mean", &mut self.mean), ("square", &mut self.square)],
            numbers: vec![
                ("learning_rate", &mut self.options.learning_rate),
                ("powers.0", &mut self.powers.0),
                ("powers.1", &mut self.powers.1),
            ],
        }
    }
}
