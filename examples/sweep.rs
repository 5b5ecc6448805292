//! Tries settings of the multilayer perceptron: every combination of hidden width, learning rate and weight decay, with several seeds each,
//! on all cores. What is finished is kept: a sweep that was interrupted goes on where it was.
//!
//! `cargo run --release --example sweep`, and with `-- --help` what can be changed.

#[path = "support/check.rs"]
mod check;
#[path = "support/command.rs"]
mod command;
#[path = "support/data.rs"]
mod data;
#[path = "support/task.rs"]
mod task;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use longhand_layers::SoftmaxCrossEntropy;
use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_mnist::Dataset;
use longhand_optim::Sgd;
use longhand_report::HeatMap;
use longhand_train::{Score, Training, argmax, evaluate};
use serde::{Deserialize, Serialize};

use check::Checks;
use command::{
    COUNT, Failure, PerClass, RATE, in_f32, is_count, make_folder, minutes, number, numbers, print,
    terminal, write,
};
use task::{CLASSIFICATION, hidden_layers, net};

const HELP: &str = "Tries every combination of settings of 784-hidden-10, several times each.

Usage: cargo run --release --example sweep -- [flags]     (defaults in parentheses)

  --hidden W,W,..        hidden units; 0 for logistic regression (10,30,100,300)
  --lr X,X,..            learning rates (0.05,0.1,0.2)
  --weight-decay X,X,..  weight decays (0,0.001)
  --seeds N              runs of each combination (2)
  --epochs N             how often each training image is seen (30)
  --batch-size N         images per update (16)
  --held-out N           judge by N training images of each digit, which are not
                         trained on, in place of the validation images; the best
                         settings are then judged by these as well (0)
  --data DIR             folder or name of other digits, as for mlp
                         (the digits inside the program)
  --per-class N          images of each digit in either set, or `all` (500)
  --threads N            runs at a time (as many as there are cores)
  --out DIR              where runs.jsonl, sweep.csv and the heat maps go; runs
                         that are there already are not made again (runs/sweep)
  --check                check a net of each width in place of the runs: one line
                         each, exit code 1 if one failed
  --help                 print this
";

struct Options {
    hidden: Vec<usize>,
    learning_rates: Vec<f64>,
    weight_decays: Vec<f64>,
    seeds: u64,
    epochs: usize,
    batch_size: usize,
    held_out: usize,
    data: Option<PathBuf>,
    per_class: PerClass,
    threads: usize,
    out: PathBuf,
    check: bool,
}

/// All that decides what a run gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    hidden: usize,
    #[serde(rename = "lr")]
    learning_rate: f64,
    weight_decay: f64,
    seed: u64,
    epochs: usize,
    batch_size: usize,
    /// SHA-256 of the digits.
    data: String,
    version: String,
}

/// A finished run: a line of `runs.jsonl`.
#[derive(Serialize, Deserialize)]
struct Finished {
    #[serde(flatten)]
    settings: Settings,
    /// After the last epoch; nothing where training diverged.
    result: Option<Outcome>,
    seconds: f64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Outcome {
    accuracy: f64,
    loss: f64,
    train_loss: f64,
}

const FIRST_SEED: u64 = 42;

fn main() -> ExitCode {
    command::exit(run())
}

fn run() -> Result<(), Failure> {
    let Some(options) = parse()? else { return print(HELP) };
    let all = command::digits(options.data.as_deref(), options.per_class, 0)?;
    let digits = match options.held_out {
        0 => all.clone(),
        n => all
            .with_validation(n, 0)
            .map_err(|error| Failure::Usage(format!("--held-out: {error}; ask for fewer")))?,
    };
    if digits.train.is_empty() {
        let message = "--held-out: expected fewer than there are training images of a digit, found all of them";
        return Err(Failure::Usage(message.to_owned()));
    }
    if options.check {
        return check(&options, &digits);
    }
    make_folder(&options.out)?;
    let mut log = Log::open(&options.out.join("runs.jsonl"))?;
    let wanted = combinations(&options, &command::identity(&digits));
    let mut todo: Vec<Settings> = wanted.iter().flatten().cloned().collect();
    let number_of_runs = todo.len();
    todo.retain(|settings| log.find(settings).is_none());
    let kept = number_of_runs - todo.len();
    print(&format!(
        "{}: {} training and {} validation images\n{} settings, {} runs of {} epochs{}\n",
        digits.source,
        digits.train.len(),
        digits.test.len(),
        wanted.len(),
        number_of_runs,
        options.epochs,
        if kept > 0 { format!("; {kept} of them were there already") } else { String::new() }
    ))?;
    run_all(todo, &digits, options.threads, &mut log)?;

    let rows: Vec<Row> = wanted.iter().map(|runs| Row::new(runs, &log)).collect();
    print(&table(&rows))?;
    write(&options.out.join("sweep.csv"), csv(&rows))?;
    for decay in &options.weight_decays {
        let name = match options.weight_decays.len() {
            1 => "sweep.svg".to_owned(),
            _ => format!("sweep-decay{}.svg", rate_text(*decay)),
        };
        write(&options.out.join(name), heat_map(&options, *decay, &rows))?;
    }
    print(&verdict(&rows, &options, &digits, &all))?;
    print(&format!("\nThe table and heat maps are in {}.\n", options.out.display()))
}

/// Checks a net of each width, with the first of the learning rates and weight decays.
fn check(options: &Options, digits: &Dataset) -> Result<(), Failure> {
    let (learning_rate, weight_decay) = (options.learning_rates[0], options.weight_decays[0]);
    let mut checks = Checks::new(digits, options.epochs, options.batch_size, FIRST_SEED);
    for &width in &options.hidden {
        let hidden = hidden_layers(width);
        print(&format!("{width} hidden units\n"))?;
        let model = net(&hidden, 10, &mut Xoshiro256PlusPlus::seed_from_u64(FIRST_SEED));
        checks.model(&CLASSIFICATION, &model, &hidden, |model| {
            Sgd { learning_rate, weight_decay, ..Sgd::default() }.init(model)
        })?;
    }
    print("one layer and two\n")?;
    checks.two_layers_below_one(&CLASSIFICATION, 30)?;
    checks.end()
}

fn parse() -> Result<Option<Options>, Failure> {
    let mut options = Options {
        hidden: vec![10, 30, 100, 300],
        learning_rates: vec![0.05, 0.1, 0.2],
        weight_decays: vec![0.0, 1e-3],
        seeds: 2,
        epochs: 30,
        batch_size: 16,
        held_out: 0,
        data: None,
        per_class: PerClass::Count(500),
        threads: thread::available_parallelism().map_or(1, usize::from),
        out: PathBuf::from("runs/sweep"),
        check: false,
    };
    let known = [
        "hidden",
        "lr",
        "weight-decay",
        "seeds",
        "epochs",
        "batch-size",
        "held-out",
        "data",
        "per-class",
        "threads",
        "out",
        "check",
    ];
    let asked = command::flags(&known, |flag, value| {
        let width = |w: &usize| *w <= WIDEST;
        let rates = || numbers(flag, &value, &format!("for each: {RATE}"), in_f32);
        match flag {
            "hidden" => {
                let expected = format!("widths up to {WIDEST}, separated by commas, as in 10,30");
                options.hidden = numbers(flag, &value, &expected, width)?;
            }
            "lr" => options.learning_rates = rates()?,
            "weight-decay" => options.weight_decays = rates()?,
            "seeds" => options.seeds = number(flag, &value, COUNT, is_count)? as u64,
            "epochs" => options.epochs = number(flag, &value, COUNT, is_count)?,
            "batch-size" => options.batch_size = number(flag, &value, COUNT, is_count)?,
            "held-out" => options.held_out = number(flag, &value, "a whole number", |_| true)?,
            "per-class" => options.per_class = PerClass::parse(&value)?,
            "threads" => options.threads = number(flag, &value, COUNT, is_count)?,
            "data" => options.data = Some(value.into()),
            "check" => options.check = true,
            _ => options.out = value.into(),
        }
        Ok(())
    })?;
    if !asked {
        return Ok(None);
    }
    // A setting that is named twice is one.
    options.hidden = distinct(options.hidden);
    options.learning_rates = distinct(options.learning_rates);
    options.weight_decays = distinct(options.weight_decays);
    Ok(Some(options))
}

/// A wider net would take gigabytes for each run.
const WIDEST: usize = 100_000;

fn distinct<T: PartialEq>(values: Vec<T>) -> Vec<T> {
    values.into_iter().fold(vec![], |mut kept, value| {
        if !kept.contains(&value) {
            kept.push(value);
        }
        kept
    })
}

/// The runs of each combination.
fn combinations(options: &Options, data: &str) -> Vec<Vec<Settings>> {
    let mut all = vec![];
    for &weight_decay in &options.weight_decays {
        for &hidden in &options.hidden {
            for &learning_rate in &options.learning_rates {
                let settings = |seed| Settings {
                    hidden,
                    learning_rate,
                    weight_decay,
                    seed,
                    epochs: options.epochs,
                    batch_size: options.batch_size,
                    data: data.to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                };
                all.push((FIRST_SEED..FIRST_SEED + options.seeds).map(settings).collect());
            }
        }
    }
    all
}

/// The finished runs, each written as soon as it is.
struct Log {
    path: PathBuf,
    file: File,
    runs: Vec<Finished>,
}

impl Log {
    fn open(path: &Path) -> Result<Log, Failure> {
        let failed = |error: io::Error| Failure::write(path, &error);
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            other => other.map_err(|error| {
                Failure::Run(format!(
                    "cannot read {}: {error}; choose another folder with --out",
                    path.display()
                ))
            })?,
        };
        // What follows the last end of a line was being written when the program ended: that run is made again.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut runs = vec![];
        for (line, number) in text[..whole].lines().zip(1..) {
            runs.push(serde_json::from_str(line).map_err(|error| {
                let path = path.display();
                Failure::Run(format!(
                    "{path}, line {number}: expected a finished run, found {error}; delete the line or choose another folder with --out"
                ))
            })?);
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        file.set_len(whole as u64).map_err(failed)?;
        Ok(Log { path: path.to_owned(), file, runs })
    }

    fn add(&mut self, run: Finished) -> Result<(), Failure> {
        let line = serde_json::to_string(&run).expect("numbers and text") + "\n";
        let written = self.file.write_all(line.as_bytes());
        self.runs.push(run);
        written.map_err(|error| Failure::write(&self.path, &error))
    }

    fn find(&self, settings: &Settings) -> Option<&Finished> {
        self.runs.iter().find(|run| run.settings == *settings)
    }
}

/// Makes all runs, so many at a time, each on one thread.
fn run_all(
    mut todo: Vec<Settings>,
    digits: &Dataset,
    at_a_time: usize,
    log: &mut Log,
) -> Result<(), Failure> {
    longhand_tensor::set_threads(1);
    // The longest first, so that no thread is left alone with one at the end.
    todo.sort_by_key(|settings| std::cmp::Reverse(settings.hidden));
    let next = AtomicUsize::new(0);
    let (sender, finished) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..at_a_time.min(todo.len()) {
            let (sender, next, todo) = (sender.clone(), &next, &todo);
            scope.spawn(move || {
                while let Some(settings) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let start = Instant::now();
                    let result = train(settings, digits).map(|(outcome, _)| outcome);
                    let seconds = start.elapsed().as_secs_f64();
                    let run = Finished { settings: settings.clone(), result, seconds };
                    if sender.send(run).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut progress = Progress::new(&todo);
        for run in finished {
            progress.step(&run.settings);
            if let Err(failure) = log.add(run) {
                next.store(todo.len(), Ordering::Relaxed); // no further run is begun
                return Err(failure);
            }
        }
        Ok(())
    })
}

/// A line on a terminal that tells how far the runs are.
struct Progress {
    shown: bool,
    start: Instant,
    /// What runs cost, by their widths: of those finished, and of all.
    cost: (usize, usize),
    runs: (usize, usize),
}

impl Progress {
    fn new(todo: &[Settings]) -> Progress {
        let all = todo.iter().map(Progress::cost).sum();
        let shown = terminal(&io::stderr());
        Progress { shown, start: Instant::now(), cost: (0, all), runs: (0, todo.len()) }
    }

    fn cost(settings: &Settings) -> usize {
        settings.hidden + 10
    }

    fn step(&mut self, finished: &Settings) {
        self.cost.0 += Progress::cost(finished);
        self.runs.0 += 1;
        let left = (self.cost.1 - self.cost.0) as f64 / self.cost.0 as f64;
        let left = minutes(self.start.elapsed().as_secs_f64() * left);
        let (done, all) = self.runs;
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K{done} of {all} runs, {left} left");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// A trained model's results on the validation images, and on others where they are asked for.
type Judge = Box<dyn Fn(&Dataset) -> Score>;

fn train(settings: &Settings, digits: &Dataset) -> Option<(Outcome, Judge)> {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(settings.seed);
    let mut model = net::<f32>(&hidden_layers(settings.hidden), 10, rng);
    let Settings { learning_rate, weight_decay, seed, epochs, batch_size, .. } = *settings;
    let loss = SoftmaxCrossEntropy::default();
    let training = Training { loss, answer: argmax, epochs, batch_size, seed };
    let mut sgd = Sgd { learning_rate, weight_decay, ..Sgd::default() }.init(&model);
    let history = training.run(&mut model, &mut sgd, &digits.train, &digits.test, &mut ()).ok()?;
    let last = history[epochs];
    let outcome = Outcome {
        accuracy: last.valid.accuracy,
        loss: last.valid.loss,
        train_loss: last.train.loss,
    };
    let judge = move |other: &Dataset| evaluate(&model, &training.loss, argmax, &other.test);
    Some((outcome, Box::new(judge)))
}

/// A combination of settings and what its runs gave on average; nothing where one diverged.
struct Row {
    settings: Settings,
    accuracies: Option<Vec<f64>>,
    loss: f64,
    train_loss: f64,
    seconds: f64,
}

impl Row {
    fn new(runs: &[Settings], log: &Log) -> Row {
        let finished: Vec<&Finished> = runs.iter().filter_map(|run| log.find(run)).collect();
        let results: Option<Vec<Outcome>> = finished.iter().map(|run| run.result).collect();
        let mean_of = |of: fn(&Outcome) -> f64| match &results {
            Some(results) => mean(&results.iter().map(of).collect::<Vec<_>>()),
            None => f64::NAN,
        };
        Row {
            settings: runs[0].clone(),
            loss: mean_of(|r| r.loss),
            train_loss: mean_of(|r| r.train_loss),
            seconds: mean(&finished.iter().map(|run| run.seconds).collect::<Vec<_>>()),
            accuracies: results.map(|results| results.iter().map(|r| r.accuracy).collect()),
        }
    }

    fn accuracy(&self) -> Option<f64> {
        self.accuracies.as_ref().map(|a| mean(a))
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A rate as short as it can be: Debug writes 1e30 as such, and 2 as 2.0.
fn rate_text(rate: f64) -> String {
    format!("{rate:?}").trim_end_matches(".0").to_owned()
}

fn table(rows: &[Row]) -> String {
    let mut text =
        "\nhidden     lr   decay  accuracy  lowest-highest  valid loss  train loss  seconds\n"
            .to_owned();
    for row in rows {
        let Settings { hidden, learning_rate, weight_decay, .. } = row.settings;
        let (rate, decay) = (rate_text(learning_rate), rate_text(weight_decay));
        text += &format!("{hidden:>6}  {rate:>5}  {decay:>6}");
        text += &match &row.accuracies {
            None => "  diverged".to_owned(),
            Some(all) => format!(
                "  {:>8.4}  {:>14}  {:>10.4}  {:>10.4}",
                mean(all),
                format!(
                    "{:.4}-{:.4}",
                    all.iter().copied().fold(f64::INFINITY, f64::min),
                    all.iter().copied().fold(0.0, f64::max)
                ),
                row.loss,
                row.train_loss
            ),
        };
        text += &format!("  {:>7.2}\n", row.seconds);
    }
    text
}

fn csv(rows: &[Row]) -> String {
    let mut text = "hidden,lr,weight_decay,accuracy,valid_loss,train_loss,seconds\n".to_owned();
    for row in rows {
        let Settings { hidden, learning_rate, weight_decay, .. } = row.settings;
        let numbers = match row.accuracy() {
            Some(accuracy) => format!("{accuracy},{},{}", row.loss, row.train_loss),
            None => ",,".to_owned(),
        };
        text += &format!("{hidden},{learning_rate},{weight_decay},{numbers},{}\n", row.seconds);
    }
    text
}

fn heat_map(options: &Options, decay: f64, rows: &[Row]) -> String {
    let of_decay: Vec<&Row> = rows.iter().filter(|r| r.settings.weight_decay == decay).collect();
    let lines = of_decay.chunks(options.learning_rates.len());
    let values: Vec<Vec<Option<f64>>> =
        lines.map(|line| line.iter().map(|row| row.accuracy()).collect()).collect();
    HeatMap {
        title: &format!("Validation accuracy with weight decay {}", rate_text(decay)),
        x: "learning rate",
        y: "hidden units",
        columns: &options.learning_rates.iter().map(|&r| rate_text(r)).collect::<Vec<_>>(),
        rows: &options.hidden.iter().map(ToString::to_string).collect::<Vec<_>>(),
        values: &values,
        best: true,
    }
    .svg()
}

/// The best settings, and what that is worth.
fn verdict(rows: &[Row], options: &Options, digits: &Dataset, all: &Dataset) -> String {
    let judged = rows.iter().filter_map(|row| Some((row, row.accuracy()?)));
    let Some((best, accuracy)) = judged.max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return "\nevery run diverged: try smaller learning rates\n".to_owned();
    };
    let Settings { hidden, learning_rate, weight_decay, .. } = best.settings;
    let mut text = format!(
        "\nbest: {hidden} hidden units, learning rate {}, weight decay {}: accuracy {accuracy:.4}\n\
         It was chosen, from {} settings, by the very images that this accuracy is of:\n\
         expect less on others.\n",
        rate_text(learning_rate),
        rate_text(weight_decay),
        rows.len()
    );
    if options.held_out == 0 {
        text += "With --held-out 100 other images choose it than judge it in the end.\n";
        return text;
    }
    let runs = (best.settings.seed..).take(options.seeds as usize);
    let accuracies: Vec<f64> = runs
        .filter_map(|seed| train(&Settings { seed, ..best.settings.clone() }, digits))
        .map(|(_, judge)| judge(all).accuracy)
        .collect();
    text += &format!(
        "On the {} validation images, by which nothing was chosen, its accuracy is {:.4}.\n",
        all.test.len(),
        mean(&accuracies)
    );
    text
}
