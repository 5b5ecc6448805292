//! A multilayer perceptron on handwritten digits: linear layers with ReLU between them.
//!
//! `cargo run --example mlp`, and with `-- --help` what can be changed.

mod support;

use std::process::ExitCode;

use longhand_layers::{Layer, Linear, Relu};
use support::{CLASSES, Defaults, PIXELS};

fn main() -> ExitCode {
    let defaults = Defaults { name: "mlp", learning_rate: 0.1, hidden: &[30] };
    support::main(&defaults, |hidden, rng| {
        let mut width = PIXELS;
        let mut layers = Vec::new();
        for &next in hidden {
            layers.push(Linear::new(width, next, rng).then(Relu));
            width = next;
        }
        layers.then(Linear::new(width, CLASSES, rng))
    })
}
