//! `--check`: what the homework asks to be checked, of the model and the options that were asked
//! for. Each check can fail: its test breaks what it checks.

use std::collections::HashSet;

use longhand_data::{Batch, Data};
use longhand_layers::gradcheck::GradCheck;
use longhand_layers::{Activation, Layer, Loss, Relu};
use longhand_mnist::{Dataset, Split};
use longhand_optim::Optimizer;
use longhand_train::{Diverged, EarlyStopping, Epoch, Metric, evaluate};

use crate::task::{Task, classification_by};
use crate::terminal::{color, print};
use crate::{CrossEntropy, Failure, Options};

/// Steps on one batch, after which its loss is to be near zero.
const STEPS: usize = 1000;

/// Images of a set that may stand in the other one, too: one of so many.
const DOUBLES: usize = 1000;

/// A model to be checked: in f32, as it is trained, and in f64, in which its gradients are
/// compared.
#[derive(Clone, Debug)]
pub struct Model<M, N> {
    /// As it is trained.
    pub single: M,
    /// The same in f64.
    pub double: N,
    /// Its widths, from the pixels to the outputs.
    pub widths: Vec<usize>,
    /// What stands between its linear layers.
    pub activation: Activation,
    /// Whether training leaves out units, so that its outputs are not those of inference.
    pub dropout: bool,
}

impl<M, N> Model<M, N> {
    /// A model with ReLU and without dropout.
    pub fn new(single: M, double: N, widths: &[usize]) -> Model<M, N> {
        let activation = Activation::Relu(Relu);
        Model { single, double, widths: widths.to_vec(), activation, dropout: false }
    }
}

/// Makes the checks, prints each, and counts them.
#[derive(Debug)]
pub struct Checks<'a> {
    digits: &'a Dataset,
    /// Epochs, batch size and seed of a training run.
    how: (usize, usize, u64),
    /// The loss of a classifier.
    loss: CrossEntropy,
    /// Epochs without improvement after which training stops.
    patience: Option<usize>,
    /// Whether something raises the training loss, and is to: weight decay, dropout, an early stop.
    regularised: bool,
    made: usize,
    failed: usize,
}

/// A check that was made: whether it passed, and what it found.
type Found = (bool, String);

impl<'a> Checks<'a> {
    /// Checks on these digits, with so many epochs of training.
    pub fn new(digits: &'a Dataset, epochs: usize, batch_size: usize, seed: u64) -> Checks<'a> {
        let (how, loss) = ((epochs, batch_size, seed), CrossEntropy::new(0.0));
        Checks { digits, how, loss, patience: None, regularised: false, made: 0, failed: 0 }
    }

    /// Checks with the options of a run.
    pub fn of(options: &Options, digits: &'a Dataset) -> Checks<'a> {
        let how = (options.epochs(), options.batch_size, options.seed);
        let (loss, patience) = (options.cross_entropy(), options.patience);
        let regularised = patience.is_some() || options.decays();
        Checks { digits, how, loss, patience, regularised, made: 0, failed: 0 }
    }

    /// What is checked on.
    pub fn digits(&self) -> &'a Dataset {
        self.digits
    }

    fn tell(&mut self, (passed, found): Found) -> Result<(), Failure> {
        self.made += 1;
        self.failed += usize::from(!passed);
        let (green, red) = (32, 31);
        let word = if passed { color(green, "passed") } else { color(red, "FAILED") };
        print(&format!("{word}  {found}\n"))
    }

    /// Checks a fresh model, and trains it as it is to be trained. Returns what the epochs of that
    /// gave; nothing where training diverged.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn model<M, N, L, K, O>(
        &mut self,
        task: &Task<L, K>,
        model: &Model<M, N>,
        optimizer: impl Fn(&M) -> O,
    ) -> Result<Vec<Epoch<f64>>, Failure>
    where
        M: Layer<f32>,
        N: Layer<f64>,
        L: Loss<f32, Target = [usize]> + Loss<f64, Target = [usize]> + Clone,
        K: Metric<f32, [usize], Value = f64> + Clone,
        O: Optimizer<f32, M>,
    {
        let (digits, how) = (self.digits, self.how);
        self.tell(initial_loss(task, model, &digits.train))?;
        let train = |epochs| {
            let (mut trained, mut optimizer) = (model.single.clone(), optimizer(&model.single));
            let history = task.train(&mut trained, &mut optimizer, digits, (epochs, how.1, how.2));
            (trained, history)
        };
        self.tell(biases_learned(&model.single, &train(1).0))?;
        self.tell(gradients_finite(&task.loss, &model.single, &digits.train))?;
        self.tell(gradients_right(&task.loss, model, &digits.train))?;
        self.tell(learned_by_heart(
            (&task.loss, task.least),
            &model.single,
            &mut optimizer(&model.single),
            &digits.train,
        ))?;
        self.tell(no_leak(digits))?;
        let history = train(how.0).1.map(|history| stopped(history, self.patience));
        self.tell(learned(task, &history))?;
        Ok(history.unwrap_or_default())
    }

    /// Makes all checks of a classifier of digits, and says how they went. It is compared with a net of
    /// one layer or, if it has one layer itself, with one of 30 hidden units.
    ///
    /// # Errors
    /// A check has failed, or standard output cannot be written.
    pub fn classifier<M: Layer<f32>, N: Layer<f64>, O: Optimizer<f32, M>>(
        mut self,
        model: &Model<M, N>,
        optimizer: impl Fn(&M) -> O,
    ) -> Result<(), Failure> {
        let task = classification_by(self.loss.clone(), self.digits.train.classes());
        let own = self.model(&task, model, optimizer)?;
        self.regularised |= model.dropout;
        if model.widths.len() > 2 {
            let one = self.reference(&task, &task.widths(self.digits, &[]));
            self.two_layers_below_one(&one, &own)?;
        } else {
            let two = self.reference(&task, &task.widths(self.digits, &[30]));
            self.two_layers_below_one(&own, &two)?;
        }
        self.end()
    }

    /// Checks that a net with a hidden layer ends below one without.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn two_layers_below_one(
        &mut self,
        one: &[Epoch<f64>],
        two: &[Epoch<f64>],
    ) -> Result<(), Failure> {
        self.tell(two_below_one(one, two, self.regularised))
    }

    /// What the epochs of a net of these widths give with the task's own SGD, to compare with;
    /// nothing where training diverged.
    pub fn reference<L, K>(&self, task: &Task<L, K>, widths: &[usize]) -> Vec<Epoch<f64>>
    where
        L: Loss<f32, Target = [usize]> + Clone,
        K: Metric<f32, [usize], Value = f64> + Clone,
    {
        task.train_net(widths, self.digits, self.how).unwrap_or_default()
    }

    /// Says how it went.
    ///
    /// # Errors
    /// A check has failed.
    pub fn end(self) -> Result<(), Failure> {
        let Checks { made, failed, .. } = self;
        match failed {
            0 => print(&format!("\nall {made} checks passed\n")),
            _ => Err(Failure::Run(format!("{failed} of {made} checks failed"))),
        }
    }
}

/// The first images of a set, 16 at most.
fn few(split: &Split, n: usize) -> Vec<usize> {
    (0..split.len().min(n)).collect()
}

fn initial_loss<M, N, L, K>(task: &Task<L, K>, model: &Model<M, N>, train: &Split) -> Found
where
    M: Layer<f32>,
    L: Loss<f32, Target = [usize]> + Loss<f64, Target = [usize]>,
    K: Metric<f32, [usize], Value = f64>,
{
    let labels: Vec<usize> = train.labels().iter().map(|&l| usize::from(l)).collect();
    let zeros = longhand_layers::ndarray::Array2::<f64>::zeros((labels.len(), task.outputs));
    let guess = task.loss.loss(&zeros, &labels[..]);
    let initial = evaluate(&model.single, &task.loss, &task.metric, train).loss;
    let tolerance = (task.tolerance)(initial_deviation(train, &model.widths, model.activation));
    let found = format!(
        "initial loss {initial:.4} near {} = {guess:.4} (± {tolerance:.4} as initialised)",
        task.guess
    );
    ((initial - guess).abs() <= tolerance, found)
}

/// The standard deviation of an output over the draws of the initial weights.
///
/// Weights and biases are uniform within `±1/√n` of a layer's `n` inputs, with variance `1/3n`: so
/// `E y² = (E x² + 1/n) / 3`.
fn initial_deviation(digits: &Split, widths: &[usize], activation: Activation) -> f64 {
    let squares: f64 = digits.images().iter().map(|&p| (f64::from(p) / 255.0).powi(2)).sum();
    let mut square = squares / digits.images().len() as f64;
    let deviation = |square: f64, inputs: usize| (square + 1.0 / inputs as f64) / 3.0;
    for &inputs in &widths[..widths.len() - 2] {
        let y = deviation(square, inputs);
        square = match activation {
            Activation::Sigmoid(_) => 0.25 + y / 16.0, // near 0, σ(y) = 1/2 + y/4
            Activation::Tanh(_) => y,
            _ => y / 2.0, // of what is symmetric about 0, one half
        };
    }
    deviation(square, widths[widths.len() - 2]).sqrt()
}

fn biases_learned<M: Layer<f32>>(before: &M, after: &M) -> Found {
    let biases = |model: &M| -> Vec<f32> {
        let named = model.named_params().into_iter().filter(|p| p.name.ends_with("bias"));
        named.flat_map(|p| p.values.to_vec()).collect()
    };
    let (before, after) = (biases(before), biases(after));
    let learned = before.iter().zip(&after).filter(|(b, a)| b != a).count();
    let found = format!("biases learned: {learned} of {} changed in an epoch", before.len());
    (!before.is_empty() && 2 * learned > before.len(), found)
}

fn gradients_finite<M: Layer<f32>, L: Loss<f32, Target = [usize]>>(
    loss: &L,
    model: &M,
    train: &Split,
) -> Found {
    let Batch { x, targets } = train.batch(&few(train, 16));
    let (y, cache) = model.forward(x);
    let (_, dy) = loss.loss_and_grad(y, &targets);
    let mut grad = model.zeros_like();
    model.backward_params(cache, dy, &mut grad);
    let numbers = grad.params().concat();
    let finite = numbers.iter().filter(|g| g.is_finite()).count();
    let (all, images) = (numbers.len(), targets.len());
    (finite == all, format!("gradients finite: {finite} of {all} on {images} images"))
}

fn gradients_right<M, N: Layer<f64>, L: Loss<f64, Target = [usize]>>(
    loss: &L,
    model: &Model<M, N>,
    train: &Split,
) -> Found {
    let Batch { x, targets } = train.batch(&few(train, 3));
    let check = GradCheck { infer: !model.dropout, ..GradCheck::default() };
    let right = check.layer(&model.double, &x);
    let right = right.and_then(|()| check.loss(loss, &model.double.infer(&x), &targets));
    let found = match &right {
        Ok(()) => format!("net and loss in f64, {} images", targets.len()),
        Err(mismatch) => mismatch.to_string(),
    };
    (right.is_ok(), format!("gradients agree with central differences: {found}"))
}

/// What early stopping leaves of the epochs: those to the best.
fn stopped(mut history: Vec<Epoch<f64>>, patience: Option<usize>) -> Vec<Epoch<f64>> {
    if let Some(patience) = patience {
        let mut stopping = EarlyStopping::new(patience);
        let _ = history.iter().find(|epoch| stopping.note(epoch, &()).is_break());
        history.truncate(stopping.best.map_or(0, |best| best.epoch + 1));
    }
    history
}

fn learned_by_heart<M: Layer<f32>, L: Loss<f32, Target = [usize]>>(
    (loss, least): (&L, f64),
    model: &M,
    optimizer: &mut impl Optimizer<f32, M>,
    train: &Split,
) -> Found {
    let Batch { x, targets } = train.batch(&few(train, 16));
    let (mut model, mut grad) = (model.clone(), model.zeros_like());
    for _ in 0..STEPS {
        let (y, cache) = model.forward(x.clone());
        let (_, dy) = loss.loss_and_grad(y, &targets);
        grad.set_zero();
        model.backward_params(cache, dy, &mut grad);
        optimizer.step(&mut model, &grad);
    }
    let left = loss.loss(&model.infer(&x), &targets);
    let (images, limit) = (targets.len(), least + 0.05);
    (
        f64::from(left) < limit,
        format!("overfits {images} images: loss {left:.4} after {STEPS} steps (below {limit:.2})"),
    )
}

fn no_leak(digits: &Dataset) -> Found {
    let images = |split: &Split| -> Vec<Vec<u8>> {
        split.images().outer_iter().map(|image| image.iter().copied().collect()).collect()
    };
    let train: HashSet<Vec<u8>> = images(&digits.train).into_iter().collect();
    let both = images(&digits.test).iter().filter(|image| train.contains(*image)).count();
    let all = digits.test.len();
    (
        both * DOUBLES <= all,
        format!("no leak: {both} of {all} validation images are also training images"),
    )
}

fn learned<L, K>(task: &Task<L, K>, history: &Result<Vec<Epoch<f64>>, Diverged<f64>>) -> Found {
    let limit = task.least + 0.8 * (task.constant - task.least);
    match history {
        Err(diverged) => (false, diverged.to_string()),
        Ok(history) => {
            let (first, last) = (history[0], history[history.len() - 1]);
            let found = format!(
                "it learns: valid loss {:.4} in epoch {}, {:.4} before (below {limit:.4})",
                last.valid.loss, last.epoch, first.valid.loss
            );
            (last.valid.loss < limit, found)
        }
    }
}

fn two_below_one(one: &[Epoch<f64>], two: &[Epoch<f64>], regularised: bool) -> Found {
    let losses = |history: &[Epoch<f64>]| {
        let best = history.iter().map(|e| e.valid.loss).fold(f64::INFINITY, f64::min);
        (history.last().map_or(f64::INFINITY, |e| e.train.loss), best)
    };
    let ((train_1, valid_1), (train_2, valid_2)) = (losses(one), losses(two));
    let found = format!(
        "two layers beat one: train {train_2:.4} and {train_1:.4}, valid {valid_2:.4} and {valid_1:.4}"
    );
    let learned = train_1.is_finite() && train_2.is_finite();
    let fits_better = regularised || train_2 < train_1 - 0.1;
    (learned && fits_better && valid_2 < 0.97 * valid_1, found)
}

#[cfg(test)]
mod tests {
    use longhand_layers::ndarray::{Array2, ArrayRef2};
    use longhand_layers::{Float, Linear, Mlp, Parameters, mlp, parameters};
    use longhand_optim::Sgd;

    use super::*;
    use crate::generator;
    use crate::task::classification;

    /// 50 images of each digit.
    fn digits() -> Dataset {
        Dataset::embedded().draw_per_class(50, 1).unwrap()
    }

    const WIDTHS: [usize; 3] = [784, 30, 10];

    fn sound() -> Model<Mlp<f32>, Mlp<f64>> {
        Model::new(mlp(&WIDTHS, &mut generator(42)), mlp(&WIDTHS, &mut generator(42)), &WIDTHS)
    }

    #[track_caller]
    fn passes((passed, found): Found) {
        assert!(passed, "{found}");
    }

    #[track_caller]
    fn fails((passed, found): Found) -> String {
        assert!(!passed, "{found}");
        found
    }

    #[test]
    fn an_initial_loss_far_from_guessing_is_found() {
        let train = digits().train;
        passes(initial_loss(&classification(10), &sound(), &train));
        let mut large = sound();
        let first = large.single.first[0].first.clone();
        large.single.first[0].first.add_scaled(29.0, &first);
        fails(initial_loss(&classification(10), &large, &train));
        for (word, _) in Activation::WORDS {
            let activation: Activation = word.parse().unwrap();
            let net = longhand_layers::mlp_with(&WIDTHS, |_| activation, &mut generator(42));
            let model = Model { activation, ..Model::new(net, (), &WIDTHS) };
            passes(initial_loss(&classification(10), &model, &train));
        }
    }

    #[test]
    fn biases_that_stay_are_found() {
        let (model, digits) = (sound().single, digits());
        let trained = |learning_rate| {
            let mut trained = model.clone();
            let mut sgd = Sgd { learning_rate, ..Sgd::default() }.init(&model);
            classification(10).train(&mut trained, &mut sgd, &digits, (1, 16, 1)).unwrap();
            trained
        };
        passes(biases_learned(&model, &trained(0.1)));
        fails(biases_learned(&model, &trained(0.0)));
        let without = Linear::<f32>::new(784, 10, &mut generator(1)).without_bias();
        fails(biases_learned(&without, &without.clone()));
    }

    /// A ReLU that is broken in a way.
    #[derive(Clone, Copy, Debug)]
    enum Broken {
        NoMask,
        NotFinite,
    }
    parameters!(
        enum Broken {
            NoMask,
            NotFinite,
        }
    );

    impl<F: Float> Layer<F> for Broken {
        type Cache = ();
        fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
            x.mapv(|x| if x < F::zero() { F::zero() } else { x })
        }
        fn forward(&self, x: Array2<F>) -> (Array2<F>, ()) {
            (self.infer(&x), ())
        }
        fn backward(&self, (): (), dy: Array2<F>, _: &mut Self) -> Array2<F> {
            match self {
                Broken::NoMask => dy,
                Broken::NotFinite => dy.mapv(|_| F::from_f64(f64::NAN)),
            }
        }
    }

    fn broken<F: Float>(relu: Broken) -> Mlp<F, Broken> {
        longhand_layers::mlp_with(&WIDTHS, |_| relu, &mut generator(42))
    }

    #[test]
    fn gradients_that_are_not_finite_are_found() {
        let train = digits().train;
        passes(gradients_finite(&classification(10).loss, &sound().single, &train));
        fails(gradients_finite(
            &classification(10).loss,
            &broken::<f32>(Broken::NotFinite),
            &train,
        ));
    }

    #[test]
    fn wrong_gradients_of_the_very_model_are_found() {
        let train = digits().train;
        passes(gradients_right(&classification(10).loss, &sound(), &train));
        let model = Model::new(broken::<f32>(Broken::NoMask), broken(Broken::NoMask), &WIDTHS);
        let found = fails(gradients_right(&classification(10).loss, &model, &train));
        assert!(found.contains("gradient of "), "{found}");
    }

    #[test]
    fn an_optimizer_that_does_not_learn_is_found() {
        let (model, train) = (sound().single, digits().train);
        for (learning_rate, works) in [(0.1, true), (0.0, false), (1e-5, false)] {
            let mut sgd = Sgd { learning_rate, ..Sgd::default() }.init(&model);
            let found = learned_by_heart((&classification(10).loss, 0.0), &model, &mut sgd, &train);
            if works {
                passes(found);
            } else {
                fails(found);
            }
        }
    }

    #[test]
    fn test_images_among_the_training_images_are_found() {
        let digits = digits();
        passes(no_leak(&digits));
        let leaked = Dataset { test: digits.train.clone(), ..digits };
        assert!(fails(no_leak(&leaked)).contains("500 of 500"));
    }

    #[test]
    fn training_that_is_of_no_use_is_found() {
        let digits = digits();
        let history = |learning_rate| {
            let mut model = sound().single;
            let mut sgd = Sgd { learning_rate, ..Sgd::default() }.init(&model);
            classification(10).train(&mut model, &mut sgd, &digits, (10, 16, 1))
        };
        passes(learned(&classification(10), &history(0.1)));
        for learning_rate in [0.0, 3.0, 100.0, 1e30] {
            fails(learned(&classification(10), &history(learning_rate)));
        }
    }

    #[test]
    fn the_loss_and_the_early_stop_of_the_options_are_checked() {
        let (model, train) = (sound().single, digits().train);
        let smoothed = classification_by(CrossEntropy::new(0.1), 10);
        assert!((smoothed.least - 0.500_288_0).abs() < 1e-6, "{}", smoothed.least);
        let mut sgd = Sgd { learning_rate: 0.1, ..Sgd::default() }.init(&model);
        let loss = (&smoothed.loss, smoothed.least);
        passes(learned_by_heart(loss, &model, &mut sgd, &train));
        // Labels that are smoothed to nothing teach nothing.
        let nothing = classification_by(CrossEntropy::new(1.0), 10);
        let mut sgd = Sgd { learning_rate: 0.1, ..Sgd::default() }.init(&model);
        let mut trained = model.clone();
        fails(learned(&nothing, &nothing.train(&mut trained, &mut sgd, &digits(), (3, 16, 1))));

        let mut sgd = Sgd { learning_rate: 0.1, ..Sgd::default() }.init(&model);
        let history =
            classification(10).train(&mut model.clone(), &mut sgd, &digits(), (20, 16, 1)).unwrap();
        assert_eq!(stopped(history.clone(), None), history);
        let rising: Vec<_> = [0, 1, 0, 2, 3].map(|epoch| history[epoch]).into();
        let rising: Vec<_> = (0..).zip(rising).map(|(epoch, of)| Epoch { epoch, ..of }).collect();
        assert_eq!(stopped(rising.clone(), Some(1)), rising[..2]);
        assert_eq!(stopped(rising.clone(), Some(2)), rising);
    }

    #[test]
    fn a_hidden_layer_that_does_not_help_is_found() {
        let digits = digits();
        let history =
            |widths: &[usize]| classification(10).train_net(widths, &digits, (20, 16, 1)).unwrap();
        let (one, two) = (history(&[784, 10]), history(&WIDTHS));
        for regularised in [false, true] {
            passes(two_below_one(&one, &two, regularised));
            fails(two_below_one(&one, &one, regularised));
            fails(two_below_one(&one, &[], regularised));
            fails(two_below_one(&[], &two, regularised));
            fails(two_below_one(&two, &one, regularised));
        }
        let mut underfits = two.clone();
        underfits.last_mut().unwrap().train = one.last().unwrap().train;
        fails(two_below_one(&one, &underfits, false));
        passes(two_below_one(&one, &underfits, true));
    }

    #[test]
    fn failed_checks_are_counted() {
        let digits = digits();
        let mut checks = Checks::new(&digits, 1, 16, 1);
        checks.tell((true, "right".to_owned())).unwrap();
        checks.tell((false, "wrong".to_owned())).unwrap();
        assert_eq!(checks.end(), Err(Failure::Run("1 of 2 checks failed".to_owned())));
    }
}
