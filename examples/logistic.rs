//! Step 1 of the homework: logistic regression on handwritten digits. One linear layer, trained
//! with the cross-entropy of its softmax.
//!
//! `cargo run --example logistic`, and with `-- --help` what can be changed.

use std::process::ExitCode;

use clap::Parser;
use longhand_layers::{Layer, Linear, Loss, Parameters};
use longhand_mnist::{Dataset, Split};
use longhand_optim::Optimizer;
use longhand_run::{Checks, CrossEntropy, Failure, Model, Options, Run, exit, generator, parse};
use longhand_train::{Batch, Data, Epoch, Score, Step, argmax, shuffled};

/// Logistic regression on handwritten digits: one linear layer, 784 -> 10.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let widths = [784, 10];
    let options = parse::<Flags>()?.options.for_net("logistic", 0.05, &widths)?;

    // The digits: 500 images of each to learn from, 500 of each to evaluate on. A row is the 784
    // pixels of an image, from 0 to 1.
    let digits = options.digits()?;
    // The model: logits = x·W + b, with W and b drawn from ±1/√784, as torch.nn.Linear draws them.
    let mut model = Linear::<f32>::new(784, 10, &mut generator(options.seed));
    if options.check {
        let double = Linear::<f64>::new(784, 10, &mut generator(options.seed));
        let optimizer = |model: &_| options.optimizer(model, digits.train.len());
        return Checks::of(&options, &digits)
            .classifier(&Model::new(model, double, &widths), optimizer);
    }
    let mut run = Run::start(&options, &digits, &model)?;
    let trained = train(&options, &digits, &mut model, &mut run);
    run.finish(trained, &mut model) // the plot and the report
}

/// The loop over epochs and batches.
fn train(
    options: &Options,
    digits: &Dataset,
    model: &mut Linear<f32>,
    run: &mut Run<'_, Linear<f32>>,
) -> Result<(), Failure> {
    let loss = options.loss(); // cross-entropy: l = −ln softmax(z)[t] = ln Σ_j exp(z[j]) − z[t]
    let mut optimizer = options.optimizer(model, digits.train.len()); // SGD: θ ← θ − η·dθ
    let mut grad = model.zeros_like();

    // The initial loss: a fresh model gives each of 10 digits about the same probability, so it is
    // near −ln(1/10) = ln 10.
    let train = evaluate(model, &loss, &digits.train);
    let valid = evaluate(model, &loss, &digits.test);
    let mut go_on = run.epoch(Epoch { epoch: 0, train, valid, samples: 0 }, model)?;

    for epoch in 1..=options.epochs() {
        if go_on.is_break() {
            break;
        }
        let mut sum = Score { loss: 0.0, metric: 0.0 };
        let order = shuffled(digits.train.len(), options.seed, epoch as u64);
        let steps = order.len().div_ceil(options.batch_size);
        for (positions, step) in order.chunks(options.batch_size).zip(1..) {
            let Batch { x, targets: labels } = digits.train.batch(positions);
            let (logits, cache) = model.forward(x); //                        logits = x·W + b
            let correct = count_correct(&logits, &labels);
            let (l, dlogits) = loss.loss_and_grad(logits, &labels); //        dlogits = (p − onehot) / n
            if !l.is_finite() {
                return Err(run.diverged(epoch, Some(step), l.into()));
            }
            grad.set_zero();
            model.backward_params(cache, dlogits, &mut grad); //              dW = xᵀ·dlogits, db = Σ_r dlogits[r]
            optimizer.step(model, &grad); //                                  W ← W − η·dW, b ← b − η·db
            sum.loss += f64::from(l) * labels.len() as f64;
            sum.metric += correct;
            run.step(&Step { epoch, step, steps, loss: l.into() });
        }
        let samples = order.len();
        let train = Score { loss: sum.loss / samples as f64, metric: sum.metric / samples as f64 };
        let valid = evaluate(model, &loss, &digits.test);
        go_on = run.epoch(Epoch { epoch, train, valid, samples }, model)?;
    }
    Ok(())
}

/// Mean loss and accuracy over a set, 1000 images at a time.
fn evaluate(model: &Linear<f32>, loss: &CrossEntropy, split: &Split) -> Score<f64> {
    let (mut sum, mut correct) = (0.0, 0.0);
    let positions: Vec<usize> = (0..split.len()).collect();
    for positions in positions.chunks(1000) {
        let Batch { x, targets: labels } = split.batch(positions);
        let logits = model.infer(&x);
        sum += f64::from(loss.loss(&logits, &labels)) * labels.len() as f64;
        correct += count_correct(&logits, &labels);
    }
    Score { loss: sum / split.len() as f64, metric: correct / split.len() as f64 }
}

/// How many images have their largest logit at their label.
fn count_correct(logits: &ndarray::Array2<f32>, labels: &[usize]) -> f64 {
    logits.rows().into_iter().zip(labels).filter(|(z, t)| argmax(z) == **t).count() as f64
}
