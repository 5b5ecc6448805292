//! Layers, losses, optimizers, schedules and initialisers give what PyTorch gives in float64. The
//! values come from tests/reference/pytorch.py; inputs are made here by the same formula as there.

use std::fs;

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::*;
use longhand_optim::*;
use ndarray::{Array1, Array2};
use serde_json::Value;

/// Error allowed in f64 and in f32, as a share of the scale.
const F64: f64 = 1e-10;
const F32: f64 = 2e-5;

fn reference(name: &str) -> Value {
    let path = format!("{}/reference/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn cases(name: &str) -> Vec<Value> {
    let mut reference = reference(name);
    assert!(reference["torch"].as_str().unwrap().starts_with("2.15.0"));
    match reference["cases"].take() {
        Value::Array(cases) => cases,
        other => panic!("{other}"),
    }
}

/// Multiples of 2^-15 in -1..1, which f32 holds exactly.
fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let k = |i: u64| (((i + 1) * 2654435761 + seed * 40503) % (1 << 32)) >> 16;
    (0..n as u64).map(|i| k(i) as f64 / 32768.0 - 1.0).collect()
}

fn matrix<F: Float>(
    rows: usize,
    columns: usize,
    seed: u64,
    change: impl Fn(f64) -> f64,
) -> Array2<F> {
    let numbers = numbers(rows * columns, seed).into_iter().map(|v| F::from_f64(change(v)));
    Array2::from_shape_vec((rows, columns), numbers.collect()).unwrap()
}

fn vector<F: Float>(n: usize, seed: u64) -> Array1<F> {
    numbers(n, seed).into_iter().map(F::from_f64).collect()
}

fn usize_of(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap() as usize
}

fn close(found: f64, expected: f64, allowed: f64, what: &dyn Fn() -> String) {
    assert!(
        (found - expected).abs() <= allowed,
        "{}: {found:e}, PyTorch gives {expected:e}",
        what()
    );
}

/// Compares a tensor with the summary that `summary` in pytorch.py makes of PyTorch's.
fn agrees<F: Float>(
    found: &[F],
    expected: &Value,
    tolerance: f64,
    floor: f64,
    what: &dyn Fn() -> String,
) {
    let found: Vec<f64> = found.iter().map(|v| v.to_f64()).collect();
    let total = found.iter().map(|v| v.abs()).sum::<f64>().max(floor);
    let largest = found.iter().fold(floor, |l: f64, v| l.max(v.abs()));
    let entries: Vec<f64> =
        expected["entries"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let step = (found.len() / 12).max(1);
    assert_eq!(found.len().div_ceil(step), entries.len(), "{}", what());
    for (&found, &expected) in found.iter().step_by(step).zip(&entries) {
        close(found, expected, tolerance * largest.max(expected.abs()), what);
    }
    let weighted = found.iter().enumerate().map(|(i, v)| v * ((i * 7 % 11) as f64 - 5.0)).sum();
    close(found.iter().sum(), expected["sum"].as_f64().unwrap(), tolerance * total, what);
    close(weighted, expected["weighted"].as_f64().unwrap(), tolerance * total * 5.0, what);
}

fn check_layer<F: Float, L: Layer<F>>(layer: &L, case: &Value, tolerance: f64) {
    let (batch, input, output) =
        (usize_of(case, "batch"), usize_of(case, "in"), usize_of(case, "out"));
    let what = |part: &'static str| {
        move || {
            format!(
                "{part} of {} with batch {batch}, {input} -> {output}, tolerance {tolerance}",
                case["layer"]
            )
        }
    };
    let x: Array2<F> = matrix(batch, input, 1, |v| 4.0 * v);
    // Of a single feature, layer normalisation makes zero but for rounding: that has no scale of
    // its own.
    let floor = if case["layer"] == "layer_norm" && input == 1 { 1e-2 } else { 1e-12 };
    agrees(layer.infer(&x).as_slice().unwrap(), &case["y"], tolerance, floor, &what("inference"));
    let (y, cache) = layer.forward(x);
    agrees(y.as_slice().unwrap(), &case["y"], tolerance, floor, &what("output"));
    let mut grad = layer.zeros_like();
    let dx = layer.backward(cache, matrix(batch, output, 2, |v| v), &mut grad);
    agrees(dx.as_slice().unwrap(), &case["dx"], tolerance, floor, &what("input gradient"));
    let grads = case["grads"].as_array().unwrap();
    assert_eq!(grads.len(), grad.params().len());
    for (found, expected) in grad.params().into_iter().zip(grads) {
        agrees(found, expected, tolerance, floor, &what("parameter gradient"));
    }
}

fn check_named_layer<F: Float>(case: &Value, tolerance: f64) {
    let (input, output) = (usize_of(case, "in"), usize_of(case, "out"));
    let linear =
        || Linear::<F>::from_arrays(matrix(input, output, 3, |v| v), Some(vector(output, 4)));
    match case["layer"].as_str().unwrap() {
        "relu" => check_layer::<F, _>(&Relu, case, tolerance),
        "leaky_relu" => check_layer::<F, _>(&LeakyRelu::default(), case, tolerance),
        "leaky_relu_0.3" => check_layer::<F, _>(&LeakyRelu { slope: 0.3 }, case, tolerance),
        "sigmoid" => check_layer::<F, _>(&Sigmoid, case, tolerance),
        "tanh" => check_layer::<F, _>(&Tanh, case, tolerance),
        "gelu" => check_layer::<F, _>(&Gelu::Exact, case, tolerance),
        "gelu_tanh" => check_layer::<F, _>(&Gelu::Tanh, case, tolerance),
        "layer_norm" => {
            check_layer(
                &LayerNorm::<F>::from_arrays(vector(input, 3), vector(input, 4)),
                case,
                tolerance,
            );
        }
        "linear" => check_layer(&linear(), case, tolerance),
        "linear_without_bias" => check_layer(&linear().without_bias(), case, tolerance),
        other => panic!("{other}"),
    }
}

#[test]
fn layers_agree() {
    let cases = cases("layers");
    assert_eq!(cases.len(), 4 * (4 * 8 + 8 * 2));
    for case in &cases {
        check_named_layer::<f64>(case, F64);
        check_named_layer::<f32>(case, F32);
    }
}

#[test]
fn relu_agrees_at_zeros_infinities_and_nan() {
    let special = &reference("layers")["relu_special"];
    let row = |key: &str| {
        let values = special[key].as_array().unwrap().iter();
        let values: Vec<f64> = values.map(|v| v.as_str().unwrap().parse().unwrap()).collect();
        Array2::from_shape_vec((1, values.len()), values).unwrap()
    };
    let (y, cache) = Relu.forward(row("x"));
    // Debug tells NaN from numbers and 0 from -0.
    assert_eq!(format!("{y:?}"), format!("{:?}", row("y")));
    let dx = Relu.backward(cache, Array2::from_elem(y.dim(), 3.0), &mut Relu);
    assert_eq!(format!("{dx:?}"), format!("{:?}", row("dx")));
}

fn check_loss<F: Float, L: Loss<F>>(
    loss: &L,
    y: Array2<F>,
    target: &L::Target,
    case: &Value,
    tolerance: f64,
) {
    let what = || format!("{case} with tolerance {tolerance}");
    let expected = case["value"].as_f64().unwrap();
    close(loss.loss(&y, target).to_f64(), expected, tolerance * expected.abs().max(1e-3), &what);
    let (value, dy) = loss.loss_and_grad(y, target);
    close(value.to_f64(), expected, tolerance * expected.abs().max(1e-3), &what);
    // A gradient that is zero but for rounding, as with a single class, has no scale of its own.
    let floor = 1e-3 / (usize_of(case, "batch") * usize_of(case, "width")) as f64;
    agrees(dy.as_slice().unwrap(), &case["dy"], tolerance, floor, &what);
}

fn check_named_loss<F: Float>(case: &Value, tolerance: f64) {
    let (batch, width) = (usize_of(case, "batch"), usize_of(case, "width"));
    let y = |scale: f64| matrix::<F>(batch, width, 1, |v| 4.0 * v * scale);
    match case["loss"].as_str().unwrap() {
        "mse" => {
            check_loss(&MeanSquaredError, y(1.0), &matrix(batch, width, 2, |v| v), case, tolerance)
        }
        "bce" => {
            let target = matrix(batch, width, 2, |v| (v + 1.0) / 2.0);
            check_loss(&BinaryCrossEntropyWithLogits, y(1.0), &target, case, tolerance);
        }
        "cross_entropy" => {
            let weights = || numbers(width, 5).into_iter().map(|v| v + 1.5).collect();
            let loss = WeightedSoftmaxCrossEntropy {
                label_smoothing: case["smoothing"].as_f64().unwrap(),
                class_weights: case["weighted"].as_bool().unwrap().then(weights),
            };
            let labels: Vec<usize> = (0..batch).map(|i| i * 7 % width).collect();
            let logits = y(case["scale"].as_f64().unwrap());
            if loss == WeightedSoftmaxCrossEntropy::default() {
                check_loss(&SoftmaxCrossEntropy, logits.clone(), &labels[..], case, tolerance);
            }
            check_loss(&loss, logits, &labels[..], case, tolerance);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn losses_agree() {
    let cases = cases("losses");
    assert_eq!(cases.len(), 16 * (2 + 4 * 2 * 2));
    for case in &cases {
        check_named_loss::<f64>(case, F64);
        check_named_loss::<f32>(case, F32);
    }
}

fn flat(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn optimizer<F: Float, M: Parameters<F> + 'static>(
    name: &str,
    model: &M,
) -> Box<dyn Optimizer<F, M>> {
    let momentum = Sgd { momentum: 0.9, ..Sgd::default() };
    match name {
        "sgd" => Box::new(Sgd::default().init(model)),
        "momentum" => Box::new(momentum.init(model)),
        "damped" => Box::new(Sgd { dampening: 0.5, ..momentum }.init(model)),
        "nesterov" => Box::new(Sgd { nesterov: true, ..momentum }.init(model)),
        "decay" => Box::new(Sgd { learning_rate: 0.1, weight_decay: 0.01, ..momentum }.init(model)),
        "adam" => Box::new(Adam::default().init(model)),
        "adam_decay" => Box::new(Adam { weight_decay: 0.01, ..Adam::default() }.init(model)),
        "adam_slow" => Box::new(Adam { betas: (0.99, 0.9999), ..Adam::default() }.init(model)),
        "adamw" => Box::new(AdamW::default().init(model)),
        "adamw_fast" => {
            let betas = (0.8, 0.99);
            Box::new(
                AdamW { learning_rate: 0.1, betas, weight_decay: 0.1, ..AdamW::default() }
                    .init(model),
            )
        }
        "rmsprop" => Box::new(RmsProp::default().init(model)),
        "rmsprop_centered" => {
            Box::new(RmsProp { centered: true, ..RmsProp::default() }.init(model))
        }
        "rmsprop_momentum" => {
            let options =
                RmsProp { momentum: 0.9, centered: true, weight_decay: 0.01, ..RmsProp::default() };
            Box::new(options.init(model))
        }
        other => panic!("{other}"),
    }
}

fn check_optimizer<F: Float>(case: &Value, tolerance: f64) {
    let linear =
        |weight, bias| Linear::<F>::from_arrays(matrix(5, 3, weight, |v| v), Some(vector(3, bias)));
    let mut model = linear(1, 2);
    let mut optimizer = optimizer(case["optimizer"].as_str().unwrap(), &model);
    for step in 1..=case["steps"].as_u64().unwrap() {
        optimizer.step(&mut model, &linear(100 + step, 200 + step));
    }
    let what =
        || format!("{} after {} steps, tolerance {tolerance}", case["optimizer"], case["steps"]);
    for (found, key) in model.params().into_iter().zip(["weight", "bias"]) {
        let expected = flat(case, key);
        let scale = expected.iter().fold(0.0, |l: f64, v| l.max(v.abs()));
        for (found, expected) in found.iter().zip(expected) {
            close(found.to_f64(), expected, tolerance * scale, &what);
        }
    }
}

#[test]
fn optimizers_agree() {
    let cases = cases("optimizers");
    assert_eq!(cases.len(), 13 * 3);
    for case in &cases {
        check_optimizer::<f64>(case, F64);
        check_optimizer::<f32>(case, if case["steps"] == 50 { 5e-4 } else { F32 });
    }
    for case in reference("optimizers")["clip"].as_array().unwrap() {
        let mut grad = Linear::<f64>::from_arrays(matrix(5, 3, 1, |v| v), Some(vector(3, 2)));
        let norm = clip_global_norm(&mut grad, case["max_norm"].as_f64().unwrap());
        close(norm, case["norm"].as_f64().unwrap(), F64, &|| "norm".into());
        let expected = [flat(case, "weight"), flat(case, "bias")].concat();
        for (found, expected) in grad.params().concat().into_iter().zip(expected) {
            close(found, expected, F64, &|| "clipped".into());
        }
    }
}

#[test]
fn schedules_agree() {
    for case in cases("schedules") {
        let schedule = match case["schedule"].as_str().unwrap() {
            "constant" => Schedule::Constant,
            "step" => Schedule::Step { every: 7, factor: 0.3 },
            "exponential" => Schedule::Exponential { factor: 0.9 },
            "cosine" => Schedule::Cosine { steps: 30, lowest: 0.01 },
            "warm_up" => Schedule::WarmUp { steps: 12, from: 0.1 },
            "one_cycle" => Schedule::OneCycle { steps: 30 },
            other => panic!("{other}"),
        };
        let rates = flat(&case, "rates");
        assert_eq!(rates.len(), 30);
        for (step, rate) in (0..).zip(rates) {
            close(schedule.learning_rate(0.1, step), rate, 1e-10 * 0.1, &|| {
                format!("{schedule:?} at {step}")
            });
        }
    }
}

/// PyTorch's draws are others than ours; their spread and, where they are uniform, their bound must
/// be the same.
#[test]
fn initialisers_spread_alike() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    for case in cases("initializers") {
        let weight: Array2<f64> = match case["init"].as_str().unwrap() {
            "linear" => Linear::new(784, 30, rng).weight().clone(),
            "xavier_uniform" => init::xavier_uniform(784, 30, 1.0, rng),
            "xavier_normal" => init::xavier_normal(784, 30, 1.0, rng),
            "kaiming_uniform" => init::kaiming_uniform(784, 30, init::RELU_GAIN, rng),
            "kaiming_normal" => init::kaiming_normal(784, 30, init::RELU_GAIN, rng),
            other => panic!("{other}"),
        };
        let relative = |found: f64, key: &str| found / case[key].as_f64().unwrap() - 1.0;
        assert!(relative(weight.std(1.0), "std").abs() < 0.02, "{case}");
        let max = weight.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
        let uniform = !case["init"].as_str().unwrap().ends_with("normal");
        assert!(!uniform || relative(max, "max").abs() < 0.001, "{case}: {max}");
    }
}
