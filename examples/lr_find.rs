//! The learning-rate range test: one epoch of 784-30-10 in which the learning rate grows from step to step until the loss does too.
//!
//! `cargo run --release --example lr_find`
//!
//! Source: L. Smith, *Cyclical Learning Rates for Training Neural Networks*, 2017, section 3.3.

use std::io::{self, Write};

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Float, Layer, Linear, Loss, Parameters, Relu, SoftmaxCrossEntropy};
use longhand_mnist::{Dataset, shuffled};
use longhand_optim::{Optimizer, Sgd};

const LOWEST: f64 = 1e-4;
const HIGHEST: f64 = 10.0;
const BATCH: usize = 16;
/// Share of the old in the smoothed loss.
const MEMORY: f64 = 0.95;

fn main() -> io::Result<()> {
    let digits = Dataset::embedded().train;
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(42);
    let mut model = Linear::<f32>::new(784, 30, rng).then(Relu).then(Linear::new(30, 10, rng));
    let mut grad = model.zeros_like();
    let mut sgd = Sgd { learning_rate: LOWEST, ..Sgd::default() }.init(&model);
    let loss = SoftmaxCrossEntropy::default();

    let order = shuffled(digits.len(), 42, 1);
    let steps = order.len().div_ceil(BATCH);
    // Not the platform's functions, whose last bits differ from machine to machine.
    let growth: f64 = Float::ln(HIGHEST / LOWEST) / (steps - 1) as f64;
    let (mut average, mut weight_of_start, mut best) = (0.0, 1.0, f64::INFINITY);
    let mut curve = vec![];
    for (step, positions) in order.chunks(BATCH).enumerate() {
        let learning_rate = LOWEST * Float::exp(growth * step as f64);
        let (x, labels) = digits.batch(positions);
        let (logits, cache) = model.forward(x);
        let (value, dlogits) = loss.loss_and_grad(logits, &labels);
        weight_of_start *= MEMORY;
        average = MEMORY * average + (1.0 - MEMORY) * f64::from(value);
        let smoothed = average / (1.0 - weight_of_start); // what the start at zero took away is given back
        if !smoothed.is_finite() || (step > 20 && smoothed > 4.0 * best) {
            break;
        }
        best = best.min(smoothed);
        curve.push((learning_rate, smoothed));
        grad.set_zero();
        model.backward_params(cache, dlogits, &mut grad);
        sgd.set_learning_rate(learning_rate);
        sgd.step(&mut model, &grad);
    }

    let mut out = io::stdout().lock();
    writeln!(
        out,
        "784-30-10, batches of {BATCH}: smoothed training loss while the learning rate grows\n"
    )?;
    let highest = curve.iter().map(|c| c.1.min(2.0 * curve[0].1)).fold(0.0, f64::max);
    let every = curve.len().div_ceil(24).max(1);
    for (rate, loss) in curve.iter().step_by(every) {
        let bar = "#".repeat((50.0 * (loss / highest).min(1.0)).round() as usize);
        writeln!(out, "{rate:>9.5}  {loss:>7.4}  {bar}")?;
    }
    let (lowest, _) =
        curve.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)).expect("a step was made");
    writeln!(
        out,
        "\nThe loss is lowest at {lowest:.2}, shortly before it grows. A tenth to a third of that is the usual choice: {:.2} to {:.2}.",
        lowest / 10.0,
        lowest / 3.0
    )
}
