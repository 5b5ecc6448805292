//! What the examples share: flags in, a training run, lines and files out. The models are in the examples themselves, the
//! loop is `longhand_train::Training::run`.

mod check;
mod command;
mod console;
mod data;
mod files;
mod options;
mod report;
mod task;

use std::ops::ControlFlow;
use std::process::ExitCode;

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Float, Layer, SoftmaxCrossEntropy};
use longhand_mnist::Dataset;
use longhand_optim::{Adam, AdamW, Optimizer, RmsProp, Schedule, Scheduled, Sgd};
use longhand_train::{Epoch, Observer, Step, Training, argmax};

use check::Checks;
use command::Failure;
use console::Console;
use files::Files;
use options::{Command, OptimizerName, Options, ScheduleName};
use task::CLASSIFICATION;
pub use task::{CLASSES, PIXELS};

/// What an example is called, and the defaults in which the examples differ.
pub struct Defaults {
    pub name: &'static str,
    pub learning_rate: f64,
    /// Hidden widths; an example without hidden layers has no `--hidden`.
    pub hidden: &'static [usize],
}

/// Runs an example: `build` makes its model from the hidden widths and a seeded generator.
pub fn main<M: Layer<f32> + 'static>(
    defaults: &Defaults,
    build: impl FnOnce(&[usize], &mut Xoshiro256PlusPlus) -> M,
) -> ExitCode {
    let ended = match options::parse(defaults, lexopt::Parser::from_env()) {
        Ok(Command::Help(text)) => Console::new(false, false).line(&text),
        Ok(Command::Train(options)) => train(defaults, &options, build),
        Ok(Command::Check(options)) => check(&options, build),
        Err(failure) => Err(failure),
    };
    command::exit(ended)
}

fn train<M: Layer<f32> + 'static>(
    defaults: &Defaults,
    options: &Options,
    build: impl FnOnce(&[usize], &mut Xoshiro256PlusPlus) -> M,
) -> Result<(), Failure> {
    let (digits, widths) = prepare(options)?;
    let mut console = Console::new(options.quiet, options.json);
    let mut files = Files::create(defaults.name, options, &digits)?;

    let mut model = build(&options.hidden, &mut Xoshiro256PlusPlus::seed_from_u64(options.seed));
    let net = widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
    console.header(&digits, &net, model.count(), options)?;

    let training = Training {
        loss: SoftmaxCrossEntropy::default(),
        answer: argmax,
        epochs: options.epochs,
        batch_size: options.batch_size,
        seed: options.seed,
    };
    let mut optimizer = optimizer(options, digits.train.len(), &model);
    let mut history = vec![];
    let mut observer =
        Outputs { console: &mut console, files: &mut files, history: &mut history, failure: None };
    let trained =
        training.run(&mut model, &mut optimizer, &digits.train, &digits.test, &mut observer);
    if let Some(failure) = observer.failure {
        return Err(failure);
    }
    console.clear_progress();
    // A run that diverged leaves what it measured before.
    let title = format!("{}: {net}", defaults.name);
    files.plot_losses(&history, &title)?;
    trained.map_err(|diverged| Failure::Run(diverged.to_string()))?;
    let settings = vec![
        ("data".to_owned(), console::data_text(&digits)),
        ("model".to_owned(), format!("{net}, {} parameters", model.count())),
        ("training".to_owned(), console::training_text(options)),
        ("epochs".to_owned(), options.epochs.to_string()),
    ];
    let answers = report::Answers::new(&model, &digits.test);
    let report = answers.report(&title, settings, &history, &model, &digits);
    files.report(&report)?;
    console.pictures(&report)?;
    console.footer(&history, &model, files.folder())
}

fn check<M: Layer<f32> + 'static>(
    options: &Options,
    build: impl FnOnce(&[usize], &mut Xoshiro256PlusPlus) -> M,
) -> Result<(), Failure> {
    let (digits, _) = prepare(options)?;
    let model = build(&options.hidden, &mut Xoshiro256PlusPlus::seed_from_u64(options.seed));
    let Options { epochs, batch_size, seed, .. } = *options;
    let mut checks = Checks::new(&digits, epochs, batch_size, seed);
    checks.model(&CLASSIFICATION, &model, &options.hidden, |model| {
        optimizer(options, digits.train.len(), model)
    })?;
    checks.two_layers_below_one(&CLASSIFICATION, 30)?;
    checks.end()
}

/// The digits, and the net's widths, which must fit in memory.
fn prepare(options: &Options) -> Result<(Dataset, Vec<usize>), Failure> {
    let widths: Vec<usize> =
        [PIXELS].iter().chain(&options.hidden).chain(&[CLASSES]).copied().collect();
    let digits = command::digits(options.data.as_deref(), options.per_class, options.seed)?;
    options.check_memory(&widths, digits.train.len())?;
    Ok((digits, widths))
}

fn optimizer<M: Layer<f32> + 'static>(
    options: &Options,
    images: usize,
    model: &M,
) -> Scheduled<Box<dyn Optimizer<f32, M>>> {
    let Options { learning_rate, momentum, weight_decay, epochs, batch_size, .. } = *options;
    let optimizer: Box<dyn Optimizer<f32, M>> = match options.optimizer {
        OptimizerName::Sgd => {
            Box::new(Sgd { learning_rate, momentum, weight_decay, ..Sgd::default() }.init(model))
        }
        OptimizerName::Adam => {
            Box::new(Adam { learning_rate, weight_decay, ..Adam::default() }.init(model))
        }
        OptimizerName::AdamW => {
            Box::new(AdamW { learning_rate, weight_decay, ..AdamW::default() }.init(model))
        }
        OptimizerName::RmsProp => Box::new(
            RmsProp { learning_rate, momentum, weight_decay, ..RmsProp::default() }.init(model),
        ),
    };
    // The schedules' lengths follow from that of the run.
    let steps = (epochs as u64).saturating_mul(images.div_ceil(batch_size) as u64).max(1);
    let schedule = match options.schedule {
        ScheduleName::Constant => Schedule::Constant,
        ScheduleName::Step => Schedule::Step { every: steps.div_ceil(3), factor: 0.1 },
        ScheduleName::Exponential => {
            // Not the platform's functions: this decides the bits of a run.
            Schedule::Exponential { factor: Float::exp(Float::ln(0.01) / steps as f64) }
        }
        ScheduleName::Cosine => Schedule::Cosine { steps, lowest: 0.0 },
        ScheduleName::WarmUp => Schedule::WarmUp { steps: steps.div_ceil(20), from: 0.01 },
        ScheduleName::OneCycle => Schedule::OneCycle { steps },
    };
    Scheduled { optimizer, schedule, base: learning_rate, steps: 0 }
}

/// Sends what happens to the console and to the files; the first failure stops the run.
struct Outputs<'a> {
    console: &'a mut Console,
    files: &'a mut Files,
    history: &'a mut Vec<Epoch>,
    failure: Option<Failure>,
}

impl Observer for Outputs<'_> {
    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        self.console.progress(step);
        ControlFlow::Continue(())
    }

    fn epoch(&mut self, epoch: &Epoch) -> ControlFlow<()> {
        self.history.push(*epoch);
        match self.files.metrics(epoch).and_then(|()| self.console.epoch(epoch)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }
}
