//! Step 1 of the homework: logistic regression on handwritten digits. One linear layer, trained
//! with the cross-entropy of its softmax.
//!
//! `cargo run --example logistic`, and with `-- --help` what can be changed.

use std::process::ExitCode;

use clap::Parser;
use longhand_layers::{Layer, Linear, Loss, Parameters};
use longhand_mnist::Split;
use longhand_optim::Optimizer;
use longhand_run::{Checks, CrossEntropy, Failure, Model, Options, Run, exit, generator, parse};
use longhand_train::{Batch, Data, Progress, Score, Step, argmax, shuffled};

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
    let options = parse::<Flags>()?.options.for_example("logistic", 0.05)?;

    // The digits: 500 images of each to learn from, 500 of each to evaluate on. A row is the 784
    // pixels of an image, from 0 to 1.
    let data = options.data()?;
    let (train_images, valid_images) = data.pictures()?;
    let widths = [data.features(), data.outputs()]; // 784 and 10
    let options = options.for_net(&widths, None, &data)?;
    // The model: logits = x·W + b, with W and b drawn from ±1/√784, as torch.nn.Linear draws them.
    let mut model = Linear::<f32>::new(widths[0], widths[1], &mut generator(options.seed));
    if options.check {
        let double = Linear::<f64>::new(widths[0], widths[1], &mut generator(options.seed));
        let optimizer = |model: &_| options.optimizer(model, train_images.len());
        return Checks::of(&options, &data.dataset()?)
            .classifier(&Model::new(model, double, &widths), optimizer);
    }
    let mut optimizer = options.optimizer(&model, train_images.len()); // SGD: θ ← θ − η·dθ
    let mut run = Run::start(&options, &data, &mut model)?;
    let mut progress = run.take_up(&mut model, &mut optimizer)?; // epoch 0, or that of --resume
    let mut trained = Ok(());
    while trained.is_ok() && run.goes_on(&progress, &model, &mut optimizer)? {
        let sets = (train_images, valid_images);
        trained = train(&options, sets, &mut model, &mut optimizer, &mut progress, &mut run);
    }
    run.finish(trained, &mut model) // the model's file, the plots and the report
}

/// The loop over epochs and batches, until the run stops it: at its end, or for a checkpoint.
fn train(
    options: &Options,
    (train, valid): (&Split, &Split),
    model: &mut Linear<f32>,
    optimizer: &mut impl Optimizer<f32, Linear<f32>>,
    progress: &mut Progress<f64>,
    run: &mut Run<'_, Linear<f32>>,
) -> Result<(), Failure> {
    let loss = options.cross_entropy(); // l = −ln softmax(z)[t] = ln Σ_j exp(z[j]) − z[t]
    let mut grad = model.zeros_like();

    // The initial loss: a fresh model gives each of 10 digits about the same probability, so it is
    // near −ln(1/10) = ln 10.
    if progress.epoch() == 0 {
        let (train, valid) = (evaluate(model, &loss, train), evaluate(model, &loss, valid));
        progress.end_epoch(train, valid);
        if run.epoch(progress.history[0], model)?.is_break() {
            return Ok(());
        }
    }
    for epoch in progress.epoch()..=options.epochs() {
        let order = shuffled(train.len(), options.seed, epoch as u64);
        let steps = order.len().div_ceil(options.batch_size);
        let batches = order.chunks(options.batch_size).zip(1..);
        for (positions, step) in batches.skip(progress.partial.steps) {
            let Batch { x, targets: labels } = train.batch(positions);
            let (logits, cache) = model.forward(x); //                        logits = x·W + b
            let correct = count_correct(&logits, &labels);
            let (l, dlogits) = loss.loss_and_grad(logits, &labels); //        dlogits = (p − onehot) / n
            if !l.is_finite() {
                return Err(run.diverged(epoch, Some(step), l.into()));
            }
            grad.set_zero();
            model.backward_params(cache, dlogits, &mut grad); //              dW = xᵀ·dlogits, db = Σ_r dlogits[r]
            optimizer.step(model, &grad); //                                  W ← W − η·dW, b ← b − η·db
            progress.partial.add(l.into(), correct, labels.len());
            if run.step(&Step { epoch, step, steps, loss: l.into() }).is_break() {
                return Ok(());
            }
        }
        progress.end_epoch(progress.partial.mean(), evaluate(model, &loss, valid));
        if run.epoch(progress.history[epoch], model)?.is_break() {
            return Ok(());
        }
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
