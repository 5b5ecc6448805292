//! The homework's question: how much better than logistic regression does a multilayer perceptron read digits? Both are trained on the same
//! images in the same order, with several seeds, and judged on the same images.
//!
//! `cargo run --release --example compare`, and with `-- --help` what can be changed.

#[path = "support/check.rs"]
mod check;
#[path = "support/command.rs"]
mod command;
#[path = "support/data.rs"]
mod data;
#[path = "support/task.rs"]
mod task;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use longhand_layers::rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Layer, Linear, Relu, SoftmaxCrossEntropy};
use longhand_mnist::Dataset;
use longhand_optim::Sgd;
use longhand_report::statistics::{bootstrap_mean, mcnemar, wilson};
use longhand_report::{Comparison, Curve};
use longhand_train::{Epoch, Training, argmax};

use check::Checks;
use command::{COUNT, Failure, PerClass, is_count, make_folder, number, print, write};
use task::CLASSIFICATION;

const HELP: &str = "Logistic regression and a multilayer perceptron on the same digits, compared.

Usage: cargo run --release --example compare -- [flags]     (defaults in parentheses)

  --seeds N        how often both are trained, each time with other initial
                   weights and another order (5)
  --epochs N       how often each training image is seen (30)
  --hidden W       hidden units of the perceptron (30)
  --data DIR       folder or name of other digits, as for mlp
                   (the digits inside the program)
  --per-class N    images of each digit in either set, or `all` (500)
  --out DIR        where compare.html and compare.svg go (runs/compare)
  --check          check both models in place of the comparison: one line each,
                   exit code 1 if one failed
  --help           print this
";

struct Options {
    seeds: u64,
    epochs: usize,
    hidden: usize,
    data: Option<PathBuf>,
    per_class: PerClass,
    out: PathBuf,
    check: bool,
}

const FIRST_SEED: u64 = 42;

/// Of the logistic model and of the perceptron.
const LEARNING_RATES: [f64; 2] = CLASSIFICATION.rates;

/// A trained model on the validation images.
struct Outcome {
    answers: Vec<usize>,
    right: Vec<bool>,
    losses: Vec<f64>,
    history: Vec<Epoch>,
    seconds: f64,
}

fn main() -> ExitCode {
    command::exit(run())
}

fn run() -> Result<(), Failure> {
    let Some(options) = parse()? else { return print(HELP) };
    let digits = command::digits(options.data.as_deref(), options.per_class, 0)?;
    if options.check {
        return check(&options, &digits);
    }
    // Before the training and not after it: a folder that cannot be written.
    make_folder(&options.out)?;
    let n = digits.test.len();
    print(&format!(
        "{}: {} training and {n} validation images,\n\
         {} epochs, batch size 16; accuracy, and images that only one reads, of\n\
         logistic regression 784-10 (learning rate {}) and perceptron 784-{}-10 ({})\n\n\
         seed  logistic  perceptron  only logistic  only perceptron        p  seconds\n",
        digits.source,
        digits.train.len(),
        options.epochs,
        LEARNING_RATES[0],
        options.hidden,
        LEARNING_RATES[1]
    ))?;
    let mut pairs = vec![];
    for seed in FIRST_SEED..FIRST_SEED + options.seeds {
        let (logistic, mlp) = models(seed, options.hidden);
        let logistic = train(logistic, LEARNING_RATES[0], seed, &options, &digits)?;
        let mlp = train(mlp, LEARNING_RATES[1], seed, &options, &digits)?;
        let only = |a: &Outcome, b: &Outcome| {
            a.right.iter().zip(&b.right).filter(|(a, b)| **a && !**b).count()
        };
        let (logistic_only, mlp_only) = (only(&logistic, &mlp), only(&mlp, &logistic));
        print(&format!(
            "{seed:>4}  {:>8.4}  {:>10.4}  {logistic_only:>13}  {mlp_only:>15}  {:>7.1e}  {:.1}, {:.1}\n",
            logistic.accuracy(),
            mlp.accuracy(),
            mcnemar(logistic_only, mlp_only),
            logistic.seconds,
            mlp.seconds
        ))?;
        pairs.push((logistic, mlp, mcnemar(logistic_only, mlp_only)));
    }
    let summary = summary(&pairs, n);
    print(&summary)?;

    let (logistic, mlp, _) = &pairs[0];
    let labels: Vec<usize> = digits.test.labels().iter().map(|&l| usize::from(l)).collect();
    let comparison = Comparison {
        title: "One layer and two",
        text: summary.trim(),
        names: ["logistic regression", "the perceptron"],
        losses: &losses(logistic, mlp),
        classes: &digits.class_names.map(str::to_owned),
        images: digits.test.images().view(),
        labels: &labels,
        answers: [&logistic.answers, &mlp.answers],
    };
    write(&options.out.join("compare.svg"), comparison.loss_svg())?;
    write(&options.out.join("compare.html"), comparison.html())?;
    print(&format!(
        "\nThe losses of seed {FIRST_SEED} and the images that only one of the two reads:\n{}\n",
        options.out.join("compare.html").display()
    ))
}

/// The two that are compared.
fn models(seed: u64, hidden: usize) -> (impl Layer<f32>, impl Layer<f32>) {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
    let logistic = Linear::new(784, 10, rng);
    (logistic, Linear::new(784, hidden, rng).then(Relu).then(Linear::new(hidden, 10, rng)))
}

fn check(options: &Options, digits: &Dataset) -> Result<(), Failure> {
    let (logistic, mlp) = models(FIRST_SEED, options.hidden);
    let [slow, fast] = LEARNING_RATES.map(|learning_rate| Sgd { learning_rate, ..Sgd::default() });
    let mut checks = Checks::new(digits, options.epochs, 16, FIRST_SEED);
    print("logistic regression\n")?;
    checks.model(&CLASSIFICATION, &logistic, &[], |model| slow.init(model))?;
    print("perceptron\n")?;
    checks.model(&CLASSIFICATION, &mlp, &[options.hidden], |model| fast.init(model))?;
    print("one layer and two\n")?;
    checks.two_layers_below_one(&CLASSIFICATION, options.hidden)?;
    checks.end()
}

fn parse() -> Result<Option<Options>, Failure> {
    let mut options = Options {
        seeds: 5,
        epochs: 30,
        hidden: 30,
        data: None,
        per_class: PerClass::Count(500),
        out: PathBuf::from("runs/compare"),
        check: false,
    };
    let known = ["seeds", "epochs", "hidden", "per-class", "data", "out", "check"];
    let asked = command::flags(&known, |flag, value| {
        match flag {
            "seeds" => options.seeds = number(flag, &value, COUNT, is_count)? as u64,
            "epochs" => options.epochs = number(flag, &value, COUNT, is_count)?,
            "hidden" => options.hidden = number(flag, &value, COUNT, is_count)?,
            "per-class" => options.per_class = PerClass::parse(&value)?,
            "data" => options.data = Some(value.into()),
            "check" => options.check = true,
            _ => options.out = value.into(),
        }
        Ok(())
    })?;
    Ok(asked.then_some(options))
}

fn train<M: Layer<f32>>(
    mut model: M,
    learning_rate: f64,
    seed: u64,
    options: &Options,
    digits: &Dataset,
) -> Result<Outcome, Failure> {
    let start = Instant::now();
    let loss = SoftmaxCrossEntropy::default();
    let training = Training { loss, answer: argmax, epochs: options.epochs, batch_size: 16, seed };
    let mut sgd = Sgd { learning_rate, ..Sgd::default() }.init(&model);
    let history = training
        .run(&mut model, &mut sgd, &digits.train, &digits.test, &mut ())
        .map_err(|diverged| Failure::Run(diverged.to_string()))?;
    let seconds = start.elapsed().as_secs_f64();
    let (x, labels) = digits.test.batch(&(0..digits.test.len()).collect::<Vec<_>>());
    let logits = model.infer(&x);
    let of_image = |(z, &t): (ndarray::ArrayView1<'_, f32>, &usize)| {
        let max = f64::from(z[argmax(&z)]);
        let lse = max + z.iter().map(|&z| (f64::from(z) - max).exp()).sum::<f64>().ln();
        (argmax(&z) == t, lse - f64::from(z[t]))
    };
    let (right, losses) = logits.rows().into_iter().zip(&labels).map(of_image).unzip();
    let answers = logits.rows().into_iter().map(|z| argmax(&z)).collect();
    Ok(Outcome { answers, right, losses, history, seconds })
}

impl Outcome {
    fn count(&self) -> usize {
        self.right.iter().filter(|r| **r).count()
    }

    fn accuracy(&self) -> f64 {
        self.count() as f64 / self.right.len() as f64
    }
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    (mean, if n > 1.0 { (squares / (n - 1.0)).sqrt() } else { 0.0 })
}

fn summary(pairs: &[(Outcome, Outcome, f64)], n: usize) -> String {
    let (logistic, mlp, p) = &pairs[0];
    let interval = |outcome: &Outcome| {
        let (low, high) = wilson(outcome.count(), n);
        format!("{:.4} ({low:.4} to {high:.4})", outcome.accuracy())
    };
    let over_seeds = |of: fn(&(Outcome, Outcome, f64)) -> f64| {
        let (mean, deviation) = mean_and_deviation(&pairs.iter().map(of).collect::<Vec<_>>());
        format!("{mean:.4} ± {deviation:.4}")
    };
    let differences: Vec<f64> =
        logistic.losses.iter().zip(&mlp.losses).map(|(l, m)| l - m).collect();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(42);
    let (mean, low, high) = bootstrap_mean(&differences, || rng.next_u64());
    let gains: Vec<f64> = pairs.iter().map(|(l, m, _)| m.accuracy() - l.accuracy()).collect();
    let better = gains.iter().filter(|g| **g > 0.0).count();
    let clear = pairs.iter().filter(|(.., p)| *p < 0.05).count();
    let seeds = pairs.len();
    let verdict = if better == seeds && clear == seeds {
        format!(
            "The perceptron reads these digits better: with each of the {seeds} seeds, and by more\n\
             than chance explains (p < 0.05 each time)."
        )
    } else {
        format!(
            "The perceptron was the better one with {better} of {seeds} seeds, and a difference was more\n\
             than chance explains with {clear} (p < 0.05): that settles nothing."
        )
    };
    format!(
        "\naccuracy over the seeds, mean ± standard deviation\n  logistic    {}\n  perceptron  {}\n  difference  {}\n\
         with seed 42\n  logistic    {} (95 %, Wilson)\n  perceptron  {} (95 %, Wilson)\n  same accuracy, by chance as far apart as this: p = {p:.1e} (McNemar, \
         exact)\n  loss of an image, logistic less perceptron: {mean:.4}\n    ({low:.4} to {high:.4}, 95 %, bootstrap)\n\n\
         {verdict}\nIt does not follow that it would with other images, other settings or more of\n\
         either; all seeds share their images, so that the spread over the seeds is that\n\
         of training, and the intervals are those of the choice of images.\n",
        over_seeds(|(l, ..)| l.accuracy()),
        over_seeds(|(_, m, _)| m.accuracy()),
        over_seeds(|(l, m, _)| m.accuracy() - l.accuracy()),
        interval(logistic),
        interval(mlp),
    )
}

/// Both losses of both models.
fn losses(logistic: &Outcome, mlp: &Outcome) -> [Curve; 4] {
    let curve = |name: &str, of: &Outcome, loss: fn(&Epoch) -> f64| {
        Curve::new(name, of.history.iter().map(loss).collect())
    };
    [
        curve("1 layer, train", logistic, |e| e.train.loss),
        curve("1 layer, valid", logistic, |e| e.valid.loss),
        curve("2 layers, train", mlp, |e| e.train.loss),
        curve("2 layers, valid", mlp, |e| e.valid.loss),
    ]
}
