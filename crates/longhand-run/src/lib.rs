//! What the command-line examples share: flags, lines on the terminal, the folder of a run, the
//! homework's checks, and what `--data` names.
//!
//! Apart from [`task`], nothing here trains: the loop is in the example, or it is
//! [`longhand_train::Training::run`]. [`Run`] is told what happens, as an observer, and writes it
//! down:
//!
//! ```no_run
//! use clap::Parser;
//! use longhand_layers::mlp;
//! use longhand_run::{Failure, Options, Run, exit, generator, parse};
//! use longhand_train::{Data, Training};
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
//!     let options = options.for_example("mine", 0.1)?;
//!     let data = options.data()?;
//!     let widths = [data.features(), 30, data.outputs()];
//!     let options = options.for_net(&widths, None, &data)?;
//!     let mut model = mlp::<f32>(&widths, &mut generator(options.seed));
//!     let mut optimizer = options.optimizer(&model, data.train.len());
//!     let mut run = Run::start(&options, &data, &mut model)?;
//!     let training = Training {
//!         loss: options.loss(),
//!         metric: options.metric(&data),
//!         epochs: options.epochs(),
//!         batch_size: options.batch_size,
//!         seed: options.seed,
//!     };
//!     let mut progress = run.take_up(&mut model, &mut optimizer)?;
//!     let mut trained = Ok(());
//!     while trained.is_ok() && run.goes_on(&progress, &model, &mut optimizer)? {
//!         trained = training.resume(
//!             &mut progress, &mut model, &mut optimizer, &data.train, &data.valid, &mut run,
//!         );
//!     }
//!     run.finish(trained, &mut model)
//! }
//! ```

mod checks;
mod console;
mod data;
mod failure;
mod flags;
mod folder;
mod interrupt;
mod loss;
mod memory;
mod open;
mod options;
mod past;
mod provenance;
mod run;
pub mod task;
pub mod terminal;
pub mod workloads;

pub use checks::{Checks, Model};
pub use data::{Answers, Set, Sets};
pub use failure::{Failure, exit};
pub use flags::{
    DataFlags, List, PerClass, count, folder, list, parse, positive_rate, rate, share_below_1,
    whole,
};
pub use folder::{RunFolder, write_whole};
pub use loss::{CrossEntropy, Measure, Objective};
pub use memory::check_memory;
pub use open::open;
pub use options::{NetOptions, OptimizerName, Options, ScheduleName};
pub use past::{PastRun, past_runs};
pub use run::{Run, losses};

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_mnist::{Dataset, Split};

/// The generator of a model's initial weights. Each model has one of its own, so that a net is the
/// same wherever it is trained.
pub fn generator(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// SHA-256 of the images and labels used, in their order.
pub fn identity(digits: &Dataset) -> String {
    let set = |split: &Split| Set::Pictures(split.clone());
    data::identity(&set(&digits.train), &set(&digits.test))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The widths of a net as they are written: `784-30-10`.
pub fn net_name(widths: &[usize]) -> String {
    widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-")
}
