use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use longhand_data::Predict;
use longhand_layers::{Activation, Dropout, Float, Parameters, Relu};
use longhand_optim::{Adam, AdamW, Clipped, Resumable, RmsProp, Schedule, Scheduled, Sgd};
use longhand_save::{AnyLayer, Feature, Input, Model, Output, load_into};
use serde::Serialize;
use serde_json::{Value, json};

use crate::data::{Set, Sets};
use crate::flags::{
    self, DataFlags, List, PerClass, count, file, folder, positive_rate, rate, share_below_1, whole,
};
use crate::loss::{Measure, Objective};
use crate::open::{Columns, open_sets};
use crate::{CrossEntropy, Failure, check_memory, terminal};

const OUT_HELP: &str = "Where report.html, model.safetensors, metrics.csv and others go [default: runs/<example>-seed<seed>]";

/// How a model is trained, and what becomes of it.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How often each training image is seen; 0 only evaluates
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
    /// Train on N more copies of each image, shifted and scaled a little at random
    #[arg(long, value_name = "N", default_value = "0", value_parser = whole::<usize>, allow_negative_numbers = true)]
    augment: usize,
    /// Of a table: the column to predict, by its name or number [default: the last, or one called `class`, `label` or the like]
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Of a table: whether that is a class or a number [default: a class, where it is a text or one of few whole numbers]
    #[arg(long, value_name = "WHAT", hide_possible_values = true)]
    predict: Option<PredictName>,
    #[arg(long, value_name = "DIR", value_parser = folder(), help = OUT_HELP)]
    out: Option<PathBuf>,
    /// Write the trained model to this file as well
    #[arg(long, value_name = "FILE", value_parser = file())]
    save: Option<PathBuf>,
    /// Begin with the model in this file; with --epochs 0, only evaluate it
    #[arg(long, value_name = "FILE", value_parser = file())]
    load: Option<PathBuf>,
    /// Write a checkpoint after every N epochs
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    checkpoint_every: Option<usize>,
    /// Go on with the run in this folder, which was interrupted; all flags are as they were
    #[arg(long, value_name = "DIR", value_parser = folder())]
    pub(crate) resume: Option<PathBuf>,
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
    /// The model of --load, if its file describes it.
    #[arg(skip)]
    loaded: Option<Model<f32>>,
    /// The command line: what a checkpoint keeps.
    #[arg(skip)]
    pub(crate) arguments: Vec<String>,
}

/// What is predicted of a table, as `--predict` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PredictName {
    /// A class.
    Class,
    /// A number.
    Number,
}

/// What the hidden layers of a net are.
#[derive(Args, Clone, Debug)]
pub struct NetOptions {
    /// Widths of the hidden layers [default: 30, or those of --load]
    #[arg(long, value_name = "W,W,..", value_parser = widths, allow_negative_numbers = true)]
    hidden: Option<List<usize>>,
    /// Activation: relu, leaky-relu, sigmoid, tanh, gelu or gelu-tanh [default: relu, or that of --load]
    #[arg(long, value_name = "A", value_parser = activation)]
    activation: Option<Activation>,
    /// Leave out so many of the hidden units in each step [default: 0, or as in --load]
    #[arg(long, value_name = "P", value_parser = share_below_1, allow_negative_numbers = true)]
    dropout: Option<f64>,
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
    /// The widths of the net, from the features of a sample to its outputs.
    pub fn widths(&self, features: usize, outputs: usize) -> Vec<usize> {
        let hidden = self.hidden.as_ref().map_or(&[30][..], |hidden| &hidden.0);
        [features].into_iter().chain(hidden.iter().copied()).chain([outputs]).collect()
    }

    /// What stands between the linear layers.
    pub fn activation(&self) -> Activation {
        self.activation.unwrap_or(Activation::Relu(Relu))
    }

    /// The same net as the model has that is loaded, where flags do not say otherwise.
    fn like(self, model: &Model<f32>) -> Result<NetOptions, String> {
        let found =
            || format!("expected linear layers with one activation between them, found {model}");
        let (mut hidden, mut own) = (vec![], None);
        let dropout = model.layers.iter().find_map(|layer| match layer {
            AnyLayer::Dropout(dropout) => Some(dropout.probability()),
            _ => None,
        });
        let layers: Vec<_> =
            model.layers.iter().filter(|layer| !matches!(layer, AnyLayer::Dropout(_))).collect();
        for (i, layer) in layers.iter().enumerate() {
            match (i % 2, layer) {
                (0, AnyLayer::Linear(linear)) if linear.bias().is_some() => {
                    hidden.push(linear.out_features())
                }
                (1, layer) => {
                    let activation = activation_of(layer).ok_or_else(found)?;
                    if own.is_some_and(|own| own != activation) {
                        return Err(found());
                    }
                    own = Some(activation);
                }
                _ => return Err(found()),
            }
        }
        if layers.len() % 2 == 0 || layers.len() < 3 {
            return Err(found());
        }
        hidden.pop();
        let (hidden, own) = (self.hidden.unwrap_or(List(hidden)), self.activation.or(own));
        Ok(NetOptions { hidden: Some(hidden), activation: own, dropout: self.dropout.or(dropout) })
    }

    /// The dropout behind the hidden layer of this number, if there is any. Each has a seed of its
    /// own.
    pub fn dropout(&self, layer: usize, seed: u64) -> Option<Dropout> {
        let share = self.dropout_share();
        (share > 0.0).then(|| Dropout::new(share, seed.wrapping_add(layer as u64)))
    }

    /// The share of the hidden units that is left out.
    fn dropout_share(&self) -> f64 {
        self.dropout.unwrap_or(0.0)
    }
}

fn activation_of(layer: &AnyLayer<f32>) -> Option<Activation> {
    Some(match *layer {
        AnyLayer::Relu(layer) => layer.into(),
        AnyLayer::LeakyRelu(layer) => layer.into(),
        AnyLayer::Sigmoid(layer) => layer.into(),
        AnyLayer::Tanh(layer) => layer.into(),
        AnyLayer::Gelu(layer) => layer.into(),
        _ => return None,
    })
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
    /// The options of an example; `learning_rate` is that of plain SGD where none is asked for. Reads
    /// the model of `--load`.
    ///
    /// # Errors
    /// Flags contradict each other, or the model cannot be read.
    pub fn for_example(
        self,
        example: &'static str,
        learning_rate: f64,
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
        let files = [
            ("--save", self.save.is_some()),
            ("--checkpoint-every", self.checkpoint_every.is_some()),
            ("--resume", self.resume.is_some()),
        ];
        let dry = if self.check { Some("--check") } else { self.dry_run.then_some("--dry-run") };
        if let (Some(dry), Some((flag, _))) = (dry, files.iter().find(|(_, given)| *given)) {
            return Err(Failure::Usage(format!(
                "{flag}: expected a run, found {dry}, which keeps nothing; leave one of them out"
            )));
        }
        if self.check && self.load.is_some() {
            return usage(
                "--load: expected a run, found --check, which begins with a fresh model; leave one of them out",
            );
        }
        let loaded = match &self.load {
            Some(path) => described(path)?,
            None => None,
        };
        if let Some(path) = &self.save {
            expect_model_or_nothing(path)?;
        }
        let arguments = flags::arguments(self.resume.as_deref(), Some(example))?;
        let decay = if self.optimizer == OptimizerName::AdamW { 0.01 } else { 0.0 };
        Ok(Options {
            lr: self.lr.or(Some(if sgd { learning_rate } else { 1e-3 })),
            momentum: Some(momentum),
            weight_decay: self.weight_decay.or(Some(decay)),
            out: self.out.or_else(|| Some(format!("runs/{example}-seed{}", self.seed).into())),
            example,
            loaded,
            arguments,
            ..self
        })
    }

    /// The options of the net: those of the model that is loaded, where flags do not say otherwise.
    ///
    /// # Errors
    /// The model that is loaded is no such net.
    pub fn like_loaded(&self, net: NetOptions) -> Result<NetOptions, Failure> {
        let Some(model) = &self.loaded else { return Ok(net) };
        net.like(model).map_err(|reason| self.load_failure(&reason))
    }

    fn load_failure(&self, reason: &str) -> Failure {
        let path = terminal::path(self.load.as_deref().unwrap_or(Path::new("")));
        Failure::Run(format!("--load: {path}: {reason}"))
    }

    /// The same for a net of these widths, with the options of its hidden layers, for the record.
    ///
    /// # Errors
    /// The net would not fit in memory.
    pub fn for_net(
        self,
        widths: &[usize],
        net: Option<&NetOptions>,
        sets: &Sets,
    ) -> Result<Options, Failure> {
        let batch = self.batch_size.min(longhand_train::Data::<f32>::len(&sets.train));
        // Beside its gradient, a weight may have a velocity or moments.
        let momentum = usize::from(self.momentum.unwrap_or(0.0) != 0.0);
        let states = match self.optimizer {
            OptimizerName::Sgd => momentum,
            OptimizerName::RmsProp => 1 + momentum,
            OptimizerName::Adam | OptimizerName::AdamW => 2,
        };
        check_memory(widths, batch, states)?;
        Ok(Options { widths: widths.to_vec(), net: net.cloned(), ..self })
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

    /// What to train on and to validate with. A dry run trains on one batch.
    ///
    /// # Errors
    /// It cannot be read, there is less than was asked for, or it is not what the model that is
    /// loaded was trained for.
    pub fn data(&self) -> Result<Sets, Failure> {
        let (mut features, mut number): (Option<&[Feature]>, Option<&Feature>) = (None, None);
        if let Some(model) = &self.loaded {
            if let Input::Features(all) = &model.input {
                features = Some(all);
            }
            if let Output::Number(feature) = &model.output {
                number = Some(feature);
            }
        }
        let classes = match self.loaded.as_ref().map(|model| &model.output) {
            Some(Output::Classes(names)) => Some(&names[..]),
            _ => None,
        };
        let predict = match self.predict {
            None if number.is_some() => Predict::Number,
            None if classes.is_some() => Predict::Class,
            None => Predict::Either,
            Some(PredictName::Class) => Predict::Class,
            Some(PredictName::Number) => Predict::Number,
        };
        let target = self.target.as_deref();
        let columns = Columns { target, predict, features, number, classes };
        let draw = |all| self.data.draw(all, self.seed);
        let asked = self.target.is_some() || self.predict.is_some();
        let sets = open_sets(self.data.data.as_deref(), columns, asked, self.seed, draw)?;
        if matches!(sets.train, Set::Rows(_)) && self.data.per_class.is_some() {
            let message = "--per-class: expected pictures as --data, found a table, of which all is used; leave it out";
            return Err(Failure::Usage(message.to_owned()));
        }
        self.expect_like_loaded(&sets)?;
        let sets = sets.with_copies(self.augment, self.seed)?;
        Ok(if self.dry_run { sets.with_first(self.batch_size) } else { sets })
    }

    /// Checks that a model that is loaded was trained for such samples.
    fn expect_like_loaded(&self, sets: &Sets) -> Result<(), Failure> {
        let Some(model) = &self.loaded else { return Ok(()) };
        let (inputs, outputs) = (sets.features(), sets.outputs());
        if let Some(found) = model.widths().filter(|found| *found != (inputs, outputs)) {
            return Err(self.load_failure(&format!(
                "expected a net of {inputs} inputs and {outputs} outputs, as the data have, found one of {} and {}; name its own data with --data",
                found.0, found.1
            )));
        }
        match (&model.output, &sets.output) {
            (Output::Classes(found), Output::Classes(expected)) if found != expected => {
                let list = |names: &[String]| {
                    let shown: Vec<String> =
                        names.iter().take(5).map(|name| terminal::text(name)).collect();
                    shown.join(", ") + if names.len() > 5 { ", …" } else { "" }
                };
                Err(self.load_failure(&format!(
                    "expected a net for the classes {}, found one for {}; name its own data with --data",
                    list(expected), list(found)
                )))
            }
            _ => Ok(()),
        }
    }

    /// Gives a model the weights that training begins with, if there is a file of them.
    pub(crate) fn load_into<M: Parameters<f32>>(&self, model: &mut M) -> Result<(), Failure> {
        match (&self.load, &self.loaded) {
            (None, _) => Ok(()),
            (Some(_), Some(loaded)) => {
                loaded.give_to(model).map_err(|error| self.load_failure(&error.to_string()))
            }
            (Some(path), None) => {
                load_into(model, path).map_err(|error| Failure::Run(format!("--load: {error}")))
            }
        }
    }

    /// What `--data` is, for a command that a user can copy.
    pub(crate) fn data_argument(&self) -> Option<String> {
        self.data.data.as_deref().map(terminal::argument)
    }

    /// Another file for the trained model.
    pub(crate) fn save(&self) -> Option<&Path> {
        self.save.as_deref()
    }

    /// Whether a checkpoint is due after this epoch.
    pub(crate) fn is_checkpoint_due(&self, epoch: usize) -> bool {
        self.checkpoint_every.is_some_and(|every| epoch > 0 && epoch.is_multiple_of(every))
    }

    /// Whether checkpoints are asked for.
    pub(crate) fn keeps_checkpoints(&self) -> bool {
        self.checkpoint_every.is_some()
    }

    /// Whether the weights decay.
    pub(crate) fn decays(&self) -> bool {
        self.weight_decay.is_some_and(|decay| decay > 0.0)
    }

    /// The loss that is minimised: the cross-entropy of the softmax, through log-sum-exp.
    pub fn cross_entropy(&self) -> CrossEntropy {
        CrossEntropy::new(self.label_smoothing)
    }

    /// The loss that is minimised: the cross-entropy of classes, or the squared error of numbers.
    pub fn loss(&self) -> Objective {
        Objective(self.cross_entropy())
    }

    /// What is measured beside the loss: the accuracy of classes, or the error of numbers.
    pub fn metric(&self, sets: &Sets) -> Measure {
        sets.measure()
    }

    /// What moves the model: plain SGD, `θ ← θ − η·g`, unless flags ask for more.
    pub fn optimizer<M: Parameters<f32> + 'static>(
        &self,
        model: &M,
        samples: usize,
    ) -> Scheduled<Box<dyn Resumable<f32, M>>> {
        let learning_rate = self.learning_rate();
        let (momentum, nesterov) = (self.momentum.unwrap_or(0.0), self.nesterov);
        let weight_decay = self.weight_decay.unwrap_or(0.0);
        let optimizer: Box<dyn Resumable<f32, M>> = match self.optimizer {
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
        let optimizer: Box<dyn Resumable<f32, M>> = match self.clip_norm {
            Some(max_norm) => Box::new(Clipped::new(optimizer, max_norm, model)),
            None => optimizer,
        };
        // The schedules' lengths follow from that of the run.
        let steps =
            (self.epochs() as u64).saturating_mul(samples.div_ceil(self.batch_size) as u64).max(1);
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
            ("dropout", self.net.as_ref().map_or(0.0, NetOptions::dropout_share)),
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
    pub(crate) fn config(&self, sets: &Sets) -> Value {
        let per_class = match &sets.train {
            Set::Pictures(split) => Some(self.data.per_class.unwrap_or(PerClass::usual(split))),
            Set::Rows(_) => None,
        };
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
            "activation": self.net.as_ref().map(|net| net.activation().to_string()),
            "dropout": self.net.as_ref().map_or(0.0, NetOptions::dropout_share),
            "data": self.data.data.as_ref().map(lossy),
            "per_class": per_class,
            "augment": self.augment,
            "target": self.target,
            "predict": self.predict,
            "load": self.load.as_ref().map(lossy),
            "out": self.out.as_ref().map(lossy),
            "quiet": self.quiet,
            "json": self.json,
        })
    }
}

/// The model in a file, if the file says what it consists of. One that PyTorch has written does not.
fn described(path: &Path) -> Result<Option<Model<f32>>, Failure> {
    match Model::load(path) {
        Ok(model) => Ok(Some(model)),
        Err(error) if error.is_undescribed() => Ok(None),
        Err(error) => Err(Failure::Run(format!("--load: {error}"))),
    }
}

/// Refuses to overwrite what is no model.
fn expect_model_or_nothing(path: &Path) -> Result<(), Failure> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let shown = terminal::path(path);
    if parent.is_some_and(|parent| !parent.is_dir()) {
        return Err(Failure::Run(format!(
            "--save: {shown}: expected a folder to put it in, found none; make it"
        )));
    }
    if !path.exists() {
        return Ok(());
    }
    match Model::<f32>::load(path) {
        Ok(_) => Ok(()),
        Err(error) if error.is_undescribed() => Ok(()),
        Err(_) => Err(Failure::Run(format!(
            "--save: {shown}: expected a model to overwrite, or nothing, found something else; choose another name"
        ))),
    }
}
