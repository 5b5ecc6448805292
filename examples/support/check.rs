//! `--check`: what the homework asks to be checked, each printed with its numbers.

use longhand_layers::ndarray::Array2;
use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Layer, Loss, gradcheck};
use longhand_mnist::{Dataset, Split, shuffled};
use longhand_optim::Optimizer;
use longhand_train::evaluate;

use super::command::{Failure, color, print};
use super::task::{CLASSES, PIXELS, Task, net};

/// Steps on one batch, after which its loss is to be near zero.
const STEPS: usize = 1000;

/// Makes the checks, and counts them.
pub struct Checks<'a> {
    pub digits: &'a Dataset,
    pub epochs: usize,
    pub batch_size: usize,
    pub seed: u64,
    made: usize,
    failed: usize,
}

impl<'a> Checks<'a> {
    pub fn new(digits: &'a Dataset, epochs: usize, batch_size: usize, seed: u64) -> Checks<'a> {
        Checks { digits, epochs, batch_size, seed, made: 0, failed: 0 }
    }

    fn check(&mut self, passed: bool, what: &str) -> Result<(), Failure> {
        self.made += 1;
        self.failed += usize::from(!passed);
        let (green, red) = (32, 31);
        let word = if passed { color(green, "passed") } else { color(red, "FAILED") };
        print(&format!("{word}  {what}\n"))
    }

    /// Checks a fresh model with these hidden widths.
    pub fn model<M: Layer<f32>, O: Optimizer<f32, M>, L>(
        &mut self,
        task: &Task<L>,
        model: &M,
        hidden: &[usize],
        optimizer: impl Fn(&M) -> O,
    ) -> Result<(), Failure>
    where
        L: Loss<f32, Target = [usize]> + Loss<f64, Target = [usize]> + Clone,
    {
        let Checks { digits, batch_size, seed, .. } = *self;
        let loss = &task.loss;
        let train = |model: M, optimizer: &mut O, digits: &Dataset, epochs| {
            task.train(model, optimizer, digits, epochs, batch_size, seed)
        };
        let few: Vec<usize> = (0..digits.train.len().min(16)).collect();
        let (x, labels) = digits.train.batch::<f32>(&few);

        let all_labels: Vec<usize> =
            digits.train.labels().iter().map(|&l| usize::from(l)).collect();
        let zeros = Array2::<f64>::zeros((all_labels.len(), task.outputs));
        let guess = loss.loss(&zeros, &all_labels[..]);
        let initial = evaluate(model, loss, task.answer, &digits.train).loss;
        let tolerance = (task.tolerance)(initial_deviation(&digits.train, hidden));
        self.check(
            (initial - guess).abs() <= tolerance,
            &format!(
                "initial loss {initial:.4} near {} = {guess:.4} (± {tolerance:.4} as initialised)",
                task.guess
            ),
        )?;

        let trained = train(model.clone(), &mut optimizer(model), digits, 1)?.0;
        let biases = |model: &M| -> Vec<f32> {
            let named = model.named_params().into_iter().filter(|p| p.name.ends_with("bias"));
            named.flat_map(|p| p.values.to_vec()).collect()
        };
        let (before, after) = (biases(model), biases(&trained));
        let learned = before.iter().zip(&after).filter(|(b, a)| b != a).count();
        self.check(
            !before.is_empty() && 2 * learned > before.len(),
            &format!("biases learned: {learned} of {} changed in an epoch", before.len()),
        )?;

        let (y, cache) = model.forward(x.clone());
        let (_, dy) = loss.loss_and_grad(y, &labels[..]);
        let mut grad = model.zeros_like();
        model.backward_params(cache, dy, &mut grad);
        let finite = grad.params().into_iter().flatten().filter(|g| g.is_finite()).count();
        self.check(
            finite == grad.count(),
            &format!("gradients finite: {finite} of {} on {} images", grad.count(), labels.len()),
        )?;

        let in_f64 = net::<f64>(hidden, task.outputs, &mut self.rng());
        let three = digits.train.batch(&few[..few.len().min(3)]);
        let right = gradcheck::layer(&in_f64, &three.0);
        let right = right.and_then(|()| gradcheck::loss(loss, &in_f64.infer(&three.0), &three.1));
        let numbers = match &right {
            Ok(()) => "net and loss in f64, on 3 images".to_owned(),
            Err(mismatch) => mismatch.to_string(),
        };
        self.check(right.is_ok(), &format!("gradients as central differences: {numbers}"))?;

        let mut sgd = task.sgd(hidden).init(model);
        let mut overfitted = model.clone();
        for _ in 0..STEPS {
            let (y, cache) = overfitted.forward(x.clone());
            let (_, dy) = loss.loss_and_grad(y, &labels[..]);
            grad.set_zero();
            overfitted.backward_params(cache, dy, &mut grad);
            sgd.step(&mut overfitted, &grad);
        }
        let left = loss.loss(&overfitted.infer(&x), &labels[..]);
        self.check(
            left < 0.05,
            &format!(
                "{} images learned by heart: loss {left:.4} after {STEPS} steps (below 0.05)",
                labels.len()
            ),
        )?;

        let unrelated = |split: &Split, epoch| {
            let order = shuffled(split.len(), seed, epoch);
            let labels = order.iter().map(|&i| split.labels()[i]).collect();
            Split::new(split.images().clone(), labels)
        };
        let shuffled = Dataset {
            train: unrelated(&digits.train, 1),
            test: unrelated(&digits.test, 2),
            ..digits.clone()
        };
        let history = train(model.clone(), &mut optimizer(model), &shuffled, 3)?.1;
        let accuracy = history[3].valid.accuracy;
        // Of images whose labels say nothing, 1 in 10 is right by chance: within four standard deviations nearly always.
        let chance = 1.0 / CLASSES as f64;
        let tolerance = 4.0 * (chance * (1.0 - chance) / shuffled.test.len() as f64).sqrt();
        self.check(
            (accuracy - chance).abs() <= tolerance,
            &format!(
                "shuffled labels not learned: accuracy {accuracy:.4}, chance {chance} ± {tolerance:.4}"
            ),
        )
    }

    /// Checks that a net with a hidden layer ends below one without, both trained with plain SGD.
    pub fn two_layers_below_one<L>(&mut self, task: &Task<L>, hidden: usize) -> Result<(), Failure>
    where
        L: Loss<f32, Target = [usize]> + Clone,
    {
        let Checks { digits, epochs, batch_size, seed, .. } = *self;
        let final_losses = |hidden: &[usize]| -> Result<(f64, f64), Failure> {
            let model = net(hidden, task.outputs, &mut self.rng());
            let mut sgd = task.sgd(hidden).init(&model);
            let (_, history) = task.train(model, &mut sgd, digits, epochs, batch_size, seed)?;
            let best = history.iter().map(|e| e.valid.loss).fold(f64::MAX, f64::min);
            Ok((history[history.len() - 1].train.loss, best))
        };
        let (one, two) = (final_losses(&[])?, final_losses(&[hidden])?);
        self.check(
            two.0 < one.0 - 0.1 && two.1 < one.1,
            &format!(
                "two layers beat one: train {:.4} and {:.4}, valid {:.4} and {:.4}",
                two.0, one.0, two.1, one.1
            ),
        )
    }

    /// Says how it went.
    pub fn end(self) -> Result<(), Failure> {
        let Checks { made, failed, .. } = self;
        match failed {
            0 => print(&format!("\nall {made} checks passed\n")),
            _ => Err(Failure::Run(format!("{failed} of {made} checks failed"))),
        }
    }

    fn rng(&self) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.seed)
    }
}

/// The standard deviation of an output over the draws of the initial weights.
///
/// Weights and biases are uniform within `±1/√n` of a layer's `n` inputs, with variance `1/3n`: so `E y² = (E x² + 1/n) / 3`, and ReLU
/// halves the mean square of what is symmetric about 0.
fn initial_deviation(digits: &Split, hidden: &[usize]) -> f64 {
    let squares: f64 = digits.images().iter().map(|&p| (f64::from(p) / 255.0).powi(2)).sum();
    let mut square = squares / digits.images().len() as f64;
    let mut inputs = PIXELS;
    for &width in hidden {
        square = (square + 1.0 / inputs as f64) / 3.0 / 2.0;
        inputs = width;
    }
    ((square + 1.0 / inputs as f64) / 3.0).sqrt()
}
