//! Tries settings of the multilayer perceptron: every combination of hidden width, learning rate
//! and weight decay, with several seeds each, on all cores. What is finished is kept: a sweep that
//! was interrupted goes on where it was.
//!
//! `cargo run --release --example sweep`, and with `-- --help` what can be changed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use clap::Parser;
use longhand_layers::mlp;
use longhand_mnist::Dataset;
use longhand_optim::Sgd;
use longhand_report::HeatMap;
use longhand_run::task::classification;
use longhand_run::terminal::{BottomLine, minutes, print};
use longhand_run::{Checks, DataFlags, Failure, List, Model, check_memory, count, exit, folder};
use longhand_run::{generator, identity, list, parse, rate, terminal, whole, write_whole};
use longhand_train::{Score, evaluate};
use serde::{Deserialize, Serialize};

/// Tries every combination of settings of 784-hidden-10, several times each.
#[derive(Parser)]
struct Flags {
    /// Hidden units; 0 for logistic regression
    #[arg(long, value_name = "W,W,..", default_value = "10,30,100,300", value_parser = hidden_units, allow_negative_numbers = true)]
    hidden: List<usize>,
    /// Learning rates
    #[arg(long, visible_alias = "learning-rate", value_name = "X,X,..", default_value = "0.05,0.1,0.2", value_parser = rates, allow_negative_numbers = true)]
    lr: List<f64>,
    /// Weight decays
    #[arg(long, value_name = "X,X,..", default_value = "0,0.001", value_parser = rates, allow_negative_numbers = true)]
    weight_decay: List<f64>,
    /// Runs of each combination
    #[arg(long, value_name = "N", default_value = "2", value_parser = count, allow_negative_numbers = true)]
    seeds: usize,
    /// How often each training image is seen
    #[arg(long, value_name = "N", default_value = "30", value_parser = count, allow_negative_numbers = true)]
    epochs: usize,
    /// Images per update
    #[arg(long, value_name = "N", default_value = "16", value_parser = count, allow_negative_numbers = true)]
    batch_size: usize,
    /// Evaluate on N training images of each digit, which are not trained on, instead of the
    /// validation images; the best settings are then evaluated on these, too
    #[arg(long, value_name = "N", default_value = "0", value_parser = whole::<usize>, allow_negative_numbers = true)]
    held_out: usize,
    #[command(flatten)]
    data: DataFlags,
    /// Runs at a time [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    threads: Option<usize>,
    /// Where runs.jsonl, sweep.csv and the heat maps go; runs that are there already are not made
    /// again
    #[arg(long, value_name = "DIR", default_value = "runs/sweep", value_parser = folder())]
    out: PathBuf,
    /// Check a net of each width instead of the runs: one line each, exit code 1 if one failed
    #[arg(long)]
    check: bool,
}

fn hidden_units(text: &str) -> Result<List<usize>, String> {
    let width = |text: &str| whole(text).ok().filter(|w| *w <= WIDEST).ok_or_else(String::new);
    list(text, &format!("widths up to {WIDEST}, separated by commas, as in 10,30"), width)
        .map(distinct)
}

fn rates(text: &str) -> Result<List<f64>, String> {
    list(text, "for each: 0, or a finite number from 1.2e-38 to 3.4e38", rate).map(distinct)
}

/// A wider net would take gigabytes for each run.
const WIDEST: usize = 100_000;

/// More runs would take longer than anybody waits, and more memory than there is to list them.
const MOST_RUNS: usize = 1_000_000;

/// A setting that is named twice is one.
fn distinct<T: PartialEq>(List(values): List<T>) -> List<T> {
    List(values.into_iter().fold(vec![], |mut kept, value| {
        if !kept.contains(&value) {
            kept.push(value);
        }
        kept
    }))
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
    exit(run())
}

fn run() -> Result<(), Failure> {
    let flags = parse::<Flags>()?;
    let settings = flags.hidden.0.len() * flags.lr.0.len() * flags.weight_decay.0.len();
    if settings.saturating_mul(flags.seeds) > MOST_RUNS {
        return Err(Failure::Usage(format!(
            "--seeds: expected at most {MOST_RUNS} runs in all, found {settings} settings with {} seeds each; ask for fewer",
            flags.seeds
        )));
    }
    let all = flags.data.digits(0)?;
    let digits = match flags.held_out {
        0 => all.clone(),
        n => all
            .with_validation(n, 0)
            .map_err(|error| Failure::Usage(format!("--held-out: {error}; ask for fewer")))?,
    };
    if digits.train.is_empty() {
        let message = "--held-out: expected fewer than there are training images of a digit, found all of them";
        return Err(Failure::Usage(message.to_owned()));
    }
    let task = classification(digits.train.classes());
    for &hidden in &flags.hidden.0 {
        check_memory(
            &task.widths(&digits, &[hidden]),
            flags.batch_size.min(digits.train.len()),
            0,
        )?;
    }
    if flags.check {
        return check(&flags, &digits);
    }
    let maps: Vec<String> =
        flags.weight_decay.0.iter().map(|&decay| map_name(&flags, decay)).collect();
    make_folder(&flags.out, maps.iter().map(String::as_str).chain(["sweep.csv"]))?;
    let mut log = Log::open(&flags.out.join("runs.jsonl"))?;
    let wanted = combinations(&flags, &identity(&digits));
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
        flags.epochs,
        if kept > 0 { format!("; {kept} of them were there already") } else { String::new() }
    ))?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    run_all(todo, &digits, flags.threads.unwrap_or(cores), &mut log)?;

    let rows: Vec<Row> = wanted.iter().map(|runs| Row::new(runs, &log)).collect();
    print(&table(&rows))?;
    write_whole(&flags.out.join("sweep.csv"), csv(&rows))?;
    for (decay, name) in flags.weight_decay.0.iter().zip(maps) {
        write_whole(&flags.out.join(name), heat_map(&flags, *decay, &rows))?;
    }
    print(&verdict(&rows, &flags, &digits, &all))?;
    print(&format!("\nThe table and heat maps are in {}.\n", terminal::path(&flags.out)))
}

/// The heat map of a weight decay.
fn map_name(flags: &Flags, decay: f64) -> String {
    match flags.weight_decay.0.len() {
        1 => "sweep.svg".to_owned(),
        _ => format!("sweep-decay{}.svg", rate_text(decay)),
    }
}

/// Makes the folder, unless it is there. What will be written must not be a folder.
fn make_folder<'a>(folder: &Path, names: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::write(folder, &"expected a folder, found a file"));
    }
    fs::create_dir_all(folder).map_err(|error| Failure::write(folder, &error))?;
    for path in names.map(|name| folder.join(name)) {
        if path.is_dir() {
            return Err(Failure::write(&path, &"expected a file, found a folder"));
        }
    }
    Ok(())
}

/// Checks a net of each width, with the first of the learning rates and weight decays.
fn check(flags: &Flags, digits: &Dataset) -> Result<(), Failure> {
    let (learning_rate, weight_decay) = (flags.lr.0[0], flags.weight_decay.0[0]);
    let mut checks = Checks::new(digits, flags.epochs, flags.batch_size, FIRST_SEED);
    let task = classification(digits.train.classes());
    for &hidden in &flags.hidden.0 {
        print(&format!("{hidden} hidden units\n"))?;
        let (widths, rng) = (task.widths(digits, &[hidden]), || generator(FIRST_SEED));
        let model =
            Model::new(mlp::<f32>(&widths, &mut rng()), mlp::<f64>(&widths, &mut rng()), &widths);
        checks.model(&task, &model, |model| {
            Sgd { learning_rate, weight_decay, ..Sgd::default() }.init(model)
        })?;
    }
    print("one layer and two\n")?;
    let [one, two] = [&[][..], &[30]].map(|net| checks.reference(&task, &task.widths(digits, net)));
    checks.two_layers_below_one(&one, &two)?;
    checks.end()
}

/// The runs of each combination.
fn combinations(flags: &Flags, data: &str) -> Vec<Vec<Settings>> {
    let mut all = vec![];
    for &weight_decay in &flags.weight_decay.0 {
        for &hidden in &flags.hidden.0 {
            for &learning_rate in &flags.lr.0 {
                let settings = |seed| Settings {
                    hidden,
                    learning_rate,
                    weight_decay,
                    seed,
                    epochs: flags.epochs,
                    batch_size: flags.batch_size,
                    data: data.to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                };
                all.push((FIRST_SEED..).take(flags.seeds).map(settings).collect());
            }
        }
    }
    all
}

/// The finished runs, each written as soon as it is. One sweep at a time writes them.
struct Log {
    path: PathBuf,
    file: File,
    length: u64,
    runs: Vec<Finished>,
}

impl Log {
    fn open(path: &Path) -> Result<Log, Failure> {
        let failed = |error: io::Error| Failure::write(path, &error);
        if path.exists() && !path.is_file() {
            return Err(Failure::write(path, &"expected a file"));
        }
        let file =
            OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::write(path, &"another sweep is writing it; wait for it"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let name = terminal::path(path);
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::Run(format!("cannot read {name}: {error}; choose another folder with --out"))
        })?;
        let mut runs = vec![];
        let mut length = 0;
        for (line, number) in text.split_inclusive('\n').zip(1..) {
            match serde_json::from_str(line) {
                Ok(run) if line.ends_with('\n') => runs.push(run),
                // A line without an end was being written when the program ended: that run is made
                // again.
                _ if !line.ends_with('\n') && is_begun(line) => break,
                Ok(_) => break,
                Err(error) => {
                    return Err(Failure::Run(format!(
                        "{name}, line {number}: expected a finished run, found {error}; delete the line or choose another folder with --out"
                    )));
                }
            }
            length += line.len() as u64;
        }
        file.set_len(length).map_err(failed)?;
        Ok(Log { path: path.to_owned(), file, length, runs })
    }

    /// Adds a line. One that cannot be written whole is not left in part.
    fn add(&mut self, run: Finished) -> Result<(), Failure> {
        let line = serde_json::to_string(&run).expect("numbers and text") + "\n";
        self.file.write_all(line.as_bytes()).map_err(|error| {
            let _ = self.file.set_len(self.length);
            Failure::write(&self.path, &error)
        })?;
        self.length += line.len() as u64;
        self.runs.push(run);
        Ok(())
    }

    fn find(&self, settings: &Settings) -> Option<&Finished> {
        self.runs.iter().find(|run| run.settings == *settings)
    }
}

/// Whether a line begins as those of finished runs do.
fn is_begun(line: &str) -> bool {
    const BEGINNING: &str = "{\"hidden\":";
    line.starts_with(BEGINNING) || BEGINNING.starts_with(line)
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
    line: BottomLine,
    start: Instant,
    /// What runs cost, by their widths: of those finished, and of all.
    cost: (usize, usize),
    runs: (usize, usize),
}

impl Progress {
    fn new(todo: &[Settings]) -> Progress {
        let all = todo.iter().map(Progress::cost).sum();
        Progress {
            line: BottomLine::new(true),
            start: Instant::now(),
            cost: (0, all),
            runs: (0, todo.len()),
        }
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
        self.line.show(&format!("{done} of {all} runs, {left} left"));
    }
}

/// A trained model's score on the validation images of other digits.
type Judge = Box<dyn Fn(&Dataset) -> Score<f64>>;

fn train(settings: &Settings, digits: &Dataset) -> Option<(Outcome, Judge)> {
    let Settings { learning_rate, weight_decay, seed, epochs, batch_size, .. } = *settings;
    let task = classification(digits.train.classes());
    let mut model = mlp::<f32>(&task.widths(digits, &[settings.hidden]), &mut generator(seed));
    let mut sgd = Sgd { learning_rate, weight_decay, ..Sgd::default() }.init(&model);
    let how = (epochs, batch_size, seed);
    let history = task.train(&mut model, &mut sgd, digits, how).ok()?;
    let last = history[epochs];
    let outcome =
        Outcome { accuracy: last.valid.metric, loss: last.valid.loss, train_loss: last.train.loss };
    let judge = move |other: &Dataset| evaluate(&model, &task.loss, &task.metric, &other.test);
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

fn heat_map(flags: &Flags, decay: f64, rows: &[Row]) -> String {
    let of_decay: Vec<&Row> = rows.iter().filter(|r| r.settings.weight_decay == decay).collect();
    let lines = of_decay.chunks(flags.lr.0.len());
    let values: Vec<Vec<Option<f64>>> =
        lines.map(|line| line.iter().map(|row| row.accuracy()).collect()).collect();
    HeatMap {
        title: &format!("Validation accuracy with weight decay {}", rate_text(decay)),
        x: "learning rate",
        y: "hidden units",
        columns: &flags.lr.0.iter().map(|&r| rate_text(r)).collect::<Vec<_>>(),
        rows: &flags.hidden.0.iter().map(ToString::to_string).collect::<Vec<_>>(),
        values: &values,
        best: true,
    }
    .svg()
}

/// The best settings, and what that is worth.
fn verdict(rows: &[Row], flags: &Flags, digits: &Dataset, all: &Dataset) -> String {
    let evaluated = rows.iter().filter_map(|row| Some((row, row.accuracy()?)));
    let Some((best, accuracy)) = evaluated.max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return "\nevery run diverged: try smaller learning rates\n".to_owned();
    };
    let Settings { hidden, learning_rate, weight_decay, .. } = best.settings;
    let mut text = format!(
        "\nbest: {hidden} hidden units, learning rate {}, weight decay {}: accuracy {accuracy:.4}\n\
         It was chosen from {} settings on these same images: expect less on others.\n",
        rate_text(learning_rate),
        rate_text(weight_decay),
        rows.len()
    );
    if flags.held_out == 0 {
        text += "With --held-out 100, settings are chosen and evaluated on different images.\n";
        return text;
    }
    let runs = (best.settings.seed..).take(flags.seeds);
    let accuracies: Vec<f64> = runs
        .filter_map(|seed| train(&Settings { seed, ..best.settings.clone() }, digits))
        .map(|(_, judge)| judge(all).metric)
        .collect();
    text += &format!(
        "On the {} validation images, which were not used for choosing, its accuracy is {:.4}.\n",
        all.test.len(),
        mean(&accuracies)
    );
    text
}
