//! The homework's question: how much better than logistic regression does a multilayer perceptron read digits? Both are trained on the same
//! images in the same order, with several seeds, and judged on the same images.
//!
//! `cargo run --release --example compare`, and with `-- --help` what can be changed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use longhand_layers::rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Layer, Linear, Relu, SoftmaxCrossEntropy};
use longhand_mnist::Dataset;
use longhand_optim::Sgd;
use longhand_report::statistics::{bootstrap_mean, mcnemar, wilson};
use longhand_report::{Chart, Curve};
use longhand_train::{Epoch, Training, argmax};

const HELP: &str = "Logistic regression and a multilayer perceptron on the same digits, compared.

Usage: cargo run --release --example compare -- [flags]     (defaults in parentheses)

  --seeds N        how often both are trained, each time with other initial
                   weights and another order (5)
  --epochs N       how often each training image is seen (30)
  --hidden W       hidden units of the perceptron (30)
  --data DIR       folder with the four MNIST files (the digits inside the program)
  --per-class N    images of each digit in either set (500)
  --out DIR        where compare.svg goes (runs/compare)
  --help           print this
";

struct Options {
    seeds: u64,
    epochs: usize,
    hidden: usize,
    data: Option<PathBuf>,
    per_class: usize,
    out: PathBuf,
}

/// A trained model on the validation images.
struct Outcome {
    right: Vec<bool>,
    losses: Vec<f64>,
    history: Vec<Epoch>,
    seconds: f64,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err((message, code)) => {
            let _ = writeln!(io::stderr(), "error: {message}");
            ExitCode::from(code)
        }
    }
}

fn run() -> Result<(), (String, u8)> {
    let Some(options) =
        parse().map_err(|error| (format!("{error}\n`--help` lists the flags."), 2))?
    else {
        return print(HELP);
    };
    let all = match &options.data {
        None => Dataset::embedded(),
        Some(folder) => {
            Dataset::from_idx_folder(folder).map_err(|error| (format!("--data: {error}"), 1))?
        }
    };
    let digits = all
        .draw_per_class(options.per_class, 0)
        .map_err(|error| (format!("--per-class: {error}"), 2))?;
    let n = digits.test.len();
    print(&format!(
        "{}: {} training and {n} validation images, {} epochs, batch size 16\n\
         logistic regression 784-10 (learning rate 0.05) and perceptron 784-{}-10 (0.1)\n\n\
         seed  logistic  perceptron  only the one right  only the other     p      seconds\n",
        digits.source,
        digits.train.len(),
        options.epochs,
        options.hidden
    ))?;
    let mut pairs = vec![];
    for seed in 42..42 + options.seeds {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
        let logistic = train(Linear::new(784, 10, rng), 0.05, seed, &options, &digits)?;
        let hidden = Linear::new(784, options.hidden, rng).then(Relu);
        let mlp =
            train(hidden.then(Linear::new(options.hidden, 10, rng)), 0.1, seed, &options, &digits)?;
        let only = |a: &Outcome, b: &Outcome| {
            a.right.iter().zip(&b.right).filter(|(a, b)| **a && !**b).count()
        };
        let (logistic_only, mlp_only) = (only(&logistic, &mlp), only(&mlp, &logistic));
        print(&format!(
            "{seed:>4}  {:>8.4}  {:>10.4}  {logistic_only:>18}  {mlp_only:>14}  {:>8.1e}  {:.1} and {:.1}\n",
            logistic.accuracy(),
            mlp.accuracy(),
            mcnemar(logistic_only, mlp_only),
            logistic.seconds,
            mlp.seconds
        ))?;
        pairs.push((logistic, mlp, mcnemar(logistic_only, mlp_only)));
    }
    print(&summary(&pairs, n))?;
    let path = options.out.join("compare.svg");
    let failed = |path: &Path, error: io::Error| {
        (format!("cannot write {}: {error}; choose another folder with --out", path.display()), 1)
    };
    fs::create_dir_all(&options.out).map_err(|error| failed(&options.out, error))?;
    fs::write(&path, plot(&pairs[0])).map_err(|error| failed(&path, error))?;
    print(&format!("\nThe losses of seed 42 are in {}.\n", path.display()))
}

fn parse() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options {
        seeds: 5,
        epochs: 30,
        hidden: 30,
        data: None,
        per_class: 500,
        out: PathBuf::from("runs/compare"),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") => return Ok(None),
            Long("seeds") => options.seeds = parser.value()?.parse_with(positive)? as u64,
            Long("epochs") => options.epochs = parser.value()?.parse_with(positive)?,
            Long("hidden") => options.hidden = parser.value()?.parse_with(positive)?,
            Long("per-class") => options.per_class = parser.value()?.parse_with(positive)?,
            Long("data") => options.data = Some(parser.value()?.into()),
            Long("out") => options.out = parser.value()?.into(),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn positive(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| (1..=100_000).contains(n));
    number.ok_or_else(|| "expected a number from 1 to 100000".to_owned())
}

fn print(text: &str) -> Result<(), (String, u8)> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err((format!("cannot write to standard output: {error}"), 1))
        }
        _ => Ok(()),
    }
}

fn train<M: Layer<f32>>(
    mut model: M,
    learning_rate: f64,
    seed: u64,
    options: &Options,
    digits: &Dataset,
) -> Result<Outcome, (String, u8)> {
    let start = Instant::now();
    let loss = SoftmaxCrossEntropy::default();
    let training = Training { loss, answer: argmax, epochs: options.epochs, batch_size: 16, seed };
    let mut sgd = Sgd { learning_rate, ..Sgd::default() }.init(&model);
    let history = training
        .run(&mut model, &mut sgd, &digits.train, &digits.test, &mut ())
        .map_err(|diverged| (diverged.to_string(), 1))?;
    let seconds = start.elapsed().as_secs_f64();
    let (x, labels) = digits.test.batch(&(0..digits.test.len()).collect::<Vec<_>>());
    let logits = model.infer(&x);
    let of_image = |(z, &t): (ndarray::ArrayView1<'_, f32>, &usize)| {
        let max = f64::from(z[argmax(&z)]);
        let lse = max + z.iter().map(|&z| (f64::from(z) - max).exp()).sum::<f64>().ln();
        (argmax(&z) == t, lse - f64::from(z[t]))
    };
    let (right, losses) = logits.rows().into_iter().zip(&labels).map(of_image).unzip();
    Ok(Outcome { right, losses, history, seconds })
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
            "The perceptron reads these digits better: with each of the {seeds} seeds, and by more than chance explains (p < 0.05 each time)."
        )
    } else {
        format!(
            "The perceptron was the better one with {better} of {seeds} seeds, and a difference was more than chance explains with {clear} (p < 0.05): \
             that settles nothing."
        )
    };
    format!(
        "\naccuracy over the seeds, mean ± standard deviation\n  logistic    {}\n  perceptron  {}\n  difference  {}\n\
         with seed 42\n  logistic    {} (95 %, Wilson)\n  perceptron  {} (95 %, Wilson)\n  same accuracy, by chance as far apart as this: p = {p:.1e} (McNemar, \
         exact)\n  loss of an image, logistic less perceptron: {mean:.4} ({low:.4} to {high:.4}, 95 %, bootstrap)\n\n\
         {verdict}\nIt does not follow that it would with other images, other settings or more of either; all seeds share their images,\n\
         so that the spread over the seeds is that of training, and the intervals are those of the choice of images.\n",
        over_seeds(|(l, ..)| l.accuracy()),
        over_seeds(|(_, m, _)| m.accuracy()),
        over_seeds(|(l, m, _)| m.accuracy() - l.accuracy()),
        interval(logistic),
        interval(mlp),
    )
}

fn plot((logistic, mlp, _): &(Outcome, Outcome, f64)) -> String {
    let curve = |name: &str, history: &[Epoch], loss: fn(&Epoch) -> f64| {
        Curve::new(name, history.iter().map(loss).collect())
    };
    let curves = [
        curve("1 layer, train", &logistic.history, |e| e.train.loss),
        curve("1 layer, valid", &logistic.history, |e| e.valid.loss),
        curve("2 layers, train", &mlp.history, |e| e.train.loss),
        curve("2 layers, valid", &mlp.history, |e| e.valid.loss),
    ];
    let mark = Some((10f64.ln(), "ln 10: guessing"));
    Chart { title: "One layer and two", x: "epoch", y: "mean cross-entropy", curves: &curves, mark }
        .svg()
}
