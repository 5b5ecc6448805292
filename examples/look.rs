//! Shows a data set: how many images of each class, mean and standard deviation of the pixels, and
//! the first images. Or shows the runs in a folder, on a page that compares them.
//!
//! `cargo run --example look`, `cargo run --example look -- --data DIR`, or
//! `cargo run --example look -- --runs runs`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use longhand_mnist::{Dataset, Split};
use longhand_report::{RunSummary, Runs, in_characters};
use longhand_run::{Failure, exit, folder, open, parse, past_runs, terminal, write_whole};

/// Shows a data set of digits, or of other pictures in MNIST's format; or the runs in a folder.
#[derive(Parser)]
struct Flags {
    /// Folder or name of other digits, as for mlp [default: the digits inside the program]
    #[arg(long, value_name = "DIR", value_parser = folder())]
    data: Option<PathBuf>,
    /// Write runs.html into this folder of runs: their curves in one chart, and a table of what they reach
    #[arg(long, value_name = "DIR", value_parser = folder(), conflicts_with = "data")]
    runs: Option<PathBuf>,
}

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let flags = parse::<Flags>()?;
    if let Some(folder) = &flags.runs {
        return compare_runs(folder);
    }
    let digits = open(flags.data.as_deref()).map_err(Failure::Run)?;
    terminal::print(&look(&digits))
}

/// Writes the page over the runs in a folder; one for those that predict classes, and one for those that predict
/// numbers.
fn compare_runs(folder: &Path) -> Result<(), Failure> {
    let all = past_runs(folder)?;
    for (measure, larger_is_better, file) in
        [("accuracy", true, "runs.html"), ("rmse", false, "runs-rmse.html")]
    {
        let runs = all.iter().filter(|run| run.measure == measure);
        let runs: Vec<RunSummary> = runs.map(|run| run.summary.clone()).collect();
        if runs.is_empty() {
            continue;
        }
        let title = &format!("Runs in {}", folder.display());
        let page = Runs { title, runs: &runs, measure, larger_is_better }.html();
        let path = folder.join(file);
        let there = std::fs::read_to_string(&path);
        if path.exists() && !there.is_ok_and(|there| there.contains("<title>Runs in ")) {
            let path = terminal::path(&path);
            return Err(Failure::Run(format!(
                "--runs: {path}: expected a page over runs to overwrite, or nothing, found something else; move it away"
            )));
        }
        write_whole(&path, page)?;
        let path = terminal::path(&path);
        terminal::print(&format!(
            "{} runs by their validation {measure}: see {path}\n",
            runs.len()
        ))?;
    }
    Ok(())
}

fn look(dataset: &Dataset) -> String {
    let Dataset { train, test, class_names, source } = dataset;
    let mut text = format!("{source}\n\n{:<12} {:>8} {:>8}\n", "class", "training", "test");
    for ((name, train), test) in class_names.iter().zip(train.per_class()).zip(test.per_class()) {
        let _ = writeln!(text, "{name:<12} {train:>8} {test:>8}");
    }
    let _ = writeln!(text, "{:<12} {:>8} {:>8}\n", "all", train.len(), test.len());
    let (mean, deviation) = moments(train);
    let _ = writeln!(
        text,
        "training pixels, 0 to 1: mean {mean:.4}, standard deviation {deviation:.4}\n"
    );
    text + &drawing(train, class_names)
}

/// Mean and standard deviation of the pixels divided by 255, from the number of pixels of each
/// value.
fn moments(split: &Split) -> (f64, f64) {
    let mut counts = [0u64; 256];
    split.images().iter().for_each(|&pixel| counts[usize::from(pixel)] += 1);
    let moment = |power: i32| -> f64 {
        let of_value =
            |(value, &count): (usize, &u64)| (value as f64 / 255.0).powi(power) * count as f64;
        counts.iter().enumerate().map(of_value).sum::<f64>() / split.images().len() as f64
    };
    let mean = moment(1);
    (mean, (moment(2) - mean * mean).sqrt())
}

/// The first three images side by side, in characters.
fn drawing(split: &Split, class_names: &[String]) -> String {
    let shown: Vec<usize> = (0..split.len().min(3)).collect();
    let columns = split.image(0).ncols();
    let images: Vec<Vec<String>> = shown.iter().map(|&i| in_characters(&split.image(i))).collect();
    let mut text = String::new();
    for row in 0..images[0].len() {
        let line: String = images.iter().map(|image| format!("{:columns$}", image[row])).collect();
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for &i in &shown {
        let _ = write!(text, "{:^columns$}", class_names[usize::from(split.labels()[i])]);
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}
