//! The training loop with every loss of the crate and one from outside, with what observers may do,
//! and with data that are not numbers.

use std::ops::ControlFlow;

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::*;
use longhand_mnist::Dataset;
use longhand_optim::{Adam, Sgd};
use longhand_train::*;
use ndarray::{Array2, ArrayRef2, array};

fn rng() -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(1)
}

/// One loss between two bounds is none: a loss that a user would write.
#[derive(Clone, Debug)]
struct Between(f64, f64);

struct OutsideSquared;

impl OutsideSquared {
    fn distance(y: f64, Between(low, high): &Between) -> f64 {
        if y < *low {
            y - low
        } else if y > *high {
            y - high
        } else {
            0.0
        }
    }
}

impl Loss<f64> for OutsideSquared {
    type Target = [Between];
    fn loss(&self, y: &ArrayRef2<f64>, target: &[Between]) -> f64 {
        let squares = y.iter().zip(target).map(|(&y, t)| OutsideSquared::distance(y, t).powi(2));
        squares.sum::<f64>() / target.len() as f64
    }
    fn loss_and_grad(&self, y: Array2<f64>, target: &[Between]) -> (f64, Array2<f64>) {
        let loss = self.loss(&y, target);
        let n = target.len() as f64;
        let dy = y.iter().zip(target).map(|(&y, t)| 2.0 * OutsideSquared::distance(y, t) / n);
        (loss, Array2::from_shape_vec((target.len(), 1), dy.collect()).unwrap())
    }
}

#[test]
fn numbers_yes_or_no_one_hot_and_bounds_can_be_learned() {
    let (epochs, seed) = (300, 1);
    // Numbers.
    let x = Array2::from_shape_fn((40, 1), |(i, _)| i as f64 / 20.0 - 1.0);
    let sine = Samples::new(x.clone(), x.mapv(|x| (3.0 * x).sin()));
    let mut model = mlp_with::<f64, _>(&[1, 20, 1], |_| Tanh, &mut rng());
    let mut adam = Adam { learning_rate: 0.02, ..Adam::default() }.init(&model);
    let training = Training {
        loss: MeanSquaredError,
        metric: RootMeanSquaredError,
        epochs,
        batch_size: 8,
        seed,
    };
    let history = training.run(&mut model, &mut adam, &sine, &sine, &mut ()).unwrap();
    let last = history[epochs].valid;
    assert!(last.metric < 0.05 && (last.metric.powi(2) - last.loss).abs() < 1e-12, "{last:?}");

    // Two classes with one output.
    let xor = Samples::new(
        array![[0., 0.], [0., 1.], [1., 0.], [1., 1.]],
        array![[0.], [1.], [1.], [0.]],
    );
    let mut model = mlp::<f64>(&[2, 8, 1], &mut rng());
    let mut adam = Adam { learning_rate: 0.05, ..Adam::default() }.init(&model);
    let (loss, metric) = (BinaryCrossEntropyWithLogits, BinaryAccuracy);
    let training = Training { loss, metric, epochs, batch_size: 4, seed };
    let history = training.run(&mut model, &mut adam, &xor, &xor, &mut ()).unwrap();
    assert_eq!(history[epochs].valid.metric, 1.0);

    // One-hot targets, and nothing measured beside the loss.
    let one_hot = Samples::new(array![[0., 1.], [1., 0.]], array![[1., 0.], [0., 1.]]);
    let mut model = Linear::<f64>::new(2, 2, &mut rng());
    let mut sgd = Sgd { learning_rate: 0.5, ..Sgd::default() }.init(&model);
    let training = Training { loss: MeanSquaredError, metric: (), epochs, batch_size: 2, seed };
    let history = training.run(&mut model, &mut sgd, &one_hot, &one_hot, &mut ()).unwrap();
    assert!(history[epochs].valid.loss < 1e-6);

    // A loss and targets from outside.
    let bounds: Vec<Between> = x.column(0).iter().map(|x| Between(x - 0.1, x + 0.1)).collect();
    let bounded = Samples::new(x, bounds);
    let mut model = Linear::<f64>::new(1, 1, &mut rng());
    let mut sgd = Sgd { learning_rate: 0.5, ..Sgd::default() }.init(&model);
    let training = Training { loss: OutsideSquared, metric: (), epochs, batch_size: 8, seed };
    let history = training.run(&mut model, &mut sgd, &bounded, &bounded, &mut ()).unwrap();
    assert!(history[epochs].valid.loss < 1e-6);
}

fn digits() -> Dataset {
    Dataset::embedded().draw_per_class(50, 1).unwrap()
}

fn classification(epochs: usize) -> Training<SoftmaxCrossEntropy, Accuracy> {
    Training { loss: SoftmaxCrossEntropy, metric: Accuracy, epochs, batch_size: 16, seed: 1 }
}

#[test]
fn early_stopping_leaves_the_weights_of_the_best_epoch() {
    let digits = digits();
    let mut model = mlp::<f32>(&[784, 30, 10], &mut rng());
    let mut sgd = Sgd { learning_rate: 0.3, ..Sgd::default() }.init(&model);
    let mut seen = vec![];
    let note = |epoch: &Epoch<f64>, _: &Mlp<f32>| {
        seen.push(epoch.valid.loss);
        ControlFlow::Continue(())
    };
    let mut observers = (note, EarlyStopping::new(4));
    let training = classification(100);
    let history =
        training.run(&mut model, &mut sgd, &digits.train, &digits.test, &mut observers).unwrap();
    let Best { epoch, loss, .. } = observers.1.best.clone().unwrap();
    assert_eq!(history.len(), epoch + 5, "four epochs without a lower loss");
    observers.1.restore(&mut model);
    assert_eq!(seen.len(), history.len());
    assert!(seen.iter().all(|&l| l >= loss));
    assert_eq!(
        evaluate(&model, &SoftmaxCrossEntropy, &Accuracy, &digits.test),
        history[epoch].valid
    );
}

#[test]
fn an_early_stop_begins_anew_with_every_run() {
    let digits = digits();
    let mut stopping = EarlyStopping::new(2);
    let mut lengths = vec![];
    for _ in 0..2 {
        let mut model = mlp::<f32>(&[784, 30, 10], &mut rng());
        let mut sgd = Sgd { learning_rate: 0.3, ..Sgd::default() }.init(&model);
        let history = classification(100)
            .run(&mut model, &mut sgd, &digits.train, &digits.test, &mut stopping)
            .unwrap();
        lengths.push((history.len(), stopping.best.clone().map(|best| (best.epoch, best.loss))));
    }
    assert_eq!(lengths[0], lengths[1]);
}

/// An observer that fails in some step or epoch with an error of its own.
struct Fails {
    step: Option<usize>,
    epoch: Option<usize>,
}

#[derive(Debug, PartialEq)]
enum Trouble {
    Disk(&'static str),
    Loss(Diverged<f64>),
}

impl From<Diverged<f64>> for Trouble {
    fn from(diverged: Diverged<f64>) -> Trouble {
        Trouble::Loss(diverged)
    }
}

impl<M> Observer<M, f64> for Fails {
    type Error = Trouble;
    fn step(&mut self, step: &Step, _: &M) -> Flow<Trouble> {
        if self.step == Some(step.step) {
            Err(Trouble::Disk("full"))
        } else {
            Ok(ControlFlow::Continue(()))
        }
    }
    fn epoch(&mut self, epoch: &Epoch<f64>, _: &M) -> Flow<Trouble> {
        if self.epoch == Some(epoch.epoch) {
            Err(Trouble::Disk("full"))
        } else {
            Ok(ControlFlow::Continue(()))
        }
    }
}

#[test]
fn errors_of_an_observer_and_of_the_loss_are_returned() {
    let digits = digits();
    let run = |learning_rate, mut observer: Fails| {
        let mut model = mlp::<f32>(&[784, 30, 10], &mut rng());
        let mut sgd = Sgd { learning_rate, ..Sgd::default() }.init(&model);
        classification(5).run(&mut model, &mut sgd, &digits.train, &digits.test, &mut observer)
    };
    for (step, epoch) in [(Some(3), None), (None, Some(0)), (None, Some(2))] {
        assert_eq!(run(0.1, Fails { step, epoch }), Err(Trouble::Disk("full")));
    }
    let Err(Trouble::Loss(diverged)) = run(1e30, Fails { step: None, epoch: None }) else {
        panic!("a learning rate of 1e30 diverges")
    };
    assert_eq!(diverged.history.len(), 1, "epoch 0, before it happened");
    assert!(
        diverged.step.is_some() && diverged.to_string().contains("try a smaller learning rate")
    );
    assert_eq!(run(0.1, Fails { step: None, epoch: None }).unwrap().len(), 6);
}

#[test]
fn a_number_missing_in_the_data_is_not_blamed_on_the_learning_rate() {
    let all: Vec<usize> = (0..100).collect();
    let Batch { mut x, targets } = Data::<f32>::batch(&digits().train, &all);
    let clean = Samples::new(x.clone(), targets.clone());
    x[[17, 300]] = f32::NAN;
    let missing = Samples::new(x, targets);
    let run = |train: &Samples<f32>, valid: &Samples<f32>, broken: bool| {
        let mut model = Linear::<f32>::new(784, 10, &mut rng());
        if broken {
            Linear::each([&mut model], [], |[_], []| [f32::NAN]);
        }
        let before = model.params().concat();
        let mut sgd = Sgd { learning_rate: 1e-6, ..Sgd::default() }.init(&model);
        let found = classification(2).run(&mut model, &mut sgd, train, valid, &mut ()).unwrap_err();
        let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits();
        assert!(model.params().concat().iter().zip(&before).all(same), "nothing was trained");
        found
    };
    for (found, set, sample) in [
        (run(&missing, &clean, false), Set::Training, 17),
        (run(&clean, &missing, false), Set::Validation, 17),
        (run(&clean, &clean, true), Set::Training, 0),
    ] {
        assert_eq!((found.epoch, found.step, found.sample), (0, None, Some((set, sample))));
        let message = found.to_string();
        assert!(
            message.contains("before training") && message.contains("NaN or infinite values"),
            "{message}"
        );
        assert!(
            message.contains(&format!("sample {sample}")) && !message.contains("learning rate"),
            "{message}"
        );
    }
}
