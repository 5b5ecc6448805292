use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;

use lexopt::prelude::*;
use serde::Serialize;

use super::{CLASSES, Defaults, Failure, PIXELS};

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
    pub seed: u64,
    pub hidden: Vec<usize>,
    pub data: Option<PathBuf>,
    pub per_class: PerClass,
    pub out: PathBuf,
    pub quiet: bool,
}

/// How many images of each digit are used.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PerClass {
    All,
    #[serde(untagged)]
    Count(usize),
}

pub enum Command {
    Help(String),
    Train(Options),
}

pub fn parse(defaults: &Defaults, mut parser: lexopt::Parser) -> Result<Command, Failure> {
    let mut options = Options {
        epochs: 30,
        learning_rate: defaults.learning_rate,
        batch_size: 16,
        seed: 42,
        hidden: defaults.hidden.to_vec(),
        data: None,
        per_class: PerClass::Count(500),
        out: PathBuf::new(),
        quiet: false,
    };
    let usage = |error: lexopt::Error| Failure::Usage(error.to_string());
    while let Some(argument) = parser.next().map_err(usage)? {
        let flag = match argument {
            Long("help") | Short('h') => return Ok(Command::Help(help(defaults))),
            Long("quiet") => {
                options.quiet = true;
                continue;
            }
            Long(flag) => flag.to_owned(),
            other => return Err(usage(other.unexpected())),
        };
        let known = ["epochs", "lr", "batch-size", "seed", "data", "per-class", "out"];
        if !(known.contains(&&*flag) || (flag == "hidden" && !defaults.hidden.is_empty())) {
            return Err(usage(Long(&flag).unexpected()));
        }
        let value = parser.value().map_err(usage)?;
        match &*flag {
            "epochs" => {
                options.epochs = number(&flag, &value, "a whole number, 0 or more", |_| true)?
            }
            "lr" => {
                let in_f32 = |lr: &f64| *lr >= 0.0 && (*lr as f32).is_finite();
                options.learning_rate =
                    number(&flag, &value, "a finite number, 0 or more", in_f32)?;
            }
            "batch-size" => {
                options.batch_size =
                    number(&flag, &value, "a whole number, 1 or more", |&n| n > 0)?;
            }
            "seed" => options.seed = number(&flag, &value, "a whole number below 2^64", |_| true)?,
            "hidden" => options.hidden = widths(&flag, &value)?,
            "data" => options.data = Some(value.into()),
            "per-class" if value == "all" => options.per_class = PerClass::All,
            "per-class" => {
                let n = number(&flag, &value, "a whole number, 1 or more, or `all`", |&n| n > 0)?;
                options.per_class = PerClass::Count(n);
            }
            _ => options.out = value.into(),
        }
    }
    if options.out.as_os_str().is_empty() {
        options.out = format!("runs/{}-seed{}", defaults.name, options.seed).into();
    }
    check_memory(&options)?;
    Ok(Command::Train(options))
}

/// The value of a flag, or what was expected and what was found.
fn number<T: std::str::FromStr>(
    flag: &str,
    value: &OsString,
    expected: &str,
    valid: impl Fn(&T) -> bool,
) -> Result<T, Failure> {
    let parsed = value.to_str().and_then(|v| v.parse().ok()).filter(valid);
    parsed.ok_or_else(|| wrong_value(flag, expected, value.display()))
}

fn wrong_value(flag: &str, expected: &str, found: impl Display) -> Failure {
    Failure::Usage(format!("--{flag}: expected {expected}, found `{found}`"))
}

fn widths(flag: &str, value: &OsString) -> Result<Vec<usize>, Failure> {
    let expected = "widths of 1 or more, separated by commas, as in 128,64";
    let text = value.to_str().ok_or_else(|| wrong_value(flag, expected, value.display()))?;
    let width = |part: &str| part.trim().parse().ok().filter(|&w: &usize| w > 0);
    let widths: Option<Vec<usize>> = text.split(',').map(width).collect();
    widths.ok_or_else(|| wrong_value(flag, expected, text))
}

/// Refuses a net that would not fit in memory, before anything is allocated.
fn check_memory(options: &Options) -> Result<(), Failure> {
    // In f64, which no width can overflow.
    let widths = [PIXELS].into_iter().chain(options.hidden.iter().copied()).chain([CLASSES]);
    let widths: Vec<f64> = widths.map(|w| w as f64).collect();
    let weights: f64 = widths.windows(2).map(|w| (w[0] + 1.0) * w[1]).sum();
    // A batch is never larger than the data, of which no source has more than 70000 images.
    let rows = options.batch_size.clamp(EVALUATED_AT_ONCE, 70_000) as f64;
    let activations = rows * widths.iter().sum::<f64>();
    let gib = 4.0 * 2.0 * (weights + activations) / f64::from(1 << 30); // f32, each with its gradient
    if gib <= MEMORY_CAP_GIB {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "--hidden and --batch-size: expected a net of at most {MEMORY_CAP_GIB} GiB for weights, activations and their \
         gradients, found one of {gib:.1} GiB; use fewer or narrower hidden layers or smaller batches"
    )))
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
  --seed N         decides the draw, the initial weights and the order (42)
{hidden_flag}  --data DIR       folder with the four MNIST files in IDX format, plain or .gz
                   (the digits inside the program)
  --per-class N    images of each digit in either set, or `all` (500)
  --out DIR        where metrics.csv, config.json and loss.svg go
                   (runs/{name}-seed<seed>)
  --quiet          print the last line only
  --help           print this"
    )
}
