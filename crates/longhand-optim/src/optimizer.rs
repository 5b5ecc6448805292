use longhand_tensor::{Float, Parameters};

/// A rule that moves a model against its gradient, with its state.
///
/// ```
/// use longhand_layers::{Linear, ndarray::array};
/// use longhand_optim::{Adam, Optimizer, Sgd};
///
/// let mut model = Linear::from_arrays(array![[3.0]], None);
/// let grad = Linear::from_arrays(array![[1.0]], None);
/// let mut optimizers: [Box<dyn Optimizer<f64, _>>; 2] =
///     [Box::new(Sgd::default().init(&model)), Box::new(Adam::default().init(&model))];
/// for optimizer in &mut optimizers {
///     optimizer.set_learning_rate(0.5);
///     optimizer.step(&mut model, &grad);
///     assert_eq!(optimizer.learning_rate(), 0.5);
/// }
/// assert!((model.weight()[[0, 0]] - (3.0 - 0.5 - 0.5)).abs() < 1e-7);
/// ```
pub trait Optimizer<F: Float, M: Parameters<F>> {
    /// Moves the model one step, and tells it how many steps there have been ([`Parameters::set_step`]).
    ///
    /// # Panics
    /// The gradient, or the model that the state was made for, has other parameters than the model.
    fn step(&mut self, model: &mut M, grad: &M);

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// Changes the learning rate, as schedules do.
    fn set_learning_rate(&mut self, learning_rate: f64);
}

impl<F: Float, M: Parameters<F>, O: Optimizer<F, M> + ?Sized> Optimizer<F, M> for Box<O> {
    fn step(&mut self, model: &mut M, grad: &M) {
        (**self).step(model, grad);
    }

    fn learning_rate(&self) -> f64 {
        (**self).learning_rate()
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        (**self).set_learning_rate(learning_rate);
    }
}

/// Panics unless `other` has parameters of the same lengths as `model`.
#[track_caller]
pub(crate) fn expect_same<F: Float, M: Parameters<F>>(
    optimizer: &str,
    what: &str,
    model: &M,
    other: &M,
) {
    let lengths = |m: &M| m.params().iter().map(|p| p.len()).collect::<Vec<_>>();
    let (expected, found) = (lengths(model), lengths(other));
    assert!(
        expected == found,
        "{optimizer}: {what} has parameters of lengths {found:?}, expected {expected:?} as the model has"
    );
}
