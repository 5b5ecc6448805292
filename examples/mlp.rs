//! Step 2 of the homework: a multilayer perceptron on handwritten digits. Linear layers with ReLU
//! between them.
//!
//! `cargo run --example mlp`, and with `-- --help` what can be changed.

use std::process::ExitCode;

use clap::Parser;
use longhand_layers::{Chain, Float, Layer, mlp_with};
use longhand_run::task::{CLASSES, PIXELS};
use longhand_run::{Checks, Failure, Model, NetOptions, Options, Run, exit, generator, parse};
use longhand_train::{Accuracy, Training};

/// A multilayer perceptron on handwritten digits, 784 -> 30 -> 10 with ReLU.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    net: NetOptions,
    #[command(flatten)]
    options: Options,
}

/// 784-30-10: y = relu(x·W₁ + b₁)·W₂ + b₂. Flags choose other widths, another activation, and
/// dropout behind it.
fn net<F: Float>(net: &NetOptions, seed: u64) -> impl Layer<F> + use<F> {
    let (activation, widths) = (net.activation, net.widths(PIXELS, CLASSES));
    let between = |i| Chain { first: activation, second: net.dropout(i, seed) };
    mlp_with(&widths, between, &mut generator(seed))
}

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let flags = parse::<Flags>()?;
    let widths = flags.net.widths(PIXELS, CLASSES);
    let options = flags.options.for_net("mlp", 0.1, &widths)?.with_net(flags.net.clone());
    let digits = options.digits()?;
    let mut model = net::<f32>(&flags.net, options.seed);
    if options.check {
        let model = Model {
            activation: flags.net.activation,
            dropout: flags.net.dropout(0, 0).is_some(),
            ..Model::new(model, net::<f64>(&flags.net, options.seed), &widths)
        };
        let optimizer = |model: &_| options.optimizer(model, digits.train.len());
        return Checks::of(&options, &digits).classifier(&model, optimizer);
    }
    let mut optimizer = options.optimizer(&model, digits.train.len());
    let mut run = Run::start(&options, &digits, &model)?;
    let training = Training {
        loss: options.loss(),
        metric: Accuracy,
        epochs: options.epochs(),
        batch_size: options.batch_size,
        seed: options.seed,
    };
    let trained = training.run(&mut model, &mut optimizer, &digits.train, &digits.test, &mut run);
    run.finish(trained.map(|_| ()), &mut model)
}
