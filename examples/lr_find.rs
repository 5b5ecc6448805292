//! The learning-rate range test: one epoch in which the learning rate grows from step to step until the loss does too.
//!
//! `cargo run --release --example lr_find`, and with `-- --help` what can be changed.
//!
//! Source: L. Smith, *Cyclical Learning Rates for Training Neural Networks*, 2017, section 3.3.

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

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Float, Layer, Loss, SoftmaxCrossEntropy};
use longhand_mnist::{Split, shuffled};
use longhand_optim::{Optimizer, Sgd};
use longhand_report::{Chart, Curve};

use check::Checks;
use command::{
    COUNT, Failure, POSITIVE_RATE, PerClass, in_f32, is_count, make_folder, number, print, write,
};
use task::{CLASSIFICATION, hidden_layers, net};

const HELP: &str =
    "The learning-rate range test: the loss while the learning rate grows step by step.

Usage: cargo run --release --example lr_find -- [flags]     (defaults in parentheses)

  --hidden W       hidden units; 0 for logistic regression (30)
  --from X         lowest learning rate (0.0001)
  --to X           highest learning rate (10)
  --batch-size N   images per step (16)
  --seed N         decides the initial weights and the order (42)
  --data DIR       folder or name of other digits, as for mlp
                   (the digits inside the program)
  --per-class N    training images of each digit, or `all` (500)
  --out DIR        where lr_find.svg goes (runs/lr_find)
  --check          check the net in place of the test: one line each, exit
                   code 1 if one failed
  --help           print this
";

struct Options {
    hidden: usize,
    from: f64,
    to: f64,
    batch_size: usize,
    seed: u64,
    data: Option<PathBuf>,
    per_class: PerClass,
    out: PathBuf,
    check: bool,
}

/// Share of the old in the smoothed loss.
const MEMORY: f64 = 0.95;
/// The loss has grown beyond use where it is so many times the lowest.
const TOO_MUCH: f64 = 4.0;

fn main() -> ExitCode {
    command::exit(run())
}

fn run() -> Result<(), Failure> {
    let Some(options) = parse()? else { return print(HELP) };
    let digits = command::digits(options.data.as_deref(), options.per_class, options.seed)?;
    let hidden = hidden_layers(options.hidden);
    let model = net(&hidden, 10, &mut Xoshiro256PlusPlus::seed_from_u64(options.seed));
    if options.check {
        let mut checks = Checks::new(&digits, 30, options.batch_size, options.seed);
        let sgd = Sgd { learning_rate: 0.1, ..Sgd::default() };
        checks.model(&CLASSIFICATION, &model, &hidden, |model| sgd.init(model))?;
        checks.two_layers_below_one(&CLASSIFICATION, 30)?;
        return checks.end();
    }
    make_folder(&options.out)?;
    let curve = range_test(model, &digits.train, &options);
    let net = match options.hidden {
        0 => "784-10".to_owned(),
        hidden => format!("784-{hidden}-10"),
    };
    let heading = format!(
        "{net}, batches of {}: smoothed loss while the learning rate grows",
        options.batch_size
    );
    let mut text = format!("{heading}\n\n");
    let highest = curve.iter().map(|c| c.1.min(2.0 * curve[0].1)).fold(0.0, f64::max);
    for (rate, loss) in curve.iter().step_by(curve.len().div_ceil(24).max(1)) {
        let bar = "#".repeat((50.0 * (loss / highest).min(1.0)).round() as usize);
        text += &format!("{rate:>9.5}  {loss:>7.4}  {bar}\n");
    }
    let lowest = curve.iter().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(options.from, |c| c.0);
    text += &format!(
        "\nThe loss is lowest at {lowest:.2}, shortly before it grows.\n\
         A tenth to a third of that is the usual choice: {:.2} to {:.2}.\n",
        lowest / 10.0,
        lowest / 3.0
    );
    let path = options.out.join("lr_find.svg");
    write(&path, plot(&format!("{net}: learning-rate range test"), &curve, highest))?;
    print(&format!("{text}The curve is in {}.\n", path.display()))
}

/// The learning rate of each step and the smoothed loss, until that has grown beyond use.
fn range_test<M: Layer<f32>>(mut model: M, digits: &Split, options: &Options) -> Vec<(f64, f64)> {
    let mut grad = model.zeros_like();
    let mut sgd = Sgd { learning_rate: options.from, ..Sgd::default() }.init(&model);
    let loss = SoftmaxCrossEntropy::default();
    let order = shuffled(digits.len(), options.seed, 1);
    let steps = order.len().div_ceil(options.batch_size);
    // Not the platform's functions, whose last bits differ from machine to machine.
    let growth: f64 = Float::ln(options.to / options.from) / (steps.max(2) - 1) as f64;
    let (mut average, mut weight_of_start, mut best) = (0.0, 1.0, f64::INFINITY);
    let mut curve = vec![];
    for (step, positions) in order.chunks(options.batch_size).enumerate() {
        let learning_rate = options.from * Float::exp(growth * step as f64);
        let (x, labels) = digits.batch(positions);
        let (logits, cache) = model.forward(x);
        let (value, dlogits) = loss.loss_and_grad(logits, &labels);
        weight_of_start *= MEMORY;
        average = MEMORY * average + (1.0 - MEMORY) * f64::from(value);
        let smoothed = average / (1.0 - weight_of_start); // what the start at zero took away is given back
        if !smoothed.is_finite() || (step > 20 && smoothed > TOO_MUCH * best) {
            break;
        }
        best = best.min(smoothed);
        curve.push((learning_rate, smoothed));
        grad.set_zero();
        model.backward_params(cache, dlogits, &mut grad);
        sgd.set_learning_rate(learning_rate);
        sgd.step(&mut model, &grad);
    }
    curve
}

/// The loss over the steps, which are named by their learning rates: those that are powers of ten, as nearly as the steps are.
fn plot(title: &str, curve: &[(f64, f64)], highest: f64) -> String {
    let values = curve.iter().map(|&(_, loss)| loss.min(highest)).collect();
    let powers = (-9..9).map(|power| 10f64.powi(power));
    let tick = |rate: f64| {
        let step = curve.iter().position(|c| c.0 >= 0.999 * rate)?;
        (0.999 * curve[0].0 <= rate).then(|| (step, rate.to_string()))
    };
    let ticks: Vec<(usize, String)> = powers.filter_map(tick).collect();
    let (x, y, curves) = ("learning rate", "smoothed loss", &[Curve::new("loss", values)]);
    Chart { title, x, y, curves, mark: Some((10f64.ln(), "ln 10: guessing")), ticks: &ticks }.svg()
}

fn parse() -> Result<Option<Options>, Failure> {
    let mut options = Options {
        hidden: 30,
        from: 1e-4,
        to: 10.0,
        batch_size: 16,
        seed: 42,
        data: None,
        per_class: PerClass::Count(500),
        out: PathBuf::from("runs/lr_find"),
        check: false,
    };
    let known = ["hidden", "from", "to", "batch-size", "seed", "data", "per-class", "out", "check"];
    let asked = command::flags(&known, |flag, value| {
        let above_0 = |rate: &f64| *rate > 0.0 && in_f32(rate);
        match flag {
            "hidden" => {
                options.hidden =
                    number(flag, &value, "a whole number", |n| *n == 0 || is_count(n))?;
            }
            "from" => options.from = number(flag, &value, POSITIVE_RATE, above_0)?,
            "to" => options.to = number(flag, &value, POSITIVE_RATE, above_0)?,
            "batch-size" => options.batch_size = number(flag, &value, COUNT, is_count)?,
            "seed" => options.seed = number(flag, &value, "a whole number below 2^64", |_| true)?,
            "per-class" => options.per_class = PerClass::parse(&value)?,
            "data" => options.data = Some(value.into()),
            "check" => options.check = true,
            _ => options.out = value.into(),
        }
        Ok(())
    })?;
    if !asked {
        return Ok(None);
    }
    if options.from >= options.to {
        let Options { from, to, .. } = options;
        let message = format!("--from: expected less than --to, which is {to}, found `{from}`");
        return Err(Failure::Usage(message));
    }
    Ok(Some(options))
}
