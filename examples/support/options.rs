use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lexopt::prelude::*;
use serde::{Serialize, Serializer};

use super::Defaults;
use super::command::{COUNT, Failure, PerClass, RATE, in_f32, number, numbers, wrong_value};

/// What weights and activations may take with their gradients; more is refused before anything is allocated.
const MEMORY_CAP_GIB: f64 = 4.0;

/// Most rows the loop holds activations of at once: it evaluates 1000 at a time.
const EVALUATED_AT_ONCE: usize = 1000;

/// Everything the flags decide, as `config.json` records it.
#[derive(Serialize)]
pub struct Options {
    pub epochs: usize,
    #[serde(rename = "lr")]
    pub learning_rate: f64,
    pub batch_size: usize,
    pub optimizer: OptimizerName,
    pub momentum: f64,
    pub weight_decay: f64,
    pub schedule: ScheduleName,
    pub seed: u64,
    pub hidden: Vec<usize>,
    #[serde(serialize_with = "lossy_option")]
    pub data: Option<PathBuf>,
    pub per_class: PerClass,
    #[serde(serialize_with = "lossy")]
    pub out: PathBuf,
    pub quiet: bool,
    pub json: bool,
}

impl Options {
    /// Optimizer, learning rate and whatever else of it is not left out, in words.
    pub fn optimizer_text(&self) -> String {
        let mut text = format!(
            "{}, learning rate {}",
            name(OptimizerName::NAMES, self.optimizer),
            self.learning_rate
        );
        for (what, value) in [("momentum", self.momentum), ("weight decay", self.weight_decay)] {
            if value != 0.0 {
                text += &format!(", {what} {value}");
            }
        }
        if self.schedule != ScheduleName::Constant {
            text += &format!(", {} schedule", name(ScheduleName::NAMES, self.schedule));
        }
        text
    }

    /// Refuses a net that would not fit in memory, before any of it is allocated.
    pub fn check_memory(&self, widths: &[usize], images: usize) -> Result<(), Failure> {
        // In f64, which no width can overflow.
        let widths: Vec<f64> = widths.iter().map(|&w| w as f64).collect();
        let weights: f64 = widths.windows(2).map(|w| (w[0] + 1.0) * w[1]).sum();
        let rows = self.batch_size.min(images).max(EVALUATED_AT_ONCE) as f64;
        let activations = rows * widths.iter().sum::<f64>();
        // Beside its gradient, a weight may have a velocity or moments.
        let states = match self.optimizer {
            OptimizerName::Sgd => f64::from(u8::from(self.momentum != 0.0)),
            OptimizerName::RmsProp => 1.0 + f64::from(u8::from(self.momentum != 0.0)),
            OptimizerName::Adam | OptimizerName::AdamW => 2.0,
        };
        let numbers = (2.0 + states) * weights + 2.0 * activations;
        let gib = 4.0 * numbers / f64::from(1 << 30);
        if gib <= MEMORY_CAP_GIB {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "--hidden and --batch-size: expected a net of at most {MEMORY_CAP_GIB} GiB for weights, activations, their \
             gradients and the optimizer's state, found one of {gib:.1} GiB; use fewer or narrower hidden layers or smaller batches"
        )))
    }
}

fn name<T: PartialEq>(names: &[(&'static str, T)], choice: T) -> &'static str {
    names.iter().find(|(_, c)| *c == choice).map_or("", |(name, _)| name)
}

/// A path as text, with replacement characters where it is none.
fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

fn lossy_option<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}

/// A flag's choice among names, which are also what `config.json` says.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($variant:ident $name:literal),* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Serialize)]
        pub enum $type {
            $(#[serde(rename = $name)] $variant),*
        }

        impl $type {
            const NAMES: &[(&str, $type)] = &[$(($name, $type::$variant)),*];
        }
    };
}
names!(OptimizerName { Sgd "sgd", Adam "adam", AdamW "adamw", RmsProp "rmsprop" });
names!(ScheduleName {
    Constant "constant", Step "step", Exponential "exponential", Cosine "cosine", WarmUp "warm-up", OneCycle "one-cycle"
});

pub enum Command {
    Help(String),
    Train(Options),
    Check(Options),
}

pub fn parse(defaults: &Defaults, mut parser: lexopt::Parser) -> Result<Command, Failure> {
    let mut options = Options {
        epochs: 30,
        learning_rate: defaults.learning_rate,
        batch_size: 16,
        optimizer: OptimizerName::Sgd,
        momentum: 0.0,
        weight_decay: 0.0,
        schedule: ScheduleName::Constant,
        seed: 42,
        hidden: defaults.hidden.to_vec(),
        data: None,
        per_class: PerClass::Count(500),
        out: PathBuf::new(),
        quiet: false,
        json: false,
    };
    // What is left out of the command line is decided at its end: it depends on the optimizer.
    let (mut learning_rate, mut weight_decay, mut momentum) = (None, None, None);
    let mut check = false;
    while let Some(argument) = parser.next()? {
        let flag = match argument {
            Long("help") | Short('h') => return Ok(Command::Help(help(defaults))),
            Long("check") => {
                check = true;
                continue;
            }
            Long("json") => {
                options.json = true;
                continue;
            }
            Long("quiet") => {
                options.quiet = true;
                continue;
            }
            Long(flag) => flag.to_owned(),
            other => return Err(other.unexpected().into()),
        };
        let known = [
            "epochs",
            "lr",
            "batch-size",
            "optimizer",
            "momentum",
            "weight-decay",
            "schedule",
            "seed",
            "data",
            "per-class",
            "out",
        ];
        if !(known.contains(&&*flag) || (flag == "hidden" && !defaults.hidden.is_empty())) {
            return Err(Long(&flag).unexpected().into());
        }
        let value = parser.value()?;
        match &*flag {
            "epochs" => {
                options.epochs = number(&flag, &value, "a whole number, 0 or more", |_| true)?
            }
            "lr" => learning_rate = Some(number(&flag, &value, RATE, in_f32)?),
            "weight-decay" => weight_decay = Some(number(&flag, &value, RATE, in_f32)?),
            "momentum" => {
                let below_1 = |m: &f64| (0.0..1.0).contains(m);
                momentum = Some(number(&flag, &value, "a number from 0 to below 1", below_1)?);
            }
            "optimizer" => options.optimizer = choice(&flag, &value, OptimizerName::NAMES)?,
            "schedule" => options.schedule = choice(&flag, &value, ScheduleName::NAMES)?,
            "batch-size" => {
                options.batch_size = number(&flag, &value, COUNT, |&n| n > 0)?;
            }
            "seed" => options.seed = number(&flag, &value, "a whole number below 2^64", |_| true)?,
            "hidden" => options.hidden = numbers(&flag, &value, WIDTHS, |&w| w > 0)?,
            "data" | "out" if value.is_empty() => return Err(wrong_value(&flag, "a folder", "")),
            "data" => options.data = Some(value.into()),
            "per-class" => options.per_class = PerClass::parse(&value)?,
            _ => options.out = value.into(),
        }
    }
    if momentum.is_some() && matches!(options.optimizer, OptimizerName::Adam | OptimizerName::AdamW)
    {
        let message = "--momentum: expected the optimizer sgd or rmsprop, found one with moments of its own; leave it out";
        return Err(Failure::Usage(message.to_owned()));
    }
    options.learning_rate = learning_rate.unwrap_or(match options.optimizer {
        OptimizerName::Sgd => defaults.learning_rate,
        OptimizerName::Adam | OptimizerName::AdamW | OptimizerName::RmsProp => 1e-3,
    });
    let decay = if options.optimizer == OptimizerName::AdamW { 0.01 } else { 0.0 };
    options.weight_decay = weight_decay.unwrap_or(decay);
    options.momentum = momentum.unwrap_or(0.0);
    if options.out.as_os_str().is_empty() {
        options.out = format!("runs/{}-seed{}", defaults.name, options.seed).into();
    }
    Ok(if check { Command::Check(options) } else { Command::Train(options) })
}

const WIDTHS: &str = "widths of 1 or more, separated by commas, as in 128,64";

fn choice<T: Copy>(flag: &str, value: &OsString, names: &[(&str, T)]) -> Result<T, Failure> {
    let found = names.iter().find(|(name, _)| value == name);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        wrong_value(flag, &format!("one of {}", names.join(", ")), value.display())
    })
}

fn help(defaults: &Defaults) -> String {
    let Defaults { name, learning_rate, hidden } = defaults;
    let (title, hidden_flag) = if hidden.is_empty() {
        ("Logistic regression: one linear layer, 784 -> 10".to_owned(), String::new())
    } else {
        let hidden = hidden.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        (
            format!("A multilayer perceptron, 784 -> {hidden} -> 10 with ReLU"),
            format!("  --hidden W,W,..  widths of the hidden layers ({hidden})\n"),
        )
    };
    format!(
        "{title}, on handwritten digits.

Usage: cargo run --example {name} -- [flags]        (defaults in parentheses)

  --epochs N       how often each training image is seen (30)
  --lr X           learning rate ({learning_rate})
  --batch-size N   images per update (16)
  --optimizer O    sgd, adam, adamw or rmsprop (sgd; the learning rate of the
                   others is 0.001 unless given)
  --momentum X     momentum of sgd and rmsprop (0)
  --weight-decay X weight decay (0; adamw: 0.01)
  --schedule S     of the learning rate: constant, step, exponential, cosine,
                   warm-up or one-cycle (constant)
  --seed N         decides the draw, the initial weights and the order (42)
{hidden_flag}  --data DIR       folder with the four MNIST files, plain or .gz; or a folder
                   of pictures, training/<digit>/*.png, testing/<digit>/*.png;
                   or mnist, fashion-mnist or kmnist to download it
                   (the digits inside the program)
  --per-class N    images of each digit in either set, or `all` (500)
  --out DIR        where report.html, loss.svg, metrics.csv and config.json go
                   (runs/{name}-seed<seed>)
  --check          make the homework's checks in place of a run: one line each,
                   exit code 1 if one failed
  --json           print one JSON object for each epoch, for programs
  --quiet          print the last line only
  --help           print this"
    )
}
