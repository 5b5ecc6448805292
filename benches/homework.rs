//! The workloads that longhand is measured by (`benches/peers/README.md` lists them), on the 5000 digits inside `longhand-mnist`: epochs with
//! SGD, shuffle, gather and update included, and answers.
//!
//! `cargo bench --bench homework`. Each bench trains for two epochs first and checks the loss they reached, or checks its answers.

use std::hint::black_box;

use divan::Bencher;
use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Chain, Layer, Linear, Relu, SoftmaxCrossEntropy};
use longhand_mnist::Dataset;
use longhand_optim::Sgd;
use longhand_train::{Training, argmax, evaluate};
use ndarray::Axis;

fn main() {
    divan::main();
}

/// 784-10.
#[divan::bench]
fn w1_epoch(bencher: Bencher<'_, '_>) {
    epoch(bencher, |rng| Linear::new(784, 10, rng), (16, 0.1), 0.40);
}

/// 784-30-10.
#[divan::bench]
fn w2_epoch(bencher: Bencher<'_, '_>) {
    epoch(bencher, |rng| mlp(&[784, 30, 10], rng), (16, 0.1), 0.36);
}

/// 784-800-10, batches of 128.
#[divan::bench(sample_count = 10)]
fn w3_epoch(bencher: Bencher<'_, '_>) {
    epoch(bencher, |rng| mlp(&[784, 800, 10], rng), (128, 0.1), 0.9);
}

/// 784-2500-2000-1500-1000-500-10, 20 steps of 256 images.
#[divan::bench(sample_count = 3)]
fn w4_20_steps(bencher: Bencher<'_, '_>) {
    epoch(bencher, |rng| mlp(&[784, 2500, 2000, 1500, 1000, 500, 10], rng), (256, 0.1), 2.302);
}

/// 784-800-10: 5000 answers, 1000 at a time; and one.
#[divan::bench(args = [1000, 1], sample_count = 10)]
fn w5_answers(bencher: Bencher<'_, '_>, batch: usize) {
    let test = Dataset::embedded().test;
    let model = mlp(&[784, 800, 10], &mut Xoshiro256PlusPlus::seed_from_u64(1));
    let all: Vec<usize> = (0..test.len()).collect();
    let used = if batch == 1 { 1 } else { test.len() };
    let batches: Vec<_> = all[..used].chunks(batch).map(|p| test.batch::<f32>(p).0).collect();
    let few = test.batch::<f32>(&all[..batch.min(20)]).0;
    let slowly = few.rows().into_iter().map(|row| model.infer(&row.insert_axis(Axis(0))));
    for (slow, fast) in slowly.zip(model.infer(&batches[0]).rows()) {
        assert_eq!(slow.row(0), fast, "an image's answer does not depend on its batch");
    }
    bencher.bench_local(|| batches.iter().map(|x| argmax(&model.infer(x).row(0))).sum::<usize>());
}

type Mlp = Chain<Vec<Chain<Linear<f32>, Relu>>, Linear<f32>>;

fn mlp(widths: &[usize], rng: &mut Xoshiro256PlusPlus) -> Mlp {
    let layers: Vec<_> = widths.windows(2).map(|w| Linear::new(w[0], w[1], rng)).collect();
    let (last, hidden) = layers.split_last().expect("a layer");
    hidden.iter().map(|layer| layer.clone().then(Relu)).collect::<Vec<_>>().then(last.clone())
}

/// Times an epoch of training after two epochs that must bring the training loss below `loss`.
fn epoch<M: Layer<f32>>(
    bencher: Bencher<'_, '_>,
    model: impl Fn(&mut Xoshiro256PlusPlus) -> M,
    (batch_size, learning_rate): (usize, f64),
    loss: f64,
) {
    let digits = Dataset::embedded().train;
    let mut model = model(&mut Xoshiro256PlusPlus::seed_from_u64(1));
    let mut grad = model.zeros_like();
    let training = Training {
        loss: SoftmaxCrossEntropy::default(),
        answer: argmax,
        epochs: 0,
        batch_size,
        seed: 1,
    };
    let mut sgd = Sgd { learning_rate, ..Sgd::default() }.init(&model);
    let mut train = |model: &mut M, epoch| {
        let trained = training.epoch(epoch, model, &mut grad, &mut sgd, &digits, &mut ());
        assert!(trained.is_ok(), "training diverged");
    };
    train(&mut model, 1);
    train(&mut model, 2);
    let reached = evaluate(&model, &SoftmaxCrossEntropy::default(), argmax, &digits).loss;
    assert!(
        reached < loss,
        "the training loss after two epochs is {reached}, expected below {loss}"
    );
    bencher.bench_local(|| train(black_box(&mut model), 3));
}
