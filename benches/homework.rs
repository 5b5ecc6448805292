//! One epoch of the homework's two nets: 5000 digits, batch size 16, SGD; shuffle, gather and update included.
//!
//! `cargo bench --bench homework`. Each bench trains for two epochs first and checks the loss they reached.

use std::hint::black_box;

use divan::Bencher;
use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Layer, Linear, Relu, SoftmaxCrossEntropy};
use longhand_mnist::Dataset;
use longhand_optim::Sgd;
use longhand_train::{Training, argmax, evaluate};

fn main() {
    divan::main();
}

/// 784-10.
#[divan::bench]
fn w1_epoch(bencher: Bencher<'_, '_>) {
    epoch(bencher, |rng| Linear::new(784, 10, rng), 0.40);
}

/// 784-30-10.
#[divan::bench]
fn w2_epoch(bencher: Bencher<'_, '_>) {
    epoch(bencher, |rng| Linear::new(784, 30, rng).then(Relu).then(Linear::new(30, 10, rng)), 0.36);
}

/// Times an epoch of training after two epochs that must bring the training loss below `loss`.
fn epoch<M: Layer<f32>>(
    bencher: Bencher<'_, '_>,
    model: impl Fn(&mut Xoshiro256PlusPlus) -> M,
    loss: f64,
) {
    let digits = Dataset::embedded().train;
    let mut model = model(&mut Xoshiro256PlusPlus::seed_from_u64(1));
    let mut grad = model.zeros_like();
    let training = Training {
        loss: SoftmaxCrossEntropy::default(),
        answer: argmax,
        epochs: 0,
        batch_size: 16,
        seed: 1,
    };
    let mut sgd = Sgd { learning_rate: 0.1, ..Sgd::default() }.init(&model);
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
