//! Bugs in the calling program panic with one sentence that names the layer and both shapes.

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::*;
use longhand_optim::{Adam, AdamW, Optimizer, RmsProp, Sgd};
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
    let of = |logits: Array2<f32>, labels: &[usize]| {
        message(|| SoftmaxCrossEntropy.loss_and_grad(logits, labels))
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
    let smoothed = WeightedSoftmaxCrossEntropy { label_smoothing: 1.5, ..Default::default() };
    assert_eq!(
        message(|| smoothed.loss_and_grad(ones(2, 10), &[1, 2])),
        "WeightedSoftmaxCrossEntropy: label_smoothing is 1.5, expected 0 to 1"
    );
    let weighted = |weights: Vec<f64>| WeightedSoftmaxCrossEntropy {
        class_weights: Some(weights),
        label_smoothing: 0.0,
    };
    assert_eq!(
        message(|| weighted(vec![1.0; 9]).loss_and_grad(ones(2, 10), &[1, 2])),
        "WeightedSoftmaxCrossEntropy: 9 class weights, expected 10 as there are classes"
    );
    for (weight, shown) in [(-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let mut weights = vec![1.0; 10];
        weights[3] = weight;
        assert_eq!(
            message(|| weighted(weights).loss(&ones(2, 10), &[1, 2])),
            format!(
                "WeightedSoftmaxCrossEntropy: the weight of class 3 is {shown}, expected a finite number, 0 or more"
            )
        );
    }
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

/// The message of a panic, and the file that it points at.
#[track_caller]
fn message_and_place(f: impl FnOnce()) -> (String, String) {
    static PLACE: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or("", |location| location.file());
        *PLACE.lock().unwrap() = place.to_owned();
    }));
    let message = message(f);
    std::panic::set_hook(hook);
    (message, PLACE.lock().unwrap().clone())
}

#[test]
fn optimizers_name_what_does_not_fit_and_point_at_the_caller() {
    let (model, grad) = (linear(2, 3), linear(2, 4));
    let expected =
        "models whose parameters are not alike: a parameter of shape [2, 4], expected [2, 3]";
    let momentum = Sgd { momentum: 0.9, ..Sgd::default() };
    let decay = Sgd { weight_decay: 0.1, ..Sgd::default() };
    fn check(optimizer: impl Optimizer<f32, Linear<f32>>, grad: &Linear<f32>, expected: &str) {
        let (mut optimizer, mut model) = (optimizer, linear(2, 3));
        let (message, place) = message_and_place(|| optimizer.step(&mut model, grad));
        assert_eq!(message, expected);
        assert!(place.ends_with("panics.rs"), "{place}");
    }
    check(Sgd::default().init(&model), &grad, expected);
    check(decay.init(&model), &grad, expected);
    check(momentum.init(&model), &grad, expected);
    check(Adam::default().init(&model), &grad, expected);
    check(RmsProp::default().init(&model), &grad, expected);
    check(momentum.init(&grad), &linear(2, 3), expected);
    check(
        Adam::default().init(&model),
        &linear(2, 3).without_bias(),
        "models whose parameters are not alike: one has a part that another lacks",
    );
}

#[test]
fn options_that_cannot_work_are_refused_where_they_are_set() {
    let model = linear(2, 3);
    let sgd = |options: Sgd| message(|| options.init::<f32, _>(&model));
    let adam = |options: Adam| message(|| options.init::<f32, _>(&model));
    let adamw = |options: AdamW| message(|| options.init::<f32, _>(&model));
    let rms = |options: RmsProp| message(|| options.init::<f32, _>(&model));
    assert_eq!(
        sgd(Sgd { learning_rate: -0.1, ..Sgd::default() }),
        "Sgd: learning_rate is -0.1, expected a finite number, 0 or more"
    );
    assert_eq!(
        sgd(Sgd { weight_decay: f64::NAN, ..Sgd::default() }),
        "Sgd: weight_decay is NaN, expected a finite number, 0 or more"
    );
    assert_eq!(
        sgd(Sgd { momentum: -0.5, ..Sgd::default() }),
        "Sgd: momentum is -0.5, expected 0 to below 1"
    );
    assert!(sgd(Sgd { momentum: 1.0, ..Sgd::default() }).contains("momentum is 1"));
    assert!(sgd(Sgd { dampening: 2.0, ..Sgd::default() }).contains("dampening is 2"));
    assert!(sgd(Sgd { nesterov: true, ..Sgd::default() }).contains("expected momentum above 0"));
    assert_eq!(
        adam(Adam { betas: (1.0, 0.999), ..Adam::default() }),
        "Adam: betas.0 is 1, expected 0 to below 1"
    );
    assert_eq!(
        adam(Adam { betas: (0.9, 1.5), ..Adam::default() }),
        "Adam: betas.1 is 1.5, expected 0 to below 1"
    );
    assert_eq!(
        adam(Adam { epsilon: -1.0, ..Adam::default() }),
        "Adam: epsilon is -1, expected a finite number, 0 or more"
    );
    assert!(
        adam(Adam { learning_rate: f64::INFINITY, ..Adam::default() })
            .contains("learning_rate is inf")
    );
    assert!(
        adamw(AdamW { weight_decay: -0.1, ..AdamW::default() })
            .starts_with("AdamW: weight_decay is -0.1")
    );
    assert_eq!(
        rms(RmsProp { alpha: 1.5, ..RmsProp::default() }),
        "RmsProp: alpha is 1.5, expected 0 to 1"
    );
    assert!(rms(RmsProp { momentum: 1.0, ..RmsProp::default() }).contains("momentum is 1"));
    assert!(rms(RmsProp { epsilon: -1e-8, ..RmsProp::default() }).contains("epsilon is -"));
    let mut state = Sgd::default().init::<f32, _>(&model);
    let set = |rate| {
        message_and_place(|| Optimizer::<f32, Linear<f32>>::set_learning_rate(&mut state, rate))
    };
    let (message, place) = {
        let mut set = set;
        set(-1.0)
    };
    assert_eq!(message, "learning_rate is -1, expected a finite number, 0 or more");
    assert!(place.ends_with("panics.rs"), "{place}");
}
