use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use longhand_layers::{Activation, Dropout, Float, Parameters};
use longhand_mnist::Dataset;
use longhand_optim::{Adam, AdamW, Clipped, Optimizer, RmsProp, Schedule, Scheduled, Sgd};
use serde::Serialize;
use serde_json::{Value, json};

use crate::flags::{
    self, DataFlags, List, count, folder, positive_rate, rate, share_below_1, whole,
};
use crate::{CrossEntropy, Failure, check_memory};

const OUT_HELP: &str = "Where report.html, loss.svg, metrics.csv and config.json go [default: runs/<example>-seed<seed>]";

/// How a model is trained, and what becomes of it.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How often each training image is seen
    #[arg(long, value_name = "N", default_value = "30", value_parser = whole::<usize>, allow_negative_numbers = true)]
    epochs: usize,
    /// Learning rate [default: 0.05 (logistic), 0.1 (mlp), 0.001 for optimizers other than sgd]
    #[arg(long, visible_alias = "learning-rate", value_name = "X", value_parser = rate, allow_negative_numbers = true)]
    lr: Option<f64>,
    /// Images per update
    #[arg(long, value_name = "N", default_value = "16", value_parser = count, allow_negative_numbers = true)]
    pub batch_size: usize,
    /// Optimizer
    #[arg(
        long,
        value_name = "O",
        default_value = "sgd",
        hide_possible_values = true,
        help = "sgd, adam, adamw or rmsprop"
    )]
    optimizer: OptimizerName,
    /// Momentum of sgd and rmsprop [default: 0]
    #[arg(long, value_name = "X", value_parser = share_below_1, allow_negative_numbers = true)]
    momentum: Option<f64>,
    /// Nesterov momentum, for sgd with --momentum
    #[arg(long)]
    nesterov: bool,
    /// Weight decay [default: 0; adamw: 0.01]
    #[arg(long, value_name = "X", value_parser = rate, allow_negative_numbers = true)]
    weight_decay: Option<f64>,
    /// Scale a gradient down whose norm is larger
    #[arg(long, value_name = "X", value_parser = positive_rate, allow_negative_numbers = true)]
    clip_norm: Option<f64>,
    /// Spread so much of each target over all classes
    #[arg(long, value_name = "X", default_value = "0", value_parser = flags::share, allow_negative_numbers = true)]
    label_smoothing: f64,
    /// Of the learning rate: constant, step, exponential, cosine, warm-up or one-cycle
    #[arg(long, value_name = "S", default_value = "constant", hide_possible_values = true)]
    schedule: ScheduleName,
    /// Stop after N epochs without a lower validation loss, and keep the weights of the best
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) patience: Option<usize>,
    /// Decides the draw, the initial weights and the order
    #[arg(long, value_name = "N", default_value = "42", value_parser = flags::seed, allow_negative_numbers = true)]
    pub seed: u64,
    #[command(flatten)]
    data: DataFlags,
    #[arg(long, value_name = "DIR", value_parser = folder(), help = OUT_HELP)]
    out: Option<PathBuf>,
    /// Make the homework's checks instead of a run: one line each, exit code 1 if one failed
    #[arg(long)]
    pub check: bool,
    /// Train on one batch, evaluate once, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object for each epoch, for programs
    #[arg(long)]
    pub json: bool,
    /// Print the last line only
    #[arg(long)]
    pub quiet: bool,
    #[arg(skip)]
    pub(crate) example: &'static str,
    #[arg(skip)]
    pub(crate) widths: Vec<usize>,
    #[arg(skip)]
    net: Option<NetOptions>,
}

/// What the hidden layers of a net are.
#[derive(Args, Clone, Debug)]
pub struct NetOptions {
    /// Widths of the hidden layers
    #[arg(long, value_name = "W,W,..", default_value = "30", value_parser = widths, allow_negative_numbers = true)]
    hidden: List<usize>,
    /// Activation: relu, leaky-relu, sigmoid, tanh, gelu or gelu-tanh
    #[arg(long, value_name = "A", default_value = "relu", value_parser = activation)]
    pub activation: Activation,
    /// Leave out so many of the hidden units in each step
    #[arg(long, value_name = "P", default_value = "0", value_parser = share_below_1, allow_negative_numbers = true)]
    dropout: f64,
}

fn widths(text: &str) -> Result<List<usize>, String> {
    let width = |text: &str| match text.parse() {
        Ok(width) if width > 0 => Ok(width),
        _ => Err(String::new()),
    };
    flags::list(text, "widths of 1 or more, separated by commas, as in 128,64", width)
}

fn activation(word: &str) -> Result<Activation, String> {
    word.parse().map_err(|error: longhand_layers::UnknownActivation| error.to_string())
}

impl NetOptions {
    /// The widths of the net, from the pixels to the classes.
    pub fn widths(&self, pixels: usize, classes: usize) -> Vec<usize> {
        [pixels].into_iter().chain(self.hidden.0.iter().copied()).chain([classes]).collect()
    }

    /// The dropout behind the hidden layer of this number, if there is any. Each has a seed of its
    /// own.
    pub fn dropout(&self, layer: usize, seed: u64) -> Option<Dropout> {
        (self.dropout > 0.0).then(|| Dropout::new(self.dropout, seed.wrapping_add(layer as u64)))
    }
}

/// The word by which a choice is asked for.
fn word(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The optimizers, as `--optimizer` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum OptimizerName {
    /// Stochastic gradient descent.
    Sgd,
    /// Adam.
    Adam,
    /// Adam with decoupled weight decay.
    AdamW,
    /// RMSprop.
    RmsProp,
}

/// The schedules of the learning rate, as `--schedule` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleName {
    /// The learning rate as it is.
    Constant,
    /// A tenth after each third of the run.
    Step,
    /// Down to a hundredth, a little in each step.
    Exponential,
    /// Half a cosine down to 0.
    Cosine,
    /// Up from a hundredth in the first twentieth.
    WarmUp,
    /// Up and down.
    OneCycle,
}

impl Options {
    /// The options of an example for a net of these widths; `learning_rate` is that of plain SGD
    /// where none is asked for.
    ///
    /// # Errors
    /// Flags contradict each other.
    pub fn for_net(
        self,
        example: &'static str,
        learning_rate: f64,
        widths: &[usize],
    ) -> Result<Options, Failure> {
        let usage = |message: &str| Err(Failure::Usage(message.to_owned()));
        let momentum = self.momentum.unwrap_or(0.0);
        let (sgd, adam) = (self.optimizer == OptimizerName::Sgd, self.has_moments());
        if self.momentum.is_some() && adam {
            return usage(
                "--momentum: expected the optimizer sgd or rmsprop, found one that keeps its own moments; leave it out",
            );
        }
        if self.nesterov && !(sgd && momentum > 0.0) {
            return usage(
                "--nesterov: expected the optimizer sgd with --momentum above 0, as in --momentum 0.9; leave it out",
            );
        }
        let decay = if self.optimizer == OptimizerName::AdamW { 0.01 } else { 0.0 };
        Ok(Options {
            lr: self.lr.or(Some(if sgd { learning_rate } else { 1e-3 })),
            momentum: Some(momentum),
            weight_decay: self.weight_decay.or(Some(decay)),
            out: self.out.or_else(|| Some(format!("runs/{example}-seed{}", self.seed).into())),
            example,
            widths: widths.to_vec(),
            ..self
        })
    }

    /// The same with the options of its net, for the record.
    pub fn with_net(self, net: NetOptions) -> Options {
        Options { net: Some(net), ..self }
    }

    fn has_moments(&self) -> bool {
        matches!(self.optimizer, OptimizerName::Adam | OptimizerName::AdamW)
    }

    /// How often each training image is seen; a dry run sees its batch once.
    pub fn epochs(&self) -> usize {
        if self.dry_run { 1 } else { self.epochs }
    }

    /// The learning rate.
    pub fn learning_rate(&self) -> f64 {
        self.lr.unwrap_or(0.0)
    }

    pub(crate) fn out(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new(""))
    }

    /// The digits to train on and to evaluate on. A dry run trains on one batch.
    ///
    /// # Errors
    /// They cannot be read, there are fewer than were asked for, or the net would not fit in
    /// memory.
    pub fn digits(&self) -> Result<Dataset, Failure> {
        let mut digits = self.data.digits(self.seed)?;
        let one_batch = self.batch_size.min(digits.train.len());
        if self.dry_run {
            digits.train = digits.train.select(&(0..one_batch).collect::<Vec<_>>());
        }
        // Beside its gradient, a weight may have a velocity or moments.
        let momentum = usize::from(self.momentum.unwrap_or(0.0) != 0.0);
        let states = match self.optimizer {
            OptimizerName::Sgd => momentum,
            OptimizerName::RmsProp => 1 + momentum,
            OptimizerName::Adam | OptimizerName::AdamW => 2,
        };
        check_memory(&self.widths, one_batch, states)?;
        Ok(digits)
    }

    /// Whether the weights decay.
    pub(crate) fn decays(&self) -> bool {
        self.weight_decay.is_some_and(|decay| decay > 0.0)
    }

    /// The loss that is minimised: the cross-entropy of the softmax, through log-sum-exp.
    pub fn loss(&self) -> CrossEntropy {
        CrossEntropy::new(self.label_smoothing)
    }

    /// What moves the model: plain SGD, `θ ← θ − η·g`, unless flags ask for more.
    pub fn optimizer<M: Parameters<f32> + 'static>(
        &self,
        model: &M,
        images: usize,
    ) -> Scheduled<Box<dyn Optimizer<f32, M>>> {
        let learning_rate = self.learning_rate();
        let (momentum, nesterov) = (self.momentum.unwrap_or(0.0), self.nesterov);
        let weight_decay = self.weight_decay.unwrap_or(0.0);
        let optimizer: Box<dyn Optimizer<f32, M>> = match self.optimizer {
            OptimizerName::Sgd => {
                let options =
                    Sgd { learning_rate, momentum, nesterov, weight_decay, ..Sgd::default() };
                Box::new(options.init(model))
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
        let optimizer: Box<dyn Optimizer<f32, M>> = match self.clip_norm {
            Some(max_norm) => Box::new(Clipped::new(optimizer, max_norm, model)),
            None => optimizer,
        };
        // The schedules' lengths follow from that of the run.
        let steps =
            (self.epochs() as u64).saturating_mul(images.div_ceil(self.batch_size) as u64).max(1);
        let schedule = match self.schedule {
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
        Scheduled { optimizer, schedule, base: learning_rate }
    }

    /// How the model is trained, in words.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}, learning rate {}", word(self.optimizer), self.learning_rate());
        let momentum = if self.nesterov { "Nesterov momentum" } else { "momentum" };
        for (what, value) in [
            (momentum, self.momentum.unwrap_or(0.0)),
            ("weight decay", self.weight_decay.unwrap_or(0.0)),
            ("gradient norm at most", self.clip_norm.unwrap_or(0.0)),
            ("label smoothing", self.label_smoothing),
            ("dropout", self.net.as_ref().map_or(0.0, |net| net.dropout)),
        ] {
            if value != 0.0 {
                text += &format!(", {what} {value}");
            }
        }
        if self.schedule != ScheduleName::Constant {
            text += &format!(", {} schedule", word(self.schedule));
        }
        text + &format!(", batch size {}, seed {}", self.batch_size, self.seed)
    }

    /// Everything the flags decide, as `config.json` records it.
    pub(crate) fn config(&self) -> Value {
        let lossy = |path: &PathBuf| path.to_string_lossy().into_owned();
        let hidden = &self.widths[1..self.widths.len() - 1];
        json!({
            "epochs": self.epochs,
            "lr": self.learning_rate(),
            "batch_size": self.batch_size,
            "optimizer": self.optimizer,
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "weight_decay": self.weight_decay,
            "clip_norm": self.clip_norm,
            "label_smoothing": self.label_smoothing,
            "schedule": self.schedule,
            "patience": self.patience,
            "seed": self.seed,
            "hidden": hidden,
            "activation": self.net.as_ref().map(|net| net.activation.to_string()),
            "dropout": self.net.as_ref().map_or(0.0, |net| net.dropout),
            "data": self.data.data.as_ref().map(lossy),
            "per_class": self.data.per_class,
            "out": self.out.as_ref().map(lossy),
            "quiet": self.quiet,
            "json": self.json,
        })
    }
}
