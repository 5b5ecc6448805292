//! The learning-rate range test: one epoch in which the learning rate grows from step to step until
//! the loss does too.
//!
//! `cargo run --release --example lr_find`, and with `-- --help` what can be changed.
//!
//! Source: L. Smith, *Cyclical Learning Rates for Training Neural Networks*, 2017, section 3.3.

use std::process::ExitCode;

use clap::Parser;
use longhand_layers::{Float, Layer, Loss, SoftmaxCrossEntropy, mlp};
use longhand_mnist::Split;
use longhand_optim::{Optimizer, Sgd};
use longhand_report::{Chart, Curve};
use longhand_run::task::classification;
use longhand_run::{
    Checks, DataFlags, Failure, Model, RunFolder, check_memory, count, exit, folder,
};
use longhand_run::{generator, identity, net_name, parse, positive_rate, terminal, whole};
use longhand_train::{Batch, Data, shuffled};
use serde_json::json;
use terminal::print;

/// The learning-rate range test: the loss while the learning rate grows step by step.
#[derive(Parser)]
struct Flags {
    /// Hidden units; 0 for logistic regression
    #[arg(long, value_name = "W", default_value = "30", value_parser = whole::<usize>, allow_negative_numbers = true)]
    hidden: usize,
    /// Lowest learning rate
    #[arg(long, value_name = "X", default_value = "0.0001", value_parser = positive_rate, allow_negative_numbers = true)]
    from: f64,
    /// Highest learning rate
    #[arg(long, value_name = "X", default_value = "10", value_parser = positive_rate, allow_negative_numbers = true)]
    to: f64,
    /// Images per step
    #[arg(long, value_name = "N", default_value = "16", value_parser = count, allow_negative_numbers = true)]
    batch_size: usize,
    /// Decides the initial weights and the order
    #[arg(long, value_name = "N", default_value = "42", value_parser = whole::<u64>, allow_negative_numbers = true)]
    seed: u64,
    #[command(flatten)]
    data: DataFlags,
    /// Where lr_find.svg goes
    #[arg(long, value_name = "DIR", default_value = "runs/lr_find", value_parser = folder())]
    out: std::path::PathBuf,
    /// Check the net instead of the test: one line each, exit code 1 if one failed
    #[arg(long)]
    check: bool,
}

/// Share of the old in the smoothed loss.
const MEMORY: f64 = 0.95;
/// Steps that are too few for a curve.
const FEW: usize = 20;
/// The loss has grown where it is so many times the lowest.
const GROWN: f64 = 1.1;
/// The loss has grown beyond use where it is so many times the lowest.
const TOO_MUCH: f64 = 4.0;

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let flags = parse::<Flags>()?;
    let Flags { from, to, batch_size, seed, .. } = flags;
    if from >= to {
        let message = format!("--from: expected less than --to, which is {to}, found `{from}`");
        return Err(Failure::Usage(message));
    }
    let digits = flags.data.digits(seed)?;
    let task = classification(digits.train.classes());
    let widths = task.widths(&digits, &[flags.hidden]);
    check_memory(&widths, batch_size.min(digits.train.len()), 0)?;
    let model = mlp(&widths, &mut generator(seed));
    if flags.check {
        let model = Model::new(model, mlp::<f64>(&widths, &mut generator(seed)), &widths);
        let checks = Checks::new(&digits, 30, batch_size, seed);
        return checks.classifier(&model, |model| task.sgd(&widths).init(model));
    }
    let out = RunFolder::create(&flags.out, &["lr_find.svg"])?;
    let config = json!({
        "example": "lr_find", "widths": widths, "from": from, "to": to, "batch_size": batch_size, "seed": seed, "data": identity(&digits)
    });
    out.write("config.json", format!("{config:#}\n"))?;
    let curve = range_test(model, &digits.train, &flags);
    let net = net_name(&widths);
    let heading =
        format!("{net}, batches of {batch_size}: smoothed loss while the learning rate grows");
    let mut text = format!("{heading}\n\n");
    let highest = curve.iter().map(|c| c.1.min(2.0 * curve[0].1)).fold(0.0, f64::max);
    for (rate, loss) in curve.iter().step_by(curve.len().div_ceil(24).max(1)) {
        let bar = "#".repeat((50.0 * (loss / highest).min(1.0)).round() as usize);
        text += &format!("{rate:>9.5}  {loss:>7.4}  {bar}\n");
    }
    let lowest = curve.iter().min_by(|a, b| a.1.total_cmp(&b.1)).copied().unwrap_or((from, 0.0));
    text += &format!("\n{}\n", advice(&curve, lowest));
    out.write(
        "lr_find.svg",
        plot(
            &format!("{net}: learning-rate range test"),
            &curve,
            highest,
            task.outputs,
            good(&curve, lowest),
        ),
    )?;
    let path = out.publish()?.join("lr_find.svg");
    print(&format!("{text}The curve is in {}.\n", terminal::path(&path)))
}

/// The learning rates from a tenth to a third of the lowest place; or why the curve does not say which are
/// good.
fn good(curve: &[(f64, f64)], (lowest, loss): (f64, f64)) -> Result<[f64; 2], String> {
    let (first, last) = (curve[0].0, curve[curve.len() - 1].0);
    if curve.len() < FEW {
        let steps = curve.len();
        return Err(format!(
            "Steps: {steps}, too few to say which learning rate is good. Take a smaller --batch-size\n\
             or more images."
        ));
    }
    if lowest == first {
        return Err(format!(
            "The loss only grows from {} on: take a smaller --from.",
            digits(first)
        ));
    }
    if curve[curve.len() - 1].1 < GROWN * loss {
        return Err(format!("The loss does not grow up to {}: take a larger --to.", digits(last)));
    }
    Ok([lowest / 10.0, lowest / 3.0])
}

fn digits(rate: f64) -> String {
    if rate < 0.01 { format!("{rate:.1e}") } else { format!("{rate:.2}") }
}

/// What the curve says of the learning rate.
fn advice(curve: &[(f64, f64)], lowest: (f64, f64)) -> String {
    match good(curve, lowest) {
        Err(reason) => reason,
        Ok([from, to]) => format!(
            "The loss is lowest at {}, shortly before it grows.\n\
             A tenth to a third of that is the usual choice: {} to {}.",
            digits(lowest.0),
            digits(from),
            digits(to)
        ),
    }
}

/// The learning rate of each step and the smoothed loss, until that has grown beyond use.
fn range_test<M: Layer<f32>>(mut model: M, digits: &Split, flags: &Flags) -> Vec<(f64, f64)> {
    let mut grad = model.zeros_like();
    let mut sgd = Sgd { learning_rate: flags.from, ..Sgd::default() }.init(&model);
    let order = shuffled(digits.len(), flags.seed, 1);
    let steps = order.len().div_ceil(flags.batch_size);
    // Not the platform's functions, whose last bits differ from machine to machine.
    let growth: f64 = Float::ln(flags.to / flags.from) / (steps.max(2) - 1) as f64;
    let (mut average, mut weight_of_start, mut best) = (0.0, 1.0, f64::INFINITY);
    let mut curve = vec![];
    for (step, positions) in order.chunks(flags.batch_size).enumerate() {
        let learning_rate = flags.from * Float::exp(growth * step as f64);
        let Batch { x, targets: labels } = digits.batch(positions);
        let (logits, cache) = model.forward(x);
        let (value, dlogits) = SoftmaxCrossEntropy.loss_and_grad(logits, &labels);
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

/// The loss over the steps, which are named by their learning rates: those that are powers of ten,
/// as nearly as the steps are. The good rates are shaded.
fn plot(
    title: &str,
    curve: &[(f64, f64)],
    highest: f64,
    classes: usize,
    good: Result<[f64; 2], String>,
) -> String {
    let values = curve.iter().map(|&(_, loss)| loss.min(highest)).collect();
    let powers = (-9..9).map(|power| 10f64.powi(power));
    let step = |rate: f64| curve.iter().position(|c| c.0 >= 0.999 * rate);
    let tick = |rate: f64| {
        let step = step(rate)?;
        (0.999 * curve[0].0 <= rate).then(|| (step, rate.to_string()))
    };
    let ticks: Vec<(usize, String)> = powers.filter_map(tick).collect();
    let curves = &[Curve::new("loss", values)];
    let guessing = format!("ln {classes}: guessing");
    let range = good.ok().and_then(|[from, to]| {
        let text = format!("try {} to {}", digits(from), digits(to));
        let (from, to) = (step(from)? as f64, step(to)? as f64);
        (from < to).then_some((from, to, text))
    });
    Chart {
        title,
        x: "learning rate",
        y: "smoothed loss",
        curves,
        line: Some(((classes as f64).ln(), &guessing)),
        ticks: &ticks,
        band: range.as_ref().map(|(from, to, text)| (*from, *to, text.as_str())),
        ..Chart::default()
    }
    .svg()
}
