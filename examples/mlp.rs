//! Step 2 of the homework: a multilayer perceptron on handwritten digits. Linear layers with ReLU
//! between them.
//!
//! `cargo run --example mlp`, and with `-- --help` what can be changed. `--data` also takes other
//! pictures, and tables of numbers.

use std::process::ExitCode;

use clap::Parser;
use longhand_layers::{Chain, Float, Layer, mlp_with};
use longhand_run::{Checks, Failure, Model, NetOptions, Options, Run, exit, generator, parse};
use longhand_save::Layers;
use longhand_train::{Data, Training};

/// A multilayer perceptron on handwritten digits, 784 -> 30 -> 10 with ReLU; or on data of your own.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    net: NetOptions,
    #[command(flatten)]
    options: Options,
}

/// 784-30-10: y = relu(x·W₁ + b₁)·W₂ + b₂. Flags choose other widths, another activation, and
/// dropout behind it.
fn net<F: Float>(
    net: &NetOptions,
    widths: &[usize],
    seed: u64,
) -> impl Layer<F> + Layers<F> + use<F> {
    let between = |i| Chain { first: net.activation(), second: net.dropout(i, seed) };
    mlp_with(widths, between, &mut generator(seed))
}

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let flags = parse::<Flags>()?;
    let options = flags.options.for_example("mlp", 0.1)?;
    let (shape, data) = (options.like_loaded(flags.net)?, options.data()?);
    let widths = shape.widths(data.features(), data.outputs());
    let options = options.for_net(&widths, Some(&shape), &data)?;
    let mut model = net::<f32>(&shape, &widths, options.seed);
    if options.check {
        let model = Model {
            activation: shape.activation(),
            dropout: shape.dropout(0, 0).is_some(),
            ..Model::new(model, net::<f64>(&shape, &widths, options.seed), &widths)
        };
        let optimizer = |model: &_| options.optimizer(model, data.train.len());
        return Checks::of(&options, &data.dataset()?).classifier(&model, optimizer);
    }
    let mut optimizer = options.optimizer(&model, data.train.len());
    let mut run = Run::start(&options, &data, &mut model)?;
    let training = Training {
        loss: options.loss(),
        metric: options.metric(&data),
        epochs: options.epochs(),
        batch_size: options.batch_size,
        seed: options.seed,
    };
    let mut progress = run.take_up(&mut model, &mut optimizer)?;
    let mut trained = Ok(());
    while trained.is_ok() && run.goes_on(&progress, &model, &mut optimizer)? {
        let (train, valid) = (&data.train, &data.valid);
        trained =
            training.resume(&mut progress, &mut model, &mut optimizer, train, valid, &mut run);
    }
    run.finish(trained, &mut model) // the model's file, the plots and the report
}
