//! The workloads that longhand is measured by (`workloads.json` lists them), on the 5000 digits
//! inside `longhand-mnist`: epochs with SGD, shuffle, gather and update included, and predictions.
//!
//! `cargo bench -p longhand-benches --bench homework`. Each bench trains for two epochs first and
//! checks the loss they reached, or checks its predictions.

use std::hint::black_box;

use divan::Bencher;
use longhand_layers::{Layer, Mlp, SoftmaxCrossEntropy, mlp};
use longhand_mnist::Dataset;
use longhand_optim::Sgd;
use longhand_run::generator;
use longhand_run::workloads::{Workload, workload};
use longhand_train::{Accuracy, Data, Training, argmax, evaluate};
use ndarray::{Array2, Axis};

fn main() {
    divan::main();
}

fn listed(name: &str) -> Workload {
    workload(name).expect("a workload of this name")
}

fn net(workload: &Workload) -> Mlp<f32> {
    mlp(&workload.widths, &mut generator(1))
}

#[divan::bench]
fn w1_epoch(bencher: Bencher<'_, '_>) {
    let w1 = listed("W1");
    epoch(bencher, net(&w1), &w1, 0.40);
}

#[divan::bench]
fn w2_epoch(bencher: Bencher<'_, '_>) {
    let w2 = listed("W2");
    epoch(bencher, net(&w2), &w2, 0.36);
}

#[divan::bench(sample_count = 10)]
fn w3_epoch(bencher: Bencher<'_, '_>) {
    let w3 = listed("W3");
    epoch(bencher, net(&w3), &w3, 0.9);
}

/// 20 steps.
#[divan::bench(sample_count = 3)]
fn w4_20_steps(bencher: Bencher<'_, '_>) {
    let w4 = Workload { learning_rate: Some(0.1), ..listed("W4") };
    epoch(bencher, net(&w4), &w4, 2.302);
}

/// 5000 predictions, 1000 at a time; and one.
#[divan::bench(args = ["W5A", "W5B"], sample_count = 10)]
fn w5_predictions(bencher: Bencher<'_, '_>, name: &str) {
    let test = Dataset::embedded().test;
    let workload = listed(name);
    let (model, batch) = (net(&workload), workload.batch);
    let all: Vec<usize> = (0..test.len()).collect();
    let used = if batch == 1 { 1 } else { test.len() };
    let batches: Vec<Array2<f32>> = all[..used].chunks(batch).map(|p| test.batch(p).x).collect();
    let few: Array2<f32> = test.batch(&all[..batch.min(20)]).x;
    let slowly = few.rows().into_iter().map(|row| model.infer(&row.insert_axis(Axis(0))));
    for (slow, fast) in slowly.zip(model.infer(&batches[0]).rows()) {
        assert_eq!(slow.row(0), fast, "a prediction does not depend on its batch");
    }
    bencher.bench_local(|| batches.iter().map(|x| argmax(&model.infer(x).row(0))).sum::<usize>());
}

/// Times an epoch of training after two epochs that must bring the training loss below `loss`.
fn epoch<M: Layer<f32>>(bencher: Bencher<'_, '_>, mut model: M, workload: &Workload, loss: f64) {
    let digits = Dataset::embedded().train;
    let mut grad = model.zeros_like();
    let training = Training {
        loss: SoftmaxCrossEntropy,
        metric: Accuracy,
        epochs: 0,
        batch_size: workload.batch,
        seed: 1,
    };
    let learning_rate = workload.learning_rate.expect("a workload that trains");
    let mut sgd = Sgd { learning_rate, ..Sgd::default() }.init(&model);
    let mut train = |model: &mut M, epoch| {
        let trained = training.epoch(epoch, model, &mut grad, &mut sgd, &digits, &mut ());
        assert!(trained.is_ok(), "training diverged");
    };
    train(&mut model, 1);
    train(&mut model, 2);
    let reached = evaluate(&model, &SoftmaxCrossEntropy, &Accuracy, &digits).loss;
    assert!(
        reached < loss,
        "the training loss after two epochs is {reached}, expected below {loss}"
    );
    bencher.bench_local(|| train(black_box(&mut model), 3));
}
