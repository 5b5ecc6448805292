//! What the examples share: flags in, a training run, lines and files out. The models are in the examples themselves, the
//! loop is `longhand_train::Training::run`.

mod console;
mod files;
mod loss_plot;
mod options;

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Layer, SoftmaxCrossEntropy};
use longhand_mnist::{Dataset, Split};
use longhand_optim::Sgd;
use longhand_train::{Training, argmax};

use console::Console;
use files::Files;
use options::{Command, Options, PerClass};

pub const PIXELS: usize = 28 * 28;
pub const CLASSES: usize = Split::CLASSES;

/// What an example is called, and the defaults in which the examples differ.
pub struct Defaults {
    pub name: &'static str,
    pub learning_rate: f64,
    /// Hidden widths; an example without hidden layers has no `--hidden`.
    pub hidden: &'static [usize],
}

/// Why an example ends without a result.
pub enum Failure {
    /// The command line asks for something that cannot be: exit code 2.
    Usage(String),
    /// The run itself failed: exit code 1.
    Run(String),
}

impl Failure {
    /// A failed attempt to write `path`.
    fn write(path: &Path, error: &dyn Display) -> Failure {
        let path = path.display();
        Failure::Run(format!("cannot write {path}: {error}; choose another folder with --out"))
    }
}

/// Runs an example: `build` makes its model from the hidden widths and a seeded generator.
pub fn main<M: Layer<f32>>(
    defaults: &Defaults,
    build: impl FnOnce(&[usize], &mut Xoshiro256PlusPlus) -> M,
) -> ExitCode {
    let message = match options::parse(defaults, lexopt::Parser::from_env()) {
        Ok(Command::Help(text)) => Console::new(false).line(&text),
        Ok(Command::Train(options)) => train(defaults, &options, build),
        Err(failure) => Err(failure),
    };
    match message {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}\n`--help` lists all flags with their defaults.");
            ExitCode::from(2)
        }
        Err(Failure::Run(message)) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn train<M: Layer<f32>>(
    defaults: &Defaults,
    options: &Options,
    build: impl FnOnce(&[usize], &mut Xoshiro256PlusPlus) -> M,
) -> Result<(), Failure> {
    let widths: Vec<usize> =
        [PIXELS].iter().chain(&options.hidden).chain(&[CLASSES]).copied().collect();
    let digits = load(options)?;
    let mut console = Console::new(options.quiet);
    let mut files = Files::create(defaults.name, options, &digits)?;

    let mut model = build(&options.hidden, &mut Xoshiro256PlusPlus::seed_from_u64(options.seed));
    let net = widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
    console.header(&digits, &net, model.count(), options)?;

    let training = Training {
        loss: SoftmaxCrossEntropy,
        answer: argmax,
        epochs: options.epochs,
        batch_size: options.batch_size,
        seed: options.seed,
    };
    let mut sgd = Sgd { learning_rate: options.learning_rate as f32 };
    let mut observer = Outputs { console: &mut console, files: &mut files, failure: None };
    let history = training.run(&mut model, &mut sgd, &digits.train, &digits.test, &mut observer);
    if let Some(failure) = observer.failure {
        return Err(failure);
    }
    let history = history.map_err(|diverged| Failure::Run(diverged.to_string()))?;
    files.plot_losses(&history, &format!("{}: loss of {net}", defaults.name))?;
    console.footer(&history, &model, files.folder())
}

fn load(options: &Options) -> Result<Dataset, Failure> {
    let all = match &options.data {
        None => Dataset::embedded(),
        Some(folder) => {
            Dataset::from_idx_folder(folder).map_err(|e| Failure::Run(format!("--data: {e}")))?
        }
    };
    match options.per_class {
        PerClass::All => Ok(all),
        PerClass::Count(n) => all.draw_per_class(n, options.seed).map_err(|error| {
            Failure::Usage(format!("--per-class: {error}; ask for fewer, or for `all`"))
        }),
    }
}

/// Sends what happens to the console and to the files; the first failure stops the run.
struct Outputs<'a> {
    console: &'a mut Console,
    files: &'a mut Files,
    failure: Option<Failure>,
}

impl longhand_train::Observer for Outputs<'_> {
    fn step(&mut self, step: &longhand_train::Step) -> std::ops::ControlFlow<()> {
        self.console.progress(step);
        std::ops::ControlFlow::Continue(())
    }

    fn epoch(&mut self, epoch: &longhand_train::Epoch) -> std::ops::ControlFlow<()> {
        match self.files.metrics(epoch).and_then(|()| self.console.epoch(epoch)) {
            Ok(()) => std::ops::ControlFlow::Continue(()),
            Err(failure) => {
                self.failure = Some(failure);
                std::ops::ControlFlow::Break(())
            }
        }
    }
}
