//! `--check`: what the homework asks to be checked, each printed with its numbers.

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Layer, Linear, Loss, Relu, SoftmaxCrossEntropy, gradcheck};
use longhand_mnist::{Dataset, Split, shuffled};
use longhand_optim::{Optimizer, Sgd};
use longhand_train::{Epoch, Training, argmax, evaluate};

use super::console::Console;
use super::{CLASSES, Failure, Options, PIXELS, optimizer};

/// Steps on one batch, after which its loss is to be near zero.
const STEPS: usize = 1000;

struct Checks<'a> {
    console: &'a mut Console,
    made: usize,
    failed: usize,
}

impl Checks<'_> {
    fn check(&mut self, passed: bool, what: &str, numbers: &str) -> Result<(), Failure> {
        self.made += 1;
        self.failed += usize::from(!passed);
        let (green, red) = (32, 31);
        let word = match passed {
            true => self.console.colored(green, "passed"),
            false => self.console.colored(red, "FAILED"),
        };
        self.console.line(&format!("{word}  {what}: {numbers}"))
    }
}

/// Makes all checks of a fresh model.
pub fn run<M: Layer<f32> + 'static>(
    console: &mut Console,
    options: &Options,
    digits: &Dataset,
    model: M,
) -> Result<(), Failure> {
    let mut checks = Checks { console, made: 0, failed: 0 };
    let loss = SoftmaxCrossEntropy::default();
    let few: Vec<usize> = (0..digits.train.len().min(16)).collect();
    let (x, labels) = digits.train.batch::<f32>(&few);

    // A fresh net's logits z vary by σ between classes: the loss lies at ln 10 + σ²/2 or so, and by up to σ off for the images at hand.
    let logits =
        model.infer(&digits.train.batch(&(0..digits.train.len().min(1000)).collect::<Vec<_>>()).0);
    let spread = f64::from(logits.std(0.0));
    let (initial, chance) =
        (evaluate(&model, &loss, argmax, &digits.train).loss, (CLASSES as f64).ln());
    let tolerance = spread + spread * spread / 2.0;
    checks.check(
        (initial - chance).abs() <= tolerance,
        "the initial loss is near ln 10",
        &format!("{initial:.4}, expected {chance:.4} ± {tolerance:.4} as the logits' deviation is {spread:.4}"),
    )?;

    let trained = train(&model, options, digits, 1)?.0;
    let biases = |model: &M| -> Vec<f32> {
        let named = model.named_params().into_iter().filter(|p| p.name.ends_with("bias"));
        named.flat_map(|p| p.values.to_vec()).collect()
    };
    let (before, after) = (biases(&model), biases(&trained));
    let learned = before.iter().zip(&after).filter(|(b, a)| b != a).count();
    checks.check(
        !before.is_empty() && 2 * learned > before.len(),
        "biases are there and learned",
        &format!("{learned} of {} changed in an epoch", before.len()),
    )?;

    let (logits, cache) = model.forward(x.clone());
    let (_, dlogits) = loss.loss_and_grad(logits, &labels);
    let mut grad = model.zeros_like();
    model.backward_params(cache, dlogits, &mut grad);
    let finite = grad.params().into_iter().flatten().filter(|g| g.is_finite()).count();
    checks.check(
        finite == grad.count(),
        "every gradient is finite",
        &format!("{finite} of {} on a batch of {}", grad.count(), labels.len()),
    )?;

    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(options.seed);
    let mut width = PIXELS;
    let mut hidden = vec![];
    for &next in &options.hidden {
        hidden.push(Linear::<f64>::new(width, next, rng).then(Relu));
        width = next;
    }
    let in_f64 = hidden.then(Linear::new(width, CLASSES, rng));
    let three = digits.train.batch(&few[..few.len().min(3)]);
    let right = gradcheck::layer(&in_f64, &three.0);
    let right = right.and_then(|()| gradcheck::loss(&loss, &in_f64.infer(&three.0), &three.1[..]));
    let numbers = match &right {
        Ok(()) => "net and loss in f64, three images, against central differences".to_owned(),
        Err(mismatch) => mismatch.to_string(),
    };
    checks.check(right.is_ok(), "the gradients are right", &numbers)?;

    let (mut overfitted, mut sgd) =
        (model.clone(), Sgd { learning_rate: 0.1, ..Sgd::default() }.init(&model));
    for _ in 0..STEPS {
        let (logits, cache) = overfitted.forward(x.clone());
        let (_, dlogits) = loss.loss_and_grad(logits, &labels);
        grad.set_zero();
        overfitted.backward_params(cache, dlogits, &mut grad);
        sgd.step(&mut overfitted, &grad);
    }
    let left = loss.loss(&overfitted.infer(&x), &labels);
    checks.check(
        left < 0.05,
        "one batch can be learned by heart",
        &format!(
            "loss {left:.4} after {STEPS} steps on {} images, expected below 0.05",
            labels.len()
        ),
    )?;

    let unrelated = |split: &Split, seed| {
        let order = shuffled(split.len(), options.seed, seed);
        let labels = order.iter().map(|&i| split.labels()[i]).collect();
        Split::new(split.images().clone(), labels)
    };
    let shuffled = Dataset {
        train: unrelated(&digits.train, 1),
        test: unrelated(&digits.test, 2),
        ..digits.clone()
    };
    let accuracy = train(&model, options, &shuffled, 3)?.1[3].valid.accuracy;
    // Of images whose labels say nothing, 1 in 10 is right by chance: within four standard deviations nearly always.
    let chance = 1.0 / CLASSES as f64;
    let tolerance = 4.0 * (chance * (1.0 - chance) / shuffled.test.len() as f64).sqrt();
    checks.check(
        (accuracy - chance).abs() <= tolerance,
        "shuffled labels cannot be learned",
        &format!("validation accuracy {accuracy:.4} after 3 epochs, expected {chance:.4} ± {tolerance:.4}"),
    )?;

    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(options.seed);
    let one = final_loss(Linear::new(PIXELS, CLASSES, rng), 0.05, options, digits)?;
    let hidden = Linear::new(PIXELS, 30, rng).then(Relu);
    let two = final_loss(hidden.then(Linear::new(30, CLASSES, rng)), 0.1, options, digits)?;
    checks.check(
        two.0 < one.0 - 0.1 && two.1 < one.1,
        "two layers end clearly below one",
        &format!(
            "after {} epochs training loss {:.4} against {:.4}, best validation loss {:.4} against {:.4}",
            options.epochs, two.0, one.0, two.1, one.1
        ),
    )?;

    let Checks { made, failed, .. } = checks;
    match failed {
        0 => console.line(&format!("\nall {made} checks passed")),
        _ => Err(Failure::Run(format!("{failed} of {made} checks failed"))),
    }
}

/// A copy of the model, trained with the run's settings, and what every epoch gave.
fn train<M: Layer<f32> + 'static>(
    model: &M,
    options: &Options,
    digits: &Dataset,
    epochs: usize,
) -> Result<(M, Vec<Epoch>), Failure> {
    let mut model = model.clone();
    let loss = SoftmaxCrossEntropy::default();
    let Options { batch_size, seed, .. } = *options;
    let training = Training { loss, answer: argmax, epochs, batch_size, seed };
    let mut optimizer = optimizer(options, digits.train.len(), &model);
    let history = training.run(&mut model, &mut optimizer, &digits.train, &digits.test, &mut ());
    Ok((model, history.map_err(|diverged| Failure::Run(diverged.to_string()))?))
}

/// The training loss at the end and the best validation loss, with plain SGD.
fn final_loss<M: Layer<f32>>(
    mut model: M,
    learning_rate: f64,
    options: &Options,
    digits: &Dataset,
) -> Result<(f64, f64), Failure> {
    let Options { epochs, batch_size, seed, .. } = *options;
    let training =
        Training { loss: SoftmaxCrossEntropy::default(), answer: argmax, epochs, batch_size, seed };
    let mut sgd = Sgd { learning_rate, ..Sgd::default() }.init(&model);
    let history = training.run(&mut model, &mut sgd, &digits.train, &digits.test, &mut ());
    let history = history.map_err(|diverged| Failure::Run(diverged.to_string()))?;
    let best = history.iter().map(|e| e.valid.loss).fold(f64::MAX, f64::min);
    Ok((history[history.len() - 1].train.loss, best))
}
