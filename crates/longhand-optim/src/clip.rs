use longhand_tensor::{Float, Parameters, sum_squares};

use crate::optimizer::formula;
use crate::{Optimizer, OptimizerState, Resumable};

/// Scales a gradient down so that the norm over all its parameters together is at most `max_norm`,
/// and returns the norm it had: `g ← g · min(1, max_norm / (‖g‖ + 1e-6))`, as
/// `torch.nn.utils.clip_grad_norm_`. To be called between `backward` and the optimizer's step.
///
/// Source: R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training recurrent neural
/// networks*, 2013, algorithm 1.
///
/// ```
/// use longhand_layers::{Linear, ndarray::array};
/// use longhand_optim::clip_global_norm;
///
/// let mut grad = Linear::from_arrays(array![[3.0]], Some(array![4.0f64]));
/// assert_eq!(clip_global_norm(&mut grad, 10.0), 5.0); // 3² + 4² = 5²
/// assert_eq!(grad.weight(), array![[3.0]]);
/// clip_global_norm(&mut grad, 2.5);
/// assert!((grad.weight()[[0, 0]] - 1.5).abs() < 1e-6);
/// ```
///
/// # Panics
/// `max_norm` is negative or NaN.
#[track_caller]
pub fn clip_global_norm<F: Float, M: Parameters<F>>(grad: &mut M, max_norm: f64) -> f64 {
    expect_norm(max_norm);
    let norm = global_norm(grad);
    if let Some(scale) = scale(norm, max_norm) {
        M::zip([grad], [], &mut |g, none| scaled(g, none, scale));
    }
    norm
}

formula! {
    fn scaled<F>(scale: f64) -> [1] of [0] {
        let scale = F::from_f64(scale);
        move |[g], []| [g * scale]
    }
}

formula! {
    fn scaled_copy<F>(scale: f64) -> [1] of [1] {
        let scale = F::from_f64(scale);
        move |[_], [g]| [g * scale]
    }
}

/// `‖g‖ = √(Σ g²)` over all parameters, in f64.
fn global_norm<F: Float, M: Parameters<F>>(grad: &M) -> f64 {
    let mut squares = 0.0;
    M::zip([], [grad], &mut |[], [g]| squares += sum_squares(&g));
    f64::sqrt(squares)
}

/// What a gradient of this norm is multiplied by, if it is too long.
fn scale(norm: f64, max_norm: f64) -> Option<f64> {
    let scale = max_norm / (norm + 1e-6);
    (scale < 1.0).then_some(scale)
}

#[track_caller]
fn expect_norm(max_norm: f64) {
    assert!(max_norm >= 0.0, "clip_global_norm: max_norm is {max_norm}, expected 0 or more");
}

/// An optimizer that is given gradients of a norm of at most `max_norm`, as [`clip_global_norm`]
/// makes them.
///
/// ```
/// use longhand_layers::{Linear, ndarray::array};
/// use longhand_optim::{Clipped, Optimizer, Sgd};
///
/// let mut model = Linear::from_arrays(array![[8.0f64]], None);
/// let sgd = Sgd { learning_rate: 1.0, ..Sgd::default() }.init(&model);
/// let mut clipped = Clipped::new(sgd, 2.0, &model);
/// clipped.step(&mut model, &Linear::from_arrays(array![[100.0]], None));
/// assert!((model.weight()[[0, 0]] - (8.0 - 2.0)).abs() < 1e-6);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Clipped<O, M> {
    optimizer: O,
    max_norm: f64,
    scaled: M,
}

impl<O, M> Clipped<O, M> {
    /// The optimizer for a model, with a limit to the norm of its gradients.
    ///
    /// # Panics
    /// `max_norm` is negative or NaN.
    #[track_caller]
    pub fn new<F: Float>(optimizer: O, max_norm: f64, model: &M) -> Clipped<O, M>
    where
        M: Parameters<F>,
    {
        expect_norm(max_norm);
        Clipped { optimizer, max_norm, scaled: model.zeros_like() }
    }
}

impl<F: Float, M: Parameters<F>, O: Optimizer<F, M>> Optimizer<F, M> for Clipped<O, M> {
    #[track_caller]
    fn update(&mut self, model: &mut M, grad: &M) {
        match scale(global_norm(grad), self.max_norm) {
            Some(scale) => {
                M::zip([&mut self.scaled], [grad], &mut |scaled, g| {
                    scaled_copy(scaled, g, scale);
                });
                self.optimizer.update(model, &self.scaled);
            }
            None => self.optimizer.update(model, grad),
        }
    }

    fn steps(&self) -> u64 {
        self.optimizer.steps()
    }

    fn set_steps(&mut self, steps: u64) {
        self.optimizer.set_steps(steps);
    }

    fn learning_rate(&self) -> f64 {
        self.optimizer.learning_rate()
    }

    #[track_caller]
    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.optimizer.set_learning_rate(learning_rate);
    }
}

impl<F: Float, M: Parameters<F>, O: Resumable<F, M>> Resumable<F, M> for Clipped<O, M> {
    fn options(&self) -> String {
        format!("{}, gradient norm at most {}", self.optimizer.options(), self.max_norm)
    }

    fn state(&mut self) -> OptimizerState<'_, M> {
        self.optimizer.state()
    }
}
