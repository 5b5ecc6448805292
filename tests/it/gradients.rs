//! Every layer and loss passes the gradient check, and layers broken on purpose are rejected with
//! the cause named.

use std::sync::Arc;

use longhand_layers::gradcheck::{self, Cause, GradCheck, Mismatch};
use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::*;
use ndarray::{Array2, ArrayRef2};

fn rng() -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(7)
}

fn inputs(rows: usize, columns: usize) -> Array2<f64> {
    init::uniform((rows, columns), 2.0, &mut rng())
}

fn passes<L: Layer<f64>>(make: impl Fn(usize) -> L) {
    passes_with(GradCheck::default(), make);
}

fn passes_with<L: Layer<f64>>(check: GradCheck, make: impl Fn(usize) -> L) {
    for rows in [1, 2, 3, 17] {
        for columns in [1, 2, 5, 31] {
            let checked = check.layer(&make(columns), &inputs(rows, columns));
            assert_eq!(checked, Ok(()), "batch {rows}, {columns} features");
        }
    }
}

#[test]
fn every_layer_passes() {
    passes(|n| Linear::new(n, 3, &mut rng()));
    passes(|n| Linear::new(n, 7, &mut rng()).without_bias());
    passes(|_| Relu);
    passes(|_| LeakyRelu { slope: 0.2 });
    passes(|_| Sigmoid);
    passes(|_| Tanh);
    passes(|_| Gelu::Exact);
    passes(|_| Gelu::Tanh);
    passes_with(GradCheck { infer: false, ..GradCheck::default() }, |_| Dropout::new(0.4, 3));
    passes(|n| {
        LayerNorm::from_arrays(init::uniform(n, 1.0, &mut rng()), init::uniform(n, 1.0, &mut rng()))
    });
    passes(|n| Linear::new(n, 4, &mut rng()).then(Tanh).then(Linear::new(4, 2, &mut rng())));
    passes(|n| {
        vec![
            Linear::new(n, n, &mut rng()).then(Gelu::Exact),
            Linear::new(n, n, &mut rng()).then(Gelu::Tanh),
        ]
    });
    passes(|_| Vec::<Linear<f64>>::new());
}

/// An optimizer tells every dropout layer of a model how many steps there have been; nothing else
/// changes its masks.
#[test]
fn masks_follow_the_steps() {
    use longhand_optim::{Adam, Optimizer, RmsProp, Scheduled, Sgd};
    let layer = || Linear::<f64>::new(3, 3, &mut rng()).then(Dropout::new(0.5, 1));
    let mut model = layer().then(vec![layer(), layer()]);
    let (grad, x) = (model.zeros_like(), inputs(20, 3));
    let untouched = model.clone();
    let schedule = Default::default();
    let sgd = Sgd::default().init(&model);
    let mut optimizers: [Box<dyn Optimizer<f64, _>>; 3] = [
        Box::new(Scheduled { optimizer: sgd, schedule, base: 0.1 }),
        Box::new(Adam::default().init(&model)),
        Box::new(RmsProp::default().init(&model)),
    ];
    for optimizer in &mut optimizers {
        let first = model.forward(x.clone()).0;
        assert_eq!(model.forward(x.clone()).0, first);
        for step in 1..=3 {
            optimizer.step(&mut model, &grad); // the gradient is zero: nothing but the step changes
            let steps = [
                model.first.second.step.0,
                model.second[0].second.step.0,
                model.second[1].second.step.0,
            ];
            assert_eq!(steps, [step; 3]);
            assert_ne!(model.forward(x.clone()).0, first);
        }
        model.set_step(0); // taken up again from the start
        assert_eq!(model.forward(x.clone()).0, first);
    }
    assert_eq!(model, untouched);
}

/// Too many entries to check each: places drawn at random, and random directions.
#[test]
fn a_large_layer_passes() {
    let layer = Linear::new(784, 30, &mut rng()).then(Relu);
    assert_eq!(gradcheck::layer(&layer, &inputs(3, 784)), Ok(()));
}

#[test]
fn every_loss_passes() {
    for rows in [1, 2, 3, 17] {
        for columns in [1, 2, 5, 31] {
            let (y, target) =
                (inputs(rows, columns), inputs(rows, columns).mapv(|t: f64| t.abs() / 2.0));
            assert_eq!(gradcheck::loss(&MeanSquaredError, &y, &target), Ok(()));
            assert_eq!(gradcheck::loss(&BinaryCrossEntropyWithLogits, &y, &target), Ok(()));
            let labels: Vec<usize> = (0..rows).map(|r| r * 3 % columns).collect();
            assert_eq!(gradcheck::loss(&SoftmaxCrossEntropy, &y, &labels), Ok(()));
            for label_smoothing in [0.0, 0.2] {
                for class_weights in [None, Some((0..columns).map(|k| 0.5 + k as f64).collect())] {
                    let loss = WeightedSoftmaxCrossEntropy { label_smoothing, class_weights };
                    assert_eq!(gradcheck::loss(&loss, &y, &labels), Ok(()), "{loss:?}");
                }
            }
        }
    }
}

/// A layer whose gradients go through a function that spoils them.
#[derive(Clone)]
struct Broken {
    linear: Linear<f64>,
    spoil: Arc<dyn Fn(Spoiled<'_>)>,
}

struct Spoiled<'a> {
    layer: &'a Linear<f64>,
    x: &'a Array2<f64>,
    dy: &'a Array2<f64>,
    /// What the layer adds to the gradient, and what is there already.
    own: &'a mut Linear<f64>,
    grad: &'a mut Linear<f64>,
    dx: &'a mut Array2<f64>,
}

parameters!(Broken: f64 { linear } without { spoil });

impl Layer<f64> for Broken {
    type Cache = Array2<f64>;
    fn infer(&self, x: &ArrayRef2<f64>) -> Array2<f64> {
        self.linear.infer(x)
    }
    fn forward(&self, x: Array2<f64>) -> (Array2<f64>, Array2<f64>) {
        (self.linear.infer(&x), x)
    }
    fn backward(&self, x: Array2<f64>, dy: Array2<f64>, grad: &mut Self) -> Array2<f64> {
        let mut own = self.linear.zeros_like();
        let cache = self.linear.forward(x.clone()).1;
        let mut dx = self.linear.backward(cache, dy.clone(), &mut own);
        let (layer, grad) = (&self.linear, &mut grad.linear);
        (self.spoil)(Spoiled { layer, x: &x, dy: &dy, own: &mut own, grad, dx: &mut dx });
        grad.add_scaled(1.0, &own);
        dx
    }
}

fn broken(inputs_and_outputs: (usize, usize), spoil: impl Fn(Spoiled<'_>) + 'static) -> Mismatch {
    let (n, m) = inputs_and_outputs;
    let layer = Broken { linear: Linear::new(n, m, &mut rng()), spoil: Arc::new(spoil) };
    gradcheck::layer(&layer, &inputs(3, n)).expect_err("the layer is broken")
}

#[track_caller]
fn rejected(mismatch: &Mismatch, of: &str, cause: Cause) {
    assert_eq!((mismatch.of.as_str(), mismatch.cause), (of, Some(cause)), "{mismatch}");
    assert!(mismatch.to_string().contains(&cause.to_string()));
    assert!(mismatch.to_string().starts_with(&format!("gradient of {of} at [")));
}

/// Changes the weight.
fn weight(linear: &mut Linear<f64>, change: impl Fn(&mut [f64])) {
    parameter(linear, 0, change);
}

/// Changes the bias.
fn bias(linear: &mut Linear<f64>, change: impl Fn(&mut [f64])) {
    parameter(linear, 1, change);
}

fn parameter(linear: &mut Linear<f64>, number: usize, change: impl Fn(&mut [f64])) {
    let mut at = 0;
    Linear::zip([linear], [], &mut |[values], []| {
        if at == number {
            change(values);
        }
        at += 1;
    });
}

#[test]
fn a_wrong_sign_is_named() {
    let mismatch = broken((4, 2), |s| weight(s.own, |w| w.iter_mut().for_each(|w| *w = -*w)));
    rejected(&mismatch, "linear.weight [4, 2]", Cause::Sign);
    let mismatch = broken((4, 2), |s| s.dx.mapv_inplace(|d| -d));
    rejected(&mismatch, "input [3, 4]", Cause::Sign);
}

#[test]
fn a_factor_of_the_batch_size_is_named() {
    let mismatch = broken((4, 2), |s| weight(s.own, |w| w.iter_mut().for_each(|w| *w /= 3.0)));
    rejected(&mismatch, "linear.weight [4, 2]", Cause::DividedByBatch);
    let mismatch = broken((4, 2), |s| bias(s.own, |b| b.iter_mut().for_each(|b| *b *= 3.0)));
    rejected(&mismatch, "linear.bias [2]", Cause::MissingMean);
}

#[test]
fn a_missing_sum_over_the_batch_is_named() {
    for row in [0, 2] {
        let mismatch =
            broken((4, 2), move |s| bias(s.own, |b| b.copy_from_slice(&s.dy.row(row).to_vec())));
        rejected(&mismatch, "linear.bias [2]", Cause::MissingSum);
        let mismatch = broken((4, 2), move |s| {
            let product = |i: usize| s.x[[row, i / 2]] * s.dy[[row, i % 2]];
            weight(s.own, |w| w.iter_mut().enumerate().for_each(|(i, w)| *w = product(i)));
        });
        rejected(&mismatch, "linear.weight [4, 2]", Cause::MissingSum);
    }
}

#[test]
fn a_transposed_weight_is_named() {
    // The gradient of the weight, in the layout [out, in].
    for (n, m) in [(4, 2), (3, 3)] {
        let mismatch = broken((n, m), move |s| {
            let transposed: Vec<f64> = s.dy.t().dot(s.x).iter().copied().collect();
            weight(s.own, |w| w.copy_from_slice(&transposed));
        });
        rejected(&mismatch, &format!("linear.weight [{n}, {m}]"), Cause::Transposed);
    }
    // dx = dy·W instead of dy·Wᵀ, which only a square weight allows.
    let mismatch = broken((3, 3), |s| *s.dx = s.dy.dot(s.layer.weight()));
    rejected(&mismatch, "input [3, 3]", Cause::Transposed);
}

#[test]
fn an_overwritten_gradient_is_named() {
    let mismatch = broken((4, 2), |s| weight(s.grad, |w| w.fill(0.0)));
    rejected(&mismatch, "linear.weight [4, 2]", Cause::Overwritten);
    let mismatch = broken((4, 2), |s| bias(s.grad, |b| b.fill(0.0)));
    rejected(&mismatch, "linear.bias [2]", Cause::Overwritten);
}

#[test]
fn a_missing_gradient_is_named() {
    let mismatch = broken((4, 2), |s| bias(s.own, |b| b.fill(0.0)));
    rejected(&mismatch, "linear.bias [2]", Cause::Missing);
    let mismatch = broken((4, 2), |s| s.dx.fill(0.0));
    rejected(&mismatch, "input [3, 4]", Cause::Missing);
}

#[test]
fn one_wrong_entry_of_a_small_tensor_is_found_and_named() {
    let mismatch = broken((4, 2), |s| weight(s.own, |w| w[5] += 1e-4));
    assert_eq!(
        (mismatch.of.as_str(), &mismatch.index[..], mismatch.cause),
        ("linear.weight [4, 2]", &[2, 1][..], None)
    );
    assert!((mismatch.backward - mismatch.numeric - 1e-4).abs() < 1e-8, "{mismatch}");
}

/// One wrong entry in 23520 lies on every random direction, whichever places were drawn.
#[test]
fn one_wrong_entry_of_a_large_tensor_is_found() {
    let mismatch = broken((784, 30), |s| weight(s.own, |w| w[12345] += 1.0));
    assert_eq!(mismatch.of, "linear.weight [784, 30]");
}

/// A loss that forgets the division by the number of rows, and one whose two methods disagree.
#[derive(Clone, Copy)]
enum BrokenLoss {
    Sum,
    Sign,
    Value,
}

impl Loss<f64> for BrokenLoss {
    type Target = [usize];
    fn loss(&self, y: &ArrayRef2<f64>, labels: &[usize]) -> f64 {
        SoftmaxCrossEntropy.loss(y, labels)
    }
    fn loss_and_grad(&self, y: Array2<f64>, labels: &[usize]) -> (f64, Array2<f64>) {
        let rows = y.nrows() as f64;
        let (loss, dy) = SoftmaxCrossEntropy.loss_and_grad(y, labels);
        match self {
            BrokenLoss::Sum => (loss, dy * rows),
            BrokenLoss::Sign => (loss, -dy),
            BrokenLoss::Value => (loss + 1.0, dy),
        }
    }
}

#[test]
fn broken_losses_are_named() {
    let (y, labels) = (inputs(3, 4), [0, 3, 1]);
    let causes = [
        (BrokenLoss::Sum, Cause::MissingMean),
        (BrokenLoss::Sign, Cause::Sign),
        (BrokenLoss::Value, Cause::Forward),
    ];
    for (loss, cause) in causes {
        assert_eq!(gradcheck::loss(&loss, &y, &labels).unwrap_err().cause, Some(cause));
    }
}

/// `backward_params` that does other than `backward`.
#[derive(Clone)]
struct TwoWays(Linear<f64>);

parameters!(TwoWays: f64 [0]);

impl Layer<f64> for TwoWays {
    type Cache = <Linear<f64> as Layer<f64>>::Cache;
    fn infer(&self, x: &ArrayRef2<f64>) -> Array2<f64> {
        self.0.infer(x)
    }
    fn forward(&self, x: Array2<f64>) -> (Array2<f64>, Self::Cache) {
        self.0.forward(x)
    }
    fn backward(&self, cache: Self::Cache, dy: Array2<f64>, grad: &mut Self) -> Array2<f64> {
        self.0.backward(cache, dy, &mut grad.0)
    }
    fn backward_params(&self, cache: Self::Cache, dy: Array2<f64>, grad: &mut Self) {
        self.0.backward_params(cache, 2.0 * dy, &mut grad.0);
    }
}

#[test]
fn disagreeing_ways_are_named() {
    let mismatch =
        gradcheck::layer(&TwoWays(Linear::new(4, 2, &mut rng())), &inputs(3, 4)).unwrap_err();
    assert_eq!(
        (mismatch.of.as_str(), mismatch.cause),
        ("0.weight [4, 2]", Some(Cause::BackwardParams))
    );
}

#[test]
fn kinks_are_skipped_and_a_check_of_nothing_fails() {
    let corner = Array2::zeros((2, 3));
    let mut mixed = inputs(2, 3);
    mixed[[0, 0]] = 0.0;
    assert_eq!(gradcheck::layer(&Relu, &mixed), Ok(()));
    let mismatch = gradcheck::layer(&Relu, &corner).unwrap_err();
    assert_eq!(mismatch.cause, Some(Cause::NothingChecked));
    let unskipped = GradCheck { kink: f64::INFINITY, ..GradCheck::default() };
    assert!(unskipped.layer(&Relu, &corner).is_err());
}

/// Inputs on kinks, large values and steep slopes are no reason to reject a correct layer.
#[test]
fn correct_layers_are_not_rejected() {
    let rng = &mut rng();
    let mut half: Array2<f64> = init::uniform((100, 20), 1.0, rng);
    half.mapv_inplace(|x| if x < 0.0 { 0.0 } else { x });
    assert_eq!(gradcheck::layer(&Relu, &half), Ok(()));
    assert_eq!(gradcheck::layer(&LeakyRelu { slope: 0.9995 }, &half), Ok(()));
    let faint = Linear::from_arrays(init::uniform((20, 3), 5e-4, rng), None);
    assert_eq!(gradcheck::layer(&Relu.then(faint), &half), Ok(()));
    for scale in [255.0, 1e4, 1e6] {
        let x: Array2<f64> = init::uniform((4, 30), scale, rng);
        assert_eq!(gradcheck::layer(&Linear::new(30, 10, rng), &x), Ok(()), "{scale}");
        assert_eq!(
            gradcheck::loss(&MeanSquaredError, &x, &Array2::zeros((4, 30))),
            Ok(()),
            "{scale}"
        );
    }
    let net = Linear::new(784, 30, rng).then(Relu).then(Linear::new(30, 10, rng));
    assert_eq!(gradcheck::layer(&net, &init::uniform((16, 784), 255.0, rng)), Ok(()));
    let logits: Array2<f64> = init::uniform((4, 10), 1000.0, rng);
    assert_eq!(gradcheck::loss(&SoftmaxCrossEntropy, &logits, &[1, 2, 3, 4]), Ok(()));
    assert_eq!(gradcheck::layer(&Sigmoid, &inputs(3, 4).mapv(|x| 100.0 * x)), Ok(()));
}

#[test]
fn a_small_error_has_no_cause() {
    for (n, m) in [(3, 1), (1, 3), (3, 3)] {
        let mismatch =
            broken((n, m), |s| weight(s.own, |w| w.iter_mut().for_each(|w| *w *= 1.0005)));
        assert_eq!(mismatch.cause, None, "{mismatch}");
    }
    // Only one row is not zero: the gradient is that of a single row, and rightly so.
    let spoil = |s: Spoiled<'_>| weight(s.own, |w| w.iter_mut().for_each(|w| *w *= 1.0005));
    let layer = Broken { linear: Linear::new(4, 2, &mut rng()), spoil: Arc::new(spoil) };
    let mut x = Array2::zeros((3, 4));
    x.row_mut(1).assign(&inputs(1, 4).row(0));
    assert_eq!(gradcheck::layer(&layer, &x).unwrap_err().cause, None);
    let mismatch = broken((4, 2), |s| bias(s.own, |b| b[1] = f64::NAN));
    rejected(&mismatch, "linear.bias [2]", Cause::NotFinite);
    let mismatch = broken((4, 2), |s| *s.dx = Array2::zeros((0, 0)));
    assert_eq!(mismatch.cause, Some(Cause::Shape), "{mismatch}");
}

/// Inference that differs from training is an error, unless the layer is said to be meant so.
#[test]
fn another_inference_is_named() {
    let dropout = Dropout::new(0.5, 1);
    let mismatch = gradcheck::layer(&dropout, &inputs(3, 4)).unwrap_err();
    assert_eq!(mismatch.cause, Some(Cause::Forward), "{mismatch}");
    let message = mismatch.to_string();
    assert!(message.starts_with("output at") && message.contains("infer: false"), "{message}");
}

/// What is done to a composed model is done to each of its slices, whether or not somebody has
/// looked at the gradient's.
#[test]
fn a_composed_model_is_set_to_zero_and_added_up_like_its_slices() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    let hidden: Vec<_> = (0..2).map(|_| Linear::<f64>::new(5, 5, rng).then(Tanh)).collect();
    let model = hidden.then(LayerNorm::new(5)).then(Linear::new(5, 3, rng));
    let x: Array2<f64> = init::uniform((4, 5), 1.0, rng);
    for looked_at in [false, true] {
        let (mut model, mut grad) = (model.clone(), model.zeros_like());
        for _ in 0..2 {
            let (y, cache) = model.forward(x.clone());
            grad.set_zero();
            model.backward_params(cache, y, &mut grad);
            let before = model.clone();
            if looked_at {
                assert!(grad.params().iter().all(|p| p.iter().any(|&g| g != 0.0)));
            }
            model.add_scaled(-0.5, &grad);
            for ((now, before), grad) in
                model.params().iter().zip(before.params()).zip(grad.params())
            {
                let expected: Vec<f64> =
                    before.iter().zip(grad).map(|(p, g)| p - 0.5 * g).collect();
                assert_eq!(*now, expected);
            }
        }
        grad.set_zero();
        assert!(grad.params().iter().all(|p| p.iter().all(|&g| g == 0.0)));
    }
}

/// Sign of the slope in the wrong direction, whatever the shape of the input; and a bias whose
/// gradient is one row's.
#[derive(Clone)]
struct WrongSign;
parameters!(WrongSign {});

impl Layer<f64> for WrongSign {
    type Cache = ();
    fn infer(&self, x: &ArrayRef2<f64>) -> Array2<f64> {
        2.0 * x
    }
    fn forward(&self, x: Array2<f64>) -> (Array2<f64>, ()) {
        (2.0 * x, ())
    }
    fn backward(&self, (): (), dy: Array2<f64>, _: &mut Self) -> Array2<f64> {
        -2.0 * dy
    }
}

#[test]
fn a_check_of_too_few_rows_fails() {
    for shape in [(0, 2), (3, 0), (0, 0)] {
        let found = gradcheck::layer(&WrongSign, &Array2::zeros(shape)).unwrap_err();
        assert_eq!(found.cause, Some(Cause::NothingChecked), "{shape:?}");
    }
    let nothing_out = Linear::<f64>::new(3, 0, &mut rng());
    let found = gradcheck::layer(&nothing_out, &inputs(2, 3)).unwrap_err();
    assert_eq!(found.cause, Some(Cause::NothingChecked));
    // Of one row, the sum over the batch and the row are the same: the check adds rows.
    let one_row = |s: Spoiled<'_>| bias(s.own, |b| b.copy_from_slice(&s.dy.row(0).to_vec()));
    let layer = Broken { linear: Linear::new(4, 2, &mut rng()), spoil: Arc::new(one_row) };
    for rows in [1, 5] {
        let mismatch = gradcheck::layer(&layer, &inputs(rows, 4)).unwrap_err();
        rejected(&mismatch, "linear.bias [2]", Cause::MissingSum);
    }
}

one_of! {
    /// Layers of different types in one list.
    #[derive(Clone, Debug, PartialEq)]
    enum Any<F>, AnyCache { Linear(Linear<F>), Relu(Relu), Norm(LayerNorm<F>), Dropout(Dropout) }
}

/// A list of layers chosen at run time does what a chain of the same layers does, to the bit.
#[test]
fn a_list_of_layers_is_a_chain() {
    let linear = |n, m| Linear::<f64>::new(n, m, &mut rng());
    let chain = linear(3, 5).then(Relu).then(LayerNorm::new(5)).then(linear(5, 2));
    let list: Vec<Any<f64>> =
        vec![linear(3, 5).into(), Relu.into(), LayerNorm::new(5).into(), linear(5, 2).into()];
    assert_eq!(gradcheck::layer(&list, &inputs(4, 3)), Ok(()));
    let (mut chain_grad, mut list_grad) = (chain.zeros_like(), list.zeros_like());
    let (y, cache) = chain.forward(inputs(4, 3));
    let (z, other) = list.forward(inputs(4, 3));
    assert_eq!(y, z);
    let dx = chain.backward(cache, y.clone(), &mut chain_grad);
    assert_eq!(dx, list.backward(other, y, &mut list_grad));
    assert_eq!(chain_grad.params(), list_grad.params());
    let names = |params: Vec<NamedParam<'_, f64>>| {
        params.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(chain.named_params()), names(list.named_params()));
}

/// A struct of layers with a dropout inside.
#[derive(Clone)]
struct OwnNet<F: Float> {
    body: Vec<Chain<Linear<F>, Relu>>,
    dropout: Dropout,
    head: Linear<F>,
}
parameters!(OwnNet<F> { body, dropout, head });

impl<F: Float> Layer<F> for OwnNet<F> {
    type Cache = (
        <Vec<Chain<Linear<F>, Relu>> as Layer<F>>::Cache,
        <Dropout as Layer<F>>::Cache,
        <Linear<F> as Layer<F>>::Cache,
    );
    fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        self.head.infer(&self.body.infer(x))
    }
    fn forward(&self, x: Array2<F>) -> (Array2<F>, Self::Cache) {
        let (h, body) = self.body.forward(x);
        let (h, dropout) = self.dropout.forward(h);
        let (y, head) = self.head.forward(h);
        (y, (body, dropout, head))
    }
    fn backward(
        &self,
        (body, dropout, head): Self::Cache,
        dy: Array2<F>,
        grad: &mut Self,
    ) -> Array2<F> {
        let dh = self.head.backward(head, dy, &mut grad.head);
        let dh = self.dropout.backward(dropout, dh, &mut grad.dropout);
        self.body.backward(body, dh, &mut grad.body)
    }
}

#[test]
fn a_net_of_your_own_trains_with_a_new_mask_in_each_step() {
    use longhand_optim::{Optimizer, Sgd};
    let mut net = OwnNet::<f64> {
        body: vec![Linear::new(4, 6, &mut rng()).then(Relu)],
        dropout: Dropout::new(0.5, 1),
        head: Linear::new(6, 2, &mut rng()),
    };
    let check = GradCheck { infer: false, ..GradCheck::default() };
    assert_eq!(check.layer(&net, &inputs(5, 4)), Ok(()));
    let names: Vec<String> = net.named_params().into_iter().map(|p| p.name).collect();
    assert_eq!(names, ["body.0.weight", "body.0.bias", "head.weight", "head.bias"]);
    let (grad, x) = (net.zeros_like(), inputs(20, 4));
    let mut sgd = Sgd::default().init(&net);
    let mut masks = vec![];
    for step in 0..4 {
        assert_eq!(net.dropout.step.0, step);
        masks.push(net.forward(x.clone()).0);
        sgd.step(&mut net, &grad); // the gradient is zero: nothing but the mask changes
    }
    assert!((1..4).all(|step| masks[step] != masks[0]));
}
