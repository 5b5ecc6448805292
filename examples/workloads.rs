//! Times training and inference of nets of several sizes, as one JSON line a workload: what a
//! comparison with other libraries runs.
//!
//! `cargo run --release --example workloads -- --data MNIST_DIR --workloads W1,W2,V1 --reps 3`, or an epoch of
//! another net: `cargo run --release --example workloads -- --data MNIST_DIR --dims 784,100,10 --batch 37
//! --activation tanh --optimizer adam --dropout 0.5 --layer-norm`

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use longhand_layers::{Activation, Layer, Mlp, Relu, SoftmaxCrossEntropy, mlp};
use longhand_mnist::{Dataset, Split};
use longhand_run::terminal::print;
use longhand_run::workloads::{Images, Rule, Workload, workload, workloads};
use longhand_run::{
    Failure, List, check_memory, count, exit, folder, generator, list, net_name, open, parse,
    share_below_1,
};
use longhand_tensor::Parameters;
use longhand_train::{Accuracy, Data, Training, argmax};
use ndarray::Array2;
use serde_json::json;

/// Times training and inference, as one JSON line a workload (seconds).
#[derive(Parser)]
struct Flags {
    /// Folder with the four MNIST files [default: the digits inside the program]
    #[arg(long, value_name = "DIR", value_parser = folder())]
    data: Option<std::path::PathBuf>,
    /// W1, W2, W3, W4: an epoch (W4: a step) of 784-10, 784-30-10, 784-800-10 and
    /// 784-2500-2000-1500-1000-500-10, by plain SGD; W5A, W5B: the test images through 784-800-10, 1000
    /// at a time and one by one; V1 to V4: an epoch of 784-128-10 with Adam, 784-800-10 with momentum, the
    /// same with dropout and AdamW, 784-256-256-10 with LayerNorm, GELU and AdamW [default: all]
    #[arg(long, value_name = "W,..", value_parser = known)]
    workloads: Option<List<Workload>>,
    /// An epoch of another net instead of the workloads
    #[arg(long, value_name = "W,W,..", value_parser = dims)]
    dims: Option<List<usize>>,
    /// With --dims: images per update
    #[arg(long, value_name = "N", default_value = "16", value_parser = count, allow_negative_numbers = true)]
    batch: usize,
    /// With --dims: relu, leaky-relu, sigmoid, tanh, gelu or gelu-tanh [default: relu]
    #[arg(long, value_name = "A", value_parser = activation, requires = "dims")]
    activation: Option<Activation>,
    /// With --dims: sgd, momentum, nesterov, adam, adamw or rmsprop [default: sgd]
    #[arg(long, value_name = "O", value_parser = rule, requires = "dims")]
    optimizer: Option<Rule>,
    /// With --dims: leave out so many of the hidden units; or, as in 0.2,0.5, of the input and of them
    #[arg(long, value_name = "P", value_parser = dropout, allow_negative_numbers = true, requires = "dims")]
    dropout: Option<List<f64>>,
    /// With --dims: normalise each hidden layer
    #[arg(long, requires = "dims")]
    layer_norm: bool,
    /// Samples of each, after one to warm up
    #[arg(long, value_name = "R", default_value = "3", value_parser = count, allow_negative_numbers = true)]
    reps: usize,
    /// Threads for large products [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    threads: Option<usize>,
}

fn known(text: &str) -> Result<List<Workload>, String> {
    list(text, "W1, W2, W3, W4, W5A, W5B, V1, V2, V3 or V4", |name| {
        workload(name).ok_or_else(String::new)
    })
}

fn activation(word: &str) -> Result<Activation, String> {
    word.parse().map_err(|error: longhand_layers::UnknownActivation| error.to_string())
}

fn rule(word: &str) -> Result<Rule, String> {
    let known = Rule::WORDS.into_iter().find(|(known, _)| *known == word);
    known.map(|(_, rule)| rule).ok_or_else(|| {
        let words = Rule::WORDS.map(|(word, _)| word).join(", ");
        format!("expected one of {words}, found `{word}`")
    })
}

fn dropout(text: &str) -> Result<List<f64>, String> {
    let expected = "one or two shares from 0 to below 1, as in 0.2,0.5";
    match list(text, expected, share_below_1)? {
        shares if shares.0.len() <= 2 => Ok(shares),
        _ => Err(format!("expected {expected}, found `{text}`")),
    }
}

fn dims(text: &str) -> Result<List<usize>, String> {
    let expected = "widths from 784 to 10, as in 784,100,10";
    let widths = list(text, expected, count)?;
    match widths.0[..] {
        [784, .., last] if last >= 10 => Ok(widths),
        _ => Err(format!("expected {expected}, found `{text}`")),
    }
}

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let flags = parse::<Flags>()?;
    if let Some(threads) = flags.threads {
        longhand_tensor::set_threads(threads);
    }
    let todo = match (flags.dims, flags.workloads) {
        (Some(List(widths)), _) => {
            let optimizer = flags.optimizer.unwrap_or_default();
            vec![Workload {
                name: net_name(&widths),
                widths,
                activation: flags.activation.unwrap_or(Relu.into()),
                layer_norm: flags.layer_norm,
                dropout: match flags.dropout.as_ref().map_or(&[][..], |List(shares)| shares) {
                    [of_input, of_hidden] => [*of_input, *of_hidden],
                    [of_hidden] => [0.0, *of_hidden],
                    _ => [0.0; 2],
                },
                batch: flags.batch,
                optimizer,
                learning_rate: Some(optimizer.usual_learning_rate()),
                images: Images::All,
            }]
        }
        (None, Some(List(workloads))) => workloads,
        (None, None) => workloads(),
    };
    for workload in &todo {
        check_memory(&workload.widths, workload.batch.min(60_000), 2)?;
    }
    let digits = open(flags.data.as_deref()).map_err(Failure::Run)?;
    if (digits.train.features(), digits.train.classes()) != (784, 10) {
        let (pixels, classes) = (digits.train.features(), digits.train.classes());
        return Err(Failure::Run(format!(
            "--data: expected images of 784 pixels of ten classes, as the workloads' nets are for, found {pixels} of {classes}"
        )));
    }
    let threads = longhand_tensor::threads();
    for workload in todo {
        let (samples, loss) = match workload.learning_rate {
            Some(rate) => training(&workload, rate, &digits, flags.reps)?,
            None if workload.batch == 1 => (latency(&workload, &digits.test, flags.reps), None),
            None => (inference(&workload, &digits.test, flags.reps), None),
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

/// Seconds of epochs, or of steps where the workload is ten of them; and the loss of the last epoch.
fn training(
    workload: &Workload,
    learning_rate: f64,
    digits: &Dataset,
    reps: usize,
) -> Result<(Vec<f64>, Option<f64>), Failure> {
    let train = match workload.images {
        Images::All | Images::Test => digits.train.clone(),
        Images::TenBatches => digits
            .train
            .select(&(0..10 * workload.batch).map(|i| i % digits.train.len()).collect::<Vec<_>>()),
        Images::PerClass => {
            digits.draw_per_class(500, 1).map_err(|error| Failure::Run(error.to_string()))?.train
        }
    };
    let mut model = workload.net();
    let mut optimizer = workload.optimizer.init(learning_rate, &model);
    let mut grad = model.zeros_like();
    let (loss, metric) = (SoftmaxCrossEntropy, Accuracy);
    let training = Training { loss, metric, epochs: 0, batch_size: workload.batch, seed: 1 };
    let (mut samples, mut last) = (vec![], None);
    for epoch in 1..=reps + 1 {
        let start = Instant::now();
        let score = training.epoch(epoch, &mut model, &mut grad, &mut optimizer, &train, &mut ());
        samples.push(start.elapsed().as_secs_f64());
        last = match score {
            Ok(score) => score.map(|score| score.loss),
            Err(_) => return Err(Failure::Run(format!("{}: training diverged", workload.name))),
        };
    }
    if workload.images == Images::TenBatches {
        samples.iter_mut().for_each(|s| *s /= 10.0);
    }
    samples.remove(0); // to warm up
    Ok((samples, last))
}

/// A net that only makes predictions.
fn net(workload: &Workload) -> Mlp<f32> {
    mlp(&workload.widths, &mut generator(1))
}

/// Seconds for all test images, a batch at a time.
fn inference(workload: &Workload, test: &Split, reps: usize) -> Vec<f64> {
    let model = net(workload);
    let positions: Vec<usize> = (0..test.len()).collect();
    let batches: Vec<Array2<f32>> =
        positions.chunks(workload.batch).map(|p| test.batch(p).x).collect();
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
    let model = net(workload);
    let images: Vec<Array2<f32>> = (0..2000).map(|i| test.batch(&[i % test.len()]).x).collect();
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
