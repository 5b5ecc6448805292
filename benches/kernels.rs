//! The parts of a training step, at the homework's sizes and at large ones, each checked against
//! its definition first.
//!
//! `cargo bench -p longhand-benches --bench kernels`, or a part of it: `cargo bench -p
//! longhand-benches --bench kernels -- affine`

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use longhand_data::Data;
use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Layer, Linear, Loss, Parameters, Relu, SoftmaxCrossEntropy, init};
use longhand_mnist::Dataset;
use longhand_optim::{Optimizer, Sgd};
use longhand_tensor::{add_matmul_tn, add_scaled_matmul_tn, affine, matmul_nt};
use ndarray::{Array1, Array2, ArrayRef2};

/// Rows, width of the input, width of the output; the input is digits where it is 784 wide.
const SHAPES: [(usize, usize, usize); 8] = [
    (1, 784, 800),
    (16, 784, 10),
    (16, 784, 30),
    (16, 30, 10),
    (128, 784, 800),
    (128, 800, 10),
    (256, 784, 2500),
    (256, 2500, 2000),
];

fn main() {
    divan::main();
}

/// `[rows, inner]`: digits, or what a ReLU leaves.
fn input(rows: usize, inner: usize) -> Array2<f32> {
    if inner == 784 {
        return Dataset::embedded().train.batch(&(0..rows).collect::<Vec<_>>()).x;
    }
    uniform(rows, inner).mapv(|x| x.max(0.0))
}

fn uniform(rows: usize, columns: usize) -> Array2<f32> {
    init::uniform((rows, columns), 1.0, &mut Xoshiro256PlusPlus::seed_from_u64(1))
}

/// Checks a few elements, each the sum of `terms` products of numbers up to 1, against a sum in
/// f64.
fn check(found: &ArrayRef2<f32>, terms: usize, element: impl Fn(usize, usize) -> f64) {
    let (rows, columns) = found.dim();
    for i in 0..200 {
        let (r, c) = (i * 7 % rows, i * 13 % columns);
        let error = (f64::from(found[[r, c]]) - element(r, c)).abs();
        assert!(error < 1e-6 * terms as f64, "element {r}, {c} is wrong by {error}");
    }
}

fn dot(a: impl IntoIterator<Item = f32>, b: impl IntoIterator<Item = f32>) -> f64 {
    a.into_iter().zip(b).map(|(a, b)| f64::from(a) * f64::from(b)).sum()
}

/// Multiplications and additions of a dense product, so that divan prints FLOP/s.
fn flops((rows, inner, columns): (usize, usize, usize)) -> ItemsCount {
    ItemsCount::new(2 * rows * inner * columns)
}

/// Times a product of `x` with weights for `m` outputs.
fn time_affine(bencher: Bencher<'_, '_>, x: &Array2<f32>, m: usize) {
    let (n, k) = x.dim();
    let (w, b) = (uniform(k, m), Array1::from_elem(m, 0.5));
    let y = affine(x, &w, &b);
    check(&y, k, |r, c| 0.5 + dot(x.row(r).to_owned(), w.column(c).to_owned()));
    bencher
        .counter(flops((n, k, m)))
        .bench_local(|| affine(black_box(x), black_box(&w), black_box(&b)));
}

#[divan::bench(args = SHAPES, consts = [false, true])]
fn affine_forward<const DENSE: bool>(bencher: Bencher<'_, '_>, (n, k, m): (usize, usize, usize)) {
    let x = if DENSE { uniform(n, k) } else { input(n, k) };
    time_affine(bencher, &x, m);
}

#[divan::bench(args = SHAPES, consts = [false, true])]
fn weight_gradient<const DENSE: bool>(bencher: Bencher<'_, '_>, (n, k, m): (usize, usize, usize)) {
    let x = if DENSE { uniform(n, k) } else { input(n, k) };
    let (dy, mut dw) = (uniform(n, m), Array2::zeros((k, m)));
    add_matmul_tn(&x, &dy, &mut dw);
    check(&dw, n, |r, c| dot(x.column(r).to_owned(), dy.column(c).to_owned()));
    bencher
        .counter(flops((n, k, m)))
        .bench_local(|| add_matmul_tn(black_box(&x), black_box(&dy), black_box(&mut dw)));
}

/// Where zeros pay: a product of numbers of which this share, in per cent, is not zero.
#[divan::bench(args = [5, 20, 50, 75, 100])]
fn affine_by_density(bencher: Bencher<'_, '_>, per_cent: usize) {
    let (n, k, m) = (128, 784, 800);
    let chance = uniform(k, n).reversed_axes();
    let mut x = uniform(n, k);
    x.zip_mut_with(&chance, |x, &chance| {
        if (chance + 1.0) * 50.0 >= per_cent as f32 {
            *x = 0.0;
        }
    });
    time_affine(bencher, &x, m);
}

/// The weight's gradient, and the step of plain SGD, in one.
#[divan::bench(args = SHAPES, consts = [false, true])]
fn weight_step<const DENSE: bool>(bencher: Bencher<'_, '_>, (n, k, m): (usize, usize, usize)) {
    let x = if DENSE { uniform(n, k) } else { input(n, k) };
    let (dy, mut w) = (uniform(n, m), Array2::zeros((k, m)));
    add_scaled_matmul_tn(&x, &dy, -1.0, &mut w);
    check(&w, n, |r, c| -dot(x.column(r).to_owned(), dy.column(c).to_owned()));
    bencher
        .counter(flops((n, k, m)))
        .bench_local(|| add_scaled_matmul_tn(black_box(&x), black_box(&dy), -1e-6, &mut w));
}

#[divan::bench(args = SHAPES)]
fn input_gradient(bencher: Bencher<'_, '_>, (n, k, m): (usize, usize, usize)) {
    let (dy, w) = (uniform(n, m), uniform(k, m));
    let dx = matmul_nt(&dy, &w);
    check(&dx, m, |r, c| dot(dy.row(r).to_owned(), w.row(c).to_owned()));
    bencher.counter(flops((n, k, m))).bench_local(|| matmul_nt(black_box(&dy), black_box(&w)));
}

#[divan::bench]
fn softmax_cross_entropy(bencher: Bencher<'_, '_>) {
    let (z, labels) = (uniform(16, 10), [3; 16]);
    let loss = SoftmaxCrossEntropy;
    let expected =
        |r: usize| z.row(r).mapv(|z| f64::from(z).exp()).sum().ln() - f64::from(z[[r, 3]]);
    let expected = (0..16).map(expected).sum::<f64>() / 16.0;
    assert!((f64::from(loss.loss(&z, &labels)) - expected).abs() < 1e-6);
    bencher
        .with_inputs(|| z.clone())
        .bench_local_values(|z| loss.loss_and_grad(z, black_box(&labels)));
}

#[divan::bench]
fn batch_of_digits(bencher: Bencher<'_, '_>) {
    let train = Dataset::embedded().train;
    let positions: Vec<usize> = (0..16).collect();
    assert_eq!(
        Data::<f32>::batch(&train, &positions).x[[3, 400]],
        f32::from(train.image(3)[[14, 8]]) / 255.0
    );
    bencher.bench_local(|| Data::<f32>::batch(&train, black_box(&positions)));
}

#[divan::bench]
fn relu_there_and_back(bencher: Bencher<'_, '_>) {
    let (x, dy) = (uniform(16, 30), uniform(16, 30));
    assert_eq!(Relu.forward(x.clone()).0, x.mapv(|x| x.max(0.0)));
    bencher.with_inputs(|| (x.clone(), dy.clone())).bench_local_values(|(x, dy)| {
        let (y, cache) = Relu.forward(x);
        (y, Relu.backward(cache, dy, &mut Relu))
    });
}

#[divan::bench(args = [(784, 30), (784, 800), (2500, 2000)])]
fn zero_gradient(bencher: Bencher<'_, '_>, (k, m): (usize, usize)) {
    let mut grad = Linear::from_arrays(uniform(k, m), None);
    bencher.bench_local(|| black_box(&mut grad).set_zero());
    assert!(grad.weight().iter().all(|&w| w == 0.0));
}

#[divan::bench(args = [(784, 30), (784, 800), (2500, 2000)])]
fn sgd_step(bencher: Bencher<'_, '_>, (k, m): (usize, usize)) {
    let mut model = Linear::from_arrays(uniform(k, m), None);
    let grad = Linear::from_arrays(uniform(k, m), None);
    let before = model.weight()[[1, 1]];
    let mut sgd = Sgd { learning_rate: 0.5, ..Sgd::default() }.init(&model);
    sgd.step(&mut model, &grad);
    assert_eq!(model.weight()[[1, 1]], before - 0.5 * grad.weight()[[1, 1]]);
    bencher.bench_local(|| sgd.step(black_box(&mut model), black_box(&grad)));
}
