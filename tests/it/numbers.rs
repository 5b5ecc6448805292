//! Sums over large batches, large logits, and numbers too small to be normal.

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::*;
use longhand_optim::*;
use ndarray::{Array1, Array2};

/// Prints and compares; `tests/reference/sums.py` prints the same of PyTorch.
#[track_caller]
fn near(what: &str, found: f32, exact: f64, allowed: f64) {
    let error = (f64::from(found) - exact).abs() / exact.abs();
    println!("{what}: {found:.7}, expected {exact:.7}, off by {error:.1e} of it");
    assert!(error <= allowed, "{what}: {found}, expected {exact}: off by {error:e} of it");
}

/// PyTorch is within 6e-7 on each of these.
#[test]
fn losses_of_large_batches_are_right() {
    let zeros = Array2::<f32>::zeros((60_000, 784)); // more elements than f32 has whole numbers
    near(
        "binary cross-entropy, 60000 x 784",
        BinaryCrossEntropyWithLogits.loss(&zeros, &zeros),
        2f64.ln(),
        6e-7,
    );
    near(
        "mean squared error, 60000 x 784",
        MeanSquaredError.loss(&zeros, &Array2::ones(zeros.dim())),
        1.0,
        6e-7,
    );

    let labels: Vec<usize> = (0..60_000).map(|i| i % 10).collect();
    let (loss, _) = SoftmaxCrossEntropy.loss_and_grad(Array2::<f32>::zeros((60_000, 10)), &labels);
    near("cross-entropy, 60000 x 10", loss, 10f64.ln(), 6e-7);
    let weighted =
        WeightedSoftmaxCrossEntropy { label_smoothing: 0.1, class_weights: Some(vec![0.3; 10]) };
    near(
        "cross-entropy, 60000 x 10, weighted",
        weighted.loss(&Array2::<f32>::zeros((60_000, 10)), &labels),
        10f64.ln(),
        1e-6,
    );

    let logits =
        Array2::from_shape_fn((3, 50_000), |(r, k)| ((r * 7 + k * 13) % 101) as f64 / 50.0);
    let smoothed = WeightedSoftmaxCrossEntropy { label_smoothing: 0.1, class_weights: None };
    let exact = smoothed.loss(&logits, &[1, 2, 3]);
    near(
        "cross-entropy, 50000 classes, smoothed",
        smoothed.loss(&logits.mapv(|z| z as f32), &[1, 2, 3]),
        exact,
        6e-7,
    );
}

#[test]
fn gradients_of_large_batches_are_right() {
    let layer = Linear::from_arrays(Array2::<f32>::zeros((2, 3)), Some(Array1::zeros(3)));
    let mut grad = layer.zeros_like();
    let (_, cache) = layer.forward(Array2::ones((60_000, 2)));
    let dy = Array2::from_elem((60_000, 3), 0.1);
    layer.backward_params(cache, dy.clone(), &mut grad);
    let exact = 60_000.0 * f64::from(0.1f32);
    for sum in grad.bias().unwrap().iter().chain(grad.weight()) {
        near("gradient of 60000 rows", *sum, exact, 5e-6); // one after the other: 6e-4
    }
    for db in grad.bias().unwrap() {
        near("bias gradient of 60000 rows", *db, exact, 6e-7);
    }
    // Plain SGD, which never writes the gradient down, adds the same.
    let (mut model, cache) = (layer.clone(), layer.forward(Array2::ones((60_000, 2))).1);
    let mut grad = layer.zeros_like();
    layer.backward_params(cache, dy, &mut grad);
    Sgd { learning_rate: 1.0, ..Sgd::default() }.init(&model).step(&mut model, &grad);
    assert_eq!(model.weight(), &grad.weight().mapv(|g| -g));
}

#[test]
fn layer_norm_over_many_features_is_right() {
    let x = Array2::from_shape_fn((2, 100_000), |(r, k)| ((r * 31 + k * 17) % 1009) as f64 / 100.0);
    let dy = x.mapv(|x| (x - 3.0) / 7.0);
    let (y, cache) = LayerNorm::<f64>::new(100_000).forward(x.clone());
    let dx = LayerNorm::new(100_000).backward(cache, dy.clone(), &mut LayerNorm::new(100_000));
    let narrow = |a: &Array2<f64>| a.mapv(|a| a as f32);
    let (y32, cache) = LayerNorm::<f32>::new(100_000).forward(narrow(&x));
    let dx32 = LayerNorm::new(100_000).backward(cache, narrow(&dy), &mut LayerNorm::new(100_000));
    for (exact, found) in [(y, y32), (dx, dx32)] {
        let largest = exact.iter().fold(0.0, |m: f64, e| m.max(e.abs()));
        let worst = exact.iter().zip(&found).map(|(e, f)| (e - f64::from(*f)).abs());
        let worst = worst.fold(0.0, f64::max);
        println!("layer norm over 100000 features: off by at most {worst:.1e}");
        assert!(worst <= 1e-6 * largest.max(1.0));
    }
}

#[test]
fn a_binary_cross_entropy_of_large_logits_keeps_its_digits() {
    let loss = |z: [f32; 2], t: [f32; 2]| {
        BinaryCrossEntropyWithLogits.loss(&Array2::from(vec![z]), &Array2::from(vec![t]))
    };
    // z·(1 − t) and −z·t, of the targets as f32 holds them.
    let (t, u) = (0.999_999f32, 1e-6f32);
    let exact = (1e6 * (1.0 - f64::from(t)) + 1e6 * f64::from(u)) / 2.0;
    near("binary cross-entropy of ±1e6", loss([1e6, -1e6], [t, u]), exact, 1e-6);
    near(
        "binary cross-entropy of ±1e6, wrong",
        loss([1e6, -1e6], [u, t]),
        (1e6 * (1.0 - f64::from(u)) + 1e6 * f64::from(t)) / 2.0,
        1e-6,
    );
    assert_eq!(loss([1e30, -1e30], [1.0, 0.0]), 0.0);
}

/// Gradients that have become zero, and weights that only decay: every number that shrinks by a
/// factor ends at zero and not at a denormal.
#[test]
fn no_denormal_stays_in_weights_or_state() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    let model = Linear::<f32>::new(7, 5, rng);
    let grads = [model.clone(), model.zeros_like()];
    let sgd = Sgd { learning_rate: 0.1, weight_decay: 5.0, ..Sgd::default() };
    let rms = RmsProp { learning_rate: 0.1, momentum: 0.9, centered: true, ..RmsProp::default() };
    let check = |numbers: Vec<f32>, what: &str| {
        assert!(numbers.iter().all(|n| *n == 0.0 || n.is_normal()), "{what}: {numbers:?}");
    };
    let mut decayed = sgd.init(&model);
    let mut momentum = Sgd { momentum: 0.9, ..sgd }.init(&model);
    let mut adam = Adam::default().init(&model);
    let mut adamw =
        AdamW { learning_rate: 0.1, weight_decay: 5.0, ..AdamW::default() }.init(&model);
    let mut rmsprop = RmsProp { weight_decay: 0.1, ..rms }.init(&model);
    let mut models = vec![model; 5];
    for step in 0..3000 {
        let grad = &grads[usize::from(step >= 10)];
        decayed.step(&mut models[0], grad);
        momentum.step(&mut models[1], grad);
        adam.step(&mut models[2], grad);
        adamw.step(&mut models[3], grad);
        rmsprop.step(&mut models[4], grad);
        for (model, what) in models.iter().zip(["decay", "momentum", "adam", "adamw", "rmsprop"]) {
            check(model.params().concat(), what);
        }
        check(momentum.velocity.as_ref().unwrap().params().concat(), "velocity");
        check([adam.mean.params(), adam.square.params()].concat().concat(), "moments");
        check([adamw.mean.params(), adamw.square.params()].concat().concat(), "moments");
        check(rmsprop.square.params().concat(), "mean square");
        check(rmsprop.mean.as_ref().unwrap().params().concat(), "mean");
        check(rmsprop.buffer.as_ref().unwrap().params().concat(), "buffer");
    }
    assert!(models[0].params().concat().iter().all(|w| *w == 0.0), "what only decays ends at zero");
    assert!(adam.mean.params().concat().iter().all(|m| *m == 0.0));
}
