//! How the time of an epoch grows with the batch, the width of the hidden layer and the number of
//! images, beside the time that its arithmetic would take at the CPU's peak if no product were
//! skipped: so that a cliff shows.
//!
//! `cargo bench -p longhand-benches --bench growth`: 1 to 2 minutes, a table for each. Medians of
//! three epochs of 784-width-10, on the digits inside `longhand-mnist`; each net's loss must have
//! fallen by then.

use std::time::Instant;

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Parameters, SoftmaxCrossEntropy, mlp};
use longhand_mnist::{Dataset, Split};
use longhand_optim::Sgd;
use longhand_train::{Accuracy, Training, evaluate};

fn main() {
    let digits = Dataset::embedded().train;
    let peak = peak();
    let threads = longhand_tensor::threads();
    println!(
        "peak of {threads} threads: {:.0} GFLOP/s (the best of 50 dense products of 768 × 256 × 768)",
        peak / 1e9
    );
    let some = |n: usize| digits.select(&(0..n).map(|i| i % digits.len()).collect::<Vec<_>>());
    table("batch size, of 784-100-10 and 5000 images", [1, 4, 16, 64, 256, 1024], |batch| {
        epoch(&digits, 100, batch, peak)
    });
    table(
        "hidden width, of batches of 64 and 5000 images",
        [10, 30, 100, 300, 1000, 4096],
        |width| epoch(&digits, width, 64, peak),
    );
    table("images, of 784-100-10 and batches of 64", [500, 2000, 8000, 32000], |images| {
        epoch(&some(images), 100, 64, peak)
    });
}

fn table<const N: usize>(title: &str, values: [usize; N], row: impl Fn(usize) -> (f64, f64)) {
    println!("\n{title}\n{:>8} {:>12} {:>12} {:>8}", "", "epoch, ms", "floor, ms", "ratio");
    for value in values {
        let (time, floor) = row(value);
        println!("{value:>8} {:>12.2} {:>12.2} {:>8.2}", 1e3 * time, 1e3 * floor, time / floor);
    }
}

/// Seconds of an epoch, and of its arithmetic at the peak: two products in each layer, and a third
/// in the second.
fn epoch(train: &Split, width: usize, batch_size: usize, peak: f64) -> (f64, f64) {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    let mut model = mlp::<f32>(&[784, width, 10], rng);
    let (loss, metric) = (SoftmaxCrossEntropy, Accuracy);
    let before = evaluate(&model, &loss, &metric, train).loss;
    let training = Training { loss, metric, epochs: 0, batch_size, seed: 1 };
    let mut sgd = Sgd { learning_rate: 0.05, ..Sgd::default() }.init(&model);
    let mut grad = model.zeros_like();
    let mut seconds = [1, 2, 3].map(|epoch| {
        let start = Instant::now();
        let trained = training.epoch(epoch, &mut model, &mut grad, &mut sgd, train, &mut ());
        assert!(trained.is_ok(), "training diverged");
        start.elapsed().as_secs_f64()
    });
    let after = evaluate(&model, &training.loss, &training.metric, train).loss;
    assert!(
        after < 0.95 * before,
        "width {width}, batch size {batch_size}: {before} became {after}"
    );
    seconds.sort_by(f64::total_cmp);
    let flop = train.len() * width * 2 * (2 * 784 + 3 * 10);
    (seconds[1], flop as f64 / peak)
}

/// The most multiplications and additions a second that dense products reached here, in several
/// tries of a size that suits them.
fn peak() -> f64 {
    let (n, k, m) = (768, 256, 768);
    let ones = |rows, columns| ndarray::Array2::<f32>::ones((rows, columns));
    let (x, w) = (ones(n, k), ones(k, m));
    let times = (0..50).map(|_| {
        let start = Instant::now();
        let y = longhand_tensor::matmul(&x, &w);
        assert_eq!(y[[1, 1]], k as f32);
        start.elapsed().as_secs_f64()
    });
    (2 * n * k * m) as f64 / times.fold(f64::MAX, f64::min)
}
