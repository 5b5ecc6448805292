//! Bugs in the calling program panic with one sentence that names the layer and both shapes.

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::*;
use longhand_optim::{Adam, Optimizer, RmsProp, Sgd};
use ndarray::{Array1, Array2};

/// The message of a panic that must happen.
#[track_caller]
fn message<T>(f: impl FnOnce() -> T) -> String {
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        f();
    }));
    let panic = ended.expect_err("it should panic");
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

fn ones(rows: usize, columns: usize) -> Array2<f32> {
    Array2::ones((rows, columns))
}

fn linear(n: usize, m: usize) -> Linear<f32> {
    Linear::new(n, m, &mut Xoshiro256PlusPlus::seed_from_u64(1))
}

/// Backward with an output gradient of 3 × 4 where 2 × 5 went in.
fn backward<L: Layer<f32>>(layer: &L) -> String {
    let cache = layer.forward(ones(2, 5)).1;
    message(|| layer.backward(cache, ones(3, 4), &mut layer.zeros_like()))
}

#[test]
fn wrong_shapes_name_the_layer_and_both_shapes() {
    let layer = linear(784, 30);
    let expected = "Linear(784 -> 30): input is 16 × 783, expected 16 × 784";
    assert_eq!(message(|| layer.infer(&ones(16, 783))), expected);
    assert_eq!(message(|| layer.forward(ones(16, 783))), expected);
    let gradient = "output gradient is 3 × 4, expected 2 × 5";
    assert_eq!(backward(&linear(5, 5)), format!("Linear(5 -> 5): {gradient}"));
    assert_eq!(backward(&Relu), format!("Relu: {gradient}"));
    assert_eq!(backward(&LeakyRelu::default()), format!("LeakyRelu(0.01): {gradient}"));
    assert_eq!(backward(&Sigmoid), format!("Sigmoid: {gradient}"));
    assert_eq!(backward(&Tanh), format!("Tanh: {gradient}"));
    assert_eq!(backward(&Gelu::Exact), format!("Gelu: {gradient}"));
    assert_eq!(backward(&Dropout::new(0.5, 1)), format!("Dropout(0.5): {gradient}"));
    assert_eq!(backward(&LayerNorm::new(5)), format!("LayerNorm(5): {gradient}"));
    let layer = linear(5, 5);
    let cache = layer.forward(ones(2, 5)).1;
    assert_eq!(
        message(|| layer.backward_params(cache, ones(2, 5), &mut linear(5, 6))),
        "Linear(5 -> 5): gradient's weight is 5 × 6, expected 5 × 5"
    );
    let layer = linear(5, 5);
    let cache = layer.forward(ones(2, 5)).1;
    assert_eq!(
        message(|| layer.backward(cache, ones(2, 5), &mut linear(5, 5).without_bias())),
        "Linear(5 -> 5): gradient is without bias, expected one with bias"
    );
    let layer = LayerNorm::new(5);
    let cache = layer.forward(ones(2, 5)).1;
    assert_eq!(
        message(|| layer.backward(cache, ones(2, 5), &mut LayerNorm::new(4))),
        "LayerNorm(5): gradient is for 4 features, expected 5"
    );
    assert_eq!(
        message(|| LayerNorm::new(5).infer(&ones(2, 4))),
        "LayerNorm(5): input is 2 × 4, expected 2 × 5"
    );
    assert_eq!(
        message(|| Linear::from_arrays(ones(2, 3), Some(Array1::ones(2)))),
        "Linear: bias is of length 2, expected 3 as the weight is 2 × 3"
    );
    assert_eq!(
        message(|| LayerNorm::from_arrays(Array1::<f32>::ones(2), Array1::ones(3))),
        "LayerNorm: bias is of length 3, expected 2 as the weight is"
    );
    assert_eq!(message(|| Dropout::new(1.5, 1)), "Dropout: probability is 1.5, expected 0 to 1");
}

#[test]
fn losses_name_empty_batches_labels_and_shapes() {
    let cross_entropy = SoftmaxCrossEntropy::default();
    let of = |logits: Array2<f32>, labels: &[usize]| {
        message(|| cross_entropy.loss_and_grad(logits, labels))
    };
    let empty = "the batch is empty: output is 0 × 10, expected at least 1 × 1";
    assert_eq!(of(ones(0, 10), &[]), format!("SoftmaxCrossEntropy: {empty}"));
    assert_eq!(
        of(ones(2, 10), &[1]),
        "SoftmaxCrossEntropy: 1 labels, expected 2 as the logits are 2 × 10"
    );
    assert_eq!(
        of(ones(2, 10), &[1, 10]),
        "SoftmaxCrossEntropy: label of row 1 is 10, expected one below 10 as the logits are 2 × 10"
    );
    let smoothed = SoftmaxCrossEntropy { label_smoothing: 1.5, ..Default::default() };
    assert_eq!(
        message(|| smoothed.loss_and_grad(ones(2, 10), &[1, 2])),
        "SoftmaxCrossEntropy: label_smoothing is 1.5, expected 0 to 1"
    );
    let weighted = SoftmaxCrossEntropy { class_weights: Some(vec![1.0; 9]), ..Default::default() };
    assert_eq!(
        message(|| weighted.loss_and_grad(ones(2, 10), &[1, 2])),
        "SoftmaxCrossEntropy: 9 class weights, expected 10 as the logits are 2 × 10"
    );
    assert_eq!(
        message(|| MeanSquaredError.loss(&ones(0, 10), &ones(0, 10))),
        format!("MeanSquaredError: {empty}")
    );
    let shapes = "target is 2 × 3, expected 3 × 2 as the output is";
    assert_eq!(
        message(|| MeanSquaredError.loss(&ones(3, 2), &ones(2, 3))),
        format!("MeanSquaredError: {shapes}")
    );
    assert_eq!(
        message(|| BinaryCrossEntropyWithLogits.loss_and_grad(ones(3, 2), &ones(2, 3))),
        format!("BinaryCrossEntropyWithLogits: {shapes}")
    );
}

#[test]
fn optimizers_name_what_does_not_fit() {
    let (mut model, grad) = (linear(2, 3), linear(2, 4));
    let gradient =
        "the gradient has parameters of lengths [8, 4], expected [6, 3] as the model has";
    let mut sgd = Sgd::default().init(&model);
    let mut adam = Adam::default().init(&model);
    let mut rmsprop = RmsProp::default().init(&model);
    assert_eq!(
        message(|| sgd.step(&mut model, &grad)),
        "Linear(2 -> 3): gradient's weight is 2 × 4, expected 2 × 3"
    );
    let mut decaying = Sgd { weight_decay: 0.1, ..Sgd::default() }.init(&model);
    assert_eq!(message(|| decaying.step(&mut model, &grad)), format!("Sgd: {gradient}"));
    assert_eq!(message(|| adam.step(&mut model, &grad)), format!("Adam: {gradient}"));
    assert_eq!(message(|| rmsprop.step(&mut model, &grad)), format!("RmsProp: {gradient}"));
    let mut other = Sgd { momentum: 0.9, ..Sgd::default() }.init(&grad);
    assert!(
        message(|| other.step(&mut model, &linear(2, 3)))
            .starts_with("Sgd: the velocity has parameters")
    );
    let nesterov = Sgd { nesterov: true, ..Sgd::default() };
    assert!(message(|| nesterov.init(&model)).contains("expected momentum above 0"));
}
