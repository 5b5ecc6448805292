use longhand_tensor::{Float, Parameters};

/// A rule that moves a model against its gradient, with its state. Your own
/// optimizer says how it updates a model, and keeps a learning rate and a number of steps.
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
///     assert_eq!((optimizer.learning_rate(), optimizer.steps()), (0.5, 1));
/// }
/// assert!((model.weight()[[0, 0]] - (3.0 - 0.5 - 0.5)).abs() < 1e-7);
/// ```
pub trait Optimizer<F: Float, M: Parameters<F>> {
    /// Moves the model's parameters, and the optimizer's state: the formula.
    /// [`step`](Optimizer::step) is what a training loop calls.
    ///
    /// # Panics
    /// The gradient, or the model that the state was made for, has parameters of other shapes than
    /// the model.
    #[track_caller]
    fn update(&mut self, model: &mut M, grad: &M);

    /// Number of steps made.
    fn steps(&self) -> u64;

    /// Sets the number of steps made, to take up a run again.
    fn set_steps(&mut self, steps: u64);

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// Changes the learning rate, as schedules do.
    ///
    /// # Panics
    /// The learning rate is negative, infinite or NaN.
    #[track_caller]
    fn set_learning_rate(&mut self, learning_rate: f64);

    /// Moves the model one step, and tells it how many steps there have been
    /// ([`Parameters::set_step`]).
    ///
    /// # Panics
    /// The gradient, or the model that the state was made for, has parameters of other shapes than
    /// the model.
    #[track_caller]
    fn step(&mut self, model: &mut M, grad: &M) {
        self.update(model, grad);
        self.set_steps(self.steps() + 1);
        model.set_step(self.steps());
    }
}

/// An optimizer whose run can be taken up again: one that shows its state.
///
/// ```
/// use longhand_layers::{Linear, ndarray::array};
/// use longhand_optim::{Optimizer, Resumable, Sgd};
///
/// let mut model = Linear::from_arrays(array![[3.0]], None);
/// let grad = Linear::from_arrays(array![[2.0]], None);
/// let options = Sgd { learning_rate: 0.5, momentum: 0.9, ..Sgd::default() };
/// let (mut first, mut second) = (options.init(&model), options.init(&model));
/// first.step(&mut model, &grad);
///
/// // What a checkpoint does: the second goes on where the first has stopped.
/// assert_eq!(Resumable::<f64, _>::options(&first), Resumable::<f64, _>::options(&second));
/// let (from, to) = (Resumable::<f64, _>::state(&mut first), Resumable::<f64, _>::state(&mut second));
/// for ((_, from), (_, to)) in from.models.into_iter().zip(to.models) {
///     to.clone_from(from);
/// }
/// for ((_, from), (_, to)) in from.numbers.into_iter().zip(to.numbers) {
///     *to = *from;
/// }
/// Optimizer::<f64, _>::set_steps(&mut second, 1);
/// assert_eq!(first, second);
/// ```
pub trait Resumable<F: Float, M: Parameters<F>>: Optimizer<F, M> {
    /// The options that do not change in a run, in words. A state belongs to an optimizer whose
    /// options are the same.
    fn options(&self) -> String;

    /// What changes in a run, beside the number of steps.
    fn state(&mut self) -> OptimizerState<'_, M>;
}

/// The state of an optimizer, by name, to be read or set.
#[derive(Debug)]
pub struct OptimizerState<'a, M> {
    /// Velocities and moments.
    pub models: Vec<(&'static str, &'a mut M)>,
    /// Learning rates and other numbers.
    pub numbers: Vec<(&'static str, &'a mut f64)>,
}

impl<F: Float, M: Parameters<F>, O: Resumable<F, M> + ?Sized> Resumable<F, M> for Box<O> {
    fn options(&self) -> String {
        (**self).options()
    }

    fn state(&mut self) -> OptimizerState<'_, M> {
        (**self).state()
    }
}

impl<F: Float, M: Parameters<F>, O: Optimizer<F, M> + ?Sized> Optimizer<F, M> for Box<O> {
    #[track_caller]
    fn update(&mut self, model: &mut M, grad: &M) {
        (**self).update(model, grad);
    }

    fn steps(&self) -> u64 {
        (**self).steps()
    }

    fn set_steps(&mut self, steps: u64) {
        (**self).set_steps(steps);
    }

    fn learning_rate(&self) -> f64 {
        (**self).learning_rate()
    }

    #[track_caller]
    fn set_learning_rate(&mut self, learning_rate: f64) {
        (**self).set_learning_rate(learning_rate);
    }
}

/// What every optimizer has whose options and steps are fields: the number of steps and the
/// learning rate.
macro_rules! steps_and_learning_rate {
    () => {
        fn steps(&self) -> u64 {
            self.steps
        }

        fn set_steps(&mut self, steps: u64) {
            self.steps = steps;
        }

        fn learning_rate(&self) -> f64 {
            self.options.learning_rate
        }

        #[track_caller]
        fn set_learning_rate(&mut self, learning_rate: f64) {
            $crate::optimizer::expect_not_negative("learning_rate", learning_rate);
            self.options.learning_rate = learning_rate;
        }
    };
}
pub(crate) use steps_and_learning_rate;

/// A formula for the numbers at one place of some parameters, as a pass over all places. It is compiled
/// here for both types of numbers, so it is fast however little a program is optimised that uses it.
macro_rules! formula {
    ($(#[$doc:meta])* fn $name:ident<$F:ident>($options:ident: $type:ty) -> [$N:literal] of [$M:literal] $formula:block) => {
        $(#[$doc])*
        fn $name<$F: Float>(
            changed: [&mut [$F]; $N],
            read: [longhand_tensor::Numbers<'_, $F>; $M],
            $options: $type,
        ) {
            fn of<$F: Float>(changed: [&mut [$F]; $N], read: [&[$F]; $M], $options: $type) {
                longhand_tensor::pass(changed, read, $formula);
            }
            fn of_either(slices: longhand_tensor::Slices<'_, $N, $M>, options: $type) {
                match slices {
                    longhand_tensor::Slices::F32(changed, read) => of(changed, read, options),
                    longhand_tensor::Slices::F64(changed, read) => of(changed, read, options),
                }
            }
            longhand_tensor::in_parts_of(changed, read, |changed, read| {
                of_either($F::slices(changed, read), $options);
            });
        }
    };
}
pub(crate) use formula;

/// Panics unless an option is a finite number, 0 or more.
#[track_caller]
pub(crate) fn expect_not_negative(option: &str, value: f64) {
    assert!(
        value >= 0.0 && value.is_finite(),
        "{option} is {value}, expected a finite number, 0 or more"
    );
}

/// Panics unless an option is a share that leaves something: from 0 to below 1.
#[track_caller]
pub(crate) fn expect_below_1(option: &str, value: f64) {
    assert!((0.0..1.0).contains(&value), "{option} is {value}, expected 0 to below 1");
}
