//! The homework's question: how much better than logistic regression is a multilayer perceptron?
//! Both are trained on the same images in the same order, with several seeds, and evaluated on the
//! same images.
//!
//! `cargo run --release --example compare`, and with `-- --help` what can be changed.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use longhand_layers::rand::Rng;
use longhand_layers::{Layer, Linear, Mlp, log_softmax, mlp};
use longhand_mnist::Dataset;
use longhand_report::statistics::{bootstrap_mean, mcnemar, wilson};
use longhand_report::{Comparison, Curve};
use longhand_run::task::{RATES, classification};
use longhand_run::{
    Checks, DataFlags, Failure, Model, RunFolder, check_memory, count, exit, folder,
};
use longhand_run::{generator, identity, net_name, parse, terminal};
use longhand_train::{Batch, Data, Epoch, argmax};
use serde_json::json;
use terminal::print;

/// Logistic regression and a multilayer perceptron on the same digits, compared.
#[derive(Parser)]
struct Flags {
    /// How often both are trained, each time with other initial weights and another order
    #[arg(long, value_name = "N", default_value = "5", value_parser = count, allow_negative_numbers = true)]
    seeds: usize,
    /// How often each training image is seen
    #[arg(long, value_name = "N", default_value = "30", value_parser = count, allow_negative_numbers = true)]
    epochs: usize,
    /// Hidden units of the perceptron
    #[arg(long, value_name = "W", default_value = "30", value_parser = count, allow_negative_numbers = true)]
    hidden: usize,
    #[command(flatten)]
    data: DataFlags,
    /// Where compare.html and compare.svg go
    #[arg(long, value_name = "DIR", default_value = "runs/compare", value_parser = folder())]
    out: std::path::PathBuf,
    /// Check both models instead of the comparison: one line each, exit code 1 if one failed
    #[arg(long)]
    check: bool,
}

const FIRST_SEED: u64 = 42;
const BATCH_SIZE: usize = 16;

/// Learning rates of the logistic model and of the perceptron.
const LEARNING_RATES: [f64; 2] = RATES;

/// A trained model on the validation images.
struct Outcome {
    answers: Vec<usize>,
    right: Vec<bool>,
    losses: Vec<f64>,
    history: Vec<Epoch<f64>>,
    seconds: f64,
}

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let flags = parse::<Flags>()?;
    let digits = flags.data.digits(0)?;
    let task = classification(digits.train.classes());
    let [linear, net] = [&[][..], &[flags.hidden]].map(|hidden| task.widths(&digits, hidden));
    check_memory(&net, BATCH_SIZE, 0)?;
    if flags.check {
        return check(&flags, &digits);
    }
    // Before the training and not after it: a folder that cannot be written.
    let out = RunFolder::create(&flags.out, &["compare.svg", "compare.html"])?;
    let Flags { seeds, epochs, hidden, .. } = flags;
    let config = json!({ "example": "compare", "seeds": seeds, "epochs": epochs, "hidden": hidden, "data": identity(&digits) });
    out.write("config.json", format!("{config:#}\n"))?;
    let n = digits.test.len();
    print(&format!(
        "{}: {} training and {n} validation images,\n\
         {epochs} epochs, batch size {BATCH_SIZE}: accuracy of logistic regression, {} (learning\n\
         rate {}), and of the perceptron, {} ({}), and how many images\n\
         only one of the two classifies correctly\n\n\
         seed  logistic  perceptron  only logistic  only perceptron        p  seconds\n",
        digits.source,
        digits.train.len(),
        net_name(&linear),
        LEARNING_RATES[0],
        net_name(&net),
        LEARNING_RATES[1]
    ))?;
    let mut pairs = vec![];
    for seed in (FIRST_SEED..).take(seeds) {
        // Each net has a generator of its own, so that it is the same wherever it is trained.
        let layer = Linear::new(linear[0], linear[1], &mut generator(seed));
        let logistic = train(layer, &linear, seed, epochs, &digits)?;
        let mlp = train::<Mlp<f32>>(mlp(&net, &mut generator(seed)), &net, seed, epochs, &digits)?;
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
    let verdict = verdict(&pairs);
    let summary = summary(&pairs, n);
    print(&format!("{summary}{}", wrapped(&verdict)))?;

    let (logistic, mlp, _) = &pairs[0];
    let labels: Vec<usize> = digits.test.labels().iter().map(|&l| usize::from(l)).collect();
    let comparison = Comparison {
        title: "One layer and two",
        verdict: &verdict,
        heads: &[
            "model",
            "accuracy, mean ± standard deviation",
            "seed 42",
            "95 % interval",
            "lowest validation loss",
        ],
        rows: &[
            row("logistic regression", &pairs, |p| &p.0, n),
            row("perceptron", &pairs, |p| &p.1, n),
        ],
        text: summary.trim(),
        names: ["logistic regression", "the perceptron"],
        losses: &losses(logistic, mlp),
        classes: &digits.class_names,
        images: digits.test.images().view(),
        labels: &labels,
        answers: [&logistic.answers, &mlp.answers],
    };
    out.write("compare.svg", comparison.loss_svg())?;
    out.write("compare.html", comparison.html())?;
    let page = out.publish()?.join("compare.html");
    print(&format!(
        "\nThe losses of seed {FIRST_SEED} and the images that only one classifies correctly:\n{}\n",
        terminal::path(&page)
    ))
}

fn check(flags: &Flags, digits: &Dataset) -> Result<(), Failure> {
    let mut checks = Checks::new(digits, flags.epochs, BATCH_SIZE, FIRST_SEED);
    let rng = || generator(FIRST_SEED);
    let task = classification(digits.train.classes());
    let [one, two] = [&[][..], &[flags.hidden]].map(|hidden| task.widths(digits, hidden));
    print("logistic regression\n")?;
    let linear = (Linear::new(one[0], one[1], &mut rng()), Linear::new(one[0], one[1], &mut rng()));
    let model = Model::new(linear.0, linear.1, &one);
    let logistic = checks.model(&task, &model, |model| task.sgd(&one).init(model))?;
    print("perceptron\n")?;
    let model = Model::new(mlp(&two, &mut rng()), mlp(&two, &mut rng()), &two);
    let perceptron = checks.model(&task, &model, |model| task.sgd(&two).init(model))?;
    print("one layer and two\n")?;
    checks.two_layers_below_one(&logistic, &perceptron)?;
    checks.end()
}

fn train<M: Layer<f32>>(
    mut model: M,
    widths: &[usize],
    seed: u64,
    epochs: usize,
    digits: &Dataset,
) -> Result<Outcome, Failure> {
    let start = Instant::now();
    let task = classification(digits.train.classes());
    let mut sgd = task.sgd(widths).init(&model);
    let history = task.train(&mut model, &mut sgd, digits, (epochs, BATCH_SIZE, seed))?;
    let seconds = start.elapsed().as_secs_f64();
    let all: Vec<usize> = (0..digits.test.len()).collect();
    let Batch { x, targets: labels } = Data::<f32>::batch(&digits.test, &all);
    let log_p = log_softmax(model.infer(&x).mapv(f64::from));
    let answers: Vec<usize> = log_p.rows().into_iter().map(|row| argmax(&row)).collect();
    let right = answers.iter().zip(&labels).map(|(answer, label)| answer == label).collect();
    let losses = log_p.rows().into_iter().zip(&labels).map(|(row, &label)| -row[label]).collect();
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

/// Mean and standard deviation in words. One value has no deviation.
fn mean_and_deviation(values: &[f64]) -> String {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    match values.len() {
        1 => format!("{mean:.4}"),
        _ => format!("{mean:.4} ± {:.4}", (squares / (n - 1.0)).sqrt()),
    }
}

fn summary(pairs: &[(Outcome, Outcome, f64)], n: usize) -> String {
    let (logistic, mlp, p) = &pairs[0];
    let interval = |outcome: &Outcome| {
        let (low, high) = wilson(outcome.count(), n);
        format!("{:.4} ({low:.4} to {high:.4})", outcome.accuracy())
    };
    let over_seeds = |of: fn(&(Outcome, Outcome, f64)) -> f64| {
        mean_and_deviation(&pairs.iter().map(of).collect::<Vec<_>>())
    };
    let differences: Vec<f64> =
        logistic.losses.iter().zip(&mlp.losses).map(|(l, m)| l - m).collect();
    let mut rng = generator(42);
    let (mean, low, high) = bootstrap_mean(&differences, || rng.next_u64());
    format!(
        "\naccuracy over the seeds, mean ± standard deviation\n  logistic    {}\n  perceptron  {}\n  difference  {}\n\
         with seed 42\n  logistic    {} (95 %, Wilson)\n  perceptron  {} (95 %, Wilson)\n  p-value of equal accuracy: {p:.1e} (McNemar, exact)\n  loss of an image, logistic less perceptron: {mean:.4}\n    ({low:.4} to {high:.4}, 95 %, bootstrap)\n\n",
        over_seeds(|(l, ..)| l.accuracy()),
        over_seeds(|(_, m, _)| m.accuracy()),
        over_seeds(|(l, m, _)| m.accuracy() - l.accuracy()),
        interval(logistic),
        interval(mlp),
    )
}

/// Which model is better, and what that is worth.
fn verdict(pairs: &[(Outcome, Outcome, f64)]) -> String {
    let seeds = pairs.len();
    let clear = |better: fn(&Outcome, &Outcome) -> bool| {
        pairs.iter().filter(|(l, m, p)| better(l, m) && *p < 0.05).count()
    };
    let [logistic, perceptron] =
        [clear(|l, m| l.accuracy() > m.accuracy()), clear(|l, m| m.accuracy() > l.accuracy())];
    let winner = |name: &str| match seeds {
        1 => format!(
            "{name} is better on these digits, by more than chance explains (p < 0.05), with one seed."
        ),
        _ => format!(
            "{name} is better on these digits: with each of the {seeds} seeds, and by \
             more than chance explains (p < 0.05 each time)."
        ),
    };
    let verdict = if perceptron == seeds {
        winner("The perceptron")
    } else if logistic == seeds {
        winner("Logistic regression")
    } else {
        format!(
            "By more than chance explains (p < 0.05), the perceptron was the better one with {perceptron} of {seeds} seeds, and \
             logistic regression with {logistic}: that settles nothing."
        )
    };
    format!(
        "{verdict} This need not hold for other images or other settings. All seeds share their \
         images: the spread over the seeds is that of training, and the intervals are \
         those of the choice of images."
    )
}

/// A text in lines of at most 80 characters.
fn wrapped(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.split(' ') {
        if !line.is_empty() && line.len() + word.len() >= 80 {
            lines += &format!("{line}\n");
            line.clear();
        }
        line += if line.is_empty() { "" } else { " " };
        line += word;
    }
    lines + &line + "\n"
}

/// A model's row in the table of the page.
fn row(
    name: &str,
    pairs: &[(Outcome, Outcome, f64)],
    of: fn(&(Outcome, Outcome, f64)) -> &Outcome,
    n: usize,
) -> Vec<String> {
    let accuracies: Vec<f64> = pairs.iter().map(|pair| of(pair).accuracy()).collect();
    let first = of(&pairs[0]);
    let (low, high) = wilson(first.count(), n);
    let lowest = first.history.iter().map(|e| e.valid.loss).fold(f64::INFINITY, f64::min);
    vec![
        name.to_owned(),
        mean_and_deviation(&accuracies),
        format!("{:.4}", first.accuracy()),
        format!("{low:.4} to {high:.4}"),
        format!("{lowest:.4}"),
    ]
}

/// Both losses of both models.
fn losses(logistic: &Outcome, mlp: &Outcome) -> [Curve; 4] {
    let curve = |name: &str, of: &Outcome, loss: fn(&Epoch<f64>) -> f64| {
        Curve::new(name, of.history.iter().map(loss).collect())
    };
    [
        curve("1 layer, train", logistic, |e| e.train.loss).training(),
        curve("1 layer, valid", logistic, |e| e.valid.loss),
        curve("2 layers, train", mlp, |e| e.train.loss).training().of_model(1),
        curve("2 layers, valid", mlp, |e| e.valid.loss).of_model(1),
    ]
}
