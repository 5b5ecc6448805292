//! Times training and inference of nets of several sizes, as one JSON line a workload: what a comparison with other libraries runs.
//!
//! `cargo run --release --example workloads -- --data MNIST_DIR --workloads W1,W2,W3,W4,W5A,W5B --reps 3`
//! `cargo run --release --example workloads -- --data MNIST_DIR --dims 784,100,10 --batch 37`

#[path = "support/command.rs"]
mod command;
#[path = "support/data.rs"]
mod data;

use std::hint::black_box;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Chain, Layer, Linear, Relu, SoftmaxCrossEntropy};
use longhand_mnist::{Dataset, Split};
use longhand_optim::Sgd;
use longhand_train::{Training, argmax};
use ndarray::Array2;
use serde_json::json;

use command::{COUNT, Failure, PerClass, is_count, number, numbers, print, wrong_value};

const HELP: &str = "Times training and inference, as one JSON line a workload (seconds).

Usage: cargo run --release --example workloads -- [flags]

  --data DIR       folder with the four MNIST files (the digits inside the program)
  --workloads W,.. W1, W2, W3, W4: an epoch (W4: a step) of 784-10, 784-30-10,
                   784-800-10, 784-2500-2000-1500-1000-500-10; W5A, W5B: the test
                   images through 784-800-10, 1000 at a time and one by one (all)
  --dims W,W,..    an epoch of another net in place of the workloads
  --batch N        with --dims: images per update (16)
  --reps R         samples of each, after one to warm up (3)
  --threads N      threads for large products (as many as there are cores)
  --help           print this
";

type Net = Chain<Vec<Chain<Linear<f32>, Relu>>, Linear<f32>>;

#[derive(Clone, PartialEq)]
struct Workload {
    name: String,
    dims: Vec<usize>,
    batch: usize,
    learning_rate: f64,
    /// Images that are trained on: 500 of each class, as many as ten batches, or all.
    images: Images,
}

#[derive(Clone, Copy, PartialEq)]
enum Images {
    PerClass,
    TenBatches,
    All,
}

fn workload(name: &str) -> Option<Workload> {
    let (dims, batch, learning_rate, images) = match name {
        "W1" => (vec![784, 10], 16, 0.1, Images::PerClass),
        "W2" => (vec![784, 30, 10], 16, 0.1, Images::PerClass),
        "W3" => (vec![784, 800, 10], 128, 0.1, Images::All),
        "W4" => (vec![784, 2500, 2000, 1500, 1000, 500, 10], 256, 0.01, Images::TenBatches),
        "W5A" => (vec![784, 800, 10], 1000, 0.1, Images::All),
        "W5B" => (vec![784, 800, 10], 1, 0.1, Images::All),
        _ => return None,
    };
    Some(Workload { name: name.to_owned(), dims, batch, learning_rate, images })
}

fn main() -> ExitCode {
    command::exit(run())
}

fn run() -> Result<(), Failure> {
    const NAMES: &str = "W1, W2, W3, W4, W5A or W5B";
    let (mut data, mut dims, mut batch, mut reps) = (None::<PathBuf>, None, 16, 3);
    let mut workloads = ["W1", "W2", "W3", "W4", "W5A", "W5B"].map(workload).to_vec();
    let known = ["data", "workloads", "dims", "batch", "reps", "threads"];
    let asked = command::flags(&known, |flag, value| {
        match flag {
            "data" => data = Some(value.into()),
            "workloads" => {
                let text = value.to_string_lossy().into_owned();
                workloads = text.split(',').map(workload).collect();
                if workloads.contains(&None) {
                    return Err(wrong_value(flag, NAMES, text));
                }
            }
            "dims" => {
                let expected = "widths from 784 to 10, as in 784,100,10";
                let widths: Vec<usize> = numbers(flag, &value, expected, is_count)?;
                if widths.len() < 2 || widths[0] != 784 || widths[widths.len() - 1] < 10 {
                    return Err(wrong_value(flag, expected, value.display()));
                }
                dims = Some(widths);
            }
            "batch" => batch = number(flag, &value, COUNT, is_count)?,
            "reps" => reps = number(flag, &value, COUNT, is_count)?,
            _ => longhand_tensor::set_threads(number(flag, &value, COUNT, is_count)?),
        }
        Ok(())
    })?;
    if !asked {
        return print(HELP);
    }
    if let Some(dims) = dims {
        let name = dims.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
        let net = Workload { name, dims, batch, learning_rate: 0.1, images: Images::All };
        workloads = vec![Some(net)];
    }
    let digits = command::digits(data.as_deref(), PerClass::All, 0)?;
    let threads = longhand_tensor::threads();
    for workload in workloads.into_iter().flatten() {
        let (samples, loss) = match &workload.name[..] {
            "W5A" => (inference(&workload, &digits.test, reps), None),
            "W5B" => (latency(&workload, &digits.test, reps), None),
            _ => training(&workload, &digits, reps)?,
        };
        let mut sorted = samples.clone();
        sorted.sort_by(f64::total_cmp);
        let line = json!({
            "peer": "longhand", "workload": workload.name, "threads": threads,
            "median_s": sorted[sorted.len() / 2], "min_s": sorted[0], "samples": samples, "loss": loss,
        });
        print(&format!("{line}\n"))?;
    }
    Ok(())
}

fn net(dims: &[usize]) -> Net {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    let (last, hidden) = dims
        .windows(2)
        .collect::<Vec<_>>()
        .split_last()
        .map(|(l, h)| (*l, h.to_vec()))
        .expect("two widths");
    let hidden: Vec<_> = hidden.iter().map(|w| Linear::new(w[0], w[1], rng).then(Relu)).collect();
    hidden.then(Linear::new(last[0], last[1], rng))
}

/// Seconds of an epoch, or of a step where the workload is ten of them; and the loss of the last epoch.
fn training(
    workload: &Workload,
    digits: &Dataset,
    reps: usize,
) -> Result<(Vec<f64>, Option<f64>), Failure> {
    let train = match workload.images {
        Images::All => digits.train.clone(),
        Images::TenBatches => digits
            .train
            .select(&(0..10 * workload.batch).map(|i| i % digits.train.len()).collect::<Vec<_>>()),
        Images::PerClass => {
            digits.draw_per_class(500, 1).map_err(|error| Failure::Run(error.to_string()))?.train
        }
    };
    // A single layer needs no gradient of its input, which only a model that begins with it knows.
    match workload.dims[..] {
        [input, output] => {
            let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
            epochs(Linear::new(input, output, rng), workload, &train, reps)
        }
        _ => epochs(net(&workload.dims), workload, &train, reps),
    }
}

/// Seconds of epochs, and the loss of the last.
fn epochs<M: Layer<f32>>(
    mut model: M,
    workload: &Workload,
    train: &Split,
    reps: usize,
) -> Result<(Vec<f64>, Option<f64>), Failure> {
    let mut sgd = Sgd { learning_rate: workload.learning_rate, ..Sgd::default() }.init(&model);
    let mut grad = model.zeros_like();
    let loss = SoftmaxCrossEntropy::default();
    let training =
        Training { loss, answer: argmax, epochs: 0, batch_size: workload.batch, seed: 1 };
    let (mut samples, mut last) = (vec![], None);
    for epoch in 1..=reps + 1 {
        let start = Instant::now();
        let score = training.epoch(epoch, &mut model, &mut grad, &mut sgd, train, &mut ());
        samples.push(start.elapsed().as_secs_f64());
        last = score
            .map_err(|diverged| Failure::Run(diverged.to_string()))?
            .continue_value()
            .map(|score| score.loss);
    }
    if workload.images == Images::TenBatches {
        samples.iter_mut().for_each(|s| *s /= 10.0);
    }
    samples.remove(0); // to warm up
    Ok((samples, last))
}

/// Seconds for all test images, a batch at a time.
fn inference(workload: &Workload, test: &Split, reps: usize) -> Vec<f64> {
    let model = net(&workload.dims);
    let positions: Vec<usize> = (0..test.len()).collect();
    let batches: Vec<Array2<f32>> =
        positions.chunks(workload.batch).map(|p| test.batch(p).0).collect();
    let all = || {
        for x in &batches {
            let y = model.infer(x);
            black_box(y.rows().into_iter().map(|row| argmax(&row)).collect::<Vec<_>>());
        }
    };
    all();
    (0..reps).map(|_| seconds(all)).collect()
}

/// Median seconds of one image, of 2000.
fn latency(workload: &Workload, test: &Split, reps: usize) -> Vec<f64> {
    let model = net(&workload.dims);
    let images: Vec<Array2<f32>> = (0..2000).map(|i| test.batch(&[i % test.len()]).0).collect();
    let median = || {
        let one = |x: &Array2<f32>| {
            seconds(|| {
                black_box(argmax(&model.infer(x).row(0)));
            })
        };
        let mut samples: Vec<f64> = images.iter().map(one).collect();
        samples.sort_by(f64::total_cmp);
        samples[samples.len() / 2]
    };
    median();
    (0..reps).map(|_| median()).collect()
}

fn seconds(f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_secs_f64()
}
