//! What the command-line examples share: flags, lines on the terminal, the folder of a run, the
//! homework's checks, and what `--data` names.
//!
//! Apart from [`task`], nothing here trains: the loop is in the example, or it is
//! [`longhand_train::Training::run`]. [`Run`] is told what happens, as an observer, and writes it
//! down:
//!
//! ```no_run
//! use clap::Parser;
//! use longhand_layers::{SoftmaxCrossEntropy, mlp};
//! use longhand_run::{Failure, Options, Run, exit, generator, parse};
//! use longhand_train::{Accuracy, Training};
//!
//! #[derive(Parser)]
//! struct Flags {
//!     #[command(flatten)]
//!     options: Options,
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     exit(run())
//! }
//!
//! fn run() -> Result<(), Failure> {
//!     let Flags { options } = parse()?;
//!     let widths = [784, 30, 10];
//!     let options = options.for_net("mine", 0.1, &widths)?;
//!     let digits = options.digits()?;
//!     let mut model = mlp::<f32>(&widths, &mut generator(options.seed));
//!     let mut optimizer = options.optimizer(&model, digits.train.len());
//!     let mut run = Run::start(&options, &digits, &model)?;
//!     let training = Training {
//!         loss: SoftmaxCrossEntropy,
//!         metric: Accuracy,
//!         epochs: options.epochs(),
//!         batch_size: options.batch_size,
//!         seed: options.seed,
//!     };
//!     let trained = training.run(&mut model, &mut optimizer, &digits.train, &digits.test, &mut run);
//!     run.finish(trained.map(|_| ()), &mut model)
//! }
//! ```

mod checks;
mod console;
mod data;
mod failure;
mod flags;
mod folder;
mod loss;
mod memory;
mod options;
mod run;
pub mod task;
pub mod terminal;
pub mod workloads;

pub use checks::{Checks, Model};
pub use data::open;
pub use failure::{Failure, exit};
pub use flags::{
    DataFlags, List, PerClass, count, folder, list, parse, positive_rate, rate, whole,
};
pub use folder::{RunFolder, write_whole};
pub use loss::CrossEntropy;
pub use memory::check_memory;
pub use options::{NetOptions, OptimizerName, Options, ScheduleName};
pub use run::{Predictions, Run, accuracies, losses};

use hmac_sha256::Hash;
use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_mnist::Dataset;

/// The generator of a model's initial weights. Each model has one of its own, so that a net is the
/// same wherever it is trained.
pub fn generator(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// SHA-256 of the images and labels used, in their order.
pub fn identity(digits: &Dataset) -> String {
    let mut hash = Hash::new();
    for split in [&digits.train, &digits.test] {
        hash.update(split.images().as_slice().expect("standard layout"));
        hash.update(split.labels());
    }
    hex(&hash.finalize())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The widths of a net as they are written: `784-30-10`.
pub fn net_name(widths: &[usize]) -> String {
    widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-")
}
