//! Logistic regression on handwritten digits: one linear layer, trained with the softmax cross-entropy.
//!
//! `cargo run --example logistic`, and with `-- --help` what can be changed.

mod support;

use std::process::ExitCode;

use longhand_layers::Linear;
use support::{CLASSES, Defaults, PIXELS};

fn main() -> ExitCode {
    let defaults = Defaults { name: "logistic", learning_rate: 0.05, hidden: &[] };
    support::main(&defaults, |_, rng| Linear::new(PIXELS, CLASSES, rng))
}
